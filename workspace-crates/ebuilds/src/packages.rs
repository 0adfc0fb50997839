//! The packages of the repository.

use crate::files;

/// The packages that have an ebuild, each as `category/name`, in order.
pub fn packages() -> impl Iterator<Item = &'static str> {
    let folder = |(path, _): (&'static str, _)| path.strip_suffix(".ebuild").and(Some(path.rsplit_once('/')?.0));
    let mut packages: Vec<&str> = files().filter_map(folder).collect();
    packages.sort_unstable();
    packages.dedup();
    packages.into_iter()
}

/// The packages of this name, in any category.
pub fn packages_named(name: &str) -> impl Iterator<Item = &'static str> {
    packages().filter(move |package| package.rsplit('/').next() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_listed_once_and_found_by_name() {
        let all: Vec<&str> = packages().collect();
        assert!(all.is_sorted_by(|a, b| a < b), "{all:?}");
        assert!(all.iter().all(|package| package.split('/').count() == 2), "{all:?}");
        assert_eq!(packages_named("zlib").collect::<Vec<_>>(), ["sys-libs/zlib"]);
        assert_eq!(packages_named("libpcre2").count(), 0);
    }
}
