//! Compiles the Rust program in the builder, against ROOT, with the host's toolchain and the user's own cargo.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use camino::{Utf8Path, Utf8PathBuf};
use tierce_docker::{ContainerSpec, Input, Mount, OutputStream};
use tierce_elf::Elf;
use tierce_manifest::{ImageSpec, ProgramSpec};
use tierce_plan::{Builder, Outcome, Program, ROOT, Root, Step, strip_name};
use tierce_process::cargo_config::Setting;

use crate::executor::{Executor, builder_of, missing_input};
use crate::places::create_dir;
use crate::progress::{Event, WholeLines};
use crate::run::Inputs;
use crate::steps::builder::Tail;
use crate::steps::cargo_call::{CARGO_HOME, CargoCall, TARGET, TOOLCHAIN};
use crate::steps::packages::writable;
use crate::steps::source_mounts::{CRATES, SourceMounts};
use crate::{Error, files, read_files};

const LINKER_SH: &str = include_str!("../scripts/linker.sh");
const RUSTC_SH: &str = include_str!("../scripts/rustc.sh");
const COMPILE_SH: &str = include_str!("../scripts/compile.sh");
/// cargo's own exit code for a failed build, which `compile.sh` passes on.
const CARGO_FAILED: i32 = 101;

impl Executor<'_> {
    /// Compiles the image's binaries and splits them into what ships and its symbols.
    pub(crate) fn compile(&self, step: &Step, image: &str, inputs: &Inputs) -> Result<Outcome, Error> {
        let spec = self.image(image)?;
        let program = spec.program.as_ref().ok_or_else(|| missing_input("program"))?;
        let root = inputs.values().find_map(|outcome| match outcome {
            Outcome::Root(root) => Some(root),
            _ => None,
        });
        let root = root.ok_or_else(|| missing_input("ROOT"))?;
        self.warn_of_overrides();
        let out = self.empty_out(image)?;
        let builder = builder_of(inputs)?;
        let _turn = self.session.cargo.lock().unwrap_or_else(PoisonError::into_inner);
        let target = self.target_folder(image, builder, root, step.again)?;
        let sources = self.sources(&target)?;
        let profiles = self.profiles()?;
        let call = self.cargo_call(program, &profiles);
        let container = self.compile_container(spec, &call, &sources, (builder, root), &out)?;
        let mut tail = Tail::default();
        let (mut lines, mut words) = (WholeLines::default(), WholeLines::default());
        let show = |lines: Option<Vec<u8>>| {
            if let Some(lines) = lines {
                (self.observer)(Event::Output { bytes: sources.host_paths(&lines) });
            }
        };
        let mut output = |stream, bytes: &[u8]| {
            tail.push(stream, bytes);
            match stream {
                OutputStream::Stderr => show(lines.push(bytes)),
                OutputStream::Stdout => self.warn_of_linkers(&words.push(bytes).unwrap_or_default()),
            }
        };
        let exit = match self.session.options.keep_warm {
            0 => self.docker()?.run(&container, Input::none(), &mut output).map_err(Error::from),
            idle => self.run_warm(image, idle, &container, &mut output),
        };
        show(lines.finish());
        let exit = exit?;
        match exit.code {
            0 => {}
            CARGO_FAILED => {
                return Err(Error::Compile { package: program.package.name.clone(), place: spec.place.clone() });
            }
            code => return Err(Error::Builder { what: format!("run {}", step.id), code, lines: tail.lines() }),
        }
        let folder = call.folder().replacen(TARGET, target.as_str(), 1);
        read_files::keep(self.session, spec, program, folder.as_str().into(), &sources)?;
        let programs = program.cargo.bins.iter().map(|bin| self.keep_program(&out, &bin.value));
        Ok(Outcome::Programs(programs.collect::<Result<_, _>>()?))
    }

    /// The workspace's files as the builder sees them, with this folder for what cargo writes.
    pub(crate) fn sources(&self, target: &Utf8Path) -> Result<SourceMounts, Error> {
        let session = self.session;
        Ok(SourceMounts::new(&session.workspace, &session.cargo_config, &session.cargo_home()?, target))
    }

    /// The text that has cargo's profiles.
    pub(crate) fn profiles(&self) -> Result<String, Error> {
        files::read_text(self.session.root().join("Cargo.toml").as_std_path())
    }

    /// How cargo is called.
    pub(crate) fn cargo_call<'c>(&'c self, program: &'c ProgramSpec, profiles: &'c str) -> CargoCall<'c> {
        CargoCall {
            program,
            config: &self.session.cargo_config,
            profiles,
            triple: &self.session.toolchain.host,
            colour: self.session.options.colour,
            quiet: self.session.options.quiet,
            jobs: self.session.options.jobs,
        }
    }

    /// The container that compiles in a builder, against a ROOT, and writes programs into a folder.
    pub(crate) fn compile_container(
        &self,
        spec: &ImageSpec,
        call: &CargoCall<'_>,
        sources: &SourceMounts,
        (builder, root): (&Builder, &Root),
        out: &Path,
    ) -> Result<ContainerSpec, Error> {
        Ok(ContainerSpec {
            entrypoint: Some(vec!["/bin/sh".into(), "/tierce/scripts/compile.sh".into()]),
            command: self.arguments(spec, call, sources)?,
            working_dir: Some(sources.workspace().to_owned()),
            user: Some(self.user()?),
            environment: call.environment(),
            mounts: self.compile_mounts(root, out, sources)?,
            ..self.builder_container(builder, "compile", Vec::new())
        })
    }

    /// The folder for an image's programs, without those of last time. It stays the same one, as a container may have it.
    fn empty_out(&self, image: &str) -> Result<PathBuf, Error> {
        let out = self.session.places.own("out").join(image);
        create_dir(&out)?;
        let failed = |error| Error::file("empty", &out, error);
        for entry in fs::read_dir(&out).map_err(failed)? {
            fs::remove_file(entry.map_err(failed)?.path()).map_err(failed)?;
        }
        Ok(out)
    }

    /// Moves a finished program into the cache and its symbols to where debuggers look for them.
    fn keep_program(&self, out: &Path, name: &str) -> Result<Program, Error> {
        let built = out.join(name);
        let (sha256, size) = files::sha256_of(&built)?;
        let failed = |error| Error::file("read", &built, error);
        let bytes = fs::read(&built).map_err(failed)?;
        let build_id = Elf::parse(&bytes).ok().flatten().and_then(|elf| elf.build_id);
        let blob = self.session.places.blob(&sha256);
        if !blob.exists() {
            files::write(&blob, &bytes)?;
        }
        let symbols = out.join(format!("{name}.debug"));
        if let (true, Some(id)) = (symbols.exists(), &build_id) {
            let kept = self.symbols_path(id);
            create_dir(kept.parent().unwrap_or(&kept))?;
            fs::rename(&symbols, &kept).map_err(|error| Error::file("keep the symbols", &kept, error))?;
        }
        Ok(Program { name: name.to_owned(), sha256, size, build_id })
    }

    /// The arguments of compile.sh: what it does afterwards, and cargo's own.
    fn arguments(&self, spec: &ImageSpec, call: &CargoCall<'_>, sources: &SourceMounts) -> Result<Vec<String>, Error> {
        let mut arguments = vec![strip_name(spec.content.strip).to_owned(), call.folder()];
        arguments.extend(call.program.cargo.bins.iter().map(|bin| bin.value.clone()));
        arguments.push("--".into());
        let manifest = sources.inside(&call.program.cargo_toml).ok_or_else(|| missing_input("Cargo.toml"))?;
        arguments.extend(call.arguments(&manifest));
        Ok(arguments)
    }

    fn compile_mounts(&self, root: &Root, out: &Path, sources: &SourceMounts) -> Result<Vec<Mount>, Error> {
        let cargo_home = self.session.cargo_home()?;
        let mut mounts = vec![
            Mount::Volume { name: root.volume.clone(), target: ROOT.to_owned(), read_only: true },
            Self::read_only(self.session.toolchain.sysroot.as_std_path(), TOOLCHAIN),
            self.executable("compile.sh", COMPILE_SH)?,
            self.executable("linker.sh", LINKER_SH)?,
            self.executable("rustc.sh", RUSTC_SH)?,
            writable(out.to_owned(), "/tierce/out"),
            Mount::Tmpfs { target: CARGO_HOME.into(), size: None },
            Mount::Tmpfs { target: "/tmp".into(), size: None },
        ];
        for name in CRATES {
            let host = cargo_home.join(name);
            if host.is_dir() {
                mounts.push(Self::read_only(host.as_std_path(), format!("{CARGO_HOME}/{name}")));
            }
        }
        mounts.extend(sources.mounts());
        Ok(mounts)
    }

    /// A script of the library that is executed itself.
    fn executable(&self, name: &str, text: &str) -> Result<Mount, Error> {
        let mount = self.script(name, text)?;
        if let Mount::Bind { host, .. } = &mount {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs::set_permissions(host, mode).map_err(|error| Error::file("make executable", host, error))?;
        }
        Ok(mount)
    }

    /// Who writes the target folder: the calling user, as far as the daemon tells users apart.
    fn user(&self) -> Result<String, Error> {
        if self.docker()?.facts()?.rootless {
            return Ok("0:0".into());
        }
        let (user, group) = (rustix::process::getuid(), rustix::process::getgid());
        Ok(format!("{}:{}", user.as_raw(), group.as_raw()))
    }

    /// Says what of the user's own tools does not count in any builder.
    fn warn_of_overrides(&self) {
        let config = &self.session.cargo_config;
        for (what, settings, why) in [
            ("linker", config.linkers(), "the builder links with its own C compiler"),
            ("rustc", config.rustc.iter().collect(), "the builder has the workspace's toolchain"),
            ("wrapper of rustc", config.wrappers(), "the builder has none"),
        ] {
            settings.into_iter().for_each(|setting| self.warn_of(what, setting, why));
        }
    }

    /// Says which linkers that the C compiler was to take are not in this builder, by what compile.sh says of them.
    fn warn_of_linkers(&self, said: &[u8]) {
        let said = String::from_utf8_lossy(said);
        let lacking: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("lacks ")).collect();
        for (name, setting) in self.session.cargo_config.linkers_of_compiler() {
            if lacking.contains(&name) {
                self.warn_of("linker", setting, "the builder does not have it");
            }
        }
    }

    fn warn_of(&self, what: &str, Setting { value, source }: &Setting, why: &str) {
        let message = format!("the {what} `{value}` of {source} is not used: {why}");
        (self.observer)(Event::Warning { message });
    }
}

impl crate::session::Session {
    /// cargo's own folder on the host.
    pub(crate) fn cargo_home(&self) -> Result<Utf8PathBuf, Error> {
        crate::steps::debian::utf8(self.options.cargo_home.clone())
    }
}
