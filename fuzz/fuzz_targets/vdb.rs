//! The installed-package database of ROOT, which contains output of the shell code of packages. The input is the list of one
//! package's files: names and texts, separated by NUL.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tierce_portage::{InstalledDatabase, parse_contents, parse_needed, parse_provides};

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.split(|byte| *byte == 0);
    let mut files: Vec<(String, &[u8])> = Vec::new();
    while let (Some(name), Some(text)) = (parts.next(), parts.next()) {
        let name = String::from_utf8_lossy(name);
        let name = if name.contains('/') { format!("var/db/pkg/{name}") } else { format!("var/db/pkg/a/b-1/{name}") };
        files.push((name, text));
    }
    if let Ok(database) = InstalledDatabase::from_files(files.iter().map(|(name, text)| (name.as_str(), *text))) {
        let owners = database.owners(str::to_owned);
        for (_, owner) in owners.iter() {
            assert!(database.package(owner).is_some(), "{owner} owns a file and is not installed");
        }
        for (_, package) in database.packages() {
            for soname in &package.provides {
                assert!(database.provider(soname).is_some(), "{soname} is provided");
            }
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = parse_contents("CONTENTS", text);
        let _ = parse_needed("NEEDED.ELF.2", text);
        let _ = parse_provides("PROVIDES", text);
    }
});
