//! Finding things by their labels.

use std::collections::{BTreeMap, HashMap};

/// The daemon's filter by labels: of several only the first, as Podman 4.3 combines several in its own ways. What the
/// daemon lists is to be passed through [`has_all`].
pub(crate) fn filter(labels: &[&str]) -> HashMap<String, Vec<String>> {
    labels.first().map(|&first| ("label".to_owned(), vec![first.to_owned()])).into_iter().collect()
}

/// Whether all of the wanted labels, each given as `key` or `key=value`, are there.
pub(crate) fn has_all(labels: &BTreeMap<String, String>, wanted: &[&str]) -> bool {
    wanted.iter().all(|wanted| match wanted.split_once('=') {
        Some((key, value)) => labels.get(key).is_some_and(|has| has == value),
        None => labels.contains_key(*wanted),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_wanted_labels_have_to_be_there() {
        let labels = BTreeMap::from([("a".to_owned(), "1=2".to_owned()), ("b".to_owned(), String::new())]);
        for (wanted, expected) in [
            (&[][..], true),
            (&["a"], true),
            (&["a=1=2", "b="], true),
            (&["b=1"], false),
            (&["a", "c"], false),
            (&["a=1"], false),
        ] {
            assert_eq!(has_all(&labels, wanted), expected, "{wanted:?}");
        }
    }
}
