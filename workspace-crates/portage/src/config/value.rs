//! The names and values that users set in Portage's files, checked against injection.
//!
//! Portage reads make.conf and the files of env/ as a subset of shell: a value with a quote and a line break would set
//! another variable, and `source` would read another file.

use crate::syntax::{Fault, NameRule, name_type, quoted};

name_type! {
    /// The name of a variable of make.conf or package.env that a user may set.
    VariableName, "variable", check_variable
}

name_type! {
    /// The value of a variable: one line. `${NAME}` refers to another variable. Any other `$`, `\` or backtick is
    /// refused, and `'` together with `${NAME}`, because Portage parses them differently from a shell.
    VariableValue, "value", check_value
}

name_type! {
    /// A keyword of package.accept_keywords: `~amd64`, `amd64`, `**`.
    Keyword, "keyword", check_keyword
}

name_type! {
    /// An entry of package.license: the name of a licence, `@GROUP` or `*`, each also after a `-`.
    License, "licence", check_license
}

/// The variables that the layout of a builder fixes, or the call of emerge.
const FIXED: [&str; 19] = [
    "BINPKG_FORMAT",
    "DISTDIR",
    "EMERGE_DEFAULT_OPTS",
    "EPREFIX",
    "FETCHCOMMAND",
    "GENTOO_MIRRORS",
    "NOCOLOR",
    "PKGDIR",
    "PORTAGE_BINHOST",
    "PORTAGE_CONFIGROOT",
    "PORTAGE_LOGDIR",
    "PORTAGE_REPOSITORIES",
    "PORTAGE_TMPDIR",
    "PORTDIR",
    "PORTDIR_OVERLAY",
    "RESUMECOMMAND",
    "ROOT",
    "RPMDIR",
    "SYSROOT",
];

fn check_variable(text: &str) -> Result<(), Fault> {
    let rule = NameRule { what: "variable", punctuation: "_", leading: "_" };
    rule.check(text)?;
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(Fault::new(0, "a variable does not begin with a digit"));
    }
    if text == "USE" {
        return Err(Fault::new(0, "USE flags have keys of their own")
            .help("set them for all packages with `use`, for some with `package-use`"));
    }
    if FIXED.binary_search(&text).is_ok() {
        return Err(Fault::new(0, "the builder's layout fixes this variable"));
    }
    if matches!(text, "source" | "export") {
        return Err(Fault::new(0, "this is a command in Portage's files, not a variable"));
    }
    Ok(())
}

fn check_value(text: &str) -> Result<(), Fault> {
    let mut position = 0;
    while let Some(character) = text[position..].chars().next() {
        let length = match character {
            '$' => reference(&text[position..]).ok_or_else(|| {
                Fault::new(position, "`$` must begin a reference to a variable")
                    .help("write `${NAME}` for the value of another variable")
            })?,
            '\'' if text.contains('$') => {
                return Err(Fault::new(position, "`'` is not allowed in a value that refers to a variable")
                    .help("write `\"` instead"));
            }
            '\\' | '`' => return Err(Fault::new(position, format!("{} is not allowed in a value", quoted(character)))),
            _ if character.is_control() => {
                return Err(Fault::new(position, format!("{} is not allowed in a value", quoted(character)))
                    .help("a value is one line"));
            }
            _ => character.len_utf8(),
        };
        position += length;
    }
    Ok(())
}

/// The length of the `${NAME}` that `text` begins with.
fn reference(text: &str) -> Option<usize> {
    let (name, _) = text.strip_prefix("${")?.split_once('}')?;
    let valid = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    valid.then_some(name.len() + "${}".len())
}

fn check_keyword(text: &str) -> Result<(), Fault> {
    if matches!(text, "*" | "~*" | "**" | "-*") {
        return Ok(());
    }
    let name = text.trim_start_matches(['~', '-']);
    let sign = text.len() - name.len();
    if sign > 1 {
        return Err(Fault::new(0, "a keyword has one `~` or `-` before it"));
    }
    NameRule { what: "keyword", punctuation: "_-", leading: "_" }
        .check(name)
        .map_err(|fault| fault.shifted(sign).help("a keyword is like `~amd64`, or `**` for a package without any"))
}

fn check_license(text: &str) -> Result<(), Fault> {
    let name = text.strip_prefix('-').unwrap_or(text);
    if name == "*" {
        return Ok(());
    }
    let name = name.strip_prefix('@').unwrap_or(name);
    NameRule { what: "licence", punctuation: "+_.-", leading: "_" }
        .check(name)
        .map_err(|fault| fault.shifted(text.len() - name.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_variables_are_sorted() {
        assert!(FIXED.is_sorted());
    }

    #[test]
    fn variable_names_are_checked() {
        for (text, valid) in [
            ("CFLAGS", true),
            ("ac_cv_func_malloc", true),
            ("EXTRA_ECONF", true),
            ("", false),
            ("1A", false),
            ("A B", false),
            ("A=B", false),
            ("A\nB", false),
            ("PKGDIR", false),
            ("USE", false),
            ("source", false),
        ] {
            assert_eq!(text.parse::<VariableName>().is_ok(), valid, "{text:?}");
        }
    }

    #[test]
    fn variable_values_are_checked() {
        for (text, offset) in [
            ("-O3 -march=x86-64-v3", None),
            ("${CFLAGS} -g", None),
            ("--with-x=\"a b\" ü # not a comment", None),
            ("--with-x='a b'", None),
            ("'${CFLAGS}'", Some(0)),
            ("a\nPKGDIR=x", Some(1)),
            ("$(id)", Some(0)),
            ("a`id`", Some(1)),
            ("a $", Some(2)),
            ("${", Some(0)),
            ("${}", Some(0)),
            ("${a-b}", Some(0)),
            ("a\\", Some(1)),
            ("a\u{1b}", Some(1)),
        ] {
            assert_eq!(text.parse::<VariableValue>().err().map(|error| error.offset()), offset, "{text:?}");
        }
    }

    #[test]
    fn keywords_and_licenses_are_checked() {
        for (text, valid) in [
            ("~amd64", true),
            ("amd64", true),
            ("**", true),
            ("-amd64", true),
            ("~~amd64", false),
            ("", false),
            ("a b", false),
        ] {
            assert_eq!(text.parse::<Keyword>().is_ok(), valid, "{text:?}");
        }
        for (text, valid) in [
            ("EULA", true),
            ("@FREE", true),
            ("-@EULA", true),
            ("*", true),
            ("-*", true),
            ("a b", false),
            ("", false),
            ("#x", false),
        ] {
            assert_eq!(text.parse::<License>().is_ok(), valid, "{text:?}");
        }
    }
}
