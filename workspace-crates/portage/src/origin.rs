//! The origin of the code that a build runs. Ebuilds, eclasses and patches of a workspace run as root in the container of a build,
//! and may change it for every package that is compiled there later.

use std::collections::BTreeSet;

use crate::config::PortageConfig;
use crate::package_name::{Cpv, RepositoryName};
use crate::resolution::ResolvedPackage;

impl PortageConfig {
    /// Whether a build of `package` runs code of the workspace: its ebuild is not of the repository `main`, or the tables have a
    /// patch or variables for it.
    pub fn is_foreign(&self, package: &ResolvedPackage, main: &RepositoryName) -> bool {
        let mut atoms = self.package_env.keys().chain(self.patches.keys());
        package.repository != *main || atoms.any(|atom| package.matches(atom))
    }
}

/// Returns a package and its direct and indirect dependencies among `packages`, in their order: the packages that its build needs in
/// the builder.
pub fn with_dependencies<'p>(package: &Cpv, packages: &'p [ResolvedPackage]) -> Vec<&'p ResolvedPackage> {
    let mut needed: BTreeSet<Cpv> = BTreeSet::new();
    let mut open = vec![package.clone()];
    while let Some(next) = open.pop() {
        let resolved = packages.iter().find(|package| package.cpv() == next);
        if needed.insert(next) {
            open.extend(resolved.into_iter().flat_map(|package| package.needs.iter().cloned()));
        }
    }
    packages.iter().filter(|package| needed.contains(&package.cpv())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, needs: &[&str]) -> ResolvedPackage {
        let text = serde_json::json!({
            "category": "a", "name": name, "version": "1", "slot": "0", "subslot": "0", "repository": "tierce", "use": [],
            "iuse": [], "license": "", "description": "", "homepage": "", "ebuild": "ab".repeat(32), "builder": true,
            "root": true, "needs": needs,
        });
        serde_json::from_value(text).expect("a package")
    }

    #[test]
    fn dependencies_are_closed_and_ordered() {
        let all = [
            package("zlib", &[]),
            package("other", &[]),
            package("png", &["a/zlib-1", "a/gd-1"]),
            package("gd", &["a/png-1", "a/absent-1"]),
        ];
        for (of, expected) in [("zlib", "zlib"), ("png", "zlib png gd"), ("gd", "zlib png gd"), ("absent", "")] {
            let cpv = format!("a/{of}-1").parse().expect("a package");
            let names: Vec<String> =
                with_dependencies(&cpv, &all).iter().map(|package| package.name.to_string()).collect();
            assert_eq!(names.join(" "), expected, "{of}");
        }
    }
}
