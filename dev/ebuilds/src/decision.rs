//! Decides whether an ebuild moves, and to which version.

use tierce_debian::{SuitePart, Version};
use tierce_ebuilds::DebianSource;

use crate::ebuild::Ebuild;

/// A version of a source package that a suite has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offer {
    /// The release of Debian: "trixie".
    pub(crate) codename: String,
    pub(crate) part: SuitePart,
    /// The source package.
    pub(crate) name: String,
    /// Upstream's version, without an epoch.
    pub(crate) upstream: String,
    pub(crate) revision: String,
    /// The folder below the base of a mirror.
    pub(crate) directory: String,
    pub(crate) files: Vec<OfferedFile>,
}

/// A file of a source package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OfferedFile {
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) sha256: String,
}

/// The fate of an ebuild.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Its version is the newest.
    Current,
    /// No suite has the source package in this version or a newer one.
    Gone,
    /// The program cannot write the newer version.
    ByHand { version: String, why: String },
    /// A newer version, or its own one whose files the Manifest lacks.
    Move(Target),
}

/// The version that an ebuild moves to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) offer: Offer,
    /// The version of the ebuild.
    pub(crate) version: String,
    /// The suffix of upstream's archive.
    pub(crate) orig: String,
}

impl Offer {
    /// Debian's version without an epoch.
    pub(crate) fn debian_version(&self) -> String {
        if self.revision.is_empty() { self.upstream.clone() } else { format!("{}-{}", self.upstream, self.revision) }
    }
}

impl Decision {
    /// The line that describes it.
    pub(crate) fn line(&self, ebuild: &Ebuild) -> String {
        let now = ebuild.source.debian_version();
        match self {
            Self::Current => format!("{} {now}: newest", ebuild.package),
            Self::Gone => format!("{} {now}: no suite has it", ebuild.package),
            Self::ByHand { version, why } => format!("{} {now} -> {version}: {why}", ebuild.package),
            Self::Move(Target { offer, .. }) if is_newer(&ebuild.source, offer).is_eq() => {
                format!("{} {now}: its Manifest lacks files", ebuild.package)
            }
            Self::Move(Target { offer, .. }) => {
                let suite = offer.part.suite(&offer.codename);
                format!("{} {now} -> {} ({suite})", ebuild.package, offer.debian_version())
            }
        }
    }
}

/// Decides by the offers of all suites, which are in the order of the suites from the oldest on. An ebuild is of the oldest
/// suite that has its version or a newer one; with `follow`, it goes to the newest version of any.
pub(crate) fn decide(ebuild: &Ebuild, offers: &[Offer], follow: bool) -> Decision {
    let source = &ebuild.source;
    let own: Vec<&Offer> = offers.iter().filter(|offer| offer.name == source.name).collect();
    let mut suites: Vec<&str> = own.iter().map(|offer| offer.codename.as_str()).collect();
    suites.dedup();
    if follow {
        suites.reverse();
    }
    let newest = suites.into_iter().find_map(|suite| {
        let newest = newest(own.iter().copied().filter(|offer| offer.codename == suite))?;
        (!is_newer(source, newest).is_lt()).then_some(newest)
    });
    match newest {
        None => Decision::Gone,
        Some(offer) if is_newer(source, offer).is_eq() && ebuild.pinned => Decision::Current,
        Some(offer) => target(ebuild, offer),
    }
}

/// The newest offer; of equal versions the one of the release, whose files stay longer.
fn newest<'o>(offers: impl Iterator<Item = &'o Offer>) -> Option<&'o Offer> {
    offers.reduce(
        |best, offer| if compare(&offer.debian_version(), &best.debian_version()).is_gt() { offer } else { best },
    )
}

/// Compares an offer with the ebuild's version; without a revision, only upstream's versions.
fn is_newer(source: &DebianSource, offer: &Offer) -> std::cmp::Ordering {
    match source.revision {
        Some(_) => compare(&offer.debian_version(), &source.debian_version()),
        None => compare(&offer.upstream, &source.upstream),
    }
}

/// Compares two versions. Those of an index are valid; an ebuild's invalid one is the older.
fn compare(left: &str, right: &str) -> std::cmp::Ordering {
    match (Version::parse(left), Version::parse(right)) {
        (Ok(left), Ok(right)) => left.cmp(&right),
        (left, right) => left.is_ok().cmp(&right.is_ok()),
    }
}

fn target(ebuild: &Ebuild, offer: &Offer) -> Decision {
    let by_hand = |why: &str| Decision::ByHand { version: offer.debian_version(), why: why.to_owned() };
    let Some(version) = version_for(ebuild, offer) else {
        return by_hand("DEBIAN_UPSTREAM does not fit this version; write the ebuild by hand");
    };
    let start = format!("{}_{}.orig.", offer.name, offer.upstream);
    let orig = offer.files.iter().find_map(|file| file.name.strip_prefix(&start));
    match orig {
        Some(orig) => Decision::Move(Target { offer: offer.clone(), version, orig: orig.to_owned() }),
        None => by_hand("the source package has no archive of upstream"),
    }
}

fn version_for(ebuild: &Ebuild, offer: &Offer) -> Option<String> {
    if offer.upstream == ebuild.source.upstream {
        return Some(ebuild.source.version.clone());
    }
    DebianSource::ebuild_version(&ebuild.text, &offer.upstream)
}
