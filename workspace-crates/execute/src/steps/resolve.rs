//! Lets Portage resolve inside of the builder, and turns what it says into the lock's words or an error with a line.

use std::path::PathBuf;

use tierce_docker::{ContainerSpec, Input, Mount, OutputStream};
use tierce_manifest::{ForAtom, ImageSpec, Located, Place};
use tierce_plan::{Builder, LockedImage, Moves, Outcome, fixed, portage_config, request};
use tierce_portage::{
    Answer, Atom, ConfigContent, Failure, Machine, PackageName, PortageConfig, RESOLVE_PY, Request, ResolvedPackage,
    relevant_lines,
};

use crate::Error;
use crate::executor::Executor;
use crate::files;
use crate::places::create_dir;
use crate::repositories::RepositoryFolder;
use crate::steps::builder::Tail;

impl Executor<'_> {
    /// Asks Portage which packages the image's tables come to. Those of `keep` keep their versions where that is possible, but for
    /// what moves.
    pub(crate) fn resolve(
        &self,
        image: &str,
        keep: &[Atom],
        moves: &Moves,
        builder: &Builder,
    ) -> Result<Outcome, Error> {
        let image = self.image(image)?;
        let docker = self.docker()?;
        let mut mounts = self.portage_mounts(image, &[])?;
        mounts.push(self.script("resolve.py", RESOLVE_PY)?);
        let container = ContainerSpec {
            entrypoint: Some(vec!["python3".into()]),
            command: vec!["/tierce/scripts/resolve.py".into()],
            user: Some("0:0".into()),
            ..self.builder_container(builder, "resolve", mounts)
        };
        let mut answer = Vec::new();
        let mut tail = Tail::default();
        let base = self.locked_base(image);
        let question = question(image, base, keep, moves).to_json();
        let exit = docker.run(&container, Input::bytes(question), &mut |stream, bytes| match stream {
            OutputStream::Stdout => answer.extend_from_slice(bytes),
            OutputStream::Stderr => tail.push(stream, bytes),
        })?;
        // A resolution that fails is an answer too; only without one is the exit code what there is to say.
        match Answer::parse(&String::from_utf8_lossy(&answer)) {
            Ok(Answer::Resolved(resolution)) => {
                base.map_or(Ok(()), |base| stands_on(image, base, &resolution.packages))?;
                Ok(Outcome::Resolution(resolution.packages))
            }
            Ok(Answer::Failed(failure)) => {
                let error = blame(image, &failure, &self.broken_ebuild(&tail.text()));
                Err(base.map_or_else(|| None, |base| blame_base(base, &failure, &error)).unwrap_or(error))
            }
            Err(_) if !exit.success() => {
                let what = format!("resolve the packages of `{}`", image.name);
                Err(Error::Builder { what, code: exit.code, lines: tail.lines() })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What Portage says of an ebuild that it cannot read, with the paths of the host; nothing where it says no such thing.
    fn broken_ebuild(&self, said: &str) -> Vec<String> {
        let lines = relevant_lines(said);
        if !lines.iter().any(|line| line.starts_with(" * ERROR: ")) {
            return Vec::new();
        }
        let on_host = |line: String| {
            self.session.repositories.iter().fold(line, |line, repository| {
                let inside = format!("/tierce/repositories/{}/", repository.locked.name);
                line.replace(&inside, &format!("{}/", repository.folder.display()))
            })
        };
        lines.into_iter().map(on_host).collect()
    }

    /// Portage's configuration for an image on this machine.
    pub(crate) fn portage_config(&self, image: &ImageSpec) -> Result<PortageConfig, Error> {
        let nothing = Vec::new();
        let patches = self.facts.images.get(image.name.as_str()).map_or(&nothing, |facts| &facts.patches);
        let jobs = u32::try_from(self.session.options.jobs).ok().and_then(std::num::NonZeroU32::new);
        // Builders have no network: sources are fetched by the host, which knows its mirrors.
        let machine = Machine { jobs: jobs.unwrap_or(std::num::NonZeroU32::MIN), debian_mirror: None };
        let main = &self.facts.main;
        let mut config =
            portage_config(&self.session.spec, image, main, &self.facts.default_profile, patches, machine)?;
        // The most specific atom has the last word with Portage.
        config.package_use.extend(self.locked_base(image).into_iter().flat_map(fixed));
        Ok(config)
    }

    /// What the lock says of the image that this one begins with.
    fn locked_base(&self, image: &ImageSpec) -> Option<&LockedImage> {
        self.facts.lock.as_ref()?.image(image.base.image()?.as_str())
    }

    /// /etc/portage and the repositories, for every container that runs Portage; `packages` is the resolution, if there is one.
    pub(crate) fn portage_mounts(&self, image: &ImageSpec, packages: &[ResolvedPackage]) -> Result<Vec<Mount>, Error> {
        let folder = self.write_portage_config(image, packages)?;
        let mut mounts = vec![Self::read_only(folder, "/etc/portage")];
        // The embedded one is left out where the builder's base has its own.
        let counts = |folder: &&RepositoryFolder| self.facts.repositories.contains(&folder.locked);
        for repository in self.session.repositories.iter().filter(counts) {
            let target = format!("/tierce/repositories/{}", repository.locked.name);
            mounts.push(Self::read_only(&repository.folder, target));
        }
        Ok(mounts)
    }

    /// Writes /etc/portage into a folder that is named by its content: steps that run at the same time share it, and none pulls it
    /// away from under the other's container.
    fn write_portage_config(&self, image: &ImageSpec, packages: &[ResolvedPackage]) -> Result<PathBuf, Error> {
        let all = self.portage_config(image)?.files(packages);
        let digest = tierce_plan::digest(format!("{all:?}"));
        let parent = self.session.places.own("portage").join(image.name.as_str());
        let folder = parent.join(&digest[..16]);
        if folder.is_dir() {
            return Ok(folder);
        }
        let (scratch, _held) = files::temporary_folder_in(&parent)?;
        for file in all {
            let path = scratch.path().join(&file.path);
            match file.content {
                ConfigContent::File(bytes) => files::write(&path, bytes)?,
                ConfigContent::Symlink(target) => {
                    create_dir(path.parent().unwrap_or(scratch.path()))?;
                    let link = std::os::unix::fs::symlink(target.as_str(), &path);
                    link.map_err(|error| Error::file("write the link", &path, error))?;
                }
            }
        }
        files::persist_folder(scratch, &folder)?;
        Ok(folder)
    }

    /// A script of the library, as builders see it.
    pub(crate) fn script(&self, name: &str, text: &str) -> Result<Mount, Error> {
        let digest = tierce_plan::digest(text);
        let path = self.session.places.shared("scripts").join(&digest[..16]).join(name);
        if !path.is_file() {
            files::write(&path, text)?;
        }
        Ok(Self::read_only(path, format!("/tierce/scripts/{name}")))
    }
}

/// What the resolver is asked. The packages of a base are asked for as they are.
fn question(image: &ImageSpec, base: Option<&LockedImage>, keep: &[Atom], moves: &Moves) -> Request {
    let mut question = request(image);
    let below: Vec<Atom> = base.into_iter().flat_map(fixed).map(|(atom, _)| atom).collect();
    match moves {
        Moves::Everything => {}
        Moves::Nothing => question.keep = keep.to_vec(),
        Moves::Packages(atoms) => {
            question.keep = keep.to_vec();
            question.moves = atoms.iter().map(|atom| atom.package().clone()).collect();
            // One that is only a name may come to any version.
            question.only = atoms.iter().filter(|atom| **atom != Atom::from(atom.package().clone())).cloned().collect();
        }
    }
    let of_base = |package: &PackageName| below.iter().any(|atom| atom.package() == package);
    question.moves.retain(|package| !of_base(package));
    question.only.retain(|atom| !of_base(atom.package()));
    question.only.extend(below.iter().cloned());
    question.packages.extend(below);
    question
}

/// Whether a resolution has the packages of the base as they are there.
fn stands_on(image: &ImageSpec, base: &LockedImage, packages: &[ResolvedPackage]) -> Result<(), Error> {
    let is_there = |below: &&ResolvedPackage| {
        packages.iter().any(|package| package.root && package.cpv() == below.cpv() && package.uses == below.uses)
    };
    let Some(other) = base.in_root().find(|below| !is_there(below)) else { return Ok(()) };
    let message = format!("the packages of `{}` cannot be had with `{}` as its base has it", image.name, other.cpv());
    Err(Error::Resolution { message, place: Some(image.place.clone()), help: Some(in_base(base)) })
}

/// The error for a resolution that failed because of a package that the base has already.
fn blame_base(base: &LockedImage, failure: &Failure, error: &Error) -> Option<Error> {
    let is_about = |package: &&ResolvedPackage| names(&failure.atom, &package.package().to_string());
    let package = base.in_root().find(is_about)?;
    let flags: Vec<&str> = package.uses.iter().map(|flag| flag.as_str()).collect();
    let flags = if flags.is_empty() { "no USE flag on".into() } else { format!("USE={:?}", flags.join(" ")) };
    let message = format!("{error}\nthe base `{}` has `{}` already, with {flags}", base.name, package.cpv());
    Some(Error::Resolution { message, place: error.place().cloned(), help: Some(in_base(base)) })
}

/// What to do where packages of a base are not as they are needed.
fn in_base(base: &LockedImage) -> String {
    format!("ask for it in the table of `{}`, or begin with another image", base.name)
}

/// The error for a failed resolution, at the line of the atom or flag that it is about; `said` is what Portage wrote beside it.
fn blame(image: &ImageSpec, failure: &Failure, said: &[String]) -> Error {
    let mut message = failure.to_string();
    // The first line of Portage's words is the message itself.
    let words = failure.portage_words();
    if matches!(failure.kind, tierce_portage::FailureKind::Other) {
        let words = words.lines().filter(|line| !line.trim().is_empty()).skip(1);
        words.chain(said.iter().map(String::as_str)).for_each(|line| message.extend(["\n", line]));
    }
    Error::Resolution { message, place: Some(place_of(image, failure)), help: failure.help() }
}

fn place_of(image: &ImageSpec, failure: &Failure) -> Place {
    let emerge = &image.emerge;
    let asked = || emerge.packages.iter().chain(&emerge.build_packages);
    let is_about = |atom: &Located<Atom>| {
        let package = atom.value.package().to_string();
        atom.value.to_string() == failure.atom || names(&failure.atom, &package)
    };
    if matches!(failure.kind, tierce_portage::FailureKind::UnknownUse | tierce_portage::FailureKind::RequiredUse) {
        let about = |entry: &&ForAtom<Vec<Located<tierce_portage::UseSetting>>>| is_about(&entry.atom);
        if let Some(entry) = emerge.package_use.iter().find(about) {
            let flag = |setting: &&Located<tierce_portage::UseSetting>| {
                failure.flags.iter().any(|flag| setting.value.to_string().trim_start_matches('-') == flag)
            };
            return entry.value.iter().find(flag).map_or(&entry.atom.place, |setting| &setting.place).clone();
        }
    }
    // What an asked-for package needs is not in the table: then the one that brings it is to blame.
    let required = || {
        let by = |atom: &&Located<Atom>| {
            let package = atom.value.package().to_string();
            failure.required_by.iter().any(|by| names(by, &package))
        };
        asked().find(by)
    };
    asked().find(|atom| is_about(atom)).or_else(required).map_or(&image.place, |atom| &atom.place).clone()
}

/// Whether an atom or a package with a version is one of this package.
fn names(text: &str, package: &str) -> bool {
    text.trim_start_matches(['>', '<', '=', '~', '!']).strip_prefix(package).is_some_and(|rest| {
        let mut rest = rest.chars();
        match rest.next() {
            None | Some(':' | '[') => true,
            Some('-') => rest.next().is_some_and(|digit| digit.is_ascii_digit()),
            Some(_) => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn an_atom_names_its_package_and_no_longer_one() {
        for (text, expected) in [
            ("media-libs/libpng", true),
            (">=media-libs/libpng-1.6", true),
            ("media-libs/libpng-1.6.39-r1", true),
            ("media-libs/libpng:0", true),
            ("media-libs/libpng[apng]", true),
            ("media-libs/libpng-compat", false),
            ("media-libs/libpng16", false),
            ("media-libs/lib", false),
        ] {
            assert_eq!(names(text, "media-libs/libpng"), expected, "{text}");
        }
    }
}
