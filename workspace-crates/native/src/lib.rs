//! The crates that link a native library, the Gentoo packages with that library, and the variables that make a crate link it.
//!
//! By default, many of these crates compile a copy of the library. Such a copy gets no updates from Gentoo, ignores the table's USE
//! flags, and is not in Tierce.lock. [`TABLE`] has the default of each crate ([`Behaviour`]) and the variables that make it use the
//! library ([`NativeCrate::variables`]). A builder sets the variables of the libraries that ROOT has; [`switches`] lists them.
//!
//! The table comes from the crates' build scripts. A crate outside of it links the libraries that pkg-config finds.

mod libraries;
mod table;

pub use libraries::{package_of_header, package_of_linker, package_of_pkg_config};
pub use table::TABLE;

/// A crate that links a native library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NativeCrate {
    /// Its name in Cargo.lock.
    pub name: &'static str,
    /// The packages that have the library, as `category/name`: the usual one first.
    pub packages: &'static [&'static str],
    /// The file that shows that ROOT has the library.
    pub library: Library,
    /// The default of the crate.
    pub behaviour: Behaviour,
    /// The variables that make it use the library, with their values; `{lib}` is the folder of ROOT's libraries.
    pub variables: &'static [(&'static str, &'static str)],
    /// The edit of Cargo.toml that makes the crate use the library, if no variable does: "the feature `pkg-config`".
    pub cargo_toml: Option<&'static str>,
}

/// A file of a library in ROOT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// pkg-config's file of this name, without `.pc`.
    PkgConfig(&'static str),
    /// The linker's name of the library, without `lib` and `.so`; it has no file for pkg-config.
    Linker(&'static str),
}

impl Library {
    /// Returns the path of the file below `/usr/lib64` of ROOT.
    pub fn path(self) -> String {
        match self {
            Library::PkgConfig(name) => format!("pkgconfig/{name}.pc"),
            Library::Linker(name) => format!("lib{name}.so"),
        }
    }
}

/// The default of a crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// It links the library, or fails without it.
    Links,
    /// It links the library, or compiles its own copy without it.
    LinksOrBundles,
    /// It compiles its own copy, unless a variable or a feature changes that.
    Bundles,
    /// It compiles its own copy, always.
    OnlyBundles,
}

/// A variable of the environment that makes a crate use a library that ROOT has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switch {
    /// The library that ROOT must have.
    pub library: Library,
    /// The variable.
    pub variable: &'static str,
    /// Its value; `{lib}` is the folder of ROOT's libraries.
    pub value: &'static str,
}

/// Returns the entry of a crate.
pub fn crate_named(name: &str) -> Option<&'static NativeCrate> {
    TABLE.iter().find(|entry| entry.name == name)
}

/// Returns the crates that link a library of a package, `category/name`.
pub fn crates_of(package: &str) -> impl Iterator<Item = &'static NativeCrate> {
    TABLE.iter().filter(move |entry| entry.packages.contains(&package))
}

/// Returns all variables that builders set, each with the library that ROOT must have.
pub fn switches() -> impl Iterator<Item = Switch> {
    TABLE.iter().flat_map(|entry| {
        let of_variable =
            |(variable, value): &(&'static str, &'static str)| Switch { library: entry.library, variable, value };
        entry.variables.iter().map(of_variable)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Behaviour, Library, TABLE, crate_named, crates_of, switches};

    #[test]
    fn crates_are_sorted_and_known_once() {
        let names: Vec<&str> = TABLE.iter().map(|entry| entry.name).collect();
        let sorted: Vec<&str> = names.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        assert_eq!(names, sorted);
    }

    #[test]
    fn rows_are_well_formed() {
        for entry in TABLE {
            assert!(!entry.packages.is_empty(), "{}", entry.name);
            for package in entry.packages {
                let (category, name) = package.split_once('/').expect("a category");
                assert!(!category.is_empty() && !name.is_empty() && !name.contains(['/', ':', '[']), "{package}");
            }
            let told = !entry.variables.is_empty() || entry.cargo_toml.is_some();
            match entry.behaviour {
                Behaviour::Bundles => assert!(told, "{}: nothing makes it use the library", entry.name),
                Behaviour::OnlyBundles => assert!(!told, "{}: nothing helps", entry.name),
                Behaviour::Links | Behaviour::LinksOrBundles => {}
            }
        }
    }

    #[test]
    fn variables_have_one_value() {
        let mut seen = std::collections::BTreeMap::new();
        for switch in switches() {
            let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_./-{}".contains(&byte));
            assert!(plain(switch.variable) && plain(switch.value), "{switch:?}: a shell reads it");
            assert_eq!(*seen.entry(switch.variable).or_insert(switch.value), switch.value, "{switch:?}");
        }
    }

    #[test]
    fn entries_are_found_by_crate_and_package() {
        let zlib = crate_named("libz-sys").expect("listed");
        assert_eq!((zlib.library.path().as_str(), zlib.behaviour), ("pkgconfig/zlib.pc", Behaviour::LinksOrBundles));
        assert_eq!(crate_named("serde"), None);
        let names: Vec<&str> = crates_of("dev-libs/oniguruma").map(|entry| entry.name).collect();
        assert_eq!(names, ["onig_sys"]);
        assert_eq!(Library::Linker("rocksdb").path(), "librocksdb.so");
    }
}
