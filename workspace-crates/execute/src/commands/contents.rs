//! `why`: the files of a built image with their owners and reasons.

use tierce_builders::workspace::Workspace;
use tierce_report::Contents;
use tierce_store::{Error, sealed};

/// Returns the files of an image as its last build recorded them.
pub(crate) fn read_contents(workspace: &Workspace, image: &str) -> Result<Contents, Error> {
    workspace.image(image)?;
    let path = workspace.paths.contents(image);
    sealed::read(&path).ok_or_else(|| {
        let problem = std::io::Error::new(
            std::io::ErrorKind::NotFound,
            format!("the image was not built yet; run `cargo xtask image {image}`"),
        );
        Error::file("read", &path, problem)
    })
}
