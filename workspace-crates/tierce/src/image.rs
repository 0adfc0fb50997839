//! `cargo xtask image`

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anstyle::AnsiColor;
use camino::Utf8Path;
use clap::CommandFactory;
use clap::error::ErrorKind;
use tierce_execute::{Delivered, Report, megabytes};
use tierce_plan::Sink;

use crate::cli::{Cli, Format, Global, ImageArgs};
use crate::terminal::{Terminal, Verbosity, seconds};
use crate::{Failure, print, session};

/// Builds images, or says what would be done.
pub(crate) fn run(
    arguments: &ImageArgs,
    global: &Global,
    terminal: &Terminal,
    interrupted: &Arc<AtomicBool>,
) -> Result<(), Failure> {
    let start = Instant::now();
    let session = session(global, arguments.jobs, terminal, interrupted)?;
    let images = session.images(&arguments.images)?;
    let sink = match (&arguments.layout, &arguments.archive) {
        (Some(folder), _) => Sink::Layout(absolute(folder)?),
        (_, Some(file)) if images.len() == 1 => Sink::Archive(absolute(file)?),
        (_, Some(_)) => {
            let names: Vec<&str> = images.iter().map(|image| image.name.as_str()).collect();
            let message = format!("an archive holds one image; say which of {}", names.join(", "));
            Cli::command().error(ErrorKind::ArgumentConflict, message).exit()
        }
        _ => Sink::Daemon,
    };
    if arguments.dry_run {
        let plan = session.plan(&images, &sink)?;
        return Ok(print(&match arguments.format {
            Format::Text => plan.to_string(),
            Format::Json => json(&plan) + "\n",
        })?);
    }
    let delivered = session.deliver(&images, &sink, &|event| terminal.show(event))?;
    terminal.close();
    for image in &delivered {
        show(&image.report, terminal);
    }
    terminal.status(AnsiColor::Green, "Ready", &ready(&delivered, start.elapsed()));
    let reports: Vec<&Report> = delivered.iter().map(|image| &image.report).collect();
    Ok(print(&match arguments.format {
        Format::Text => reports.iter().map(|report| report.reference.clone() + "\n").collect(),
        Format::Json => json(&reports) + "\n",
    })?)
}

fn absolute(path: &Utf8Path) -> Result<camino::Utf8PathBuf, Failure> {
    camino::absolute_utf8(path).map_err(|source| {
        Failure::Run(tierce_execute::Error::File { verb: "use", path: path.as_std_path().to_owned(), source })
    })
}

/// Plain data, which JSON can always say.
pub(crate) fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// The report of one image, on stderr.
fn show(report: &Report, terminal: &Terminal) {
    let done = report.steps.iter().any(|step| !step.reused);
    if terminal.verbosity() == Verbosity::Quiet || !(done || terminal.verbosity() == Verbosity::Verbose) {
        return;
    }
    terminal.raw(table(report).as_bytes());
    if terminal.verbosity() == Verbosity::Verbose {
        for step in report.steps.iter().filter(|step| !step.reused) {
            let cause = step.cause.as_deref().unwrap_or_default();
            terminal.raw(format!("             {}: {cause}\n", step.step).as_bytes());
        }
    }
}

/// What there is now, how large, and how long that took.
fn ready(delivered: &[Delivered], took: Duration) -> String {
    let one = |image: &Delivered| format!("{} ({})", image.image, megabytes(image.report.sizes.image));
    format!("{} in {}", delivered.iter().map(one).collect::<Vec<_>>().join(", "), seconds(took))
}

/// What an image came to, as lines of text.
fn table(report: &Report) -> String {
    let sizes = &report.sizes;
    let builder = sizes.builder.map(|bytes| format!("builder {}, ", megabytes(bytes))).unwrap_or_default();
    let mut text = format!(
        "{:>12} {}: {}ROOT {}, image {} in {} layers\n",
        "Packed",
        report.image,
        builder,
        megabytes(sizes.root),
        megabytes(sizes.image),
        report.layers.len(),
    );
    for owner in &report.owners {
        let files = if owner.files == 1 { "file" } else { "files" };
        text.push_str(&format!("{:>12}   {} ({} {files})\n", megabytes(owner.bytes), owner.owner, owner.files));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierce_execute::{OwnerSize, Sizes};
    use tierce_plan::PackedLayer;

    #[test]
    fn the_report_says_what_came_of_it() {
        let layer = |name: &str, size| PackedLayer { name: name.into(), diff_id: String::new(), size };
        let owner = |owner: &str, files, bytes| OwnerSize { owner: owner.into(), files, bytes };
        let report = Report {
            image: "hello".into(),
            reference: "hello:latest".into(),
            id: "sha256:0".into(),
            sizes: Sizes { builder: Some(1_200_000_000), root: 61_000_000, closure: 2_900_000, image: 3_000_000 },
            owners: vec![owner("sys-libs/glibc", 3, 2_400_000), owner("the program", 1, 500_000)],
            layers: vec![layer("libc", 2_500_000), layer("program", 500_000)],
            sent: 500_000,
            steps: Vec::new(),
            findings: Vec::new(),
        };
        insta::assert_snapshot!(table(&report), @r"
              Packed hello: builder 1.20 GB, ROOT 61.0 MB, image 3.0 MB in 2 layers
              2.4 MB   sys-libs/glibc (3 files)
            500.0 kB   the program (1 file)
        ");
    }
}
