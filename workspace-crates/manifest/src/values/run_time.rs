//! Names that the C library looks up at run time: locales, time zones, character sets.

use super::checked_text;
use crate::error::Fault;

checked_text! {
    /// The name of a locale with its character set: `language[_TERRITORY].CHARSET[@MODIFIER]`.
    LocaleName, check_locale
}

checked_text! {
    /// The name of a time zone in the time zone database: `Area/Location`, a relative path without `.` and `..`.
    ZoneName, check_zone
}

checked_text! {
    /// The name of a character set, as iconv(1) accepts it.
    CharsetName, check_charset
}

/// The length limit of a name, in bytes.
const LONGEST: usize = 64;

impl LocaleName {
    /// Returns its character set.
    pub fn charset(&self) -> &str {
        let (_, rest) = self.as_str().split_once('.').unwrap_or_default();
        rest.split('@').next().unwrap_or_default()
    }
}

fn check_locale(text: &str) -> Result<(), Fault> {
    let (language, rest) = text.split_once('.').unwrap_or((text, ""));
    let (charset, modifier) = rest.split_once('@').unwrap_or((rest, "x"));
    let is = |text: &str, allowed: fn(u8) -> bool| !text.is_empty() && text.bytes().all(allowed);
    if is(language, |byte| byte.is_ascii_alphabetic() || byte == b'_')
        && is(charset, |byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        && is(modifier, |byte| byte.is_ascii_lowercase())
        && text.len() <= LONGEST
    {
        return Ok(());
    }
    Err(Fault::new(format!("`{}` is not a locale with its character set", text.escape_debug()), "not a locale")
        .help("write language, territory and character set: \"de_DE.UTF-8\""))
}

fn check_zone(text: &str) -> Result<(), Fault> {
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte))
    };
    if text.split('/').all(is_part) && text.len() <= LONGEST {
        return Ok(());
    }
    Err(Fault::new(format!("`{}` is not the name of a time zone", text.escape_debug()), "not a time zone")
        .help("write area and location as the time zone database has them: \"Europe/Berlin\""))
}

fn check_charset(text: &str) -> Result<(), Fault> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:+()".contains(&byte);
    if !text.is_empty() && text.bytes().all(allowed) && text.len() <= LONGEST {
        return Ok(());
    }
    Err(Fault::new(format!("`{}` is not the name of a character set", text.escape_debug()), "not a character set")
        .help("write it as `iconv --list` has it: \"ISO-8859-15\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_time_names_are_checked() {
        for (text, charset) in
            [("de_DE.UTF-8", "UTF-8"), ("C.UTF-8", "UTF-8"), ("de_DE.ISO-8859-15@euro", "ISO-8859-15")]
        {
            assert_eq!(text.parse::<LocaleName>().expect(text).charset(), charset);
        }
        for text in ["", "C", "de_DE", "de_DE.", "de_DE.UTF-8@", "de DE.UTF-8", "../x.UTF-8", ".UTF-8"] {
            assert!(text.parse::<LocaleName>().is_err(), "{text:?} passes");
        }
        for text in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+1"] {
            assert!(text.parse::<ZoneName>().is_ok(), "{text}");
        }
        for text in ["", "/UTC", "Europe/", "../UTC", "Europe/../UTC", "Europe Berlin", "CET-1CEST,M3.5.0"] {
            assert!(text.parse::<ZoneName>().is_err(), "{text:?} passes");
        }
        for text in ["ISO-8859-15", "UTF-16", "ISO_8859-1:1987", "CP1252"] {
            assert!(text.parse::<CharsetName>().is_ok(), "{text}");
        }
        for text in ["", "ISO 8859", "a/b", "a\nb"] {
            assert!(text.parse::<CharsetName>().is_err(), "{text:?} passes");
        }
    }
}
