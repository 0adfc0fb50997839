//! The smallest image that Tierce makes: one program and the C library that it needs.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    writeln!(io::stdout(), "hello from scratch")
}
