//! Filters by labels.

use std::collections::{BTreeMap, HashMap};

/// The daemon's filter by the first label, since Podman 4.3 combines several in another way. [`has_all`] has to filter the
/// result.
pub(crate) fn filter(labels: &[&str]) -> HashMap<String, Vec<String>> {
    labels.first().map(|&first| ("label".to_owned(), vec![first.to_owned()])).into_iter().collect()
}

/// Whether `labels` has every wanted label, each given as `key` or `key=value`.
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
    fn every_wanted_label_is_required() {
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
