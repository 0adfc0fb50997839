//! Cargo's output: all of it goes to a log. The terminal gets it without the output of a failed build script, which is long.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use tierce_store::{Error, files};

use crate::steps::compile_errors::{BUILD_SCRIPT, plain};

/// The last lines of a failed build script that the terminal gets if their cause is unknown.
const SHOWN: usize = 12;

/// The log of one call of cargo, and the lines that the terminal does not get.
pub(super) struct CargoOutput {
    path: PathBuf,
    log: File,
    held: Vec<String>,
    is_held: bool,
}

impl CargoOutput {
    /// Starts a log.
    pub(super) fn new(path: &Path) -> Result<CargoOutput, Error> {
        let failed = |error| Error::file("write", path, error);
        files::create_dir(path.parent().unwrap_or(path))?;
        Ok(CargoOutput {
            path: path.to_owned(),
            log: File::create(path).map_err(failed)?,
            held: Vec::new(),
            is_held: false,
        })
    }

    /// Takes whole lines, and returns those for the terminal.
    pub(super) fn push(&mut self, lines: &[u8]) -> Vec<u8> {
        // A full disk fails the compilation itself.
        let _ = self.log.write_all(lines);
        let mut shown = Vec::new();
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let text = plain(&String::from_utf8_lossy(line));
            let is_first = text.contains(BUILD_SCRIPT);
            // Cargo's next message starts a line.
            if self.is_held && (text.starts_with("warning: ") || text.starts_with("error: ")) {
                self.is_held = false;
            }
            match self.is_held {
                true => self.held.push(text),
                false => shown.extend_from_slice(line),
            }
            self.is_held |= is_first;
        }
        shown
    }

    /// Returns the end of a failed build script's output, and the path of the log; nothing if no build script failed.
    pub(super) fn held(&self) -> Option<(String, &Path)> {
        let lines: Vec<&String> = self.held.iter().filter(|line| !line.trim().is_empty()).collect();
        let last: String = lines[lines.len().saturating_sub(SHOWN)..].iter().map(|line| line.as_str()).collect();
        (!lines.is_empty()).then_some((last, &self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_build_script_goes_to_the_log() {
        let scratch = tempfile::tempdir().expect("a folder");
        let path = scratch.path().join("logs/cargo.log");
        let mut output = CargoOutput::new(&path).expect("writable");
        let script: String = (0..40).map(|line| format!("  line {line}\n")).collect();
        let first = "   Compiling x v1.0.0\nerror: failed to run custom build command for `x v1.0.0`\n";
        let last = "warning: build failed, waiting for other jobs to finish...\n";
        assert_eq!(String::from_utf8(output.push(first.as_bytes())).expect("UTF-8"), first);
        assert_eq!(output.push(script.as_bytes()), b"");
        assert_eq!(output.push(last.as_bytes()), last.as_bytes());
        let (held, log) = output.held().expect("lines");
        assert_eq!((held.lines().count(), held.lines().next(), log), (12, Some("  line 28"), path.as_path()));
        assert_eq!(std::fs::read_to_string(&path).expect("a log"), format!("{first}{script}{last}"));
    }
}
