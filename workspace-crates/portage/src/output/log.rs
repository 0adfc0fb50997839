//! The few lines of a failed build's log that say why it failed.

/// More than these nobody reads in a terminal; the log is there for the rest.
const MAX_LINES: usize = 15;

/// Lines before the end that are shown where none of them looks like an error.
const CONTEXT: usize = 5;

/// The lines of a log that matter, at most 15, in their order: what compilers, linkers, configure scripts and build tools
/// call an error, and Portage's own statement of the phase that failed. Without such lines, the last ones before Portage's.
/// Escape sequences of a terminal and other control characters are taken out.
pub fn relevant_lines(log: &str) -> Vec<String> {
    let lines: Vec<String> = log.lines().map(plain).collect();
    let end = lines.iter().position(|line| is_verdict(line)).unwrap_or(lines.len());
    let mut chosen: Vec<&String> = lines[..end].iter().filter(|line| is_error(line)).collect();
    if chosen.iter().all(|line| is_echo(line)) {
        let last = lines[..end].iter().rev().filter(|line| !line.trim().is_empty()).take(CONTEXT);
        chosen = last.collect();
        chosen.reverse();
    }
    let verdict = &lines[end..lines.len().min(end + verdict_length(&lines[end..]))];
    let room = MAX_LINES - verdict.len();
    if chosen.len() > room {
        // Each make above the one that failed repeats that it failed.
        chosen.retain(|line| !is_echo(line));
    }
    let skipped = chosen.len().saturating_sub(room);
    chosen.into_iter().skip(skipped).chain(verdict).map(|line| line.trim_end().to_owned()).collect()
}

/// Portage's own words about a phase that failed; what follows them is advice.
fn is_verdict(line: &str) -> bool {
    line.starts_with(" * ERROR: ") || (line.starts_with(" * The ebuild phase ") && line.contains("exited unexpectedly"))
}

/// An `ERROR:` has the message of `die` below it, up to an empty line; a phase that exited has advice only.
fn verdict_length(lines: &[String]) -> usize {
    match lines.first() {
        Some(first) if first.starts_with(" * ERROR: ") => {
            lines.iter().take(3).take_while(|line| !line.trim_matches([' ', '*']).is_empty()).count()
        }
        Some(_) => 1,
        None => 0,
    }
}

/// Says that something failed, but not why.
fn is_echo(line: &str) -> bool {
    (line.starts_with("make") || line.starts_with("gmake")) && line.contains("*** ")
        || line.starts_with("ninja: build stopped")
        || line.contains("ld returned 1 exit status")
}

fn is_error(line: &str) -> bool {
    const BEGINNINGS: [&str; 8] =
        ["error:", "error[", "Error:", "ERROR:", "CMake Error", "FAILED: ", "patch: ****", "panic:"];
    const PARTS: [&str; 16] = [
        ": error: ",
        ": fatal error: ",
        ": Error: ",
        " ERROR: ",
        ": undefined reference to ",
        ": multiple definition of ",
        ": cannot find -l",
        ": command not found",
        ": No space left on device",
        ": unexpected EOF",
        ": syntax error",
        "Error is not recoverable",
        "virtual memory exhausted",
        "Segmentation fault",
        "Killed",
        "configure: error:",
    ];
    is_echo(line)
        || BEGINNINGS.iter().any(|beginning| line.starts_with(beginning))
        || PARTS.iter().any(|part| line.contains(part))
        || (line.starts_with("Hunk #") && line.contains("FAILED"))
}

/// Takes out `ESC [ … letter` as a whole and every other control character but the tab.
fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => {
                if characters.clone().next() == Some('[') {
                    characters.next();
                    let _ = characters.by_ref().find(|c| ('@'..='~').contains(c));
                }
            }
            '\t' => text.push('\t'),
            _ if character.is_control() => {}
            _ => text.push(character),
        }
    }
    text
}
