//! Packing and loading alone: a finished program on top of a part that does not change, small and large.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cases::{BUILDAH, BUILDKIT, Tools};
use crate::dockerfile::{Bases, BuildKit, container, needs};
use crate::measure::{Taken, step_seconds, take};
use crate::support::tool;
use crate::table::{Row, TIERCE, case, target, together};
use crate::work::Part;

const LOAD: &str = "  its step `load` alone";
const PUSHED: &str = "buildah, into the daemon";
const UMOCI: &str = "umoci, then skopeo into the daemon";
const SKOPEO: &str = "  skopeo alone, which does not pack";

/// The limits for packing and loading: BuildKit's time, and half the time of the other tools.
const BY_BUILDKIT: f64 = 1.0;
const BY_OTHERS: f64 = 0.5;
/// The limit for a load beside the largest part, compared with the smallest one: the noise of measurements.
const INDEPENDENT: f64 = 1.5;

/// The rows of one size.
struct Rows {
    tierce: Row,
    load: Row,
    kit: Row,
    buildah: Row,
    pushed: Row,
    umoci: Row,
    skopeo: Row,
}

impl Tools {
    pub(crate) fn packing(&mut self, part: &mut Part) {
        let sizes = part.sizes().to_vec();
        part.edit_program();
        let layouts = self.prepare(part);
        let mut all: Vec<Rows> = sizes.iter().map(|_| self.packing_rows(&layouts)).collect();
        for _ in 0..self.runs {
            part.edit_program();
            for (size, rows) in sizes.iter().zip(&mut all) {
                self.pack(part, *size, rows, layouts.as_ref().ok());
            }
        }
        let mut loads = Vec::new();
        for (size, rows) in sizes.iter().zip(all) {
            loads.push(rows.load.median());
            report(*size, rows);
        }
        if let (Some(first), Some(last)) = (loads.first(), loads.last()) {
            target("loading beside the largest part, by that beside the smallest", last / first, INDEPENDENT, "times");
        }
    }

    /// Builds every image once with every tool, so that the unchanged part is packed and loaded.
    fn prepare(&mut self, part: &Part) -> Result<PathBuf, String> {
        let layouts = self.folder.join("layouts");
        for size in part.sizes() {
            let (taken, _) = self.tierce.image(part.root(), &image(*size));
            self.peak = self.peak.max(taken.memory);
            take_program_out(&image(*size), &part.folder());
        }
        let (kit, bases) = self.kit.as_ref().map_err(|_| "its base images are made by BuildKit".to_owned())?;
        for size in part.sizes() {
            let name = kit.name(&image(*size));
            kit.build(&bases.part(*size), &part.folder(), &name, &[]);
            if let Ok(buildah) = &self.buildah {
                buildah.build(&bases.part(*size), &part.folder(), &name, &[]);
                buildah.push(&name);
            }
        }
        needs(&["umoci", "skopeo"])?;
        for size in part.sizes() {
            unchanged(kit, bases, part, *size, &layouts);
        }
        Ok(layouts)
    }

    fn packing_rows(&self, layouts: &Result<PathBuf, String>) -> Rows {
        let row = |tool: &'static str, missing: Option<&String>| match missing {
            Some(why) => Row::cannot(tool, why),
            None => Row::new(tool),
        };
        let (buildah, layouts) = (self.buildah.as_ref().err(), layouts.as_ref().err());
        Rows {
            tierce: Row::new(TIERCE).note("the program itself, without its step `compile`"),
            load: Row::new(LOAD),
            kit: row(BUILDKIT, self.kit.as_ref().err()),
            buildah: row(BUILDAH, buildah).note("into its own storage"),
            pushed: row(PUSHED, buildah),
            umoci: row(UMOCI, layouts),
            skopeo: row(SKOPEO, layouts),
        }
    }

    fn pack(&mut self, part: &Part, size: usize, rows: &mut Rows, layouts: Option<&PathBuf>) {
        let (mut taken, report) = self.tierce.image_without_cargo(part.root(), &image(size));
        self.peak = self.peak.max(taken.memory);
        taken.wall = taken.wall.saturating_sub(seconds(step_seconds(&report, &["compile"])));
        let expected = part.expected();
        rows.tierce.add_answered(&taken, &container(&image(size), &self.folder), &expected);
        let load = Taken { wall: seconds(step_seconds(&report, &["load", "tag"])), ..taken };
        rows.load.add(&load);
        take_program_out(&image(size), &part.folder());

        let Ok((kit, bases)) = &self.kit else { return };
        let name = kit.name(&image(size));
        let taken = kit.build(&bases.part(size), &part.folder(), &name, &[]);
        rows.kit.add_answered(&taken, &container(&name, &self.folder), &expected);
        if let Ok(buildah) = &self.buildah {
            let taken = buildah.build(&bases.part(size), &part.folder(), &name, &[]);
            rows.buildah.add_answered(&taken, &buildah.container(&name), &expected);
            let pushed = buildah.push(&name);
            rows.pushed.add_answered(&together(&taken, &pushed), &container(&name, &self.folder), &expected);
        }
        if let Some(layouts) = layouts {
            let layout = layouts.join(size.to_string());
            let mut insert = Command::new("umoci");
            insert.args(["insert", "--image", &format!("{}:unchanged", layout.display()), "--tag", "new"]);
            let packed = take(insert.arg(part.folder().join("program")).arg("/usr/bin/part"), &self.folder);
            let to = format!("docker-daemon:{name}:latest");
            let from = format!("oci:{}:new", layout.display());
            let mut copy = Command::new("skopeo");
            // skopeo does not read DOCKER_HOST.
            let daemon = std::env::var("DOCKER_HOST").map(|host| format!("--dest-daemon-host={host}"));
            let loaded = take(copy.arg("copy").args(daemon).args(["--quiet", &from, &to]), &self.folder);
            rows.umoci.add_answered(&together(&packed, &loaded), &container(&name, &self.folder), &expected);
            rows.skopeo.add(&loaded);
        }
    }
}

/// Makes the layout of an image without the program.
fn unchanged(kit: &BuildKit, bases: &Bases, part: &Part, size: usize, layouts: &Path) {
    let name = kit.name(&format!("unchanged-{size}"));
    let text = bases.part(size).replace("COPY program /usr/bin/part\n", "");
    kit.build(&text, &part.folder(), &name, &[]);
    std::fs::create_dir_all(layouts).expect("writable");
    let to = format!("oci:{}:unchanged", layouts.join(size.to_string()).display());
    tool("skopeo", ["copy", "--quiet", &format!("docker-daemon:{name}:latest"), &to]).ok();
    tool("docker", ["rmi", "-f", &name]).ok();
}

/// Extracts the program from Tierce's image, for the other tools.
fn take_program_out(image: &str, folder: &Path) {
    let id = tool("docker", ["create", image]).ok();
    let packed = folder.join("packed");
    tool("docker", ["cp", &format!("{}:/usr/bin/part", id.line()), &packed.display().to_string()]).ok();
    tool("docker", ["rm", id.line()]).ok();
    // Its time is the same in every image of Tierce, and BuildKit takes a file of the same size and time for the same file.
    std::fs::copy(&packed, folder.join("program")).expect("writable");
    std::fs::remove_file(packed).expect("it is ours");
}

fn report(size: usize, rows: Rows) {
    let Rows { tierce, load, kit, buildah, pushed, umoci, skopeo } = rows;
    let (ours, loading) = (tierce.median(), load.median());
    let others = [kit.median(), buildah.median(), umoci.median(), skopeo.median()];
    let title = format!("(d) packing and loading of a program beside {size} MB that do not change");
    case(&title, &[tierce, load, kit, buildah, pushed, umoci, skopeo]);
    target("packing and loading, by BuildKit's", ours / others[0], BY_BUILDKIT, "times");
    target("packing and loading, by buildah's without loading", ours / others[1], BY_OTHERS, "times");
    target("packing and loading, by umoci's and skopeo's", ours / others[2], BY_OTHERS, "times");
    target("loading, by skopeo's", loading / others[3], BY_OTHERS, "times");
}

fn image(size: usize) -> String {
    format!("part-{size}")
}

fn seconds(seconds: f64) -> std::time::Duration {
    std::time::Duration::from_secs_f64(seconds)
}
