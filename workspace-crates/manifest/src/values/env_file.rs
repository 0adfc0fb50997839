//! Files of variables, as `docker run --env-file` reads them.

use std::collections::BTreeMap;

use crate::{
    error::Fault,
    values::{check_no_nul, check_variable_name},
};

/// Parses lines of `NAME=VALUE`. The value extends from the first `=` to the end of the line, including quotes, `#` and spaces.
/// Empty lines, lines that start with `#` and spaces before a name are ignored. The last line of a repeated name wins.
///
/// # Errors
/// Returns the number of the first invalid line, from 1, and its fault. A name without `=` is invalid too: Docker would take its
/// value from the caller's environment.
pub fn read_env_file(text: &str) -> Result<BTreeMap<String, String>, (usize, Fault)> {
    let mut variables = BTreeMap::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = variable(line).map_err(|fault| (number, fault))?;
        variables.insert(name.to_owned(), value.to_owned());
    }
    Ok(variables)
}

fn variable(line: &str) -> Result<(&str, &str), Fault> {
    let Some((name, value)) = line.split_once('=') else {
        let fault = Fault::new(format!("`{}` has no `=`", line.escape_debug()), "no `=`");
        return Err(fault.help("write NAME=VALUE: an image takes nothing from the environment of the build"));
    };
    if name.contains(char::is_whitespace) {
        return Err(Fault::new(format!("`{}` has a space in its name", name.escape_debug()), "not a variable's name")
            .help("write NAME=VALUE without `export` and without spaces before the `=`"));
    }
    check_variable_name(name, false)?;
    check_no_nul(value)?;
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_parse_as_in_docker() {
        // The expected variables are those of `docker run --env-file` in Docker 20.10.
        let text = "\u{feff}# a comment\n\nA=1\n  B = x \nC=\"quoted\"  \nD=a#b\nE=\nF=a=b\r\nA=2\n\ta.b=ä";
        let text = text.replace("  B = x ", "  B= x ");
        let read = read_env_file(&text).expect("well-formed");
        let read: Vec<(&str, &str)> = read.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected =
            [("A", "2"), ("B", " x "), ("C", "\"quoted\"  "), ("D", "a#b"), ("E", ""), ("F", "a=b"), ("a.b", "ä")];
        assert_eq!(read, expected);
    }

    #[test]
    fn invalid_lines_are_refused_by_number() {
        for (text, number, message) in [
            ("A=1\nB", 2, "`B` has no `=`"),
            ("export A=1", 1, "`export A` has a space in its name"),
            ("# x\n\nA =1", 3, "`A ` has a space in its name"),
            ("=1", 1, "`` is not a name for a variable"),
            ("A=\0", 1, "a NUL cannot stand in an argument or a variable"),
        ] {
            let (line, fault) = read_env_file(text).expect_err(text);
            assert_eq!((line, fault.message.as_str()), (number, message), "{text:?}");
        }
    }
}
