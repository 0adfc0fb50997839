//! The error for what an image needs and does not have, with the edits that mend it.

use std::collections::BTreeMap;

use tierce_manifest::{ImageSpec, Include, Located, SymlinkSpec};
use tierce_portage::{Atom, Cpv};
use tierce_rootfs::{Missing, Rejected, Rejection, Wanted};

use crate::executor::Executor;
use crate::steps::root::RootFacts;
use crate::{Error, blame};

impl Executor<'_> {
    /// The error for what was not found, with the package that would bring it. `owners` has the package of each file,
    /// `category/name-version`; `unmerged_from` is the ROOT from a copy of which packages were unmerged.
    pub(crate) fn missing(
        &self,
        spec: &ImageSpec,
        owners: &BTreeMap<String, String>,
        unmerged_from: Option<&str>,
        error: tierce_rootfs::Error,
    ) -> Error {
        let tierce_rootfs::Error::Missing(missing) = error else { return error.into() };
        let whole = match unmerged_from.map(|root| self.root_facts(root)).transpose() {
            Ok(whole) => whole,
            Err(error) => return error,
        };
        let unmerged = |missing: &Missing| unmerged_with(spec, whole.as_ref()?, missing);
        let way_out = |missing: &Missing| match unmerged(missing) {
            Some(atom) => format!("take \"{}\" out of `unmerge`", atom.value),
            None => way_out(spec, missing, |soname| self.provider_of(soname)),
        };
        let mut ways_out: Vec<String> = missing.iter().map(way_out).collect();
        ways_out.sort();
        ways_out.dedup();
        let pattern = missing.first().and_then(pruned).map(|(_, pattern)| pattern);
        let mut globs = spec.content.prune.iter().chain(&spec.content.remove);
        let pattern = globs.find(|glob| Some(glob.value.glob()) == pattern);
        let link = missing.first().and_then(|missing| declared_link(spec, missing));
        let brought = || {
            let package: Cpv = owners.get(&missing.first()?.file)?.parse().ok()?;
            blame::atom_that_brings(spec, self.locked(spec.name.as_str()), &package)
        };
        let by_unmerging = || Some(&missing.iter().find_map(unmerged)?.place);
        let place = pattern.map(|glob| &glob.place).or(link.map(|link| &link.path.place));
        let place = place.or_else(by_unmerging).or_else(brought).unwrap_or(&spec.place);
        let line = |missing: &Missing| match unmerged(missing) {
            Some(atom) => format!("{missing}; `{}`, which has it, is unmerged", atom.value),
            None => missing.to_string(),
        };
        Error::Missing {
            image: spec.name.to_string(),
            lines: missing.iter().map(line).collect(),
            place: place.clone(),
            help: Some(ways_out.join("; ")),
        }
    }
}

/// The atom of `unmerge` that took away what is missing; `whole` is the ROOT that still has it.
fn unmerged_with<'s>(spec: &'s ImageSpec, whole: &RootFacts, missing: &Missing) -> Option<&'s Located<Atom>> {
    let at = |path: &str| {
        let real = whole.index.tree().resolve(path).ok()?.path;
        Some(whole.owners.get(&real)?.parse::<Cpv>().ok()?.package().to_string())
    };
    let package = match &missing.wanted {
        Wanted::Soname(soname) => whole.providers.get(soname).cloned(),
        Wanted::OneOf(sonames) => sonames.iter().find_map(|soname| whole.providers.get(soname).cloned()),
        Wanted::Interpreter(path) | Wanted::ScriptInterpreter(path) => at(path),
        Wanted::LinkTarget(_) => at(&missing.file),
    }?;
    spec.content.unmerge.iter().find(|atom| atom.value.package().to_string() == package)
}

/// The path that something would have been found at, and the glob or preset that keeps it out.
fn pruned(missing: &Missing) -> Option<(&str, &str)> {
    missing.rejected.iter().find_map(|Rejected { path, why }| match why {
        Rejection::Pruned(pattern) => Some((path.as_str(), pattern.as_str())),
        _ => None,
    })
}

/// The line of `symlinks` that makes a link, whose path may have been written with links in it.
fn declared_link<'a>(spec: &'a ImageSpec, missing: &Missing) -> Option<&'a SymlinkSpec> {
    let Wanted::LinkTarget(target) = &missing.wanted else { return None };
    let name = |path: &str| path.rsplit('/').next().map(str::to_owned);
    let is_it =
        |link: &&SymlinkSpec| link.target.value == *target && name(link.path.value.as_str()) == name(&missing.file);
    spec.content.symlinks.iter().find(is_it)
}

/// What to write into the table.
fn way_out(spec: &ImageSpec, missing: &Missing, provider_of: impl Fn(&str) -> Option<String>) -> String {
    if let Some((path, pattern)) = pruned(missing) {
        let content = &spec.content;
        let mut globs = [("prune", &content.prune), ("remove", &content.remove)].into_iter();
        return match globs.find(|(_, globs)| globs.iter().any(|glob| glob.value.glob() == pattern)) {
            Some((key, _)) => format!("take \"{pattern}\" out of `{key}`"),
            // A preset has it.
            None => format!("add \"{path}\" to `keep`"),
        };
    }
    if declared_link(spec, missing).is_some() {
        return "name a `target` that the image has; `keep`, `files` and `packages` bring more in".to_owned();
    }
    let bring = match &missing.wanted {
        Wanted::Soname(soname) => match provider_of(soname) {
            Some(package) => format!("add \"{package}\" to `packages`"),
            None if spec.content.include == Include::Packages => "add the package that has it to `packages`".to_owned(),
            None => "add the package that has it to `packages`, or link it statically".to_owned(),
        },
        Wanted::OneOf(_) | Wanted::Interpreter(_) | Wanted::ScriptInterpreter(_) => {
            "add the package that has it to `packages`".to_owned()
        }
        Wanted::LinkTarget(_) => return without(missing),
    };
    match spec.content.include {
        Include::Closure => bring,
        // Nothing need be wrong with what is missing here: nobody may ever use the file.
        Include::Packages => format!("{bring}, or {}", without(missing)),
    }
}

/// How to do without what is missing.
fn without(missing: &Missing) -> String {
    format!("add \"{}\" to `prune`, or to `allow-missing` if it is to be there all the same", missing.file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierce_manifest::{CargoToml, WorkspaceText};

    fn image(keys: &str) -> ImageSpec {
        let text = format!("[workspace.metadata.images.x]\ncmd = [\"/x\"]\n{keys}");
        let root = CargoToml { path: "Cargo.toml".into(), text: text.into() };
        tierce_manifest::read(&WorkspaceText { root, members: Vec::new() }).expect("a valid table").images.remove(0)
    }

    #[test]
    fn every_way_out_is_an_edit_of_the_table() {
        let spec = image(
            "prune = [\"/usr/share/x\"]\nremove = [\"/usr/share/z\"]\nsymlinks = [{ path = \"/bin/a\", target = \"a/b\" }]",
        );
        let missing = |wanted: Wanted, pruned: Option<(&str, &str)>| Missing {
            file: "/usr/bin/a".into(),
            wanted,
            searched: Vec::new(),
            rejected: pruned
                .map(|(path, by)| Rejected { path: path.into(), why: Rejection::Pruned(by.into()) })
                .into_iter()
                .collect(),
            chain: Vec::new(),
        };
        let target = || Wanted::LinkTarget("../x".into());
        let without = "\"/usr/bin/a\" to `prune`, or to `allow-missing` if it is to be there all the same";
        for (missing, expected) in [
            (missing(target(), None), format!("add {without}")),
            (
                missing(target(), Some(("/usr/share/x/y", "/usr/share/x"))),
                "take \"/usr/share/x\" out of `prune`".into(),
            ),
            (missing(target(), Some(("/usr/share/z", "/usr/share/z"))), "take \"/usr/share/z\" out of `remove`".into()),
            (
                missing(Wanted::LinkTarget("a/b".into()), None),
                "name a `target` that the image has; `keep`, `files` and `packages` bring more in".into(),
            ),
            (missing(target(), Some(("/usr/share/doc/y", "docs"))), "add \"/usr/share/doc/y\" to `keep`".into()),
            (
                missing(Wanted::ScriptInterpreter("/bin/sh".into()), None),
                format!("add the package that has it to `packages`, or add {without}"),
            ),
            (missing(Wanted::Soname("liba.so".into()), None), format!("add \"a/b\" to `packages`, or add {without}")),
        ] {
            let provider = |soname: &str| (soname == "liba.so").then(|| "a/b".to_owned());
            assert_eq!(way_out(&spec, &missing, provider), expected);
        }
    }
}
