//! Debian's package index and release file. Both are signed, but a signature names the author and does not prove that they are well-formed.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tierce_debian::{PackageIndex, Release, SEEDS, closure};

fuzz_target!(|text: &str| {
    let _ = Release::parse(text, "bookworm").map(|release| release.check_age(1_700_000_000, None));
    if let Ok(index) = PackageIndex::parse(text, "amd64") {
        let names: Vec<&str> = index.packages().iter().map(|package| package.name).collect();
        let _ = closure(&index, SEEDS);
        if let Ok(debs) = closure(&index, &names) {
            assert!(debs.iter().all(|deb| names.contains(&deb.name.as_str())), "only what the index has is chosen");
        }
    }
});
