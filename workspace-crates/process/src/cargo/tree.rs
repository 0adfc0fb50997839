//! The crates of a program, as `cargo tree` lists them for its features.

use camino::Utf8Path;
use tierce_report::Crate;

use super::{Options, program};
use crate::{Error, run};

/// The separator of a line's fields.
const SEPARATOR: char = '\t';

/// The package and its normal dependencies for the target of the options, by name, without build scripts and macros.
/// `features` are cargo's own options.
///
/// # Errors
/// `Error::NotFound`, `Error::Start`, and `Error::Failed` for a crate that is not downloaded yet.
pub fn crates(folder: &Utf8Path, package: &str, features: &[String], options: &Options) -> Result<Vec<Crate>, Error> {
    Ok(parse(&tree(folder, package, features, options, "normal,no-proc-macro", "{l}")?))
}

/// A crate that is compiled for a program, be it for a build script or a macro.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Compiled {
    /// Its package's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The names of its features that are on.
    pub features: Vec<String>,
}

/// Returns the crates that are compiled for a package, by name. `features` are cargo's own options.
///
/// # Errors
/// Those of [`crates`].
pub fn compiled(
    folder: &Utf8Path,
    package: &str,
    features: &[String],
    options: &Options,
) -> Result<Vec<Compiled>, Error> {
    let lines = tree(folder, package, features, options, "normal,build", "{f}")?;
    let mut crates: Vec<Compiled> = lines.lines().filter_map(parse_compiled).collect();
    crates.sort();
    crates.dedup();
    Ok(crates)
}

/// Runs `cargo tree`. A line has a field and the package.
fn tree(
    folder: &Utf8Path,
    package: &str,
    features: &[String],
    options: &Options,
    edges: &str,
    field: &str,
) -> Result<String, Error> {
    let shell = run::shell(folder)?;
    let cargo = program()?;
    // The field may be empty, so it comes first: `run::read` trims the end.
    let format = format!("{field}{SEPARATOR}{{p}}");
    let target: Vec<&str> = options.target.iter().flat_map(|target| ["--target", target.as_str()]).collect();
    let command = xshell::cmd!(
        shell,
        "{cargo} tree --frozen --package {package} {features...} {target...} --edges {edges} --prefix none --format {format}"
    );
    run::read("cargo tree", command.quiet())
}

/// Parses the features, then `name v1.0.0 (source)`.
fn parse_compiled(line: &str) -> Option<Compiled> {
    let (features, package) = line.split_once(SEPARATOR)?;
    let mut words = package.split(' ');
    let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
    let features = features.split(',').filter(|feature| !feature.is_empty()).map(str::to_owned).collect();
    Some(Compiled { name: name.to_owned(), version: version.to_owned(), features })
}

/// Parses the lines of `cargo tree`, each crate once.
fn parse(lines: &str) -> Vec<Crate> {
    let mut crates: Vec<Crate> = lines.lines().filter_map(parse_line).collect();
    crates.sort();
    crates.dedup();
    crates
}

/// Parses the licence, then `name v1.0.0 (source)`, and `(*)` for a repeated crate.
fn parse_line(line: &str) -> Option<Crate> {
    let (license, package) = line.split_once(SEPARATOR)?;
    let mut words = package.trim_end_matches(" (*)").splitn(3, ' ');
    let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
    let source = words.next().map(|source| source.trim_start_matches('(').trim_end_matches(')').to_owned());
    Some(Crate { name: name.to_owned(), version: version.to_owned(), license: license.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiled_crates_have_their_features() {
        let one = |name: &str, features: &[&str]| Compiled {
            name: name.into(),
            version: "0.9.1".into(),
            features: features.iter().map(|feature| (*feature).to_owned()).collect(),
        };
        for (line, expected) in [
            ("vendored,default\topenssl-sys v0.9.1", Some(one("openssl-sys", &["vendored", "default"]))),
            ("\tapp v0.9.1 (/home/u/app) (*)", Some(one("app", &[]))),
            ("[build-dependencies]", None),
        ] {
            assert_eq!(parse_compiled(line), expected);
        }
    }

    #[test]
    fn tree_lists_each_crate_once() {
        let lines = "\tapp v0.1.0 (/home/u/app)\nMIT OR Apache-2.0\tserde v1.0.2\nMIT\tx v1.0.0-rc.1 (https://h/x#abc) (*)\n\
                     MIT OR Apache-2.0\tserde v1.0.2 (*)\n\nno crate\n\ty v2.0.0 (*)";
        let entry = |name: &str, version: &str, license: &str, source: Option<&str>| Crate {
            name: name.into(),
            version: version.into(),
            license: license.into(),
            source: source.map(str::to_owned),
        };
        let expected = [
            entry("app", "0.1.0", "", Some("/home/u/app")),
            entry("serde", "1.0.2", "MIT OR Apache-2.0", None),
            entry("x", "1.0.0-rc.1", "MIT", Some("https://h/x#abc")),
            entry("y", "2.0.0", "", None),
        ];
        assert_eq!(parse(lines), expected);
    }
}
