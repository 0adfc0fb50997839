//! Reads the size limits of an image.

use tierce_portage::PackageName;

use super::Report;
use crate::{error::Fault, node::Layers, spec::SizeLimit};

/// The key for the whole image.
const TOTAL: &str = "total";
/// Owners besides packages that `max-size` may name, as reports name them.
const OTHER_OWNERS: [&str; 2] = ["the program", "declared files"];

/// Reads `max-size`. A single string limits the whole image.
pub(super) fn read_max_size(layers: Layers<'_>, report: &mut Report) -> Vec<SizeLimit> {
    let Some(value) = layers.one("max-size") else { return Vec::new() };
    if let Some(text) = value.text() {
        let most = report.parse(text);
        return most.into_iter().map(|most| SizeLimit { owner: None, most }).collect();
    }
    let mut limits = Vec::new();
    for entry in value.entries() {
        let owner = match entry.key.value {
            TOTAL => Some(None),
            name => report.keep(entry.key.place.clone(), check_owner(name)).map(|owner| Some(owner.value)),
        };
        let most = entry.value.text().and_then(|text| report.parse(text));
        if let (Some(owner), Some(most)) = (owner, most) {
            limits.push(SizeLimit { owner, most });
        }
    }
    limits
}

fn check_owner(name: &str) -> Result<String, Fault> {
    if OTHER_OWNERS.contains(&name) || name.parse::<PackageName>().is_ok() {
        return Ok(name.to_owned());
    }
    let fault = Fault::new(format!("`{}` owns nothing", name.escape_debug()), "neither a package nor `total`");
    let suggested = fault.suggest(name, OTHER_OWNERS.into_iter().chain([TOTAL]));
    Err(suggested)
}
