//! Bases from anywhere: out of the daemon into the cache, and what their configs say of how an image is run.

use std::io::{self, Seek, SeekFrom};

use tierce_manifest::ImageSpec;
use tierce_oci::Runtime;
use tierce_plan::{ForeignBase, Outcome, PackedLayer};
use tierce_rootfs::Finding;

use crate::executor::Executor;
use crate::progress::Event;
use crate::verify::StoredLayer;
use crate::{Error, files};

/// Labels that tell what an image is, which the one on top is not.
const OF_THE_BASE: [&str; 2] = ["dev.tierce.", "org.opencontainers.image."];
/// How the name of a layer ends that is of an image from anywhere, behind the reference of that.
const OF_FOREIGN: &str = ": base";
/// Variables that decide what the dynamic linker loads.
const OF_THE_LINKER: [&str; 2] = ["LD_LIBRARY_PATH", "LD_PRELOAD"];
/// Files that a warning names.
const NAMED: usize = 3;

impl Executor<'_> {
    /// Takes the layers of an image out of the daemon, and how it is run.
    pub(crate) fn save_base(&self, reference: &str, id: &str) -> Result<Outcome, Error> {
        self.saved_base(reference, id).map_err(|error| self.not_a_base(reference, error))
    }

    fn saved_base(&self, reference: &str, id: &str) -> Result<Outcome, Error> {
        let (scratch, _held) = files::temporary_folder_in(&self.session.places.shared("layers"))?;
        let archive = self.docker()?.save(id)?;
        let stored = self.session.read_stored(scratch.path(), reference, &[], |reader| reader.archive(archive))?;
        let config = serde_json::to_vec(&stored.config).unwrap_or_default();
        let runtime = Runtime::of_config(&config).map_err(|error| Error::StoredImage {
            name: reference.to_owned(),
            problem: format!(
                "{error}: {}",
                std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default()
            ),
            help: None,
        })?;
        if stored.config["config"]["OnBuild"].as_array().is_some_and(|triggers| !triggers.is_empty()) {
            let message = format!("`{reference}` has ONBUILD instructions, which only `docker build` follows");
            (self.observer)(Event::Warning { message });
        }
        let mut layers = Vec::new();
        for layer in stored.layers {
            self.session.check_interrupted()?;
            layers.push(self.keep_layer(reference, layer)?);
        }
        Ok(Outcome::Base(ForeignBase { id: stored.id.to_string(), layers, runtime }))
    }

    /// The error for an image that cannot be read, where a table names it.
    fn not_a_base(&self, reference: &str, error: Error) -> Error {
        let bases = self.session.spec.all_images().filter_map(|image| image.base.foreign());
        match (&error, bases.into_iter().find(|base| base.value.to_string() == reference)) {
            (Error::StoredImage { .. }, Some(base)) => Error::Table {
                place: base.place.clone(),
                message: error.to_string(),
                help: Some("begin with another image, or with what `docker import` makes of a `docker export`".into()),
            },
            _ => error,
        }
    }

    fn keep_layer(&self, reference: &str, mut layer: StoredLayer) -> Result<PackedLayer, Error> {
        let diff_id = layer.diff_id;
        let blob = self.session.places.blob(diff_id.hex().as_str());
        let failed = |error| Error::file("write", &blob, error);
        // It was read to its end.
        layer.file.seek(SeekFrom::Start(0)).map_err(failed)?;
        files::write_with(&blob, |file| io::copy(&mut layer.file, file).map(drop).map_err(failed))?;
        Ok(PackedLayer { name: format!("{reference}{OF_FOREIGN}"), diff_id: diff_id.to_string(), size: layer.bytes })
    }

    /// Says what cannot be known of an image that begins with one from anywhere.
    pub(crate) fn warn_of_foreign_base(&self, spec: &ImageSpec, finding: &Finding, base: Option<&Runtime>) {
        let Finding::ForeignBase { image, replaced, older_libc } = finding else { return };
        let unknown =
            "which packages are in it, under which licences, and whether they are whole and up to date is not known";
        let others = match replaced.as_slice() {
            [] => String::new(),
            [only] => format!("; its own programs get another `{only}`"),
            several => {
                let named = several.iter().take(NAMED).map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ");
                format!(
                    "; its own programs get others in place of {} of its files ({named}{})",
                    several.len(),
                    if several.len() > NAMED { ", …" } else { "" }
                )
            }
        };
        let older = older_libc.map(|[(first, second), (own, minor)]| {
            format!(", and its glibc {first}.{second} is newer than {own}.{minor}, which they get: some may not start")
        });
        let older = older.unwrap_or_default();
        let message =
            format!("`{}` begins with `{image}`, which Tierce has not made: {unknown}{others}{older}", spec.name);
        (self.observer)(Event::Warning { message });
        let own = self.facts.images.get(spec.name.as_str()).map(|image| &image.env_files);
        let is_said = |name: &str| spec.config.env.contains_key(name) || own.is_some_and(|own| own.contains_key(name));
        for name in OF_THE_LINKER.into_iter().filter(|name| !is_said(name)) {
            let Some(value) = base.and_then(|base| base.env.get(name)) else { continue };
            let message = format!(
                "`{}` has `{name}={value}` of `{image}`, by which its own programs find their libraries, too: `env` may say \
                 something else",
                spec.name
            );
            (self.observer)(Event::Warning { message });
        }
    }
}

/// The reference of the image from anywhere that a layer of this name is of.
pub(crate) fn of_foreign(layer: &str) -> Option<&str> {
    layer.strip_suffix(OF_FOREIGN)
}

/// How an image is run that begins with one from anywhere: what its table says, and what that one says besides.
pub(crate) fn on_top_of(own: Runtime, base: &Runtime, spec: &ImageSpec) -> Runtime {
    // What is started goes together: arguments for one program are none for another, and so is the health check.
    let starts_its_own = spec.program.is_some() || !own.entrypoint.is_empty() || spec.config.no_entrypoint;
    let mut runtime = Runtime { exposed_ports: &base.exposed_ports | &own.exposed_ports, ..own };
    if !starts_its_own {
        runtime.entrypoint.clone_from(&base.entrypoint);
        if runtime.cmd.is_empty() {
            runtime.cmd.clone_from(&base.cmd);
        }
        if !spec.config.no_healthcheck {
            runtime.healthcheck = runtime.healthcheck.or_else(|| base.healthcheck.clone());
        }
    }
    let labels = base.labels.iter().filter(|(name, _)| !OF_THE_BASE.iter().any(|of_base| name.starts_with(of_base)));
    for (name, value) in labels {
        runtime.labels.entry(name.clone()).or_insert_with(|| value.clone());
    }
    for (name, value) in &base.env {
        runtime.env.entry(name.clone()).or_insert_with(|| value.clone());
    }
    runtime.volumes.extend(base.volumes.iter().cloned());
    runtime.user = runtime.user.or_else(|| base.user.clone());
    runtime.workdir = runtime.workdir.or_else(|| base.workdir.clone());
    runtime.stop_signal = runtime.stop_signal.or_else(|| base.stop_signal.clone());
    runtime
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierce_manifest::{CargoToml, WorkspaceText};
    use tierce_oci::Healthcheck;

    fn runtime(entrypoint: &[&str], cmd: &[&str], name: &str) -> Runtime {
        let pairs =
            |pairs: &[(&str, &str)]| pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        Runtime {
            entrypoint: texts(entrypoint),
            cmd: texts(cmd),
            env: pairs(&[("BOTH", name), (name, "1")]),
            labels: pairs(&[("both", name), (name, "1"), ("org.opencontainers.image.title", name)]),
            ..Runtime::default()
        }
    }

    #[test]
    fn what_the_table_does_not_say_is_as_the_base_has_it() {
        let healthcheck = Healthcheck {
            command: vec!["/check".into()],
            interval: None,
            timeout: None,
            start_period: None,
            start_interval: None,
            retries: None,
        };
        let base = Runtime {
            user: Some("5".into()),
            workdir: Some("/base".into()),
            healthcheck: Some(healthcheck),
            ..runtime(&["/base"], &["of-base"], "base")
        };
        // Of the own image: what it starts, and its table. Then what is started, and whether the health of that is checked.
        type Case<'a> = (&'a [&'a str], &'a [&'a str], &'a str, &'a [&'a str], &'a [&'a str], bool);
        let cases: [Case<'_>; 5] = [
            (&[], &["own"], "entrypoint = []\ncmd = [\"own\"]", &[], &["own"], false),
            (&[], &[], "", &["/base"], &["of-base"], true),
            (&[], &["own"], "", &["/base"], &["own"], true),
            (&["/own"], &[], "", &["/own"], &[], false),
            (&[], &[], "healthcheck = false", &["/base"], &["of-base"], false),
        ];
        for (entrypoint, cmd, table, started, arguments, is_checked) in cases {
            let text = format!("[workspace.metadata.images.a]\nbase = {{ image = \"x:1\" }}\n{table}\n");
            let root = CargoToml { path: "Cargo.toml".into(), text: text.into() };
            let spec = tierce_manifest::read(&WorkspaceText { root, members: Vec::new() }).expect("a valid table");
            let own = Runtime { workdir: Some("/own".into()), ..runtime(entrypoint, cmd, "own") };
            let both = on_top_of(own, &base, &spec.images[0]);
            assert_eq!(
                (both.entrypoint.as_slice(), both.cmd.as_slice()),
                (texts(started).as_slice(), texts(arguments).as_slice())
            );
            assert_eq!(both.healthcheck.is_some(), is_checked, "{table}");
            assert_eq!((both.user.as_deref(), both.workdir.as_deref()), (Some("5"), Some("/own")));
            let pairs = |pairs: &std::collections::BTreeMap<String, String>| {
                pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
            };
            assert_eq!(pairs(&both.env), "BOTH=own base=1 own=1");
            assert_eq!(pairs(&both.labels), "base=1 both=own org.opencontainers.image.title=own own=1");
        }
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }
}
