//! The path of a tree that comes nearest to a glob which matches none: for whoever mistyped it.

use crate::{FileTree, path};

/// What makes a component of a glob one.
const WILD: [char; 4] = ['*', '?', '[', '{'];

/// The path whose components are those of the glob, or one similar to each, as far as there is such a path and the glob has
/// no wildcard. Of a glob that begins with a wildcard, a path that ends as it does. None where nothing comes near.
#[must_use]
pub fn nearest(tree: &FileTree, glob: &str) -> Option<String> {
    let components: Vec<&str> = glob.strip_prefix('/')?.split('/').collect();
    if components.first()?.contains(WILD) {
        let name = components.last().filter(|name| !name.contains(WILD))?;
        return similar(name, tree.iter().map(|(at, _)| (path::file_name(at), at))).map(str::to_owned);
    }
    let mut near = "/".to_owned();
    for component in components.iter().take_while(|component| !component.contains(WILD)) {
        let next = path::join(&near, component);
        near = match tree.resolve(&next) {
            Ok(resolved) => resolved.path,
            Err(_) => {
                let prefix = path::join(&near, "");
                let children = tree.below(&near).filter_map(|(at, _)| Some((at.strip_prefix(&prefix)?, at)));
                let children = children.filter(|(name, _)| !name.is_empty() && !name.contains('/'));
                match similar(component, children) {
                    Some(child) => child.to_owned(),
                    None => break,
                }
            }
        };
    }
    (near != "/").then_some(near)
}

/// The path whose name is most like this one, if it is like it at all.
fn similar<'t>(name: &str, candidates: impl Iterator<Item = (&'t str, &'t str)>) -> Option<&'t str> {
    let far = (name.chars().count() / 3).max(1);
    let distance = |(other, at)| (strsim::damerau_levenshtein(name, other), at);
    let (distance, at) = candidates.map(distance).min()?;
    (distance <= far).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Node;

    #[test]
    fn the_nearest_is_like_the_glob() {
        let mut tree = FileTree::new();
        for path in ["/usr/share/locale/de", "/usr/share/doc", "/usr/lib64/gconv", "/etc"] {
            tree.insert(path, Node::directory()).unwrap();
        }
        tree.insert("/lib64", Node::symlink("usr/lib64")).unwrap();
        for (glob, expected) in [
            ("/usr/share/locales/**", Some("/usr/share/locale")),
            ("/usr/shared/locale/en", Some("/usr/share/locale")),
            ("/usr/share/mime/**", Some("/usr/share")),
            ("/usr/share/doc/x*", Some("/usr/share/doc")),
            ("/lib64/gconf/*", Some("/usr/lib64/gconv")),
            ("/**/gconvs", Some("/usr/lib64/gconv")),
            ("/**/nothing-like-it", None),
            ("/**/*.a", None),
            ("/opt", None),
            ("/nothing", None),
            ("headers", None),
        ] {
            assert_eq!(nearest(&tree, glob).as_deref(), expected, "{glob}");
        }
    }
}
