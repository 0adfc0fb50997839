//! The crates that a program is compiled from, as `cargo tree` names them for exactly its features.

use camino::Utf8Path;
use serde::{Deserialize, Serialize};

use super::{Options, program};
use crate::{Error, run};

/// What separates the fields of a line.
const SEPARATOR: char = '\t';

/// A crate whose code is in a program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Crate {
    /// Its package's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// An SPDX expression; empty where its Cargo.toml has none.
    pub license: String,
    /// A folder or the address of a repository; none for one of the default registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// The crates whose code is in a package's programs, itself included, by name: normal dependencies for the target of the options,
/// without what runs only while compiling. `features` are cargo's own options.
///
/// # Errors
/// `Error::NotFound`, `Error::Start`, and `Error::Failed` where something is not downloaded, as nothing is fetched here.
pub fn crates(folder: &Utf8Path, package: &str, features: &[String], options: &Options) -> Result<Vec<Crate>, Error> {
    let shell = run::shell(folder)?;
    let cargo = program()?;
    // The licence, which may be missing, is not at the end, where spaces mean nothing.
    let format = format!("{{l}}{SEPARATOR}{{p}}");
    let target: Vec<&str> = options.target.iter().flat_map(|target| ["--target", target.as_str()]).collect();
    let command = xshell::cmd!(
        shell,
        "{cargo} tree --frozen --package {package} {features...} {target...} --edges normal,no-proc-macro --prefix none --format {format}"
    );
    Ok(parse(&run::read("cargo tree", command.quiet())?))
}

/// The lines of `cargo tree`, each crate once.
fn parse(lines: &str) -> Vec<Crate> {
    let mut crates: Vec<Crate> = lines.lines().filter_map(parse_line).collect();
    crates.sort();
    crates.dedup();
    crates
}

/// The licence, then `name v1.0.0 (source)`, and `(*)` where the crate stands in the tree before.
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
    fn lines_of_the_tree_are_crates_each_once() {
        let lines = "\tapp v0.1.0 (/home/u/app)\nMIT OR Apache-2.0\tserde v1.0.2\nMIT\tx v1.0.0-rc.1 (https://h/x#abc) (*)\n\
                     MIT OR Apache-2.0\tserde v1.0.2 (*)\n\nno crate\n\ty v2.0.0 (*)";
        let of = |name: &str, version: &str, license: &str, source: Option<&str>| Crate {
            name: name.into(),
            version: version.into(),
            license: license.into(),
            source: source.map(str::to_owned),
        };
        let expected = [
            of("app", "0.1.0", "", Some("/home/u/app")),
            of("serde", "1.0.2", "MIT OR Apache-2.0", None),
            of("x", "1.0.0-rc.1", "MIT", Some("https://h/x#abc")),
            of("y", "2.0.0", "", None),
        ];
        assert_eq!(parse(lines), expected);
    }
}
