//! `--volume`: files and folders of this machine in the root of the program.

use std::path::{Path, PathBuf};

use tierce_execute::{Error, ErrorKind};
use tierce_sandbox::Mount;

/// A value of `--volume`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Volume {
    host: PathBuf,
    target: String,
    read_only: bool,
}

/// Parses `HOST:PATH[:ro]`.
pub(crate) fn parse(text: &str) -> Result<Volume, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let (host, target, options) = match parts.as_slice() {
        [host, target] => (*host, *target, ""),
        [host, target, options] => (*host, *target, *options),
        _ => return Err("write HOST:PATH, or HOST:PATH:ro".to_owned()),
    };
    let read_only = match options {
        "ro" => true,
        "" | "rw" => false,
        other => return Err(format!("`{other}` is no option of a volume; write ro, rw or nothing")),
    };
    if host.is_empty() {
        return Err("write HOST:PATH, or HOST:PATH:ro".to_owned());
    }
    if host.starts_with('~') {
        // The shell replaces it only at the beginning of a word.
        return Err(format!("`{host}` begins with ~, which only a shell knows; write \"$HOME\" in its place"));
    }
    if !(host.starts_with('/') || host.starts_with('.')) {
        return Err(format!(
            "`{host}` is the name of a volume, which only a daemon has; write a path, such as ./{host}"
        ));
    }
    let is_below = target.starts_with('/') && target.split('/').any(|name| !matches!(name, "" | "." | ".."));
    if !is_below || target.split('/').any(|name| name == "..") {
        return Err(format!("`{target}` is no absolute path below /"));
    }
    Ok(Volume { host: host.into(), target: target.to_owned(), read_only })
}

/// Returns the mounts of volumes, whose paths begin in this folder.
///
/// # Errors
/// If a path does not exist.
pub(crate) fn mounts(volumes: &[Volume], folder: &Path) -> Result<Vec<Mount>, Error> {
    let mount = |Volume { host, target, read_only }: &Volume| {
        let host = folder.join(host).canonicalize().map_err(|error| {
            let message = format!("cannot mount `{}` at `{target}`: {error}", host.display());
            Error::new(ErrorKind::Table, message).with_help("create it, or give another path to `--volume`")
        })?;
        Ok(Mount::Folder { host, target: target.clone(), read_only: *read_only })
    };
    volumes.iter().map(mount).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_are_written_as_for_docker() {
        for (text, host, read_only) in
            [("/srv:/data", "/srv", false), ("./x:/data:ro", "./x", true), ("../x:/data:rw", "../x", false)]
        {
            assert_eq!(parse(text), Ok(Volume { host: host.into(), target: "/data".into(), read_only }), "{text}");
        }
        for (text, expected) in [
            ("/data", "write HOST:PATH"),
            ("data:/data", "write a path, such as ./data"),
            (":/data", "write HOST:PATH"),
            ("~/x:/data", "write \"$HOME\" in its place"),
            ("/srv:data", "`data` is no absolute path"),
            ("/srv:/", "`/` is no absolute path"),
            ("/srv:/a/../b", "is no absolute path"),
            ("/srv:/data:z", "`z` is no option"),
            ("/a:/b:ro:x", "write HOST:PATH"),
        ] {
            let refused = parse(text).expect_err(text);
            assert!(refused.contains(expected), "{text}: {refused}");
        }
    }

    #[test]
    fn missing_folder_is_an_error() {
        let folder = Path::new("/");
        let found = mounts(&[parse("./proc:/data:ro").expect("valid")], folder).expect("there");
        assert_eq!(found, [Mount::Folder { host: "/proc".into(), target: "/data".into(), read_only: true }]);
        let error = mounts(&[parse("./no/such:/data").expect("valid")], folder).expect_err("absent");
        assert!(error.to_string().contains("cannot mount `./no/such` at `/data`: "), "{error}");
    }
}
