//! Checks that a container of a packed image can start: its program, its health check, its working directory and its volumes.

use std::cell::RefCell;
use std::io::Read as _;

use tierce_builders::container::checked_archive::RootArchive;
use tierce_builders::container::context::Context;
use tierce_builders::workspace::config_place;
use tierce_elf::Machine;
use tierce_manifest::{ImageSpec, Place};
use tierce_oci::{Metadata, Runtime};
use tierce_process::cargo_config::CargoConfig;
use tierce_rootfs::{Format, Index, Reason};
use tierce_store::{Error, ErrorKind};

use crate::steps::documents;
use crate::steps::image_files::text_of;
use crate::steps::select_files::{SelectedFiles, base_place};
use tierce_startable::{AccountTexts, Identity, Obstacle, Surroundings, UnknownName};

/// The folders of programs in a container whose image sets no PATH.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The bytes of a script that the kernel reads for its interpreter.
const HEAD: u64 = 256;

/// Fails if a container of the image cannot start. Returns the user that the program runs as, in numbers.
pub(super) fn check_start(
    context: &Context<'_>,
    spec: &ImageSpec,
    files: &mut SelectedFiles,
) -> Result<Option<String>, Error> {
    let foreign = files.external_runtime();
    let runtime = documents::run_configuration(spec, context.facts, foreign, &Metadata::default());
    let SelectedFiles { image, archive, chosen, .. } = files;
    let accounts = account_texts(image, archive)?;
    let started = Started { spec, runtime: &runtime, accounts: &accounts, platform: &context.facts.platform };
    let archive = RefCell::new(archive);
    let first_line = |path: &str| {
        let mut archive = archive.borrow_mut();
        let content = image.content(path);
        let head = content.and_then(|content| {
            let mut bytes = Vec::new();
            archive.content(content).ok()?.take(HEAD).read_to_end(&mut bytes).ok()?;
            Some(String::from_utf8_lossy(&bytes).lines().next().unwrap_or_default().to_owned())
        });
        head.unwrap_or_default()
    };
    let programs = chosen.iter().filter(|(_, reason)| **reason == Reason::Program).map(|(path, _)| path);
    let programs: Vec<&str> = programs.filter(|path| image.content(path).is_some()).collect();
    let warnings = started.check(image, &programs, &first_line);
    let warnings = warnings.map_err(|error| blame_flag(&context.workspace.cargo_config, image, &programs, error))?;
    warnings.into_iter().for_each(|warning| context.warn(warning));
    started.user()
}

/// Names the flag that links a program without a dynamic linker, if one of cargo's configuration does.
fn blame_flag(config: &CargoConfig, image: &Index, programs: &[&str], error: Error) -> Error {
    let lacks_linker = |path: &&&str| match image.content(path).map(|content| &content.format) {
        Some(Format::Elf(elf)) => elf.interpreter.is_none() && !elf.needed.is_empty(),
        _ => false,
    };
    let mut programs = programs.iter().filter(|program| error.to_string().contains(**program));
    let Some(program) = programs.find(lacks_linker) else { return error };
    let Some(flag) = config.flags_without_dynamic_linker().first().copied() else {
        let help = "look for `-static` in the `cargo::rustc-link-arg` of the program's build scripts, and remove it";
        return error.with_help(help);
    };
    let message = format!("{error}; the flag `{}` of {} links `{program}` like that", flag.value, flag.source);
    let place = config_place(config, flag).or_else(|| error.place().cloned());
    let help = "remove the flag: programs load ROOT's libraries at run time";
    error.with_message(message).at_if(place.as_ref()).with_help(help)
}

/// Reads the account files of an image.
pub(super) fn account_texts(image: &Index, archive: &mut RootArchive) -> Result<AccountTexts, Error> {
    let mut text = |path| Ok::<_, Error>(text_of(image, archive, path)?.unwrap_or_default());
    Ok(AccountTexts { passwd: text("/etc/passwd")?, group: text("/etc/group")? })
}

/// An image whose start is checked.
struct Started<'a> {
    spec: &'a ImageSpec,
    runtime: &'a Runtime,
    accounts: &'a AccountTexts,
    /// As `linux/amd64`.
    platform: &'a str,
}

impl Started<'_> {
    /// Returns warnings about volumes. `programs` are the paths of the image's own binaries.
    fn check(
        &self,
        image: &Index,
        programs: &[&str],
        first_line: &dyn Fn(&str) -> String,
    ) -> Result<Vec<String>, Error> {
        let Started { spec, runtime, .. } = self;
        let user = self.identity()?;
        let around = Surroundings {
            image,
            user: &user,
            workdir: runtime.workdir.as_deref().unwrap_or("/"),
            search: runtime.env.get("PATH").map_or(DEFAULT_PATH, String::as_str),
            volumes: &runtime.volumes,
            machine: machine(self.platform),
            first_line,
        };
        for path in programs {
            let of_image =
                |what| self.cannot(&spec.place, format!("start `{path}`, a program of `{}`: it", spec.name), what);
            around.check_program(path).map_err(of_image)?;
        }
        let health = runtime.healthcheck.as_ref().and_then(|check| check.command.first());
        let started = runtime.entrypoint.first().or(runtime.cmd.first());
        for (word, what, place) in [
            (started, format!("start `{}`", spec.name), self.command_place()),
            (health, format!("check the health of `{}`", spec.name), self.health_place()),
        ] {
            let Some(word) = word else { continue };
            let fails = |why| self.cannot(place, format!("{what}: `{}`", word.escape_debug()), why);
            around.check_command(word).map_err(|why| fails(in_volume(word, why)))?;
        }
        self.check_workdir(&around)?;
        let mut warnings = self.check_volumes(&around)?;
        warnings.extend(self.lost_groups());
        Ok(warnings)
    }

    /// Returns the user in numbers: a table's, and a base's if it is a name. Kubernetes cannot know whether a name is root.
    fn user(&self) -> Result<Option<String>, Error> {
        let Some(user) = self.runtime.user.as_deref() else { return Ok(None) };
        let is_number = |part: &str| part.parse::<u32>().is_ok();
        match self.spec.config.user.is_none() && user.split(':').all(is_number) {
            true => Ok(Some(user.to_owned())),
            false => self.accounts.numbers(user).map(Some).map_err(|unknown| self.unknown(unknown)),
        }
    }

    fn identity(&self) -> Result<Identity, Error> {
        let user = self.user()?;
        self.accounts.identity(user.as_deref()).map_err(|unknown| self.unknown(unknown))
    }

    /// Returns a warning if `user` takes groups away that the account files give the program's user.
    fn lost_groups(&self) -> Option<String> {
        let user = self.spec.config.user.as_ref()?;
        let lost = self.accounts.lost_groups(&user.value.to_string());
        let lost: Vec<String> = lost.iter().map(ToString::to_string).collect();
        let (image, user, groups) = (&self.spec.name, &user.value, lost.join(", "));
        (!lost.is_empty()).then(|| {
            format!(
                "the user of `{image}` is a member of the groups {groups}, and its program does not have them: `user = \"{user}\"` \
                 states another group than the user's own, and then engines add no others; leave the group out"
            )
        })
    }

    fn unknown(&self, unknown: UnknownName) -> Error {
        let (key, file, name, known) = match unknown {
            UnknownName::User(name) => ("user", "/etc/passwd", name, &self.accounts.passwd),
            UnknownName::Group(name) => ("group", "/etc/group", name, &self.accounts.group),
        };
        let place = self.spec.config.user.as_ref().map_or_else(|| self.base_place(), |user| &user.place);
        let what = format!("start `{}`: its {key} `{}`", self.spec.name, name.escape_debug());
        let names: Vec<&str> = known.lines().filter_map(|line| line.split(':').next()).collect();
        let help = match tierce_manifest::nearest(&name, &names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("add it to `{key}s`, or set `user` to numbers, such as \"1000:1000\""),
        };
        self.cannot(place, what, Obstacle { what: format!("is not in the image's {file}"), help: Some(help) })
    }

    fn check_workdir(&self, around: &Surroundings<'_>) -> Result<(), Error> {
        let (spec, at) = (self.spec, around.workdir);
        let own = spec.config.workdir.as_ref();
        // Engines create the missing working directory of a base, whose author relies on it.
        if own.is_none() && around.image.tree().resolve(at).is_err() {
            return Ok(());
        }
        around.check_folder(at).map_err(|Obstacle { what, help }| {
            let owner = format!("\"{}:{}\"", around.user.uid, around.user.gid);
            let directory = format!("add it by `directories = [{{ path = \"{at}\", owner = {owner} }}]`");
            let help = if what == "is not in the image" { Some(directory) } else { help };
            let place = own.map_or_else(|| self.base_place(), |own| &own.place);
            self.cannot(place, format!("start `{}` in its `workdir`: `{at}`", spec.name), Obstacle { what, help })
        })
    }

    fn check_volumes(&self, around: &Surroundings<'_>) -> Result<Vec<String>, Error> {
        let spec = self.spec;
        let mut warnings = Vec::new();
        for volume in &spec.config.volumes {
            let at = volume.value.as_str();
            let fails = |why| self.cannot(&volume.place, format!("use a volume of `{}`: `{at}`", spec.name), why);
            around.check_folder(at).map_err(fails)?;
            if !around.user.is_root() && around.image.tree().resolve(at).is_err() {
                warnings.push(format!(
                    "`volumes` of `{}` has `{at}`, which is not in the image: engines create it for root, and {} cannot write there; \
                     add it to `directories` with its `owner`",
                    spec.name,
                    around.who()
                ));
            }
        }
        Ok(warnings)
    }

    /// Returns an error: an engine cannot do `what`, because its subject has an obstacle.
    fn cannot(&self, place: &Place, what: String, Obstacle { what: why, help }: Obstacle) -> Error {
        Error::new(ErrorKind::Pack, format!("an engine cannot {what} {why}")).at(place).with_help_if(help)
    }

    fn command_place(&self) -> &Place {
        let config = &self.spec.config;
        let is_own = self.spec.program.is_some() || !config.entrypoint.value.is_empty() || !config.cmd.is_empty();
        if is_own { &config.entrypoint.place } else { self.base_place() }
    }

    fn health_place(&self) -> &Place {
        self.spec.config.healthcheck.as_ref().map_or_else(|| self.base_place(), |check| &check.place)
    }

    fn base_place(&self) -> &Place {
        base_place(self.spec)
    }
}

/// Adds to the help for an absent program that a volume may provide it.
fn in_volume(word: &str, Obstacle { what, help }: Obstacle) -> Obstacle {
    let is_absent = what == "is not in the image" && word.starts_with('/');
    let help = match (help, is_absent) {
        (Some(help), true) => Some(format!("{help} If a volume provides it, name its folder in `volumes`")),
        (None, true) => Some("name a program of the image, or the folder in `volumes` if a volume provides it".into()),
        (help, false) => help,
    };
    Obstacle { what, help }
}

/// Returns the processor of a platform in the ELF registry's numbers.
fn machine(platform: &str) -> Option<Machine> {
    match platform.rsplit('/').next()? {
        "amd64" => Some(Machine::X86_64),
        "arm64" => Some(Machine::AARCH64),
        _ => None,
    }
}

#[cfg(test)]
#[path = "start_check_tests.rs"]
mod tests;
