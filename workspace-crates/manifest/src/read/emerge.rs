//! Reads packages, USE flags, and the other settings of /etc/portage.

use std::collections::BTreeMap;

use camino::Utf8Path;
use tierce_portage::{Atom, UseSetting, breaking_feature};

use super::{Report, each_once, narrowed};
use crate::{
    error::Fault,
    node::{Entry, Layers, Node},
    place::Located,
    spec::{EmergeSpec, ForAtom},
    values::{InnerPath, check_no_nul, check_variable_name},
};

pub(super) fn read_emerge(layers: Layers<'_>, report: &mut Report) -> EmergeSpec {
    EmergeSpec {
        packages: atoms(layers, "packages", report),
        by_key: Vec::new(),
        build_packages: atoms(layers, "build-packages", report),
        use_settings: merge_use(layers.all("use"), report),
        package_use: package_use(layers, report),
        package_keywords: words_by_atom(layers, "package-keywords", check_keyword, report),
        package_mask: patterns(layers, "package-mask", report),
        package_unmask: patterns(layers, "package-unmask", report),
        package_env: by_atom(layers, "package-env", report, |table, report| read_variables(&table.entries(), report)),
        package_license: words_by_atom(layers, "package-license", check_license, report),
        patches: by_atom(layers, "patches", report, read_patches),
    }
}

/// Reads atoms to emerge.
fn atoms(layers: Layers<'_>, key: &str, report: &mut Report) -> Vec<Located<Atom>> {
    each_once(layers.items(key).filter_map(|item| item.text()).filter_map(|text| report.parse_portage(text)))
}

/// Reads atoms that select among packages.
pub(super) fn patterns(layers: Layers<'_>, key: &str, report: &mut Report) -> Vec<Located<Atom>> {
    each_once(layers.items(key).filter_map(|item| item.text()).filter_map(|text| pattern(text, report)))
}

/// Parses an atom for the files of /etc/portage, which allow no USE dependencies.
fn pattern(text: Located<&str>, report: &mut Report) -> Option<Located<Atom>> {
    let atom = report.parse_portage::<Atom>(text)?;
    if atom.value.use_dependencies().is_empty() {
        return Some(atom);
    }
    let fault = Fault::new(
        format!("`{}` selects by USE flags, which Portage allows in `packages` only", atom.value),
        "has USE flags",
    )
    .help("leave out the brackets; `package-use` sets USE flags");
    report.fault(&atom.place, fault);
    None
}

/// Merges USE settings of several lists, the strongest first: the first list with a flag wins.
fn merge_use<'t>(lists: impl Iterator<Item = Node<'t>>, report: &mut Report) -> Vec<Located<UseSetting>> {
    let mut merged: Vec<Located<UseSetting>> = Vec::new();
    for list in lists {
        let mut own: Vec<Located<UseSetting>> = Vec::new();
        for text in list.texts() {
            let Some(setting) = report.parse_portage::<UseSetting>(text) else { continue };
            match own.iter().find(|earlier| earlier.value.flag() == setting.value.flag()) {
                None => own.push(setting),
                Some(earlier) if earlier.value == setting.value => {}
                Some(earlier) => {
                    let message = format!("the USE flag `{}` is on and off in one list", setting.value.flag());
                    let error = Fault::new(message, "the second time").at(setting.place);
                    report.errors().push(error.also(&earlier.place, "the first time"));
                }
            }
        }
        own.retain(|weaker| merged.iter().all(|stronger| stronger.value.flag() != weaker.value.flag()));
        merged.append(&mut own);
    }
    merged
}

/// Merges `package-use` flag by flag: the workspace's setting of a flag applies unless the image sets the same flag.
fn package_use(layers: Layers<'_>, report: &mut Report) -> Vec<ForAtom<Vec<Located<UseSetting>>>> {
    let tables: Vec<Node<'_>> = layers.all("package-use").collect();
    by_atom_of(layers.entries("package-use"), report, |key, _, report| {
        merge_use(tables.iter().filter_map(|table| table.field(key)), report)
    })
}

fn words_by_atom(
    layers: Layers<'_>,
    key: &str,
    check: fn(&str) -> Result<(), Fault>,
    report: &mut Report,
) -> Vec<ForAtom<Vec<Located<String>>>> {
    by_atom(layers, key, report, |list, report| each_once(list.texts().filter_map(|word| report.checked(word, check))))
}

fn by_atom<T>(
    layers: Layers<'_>,
    key: &str,
    report: &mut Report,
    mut read: impl FnMut(Node<'_>, &mut Report) -> T,
) -> Vec<ForAtom<T>> {
    by_atom_of(layers.entries(key), report, |_, value, report| read(value, report))
}

fn by_atom_of<T>(
    entries: Vec<Entry<'_>>,
    report: &mut Report,
    mut read: impl FnMut(&str, Node<'_>, &mut Report) -> T,
) -> Vec<ForAtom<T>> {
    let entries = entries.into_iter().filter_map(|entry| {
        let value = read(entry.key.value, entry.value, report);
        let atom = pattern(entry.key, report)?;
        Some(ForAtom { atom, value })
    });
    entries.collect()
}

/// Checks a keyword: `~amd64`, `amd64`, `-amd64`, `*`, `~*` or `**` (package.accept_keywords in portage(5)).
fn check_keyword(text: &str) -> Result<(), Fault> {
    let name = text.strip_prefix('-').unwrap_or(text);
    let name = name.strip_prefix('~').unwrap_or(name);
    if matches!(text, "*" | "~*" | "**") || is_word(name, "_-") {
        return Ok(());
    }
    Err(Fault::new(format!("`{}` is not a keyword", text.escape_debug()), "not a keyword")
        .help("write \"~amd64\" for packages in testing, or \"**\" for packages without a keyword"))
}

/// Checks a licence, a group of licences, or `*`, each with `-` to refuse it (package.license in portage(5)).
fn check_license(text: &str) -> Result<(), Fault> {
    let name = text.strip_prefix('-').unwrap_or(text);
    if name == "*" || is_word(name.strip_prefix('@').unwrap_or(name), "+_.-") {
        return Ok(());
    }
    Err(Fault::new(format!("`{}` is not a licence", text.escape_debug()), "not a licence")
        .help("write a licence's name, \"@GROUP\" or \"*\""))
}

fn is_word(text: &str, punctuation: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
        && text.chars().all(|character| character.is_ascii_alphanumeric() || punctuation.contains(character))
}

/// Reads patches. Portage applies files that end in .patch or .diff and silently ignores others.
fn read_patches(list: Node<'_>, report: &mut Report) -> Vec<Located<InnerPath>> {
    let folder = list.folder();
    let read = |text: &str| {
        let path = InnerPath::parse(&folder, text)?;
        match path.relative().extension() {
            Some("patch" | "diff") => Ok(path),
            _ => Err(Fault::new(format!("`{}` is not named as a patch", Utf8Path::new(text)), "not a patch")
                .help("Portage wants a name that ends in `.patch` or `.diff`")),
        }
    };
    each_once(list.texts().filter_map(|text| report.keep(text.place, read(text.value))))
}

/// Reads variables of make.conf or of package.env.
pub(super) fn read_variables(entries: &[Entry<'_>], report: &mut Report) -> BTreeMap<String, Located<String>> {
    let mut variables = BTreeMap::new();
    for entry in entries {
        let name = report.checked(entry.key.clone(), check_portage_variable);
        let value = entry.value.text().and_then(|text| report.checked(text, check_no_nul));
        if let (Some(name), Some(value)) = (name, value) {
            check_features(&name.value, &value, report);
            variables.insert(name.value, value);
        }
    }
    variables
}

/// Reports a word of `FEATURES` with which emerge fails in a builder.
fn check_features(name: &str, value: &Located<String>, report: &mut Report) {
    let Some((start, word, reason)) = breaking_feature(&value.value).filter(|_| name == "FEATURES") else { return };
    let fault =
        Fault::new(format!("`{word}` of FEATURES cannot work in a builder: {reason}"), "cannot work in a builder")
            .help("leave it out; Tierce checks the digest of each source, and the key of each binary package");
    let place = narrowed(&Located::new(value.value.as_str(), value.place.clone()), start);
    report.fault(&place, fault);
}

/// Variables that Tierce's steps and the builder's fixed paths depend on.
const FIXED_VARIABLES: [&str; 13] = [
    "DISTDIR",
    "EPREFIX",
    "FETCHCOMMAND",
    "PKGDIR",
    "PORTAGE_BINHOST",
    "PORTAGE_CONFIGROOT",
    "PORTAGE_LOGDIR",
    "PORTAGE_TMPDIR",
    "PORTDIR",
    "PORTDIR_OVERLAY",
    "RESUMECOMMAND",
    "ROOT",
    "SYSROOT",
];

fn check_portage_variable(text: &str) -> Result<(), Fault> {
    check_variable_name(text, true)?;
    if FIXED_VARIABLES.contains(&text) {
        return Err(Fault::new(format!("`{text}` is set by Tierce"), "set by Tierce").help("leave it out"));
    }
    match text {
        "USE" => Err(Fault::new("USE flags are not set through variables", "not a variable to set")
            .help("write `use = […]` for every package, `package-use` for one")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_and_licences_are_checked() {
        for (text, keyword, license) in [
            ("~amd64", true, false),
            ("amd64", true, true),
            ("-amd64", true, true),
            ("**", true, false),
            ("*", true, true),
            ("-*", false, true),
            ("@FREE", false, true),
            ("-@EULA", false, true),
            ("GPL-2+", false, true),
            ("", false, false),
            ("a b", false, false),
            ("~", false, false),
            ("@", false, false),
        ] {
            assert_eq!((check_keyword(text).is_ok(), check_license(text).is_ok()), (keyword, license), "{text:?}");
        }
    }

    #[test]
    fn portage_variables_are_checked() {
        for (text, passes) in
            [("CFLAGS", true), ("EXTRA_ECONF", true), ("ROOT", false), ("USE", false), ("A-B", false), ("1A", false)]
        {
            assert_eq!(check_portage_variable(text).is_ok(), passes, "{text}");
        }
    }
}
