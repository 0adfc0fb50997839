//! What `--against` names.

use std::path::{Path, PathBuf};

/// What `--against` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A folder with a layout, and which of its images.
    Layout { folder: PathBuf, name: Option<String> },
    /// An archive.
    Archive(PathBuf),
    /// An image of the daemon.
    Daemon(String),
}

impl Source {
    /// What a text names: what `image` prints of layouts and archives, what there is of this name, else an image of the daemon.
    pub(crate) fn of(text: &str) -> Source {
        if let Some(rest) = text.strip_prefix("oci:") {
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
            // A package's folder may be called as its image is.
            Ok(metadata)
                if metadata.is_dir() && (text.contains('/') || Path::new(text).join("oci-layout").is_file()) =>
            {
                Source::Layout { folder: text.into(), name: None }
            }
            Ok(metadata) if metadata.is_dir() => Source::Daemon(text.to_owned()),
            Ok(_) => Source::Archive(text.into()),
            // No reference begins so.
            Err(_) if text.starts_with(['/', '.']) => Source::Archive(text.into()),
            Err(_) => Source::Daemon(text.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_against_names_is_found_out() {
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
            (text("a.tar"), Source::Archive(path("a.tar"))),
            (format!("docker-archive:{}", text("a.tar")), Source::Archive(path("a.tar"))),
            (text("absent.tar"), Source::Archive(path("absent.tar"))),
            ("./absent.tar".into(), Source::Archive("./absent.tar".into())),
            ("web:1.2".into(), Source::Daemon("web:1.2".into())),
            // A folder that is none of images, as packages have one of their name.
            ("src".into(), Source::Daemon("src".into())),
            ("registry.example:5000/web".into(), Source::Daemon("registry.example:5000/web".into())),
        ] {
            assert_eq!(Source::of(&against), expected, "{against}");
        }
    }
}
