//! The path of a tree that is most similar to a glob without matches: a suggestion for a mistyped glob.

use crate::{FileTree, path};

/// The characters that make a component a glob.
const WILD: [char; 4] = ['*', '?', '[', '{'];

/// Returns the longest path whose components equal or resemble those of the glob, up to its first wildcard. For a glob that
/// begins with a wildcard, a path whose last component resembles the glob's. `None` if no path is similar.
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

/// The most globs that get a suggestion. Each one compares a name with all names of the tree, and nobody reads a hundred.
const MOST_SUGGESTIONS: usize = 20;

/// Globs without matches, each with its suggestion: [`nearest`].
pub fn suggestions<'g>(
    tree: &FileTree,
    globs: impl IntoIterator<Item = &'g str>,
) -> impl Iterator<Item = (&'g str, Option<String>)> {
    let one =
        |(index, glob): (usize, &'g str)| (glob, (index < MOST_SUGGESTIONS).then(|| nearest(tree, glob)).flatten());
    globs.into_iter().enumerate().map(one)
}

/// The path with the most similar name. At most a third of the characters may differ.
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
    fn nearest_resembles_the_glob() {
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
