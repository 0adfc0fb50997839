//! The arguments of the command.

/// The ebuilds to move, and their destination.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// Whether to change files.
    pub(crate) write: bool,
    /// The releases of Debian, from the oldest on.
    pub(crate) suites: Vec<String>,
    /// Whether an ebuild goes to the newest of `suites`, even if it is of an older one.
    pub(crate) follow: bool,
    /// The base URI of a mirror of `debian`; the host's apt sources have it otherwise.
    pub(crate) mirror: Option<String>,
    /// The base URI of a mirror of `debian-security`.
    pub(crate) security_mirror: Option<String>,
    /// The packages, as category/name or name; all if empty.
    pub(crate) packages: Vec<String>,
}

const USAGE: &str = "\
Usage: cargo dev ebuilds [OPTIONS] [PACKAGE…]

  --write                change the ebuilds and their Manifests
  --suite NAME           move to this release of Debian; otherwise each ebuild stays in its own, bookworm or trixie
  --mirror URL           a mirror of Debian instead of that in apt's sources
  --security-mirror URL  a mirror of Debian's security updates";

impl Arguments {
    /// Parses the words of a command line. The error is the text to print.
    pub(crate) fn parse(words: &[String]) -> Result<Self, String> {
        let mut parsed = Self {
            write: false,
            suites: ["bookworm", "trixie"].map(str::to_owned).to_vec(),
            follow: false,
            mirror: None,
            security_mirror: None,
            packages: Vec::new(),
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().cloned().ok_or_else(|| format!("`{word}` needs a value\n\n{USAGE}"));
            match word.as_str() {
                "--write" => parsed.write = true,
                "--suite" => (parsed.suites, parsed.follow) = (vec![value()?], true),
                "--mirror" => parsed.mirror = Some(value()?.trim_end_matches('/').to_owned()),
                "--security-mirror" => parsed.security_mirror = Some(value()?.trim_end_matches('/').to_owned()),
                word if word.starts_with('-') => return Err(format!("unknown option `{word}`\n\n{USAGE}")),
                package => parsed.packages.push(package.to_owned()),
            }
        }
        Ok(parsed)
    }

    /// Whether a package, as category/name, is one to move.
    pub(crate) fn selects(&self, package: &str) -> bool {
        let name = package.rsplit('/').next().unwrap_or(package);
        self.packages.is_empty() || self.packages.iter().any(|wanted| wanted == package || wanted == name)
    }
}
