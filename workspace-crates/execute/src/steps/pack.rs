//! Packing: from ROOT and programs to the layers and documents of an image.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use tierce_manifest::{AllowMissing, ContentSpec, Hook, ImageSpec, Include, PRESETS};
use tierce_oci::{Digest, Image, ImageConfig, LayerInfo, LayerWriter, Metadata, Platform, Runtime};
use tierce_plan::{Facts, Ingredients, Outcome, PackedImage, PackedLayer, Program, Root, Unmerged, keep_globs};
use tierce_rootfs::{
    Base, Completed, FileContent, Finding, Globs, Index, NodeKind, Patterns, Source, closure, layers, packages,
};

use crate::executor::{Executor, builder_of, missing_input};
use crate::progress::Event;
use crate::report::{Contents, base_name, report_path};
use crate::run::Inputs;
use crate::steps::below::{Below, Laid};
use crate::steps::overlay;
use crate::steps::packages::open;
use crate::steps::root::RootFacts;
use crate::steps::run_time::{check_strictness, run_time};
use crate::steps::{finish, foreign, hooks, started};
use crate::{Error, budget, files, layer_limit, untagged};

/// The time of everything in an image: the start of 1970, for nothing in it may depend on when it was made.
pub(crate) const TIME: u64 = 0;
/// Another way of writing layers makes other bytes.
const LAYER_FORMAT: u32 = 1;

impl Executor<'_> {
    /// Selects the image's files and writes its layers.
    pub(crate) fn pack(&self, image: &str, inputs: &Inputs) -> Result<Outcome, Error> {
        let spec = self.image(image)?;
        let (tree, programs) = built(spec, inputs)?;
        let facts = self.root_facts(tree.key())?;
        let archive = self.root_archive(tree.key());
        let loader = facts.loader(&archive)?;
        let mut owners: BTreeMap<String, String> =
            facts.owners.iter().map(|(path, cpv)| (path.clone(), base_name(cpv).to_owned())).collect();
        let RootFacts { mut index, owners: packages_of, hooks, .. } = facts;

        let below = self.below(spec, inputs)?;
        let mut globs = globs(&spec.content)?;
        let Laid { mut starts, elsewhere } =
            below.as_ref().map(|below| below.lay_over(&mut index, &mut globs)).transpose()?.unwrap_or_default();
        let overlaid = self.overlay(spec, programs, probe_of(inputs), &globs.remove, &mut index, &archive)?;
        let unmatched_remove = overlaid.unmatched_remove;
        starts.extend(overlaid.starts);
        let (asked, choices) = run_time(spec, &mut index, &archive)?;
        starts.extend(asked);
        let chosen = match includes_packages(spec) {
            false => closure(&index, &starts, &loader, &globs, &choices),
            true => packages(&index, &starts, &owners, &loader, &globs, &choices),
        };
        let mut chosen = chosen.map_err(|error| self.missing(spec, &packages_of, tree.unmerged_from(), error))?;
        chosen.findings.extend(unmatched_remove);
        let mut selected = index.select(chosen.iter().map(|(path, _)| path))?;
        let foreign = below.as_ref().map(|below| &below.base).filter(|base| base.is_foreign());
        if let Some(base) = foreign {
            let Completed { image, moved } = base.complete(&selected, &mut chosen, &globs, elsewhere)?;
            selected = image;
            for (from, to) in moved {
                owners.extend(owners.get(&from).cloned().map(|owner| (to, owner)));
            }
        }
        self.warn_of_findings(spec, &chosen.findings);
        check_strictness(spec, &chosen)?;
        chosen.add_made(&mut selected, &loader, &foreign.map(Base::ld_cache).unwrap_or_default())?;
        self.keep_symbols(&index, &selected, &archive)?;
        hooks::attribute(&mut chosen, &hooks);

        let (mut source, _) = open(&archive)?;
        if let Some(hook) = spec.hooks.get(Hook::Finish) {
            selected = self.finish(spec, builder_of(inputs)?, selected, (&mut chosen, &globs.remove), &mut source)?;
            // Of both, where there is an image below: what differs from that is found after it.
            let whole = finish::check(spec, &selected, &chosen, foreign, &loader, &globs, &choices);
            whole
                .map_err(|error| finish::blamed(self.missing(spec, &packages_of, tree.unmerged_from(), error), hook))?;
        }
        started::check(spec, &selected, &globs)?;
        overlay::set_capabilities(&spec.content, &mut selected)?;
        let mut packed = Vec::new();
        let mut own = Cow::Borrowed(&selected);
        if let Some(Below { layers, base, .. }) = &below {
            let changes = base.changes(&selected);
            packed.extend(layers.iter().cloned());
            packed.extend(self.write_removals(&changes.removed, &selected)?);
            own = Cow::Owned(selected.select(changes.added.iter().map(String::as_str))?);
        }
        let layers = layers(&own, &chosen, &owners);
        layer_limit::check(spec, &packed, layers.len())?;
        for layer in &layers {
            let info = self.write_layer(&layer.paths, &own, &mut source)?;
            let name = layer.group.to_string();
            packed.push(PackedLayer { name, diff_id: info.diff_id.to_string(), size: info.size });
        }
        let foreign = below.as_ref().and_then(|below| below.foreign.clone());
        let assembled = assemble(spec, &packed, foreign.as_ref(), self.facts, None)?;
        let closure = tierce_rootfs::report::total(&selected).bytes;
        let packed = PackedImage { id: assembled.id.to_string(), closure, layers: packed, foreign };
        let owners = hooks::owners(owners, hooks, &chosen);
        let contents = Contents::new(&selected, chosen, &owners, &layers, below.as_ref(), &packed);
        // Before the list is written: what does not fit leaves that of the image that there is.
        self.check_budget(spec, &packed, &contents)?;
        files::write_json(&self.contents_path(image), &contents)?;
        Ok(Outcome::Image(packed))
    }

    /// Says which globs of the table match nothing, and what comes nearest; and of a base from anywhere that it is one.
    fn warn_of_findings(&self, spec: &ImageSpec, findings: &BTreeSet<Finding>) {
        for finding in findings {
            let (key, pattern, nearest, why) = match finding {
                Finding::UnmatchedKeep { pattern, nearest } => {
                    ("keep", pattern, nearest, "no package of the image brings such a file")
                }
                Finding::UnmatchedPrune { pattern, nearest } => {
                    ("prune", pattern, nearest, "nothing is left out by it")
                }
                Finding::UnmatchedRemove { pattern, nearest } => {
                    ("remove", pattern, nearest, "nothing is taken out by it")
                }
                Finding::ForeignBase { .. } => {
                    self.warn_of_foreign_base(spec, finding);
                    continue;
                }
                _ => continue,
            };
            let nearest = nearest.as_ref().map(|path| format!("; there is `{path}`")).unwrap_or_default();
            let message = format!("`{key}` of `{}` has `{pattern}`, which matches nothing: {why}{nearest}", spec.name);
            (self.observer)(Event::Warning { message });
        }
    }

    /// Fails if the image is larger than it may be.
    fn check_budget(&self, spec: &ImageSpec, packed: &PackedImage, contents: &Contents) -> Result<(), Error> {
        for stranger in budget::strangers(spec, contents) {
            let message = format!("`max-size` of `{}` names `{stranger}`, which has no file in the image", spec.name);
            (self.observer)(Event::Warning { message });
        }
        let before = files::read_json(&report_path(&self.session.places, spec.name.as_str()));
        budget::check(spec, packed, contents, before.as_ref())
    }

    /// Writes a layer, unless one of the same content has been written before.
    fn write_layer(&self, paths: &[String], index: &Index, archive: &mut File) -> Result<LayerInfo, Error> {
        let key = layer_key(paths, index);
        let known = self.session.places.shared("layers").join(format!("{key}.json"));
        if let Some(info) = files::read_json::<LayerInfo>(&known)
            && fs::metadata(self.session.places.blob(info.diff_id.hex().as_str())).is_ok_and(|m| m.len() == info.size)
        {
            return Ok(info);
        }
        let mut blob = files::temporary_beside(&self.session.places.blob(&key))?;
        let mut writer = LayerWriter::new(blob.as_file_mut(), TIME);
        for path in paths {
            self.session.check_interrupted()?;
            let Some(node) = index.tree().get(path) else { continue };
            match (&node.kind, index.content(path)) {
                (NodeKind::File { .. }, Some(content)) => writer.append(path, node, reader(content, archive, path)?)?,
                _ => writer.append(path, node, io::empty())?,
            }
        }
        let info = writer.finish()?;
        files::persist(blob, &self.session.places.blob(info.diff_id.hex().as_str()))?;
        files::write_json(&known, &info)?;
        Ok(info)
    }

    /// Writes the layer that takes away what lower ones have, if there is such a thing.
    fn write_removals(&self, removed: &[String], image: &Index) -> Result<Option<PackedLayer>, Error> {
        if removed.is_empty() {
            return Ok(None);
        }
        let whiteout = |at: &String| {
            let (above, name) = at.rsplit_once('/').unwrap_or(("", at));
            format!("{above}/.wh.{name}")
        };
        // In the order of the layer's own entries.
        let mut entries: BTreeMap<String, Option<&String>> =
            removed.iter().map(|at| (whiteout(at), Some(at))).collect();
        for at in removed {
            entries.extend(tierce_rootfs::path::parents(at).map(|above| (above.to_owned(), None)));
        }
        let mut bytes = Vec::new();
        let mut writer = LayerWriter::new(&mut bytes, TIME);
        for (path, removed) in &entries {
            match (removed, image.tree().get(path)) {
                (Some(removed), _) => writer.remove(removed)?,
                (None, Some(node)) => writer.append(path, node, io::empty())?,
                (None, None) => {}
            }
        }
        let info = writer.finish()?;
        files::write(&self.session.places.blob(info.diff_id.hex().as_str()), bytes)?;
        Ok(Some(PackedLayer { name: "removed".into(), diff_id: info.diff_id.to_string(), size: info.size }))
    }

    /// Copies the symbols of the libraries that ship to where debuggers look for them: by build-id.
    fn keep_symbols(&self, root: &Index, selected: &Index, archive: &Path) -> Result<(), Error> {
        let (mut source, _) = open(archive)?;
        for (path, content) in selected.files() {
            let Some(id) = content.elf().and_then(|elf| elf.build_id.as_deref()) else { continue };
            let Some((first, rest)) = id.split_at_checked(2) else { continue };
            let inside = format!("/usr/lib/debug/.build-id/{first}/{rest}.debug");
            let kept = self.symbols_path(id);
            let Ok(resolved) = root.tree().resolve(&inside) else { continue };
            if let (false, Some(symbols)) = (kept.exists(), root.content(&resolved.path)) {
                let mut reader = reader(symbols, &mut source, path)?;
                files::write_with(&kept, |file| {
                    io::copy(&mut reader, file).map(drop).map_err(|error| Error::file("write", &kept, error))
                })?;
            }
        }
        Ok(())
    }

    /// Where the symbols of a build-id lie: in the layout that gdb's `debug-file-directory` expects.
    pub(crate) fn symbols_path(&self, build_id: &str) -> PathBuf {
        let (first, rest) = build_id.split_at_checked(2).unwrap_or(("", build_id));
        self.session.places.own("symbols").join(".build-id").join(first).join(format!("{rest}.debug"))
    }

    /// Where the list of an image's files and reasons lies.
    pub(crate) fn contents_path(&self, image: &str) -> PathBuf {
        crate::report::contents_path(&self.session.places, image)
    }

    /// Whether all of a packed image is in the cache, and its files are those that are listed.
    pub(crate) fn packed_is_present(&self, image: &str, packed: &PackedImage) -> bool {
        // The list may be that of another state of the table, packed since.
        let listed: Option<Listed> = files::read_json(&self.contents_path(image));
        self.layers_are_present(&packed.layers) && listed.is_some_and(|listed| listed.id == packed.id)
    }

    /// Whether layers are in the cache.
    pub(crate) fn layers_are_present(&self, layers: &[PackedLayer]) -> bool {
        layers.iter().all(|layer| {
            let hex = layer.diff_id.trim_start_matches("sha256:");
            fs::metadata(self.session.places.blob(hex)).is_ok_and(|metadata| metadata.len() == layer.size)
        })
    }
}

/// Whose files a list names.
#[derive(serde::Deserialize)]
struct Listed {
    id: String,
}

/// Whether all files of packages go in. Without any of its own, an image on top of one from anywhere has what its files need.
fn includes_packages(spec: &ImageSpec) -> bool {
    let has_packages = spec.base.foreign().is_none() || !spec.emerge.packages.is_empty();
    spec.content.include == Include::Packages && has_packages
}

/// What the table says by globs, and the presets.
pub(super) fn globs(content: &ContentSpec) -> Result<Globs, Error> {
    let kept: Vec<(String, String)> = content.keep.iter().flat_map(|keep| keep_globs(&keep.value)).collect();
    let of_presets = PRESETS.iter().flat_map(|preset| preset.globs.iter().map(|glob| (preset.name, *glob)));
    Ok(Globs {
        keep: Patterns::named(kept.iter().map(|(name, glob)| (name.as_str(), glob.as_str())))?,
        prune: Patterns::new(content.prune.iter().map(|glob| glob.value.glob()))?,
        remove: Patterns::new(content.remove.iter().map(|glob| glob.value.glob()))?,
        presets: Patterns::named(of_presets)?,
        allow_missing: Patterns::new(content.allow_missing.iter().filter_map(|allowed| match &allowed.value {
            AllowMissing::Glob(glob) => Some(glob.glob()),
            AllowMissing::Hidden(_) => None,
        }))?,
        ..Globs::default()
    })
}

/// What an image is chosen of.
enum Tree<'i> {
    Root(&'i Root),
    Unmerged(&'i Unmerged),
}

impl Tree<'_> {
    fn key(&self) -> &str {
        match self {
            Tree::Root(root) => &root.key,
            Tree::Unmerged(unmerged) => &unmerged.key,
        }
    }

    /// The key of the ROOT that has what was unmerged.
    fn unmerged_from(&self) -> Option<&str> {
        match self {
            Tree::Root(_) => None,
            Tree::Unmerged(unmerged) => Some(&unmerged.root),
        }
    }
}

/// The tree and the programs among the results before a step; no programs for an image that has none.
fn built<'i>(spec: &ImageSpec, inputs: &'i Inputs) -> Result<(Tree<'i>, &'i [Program]), Error> {
    let own = || inputs.iter().filter(|(id, _)| id.image() == Some(spec.name.as_str())).map(|(_, outcome)| outcome);
    let tree = own().find_map(|outcome| match outcome {
        Outcome::Root(root) => Some(Tree::Root(root)),
        Outcome::Unmerged(unmerged) => Some(Tree::Unmerged(unmerged)),
        _ => None,
    });
    let programs = own().find_map(|outcome| match outcome {
        Outcome::Programs(programs) => Some(programs.as_slice()),
        _ => None,
    });
    let programs = programs.or(spec.program.is_none().then_some(&[]));
    tree.zip(programs).ok_or_else(|| missing_input("ROOT and programs"))
}

/// The probe among the results before a step, for an image whose health check uses it.
fn probe_of(inputs: &Inputs) -> Option<&Program> {
    inputs.values().find_map(|outcome| match outcome {
        Outcome::Probe(probe) => Some(probe),
        _ => None,
    })
}

/// What decides a layer's bytes.
fn layer_key(paths: &[String], index: &Index) -> String {
    let mut ingredients = Ingredients::default();
    ingredients.add("format", LAYER_FORMAT.to_string()).add("time", TIME.to_string());
    for path in paths {
        let Some(node) = index.tree().get(path) else { continue };
        let content = index.content(path).map_or("", |content| &content.sha256);
        // Plain data, which JSON can always say.
        ingredients.add(path, serde_json::to_string(&(node, content)).unwrap_or_default());
    }
    ingredients.key().to_string()
}

/// The bytes of a file of an index.
pub(crate) fn reader<'a>(
    content: &'a FileContent,
    archive: &'a mut File,
    path: &str,
) -> Result<Box<dyn Read + 'a>, Error> {
    let failed = |error| Error::file("read", Path::new(path), error);
    Ok(match &content.source {
        Source::Archive { offset, size } => {
            archive.seek(SeekFrom::Start(*offset)).map_err(failed)?;
            Box::new(archive.take(*size))
        }
        Source::Part { path, offset, size } => {
            let (mut file, _) = open(path)?;
            file.seek(SeekFrom::Start(*offset)).map_err(failed)?;
            Box::new(file.take(*size))
        }
        Source::Host { path } => Box::new(open(path)?.0),
        Source::Bytes(bytes) => Box::new(Cursor::new(bytes)),
    })
}

/// The documents of a packed image.
pub(crate) fn assemble(
    spec: &ImageSpec,
    packed: &[PackedLayer],
    foreign: Option<&Runtime>,
    facts: &Facts,
    revision: Option<String>,
) -> Result<Image, Error> {
    let metadata = metadata(spec, revision);
    let mut layers = Vec::new();
    for layer in packed {
        let diff_id: Digest = layer.diff_id.parse()?;
        layers.push(tierce_oci::Layer::uncompressed(
            LayerInfo { diff_id, size: layer.size },
            format!("tierce: {}", layer.name),
        ));
    }
    let (os, architecture) = facts.platform.split_once('/').unwrap_or(("linux", &facts.platform));
    let platform = Platform { architecture: architecture.to_owned(), os: os.to_owned(), variant: None };
    let own = runtime(spec, facts, &metadata);
    let runtime = match foreign {
        Some(base) => foreign::on_top_of(own, base, spec),
        None => own,
    };
    let config = ImageConfig { platform, created: TIME, runtime, layers };
    Ok(Image::assemble(config, &metadata.annotations()?)?)
}

/// What cargo says of the program's package; of an image without a program, its name.
fn metadata(spec: &ImageSpec, revision: Option<String>) -> Metadata {
    let title = Some(spec.name.to_string());
    let Some(program) = &spec.program else { return Metadata { title, revision, ..Metadata::default() } };
    let package = &program.package;
    Metadata {
        title,
        version: Some(package.version.clone()),
        description: package.description.clone(),
        licenses: package.license.clone(),
        source: package.repository.clone(),
        url: package.homepage.clone(),
        documentation: package.documentation.clone(),
        authors: package.authors.clone(),
        vendor: None,
        revision,
        created: None,
    }
}

fn runtime(spec: &ImageSpec, facts: &Facts, metadata: &Metadata) -> Runtime {
    let config = &spec.config;
    let of_files = facts.images.get(spec.name.as_str()).map(|image| image.env_files.clone());
    let mut env = of_files.unwrap_or_default();
    let values = |map: &BTreeMap<String, tierce_manifest::Located<String>>| {
        map.iter().map(|(name, value)| (name.clone(), value.value.clone())).collect::<BTreeMap<_, _>>()
    };
    let mut labels = metadata.labels();
    labels.insert(untagged::IMAGE.into(), spec.name.to_string());
    labels.extend(values(&config.labels));
    env.extend(values(&config.env));
    Runtime {
        entrypoint: config.entrypoint.value.clone(),
        cmd: config.cmd.clone(),
        env,
        exposed_ports: config.expose.iter().map(ToString::to_string).collect(),
        user: config.user.as_ref().map(|user| user.value.to_string()),
        workdir: config.workdir.as_ref().map(|path| path.value.to_string()),
        volumes: config.volumes.iter().map(|path| path.value.to_string()).collect(),
        labels,
        stop_signal: config.stop_signal.map(|signal| signal.to_string()),
        healthcheck: config.healthcheck.as_ref().map(|check| tierce_oci::Healthcheck {
            command: check.value.command.clone(),
            interval: check.value.interval,
            timeout: check.value.timeout,
            start_period: check.value.start_period,
            retries: check.value.retries,
        }),
    }
}
