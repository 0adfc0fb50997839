//! The documents of an image: its config, its manifest and its run configuration.

use std::collections::BTreeMap;

use tierce_builders::daemon::labels;
use tierce_manifest::ImageSpec;
use tierce_oci::{Digest, Image, ImageConfig, LayerInfo, Metadata, Platform, Runtime};
use tierce_plan::{Facts, PackedImage};
use tierce_store::Error;

use crate::steps::external_base;
use crate::steps::image_files::TIME;

/// Builds the config and the manifest of a packed image.
pub(super) fn assemble(
    spec: &ImageSpec,
    packed: &PackedImage,
    facts: &Facts,
    revision: Option<String>,
) -> Result<Image, Error> {
    let metadata = metadata(spec, revision);
    let mut layers = Vec::new();
    for layer in &packed.layers {
        let diff_id: Digest = layer.diff_id.parse()?;
        layers.push(tierce_oci::Layer::uncompressed(
            LayerInfo { diff_id, size: layer.size },
            format!("tierce: {}", layer.name),
        ));
    }
    let (os, architecture) = facts.platform.split_once('/').unwrap_or(("linux", &facts.platform));
    let platform = Platform { architecture: architecture.to_owned(), os: os.to_owned(), variant: None };
    let runtime = run_configuration(spec, facts, packed.foreign.as_ref(), &metadata);
    let runtime = Runtime { user: packed.user.clone(), ..runtime };
    let below = packed.layers.iter().take_while(|layer| layer.external_base().is_some()).count();
    let below = (below, packed.origin.clone());
    let config = ImageConfig { platform, created: TIME, runtime, layers, below };
    Ok(Image::assemble(config, &metadata.annotations()?)?)
}

/// Returns the run configuration of an image, merged with that of its external base.
pub(super) fn run_configuration(
    spec: &ImageSpec,
    facts: &Facts,
    foreign: Option<&Runtime>,
    metadata: &Metadata,
) -> Runtime {
    let own = runtime(spec, facts, metadata);
    match foreign {
        Some(base) => external_base::on_top_of(own, base, spec),
        None => own,
    }
}

/// Returns the metadata of the program's package; an image without a program has only its name.
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
    labels.insert(labels::IMAGE.into(), spec.name.to_string());
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

/// Returns the entrypoint, command and health check that the table declares.
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
