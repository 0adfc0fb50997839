//! `cargo xtask image`

use std::time::{Duration, Instant};

use anstyle::AnsiColor;
use camino::Utf8Path;
use clap::error::ErrorKind;
use tierce_execute::{Delivered, Error, Forecast};
use tierce_plan::{Sink, StepId};
use tierce_report::{Report, StageName, megabytes};

use crate::call::Call;
use crate::cli::{Format, ImageArgs};
use crate::data::json;
use crate::terminal::shown::Shown;
use crate::terminal::{Terminal, Verbosity, seconds};
use crate::timings::Timings;
use crate::{Failure, end_with_usage, invocation, print};

/// Builds images, or prints the plan.
pub(crate) fn run(arguments: &ImageArgs, call: &Call<'_>) -> Result<(), Failure> {
    let terminal = call.terminal;
    let start = Instant::now();
    let mut options = call.options(arguments.jobs)?;
    options.keep_warm = arguments.keep_warm;
    options.no_cache.clone_from(&arguments.no_cache);
    options.no_deps = arguments.no_deps;
    options.no_test = arguments.no_test;
    let session = call.session_with(options)?;
    let images = match arguments.exclude.is_empty() {
        true => session.images(&arguments.images)?,
        false => session.images_without(&arguments.exclude)?,
    };
    let sink = match (&arguments.layout, &arguments.archive) {
        (Some(folder), _) => Sink::Layout(absolute(folder)?),
        (_, Some(file)) if images.len() == 1 => Sink::Archive(absolute(file)?),
        (_, Some(_)) => {
            let names: Vec<&str> = images.iter().map(|image| image.name.as_str()).collect();
            let message = format!("an archive holds one image; say which of {}", names.join(", "));
            end_with_usage(&invocation::command().error(ErrorKind::ArgumentConflict, message), false)
        }
        _ => Sink::Daemon,
    };
    if arguments.dry_run && arguments.explain {
        let forecast = session.forecast(&images, &sink)?;
        return Ok(print(&match arguments.format {
            Format::Text => lines(&forecast),
            Format::Json => json(&forecast_data(&forecast)) + "\n",
        })?);
    }
    if arguments.dry_run {
        let plan = session.plan(&images, &sink)?;
        return Ok(print(&match arguments.format {
            Format::Text => plan.to_string(),
            Format::Json => json(&plan) + "\n",
        })?);
    }
    let timings = arguments.timings.then(|| Timings::since(start));
    let delivered = session.deliver(&images, &sink, &|event| {
        if let Some(timings) = &timings {
            timings.note(&event);
        }
        terminal.show(event);
    });
    terminal.close();
    // After a failed run too: the user may ask for the time until the failure.
    if let Some(timings) = &timings {
        let names: Vec<&str> = images.iter().map(|image| image.name.as_str()).collect();
        let page = timings.write(&session.paths().own("timings"), &format!("cargo xtask image {}", names.join(" ")))?;
        terminal.status(AnsiColor::Green, "Timings", &page.display().to_string());
    }
    let delivered = delivered?;
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
    Ok(camino::absolute_utf8(path).map_err(|error| Error::file("use", path.as_std_path(), error))?)
}

/// The report of one image, on stderr.
fn show(report: &Report, terminal: &Terminal) {
    let done = report.steps.iter().any(|step| !step.reused);
    if terminal.verbosity() == Verbosity::Quiet || !(done || terminal.verbosity() == Verbosity::Verbose) {
        return;
    }
    terminal.raw(&Shown::text(&table(report)));
}

/// The steps of a run, one line each.
fn lines(forecast: &[(StepId, Forecast)]) -> String {
    let width = forecast.iter().map(|(step, _)| step.as_str().len()).max().unwrap_or(0);
    let line = |(step, forecast): &(StepId, Forecast)| match forecast {
        Forecast::Fresh => format!("{step:width$}  fresh\n"),
        Forecast::Runs(cause) => format!("{step:width$}  would run: {cause}\n"),
        Forecast::Depends(on) => {
            let on: Vec<String> = on.iter().map(|step| format!("`{step}`")).collect();
            format!("{step:width$}  depends on what comes of {}\n", on.join(" and "))
        }
    };
    forecast.iter().map(line).collect()
}

/// Returns the steps of a plan as data.
fn forecast_data(forecast: &[(StepId, Forecast)]) -> serde_json::Value {
    let one = |(step, forecast): &(StepId, Forecast)| {
        let mut data = serde_json::json!(forecast);
        data["step"] = serde_json::json!(step);
        data
    };
    forecast.iter().map(one).collect()
}

/// Prints each image with its size, and the time of the run.
fn ready(delivered: &[Delivered], took: Duration) -> String {
    let one = |image: &Delivered| format!("{} ({})", image.image, megabytes(image.report.sizes.image));
    format!("{} in {}", delivered.iter().map(one).collect::<Vec<_>>().join(", "), seconds(took))
}

/// The most USE flags in a report.
const FLAGS: usize = 3;

/// The report of an image as lines of text.
fn table(report: &Report) -> String {
    let layers = report.layers.len();
    let mut text = format!("{:>12} {}: {} in {layers} layers\n", "Packed", report.image, megabytes(report.sizes.image));
    let mut before = 0_u64;
    for stage in &report.stages {
        let less = match stage.stage {
            StageName::Unmerge | StageName::Presets | StageName::Prune => {
                format!(" ({} less)", megabytes(before.saturating_sub(stage.bytes)))
            }
            _ => String::new(),
        };
        text.push_str(&format!("{:>12}   {}{less}\n", megabytes(stage.bytes), stage.stage.label()));
        before = stage.bytes;
    }
    text.push_str(&format!("{:>12} by package\n", "Files"));
    for owner in &report.owners {
        let files = if owner.files == 1 { "file" } else { "files" };
        text.push_str(&format!("{:>12}   {} ({} {files})\n", megabytes(owner.bytes), owner.owner, owner.files));
    }
    // The largest only: packages.md has all of them.
    let flags = report.flags.iter().filter(|flag| flag.bytes > 0).take(FLAGS);
    let flags: Vec<_> = flags
        .map(|flag| {
            let packages = if flag.packages.len() == 1 { "package" } else { "packages" };
            format!("{} {} in {} {packages}", flag.flag, megabytes(flag.bytes), flag.packages.len())
        })
        .collect();
    if !flags.is_empty() {
        text.push_str(&format!("{:>12} {}\n", "By flags", flags.join(", ")));
    }
    if !report.left_out.is_empty() {
        let sizes: Vec<_> =
            report.left_out.iter().map(|left| format!("{} {}", left.name, megabytes(left.bytes))).collect();
        text.push_str(&format!("{:>12} {}\n", "Left out", sizes.join(", ")));
    }
    for added in &report.added {
        text.push_str(&format!("{:>12} {} for {}: {}\n", "Added", megabytes(added.bytes), added.name, added.why));
    }
    for gap in &report.gaps {
        text.push_str(&format!("{:>12} {}: {}\n", "May lack", gap.what, gap.edit));
    }
    let layers: Vec<_> =
        report.layers.iter().map(|layer| format!("{} {}", layer.name, megabytes(layer.size))).collect();
    text.push_str(&format!("{:>12} {}\n", "Layers", layers.join(", ")));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierce_plan::PackedLayer;
    use tierce_report::{Added, FlagSize, Gap, LeftOut, OwnerSize, Sizes, Stage};

    #[test]
    fn report_shows_sizes_by_stage_and_owner() {
        let layer = |name: &str, size| PackedLayer { name: name.into(), diff_id: String::new(), size };
        let owner = |owner: &str, files, bytes| OwnerSize { owner: owner.into(), files, bytes };
        let left_out = |name: &str, files, bytes| LeftOut { name: name.into(), files, bytes };
        let stages = [
            (StageName::Builder, 1_200_000_000),
            (StageName::Root, 61_000_000),
            (StageName::Presets, 4_100_000),
            (StageName::Prune, 2_400_000),
            (StageName::Files, 2_900_000),
            (StageName::Image, 3_000_000),
        ];
        let report = Report {
            image: "hello".into(),
            reference: "hello:latest".into(),
            id: "sha256:0".into(),
            sizes: Sizes {
                builder: Some(1_200_000_000),
                root: 61_000_000,
                unmerged: None,
                closure: 2_900_000,
                image: 3_000_000,
            },
            stages: stages.map(|(stage, bytes)| Stage { stage, bytes }).into(),
            owners: vec![owner("sys-libs/glibc", 3, 2_400_000), owner("the program", 1, 500_000)],
            flags: vec![
                FlagSize {
                    flag: "dev-lang/php[gd]".into(),
                    packages: vec!["media-libs/libpng-1".into(), "sys-libs/zlib-1".into()],
                    bytes: 340_000,
                },
                FlagSize { flag: "dev-lang/php[x]".into(), packages: vec!["a/b-1".into()], bytes: 0 },
            ],
            left_out: vec![left_out("man", 12, 56_900_000), left_out("/usr/share/x", 1, 1_700_000)],
            layers: vec![layer("libc", 2_500_000), layer("program", 500_000)],
            sent: 500_000,
            steps: Vec::new(),
            added: vec![Added {
                name: "ca-certificates".into(),
                why: "/usr/bin/hello calls f".into(),
                files: 1,
                bytes: 225_000,
            }],
            gaps: vec![Gap { what: "plugins: /usr/bin/hello calls dlopen".into(), edit: "add them to `keep`".into() }],
            findings: Vec::new(),
        };
        insta::assert_snapshot!(table(&report), @r"
              Packed hello: 3.0 MB in 2 layers
             1.20 GB   builder
             61.0 MB   ROOT
              4.1 MB   after presets (56.9 MB less)
              2.4 MB   after prune (1.7 MB less)
              2.9 MB   all files of the image
              3.0 MB   its layers
               Files by package
              2.4 MB   sys-libs/glibc (3 files)
            500.0 kB   the program (1 file)
            By flags dev-lang/php[gd] 340.0 kB in 2 packages
            Left out man 56.9 MB, /usr/share/x 1.7 MB
               Added 225.0 kB for ca-certificates: /usr/bin/hello calls f
            May lack plugins: /usr/bin/hello calls dlopen: add them to `keep`
              Layers libc 2.5 MB, program 500.0 kB
        ");
    }
}
