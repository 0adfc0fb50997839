//! Finds the C libraries by pkg-config, so that the environment chooses the libraries to link against: the distribution's
//! own -dev packages on a developer's machine, and the image's ROOT in a builder.

use std::io::{self, Write};
use std::process::ExitCode;

/// Each library with the oldest version whose interface `src/` uses.
const LIBRARIES: [(&str, &str); 3] = [("libturbojpeg", "2.1"), ("libpng", "1.6"), ("libexif", "0.6")];

fn main() -> ExitCode {
    for (library, version) in LIBRARIES {
        // `statik(false)` is the default, but an ambient LIBPNG_STATIC would override it if it were left out.
        let found = pkg_config::Config::new().statik(false).atleast_version(version).probe(library);
        if let Err(error) = found {
            // An error of a closed stderr is ignored: the exit code reports the failure too.
            let _ = writeln!(io::stderr(), "failed to find `{library}`\n{error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
