//! ld.so.cache: a cache that was read and written reads the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tierce_rootfs::LdCache;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(cache) = LdCache::parse(bytes) {
        let sorted = LdCache::new(cache.entries().to_vec());
        let again = LdCache::parse(&sorted.to_bytes()).expect("what is written can be read");
        assert_eq!(again.entries(), sorted.entries());
    }
});
