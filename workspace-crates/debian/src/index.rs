//! A `Packages` file: every binary package of a component, as the mirror's index describes it.

use std::collections::HashMap;

use crate::relation::{Relation, parse_relations};
use crate::release::is_sha256;
use crate::{Error, Paragraph, Version, control};

/// The packages of one or more `Packages` texts, borrowed from them.
#[derive(Debug, Default)]
pub struct PackageIndex<'t> {
    packages: Vec<IndexedPackage<'t>>,
    by_name: HashMap<&'t str, Vec<usize>>,
    /// Of each virtual name: who provides it, in which version.
    providers: HashMap<&'t str, Vec<(usize, Option<Version<'t>>)>>,
}

/// One package of an index. Relations are kept as they are written and parsed when they are asked for: of the 60,000
/// packages of a suite, a root looks at some hundred.
#[derive(Debug)]
pub struct IndexedPackage<'t> {
    /// Its name.
    pub name: &'t str,
    /// Its version.
    pub version: Version<'t>,
    /// "all" or the architecture of the index.
    pub architecture: &'t str,
    /// Whether it belongs to every root.
    pub essential: bool,
    /// "required", "important", "standard", "optional" or "extra".
    pub priority: &'t str,
    /// Its path below the mirror's base.
    pub filename: &'t str,
    /// The file's size, in bytes.
    pub size: u64,
    /// The file's digest, as hexadecimal digits.
    pub sha256: &'t str,
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
    fn parse(paragraph: &Paragraph<'t>) -> Result<Self, Error> {
        let name = paragraph.require("Packages", "Package")?;
        let filename = paragraph.require(name, "Filename")?;
        if !crate::path::is_plain(filename) {
            return Err(Error::field(name, "Filename", format!("`{filename}` is no path of a mirror")));
        }
        let sha256 = paragraph.require(name, "SHA256")?;
        if !is_sha256(sha256) {
            return Err(Error::field(name, "SHA256", "it is no digest"));
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
                .map_err(|_| Error::field(name, "Size", "it is no number of bytes"))?,
            sha256,
            paragraph: RelationFields {
                pre_depends: field("Pre-Depends"),
                depends: field("Depends"),
                conflicts: field("Conflicts"),
                breaks: field("Breaks"),
            },
        })
    }

    /// What must be in the root with it: Pre-Depends and Depends, clause by clause.
    pub(crate) fn dependencies(&self) -> Result<Vec<Vec<Relation<'t>>>, Error> {
        let mut clauses = parse_relations(self.name, "Pre-Depends", self.paragraph.pre_depends)?;
        clauses.extend(parse_relations(self.name, "Depends", self.paragraph.depends)?);
        Ok(clauses)
    }

    /// What must not be in the root with it: Conflicts and Breaks.
    pub(crate) fn exclusions(&self) -> Result<Vec<Relation<'t>>, Error> {
        let mut clauses = parse_relations(self.name, "Conflicts", self.paragraph.conflicts)?;
        clauses.extend(parse_relations(self.name, "Breaks", self.paragraph.breaks)?);
        Ok(clauses.into_iter().flatten().collect())
    }

    /// The rank of its priority: the lower, the sooner it is chosen among several that provide one name.
    fn rank(&self) -> usize {
        let ranks = ["required", "important", "standard", "optional"];
        ranks.iter().position(|priority| *priority == self.priority).unwrap_or(ranks.len())
    }
}

impl<'t> PackageIndex<'t> {
    /// Parses a `Packages` text and keeps what is of `architecture` ("amd64") or of all.
    ///
    /// # Errors
    /// [`Error::Syntax`], [`Error::Field`] or [`Error::Version`] of the first package that is not as policy has it.
    pub fn parse(text: &'t str, architecture: &str) -> Result<Self, Error> {
        let mut index = Self::default();
        for paragraph in control::paragraphs("Packages", text) {
            let paragraph = paragraph?;
            let package = IndexedPackage::parse(&paragraph)?;
            if package.architecture != "all" && package.architecture != architecture {
                continue;
            }
            let at = index.packages.len();
            for relation in parse_relations(package.name, "Provides", paragraph.get("Provides").unwrap_or(""))?
                .into_iter()
                .flatten()
            {
                let version = relation.constraint.map(|(_, version)| version);
                index.providers.entry(relation.name).or_default().push((at, version));
            }
            index.by_name.entry(package.name).or_default().push(at);
            index.packages.push(package);
        }
        Ok(index)
    }

    /// Every package, in the order of the text.
    pub fn packages(&self) -> &[IndexedPackage<'t>] {
        &self.packages
    }

    /// The packages that satisfy `relation`, best first: those of that name, newest first, then those that provide it,
    /// by priority and name. Places in [`packages`](Self::packages).
    pub(crate) fn candidates(&self, relation: &Relation<'_>) -> Vec<usize> {
        let mut named: Vec<usize> =
            self.named(relation.name).filter(|&at| relation.accepts(self.packages[at].version)).collect();
        named.sort_by(|&left, &right| self.packages[right].version.cmp(&self.packages[left].version));
        let providers = self.providers.get(relation.name).map_or(&[][..], Vec::as_slice);
        let mut provided: Vec<usize> =
            providers.iter().filter(|(_, version)| relation.accepts_provided(*version)).map(|(at, _)| *at).collect();
        provided.sort_by_key(|&at| (self.packages[at].rank(), self.packages[at].name));
        named.into_iter().chain(provided).collect()
    }

    /// The packages of exactly this name.
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
    fn foreign_architectures_are_left_out() {
        let text =
            [paragraph(""), paragraph("").replace("amd64", "i386"), paragraph("").replace("amd64", "all")].join("\n");
        let index = PackageIndex::parse(&text, "amd64").unwrap();
        let architectures: Vec<_> = index.packages().iter().map(|package| package.architecture).collect();
        assert_eq!(architectures, ["amd64", "all"]);
    }

    #[test]
    fn hostile_entries_are_refused() {
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
        failed to read field `Filename` of `a`: `../a.deb` is no path of a mirror
        failed to read field `Filename` of `a`: `/a.deb` is no path of a mirror
        failed to read field `Size` of `a`: it is no number of bytes
        failed to parse version `1 2`: only letters, digits and . + - ~ : are allowed
        failed to read field `SHA256` of `a`: it is no digest
        failed to read field `Provides` of `a`: `a (>=` is no relation
        failed to read field `Package` of `Packages`: it is missing
        ");
    }
}
