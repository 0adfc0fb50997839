//! Parses `Packages`: the mirror's index of the binary packages of a component.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::relation::{Relation, parse_relations};
use crate::release::is_sha256;
use crate::{Error, Paragraph, SuitePart, Version, control};

/// The packages of one or more `Packages` texts, borrowed from them.
#[derive(Debug, Default)]
pub struct PackageIndex<'t> {
    packages: Vec<IndexedPackage<'t>>,
    by_name: HashMap<&'t str, Vec<usize>>,
    /// The packages that provide each virtual name, with the provided version.
    providers: HashMap<&'t str, Vec<(usize, Option<Version<'t>>)>>,
}

/// One package of an index. Relations are parsed on demand: a suite has 60,000 packages, a root some hundred.
#[derive(Debug)]
pub struct IndexedPackage<'t> {
    /// Its name.
    pub name: &'t str,
    /// Its version.
    pub version: Version<'t>,
    /// "all" or the architecture of the index.
    pub architecture: &'t str,
    /// Whether every root must have it.
    pub essential: bool,
    /// "required", "important", "standard", "optional" or "extra".
    pub priority: &'t str,
    /// Its path below the mirror's base.
    pub filename: &'t str,
    /// The file's size, in bytes.
    pub size: u64,
    /// The file's digest, as hexadecimal digits.
    pub sha256: &'t str,
    /// The part of the suite whose index has it.
    pub part: SuitePart,
    paragraph: RelationFields<'t>,
}

/// The relation fields of a package, unparsed.
#[derive(Debug)]
struct RelationFields<'t> {
    pre_depends: &'t str,
    depends: &'t str,
    conflicts: &'t str,
    breaks: &'t str,
}

impl<'t> IndexedPackage<'t> {
    fn parse(paragraph: &Paragraph<'t>, part: SuitePart) -> Result<Self, Error> {
        let name = paragraph.require("Packages", "Package")?;
        let filename = paragraph.require(name, "Filename")?;
        if !crate::path::is_plain(filename) {
            return Err(Error::field(name, "Filename", format!("`{filename}` is not a path below a mirror")));
        }
        let sha256 = paragraph.require(name, "SHA256")?;
        if !is_sha256(sha256) {
            return Err(Error::field(name, "SHA256", "it is not a digest"));
        }
        let field = |field| paragraph.get(field).unwrap_or("");
        Ok(Self {
            name,
            version: Version::parse(paragraph.require(name, "Version")?)?,
            architecture: paragraph.require(name, "Architecture")?,
            essential: field("Essential").eq_ignore_ascii_case("yes"),
            priority: field("Priority"),
            filename,
            size: paragraph
                .require(name, "Size")?
                .parse()
                .map_err(|_| Error::field(name, "Size", "it is not a number of bytes"))?,
            sha256,
            part,
            paragraph: RelationFields {
                pre_depends: field("Pre-Depends"),
                depends: field("Depends"),
                conflicts: field("Conflicts"),
                breaks: field("Breaks"),
            },
        })
    }

    /// The packages that it requires: Pre-Depends and Depends, clause by clause.
    pub(crate) fn dependencies(&self) -> Result<Vec<Vec<Relation<'t>>>, Error> {
        let mut clauses = parse_relations(self.name, "Pre-Depends", self.paragraph.pre_depends)?;
        clauses.extend(parse_relations(self.name, "Depends", self.paragraph.depends)?);
        Ok(clauses)
    }

    /// The packages that it excludes from the root: Conflicts and Breaks.
    pub(crate) fn exclusions(&self) -> Result<Vec<Relation<'t>>, Error> {
        let mut clauses = parse_relations(self.name, "Conflicts", self.paragraph.conflicts)?;
        clauses.extend(parse_relations(self.name, "Breaks", self.paragraph.breaks)?);
        Ok(clauses.into_iter().flatten().collect())
    }

    /// The rank of its priority: the lowest is selected among several packages that provide one name.
    fn rank(&self) -> usize {
        let ranks = ["required", "important", "standard", "optional"];
        ranks.iter().position(|priority| *priority == self.priority).unwrap_or(ranks.len())
    }
}

impl<'t> PackageIndex<'t> {
    /// Parses a `Packages` text of a suite's release and keeps the packages of `architecture` ("amd64") and of "all".
    ///
    /// # Errors
    /// [`Error::Syntax`], [`Error::Field`] or [`Error::Version`] of the first package that breaks Debian policy.
    pub fn parse(text: &'t str, architecture: &str) -> Result<Self, Error> {
        let mut index = Self::default();
        index.add(text, architecture, SuitePart::Release)?;
        Ok(index)
    }

    /// Adds the packages of another part of the suite. Of equal versions, the one that was added first is preferred.
    ///
    /// # Errors
    /// Those of [`parse`](Self::parse); the index then has the packages before the first invalid one.
    pub fn add(&mut self, text: &'t str, architecture: &str, part: SuitePart) -> Result<(), Error> {
        for paragraph in control::paragraphs("Packages", text) {
            let paragraph = paragraph?;
            let package = IndexedPackage::parse(&paragraph, part)?;
            if package.architecture != "all" && package.architecture != architecture {
                continue;
            }
            let at = self.packages.len();
            for relation in parse_relations(package.name, "Provides", paragraph.get("Provides").unwrap_or(""))?
                .into_iter()
                .flatten()
            {
                let version = relation.constraint.map(|(_, version)| version);
                self.providers.entry(relation.name).or_default().push((at, version));
            }
            self.by_name.entry(package.name).or_default().push(at);
            self.packages.push(package);
        }
        Ok(())
    }

    /// Every package, in the order of the text.
    pub fn packages(&self) -> &[IndexedPackage<'t>] {
        &self.packages
    }

    /// The packages that satisfy `relation`, best first: packages of that name, newest first, then packages that
    /// provide it, by priority, name, and newest first. The numbers are indexes into [`packages`](Self::packages).
    pub(crate) fn candidates(&self, relation: &Relation<'_>) -> Vec<usize> {
        let mut named: Vec<usize> =
            self.named(relation.name).filter(|&at| relation.accepts(self.packages[at].version)).collect();
        named.sort_by(|&left, &right| self.packages[right].version.cmp(&self.packages[left].version));
        let providers = self.providers.get(relation.name).map_or(&[][..], Vec::as_slice);
        let mut provided: Vec<usize> =
            providers.iter().filter(|(_, version)| relation.accepts_provided(*version)).map(|(at, _)| *at).collect();
        provided.sort_by_key(|&at| {
            let package = &self.packages[at];
            (package.rank(), package.name, Reverse(package.version))
        });
        named.into_iter().chain(provided).collect()
    }

    /// The packages of this name, without those that only provide it.
    pub(crate) fn named(&self, name: &str) -> impl Iterator<Item = usize> {
        self.by_name.get(name).into_iter().flatten().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paragraph(fields: &str) -> String {
        format!(
            "Package: a\nVersion: 1\nArchitecture: amd64\nFilename: pool/a.deb\nSize: 1\nSHA256: {}\n{fields}\n",
            "0".repeat(64)
        )
    }

    #[test]
    fn other_architectures_are_skipped() {
        let text =
            [paragraph(""), paragraph("").replace("amd64", "i386"), paragraph("").replace("amd64", "all")].join("\n");
        let index = PackageIndex::parse(&text, "amd64").unwrap();
        let architectures: Vec<_> = index.packages().iter().map(|package| package.architecture).collect();
        assert_eq!(architectures, ["amd64", "all"]);
    }

    #[test]
    fn invalid_packages_are_errors() {
        let cases = [
            paragraph("").replace("pool/a.deb", "../a.deb"),
            paragraph("").replace("pool/a.deb", "/a.deb"),
            paragraph("").replace("Size: 1", "Size: -1"),
            paragraph("").replace("Version: 1", "Version: 1 2"),
            paragraph("").replace(&"0".repeat(64), "00"),
            paragraph("Provides: a (>= "),
            paragraph("").replace("Package: a\n", ""),
        ];
        let errors: Vec<String> =
            cases.iter().map(|text| PackageIndex::parse(text, "amd64").unwrap_err().to_string()).collect();
        insta::assert_snapshot!(errors.join("\n"), @r"
        failed to read field `Filename` of `a`: `../a.deb` is not a path below a mirror
        failed to read field `Filename` of `a`: `/a.deb` is not a path below a mirror
        failed to read field `Size` of `a`: it is not a number of bytes
        failed to parse version `1 2`: only letters, digits and . + - ~ : are allowed
        failed to read field `SHA256` of `a`: it is not a digest
        failed to read field `Provides` of `a`: `a (>=` is not a relation
        failed to read field `Package` of `Packages`: it is missing
        ");
    }
}
