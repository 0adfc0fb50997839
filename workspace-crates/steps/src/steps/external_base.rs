//! External bases: saves their layers from the daemon into the cache and merges their run configuration with the image's.

use std::error::Error as _;
use std::io::{self, Seek, SeekFrom};

use tierce_builders::container::context::Context;
use tierce_builders::workspace::platform;
use tierce_manifest::ImageSpec;
use tierce_oci::{Origin, Runtime};
use tierce_plan::{ForeignBase, Outcome, PackedLayer};
use tierce_rootfs::Finding;
use tierce_store::{Error, files};
use tierce_stored::{Reader, StoredLayer};

/// Prefixes of labels that describe the base and not the image above it.
const OF_THE_BASE: [&str; 2] = ["dev.tierce.", "org.opencontainers.image."];
/// Variables that decide which libraries the dynamic linker loads.
const OF_THE_LINKER: [&str; 2] = ["LD_LIBRARY_PATH", "LD_PRELOAD"];
/// The most files that a warning names.
const NAMED: usize = 3;

/// Saves the layers and the run configuration of an image of the daemon.
pub(super) fn save_base(context: &Context<'_>, reference: &str, id: &str) -> Result<Outcome, Error> {
    saved_base(context, reference, id).map_err(|error| not_a_base(context, reference, error))
}

fn saved_base(context: &Context<'_>, reference: &str, id: &str) -> Result<Outcome, Error> {
    let (scratch, _held) = files::temporary_folder_in(&context.workspace.paths.shared("layers"))?;
    let archive = context.docker()?.save(id)?;
    let reader = Reader {
        name: reference,
        scratch: scratch.path(),
        wanted: &[],
        named: false,
        platform: &platform(),
        interrupted: &context.workspace.options.interrupted,
    };
    let stored = reader.archive(archive)?;
    let config = serde_json::to_vec(&stored.config).unwrap_or_default();
    let unreadable = |error: tierce_oci::Error| tierce_stored::Error::Image {
        name: reference.to_owned(),
        problem: format!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default()),
        help: None,
    };
    let runtime = Runtime::of_config(&config).map_err(unreadable)?;
    let origin = Origin::of_config(&config).map_err(unreadable)?;
    if stored.config["config"]["OnBuild"].as_array().is_some_and(|triggers| !triggers.is_empty()) {
        let message = format!("`{reference}` has ONBUILD instructions, which only `docker build` follows");
        context.warn(message);
    }
    let mut layers = Vec::new();
    for layer in stored.layers {
        context.workspace.check_interrupted()?;
        layers.push(keep_layer(context, reference, layer)?);
    }
    Ok(Outcome::Base(ForeignBase { id: stored.id.to_string(), layers, runtime, origin }))
}

/// Points the error for an unreadable image to the table that names it.
fn not_a_base(context: &Context<'_>, reference: &str, error: Error) -> Error {
    let mut bases = context.workspace.spec.all_images().filter_map(|image| image.base.foreign());
    match (error.source_as(), bases.find(|base| base.value.to_string() == reference)) {
        (Some(tierce_stored::Error::Image { .. }), Some(base)) => {
            let help = "begin with another image, or with what `docker import` makes of a `docker export`";
            Error::table(&base.place, error.to_string()).with_help(help)
        }
        _ => error,
    }
}

fn keep_layer(context: &Context<'_>, reference: &str, mut layer: StoredLayer) -> Result<PackedLayer, Error> {
    let diff_id = layer.diff_id;
    let blob = context.workspace.paths.blob(diff_id.hex().as_str());
    let failed = |error| Error::file("write", &blob, error);
    // The reader has left the file at its end.
    layer.file.seek(SeekFrom::Start(0)).map_err(failed)?;
    files::write_with(&blob, |file| io::copy(&mut layer.file, file).map(drop).map_err(failed))?;
    Ok(PackedLayer::of_external_base(reference, diff_id.to_string(), layer.bytes))
}

/// Warns about facts that Tierce does not know of an external base.
pub(super) fn warn_of_foreign_base(context: &Context<'_>, spec: &ImageSpec, finding: &Finding, base: Option<&Runtime>) {
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
    let message = format!("`{}` begins with `{image}`, which Tierce has not made: {unknown}{others}{older}", spec.name);
    context.warn(message);
    let own = context.facts.images.get(spec.name.as_str()).map(|image| &image.env_files);
    let is_said = |name: &str| spec.config.env.contains_key(name) || own.is_some_and(|own| own.contains_key(name));
    for name in OF_THE_LINKER.into_iter().filter(|name| !is_said(name)) {
        let Some(value) = base.and_then(|base| base.env.get(name)) else { continue };
        let message = format!(
            "`{}` has `{name}={value}` of `{image}`, by which its own programs find their libraries, too: `env` may say \
             something else",
            spec.name
        );
        context.warn(message);
    }
}

/// Merges the run configuration of an external base with the image's own; the table wins.
pub(super) fn on_top_of(own: Runtime, base: &Runtime, spec: &ImageSpec) -> Runtime {
    // Entrypoint, arguments and health check belong together: arguments for one program do not fit another.
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
    fn table_overrides_external_base() {
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
        // The image's entrypoint, command and table; the expected entrypoint and command; whether it has a health check.
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
            let merged = on_top_of(own, &base, &spec.images[0]);
            assert_eq!(
                (merged.entrypoint.as_slice(), merged.cmd.as_slice()),
                (texts(started).as_slice(), texts(arguments).as_slice())
            );
            assert_eq!(merged.healthcheck.is_some(), is_checked, "{table}");
            assert_eq!((merged.user.as_deref(), merged.workdir.as_deref()), (Some("5"), Some("/own")));
            let pairs = |pairs: &std::collections::BTreeMap<String, String>| {
                pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
            };
            assert_eq!(pairs(&merged.env), "BOTH=own base=1 own=1");
            assert_eq!(pairs(&merged.labels), "base=1 both=own org.opencontainers.image.title=own own=1");
        }
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }
}
