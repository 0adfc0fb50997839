//! Packing: from what was selected to the layers and documents of an image.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use tierce_manifest::ImageSpec;
use tierce_oci::{Digest, Image, ImageConfig, LayerInfo, LayerWriter, Metadata, Platform, Runtime};
use tierce_plan::{Facts, Ingredients, Outcome, PackedImage, PackedLayer};
use tierce_rootfs::{FileContent, Index, NodeKind, Source, layers};

use crate::executor::Executor;
use crate::progress::Event;
use crate::report::{Contents, report_path};
use crate::run::Inputs;
use crate::steps::below::Below;
use crate::steps::foreign;
use crate::steps::packages::open;
use crate::steps::select::Selection;
use crate::{Error, budget, files, layer_limit, untagged};

/// The time of everything in an image: the start of 1970, for nothing in it may depend on when it was made.
pub(crate) const TIME: u64 = 0;
/// Another way of writing layers makes other bytes.
const LAYER_FORMAT: u32 = 1;

impl Executor<'_> {
    /// Selects the image's files and writes its layers.
    pub(crate) fn pack(&self, image: &str, inputs: &Inputs) -> Result<Outcome, Error> {
        let spec = self.image(image)?;
        let Selection { image: selected, chosen, owners, below, mut archive } = self.select(spec, inputs)?;
        let mut packed = Vec::new();
        let mut own = Cow::Borrowed(&selected);
        if let Some(Below { layers, base, .. }) = &below {
            let changes = base.changes(&selected);
            packed.extend(layers.iter().cloned());
            packed.extend(self.write_removals(&changes.removed, &selected)?);
            own = Cow::Owned(selected.select(changes.added.iter().map(String::as_str))?);
        }
        let layers = layers(&own, &chosen, &owners.of_layers);
        layer_limit::check(spec, &packed, layers.len())?;
        for layer in &layers {
            let info = self.write_layer(&layer.paths, &own, &mut archive)?;
            let name = layer.group.to_string();
            packed.push(PackedLayer { name, diff_id: info.diff_id.to_string(), size: info.size });
        }
        let foreign = below.as_ref().and_then(|below| below.foreign.clone());
        let assembled = assemble(spec, &packed, foreign.as_ref(), self.facts, None)?;
        let closure = tierce_rootfs::report::total(&selected).bytes;
        let packed = PackedImage { id: assembled.id.to_string(), closure, layers: packed, foreign };
        let contents = Contents::new(&selected, chosen, &owners.of_files, &layers, below.as_ref(), &packed);
        // Before the list is written: what does not fit leaves that of the image that there is.
        self.check_budget(spec, &packed, &contents)?;
        files::write_json(&self.contents_path(image), &contents)?;
        Ok(Outcome::Image(packed))
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
        env,
        exposed_ports: config.expose.iter().map(ToString::to_string).collect(),
        user: config.user.as_ref().map(|user| user.value.to_string()),
        workdir: config.workdir.as_ref().map(|path| path.value.to_string()),
        volumes: config.volumes.iter().map(|path| path.value.to_string()).collect(),
        labels,
        stop_signal: config.stop_signal.map(|signal| signal.to_string()),
        ..started(spec)
    }
}

/// What the table of an image says of the programs that a daemon starts.
pub(super) fn started(spec: &ImageSpec) -> Runtime {
    let config = &spec.config;
    Runtime {
        entrypoint: config.entrypoint.value.clone(),
        cmd: config.cmd.clone(),
        healthcheck: config.healthcheck.as_ref().map(|check| tierce_oci::Healthcheck {
            command: check.value.command.clone(),
            interval: check.value.interval,
            timeout: check.value.timeout,
            start_period: check.value.start_period,
            start_interval: None,
            retries: check.value.retries,
        }),
        ..Runtime::default()
    }
}
