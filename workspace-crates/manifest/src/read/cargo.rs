//! Reads the options of the cargo build: binaries, features, profile.

use camino::Utf8PathBuf;

use super::{Report, each_once};
use crate::{
    Member,
    error::{Fault, quoted},
    node::{Layers, Node},
    place::{Located, Place},
    spec::CargoSpec,
    values::{check_cargo_name, host_path},
};

pub(super) fn read_cargo(layers: Layers<'_>, member: &Member, place: &Place, report: &mut Report) -> CargoSpec {
    let features = layers.items("features").filter_map(|item| item.text());
    CargoSpec {
        bins: read_bins(layers, member, place, report),
        features: each_once(features.filter_map(|feature| report.checked(feature, |text| check_feature(text, member)))),
        default_features: layers.one("default-features").and_then(|value| value.boolean()).unwrap_or(true),
        profile: layers
            .one("profile")
            .and_then(|value| value.text())
            .and_then(|profile| report.checked(profile, check_profile)),
        target_cpu: layers
            .one("target-cpu")
            .and_then(|value| value.text())
            .and_then(|processor| report.checked(processor, check_processor)),
        sources: layers.items("sources").filter_map(|item| read_source(item, report)).collect(),
        write_sources: layers.one("write-sources").and_then(|value| value.boolean()).unwrap_or(false),
    }
}

/// Reads a path of the host. An absolute one would name a place of this machine.
fn read_source(item: Node<'_>, report: &mut Report) -> Option<Located<Utf8PathBuf>> {
    let folder = item.folder();
    let path = |text: &str| match text.starts_with('/') {
        true => Err(Fault::new(format!("`{}` is an absolute path", text.escape_debug()), "a place of one machine")
            .help("name it relative to the folder of this Cargo.toml")),
        false => host_path(&folder, text),
    };
    let text = item.text()?;
    report.keep(text.place, path(text.value))
}

fn read_bins(layers: Layers<'_>, member: &Member, place: &Place, report: &mut Report) -> Vec<Located<String>> {
    let package = &member.package.name;
    if member.binaries.is_empty() {
        let fault =
            Fault::new(format!("the package `{package}` has no binary"), "an image of a package without a binary")
                .help("add src/main.rs or a `[[bin]]`; an image without a program has its table in the workspace's Cargo.toml, as `[workspace.metadata.images.NAME]`");
        report.fault(place, fault);
        return Vec::new();
    }
    let Some(bins) = layers.one("bins") else {
        return member.binaries.iter().map(|binary| Located::new(binary.clone(), place.clone())).collect();
    };
    if bins.raw().as_array().is_some_and(|bins| bins.is_empty()) {
        let binaries: Vec<&str> = member.binaries.iter().map(String::as_str).collect();
        let fault = Fault::new("`bins` is empty", "no binary")
            .help(format!("the package `{package}` has {}; leave `bins` out for all of them", quoted(&binaries)));
        report.fault(&bins.place(), fault);
    }
    each_once(bins.texts().filter_map(|bin| report.checked(bin, |text| check_binary(text, member))))
}

fn check_binary(text: &str, member: &Member) -> Result<(), Fault> {
    if member.binaries.iter().any(|binary| binary == text) {
        return Ok(());
    }
    let message = format!("the package `{}` has no binary `{}`", member.package.name, text.escape_debug());
    Err(Fault::new(message, "no such binary").suggest(text, member.binaries.iter().map(String::as_str)))
}

/// Checks a feature. Cargo itself checks features of dependencies (`dependency/feature`).
fn check_feature(text: &str, member: &Member) -> Result<(), Fault> {
    if text.contains('/') {
        return check_cargo_name("feature", text, "/+.?");
    }
    if member.features.iter().any(|feature| feature == text) {
        return Ok(());
    }
    let message = format!("the package `{}` has no feature `{}`", member.package.name, text.escape_debug());
    Err(Fault::new(message, "no such feature").suggest(text, member.features.iter().map(String::as_str)))
}

fn check_profile(text: &str) -> Result<(), Fault> {
    check_cargo_name("profile", text, "").map_err(|fault| match text.contains(':') {
        true => fault.help("this is cargo's profile; Portage's is `portage-profile` in `[workspace.metadata.image]`"),
        false => fault,
    })?;
    match text {
        "debug" => Err(Fault::new("cargo has no profile `debug`", "reserved by cargo").help("did you mean `dev`?")),
        _ => Ok(()),
    }
}

fn check_processor(text: &str) -> Result<(), Fault> {
    match text {
        "native" => Err(Fault::new("`native` differs from machine to machine, and images travel", "not one processor")
            .help("name the oldest processor that it is to run on, such as \"x86-64-v3\"")),
        _ => check_cargo_name("processor", text, ".+"),
    }
}
