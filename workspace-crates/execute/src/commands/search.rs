//! `search` and `use`: the packages of the builder's repositories, and their USE flags.

use tierce_builders::workspace::Workspace;
use tierce_manifest::ImageSpec;
use tierce_portage::{FoundPackage, PackageFlags, SEARCH_PY, SearchAnswer, SearchRequest};
use tierce_store::{Error, Observer};

use crate::commands::clean::with_room;
use crate::commands::portage::{Script, ask, with_builder};

const SCRIPT: Script = Script { name: "search", text: SEARCH_PY };

/// Returns the packages whose names or descriptions have all of these words; all packages without words.
///
/// # Errors
/// A broken ebuild, and those of a builder.
pub(crate) fn search(
    workspace: &Workspace,
    words: &[String],
    observer: &Observer<'_>,
) -> Result<Vec<FoundPackage>, Error> {
    let request = SearchRequest::Search(words.to_vec());
    match answer(workspace, &workspace.spec.toolbox, &request, observer)? {
        SearchAnswer::Found(found) => Ok(found),
        SearchAnswer::Package(_) | SearchAnswer::Failed(_) => Err(Error::missing_input("list of packages")),
    }
}

/// Returns the versions of a package, and its USE flags in an image.
///
/// # Errors
/// A package that no repository has, a broken ebuild, and those of a builder.
pub(crate) fn package_flags(
    workspace: &Workspace,
    image: &ImageSpec,
    atom: &str,
    observer: &Observer<'_>,
) -> Result<PackageFlags, Error> {
    match answer(workspace, image, &SearchRequest::Package(atom.to_owned()), observer)? {
        SearchAnswer::Package(package) => Ok(*package),
        SearchAnswer::Found(_) | SearchAnswer::Failed(_) => Err(Error::missing_input("package")),
    }
}

fn answer(
    workspace: &Workspace,
    image: &ImageSpec,
    request: &SearchRequest,
    observer: &Observer<'_>,
) -> Result<SearchAnswer, Error> {
    let answer = with_builder(workspace, observer, |context, builder| {
        let said = ask(context, builder, image, &SCRIPT, &request.to_json())?;
        match SearchAnswer::parse(&said.answer) {
            Ok(SearchAnswer::Failed(failure)) => Err(said.failed(&failure)),
            Ok(answer) => Ok(answer),
            Err(error) => Err(said.unreadable(error)),
        }
    });
    answer.map_err(|error| with_room(workspace, workspace.unless_interrupted(error)))
}
