//! Reads the keys of the workspace alone: the builder, repositories, mirrors.

use camino::Utf8PathBuf;
use tierce_portage::RepositoryName;

use super::{Report, emerge::read_variables};
use crate::{
    error::Fault,
    node::Node,
    place::Located,
    spec::{
        BuilderBase, DebianSuite, DebugImage, EngineChoice, ImageSpec, PortageProfile, RepositorySpec, WorkspaceSpec,
    },
    values::{check_url, host_path},
};

/// The name of the ebuild repository that Tierce embeds.
const EMBEDDED: &str = "tierce";

pub(super) fn read_workspace(
    table: Option<Node<'_>>,
    images: Vec<ImageSpec>,
    toolbox: ImageSpec,
    report: &mut Report,
) -> WorkspaceSpec {
    let field = |key: &str| table.and_then(|table| table.field(key));
    let builder = field("builder").and_then(|value| read_builder(value, report)).unwrap_or(BuilderBase::Debian);
    let repositories = field("repositories").map(|list| read_repositories(list, report)).unwrap_or_default();
    let portage_profile =
        field("portage-profile").and_then(|value| read_profile(value, &builder, &repositories, report));
    check_masters(&builder, &repositories, report);
    if builder != BuilderBase::Debian {
        let other = ["debian-suite", "debian-snapshot"].into_iter().filter_map(|key| Some((key, field(key)?.place())));
        for (key, place) in other {
            let fault =
                Fault::new(format!("`{key}` is about the builder `debian`, and this workspace has another"), "unused");
            report.fault(&place, fault.help("leave it out"));
        }
    }
    let mut address = |key: &str| field(key)?.text().and_then(|text| report.checked(text, check_url));
    let (debian_mirror, python_index) = (address("debian-mirror"), address("python-index"));
    let debian_security_mirror = address("debian-security-mirror");
    let suite = field("debian-suite").and_then(|value| value.text());
    let suite = suite.and_then(|text| DebianSuite::ALL.into_iter().find(|suite| suite.codename() == text.value));
    let engine = field("engine").and_then(|value| value.text());
    let engine = engine.and_then(|text| EngineChoice::ALL.into_iter().find(|engine| engine.name() == text.value));
    let make_conf = field("make-conf").map(|table| read_variables(&table.entries(), report)).unwrap_or_default();
    let debug_image = field("toolbox").and_then(|value| read_debug_image(value, &images, report));
    WorkspaceSpec {
        debug_image: debug_image.unwrap_or_else(|| DebugImage::OfWorkspace(toolbox.name.clone())),
        images,
        toolbox,
        builder,
        repositories,
        portage_profile,
        make_conf,
        engine: engine.unwrap_or_default(),
        debian_suite: suite.unwrap_or_default(),
        debian_mirror,
        debian_security_mirror,
        debian_snapshot: field("debian-snapshot").and_then(|value| value.boolean()).unwrap_or(false),
        python_index,
    }
}

/// Reads `toolbox`. The name of a workspace image wins over an image of the daemon with the same name.
fn read_debug_image(value: Node<'_>, images: &[ImageSpec], report: &mut Report) -> Option<DebugImage> {
    let text = value.text()?;
    match images.iter().find(|image| image.name.as_str() == text.value) {
        Some(image) => Some(DebugImage::OfWorkspace(image.name.clone())),
        None if text.value == "toolbox" => None,
        None => Some(DebugImage::Reference(report.parse(text)?)),
    }
}

fn read_builder(value: Node<'_>, report: &mut Report) -> Option<BuilderBase> {
    if let Some(image) = value.field("image") {
        return Some(BuilderBase::Image(report.parse(image.text()?)?));
    }
    let path = value.field("rootfs")?.text()?;
    Some(BuilderBase::RootFilesystem(read_host_path(value, path, report)?))
}

fn read_host_path(table: Node<'_>, path: Located<&str>, report: &mut Report) -> Option<Located<Utf8PathBuf>> {
    report.keep(path.place, host_path(&table.folder(), path.value))
}

fn read_repositories(list: Node<'_>, report: &mut Report) -> Vec<RepositorySpec> {
    let mut repositories: Vec<RepositorySpec> = Vec::new();
    for item in list.items() {
        let Some(repository) = read_repository(item, report) else { continue };
        let name = &repository.name;
        if matches!(name.value.as_str(), EMBEDDED | "DEFAULT") {
            let fault = Fault::new(format!("the repository name `{}` is taken", name.value), "taken")
                .help("name it otherwise, here and in its profiles/repo_name");
            report.fault(&name.place, fault);
        }
        if let Some(first) = repositories.iter().find(|earlier| earlier.name.value == name.value) {
            let fault = Fault::new(format!("two repositories have the name `{}`", name.value), "the second one");
            report.errors().push(fault.at(name.place.clone()).also(&first.name.place, "the first one"));
        }
        repositories.push(repository);
    }
    repositories
}

fn read_repository(item: Node<'_>, report: &mut Report) -> Option<RepositorySpec> {
    let name = item.field("name").and_then(|name| name.text()).and_then(|name| report.parse_portage(name));
    let path = item.field("path").and_then(|path| path.text());
    let path = path.and_then(|path| read_host_path(item, path, report));
    let masters = item.field("masters");
    let masters = masters.map(|list| list.texts().filter_map(|master| report.parse_portage(master)).collect());
    Some(RepositorySpec { name: name?, path: path?, masters })
}

/// Refuses an unknown repository. The check needs Tierce's own builder: the repositories of others are not known here.
fn check_known(
    name: &Located<RepositoryName>,
    builder: &BuilderBase,
    repositories: &[RepositorySpec],
    report: &mut Report,
) {
    let mut known = repositories.iter().map(|repository| repository.name.value.as_str()).chain([EMBEDDED]);
    if *builder != BuilderBase::Debian || known.any(|known| known == name.value.as_str()) {
        return;
    }
    let known = repositories.iter().map(|repository| repository.name.value.as_str()).chain([EMBEDDED]);
    let fault = Fault::new(format!("there is no repository `{}`", name.value), "no such repository")
        .suggest(name.value.as_str(), known);
    report.fault(&name.place, fault);
}

fn check_masters(builder: &BuilderBase, repositories: &[RepositorySpec], report: &mut Report) {
    for master in repositories.iter().flat_map(|repository| repository.masters.iter().flatten()) {
        check_known(master, builder, repositories, report);
    }
}

fn read_profile(
    value: Node<'_>,
    builder: &BuilderBase,
    repositories: &[RepositorySpec],
    report: &mut Report,
) -> Option<Located<PortageProfile>> {
    let text = value.text()?;
    let valid = |path: &str| {
        path.split('/').all(|part| !matches!(part, "" | "." | "..") && part.chars().all(is_profile_character))
    };
    let Some((repository, path)) = text.value.split_once(':').filter(|(_, path)| valid(path)) else {
        let message = format!("`{}` is not a profile of Portage", text.value.escape_debug());
        let fault =
            Fault::new(message, "not a profile").help("write repository:path, such as \"tierce:default/linux/amd64\"");
        report.fault(&text.place, fault);
        return None;
    };
    let repository = report.parse_portage(Located::new(repository, text.place.clone()))?;
    check_known(&repository, builder, repositories, report);
    let path = path.to_owned();
    Some(repository.map(|repository| PortageProfile { repository, path }))
}

fn is_profile_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.' | '+')
}
