//! The ebuild repository that a builder of the base `debian` needs, embedded, so that every workspace that depends on this
//! crate has it; and the table of the Gentoo packages for which Debian's own stand in the builder's root.
//!
//! The repository lies in `tree/`, as the [Package Manager Specification] has it. Its Manifests hold the digests of what is
//! downloaded; the ebuilds of the C library and of the compiler's runtime download nothing but take the builder's files.
//!
//! [Package Manager Specification]: https://projects.gentoo.org/pms/8/pms.html

mod packages;
mod provided;
mod source;
#[cfg(test)]
mod tests;

use include_dir::{Dir, include_dir};

pub use packages::{packages, packages_named};
pub use provided::{Provided, provided};
pub use source::{DebianSource, SourceFile};

static TREE: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/tree");

/// The repository's name, as its `profiles/repo_name` says it.
pub const NAME: &str = "tierce";

/// The profile that is chosen where a workspace names none, for a builder of this release of Debian: a folder below the
/// repository's `profiles/`. It masks the versions of libc and of the compiler's runtime that other releases have.
pub fn default_profile(codename: &str) -> &'static str {
    match codename {
        "bookworm" => "default/linux/amd64/bookworm",
        _ => "default/linux/amd64",
    }
}

/// Every file of the repository: its path from the repository's root, with `/` between the parts, and its content. In the
/// order of the paths. None is executable, none is a link.
pub fn files() -> impl Iterator<Item = (&'static str, &'static [u8])> {
    let mut files = Vec::new();
    let mut folders = vec![&TREE];
    while let Some(folder) = folders.pop() {
        folders.extend(folder.dirs());
        files.extend(folder.files().filter_map(|file| Some((file.path().to_str()?, file.contents()))));
    }
    files.sort_unstable_by_key(|&(path, _)| path);
    files.into_iter()
}
