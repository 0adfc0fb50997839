//! Selects the lines of a failed build's log that name the cause.

/// The most lines to show; the log has the others.
const MAX_LINES: usize = 15;

/// The last lines to show if no line looks like an error.
const CONTEXT: usize = 5;

/// The relevant lines of a log, at most 15, in order: errors of compilers, linkers, configure scripts and build tools,
/// and Portage's statement of the failed phase. Without errors, the last lines before Portage's statement. Escape
/// sequences of a terminal and other control characters are removed.
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
        // Each make above the failed one repeats the failure.
        chosen.retain(|line| !is_echo(line));
    }
    let skipped = chosen.len().saturating_sub(room);
    chosen.into_iter().skip(skipped).chain(verdict).map(|line| line.trim_end().to_owned()).collect()
}

/// Whether the line is Portage's statement of a failed phase; the following lines are advice.
fn is_verdict(line: &str) -> bool {
    line.starts_with(" * ERROR: ") || (line.starts_with(" * The ebuild phase ") && line.contains("exited unexpectedly"))
}

/// The number of lines of the statement: an `ERROR:` has the message of `die` below it, up to an empty line; a phase
/// that exited has advice only.
fn verdict_length(lines: &[String]) -> usize {
    match lines.first() {
        Some(first) if first.starts_with(" * ERROR: ") => {
            lines.iter().take(3).take_while(|line| !line.trim_matches([' ', '*']).is_empty()).count()
        }
        Some(_) => 1,
        None => 0,
    }
}

/// Whether the line reports a failure without its cause.
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

/// Removes `ESC [ … letter` as a whole and every other control character except the tab.
pub(super) fn plain(line: &str) -> String {
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
