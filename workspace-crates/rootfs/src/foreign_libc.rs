//! The C library of an image on an external base that has another one.
//!
//! The parts of glibc fit only together: they use functions of each other that no interface covers (`GLIBC_PRIVATE`). If ROOT's
//! libc.so.6 precedes the base's, the base's own programs need all other parts of ROOT's too, although the image's program does not.
//!
//! A program that was linked with an older glibc runs with a newer one, but not the other way around. So a base with a newer glibc
//! keeps its own, and the image's program runs with that.

use std::collections::{BTreeMap, BTreeSet};

use tierce_elf::Elf;

use crate::{Base, Closure, Error, FileContent, Index, Reason, Start};

const LIBC: &str = "libc.so.6";
/// The libraries of glibc that some version has and a later one lacks.
const DROPPED: [&str; 4] = ["libSegFault.so", "libcidn.so.1", "libnsl.so.1", "libnss_nisplus.so.2"];

/// The parts of ROOT's C library that an external base needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestOfLibc {
    /// The parts that the base has too, for the selection.
    pub starts: Vec<Start>,
    /// The sonames of parts that ROOT lacks, each with a file of the base that needs it.
    pub lacking: BTreeMap<String, String>,
}

impl Base {
    /// Returns ROOT without the parts of its C library, if the base is external and has a newer one; they then come from the base.
    /// `owners` maps ROOT's paths to packages.
    ///
    /// # Errors
    /// Those of [`Index::select`].
    pub fn root_without_libc(&self, root: &Index, owners: &BTreeMap<String, String>) -> Result<Option<Index>, Error> {
        let newest = |index: &Index| {
            let libc = libraries(index).filter(|(_, name, ..)| *name == LIBC);
            libc.filter_map(|(at, _, elf, _)| Some((elf.glibc?, at.to_owned()))).max()
        };
        let (Some((own, libc)), Some((theirs, _))) = (newest(root), newest(self.image())) else { return Ok(None) };
        let Some(package) = owners.get(&libc).filter(|_| self.is_foreign() && own < theirs) else { return Ok(None) };
        let parts: BTreeSet<&str> =
            libraries(root).map(|(at, ..)| at).filter(|at| owners.get(*at) == Some(package)).collect();
        // A link to a part may be at a path where the base has its own.
        let is_part = |at: &str| match root.tree().get(at) {
            Some(node) if node.is_symlink() => {
                root.tree().resolve(at).is_ok_and(|real| parts.contains(real.path.as_str()))
            }
            _ => parts.contains(at),
        };
        root.select(root.tree().iter().map(|(at, _)| at).filter(|at| *at != "/" && !is_part(at))).map(Some)
    }

    /// Returns the parts of ROOT's C library that `chosen` lacks and the base has. Empty unless `chosen` has another libc.so.6 than
    /// the base. `laid` are the paths that came from the base itself ([`Base::lay_over`]), and `owners` maps ROOT's paths to packages.
    pub fn rest_of_libc(
        &self,
        index: &Index,
        chosen: &Closure,
        laid: &BTreeMap<String, String>,
        owners: &BTreeMap<String, String>,
    ) -> RestOfLibc {
        let is_own = |at: &str| !laid.contains_key(at);
        let own_libc =
            libraries(index).find(|(at, name, ..)| *name == LIBC && is_own(at) && chosen.reason(at).is_some());
        let Some((libc, _, elf, content)) = own_libc.filter(|_| self.is_foreign()) else {
            return RestOfLibc::default();
        };
        let of_base: BTreeMap<&str, &FileContent> = libraries(self.image())
            .filter(|(.., other, _)| other.is_compatible_with(elf))
            .map(|(_, name, _, content)| (name, content))
            .collect();
        match of_base.get(LIBC) {
            Some(theirs) if theirs.sha256 != content.sha256 => {}
            _ => return RestOfLibc::default(),
        }
        let package = owners.get(libc);
        let is_part = |(at, _, other, _): &(&str, &str, &Elf, &FileContent)| {
            is_own(at) && other.is_compatible_with(elf) && owners.get(*at) == package
        };
        let parts: Vec<(&str, &str)> = libraries(index).filter(is_part).map(|(at, name, ..)| (at, name)).collect();
        let there: BTreeSet<&str> = parts.iter().map(|(_, name)| *name).collect();
        let reason = Reason::RestOfLibc { image: self.name().to_owned() };
        let wanted = parts.iter().filter(|(at, name)| of_base.contains_key(name) && chosen.reason(at).is_none());
        let starts = wanted.map(|(at, _)| Start { reason: reason.clone(), path: (*at).to_owned() }).collect();
        let lost = |name: &str| DROPPED.contains(&name) && of_base.contains_key(name) && !there.contains(name);
        let needs = self.image().files().filter_map(|(at, content)| Some((at, &content.elf()?.needed)));
        let lacking = needs.flat_map(|(at, needed)| needed.iter().map(move |name| (name, at)));
        let lacking = lacking.filter(|(name, _)| lost(name)).map(|(name, at)| (name.clone(), at.to_owned())).collect();
        RestOfLibc { starts, lacking }
    }
}

/// The libraries of an index: path, soname, facts and content.
fn libraries(index: &Index) -> impl Iterator<Item = (&str, &str, &Elf, &FileContent)> {
    index.files().filter_map(|(at, content)| {
        let elf = content.elf()?;
        Some((at, elf.soname.as_deref()?, elf, content))
    })
}

#[cfg(test)]
mod tests {
    use tierce_elf::{Class, Endianness, Kind, Machine};

    use super::*;
    use crate::{Format, Node, NodeKind, stack};

    /// An index of libraries: path, soname, content, and needed sonames.
    fn index(lines: &[(&str, &str, &str, &[&str])]) -> Index {
        let mut index = Index::new();
        for (path, soname, text, needed) in lines {
            let mut elf = Elf::bare(Class::Elf64, Endianness::Little, Machine::X86_64, Kind::Shared);
            elf.soname = Some((*soname).to_owned()).filter(|soname| !soname.is_empty());
            elf.needed = needed.iter().map(|&soname| soname.to_owned()).collect();
            elf.glibc =
                text.split_once('.').and_then(|(first, minor)| Some((first.parse().ok()?, minor.parse().ok()?)));
            let content =
                FileContent { format: Format::Elf(Box::new(elf)), ..FileContent::of_bytes(text.as_bytes().into()) };
            index.insert_file(path, Node::new(NodeKind::File { size: 0 }, 0o755), 1, content).unwrap();
        }
        index
    }

    const ROOT: &[(&str, &str, &str, &[&str])] = &[
        ("/usr/lib64/libc.so.6", "libc.so.6", "2.36", &[]),
        ("/usr/lib64/libpthread.so.0", "libpthread.so.0", "2.36", &[]),
        ("/usr/lib64/librt.so.1", "librt.so.1", "2.36", &[]),
        ("/usr/lib64/libm.so.6", "libm.so.6", "2.36", &[]),
        ("/usr/lib64/libz.so.1", "libz.so.1", "own", &[]),
        ("/usr/lib/libdl.so.2", "libdl.so.2", "of another package", &[]),
    ];
    const BASE: &[(&str, &str, &str, &[&str])] = &[
        ("/bin/ls", "", "ls", &["libpthread.so.0", "libc.so.6"]),
        ("/lib/x/libc-2.31.so", "libc.so.6", "2.31", &[]),
        ("/lib/x/libpthread-2.31.so", "libpthread.so.0", "2.31", &["libc.so.6"]),
        ("/lib/x/libm-2.31.so", "libm.so.6", "2.31", &["libc.so.6"]),
        ("/lib/x/libz.so.1.2", "libz.so.1", "theirs", &["libc.so.6"]),
        ("/lib/x/libdl-2.31.so", "libdl.so.2", "2.31", &[]),
        ("/lib/x/libnsl-2.31.so", "libnsl.so.1", "2.31", &[]),
    ];

    /// Returns the paths that join a selection of these paths, and the parts that ROOT lacks.
    fn rest(base: &[(&str, &str, &str, &[&str])], chosen: &[&str]) -> (Vec<String>, Vec<(String, String)>) {
        let layers = [index(base)];
        let base = Base::new("debian:11", &stack(&layers), &[], Index::new(), true).unwrap();
        let mut root = index(ROOT);
        let laid = base.lay_over(&mut root).unwrap();
        let owner = |path: &str| if path.ends_with("libz.so.1") { "sys-libs/zlib" } else { "sys-libs/glibc" };
        let of_root = ROOT.iter().map(|(path, ..)| ((*path).to_owned(), owner(path).to_owned()));
        let owners = of_root.filter(|(path, _)| path != "/usr/lib/libdl.so.2").collect();
        let mut closure = Closure::default();
        chosen.iter().for_each(|path| closure.add(path, Reason::Program));
        let RestOfLibc { starts, lacking } = base.rest_of_libc(&root, &closure, &laid, &owners);
        (starts.into_iter().map(|start| start.path).collect(), lacking.into_iter().collect())
    }

    #[test]
    fn parts_that_the_base_has_join_libc() {
        let joined = rest(BASE, &["/usr/lib64/libc.so.6"]).0;
        // Not librt, which the base lacks, and not files of other packages.
        assert_eq!(joined, ["/usr/lib64/libm.so.6", "/usr/lib64/libpthread.so.0"]);
        assert_eq!(rest(BASE, &["/usr/lib64/libc.so.6", "/usr/lib64/libm.so.6"]).0, ["/usr/lib64/libpthread.so.0"]);
    }

    #[test]
    fn newer_libc_of_base_stays() {
        let newer: Vec<_> = BASE
            .iter()
            .map(|&(at, name, text, needed)| (at, name, if text == "2.31" { "2.41" } else { text }, needed))
            .collect();
        let rest = |base: &[(&str, &str, &str, &[&str])], is_foreign| {
            let layers = [index(base)];
            let base = Base::new("debian:13", &stack(&layers), &[], Index::new(), is_foreign).unwrap();
            let owner = |path: &str| if path.contains("libz") { "sys-libs/zlib" } else { "sys-libs/glibc" };
            let owners = ROOT.iter().map(|(path, ..)| ((*path).to_owned(), owner(path).to_owned())).collect();
            let mut root = index(ROOT);
            root.insert("/usr/lib64/libpthread.so", Node::symlink("libpthread.so.0")).unwrap();
            root.insert("/usr/lib64/libz.so", Node::symlink("libz.so.1")).unwrap();
            let rest = base.root_without_libc(&root, &owners).unwrap();
            rest.map(|rest| {
                let leaves = rest.tree().iter().filter(|(_, node)| !node.is_directory());
                leaves.map(|(at, _)| at.to_owned()).collect::<Vec<_>>()
            })
        };
        assert_eq!(rest(&newer, true).unwrap(), ["/usr/lib64/libz.so", "/usr/lib64/libz.so.1"]);
        assert_eq!(rest(BASE, true), None, "an older one");
        assert_eq!(rest(&BASE[..1], true), None, "none");
        assert_eq!(rest(&newer, false), None, "a base of the workspace");
    }

    #[test]
    fn nothing_joins_without_another_libc() {
        assert_eq!(rest(BASE, &["/usr/lib64/libz.so.1"]), Default::default(), "ROOT's libc is not in the image");
        let same: Vec<_> = BASE
            .iter()
            .map(|&(at, name, text, needed)| (at, name, if name == LIBC { "2.36" } else { text }, needed))
            .collect();
        assert_eq!(rest(&same, &["/usr/lib64/libc.so.6"]), Default::default(), "the base has the same one");
        assert_eq!(rest(&BASE[..1], &["/usr/lib64/libc.so.6"]), Default::default(), "the base has none");
    }

    #[test]
    fn part_that_root_lacks_is_reported_if_needed() {
        let with = |needed: &'static [&'static str]| {
            let mut base = BASE.to_vec();
            base[0].3 = needed;
            rest(&base, &["/usr/lib64/libc.so.6"]).1
        };
        assert_eq!(with(&["libc.so.6"]), []);
        assert_eq!(with(&["libnsl.so.1"]), [("libnsl.so.1".to_owned(), "/bin/ls".to_owned())]);
    }
}
