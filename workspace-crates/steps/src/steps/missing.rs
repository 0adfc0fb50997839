//! The error for files that an image needs and lacks, with the edits of the table that fix it.

use std::collections::BTreeMap;

use tierce_builders::container::context::Context;
use tierce_builders::container::roots::RootFacts;
use tierce_builders::workspace::atom_place;
use tierce_manifest::{ImageSpec, Include, Located, SymlinkSpec};
use tierce_portage::{Atom, Cpv};
use tierce_rootfs::{Missing, Rejected, Rejection, Wanted};
use tierce_store::{Cause, Error, ErrorKind};

/// Returns the error for missing files, with the package to add. `owners` has the package of each file as
/// `category/name-version`; if Tierce unmerged packages, `unmerged_from` is the original ROOT's key.
pub(super) fn missing(
    context: &Context<'_>,
    spec: &ImageSpec,
    owners: &BTreeMap<String, String>,
    unmerged_from: Option<&str>,
    error: tierce_rootfs::Error,
) -> Error {
    let tierce_rootfs::Error::Missing(missing) = error else { return error.into() };
    let whole = match unmerged_from.map(|root| context.root_facts(root)).transpose() {
        Ok(whole) => whole,
        Err(error) => return error,
    };
    let unmerged = |missing: &Missing| unmerged_with(spec, whole.as_ref()?, missing);
    let edit_for = |missing: &Missing| match unmerged(missing) {
        Some(atom) => format!("take \"{}\" out of `unmerge`", atom.value),
        None => edit_for(spec, missing, |soname| context.provider_of(soname)),
    };
    let mut edits: Vec<String> = missing.iter().map(edit_for).collect();
    edits.sort();
    edits.dedup();
    let pattern = missing.first().and_then(pruned).map(|(_, pattern)| pattern);
    let mut globs = spec.content.prune.iter().chain(&spec.content.remove);
    let pattern = globs.find(|glob| Some(glob.value.glob()) == pattern);
    let link = missing.first().and_then(|missing| declared_link(spec, missing));
    let brought = || {
        let package: Cpv = owners.get(&missing.first()?.file)?.parse().ok()?;
        atom_place::atom_that_brings(spec, context.locked(spec.name.as_str()), &package)
    };
    let by_unmerging = || Some(&missing.iter().find_map(unmerged)?.place);
    let place = pattern.map(|glob| &glob.place).or(link.map(|link| &link.path.place));
    let place = place.or_else(by_unmerging).or_else(brought).unwrap_or(&spec.place);
    let line = |missing: &Missing| match unmerged(missing) {
        Some(atom) => format!("{missing}; `{}`, which has it, is unmerged", atom.value),
        None => missing.to_string(),
    };
    let lines: Vec<String> = missing.iter().map(line).collect();
    missing_files(spec, &lines).at(place).with_help(edits.join("; "))
}

/// Returns the error of an image without files that it needs: the missing files and the files that need them, one per line.
pub(super) fn missing_files(spec: &ImageSpec, lines: &[String]) -> Error {
    let message = format!("failed to find what the image `{}` needs", spec.name);
    Error::new(ErrorKind::Pack, message).with_lines(lines).with_cause(Cause::MissingFiles)
}

/// Returns the atom of `unmerge` that removed a missing file; `whole` is the original ROOT.
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

/// Returns the path of a file that would do, and the glob or preset that excludes it.
fn pruned(missing: &Missing) -> Option<(&str, &str)> {
    missing.rejected.iter().find_map(|Rejected { path, why }| match why {
        Rejection::Pruned(pattern) => Some((path.as_str(), pattern.as_str())),
        _ => None,
    })
}

/// Returns the entry of `symlinks` that declares a link. It compares names, because the declared path may go through links.
fn declared_link<'a>(spec: &'a ImageSpec, missing: &Missing) -> Option<&'a SymlinkSpec> {
    let Wanted::LinkTarget(target) = &missing.wanted else { return None };
    let name = |path: &str| path.rsplit('/').next().map(str::to_owned);
    let is_it =
        |link: &&SymlinkSpec| link.target.value == *target && name(link.path.value.as_str()) == name(&missing.file);
    spec.content.symlinks.iter().find(is_it)
}

/// Returns the edit of the table that fixes a missing file.
fn edit_for(spec: &ImageSpec, missing: &Missing, provider_of: impl Fn(&str) -> Option<String>) -> String {
    if let Some((path, pattern)) = pruned(missing) {
        let content = &spec.content;
        let mut globs = [("prune", &content.prune), ("remove", &content.remove)].into_iter();
        return match globs.find(|(_, globs)| globs.iter().any(|glob| glob.value.glob() == pattern)) {
            Some((key, _)) => format!("take \"{pattern}\" out of `{key}`"),
            // A preset excludes it.
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
        Wanted::LinkTarget(_) => return prune_or_allow(missing),
    };
    match spec.content.include {
        Include::Closure => bring,
        // The image may never use this file, so it may work without the missing one.
        Include::Packages => format!("{bring}, or {}", prune_or_allow(missing)),
    }
}

/// Returns the edits that do without a missing file: prune the file that needs it, or allow the gap.
fn prune_or_allow(missing: &Missing) -> String {
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
    fn every_fix_edits_the_table() {
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
            assert_eq!(edit_for(&spec, &missing, provider), expected);
        }
    }
}
