//! Gathers the facts that a plan depends on besides the tables.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use tierce_builders::workspace::declared::DeclaredContent;
use tierce_builders::workspace::{Workspace, declared, platform};
use tierce_docker::Image;
use tierce_manifest::{
    BuilderBase, ForAtom, ImageReference, ImageSpec, Located, Place, ProgramSpec, TestSpec, read_env_file,
};
use tierce_plan::{BuilderFacts, Facts, ForeignFacts, ImageFacts, Ingredients, Lock, digest};
use tierce_portage::Patch;
use tierce_process::cargo_config::ConfigFile;
use tierce_store::{Error, ErrorKind};

use crate::gather::{cargo_target, profiles, program_checks, read_files, recipes, repositories, revision};

/// The facts for planning these images.
pub fn gather(workspace: &Workspace, images: &[&ImageSpec], lock: Option<Lock>) -> Result<Facts, Error> {
    let revision = tierce_process::git::revision(workspace.root())?;
    let revision = revision.filter(|revision| !revision.modified).map(|revision| revision.commit);
    if images.iter().any(|image| image.program.is_some()) {
        cargo_target::check(&workspace.cargo_config, &workspace.toolchain.host)?;
    }
    let mut absent = BTreeMap::new();
    let builder = builder(workspace, &mut absent)?;
    let mut image_facts = BTreeMap::new();
    for image in images {
        let mut facts = of_image(workspace, image, &mut absent)?;
        facts.revision.clone_from(&revision);
        image_facts.insert(image.name.to_string(), facts);
    }
    let base =
        lock.as_ref().filter(|lock| builder.is_of(&lock.builder)).and_then(|lock| lock.builder.repository.clone());
    let repositories = repositories::counting(workspace, base.as_ref())?;
    let (main, default_profile) = repositories::main(workspace, base.as_ref())?;
    let profile = profiles::digest(&workspace.spec, &repositories, base.as_ref())?;
    Ok(Facts {
        platform: platform(),
        rustc: workspace.toolchain.version.clone(),
        lock,
        repositories: repositories.into_iter().map(|repository| repository.locked.clone()).collect(),
        builder,
        absent,
        main,
        default_profile,
        profile,
        images: image_facts,
        binpkgs: cached_binpkgs(&workspace.paths.shared("binpkgs")),
    })
}

fn builder(workspace: &Workspace, absent: &mut Absent) -> Result<BuilderFacts, Error> {
    match &workspace.spec.builder {
        BuilderBase::Debian => {
            let selection = recipes::debian_selection(workspace.spec.debian_suite);
            Ok(BuilderFacts::Debian { selection, recipe: recipes::debian_recipe() })
        }
        BuilderBase::Image(reference) => {
            let id = match in_daemon(workspace, reference)? {
                Some(image) => image.id,
                None => {
                    absent.insert(reference.value.to_string(), None);
                    String::new()
                }
            };
            Ok(BuilderFacts::Image { id })
        }
        BuilderBase::RootFilesystem(path) => {
            let host = workspace.root().join(&path.value);
            let digest = if host.is_dir() {
                workspace.digests.of_folder(host.as_std_path())
            } else {
                workspace.digests.of_file(host.as_std_path())
            };
            let digest = digest.map_err(|error| match error.source_as::<io::Error>() {
                Some(cause) => {
                    let message = format!("the root filesystem `{}` cannot be read: {cause}", path.value);
                    let help = "`rootfs` is an archive or a folder, from the workspace's root on";
                    Error::table(&path.place, message).with_help(help)
                }
                None => error,
            })?;
            Ok(BuilderFacts::RootFilesystem { digest })
        }
    }
}

/// The images to pull, as [`Facts::absent`] has them.
type Absent = BTreeMap<String, Option<String>>;

/// The external base image of an image, as the daemon has it; none if the daemon lacks it.
fn foreign(workspace: &Workspace, reference: &Located<ImageReference>) -> Result<Option<ForeignFacts>, Error> {
    let name = reference.value.to_string();
    let Some(image) = in_daemon(workspace, reference)? else { return Ok(None) };
    let platform = platform();
    let of_image = format!("{}/{}", image.os, image.architecture);
    if of_image != platform {
        return Err(Error::table(
            &reference.place,
            format!("`{name}` is an image for {of_image}, and this machine is {platform}"),
        )
        .with_help(format!("bring the other one with `docker pull --platform {platform} {name}`")));
    }
    Ok(Some(ForeignFacts { id: image.id, layers: digest(image.diff_ids.join("\n")) }))
}

/// An image of the daemon; none if the daemon may pull it.
fn in_daemon(workspace: &Workspace, reference: &Located<ImageReference>) -> Result<Option<Image>, Error> {
    let name = reference.value.to_string();
    match workspace.docker()?.image(&name)? {
        None if workspace.options.offline => {
            let problem = "the daemon does not have it, and --offline forbids the network";
            let error = Error::new(ErrorKind::Download, format!("failed to pull `{name}`: {problem}"));
            let help = "run once without --offline, or bring it there with `docker load`";
            Err(error.at(&reference.place).with_help(help))
        }
        image => Ok(image),
    }
}

fn of_image(workspace: &Workspace, image: &ImageSpec, absent: &mut Absent) -> Result<ImageFacts, Error> {
    let base = match image.base.foreign() {
        None => None,
        Some(reference) => {
            let base = foreign(workspace, reference)?;
            if base.is_none() {
                absent.entry(reference.value.to_string()).or_insert_with(|| Some(image.name.to_string()));
            }
            base
        }
    };
    if let Some(program) = &image.program {
        program_checks::check_program(workspace, image, program)?;
    }
    let (sources, cargo_config) = match &image.program {
        Some(program) => (sources(workspace, image, program)?, cargo_config(workspace)),
        None => Default::default(),
    };
    Ok(ImageFacts {
        sources,
        cargo_config,
        files: files(workspace, image)?,
        env_files: env_files(image)?,
        probe: image.config.healthcheck.as_ref().filter(|check| check.value.is_probe).map(|_| recipes::probe()),
        test_files: test_files(workspace, image)?,
        hooks: image
            .hooks
            .iter()
            .map(|(hook, spec)| Ok((hook, recipes::hook_parts(workspace, spec)?)))
            .collect::<Result<_, Error>>()?,
        patches: image.emerge.patches.iter().map(patches).collect::<Result<_, _>>()?,
        base,
        revision: None,
    })
}

/// The sources of a program: the files of all local packages, the files that the last compilation read besides, Cargo.lock, and the
/// workspace's Cargo.toml, which has the profiles.
fn sources(workspace: &Workspace, image: &ImageSpec, program: &ProgramSpec) -> Result<BTreeMap<String, String>, Error> {
    let mut sources = BTreeMap::new();
    for file in ["Cargo.toml", "Cargo.lock"] {
        let digest = workspace.digests.of_file(workspace.root().join(file).as_std_path())?;
        sources.insert(file.to_owned(), format!("file {digest}"));
    }
    for (name, folder) in read_files::package_folders(workspace, program) {
        for (path, content) in workspace.digests.files_of(folder.as_std_path())? {
            sources.insert(format!("{name}{path}"), content);
        }
    }
    read_files::add_to(&mut sources, workspace, image)?;
    read_files::add_named(&mut sources, workspace, program)?;
    sources.extend(revision::of_program(workspace, image)?.map(|answers| ("git's revision".to_owned(), answers)));
    Ok(sources)
}

/// The digest of the configuration files that cargo reads in this workspace, without settings that a build does not depend on.
fn cargo_config(workspace: &Workspace) -> String {
    let mut ingredients = Ingredients::default();
    let texts = workspace.cargo_config.files.iter().map(ConfigFile::for_builder);
    for (index, text) in texts.filter(|text| !text.is_empty()).enumerate() {
        ingredients.add(format!("{index}"), digest(&text));
    }
    ingredients.key().to_string()
}

/// The entries of `files`, which have to exist and lie inside of their folder.
fn files(workspace: &Workspace, image: &ImageSpec) -> Result<BTreeMap<String, String>, Error> {
    let mut files = BTreeMap::new();
    for file in &image.content.files {
        for entry in declared::entries(file)? {
            let content = match &entry.content {
                DeclaredContent::Folder => "folder".to_owned(),
                DeclaredContent::Link(target) => format!("link {target}"),
                DeclaredContent::File { executable } => {
                    let digest = workspace.digests.of_file(&entry.host)?;
                    format!("{} {digest}", if *executable { "program" } else { "file" })
                }
            };
            files.insert(entry.path, content);
        }
    }
    Ok(files)
}

/// The variables of the files that `env-files` names.
fn env_files(image: &ImageSpec) -> Result<BTreeMap<String, String>, Error> {
    let mut variables = BTreeMap::new();
    for file in &image.config.env_files {
        let blame = |message: String| Error::table(&file.place, message);
        let path = declared::file(file)?;
        let shown = file.value.relative();
        let text = tierce_bounded::bytes(path, &tierce_bounded::TEXT)
            .map_err(|error| blame(format!("`{shown}` cannot be read: {error}")))?;
        let text = String::from_utf8(text).map_err(|_| blame(format!("`{shown}` is not UTF-8")))?;
        let read = read_env_file(&text).map_err(|(number, fault)| {
            Error::table(&Place::new(&Arc::from(file.value.full()), span_of_line(&text, number)), fault.message)
                .with_help_if(fault.help)
        })?;
        variables.extend(read);
    }
    Ok(variables)
}

/// The span of a line without its end; the first line is 1.
fn span_of_line(text: &str, number: usize) -> Range<usize> {
    let start = text.split_inclusive('\n').take(number.saturating_sub(1)).map(str::len).sum();
    let length = text[start..].lines().next().map_or(0, str::len);
    start..start + length
}

/// The files that the tests of an image read.
fn test_files(workspace: &Workspace, image: &ImageSpec) -> Result<BTreeMap<String, String>, Error> {
    let mut files = BTreeMap::new();
    for path in image.tests.iter().flat_map(TestSpec::inputs) {
        let digest = workspace.digests.of_file(&declared::file(path)?)?;
        files.insert(path.value.relative().to_string(), digest);
    }
    Ok(files)
}

fn patches(patches: &ForAtom<Vec<tierce_manifest::Located<tierce_manifest::InnerPath>>>) -> Result<Vec<Patch>, Error> {
    let read = |patch: &tierce_manifest::Located<tierce_manifest::InnerPath>| {
        let path = patch.value.full();
        let blame = |message: String| Error::table(&patch.place, message);
        let content = tierce_bounded::bytes(&path, &tierce_bounded::TEXT)
            .map_err(|error| blame(format!("the patch cannot be read: {error}")))?;
        let name = path.file_name().unwrap_or_default().parse();
        Ok(Patch { name: name.map_err(|error| blame(format!("{error}")))?, content })
    };
    patches.value.iter().map(read).collect()
}

/// The keys of the binary packages of the cache.
fn cached_binpkgs(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter_map(|name| name.strip_suffix(".gpkg.tar").map(str::to_owned)).collect()
}
