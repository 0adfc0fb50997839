//! Writes the report of each image after a run.

use tierce_builders::container::context::Context;
use tierce_builders::engine::run::Results;
use tierce_builders::workspace::Workspace;
use tierce_manifest::ImageSpec;
use tierce_plan::{Facts, Outcome, Sink, StepId};
use tierce_report::{Gap, Report, Sizes, StepRun, added, stages};
use tierce_rootfs::Finding;
use tierce_store::{Error, files};

use crate::commands::contents::read_contents;
use crate::commands::package_report;

/// An image that its sink has received.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// The image's name in the workspace.
    pub image: String,
    /// Its address: a reference in the daemon, `oci:DIR:NAME` or `docker-archive:FILE` elsewhere.
    pub reference: String,
    /// Its report.
    pub report: Report,
}

/// Writes and returns the report of each image.
pub(super) fn report_images(
    workspace: &Workspace,
    facts: &Facts,
    images: &[&ImageSpec],
    sink: &Sink,
    results: &Results,
    runs: &[StepRun],
) -> Result<Vec<Delivered>, Error> {
    let context = Context { workspace, facts, observer: &|_| {} };
    let mut delivered = Vec::new();
    for spec in images {
        let name = spec.name.as_str();
        let path = workspace.paths.report(name);
        let mut report = report(&context, spec, sink, results, runs)?;
        // A run that did not need the builder has not read its size, so take it from the image's earlier report.
        if report.sizes.builder.is_none() {
            let earlier = files::read_json::<Report>(&path).filter(|earlier| earlier.id == report.id);
            report.sizes.builder = earlier.and_then(|earlier| earlier.sizes.builder);
        }
        report.stages = stages(spec.content.include, &report.sizes, &report.left_out);
        let root = results.outcomes.iter().find_map(|(id, outcome)| match outcome {
            Outcome::Root(root) if id.image() == Some(name) => Some(root.key.as_str()),
            _ => None,
        });
        let reused = report.steps.iter().all(|step| step.reused);
        let contents = read_contents(workspace, name)?;
        report.flags = package_report::write(&context, spec, sink, &contents, root, reused)?;
        files::write_json(&path, &report)?;
        delivered.push(Delivered { image: name.to_owned(), reference: report.reference.clone(), report });
    }
    Ok(delivered)
}

fn report(
    context: &Context<'_>,
    spec: &ImageSpec,
    sink: &Sink,
    results: &Results,
    runs: &[StepRun],
) -> Result<Report, Error> {
    let (workspace, name) = (context.workspace, spec.name.as_str());
    let of_image = |id: &StepId| id.image().is_none_or(|image| image == name);
    let mut report = Report {
        image: name.to_owned(),
        reference: match sink {
            Sink::Daemon => spec.references()[0].clone(),
            Sink::Layout(folder) => format!("oci:{folder}:{}", workspace.spec.layout_name(spec)),
            Sink::Archive(path) => format!("docker-archive:{path}"),
        },
        id: String::new(),
        sizes: Sizes { builder: None, root: 0, unmerged: None, closure: 0, image: 0 },
        stages: Vec::new(),
        owners: Vec::new(),
        flags: Vec::new(),
        left_out: Vec::new(),
        layers: Vec::new(),
        sent: 0,
        steps: runs.iter().filter(|run| of_image(&run.step)).cloned().collect(),
        added: Vec::new(),
        gaps: Vec::new(),
        findings: Vec::new(),
    };
    for (id, outcome) in results.outcomes.iter().filter(|(id, _)| of_image(id)) {
        match outcome {
            Outcome::Root(root) => report.sizes.root = root.bytes,
            Outcome::Unmerged(unmerged) => {
                report.sizes.unmerged = Some(unmerged.bytes);
                report.findings.extend(unmerged.lacking.iter().map(|lacking| Finding::LackingDependency {
                    package: lacking.package.to_string(),
                    needs: lacking.needs.clone(),
                }));
            }
            Outcome::Image(image) => {
                report.id.clone_from(&image.id);
                report.sizes.closure = image.closure;
                report.sizes.image = image.layers.iter().map(|layer| layer.size).sum();
                report.layers.clone_from(&image.layers);
            }
            Outcome::Delivered { bytes, .. } if runs.iter().any(|run| run.step == *id && !run.reused) => {
                report.sent += bytes
            }
            Outcome::Builder(builder) if runs.iter().any(|run| !run.reused) => {
                report.sizes.builder = context.engine()?.root_bytes(&builder.image)?;
            }
            _ => {}
        }
    }
    let contents = read_contents(workspace, name)?;
    report.owners = contents.by_owner();
    report.left_out = contents.left_out();
    report.added = added(&contents);
    report.gaps = contents.closure.findings.iter().filter_map(Gap::of).collect();
    report.findings.extend(contents.closure.findings);
    Ok(report)
}
