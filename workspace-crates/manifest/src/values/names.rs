//! Names of images, tags, references, accounts, cargo's profiles and processors, and addresses of mirrors.

use tierce_oci::{Reference, is_tag};

use super::checked_text;
use crate::error::Fault;

checked_text! {
    /// The name of an image, `[domain/]path`: components of a repository's name of the OCI distribution specification
    /// (`[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`) with `/` between them, behind the host and port of a registry; at most 128 bytes.
    ImageName, check_image_name
}

checked_text! {
    /// A tag of the OCI distribution specification, `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`, or a whole reference,
    /// `[domain/]path:tag`: the image gets that name as well.
    Tag, check_tag
}

checked_text! {
    /// A reference to an image that the daemon has or can pull: `[domain/]path[:tag][@digest]`.
    ImageReference, check_reference
}

checked_text! {
    /// The name of a user or a group, as useradd(8) allows it: `[a-z_][a-z0-9_-]*`, at most 32 bytes.
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

/// Refuses a reference that the daemon shows under a shorter name.
fn check_registry(text: &str, reference: &Reference<'_>) -> Result<(), Fault> {
    let is_default = match reference.domain {
        Some(domain) => matches!(domain, "docker.io" | "index.docker.io"),
        None => reference.path.starts_with("library/"),
    };
    match is_default {
        false => Ok(()),
        true => Err(Fault::new(format!("`{}` has another name in the daemon", text.escape_debug()), "a longer name")
            .help("leave out `docker.io/` and `library/`, as the daemon does")),
    }
}

fn check_image_name(text: &str) -> Result<(), Fault> {
    check_registry(text, &Reference::split(text))?;
    let Reference { tag, digest, .. } = Reference::split(text);
    if Reference::split(text).is_valid() && tag.is_none() && digest.is_none() && text.len() <= 128 {
        return Ok(());
    }
    let fault = Fault::new(format!("`{}` is not a name for an image", text.escape_debug()), "not an image name");
    if let (Some(_), None) = (tag, digest) {
        return Err(fault
            .help(format!("write the tag into `tags`, and the name without it: {:?}", Reference::split(text).name)));
    }
    let mended: String = text
        .to_lowercase()
        .split('/')
        .map(|component| {
            let parts = component.split(|character: char| !character.is_ascii_alphanumeric());
            parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
        })
        .filter(|component| !component.is_empty())
        .collect::<Vec<_>>()
        .join("/");
    let example = if mended.is_empty() || mended.len() > 128 { "my-image" } else { &mended };
    Err(fault.help(format!("write lower-case letters and digits, joined by single `.`, `_`, `-` or `/`: {example:?}")))
}

fn check_tag(text: &str) -> Result<(), Fault> {
    let reference = Reference::split(text);
    check_registry(text, &reference)?;
    let is_reference =
        text.len() <= 512 && reference.tag.is_some() && reference.digest.is_none() && reference.is_valid();
    if is_tag(text) || is_reference {
        return Ok(());
    }
    if text.contains(['/', ':']) {
        let fault = Fault::new(format!("`{}` is not a reference with a tag", text.escape_debug()), "not a reference");
        return Err(fault.help("write `[domain/]path:tag`, such as \"registry.example/team/web:1.2\""));
    }
    Err(Fault::new(format!("`{}` is not a tag", text.escape_debug()), "not a tag").help(
        "a tag has letters, digits, `_`, `.` and `-`, begins with none of the last two, and has at most 128 characters",
    ))
}

fn check_reference(text: &str) -> Result<(), Fault> {
    if text.len() <= 512 && Reference::split(text).is_valid() {
        return Ok(());
    }
    Err(Fault::new(format!("`{}` is not a reference to an image", text.escape_debug()), "not an image reference")
        .help("write `[domain/]path[:tag][@digest]`, such as `registry.example/stage3:2026`"))
}

/// Checks a name that cargo or rustc gets as an argument: letters, digits, `_`, `-` and the characters of `more`.
pub(crate) fn check_cargo_name(what: &str, text: &str, more: &str) -> Result<(), Fault> {
    let allowed =
        |character: char| character.is_alphanumeric() || matches!(character, '_' | '-') || more.contains(character);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(allowed) {
        return Ok(());
    }
    Err(Fault::new(format!("`{}` is not the name of a {what}", text.escape_debug()), format!("not a {what}")))
}

/// Checks the address of a mirror: http, https or file, without characters that would end it early.
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
    fn image_names_follow_the_specification() {
        check(
            check_image_name,
            &[
                "a",
                "my-image",
                "a--b",
                "a__b",
                "a_b.c-d",
                "0",
                "team/web",
                "registry.example:5000/team/web",
                "localhost/a",
            ],
            &["", "Hello", "-a", "a-", "a..b", "a___b", "a-_b", "a//b", "/a", "a/", "a:b", "ä", "a b", "../a", "a@b"],
        );
        assert!(check_image_name(&"a".repeat(129)).is_err());
        let help = check_image_name("My_Image!").unwrap_err().help;
        assert!(help.is_some_and(|help| help.ends_with(": \"my-image\"")));
    }

    #[test]
    fn tags_follow_the_specification() {
        let longest = "t".repeat(128);
        check(
            check_tag,
            &["latest", "1.2", "_x", "V1-rc.2", &longest, "a:b", "team/web:1.2", "localhost:5000/team/web:V1"],
            &[
                "",
                ".a",
                "-a",
                "a b",
                "ä",
                &"t".repeat(129),
                "team/web",
                "localhost:5000/web",
                "A/b:1",
                "a:b:c",
                "a@sha256:00",
            ],
        );
    }

    #[test]
    fn references_follow_the_grammar() {
        let digest = format!("a@sha256:{}", "0".repeat(64));
        check(
            check_reference,
            &["a", "a:1", "a/b:1", "registry.example/a/b", "localhost:5000/a:tag", "localhost/a", &digest],
            &["", "-a", "A", "a:", "a@sha256:12", "registry.example:port/a", "a b", "a//b", ".example/a", "a:b:c"],
        );
    }

    #[test]
    fn mirror_addresses_are_checked() {
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
    fn cargo_names_are_checked() {
        let profile = |text: &str| check_cargo_name("profile", text, "");
        check(profile, &["release", "my_profile-2"], &["", "-x", "a b", "a.b", "../x"]);
        let processor = |text: &str| check_cargo_name("processor", text, ".+");
        check(processor, &["x86-64-v3", "armv8.2+crypto"], &["", "a,b"]);
    }
}
