//! Lists of words that start a program.

use super::Report;
use crate::{error::Fault, node::Node, values::check_no_nul};

/// Reads a program and its arguments.
pub(super) fn command(list: Node<'_>, report: &mut Report) -> Vec<String> {
    if let Some(program) = list.texts().next().filter(|program| program.value.is_empty()) {
        report.fault(&program.place, Fault::new("the name of a program is empty", "no program"));
    }
    arguments(list, report)
}

/// Reads the arguments of a program.
pub(super) fn arguments(list: Node<'_>, report: &mut Report) -> Vec<String> {
    let words = list.texts().filter_map(|word| report.checked(word, check_no_nul));
    words.map(|word| word.value).collect()
}
