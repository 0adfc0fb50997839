//! Finds secrets in a text: those that it marks by a name, a header, an address or a program's option, and those that their own
//! form gives away.

mod addresses;
mod marks;
mod names;
mod pem;
mod programs;
mod random;
mod scan;
mod shapes;
mod values;

use std::ops::Range;

pub(super) use self::names::is_secret;

/// The replacement for a secret.
pub(super) const MASK: &str = "[masked]";

/// Masks the secrets of a text, and passes each to a function.
pub(super) fn mask(text: &str, found: &mut dyn FnMut(&str)) -> String {
    let mut ranges =
        [pem::find, marks::find, programs::find, shapes::find, random::find].map(|find| find(text)).concat();
    ranges.retain(|range| !is_masked(&text[range.clone()]));
    ranges.iter().for_each(|range| found(&text[range.clone()]));
    replaced(text, ranges)
}

/// Masks the secrets of a serialized document: only those that no quote can cut short.
pub(super) fn mask_shapes(text: &str) -> String {
    replaced(text, [shapes::find(text), random::find(text)].concat())
}

/// The secret words of a command line; the ranges of bytes in each of them.
pub(super) fn in_words(words: &[&str]) -> Vec<(usize, Range<usize>)> {
    programs::in_words(words)
}

/// Whether the value is a mask, which a second pass leaves alone.
fn is_masked(value: &str) -> bool {
    value.strip_prefix(MASK).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
}

/// The text with one mask for each range, or for several that touch.
fn replaced(text: &str, mut ranges: Vec<Range<usize>>) -> String {
    ranges.sort_by_key(|range| range.start);
    let mut masked = String::with_capacity(text.len());
    let mut end = 0;
    for range in ranges.into_iter().filter(|range| !range.is_empty()) {
        if range.start > end || (end == 0 && range.start == 0) {
            masked.push_str(&text[end..range.start]);
            masked.push_str(MASK);
        }
        end = end.max(range.end);
    }
    masked.push_str(&text[end..]);
    masked
}

#[cfg(test)]
mod tests;
