//! Follows the log of a package that is compiled: its phase, and the count of make or ninja.

use std::fmt;

/// The progress of one package, from the lines of its log. `Display` is a few words: `compile 12/345`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackageLog {
    phase: Option<Phase>,
    count: Count,
}

/// A phase of an ebuild.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Unpack,
    Prepare,
    Configure,
    Compile,
    Test,
    Install,
    Package,
}

/// The part of a phase that is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Count {
    #[default]
    None,
    /// Ninja and meson: `[12/345]`.
    Of(u32, u32),
    /// The Makefiles of cmake: `[ 45%]`.
    Percent(u32),
    /// Plain make: the number of compiled files, as no line has their total.
    Files(u32),
}

/// The start of the line that begins a phase, after `>>> `.
const STARTS: [(&str, Phase); 7] = [
    ("Unpacking source", Phase::Unpack),
    ("Preparing source", Phase::Prepare),
    ("Configuring source", Phase::Configure),
    ("Compiling source", Phase::Compile),
    ("Test phase", Phase::Test),
    ("Install ", Phase::Install),
    ("Completed installing", Phase::Package),
];

impl PackageLog {
    /// Reads the next line of the log.
    pub fn line(&mut self, line: &str) {
        let line = super::log::plain(line);
        let text = line.trim();
        if let Some(message) = text.strip_prefix(">>> ")
            && let Some((_, phase)) = STARTS.iter().find(|(start, _)| message.starts_with(start))
        {
            (self.phase, self.count) = (Some(*phase), Count::None);
        } else if let Some(count) = bracketed(text) {
            self.count = count;
        } else if self.phase == Some(Phase::Compile) && compiles(text) {
            match &mut self.count {
                Count::Files(files) => *files += 1,
                count @ Count::None => *count = Count::Files(1),
                // Its total is worth more.
                Count::Of(..) | Count::Percent(_) => {}
            }
        }
    }
}

impl fmt::Display for PackageLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.phase {
            None => "start",
            Some(Phase::Unpack) => "unpack",
            Some(Phase::Prepare) => "prepare",
            Some(Phase::Configure) => "configure",
            Some(Phase::Compile) => "compile",
            Some(Phase::Test) => "test",
            Some(Phase::Install) => "install",
            Some(Phase::Package) => "package",
        })?;
        match self.count {
            Count::None => Ok(()),
            Count::Of(done, total) => write!(formatter, " {done}/{total}"),
            Count::Percent(percent) => write!(formatter, " {percent}%"),
            Count::Files(files) => write!(formatter, " {files} files"),
        }
    }
}

/// The count at the start of a line: `[12/345]` or `[ 45%]`.
fn bracketed(line: &str) -> Option<Count> {
    let (inside, _) = line.strip_prefix('[')?.split_once(']')?;
    if let Some(percent) = inside.strip_suffix('%') {
        return percent.trim().parse().ok().filter(|percent| *percent <= 100).map(Count::Percent);
    }
    let (done, total) = inside.split_once('/')?;
    let (done, total) = (done.trim().parse().ok()?, total.trim().parse().ok()?);
    (done <= total && total > 0).then_some(Count::Of(done, total))
}

/// Whether make compiles a file with this line: a compiler's command, or its short form as of Linux and automake.
fn compiles(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let first = words.next().unwrap_or_default();
    let is_short = matches!(first, "CC" | "CXX" | "CCLD" | "AS" | "HOSTCC") && words.next().is_some();
    is_short || (line.contains(" -c ") && (first.contains("cc") || first.contains("++") || first.contains("libtool")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_gives_phase_and_count() {
        let mut log = PackageLog::default();
        assert_eq!(log.to_string(), "start");
        for (line, expected) in [
            (" * Package:    media-libs/x-1:0", "start"),
            (">>> Unpacking source...", "unpack"),
            (">>> Unpacking x-1.tar.gz to /var/tmp/portage/media-libs/x-1/work", "unpack"),
            (">>> Preparing source in /var/tmp/portage/media-libs/x-1/work/x-1 ...", "prepare"),
            (">>> Source prepared.", "prepare"),
            (">>> Configuring source in /var/tmp/portage/media-libs/x-1/work/x-1 ...", "configure"),
            ("[1/2] Checking", "configure 1/2"),
            (">>> Compiling source in /var/tmp/portage/media-libs/x-1/work/x-1 ...", "compile"),
            ("x86_64-pc-linux-gnu-gcc -O2 -c -o a.o a.c", "compile 1 files"),
            ("  CC       b.o", "compile 2 files"),
            ("a.c:1:2: warning: unused", "compile 2 files"),
            ("[12/345] /usr/bin/cc -c c.c", "compile 12/345"),
            ("  CC       d.o", "compile 12/345"),
            ("\u{1b}[32m[ 45%] Building C object", "compile 45%"),
            ("[x86] 5/4 [9/4]", "compile 45%"),
            (">>> Test phase: media-libs/x-1", "test"),
            (">>> Install media-libs/x-1 into /var/tmp/portage/media-libs/x-1/image", "install"),
            (">>> Completed installing media-libs/x-1 into /var/tmp/portage/media-libs/x-1/image", "package"),
        ] {
            log.line(line);
            assert_eq!(log.to_string(), expected, "{line}");
        }
        log.line("");
    }
}
