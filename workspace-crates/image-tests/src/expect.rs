//! Compares expected results with actual ones and describes each difference in a line.

use std::time::Duration;

use tierce_docker::Exit;
use tierce_manifest::ExpectedText;
use tierce_report::megabytes;

/// The maximum number of characters of a text that a line shows.
const SHOWN: usize = 160;

/// Returns the differences between a text and the expected one, one per line.
pub(crate) fn text(name: &str, expected: &ExpectedText, came: &[u8]) -> Vec<String> {
    let mut problems = Vec::new();
    if let Some(equal) = &expected.equals {
        problems.extend(first_difference(equal.as_bytes(), came).map(|difference| format!("{name}: {difference}")));
    }
    let missing = expected.contains.iter().filter(|text| !contains(came, text.as_bytes()));
    problems.extend(missing.map(|text| format!("{name} does not contain {}", quoted(text.as_bytes()))));
    if let Some(pattern) = expected.matches.as_ref().filter(|pattern| !pattern.is_match(came)) {
        problems.push(format!("{name} does not match `{}`", pattern.as_str()));
    }
    if !problems.is_empty() && expected.equals.is_none() {
        problems.push(format!("{name} is {}", if came.is_empty() { "empty".to_owned() } else { quoted(came) }));
    }
    problems
}

/// Describes the first line in which two texts differ.
fn first_difference(expected: &[u8], came: &[u8]) -> Option<String> {
    let lines = |text| <[u8]>::split_inclusive(text, |byte| *byte == b'\n');
    let (mut expected, mut came) = (lines(expected), lines(came));
    for number in 1.. {
        return Some(match (expected.next(), came.next()) {
            (None, None) => return None,
            (Some(line), Some(same)) if line == same => continue,
            (Some(line), Some(other)) => format!("line {number} is {}, expected {}", quoted(other), quoted(line)),
            (Some(line), None) => format!("it ends before line {number}, expected {}", quoted(line)),
            (None, Some(other)) => format!("line {number} is more than expected: {}", quoted(other)),
        });
    }
    None
}

/// `SIGKILL`
const KILL: i32 = 9;

/// Describes an unexpected exit; `expected: None` accepts every exit code.
pub(crate) fn exit(exit: Exit, expected: Option<u8>, memory: Option<u64>) -> Option<String> {
    if expected.is_none_or(|expected| exit.code == i32::from(expected)) {
        return None;
    }
    if exit.oom_killed {
        let limit = memory.map(|bytes| format!(" of {}", megabytes(bytes))).unwrap_or_default();
        return Some(format!("it was killed for lack of memory{limit}"));
    }
    let signal = exit.signal().map(|signal| format!(" (signal {signal})")).unwrap_or_default();
    let expected = expected.map(|code| format!(", expected {code}")).unwrap_or_default();
    // Docker is now and then told of the end before its cause.
    let limit = memory.filter(|_| exit.signal() == Some(KILL));
    let doubt =
        limit.map(|bytes| format!("; its memory of {} may have been lacking", megabytes(bytes))).unwrap_or_default();
    Some(format!("it ended with exit code {}{signal}{expected}{doubt}", exit.code))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part)
}

/// Quotes bytes as text. A long text is cut and followed by its size.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * SHOWN)]).into_owned();
    let shown: String = text.chars().take(SHOWN).collect();
    match shown.len() < bytes.len() && text.chars().count() > SHOWN {
        true => format!("{shown:?}… ({})", megabytes(bytes.len() as u64)),
        false => format!("{shown:?}"),
    }
}

/// Removes control characters, which could change the terminal, and cuts a long line.
pub(crate) fn excerpt_of_line(line: &str) -> String {
    let clean = line.chars().filter(|character| !character.is_control() || *character == '\t');
    let mut shown: String = clean.take(SHOWN + 1).collect();
    if shown.chars().count() > SHOWN {
        shown = shown.chars().take(SHOWN).chain(['…']).collect();
    }
    shown
}

/// Formats a time limit as tables write it.
pub(crate) fn seconds(time: Duration) -> String {
    match (time.as_secs(), time.subsec_millis()) {
        (seconds, 0) => format!("{seconds}s"),
        (0, milliseconds) => format!("{milliseconds}ms"),
        (seconds, milliseconds) => format!("{seconds}.{milliseconds:03}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(equals: Option<&str>, contains: &[&str], matches: Option<&str>) -> ExpectedText {
        ExpectedText {
            equals: equals.map(str::to_owned),
            contains: contains.iter().map(|&text| text.to_owned()).collect(),
            matches: matches.map(|pattern| pattern.parse().expect("an expression")),
        }
    }

    #[test]
    fn texts_are_compared_line_by_line() {
        for (equals, came, problem) in [
            ("a\n", "a\n", None),
            ("", "", None),
            ("a\nb\n", "a\nc\n", Some(r#"out: line 2 is "c\n", expected "b\n""#)),
            ("a\n", "a", Some(r#"out: line 1 is "a", expected "a\n""#)),
            ("a\n", "", Some(r#"out: it ends before line 1, expected "a\n""#)),
            ("", "x\ny", Some(r#"out: line 1 is more than expected: "x\n""#)),
        ] {
            let problems = text("out", &expected(Some(equals), &[], None), came.as_bytes());
            assert_eq!(problems.first().map(String::as_str), problem, "{equals:?} {came:?}");
        }
    }

    #[test]
    fn missing_text_is_named_with_output() {
        let all = expected(None, &["ready", "8080"], Some("^port [0-9]+$"));
        assert_eq!(text("out", &all, b"ready\nport 8080\n"), Vec::<String>::new());
        assert_eq!(
            text("out", &all, b"ready\nport 80\n"),
            [r#"out does not contain "8080""#, r#"out is "ready\nport 80\n""#]
        );
        assert_eq!(text("out", &expected(None, &[], Some("a")), b""), ["out does not match `a`", "out is empty"]);
    }

    #[test]
    fn long_text_is_cut() {
        let long = "x".repeat(5000);
        assert!(quoted(long.as_bytes()).ends_with("x\"… (5.0 kB)"));
        assert_eq!(quoted(b"\x1b[31m\xff"), "\"\\u{1b}[31m\u{fffd}\"");
        assert_eq!(excerpt_of_line("\x1b[31mred\x07"), "[31mred");
        assert_eq!(excerpt_of_line(&long).chars().count(), SHOWN + 1);
    }

    #[test]
    fn unexpected_exits_are_explained() {
        let ended = |code, oom_killed| Exit { code, oom_killed };
        for (end, wanted, memory, problem) in [
            (ended(0, false), Some(0), None, None),
            (ended(143, false), None, None, None),
            (ended(1, false), Some(0), None, Some("it ended with exit code 1, expected 0")),
            (ended(139, false), Some(0), None, Some("it ended with exit code 139 (signal 11), expected 0")),
            (ended(137, true), Some(0), Some(8_000_000), Some("it was killed for lack of memory of 8.0 MB")),
            (
                ended(137, false),
                Some(0),
                Some(8_000_000),
                Some("it ended with exit code 137 (signal 9), expected 0; its memory of 8.0 MB may have been lacking"),
            ),
            (ended(137, false), Some(0), None, Some("it ended with exit code 137 (signal 9), expected 0")),
        ] {
            assert_eq!(exit(end, wanted, memory).as_deref(), problem);
        }
        for (time, shown) in [(30_000, "30s"), (500, "500ms"), (1_500, "1.500s")] {
            assert_eq!(seconds(Duration::from_millis(time)), shown);
        }
    }
}
