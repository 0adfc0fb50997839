//! The forms of a stored image's name, as `--against` takes it.

use std::path::{Path, PathBuf};

/// The place of a stored image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A folder with a layout.
    Layout {
        /// The folder.
        folder: PathBuf,
        /// The name of one of its images; None if it has one only, or if the image's own references select it.
        name: Option<String>,
    },
    /// An archive.
    Archive(PathBuf),
    /// An image of the daemon.
    Daemon(String),
}

impl Source {
    /// Parses a name: `oci:…` or `docker-archive:…` as `image` prints them, an existing path, else an image of the daemon.
    pub fn of(text: &str) -> Source {
        if let Some(rest) = text.strip_prefix("oci:") {
            // The name may have a registry and its port, and so may a folder's: `DIR:localhost:5000/team/web:latest`.
            let mut splits = rest.match_indices(':').map(|(at, _)| (&rest[..at], &rest[at + 1..])).rev();
            if let Some((folder, name)) = splits.find(|(folder, _)| Path::new(folder).is_dir())
                && !Path::new(rest).is_dir()
            {
                return Source::Layout { folder: folder.into(), name: Some(name.to_owned()) };
            }
            return match rest.rsplit_once(':').filter(|(_, name)| !name.contains('/')) {
                // A name may itself be one with a tag: `DIR:hello:latest`.
                Some((folder, tag)) if !Path::new(folder).is_dir() => match folder.rsplit_once(':') {
                    Some((folder, name)) => {
                        Source::Layout { folder: folder.into(), name: Some(format!("{name}:{tag}")) }
                    }
                    None => Source::Layout { folder: folder.into(), name: Some(tag.to_owned()) },
                },
                Some((folder, name)) => Source::Layout { folder: folder.into(), name: Some(name.to_owned()) },
                None => Source::Layout { folder: rest.into(), name: None },
            };
        }
        if let Some(path) = text.strip_prefix("docker-archive:") {
            return Source::Archive(path.into());
        }
        match std::fs::metadata(text) {
            // A package's folder may have the name of its image.
            Ok(metadata)
                if metadata.is_dir() && (text.contains('/') || Path::new(text).join("oci-layout").is_file()) =>
            {
                Source::Layout { folder: text.into(), name: None }
            }
            Ok(metadata) if metadata.is_dir() => Source::Daemon(text.to_owned()),
            Ok(_) => Source::Archive(text.into()),
            // No reference begins like this, so it is the path of a missing file.
            Err(_) if text.starts_with(['/', '.']) => Source::Archive(text.into()),
            Err(_) => Source::Daemon(text.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed_by_form_and_existing_paths() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("layout")).expect("writable");
        std::fs::write(path("a.tar"), "").expect("writable");
        let text = |name: &str| path(name).display().to_string();
        let layout = |name: Option<&str>| Source::Layout { folder: path("layout"), name: name.map(str::to_owned) };
        for (against, expected) in [
            (text("layout"), layout(None)),
            (format!("oci:{}", text("layout")), layout(None)),
            (format!("oci:{}:1.2", text("layout")), layout(Some("1.2"))),
            (format!("oci:{}:web:1.2", text("layout")), layout(Some("web:1.2"))),
            (format!("oci:{}:team/web:1", text("layout")), layout(Some("team/web:1"))),
            (format!("oci:{}:r.example:5000/web:1", text("layout")), layout(Some("r.example:5000/web:1"))),
            (text("a.tar"), Source::Archive(path("a.tar"))),
            (format!("docker-archive:{}", text("a.tar")), Source::Archive(path("a.tar"))),
            (text("absent.tar"), Source::Archive(path("absent.tar"))),
            ("./absent.tar".into(), Source::Archive("./absent.tar".into())),
            ("web:1.2".into(), Source::Daemon("web:1.2".into())),
            // A folder without a layout, such as a package's.
            ("src".into(), Source::Daemon("src".into())),
            ("registry.example:5000/web".into(), Source::Daemon("registry.example:5000/web".into())),
        ] {
            assert_eq!(Source::of(&against), expected, "{against}");
        }
    }
}
