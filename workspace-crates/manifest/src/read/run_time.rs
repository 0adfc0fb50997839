//! Reads the run-time needs of an image beyond its linked libraries, and the packages that serve them.

use std::collections::BTreeMap;
use std::str::FromStr;

use tierce_portage::Atom;
use tierce_runtime_deps::{RuntimeDep, TABLE};

use super::{Report, each_once};
use crate::{
    error::Fault,
    node::Layers,
    place::{Located, Place},
    spec::{AllowMissing, EmergeSpec, ForAtom, RunTimeSpec},
    values::image_glob,
};

/// The package with the locales of its variable `LOCALES`.
const LOCALES: &str = "sys-libs/glibc-locales";

/// Reads the keys, and adds the packages that they need to `emerge`.
pub(super) fn read_run_time(layers: Layers<'_>, emerge: &mut EmergeSpec, report: &mut Report) -> RunTimeSpec {
    let texts = |key| layers.items(key).filter_map(|item| item.text());
    let spec = RunTimeSpec {
        strict: layers.one("strict").filter(|strict| strict.boolean() == Some(true)).map(|strict| strict.place()),
        locales: each_once(texts("locale").filter_map(|text| report.parse(text))),
        timezone: layers.one("timezone").and_then(|zone| zone.text()).and_then(|text| report.parse(text)),
        gconv: each_once(texts("gconv").filter_map(|text| report.parse(text))),
        ca_certificates: layers.one("ca-certificates").and_then(|value| value.boolean()),
    };
    if let Some(first) = spec.locales.first() {
        add(emerge, "locale", LOCALES, &first.place);
        let names: Vec<&str> = spec.locales.iter().map(|locale| locale.value.as_str()).collect();
        let variable = ("LOCALES".to_owned(), Located::new(names.join(" "), first.place.clone()));
        let atom = Atom::from_str(LOCALES).map(|atom| Located::new(atom, first.place.clone()));
        emerge.package_env.extend(atom.map(|atom| ForAtom { atom, value: BTreeMap::from([variable]) }));
    }
    if let Some(zone) = &spec.timezone {
        add(emerge, "timezone", "sys-libs/timezone-data", &zone.place);
    }
    if let Some(place) = layers.one("ca-certificates").filter(|_| spec.ca_certificates == Some(true)) {
        add(emerge, "ca-certificates", "app-misc/ca-certificates", &place.place());
    }
    spec
}

/// Adds a package, unless the table already names it, perhaps with a version.
fn add(emerge: &mut EmergeSpec, key: &'static str, name: &str, place: &Place) {
    // All callers pass constants that are valid atoms.
    let Ok(atom) = Atom::from_str(name) else { return };
    if emerge.packages.iter().all(|other| other.value.package() != atom.package()) {
        emerge.by_key.push((atom.clone(), key));
        emerge.packages.push(Located::new(atom, place.clone()));
    }
}

/// Reads `allow-missing`: a glob starts with `/`, `category/name` is a package, a word is the name of a run-time dependency.
pub(super) fn read_allow_missing(layers: Layers<'_>, report: &mut Report) -> Vec<Located<AllowMissing>> {
    let texts = layers.items("allow-missing").filter_map(|item| item.text());
    each_once(texts.filter_map(|text| report.keep(text.place, allow_missing(text.value))))
}

fn allow_missing(text: &str) -> Result<AllowMissing, Fault> {
    if let Some(dependency) = RuntimeDep::find(text) {
        return Ok(AllowMissing::RuntimeDep(dependency));
    }
    if let (false, Ok(atom)) = (text.starts_with('/'), Atom::from_str(text))
        && atom.package().to_string() == text
    {
        return Ok(AllowMissing::Package(atom.package().clone()));
    }
    let is_word = !text.is_empty() && text.chars().all(|character| character.is_ascii_lowercase() || character == '-');
    if !is_word {
        return image_glob(text).map(AllowMissing::Glob);
    }
    let fault = Fault::new(format!("`{text}` is neither a run-time dependency nor a glob"), "neither");
    let suggested = fault.suggest(text, TABLE.iter().map(|dependency| dependency.name));
    Err(match suggested.help {
        Some(_) => suggested,
        None => suggested.help(format!("a glob begins at the top: write `/{text}`, or `/**/{text}` for any folder")),
    })
}
