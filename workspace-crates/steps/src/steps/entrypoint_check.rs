//! Checks that `remove` and `prune` leave the programs that the daemon starts.

use tierce_manifest::{ImageSpec, PROBE_PATH, Place};
use tierce_oci::Runtime;
use tierce_rootfs::{Globs, Index};
use tierce_store::Error;

use crate::steps::documents;
use crate::steps::external_base::on_top_of;

/// Fails if `remove` or `prune` takes out the entrypoint or the program of the health check, which then never work. `foreign`
/// is the run configuration of an external base, and `image` has the selected files.
pub(super) fn check(spec: &ImageSpec, foreign: Option<&Runtime>, image: &Index, globs: &Globs) -> Result<(), Error> {
    let own = documents::started(spec);
    let started = match foreign {
        Some(base) => on_top_of(own, base, spec),
        None => own,
    };
    let health = started.healthcheck.as_ref().and_then(|check| check.command.first());
    let other_check = match health {
        Some(program) if program == PROBE_PATH => "ask for the image's health by a `cmd`",
        _ => "let `healthcheck` run something that is there",
    };
    let programs = [
        (
            started.entrypoint.first().or(started.cmd.first()),
            "the image starts",
            "name another program in `entrypoint`",
        ),
        (health, "the health check runs", other_check),
    ];
    for (program, who, otherwise) in programs {
        let absolute = program.filter(|program| program.starts_with('/'));
        let Some(program) = absolute.filter(|program| image.tree().resolve(program).is_err()) else { continue };
        let Some((key, glob, place)) = removing_glob(spec, image, globs, program) else { continue };
        return Err(Error::table(place, format!("`{key}` of `{}` takes away `{program}`, which {who}", spec.name))
            .with_help(format!("take \"{glob}\" out of `{key}`, or {otherwise}")));
    }
    Ok(())
}

/// Returns the key, glob and place of the table that match a path. The parents of the path may be links.
fn removing_glob<'a>(
    spec: &'a ImageSpec,
    image: &Index,
    globs: &'a Globs,
    path: &str,
) -> Option<(&'static str, &'a str, &'a Place)> {
    let real = image.tree().real_path(path);
    let content = &spec.content;
    [("remove", &globs.remove, &content.remove), ("prune", &globs.prune, &content.prune)].into_iter().find_map(
        |(key, patterns, lines)| {
            let glob = patterns.find(&real).or_else(|| patterns.find(path))?;
            let line = lines.iter().find(|line| line.value.glob() == glob)?;
            Some((key, glob, &line.place))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::globs::globs as globs_of;
    use tierce_manifest::{CargoToml, WorkspaceText};
    use tierce_oci::Healthcheck;
    use tierce_rootfs::{FileContent, Node, NodeKind};

    /// Returns the error, help and place for an image with this table and these files. It has a link from /bin to /usr/bin.
    fn wrong(files: &[&str], table: &str) -> Option<(String, Option<String>, String)> {
        wrong_on(None, files, table)
    }

    /// Returns the same for an image on an external base with this run configuration.
    fn wrong_on(foreign: Option<&Runtime>, files: &[&str], table: &str) -> Option<(String, Option<String>, String)> {
        let text = format!("[workspace.metadata.images.x]\n{table}\n");
        let root = CargoToml { path: "Cargo.toml".into(), text: text.clone().into() };
        let spec = tierce_manifest::read(&WorkspaceText { root, members: Vec::new() }).expect("a valid table").images;
        let mut image = Index::new();
        image.insert("/usr/bin", Node::new(NodeKind::Directory, 0o755)).expect("nothing is in its way");
        image.insert("/bin", Node::symlink("usr/bin")).expect("nothing is in its way");
        for file in files {
            let node = Node::new(NodeKind::File { size: 0 }, 0o755);
            image.insert_file(file, node, 0, FileContent::of_bytes(Vec::new())).expect("nothing is in its way");
        }
        let globs = globs_of(&spec[0].content).expect("valid");
        let error = check(&spec[0], foreign, &image, &globs).err()?;
        let place = error.place().map(|place| text[place.span.clone()].to_owned());
        Some((error.to_string(), error.help().map(str::to_owned), place.unwrap_or_default()))
    }

    #[test]
    fn removed_program_of_base_is_an_error() {
        let check = |command: &str| Healthcheck {
            command: vec![command.into()],
            interval: None,
            timeout: None,
            start_period: None,
            start_interval: None,
            retries: None,
        };
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        for (entrypoint, cmd, health, table, expected) in [
            (&["/bin/a"][..], &[][..], None, "", Some("`remove` of `x` takes away `/bin/a`, which the image starts")),
            (&[], &["/bin/a"], None, "", Some("`remove` of `x` takes away `/bin/a`, which the image starts")),
            (&["/bin/b"], &["/bin/a"], None, "", None),
            (&["/bin/a"], &[], None, "entrypoint = [\"/bin/b\"]\n", None),
            (&[], &[], Some("/bin/a"), "", Some("`remove` of `x` takes away `/bin/a`, which the health check runs")),
            (&[], &[], Some("/bin/a"), "healthcheck = false\n", None),
        ] {
            let base = Runtime {
                entrypoint: words(entrypoint),
                cmd: words(cmd),
                healthcheck: health.map(check),
                ..Runtime::default()
            };
            let table = format!("base = {{ image = \"x:1\" }}\n{table}remove = [\"/usr/bin/a\"]");
            let found = wrong_on(Some(&base), &["/usr/bin/b"], &table).map(|(error, ..)| error);
            assert_eq!(found.as_deref(), expected, "{table}");
        }
    }

    #[test]
    fn removed_entrypoint_or_check_is_an_error() {
        let probe = "entrypoint = [\"/usr/bin/a\"]\nhealthcheck = { file = \"/run/x\" }";
        for (files, table, expected) in [
            (&["/usr/bin/a"][..], "entrypoint = [\"/bin/a\"]\nremove = [\"/usr/bin/b\"]".to_owned(), None),
            // A volume may provide the program, and PATH may find a relative name elsewhere.
            (&[], "entrypoint = [\"/srv/a\"]\nremove = [\"/usr/bin/b\"]".to_owned(), None),
            (&[], "entrypoint = [\"a\"]\nremove = [\"/usr/bin\"]".to_owned(), None),
            (
                &[],
                "entrypoint = [\"/bin/a\"]\nprune = [\"/usr/bin/a\"]".to_owned(),
                Some((
                    "`prune` of `x` takes away `/bin/a`, which the image starts",
                    "take \"/usr/bin/a\" out of `prune`, or name another program in `entrypoint`",
                    "\"/usr/bin/a\"",
                )),
            ),
            (
                &["/usr/bin/a"],
                format!("{probe}\nremove = [\"/usr/share\", \"/usr/libexec\"]"),
                Some((
                    "`remove` of `x` takes away `/usr/libexec/tierce-probe`, which the health check runs",
                    "take \"/usr/libexec\" out of `remove`, or ask for the image's health by a `cmd`",
                    "\"/usr/libexec\"",
                )),
            ),
            (&["/usr/bin/a", "/usr/libexec/tierce-probe"], format!("{probe}\nremove = [\"/usr/libexec/x\"]"), None),
            (
                &["/usr/bin/a"],
                "entrypoint = [\"/usr/bin/a\"]\nhealthcheck = { cmd = [\"/bin/b\"] }\nremove = [\"/usr/bin/b\"]"
                    .to_owned(),
                Some((
                    "`remove` of `x` takes away `/bin/b`, which the health check runs",
                    "take \"/usr/bin/b\" out of `remove`, or let `healthcheck` run something that is there",
                    "\"/usr/bin/b\"",
                )),
            ),
        ] {
            let expected =
                expected.map(|(error, help, place)| (error.to_owned(), Some(help.to_owned()), place.to_owned()));
            assert_eq!(wrong(files, &table), expected, "{table}");
        }
    }
}
