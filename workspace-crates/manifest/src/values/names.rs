//! Names: of images, tags, references, cargo's profiles and processors, and addresses of mirrors.

use super::checked_text;
use crate::error::Fault;

checked_text! {
    /// The name of an image: one component of a repository's name, as the OCI distribution specification has it
    /// (`[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`), of at most 128 bytes.
    ImageName, check_image_name
}

checked_text! {
    /// A tag, as the OCI distribution specification has it: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
    Tag, check_tag
}

checked_text! {
    /// A reference to an image that the daemon has or may pull: `[domain/]path[:tag][@digest]`.
    ImageReference, check_reference
}

checked_text! {
    /// The name of a user or a group, as useradd(8) has it: `[a-z_][a-z0-9_-]*`, of at most 32 bytes.
    AccountName, check_account_name
}

fn check_account_name(text: &str) -> Result<(), Fault> {
    let first = text.starts_with(|first: char| first.is_ascii_lowercase() || first == '_');
    let others = text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'));
    if first && others && text.len() <= 32 {
        return Ok(());
    }
    Err(Fault::new(format!("`{}` is not a name for a user or a group", text.escape_debug()), "not an account's name").help(
        "a name has lower-case letters, digits, `_` and `-`, begins with a letter or `_`, and has at most 32 characters",
    ))
}

fn check_image_name(text: &str) -> Result<(), Fault> {
    if is_path_component(text) && text.len() <= 128 {
        return Ok(());
    }
    let fault = Fault::new(format!("`{}` is not a name for an image", text.escape_debug()), "not an image name");
    let mended: String = text
        .to_lowercase()
        .split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("-");
    let example = if mended.is_empty() || mended.len() > 128 { "my-image" } else { &mended };
    Err(fault.help(format!("write lower-case letters and digits, joined by single `.`, `_` or `-`: {example:?}")))
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_path_component(text: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends_well = |byte: Option<&u8>| byte.is_some_and(|&byte| alphanumeric(byte));
    ends_well(bytes.first())
        && ends_well(bytes.last())
        && text
            .split(|character: char| character.is_ascii_lowercase() || character.is_ascii_digit())
            .all(|between| matches!(between, "" | "." | "_" | "__") || between.bytes().all(|byte| byte == b'-'))
}

fn check_tag(text: &str) -> Result<(), Fault> {
    let mut characters = text.chars();
    let first = characters.next().is_some_and(|first| first.is_ascii_alphanumeric() || first == '_');
    let others = characters.all(|other| other.is_ascii_alphanumeric() || matches!(other, '_' | '.' | '-'));
    if first && others && text.len() <= 128 {
        return Ok(());
    }
    Err(Fault::new(format!("`{}` is not a tag", text.escape_debug()), "not a tag").help(
        "a tag has letters, digits, `_`, `.` and `-`, begins with none of the last two, and has at most 128 characters",
    ))
}

fn check_reference(text: &str) -> Result<(), Fault> {
    let (name, digest) = match text.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (text, None),
    };
    let (name, tag) = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (name, None),
    };
    let path = match name.split_once('/') {
        Some((domain, path)) if domain == "localhost" || domain.contains(['.', ':']) => {
            is_domain(domain).then_some(path)
        }
        _ => Some(name),
    };
    let valid = path.is_some_and(|path| path.split('/').all(is_path_component))
        && tag.is_none_or(|tag| check_tag(tag).is_ok())
        && digest.is_none_or(is_digest)
        && text.len() <= 512;
    if valid {
        return Ok(());
    }
    Err(Fault::new(format!("`{}` is not a reference to an image", text.escape_debug()), "not an image reference")
        .help("write `[domain/]path[:tag][@digest]`, such as `registry.example/stage3:2026`"))
}

fn is_domain(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "0"));
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.split('.').all(label) && port.parse::<u16>().is_ok()
}

fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, hex)| {
        is_path_component(algorithm)
            && hex.len() >= 32
            && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// A name that is handed to cargo or rustc as an argument: letters, digits, `_`, `-` and the characters of `more`.
pub(crate) fn check_cargo_name(what: &str, text: &str, more: &str) -> Result<(), Fault> {
    let allowed =
        |character: char| character.is_alphanumeric() || matches!(character, '_' | '-') || more.contains(character);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(allowed) {
        return Ok(());
    }
    Err(Fault::new(format!("`{}` is not the name of a {what}", text.escape_debug()), format!("not a {what}")))
}

/// An address of a mirror: http, https or file, with nothing in it that would end it early.
pub(crate) fn check_url(text: &str) -> Result<(), Fault> {
    let rest = ["http://", "https://", "file:///"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let clean = text
        .chars()
        .all(|character| character.is_ascii_graphic() && !matches!(character, '"' | '\'' | '\\' | '<' | '>'));
    if clean && rest.is_some_and(|rest| !rest.is_empty() && (!rest.starts_with('/') || text.starts_with("file:"))) {
        return Ok(());
    }
    Err(Fault::new(format!("`{}` is not the address of a mirror", text.escape_debug()), "not an address")
        .help("write an address that begins with `https://`, `http://` or `file:///`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(parse: fn(&str) -> Result<(), Fault>, good: &[&str], bad: &[&str]) {
        for text in good {
            assert_eq!(parse(text), Ok(()), "{text:?}");
        }
        for text in bad {
            assert!(parse(text).is_err(), "{text:?} passes");
        }
    }

    #[test]
    fn image_names() {
        check(
            check_image_name,
            &["a", "hello", "my-image", "a--b", "a__b", "a_b.c-d", "0"],
            &["", "Hello", "-a", "a-", "a..b", "a___b", "a-_b", "a/b", "a:b", "ä", "a b", &"a".repeat(129)],
        );
        let help = check_image_name("My_Image!").unwrap_err().help;
        assert!(help.is_some_and(|help| help.ends_with(": \"my-image\"")));
    }

    #[test]
    fn tags() {
        let longest = "t".repeat(128);
        check(
            check_tag,
            &["latest", "1.2", "_x", "V1-rc.2", &longest],
            &["", ".a", "-a", "a:b", "a b", "ä", &"t".repeat(129)],
        );
    }

    #[test]
    fn references() {
        let digest = format!("a@sha256:{}", "0".repeat(64));
        check(
            check_reference,
            &["a", "a:1", "a/b:1", "registry.example/a/b", "localhost:5000/a:tag", "localhost/a", &digest],
            &["", "-a", "A", "a:", "a@sha256:12", "registry.example:port/a", "a b", "a//b", ".example/a", "a:b:c"],
        );
    }

    #[test]
    fn addresses() {
        check(
            check_url,
            &["http://mirror.example/debian", "https://u:p@mirror.example:80/x?y=%20", "file:///srv/mirror"],
            &[
                "",
                "mirror.example",
                "ftp://mirror.example",
                "http://",
                "http:///x",
                "https://a b",
                "file://srv",
                "http://a\"b",
            ],
        );
    }

    #[test]
    fn names_for_cargo() {
        let profile = |text: &str| check_cargo_name("profile", text, "");
        check(profile, &["release", "my_profile-2"], &["", "-x", "a b", "a.b", "../x"]);
        let processor = |text: &str| check_cargo_name("processor", text, ".+");
        check(processor, &["x86-64-v3", "armv8.2+crypto"], &["", "a,b"]);
    }
}
