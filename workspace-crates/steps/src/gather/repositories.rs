//! Chooses the ebuild repositories that a builder sees, and the main one among them.

use tierce_builders::workspace::Workspace;
use tierce_builders::workspace::repositories::RepositoryFolder;
use tierce_plan::BaseRepository;
use tierce_portage::{RelativePath, Repository};
use tierce_store::Error;

/// The host's repositories that a builder sees; not the embedded one if the builder's base has a repository.
pub(super) fn counting<'a>(
    workspace: &'a Workspace,
    base: Option<&BaseRepository>,
) -> Result<Vec<&'a RepositoryFolder>, Error> {
    let Some(base) = base else { return Ok(workspace.repositories.iter().collect()) };
    match workspace.spec.repositories.iter().find(|own| own.name.value.as_ref() == base.name) {
        None => Ok(workspace.repositories.iter().skip(1).collect()),
        Some(own) => {
            Err(Error::table(&own.name.place, format!("the builder has an ebuild repository `{}` itself", base.name))
                .with_help("give this one another name, in its profiles/repo_name too"))
        }
    }
}

/// The main repository as builders see it, and its profile for a workspace that names none.
pub(super) fn main(workspace: &Workspace, base: Option<&BaseRepository>) -> Result<(Repository, RelativePath), Error> {
    let name = base.map_or(tierce_ebuilds::NAME, |base| &base.name);
    let mut main = Repository::mounted(name.parse().map_err(tierce_portage::Error::from)?);
    let embedded = tierce_ebuilds::default_profile(workspace.spec.debian_suite.codename());
    let path = match base {
        None => embedded,
        Some(base) => {
            main.location = BaseRepository::LOCATION.parse().map_err(tierce_portage::Error::from)?;
            match (&base.profile, &workspace.spec.portage_profile) {
                (Some(profile), _) => profile,
                // Never used.
                (None, Some(_)) => embedded,
                (None, None) => {
                    return Err(Error::table(
                        &workspace.base_place()?,
                        format!("the builder has not chosen a profile of its ebuild repository `{name}`"),
                    )
                    .with_help(format!(
                        "name one by `portage-profile = \"{name}:PATH\"`, or by its link /etc/portage/make.profile"
                    )));
                }
            }
        }
    };
    Ok((main, path.parse().map_err(tierce_portage::Error::from)?))
}
