//! `fetch [--time ZONE] [--charset CHARSET] [https://HOST[:PORT][/PATH]]`: writes a server's response to stdout.
//!
//! It finds all its data in the system at run time: the address of the host, the certificates of the authorities
//! (`SSL_CERT_FILE` names others), the time zone, and the converter of a character set.

mod charset;
mod https;
mod zone;

use std::io::{self, Write};
use std::process::ExitCode;

const USAGE: &str = "usage: fetch [--time ZONE] [--charset CHARSET] [https://HOST[:PORT][/PATH]]";

/// An error of the program.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{USAGE}")]
    Usage,
    #[error("failed to fetch `{url}`: {problem}")]
    Https { url: String, problem: String },
    #[error("failed to convert from `{charset}`: {source}")]
    Charset { charset: String, source: io::Error },
    #[error("failed to tell the time in `{0}`")]
    Time(String),
    #[error("failed to write: {0}")]
    Write(#[from] io::Error),
}

/// The arguments of the command line.
#[derive(Debug, Default, PartialEq, Eq)]
struct Arguments {
    zone: Option<String>,
    charset: Option<String>,
    url: Option<String>,
}

fn main() -> ExitCode {
    let arguments = arguments(std::env::args().skip(1));
    match arguments.and_then(|arguments| run(&arguments, &mut io::stdout().lock())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::from(if matches!(error, Error::Usage) { 2 } else { 1 })
        }
    }
}

fn arguments(mut words: impl Iterator<Item = String>) -> Result<Arguments, Error> {
    let mut arguments = Arguments::default();
    while let Some(word) = words.next() {
        let value = match word.as_str() {
            "--time" => &mut arguments.zone,
            "--charset" => &mut arguments.charset,
            _ if !word.starts_with('-') && arguments.url.is_none() => {
                arguments.url = Some(word);
                continue;
            }
            _ => return Err(Error::Usage),
        };
        *value = Some(words.next().ok_or(Error::Usage)?);
    }
    match &arguments {
        Arguments { url: None, zone: None, .. } | Arguments { url: None, charset: Some(_), .. } => Err(Error::Usage),
        _ => Ok(arguments),
    }
}

fn run(arguments: &Arguments, out: &mut impl Write) -> Result<(), Error> {
    if let Some(zone) = &arguments.zone {
        writeln!(out, "{}", zone::now(zone).ok_or_else(|| Error::Time(zone.clone()))?)?;
    }
    if let Some(url) = &arguments.url {
        let failed = |problem| Error::Https { url: url.clone(), problem };
        let mut body = https::get(url).map_err(failed)?;
        if let Some(charset) = &arguments.charset {
            let failed = |source| Error::Charset { charset: charset.clone(), source };
            body = charset::to_utf8(charset, &body).map_err(failed)?;
        }
        out.write_all(&body)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_read() {
        let read = |line: &str| arguments(line.split_whitespace().map(str::to_owned)).ok();
        let text = |text: &str| Some(text.to_owned());
        for (line, zone, charset, url) in [
            ("https://a/", None, None, text("https://a/")),
            ("--time UTC", text("UTC"), None, None),
            ("--time UTC --charset CP1252 https://a/", text("UTC"), text("CP1252"), text("https://a/")),
        ] {
            assert_eq!(read(line), Some(Arguments { zone, charset, url }), "{line}");
        }
        for line in ["", "--time", "--charset CP1252", "-x", "https://a/ https://b/"] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
