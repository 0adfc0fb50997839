//! Selects the packages of a root: the essential ones, the seeds, and the dependencies of both.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::relation::{Relation, parse_relations};
use crate::{Error, PackageIndex, SuitePart};

/// The packages that a builder needs besides the essential ones: Python for Portage (bash is essential), a C and C++
/// toolchain, and the build tools that ebuilds take for granted.
pub const SEEDS: &[&str] = &[
    "base-files",
    "base-passwd",
    // Instead of usrmerge, the first alternative of its dependents: that one needs Perl to convert a root.
    "usr-is-merged",
    "debianutils",
    "mawk",
    "ca-certificates",
    "python3",
    "gcc",
    "g++",
    "libc6-dev",
    "make",
    "patch",
    "file",
    "xz-utils",
    "zstd",
    "bzip2",
    "pkgconf",
    "pax-utils",
    "autoconf",
    "automake",
    "autopoint",
    "autotools-dev",
    "bison",
    "cmake",
    // For FEATURES=splitdebug.
    "debugedit",
    "flex",
    "gettext",
    "libtool",
    "m4",
    "nasm",
    "ninja-build",
    "perl",
    "tcl",
];

/// One package of a root: Tierce.lock records it and the host downloads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deb {
    /// The package's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// "amd64", or "all".
    pub architecture: String,
    /// Its path below the mirror's base: "pool/main/…".
    pub filename: String,
    /// The file's size, in bytes.
    pub size: u64,
    /// The file's digest, in lower-case hexadecimal digits.
    pub sha256: String,
    /// The part of the suite that it is of, which names the archive of its file.
    #[serde(default)]
    pub part: SuitePart,
}

/// The packages of a root, in the order in which [`crate::write_root`] takes them: base-files and base-passwd, then the
/// others by name. The same index and seeds always give the same packages.
///
/// Of alternatives ("a | b"), the first that the index can satisfy is selected, unless the root has another one anyway.
/// Of several packages that provide a name, the highest priority wins, then the first by name. Recommends are ignored.
///
/// # Errors
/// [`Error::Unsatisfiable`] with the chain of packages that require it, [`Error::Conflict`], [`Error::Field`].
pub fn closure(index: &PackageIndex<'_>, seeds: &[&str]) -> Result<Vec<Deb>, Error> {
    let mut closure = Closure { index, selected: BTreeMap::new(), queue: VecDeque::new(), names: HashMap::new() };
    let mut essential: Vec<usize> = (0..index.packages().len()).filter(|&at| index.packages()[at].essential).collect();
    essential.sort_by_key(|&at| index.packages()[at].name);
    for at in essential {
        closure.select(at, Requirer::Essential);
    }
    for seed in seeds {
        for clause in parse_relations("seeds", "Depends", seed)? {
            closure.require(&clause, Requirer::Seed)?;
        }
    }
    closure.run()?;
    closure.check_exclusions()?;
    Ok(closure.debs())
}

/// The installed versions by package name, from which the builder's stub entries in Portage's vdb are written.
pub fn versions(debs: &[Deb]) -> BTreeMap<&str, &str> {
    debs.iter().map(|deb| (deb.name.as_str(), deb.version.as_str())).collect()
}

/// Why a package is in the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Requirer {
    Essential,
    Seed,
    Package(usize),
}

struct Closure<'i, 't> {
    index: &'i PackageIndex<'t>,
    /// The packages of the root, each with the package that requires it.
    selected: BTreeMap<usize, Requirer>,
    /// The packages whose dependencies are not yet selected.
    queue: VecDeque<usize>,
    /// The selected package of each name: a root holds one version of a name.
    names: HashMap<&'t str, usize>,
}

impl<'t> Closure<'_, 't> {
    fn select(&mut self, at: usize, requirer: Requirer) {
        let name = self.index.packages()[at].name;
        // An index may list several versions of an essential package: the root gets the newest.
        if let Some(&other) = self.names.get(name) {
            if self.index.packages()[other].version >= self.index.packages()[at].version {
                return;
            }
            self.selected.remove(&other);
            self.queue.retain(|&queued| queued != other);
        }
        self.names.insert(name, at);
        self.selected.insert(at, requirer);
        self.queue.push_back(at);
    }

    /// Selects until every dependency of every selected package is met. Clauses with a choice wait until the queue is
    /// empty: then they choose a package that the root has anyway, in any order of the packages.
    fn run(&mut self) -> Result<(), Error> {
        let mut choices: VecDeque<(usize, Vec<Relation<'t>>)> = VecDeque::new();
        loop {
            while let Some(at) = self.queue.pop_front() {
                for clause in self.index.packages()[at].dependencies()? {
                    let is_choice = clause.len() > 1 || self.index.candidates(&clause[0]).len() > 1;
                    match is_choice {
                        true => choices.push_back((at, clause)),
                        false => self.require(&clause, Requirer::Package(at))?,
                    }
                }
            }
            let Some((at, clause)) = choices.pop_front() else { return Ok(()) };
            self.require(&clause, Requirer::Package(at))?;
        }
    }

    /// Selects one of the alternatives unless the root has one already.
    fn require(&mut self, clause: &[Relation<'_>], requirer: Requirer) -> Result<(), Error> {
        let candidates: Vec<usize> = clause.iter().flat_map(|relation| self.index.candidates(relation)).collect();
        if candidates.iter().any(|at| self.selected.contains_key(at)) {
            return Ok(());
        }
        // The root cannot hold a second version of a name.
        let free = candidates.iter().find(|&&at| !self.names.contains_key(self.index.packages()[at].name));
        match free {
            Some(&at) => {
                self.select(at, requirer);
                Ok(())
            }
            None => Err(self.unsatisfiable(clause, requirer)),
        }
    }

    fn unsatisfiable(&self, clause: &[Relation<'_>], requirer: Requirer) -> Error {
        let mut offers = BTreeSet::new();
        for relation in clause {
            let named: Vec<usize> = self.index.named(relation.name).collect();
            offers.extend(named.iter().map(|&at| {
                let package = &self.index.packages()[at];
                format!("{} {}", package.name, package.version)
            }));
            if named.is_empty() {
                offers.insert(format!("no {}", relation.name));
            }
        }
        let relation = clause.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ");
        let why = format!("the index has {}", offers.into_iter().collect::<Vec<_>>().join(", "));
        Error::Unsatisfiable { relation, why, chain: self.chain(requirer) }
    }

    /// "seed g++ -> g++-12 12.2.0-14": the packages that lead to `requirer`.
    fn chain(&self, mut requirer: Requirer) -> String {
        let mut chain = Vec::new();
        while let Requirer::Package(at) = requirer {
            let package = &self.index.packages()[at];
            chain.push(format!("{} {}", package.name, package.version));
            // Each package was selected after the one that requires it, so the chain ends.
            requirer = self.selected.get(&at).copied().unwrap_or(Requirer::Seed);
        }
        chain.reverse();
        let origin = if requirer == Requirer::Seed { "seed" } else { "essential" };
        format!("{origin} {}", chain.join(" -> ")).trim_end().to_owned()
    }

    fn check_exclusions(&self) -> Result<(), Error> {
        for &at in self.selected.keys() {
            let package = &self.index.packages()[at];
            for relation in package.exclusions()? {
                let candidates = self.index.candidates(&relation);
                let other = candidates.into_iter().find(|other| *other != at && self.selected.contains_key(other));
                if let Some(other) = other {
                    return Err(Error::Conflict {
                        package: package.name.to_owned(),
                        other: self.index.packages()[other].name.to_owned(),
                        relation: relation.to_string(),
                    });
                }
            }
        }
        Ok(())
    }

    fn debs(&self) -> Vec<Deb> {
        let mut debs: Vec<Deb> = self
            .selected
            .keys()
            .map(|&at| {
                let package = &self.index.packages()[at];
                Deb {
                    name: package.name.to_owned(),
                    version: package.version.to_string(),
                    architecture: package.architecture.to_owned(),
                    filename: package.filename.to_owned(),
                    size: package.size,
                    sha256: package.sha256.to_ascii_lowercase(),
                    part: package.part,
                }
            })
            .collect();
        // The packages that own the root's folders and accounts come first.
        debs.sort_by_key(|deb| (deb.name != "base-files", deb.name != "base-passwd", deb.name.clone()));
        debs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An index from lines "name version field: value; field: value".
    fn index_text(lines: &str) -> String {
        let mut text = String::new();
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let mut words = line.splitn(3, ' ');
            let (name, version) = (words.next().unwrap(), words.next().unwrap());
            let fields = words.next().unwrap_or("").replace("; ", "\n");
            text += &format!(
                "Package: {name}\nVersion: {version}\nArchitecture: amd64\nFilename: pool/{name}.deb\nSize: 1\nSHA256: {}\n{fields}\n\n",
                "0".repeat(64)
            );
        }
        text
    }

    fn names(lines: &str, seeds: &[&str]) -> Result<String, String> {
        let text = index_text(lines);
        let index = PackageIndex::parse(&text, "amd64").map_err(|error| error.to_string())?;
        let debs = closure(&index, seeds).map_err(|error| error.to_string())?;
        Ok(debs.iter().map(|deb| deb.name.as_str()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn closure_selects() {
        let cases: &[(&str, &str, &[&str], &str)] = &[
            ("essential", "a 1 Essential: yes\nb 1", &[], "a"),
            (
                "base packages first",
                "a 1\nbase-passwd 1\nbase-files 1",
                &["a", "base-files", "base-passwd"],
                "base-files base-passwd a",
            ),
            (
                "dependencies of both kinds",
                "a 1 Depends: b; Pre-Depends: c\nb 1\nc 1 Depends: d\nd 1",
                &["a"],
                "a b c d",
            ),
            ("a cycle", "a 1 Depends: b\nb 1 Depends: a", &["a"], "a b"),
            ("the first alternative", "a 1 Depends: b | c\nb 1\nc 1", &["a"], "a b"),
            ("the selected alternative", "a 1 Depends: b | c\nb 1\nc 1", &["a", "c"], "a c"),
            ("the alternative selected later", "a 1 Depends: b | c, d\nb 1\nc 1\nd 1 Depends: c", &["a"], "a c d"),
            ("an alternative that exists", "a 1 Depends: b | c\nc 1", &["a"], "a c"),
            ("an alternative of a fitting version", "a 1 Depends: b (>= 2) | c\nb 1\nc 1", &["a"], "a c"),
            ("a virtual name, by name", "a 1 Depends: v\nz 1 Provides: v\ny 1 Provides: v", &["a"], "a y"),
            (
                "a virtual name, by priority",
                "a 1 Depends: v\nz 1 Provides: v; Priority: required\ny 1 Provides: v",
                &["a"],
                "a z",
            ),
            ("a virtual name that is met", "a 1 Depends: v\nz 1 Provides: v\ny 1 Provides: v", &["a", "z"], "a z"),
            ("a real name before a virtual one", "a 1 Depends: v\nb 1 Provides: v\nv 1", &["a"], "a v"),
            (
                "a versioned virtual name",
                "a 1 Depends: v (>= 2)\nb 1 Provides: v\nc 1 Provides: v (= 2)",
                &["a"],
                "a c",
            ),
            ("qualifiers", "a 1 Depends: b:any\nb 1", &["a"], "a b"),
            ("the newest of one name", "a 1 Depends: b\nb 1\nb 2 Depends: c\nc 1", &["a"], "a b c"),
            ("the version that fits", "a 1 Depends: b (<< 2)\nb 1\nb 2 Depends: c\nc 1", &["a"], "a b"),
            ("a conflict with itself", "a 1 Provides: v; Conflicts: v", &["a"], "a"),
            ("breaks an older one", "a 1 Depends: b; Breaks: b (<< 2)\nb 2", &["a"], "a b"),
        ];
        for (name, lines, seeds, expected) in cases {
            assert_eq!(names(lines, seeds).as_deref(), Ok(*expected), "{name}");
        }
    }

    #[test]
    fn newest_part_of_a_suite_wins() {
        let release = index_text("base 1 Essential: yes\nc 1 Depends: v\np 1 Provides: v\nq 2");
        let security = index_text("base 1 Essential: yes; Depends: q\np 1+deb13u1 Provides: v; Depends: q\nq 1");
        let mut index = PackageIndex::parse(&release, "amd64").unwrap();
        index.add(&security, "amd64", SuitePart::Security).unwrap();
        let debs = closure(&index, &["c", "q"]).unwrap();
        let found: Vec<_> = debs.iter().map(|deb| (deb.name.as_str(), deb.version.as_str(), deb.part)).collect();
        let expected = [
            ("base", "1", SuitePart::Release),
            ("c", "1", SuitePart::Release),
            ("p", "1+deb13u1", SuitePart::Security),
            ("q", "2", SuitePart::Release),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn closure_errors() {
        let cases: &[(&str, &[&str])] = &[
            ("a 1", &["b"]),
            ("a 1 Depends: b\nb 1 Depends: c (>= 2)\nc 1", &["a"]),
            ("a 1 Depends: v (>= 1)\nb 1 Provides: v", &["a"]),
            ("a 1 Depends: b (= 1), b (= 2)\nb 1\nb 2", &["a"]),
            ("a 1 Essential: yes; Depends: b | c", &[]),
            ("a 1 Conflicts: v\nb 1 Provides: v", &["a", "b"]),
            ("a 1 Depends: B", &["a"]),
        ];
        let errors: Vec<String> = cases.iter().map(|(lines, seeds)| names(lines, seeds).unwrap_err()).collect();
        insta::assert_snapshot!(errors.join("\n"), @r"
        failed to satisfy `b`: the index has no b (required by seed)
        failed to satisfy `c (>= 2)`: the index has c 1 (required by seed a 1 -> b 1)
        failed to satisfy `v (>= 1)`: the index has no v (required by seed a 1)
        failed to satisfy `b (= 2)`: the index has b 1, b 2 (required by seed a 1)
        failed to satisfy `b | c`: the index has no b, no c (required by essential a 1)
        failed to put `a` and `b` into one root: a declares `v`
        failed to read field `Depends` of `a`: `B` is not a relation
        ");
    }

    #[test]
    fn index_order_is_irrelevant() {
        let lines = [
            "a 1 Depends: v, b | c",
            "b 1",
            "c 1 Provides: v",
            "d 1 Provides: v",
            "e 1 Essential: yes; Depends: c | d",
        ];
        let reversed: Vec<&str> = lines.iter().rev().copied().collect();
        assert_eq!(names(&lines.join("\n"), &["a"]), names(&reversed.join("\n"), &["a"]));
    }
}
