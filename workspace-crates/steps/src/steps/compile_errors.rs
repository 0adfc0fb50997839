//! The causes of a failed compilation that a line of the table mends: a file that the builder lacks, a library that ROOT lacks.

use camino::{Utf8Path, Utf8PathBuf};
use tierce_builders::container::source_mounts::SourceMounts;
use tierce_manifest::{ImageSpec, ProgramSpec};
use tierce_native::{Behaviour, crate_named, package_of_header, package_of_linker, package_of_pkg_config};
use tierce_store::{Error, ErrorKind};

/// Cargo's word for a build script that failed.
pub(super) const BUILD_SCRIPT: &str = "failed to run custom build command for `";

/// The C library's word for a write into a read-only mount.
const READ_ONLY: &str = "Read-only file system";

/// Something that the builder lacks.
#[derive(Debug, PartialEq, Eq)]
enum Missing {
    /// A file, as a program names it.
    File(Utf8PathBuf),
    /// A library, in words, and its package.
    Library(String, &'static str),
}

/// Returns the error of a failed compilation. `output` is the end of cargo's output; `may_have` says whether a repository may have
/// an ebuild of a package.
pub(super) fn error(
    spec: &ImageSpec,
    program: &ProgramSpec,
    output: &str,
    sources: &SourceMounts,
    may_have: impl Fn(&str) -> bool,
) -> Error {
    let name = &program.package.name;
    let fail = |cause: &str| Error::new(ErrorKind::Build, format!("failed to compile `{name}`{cause}")).at(&spec.place);
    for missing in lines(output).filter_map(missing) {
        match missing {
            Missing::Library(_, package) if has(spec, package) => {}
            Missing::Library(what, package) => {
                let help = help_for(package, may_have(package));
                return fail(&format!(": {what} is missing")).with_help(help);
            }
            Missing::File(path) => {
                let Some(host) = sources.meant(&path).filter(|host| host.exists() && !sources.has(host)) else {
                    continue;
                };
                let from_table = relative(program.cargo_toml.parent().unwrap_or(&program.cargo_toml), &host);
                let help = format!("add `sources = [\"{from_table}\"]` to the table; the builder has only packages");
                return fail(&format!(": `{host}` is outside of all packages")).with_help(help);
            }
        }
    }
    if !program.cargo.write_sources && lines(output).any(|line| line.contains(READ_ONLY)) {
        return fail(": it writes into a read-only folder").with_help(
            "a build script writes to OUT_DIR; `write-sources = true` in the table lets it write into the sources too",
        );
    }
    // cargo has printed the cause.
    fail("")
}

/// The edit that makes a library available. If no repository has its package, somebody must write the ebuild first.
fn help_for(package: &str, has_ebuild: bool) -> String {
    let add = format!("add `packages = [\"{package}\"]` to the table");
    if has_ebuild {
        return add;
    }
    format!(
        "write an ebuild of `{package}`, which no repository has, or add a repository that has it; \
         `cargo xtask new builder --repository overlay` creates a repository with an example; then {add}"
    )
}

/// Whether the table names a package.
fn has(spec: &ImageSpec, package: &str) -> bool {
    spec.emerge.packages.iter().any(|atom| atom.value.package().to_string() == package)
}

/// The lines of a text without colours.
fn lines(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(plain)
}

/// A line without the sequences that colour it.
pub(super) fn plain(line: &str) -> String {
    let mut parts = line.split('\x1b');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or("", |(_, rest)| rest))
}

/// The missing thing that a line names.
fn missing(line: String) -> Option<Missing> {
    let library = |what: String, package: Option<&'static str>| package.map(|package| Missing::Library(what, package));
    if let Some(name) = pkg_config_name(&line) {
        return library(format!("the library `{name}` of pkg-config"), package_of_pkg_config(name));
    }
    if let Some(name) = linked_name(&line) {
        return library(format!("the library `{name}`"), package_of_linker(name));
    }
    if let Some(header) = header_name(&line) {
        return library(format!("the header `{header}`"), package_of_header(header));
    }
    if let Some(rest) = line.split(BUILD_SCRIPT).nth(1) {
        let entry = crate_named(rest.split([' ', '`']).next().unwrap_or_default());
        let entry = entry.filter(|entry| entry.behaviour == Behaviour::Links)?;
        return library(format!("the library of the crate `{}`", entry.name), entry.packages.first().copied());
    }
    let is_about_file =
        ["couldn't read", "could not read", "failed to read", "No such file", "does not exist", "not found"];
    if !is_about_file.iter().any(|words| line.contains(words)) {
        return None;
    }
    let is_outside = |text: &&str| !text.contains('`') && (text.contains("../") || text.starts_with("/tierce/"));
    let quoted = |quote: char| line.split(quote).skip(1).step_by(2).find(is_outside);
    ['`', '"', '\''].into_iter().find_map(quoted).map(|path| Missing::File(path.into()))
}

/// pkg-config's name of a library in its own messages and those of the crate `pkg-config`.
fn pkg_config_name(line: &str) -> Option<&str> {
    let between = |start: &str, end: &str| line.split(start).nth(1)?.split(end).next();
    let name = between("The system library `", "` required by")
        .or_else(|| {
            line.contains("was not found in the pkg-config search path").then(|| between("Package ", " was"))?
        })
        .or_else(|| between("No package '", "' found"))
        .or_else(|| line.ends_with("not found").then(|| between("Package '", "', required by"))?)?;
    Some(name.trim_matches('\''))
}

/// The linker's name of a library that it lacks.
fn linked_name(line: &str) -> Option<&str> {
    let start = [
        "cannot find -l",
        "unable to find library -l",
        "library not found: ",
        "could not find native static library `",
    ]
    .iter()
    .find_map(|start| line.split(start).nth(1))?;
    start.split([':', ' ', '`', ',']).next().filter(|name| !name.is_empty())
}

/// A header that a C compiler or bindgen lacks.
fn header_name(line: &str) -> Option<&str> {
    let rest = line.split("fatal error: ").nth(1)?;
    let name = rest.strip_suffix(": No such file or directory").or_else(|| rest.split(" file not found").next())?;
    let name = name.trim_matches(['\'', '"']);
    (name.ends_with(".h") || name.ends_with(".hpp")).then_some(name)
}

/// The path of a file from a folder.
fn relative(folder: &Utf8Path, path: &Utf8Path) -> String {
    let shared = folder.components().zip(path.components()).take_while(|(one, other)| one == other).count();
    let up = folder.components().skip(shared).map(|_| "..");
    up.chain(path.components().skip(shared).map(|part| part.as_str())).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_what_is_missing() {
        let zlib = |what: &str| Some(Missing::Library(what.to_owned(), "sys-libs/zlib"));
        for (line, expected) in [
            (
                "The system library `zlib` required by crate `libz-sys` was not found.",
                zlib("the library `zlib` of pkg-config"),
            ),
            ("Package zlib was not found in the pkg-config search path.", zlib("the library `zlib` of pkg-config")),
            ("No package 'zlib' found", zlib("the library `zlib` of pkg-config")),
            ("Package 'zlib', required by 'virtual:world', not found", zlib("the library `zlib` of pkg-config")),
            ("/usr/bin/ld: cannot find -lz: No such file or directory", zlib("the library `z`")),
            ("rust-lld: error: unable to find library -lz", zlib("the library `z`")),
            (
                "error: could not find native static library `z`, perhaps an -L flag is missing?",
                zlib("the library `z`"),
            ),
            ("native.c:1:10: fatal error: zlib.h: No such file or directory", zlib("the header `zlib.h`")),
            ("wrapper.h:1:10: fatal error: 'zlib.h' file not found", zlib("the header `zlib.h`")),
            (
                "\x1b[1m\x1b[91merror\x1b[0m: failed to run custom build command for `openssl-sys v0.9.109`",
                Some(Missing::Library("the library of the crate `openssl-sys`".to_owned(), "dev-libs/openssl")),
            ),
            ("error: failed to run custom build command for `libz-sys v1.1.2`", None),
            (
                "error: couldn't read `app/src/../../../schema.sql`: No such file or directory (os error 2)",
                Some(Missing::File("app/src/../../../schema.sql".into())),
            ),
            ("error: couldn't read `src/gone.txt`: No such file or directory (os error 2)", None),
            ("warning: unused variable: `x`", None),
        ] {
            assert_eq!(missing(plain(line)), expected, "{line}");
        }
    }

    #[test]
    fn absent_package_needs_an_ebuild() {
        assert_eq!(help_for("sys-libs/zlib", true), "add `packages = [\"sys-libs/zlib\"]` to the table");
        let help = help_for("dev-libs/libpcre2", false);
        assert!(help.starts_with("write an ebuild of `dev-libs/libpcre2`, which no repository has"), "{help}");
        assert!(help.ends_with("; then add `packages = [\"dev-libs/libpcre2\"]` to the table"), "{help}");
    }

    #[test]
    fn paths_start_at_the_table() {
        for (path, expected) in [("/h/schema/a.sql", "../../schema/a.sql"), ("/h/ws/x", "../x"), ("/h/ws/app/y", "y")] {
            assert_eq!(relative("/h/ws/app".into(), path.into()), expected);
        }
    }
}
