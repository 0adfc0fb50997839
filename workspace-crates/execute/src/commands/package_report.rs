//! Writes an image's package report: `packages.json` and `packages.md` in `target/tierce/reports`, and in an OCI layout. A
//! layout may have files beyond the specification; an archive for `docker load` may not.

use std::path::Path;

use tierce_builders::container::context::Context;
use tierce_manifest::ImageSpec;
use tierce_plan::Sink;
use tierce_report::{Contents, FlagSize, Installed, PackageReport};
use tierce_steps::crates;
use tierce_store::paths::file_name;
use tierce_store::{Error, files};

/// Writes the report of a delivered image, unless no step of it ran and the report exists. `root` is the key of its ROOT.
/// Returns the size that each USE flag adds.
pub(super) fn write(
    context: &Context<'_>,
    spec: &ImageSpec,
    sink: &Sink,
    contents: &Contents,
    root: Option<&str>,
    reused: bool,
) -> Result<Vec<FlagSize>, Error> {
    let workspace = context.workspace;
    let name = spec.name.as_str();
    let folder = workspace.paths.of_image("reports", name);
    let known: Option<PackageReport> = files::read_json(&folder.join("packages.json"));
    // A layout leaves the workspace; what was read from a file of the workspace does not go into it.
    let is_usable = reused && !matches!(sink, Sink::Layout(_));
    let report = match known.filter(|known| is_usable && known.id == contents.id) {
        Some(known) => known,
        None => {
            let root = root.and_then(|key| context.root_facts(key).ok());
            let installed = root.as_ref().map(|root| Installed { owners: &root.owners, index: &root.index });
            let below = spec.base.image().map(|base| (base.as_str(), context.locked(base.as_str())));
            let crates = crates(workspace, spec)?;
            let report = PackageReport::new(spec, contents, context.locked(name), below, installed, crates);
            write_into(&report, &folder)?;
            report
        }
    };
    if let Sink::Layout(layout) = sink {
        write_into(&report, &layout.as_std_path().join("reports").join(file_name(name)))?;
    }
    Ok(report.flag_sizes())
}

fn write_into(report: &PackageReport, folder: &Path) -> Result<(), Error> {
    let path = folder.join("packages.json");
    let json = serde_json::to_string_pretty(report).map_err(|error| Error::file("write", &path, error.into()))?;
    files::write(&path, json + "\n")?;
    files::write(&folder.join("packages.md"), report.markdown())
}
