//! ELF files of ROOT: any bytes result in facts, None or an error, and in the same from memory as from a file.

#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use tierce_elf::Elf;

fuzz_target!(|bytes: &[u8]| {
    let parsed = Elf::parse(bytes);
    let read = Elf::read(&mut Cursor::new(bytes), 0..bytes.len() as u64);
    if let Ok(Some(Elf { build_id: Some(id), .. })) = &parsed {
        assert_eq!(Elf::build_id_in(bytes).as_ref(), Some(id));
    }
    match (parsed, read) {
        (Ok(parsed), Ok(read)) => assert_eq!(parsed, read),
        (Err(_), Err(_)) => {}
        (parsed, read) => panic!("{parsed:?} in memory, {read:?} from a file"),
    }
});
