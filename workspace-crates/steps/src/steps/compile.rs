//! Compiles the Rust program in the builder against ROOT, with the host's toolchain and the user's own cargo.

use std::cell::Cell;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use camino::Utf8Path;
use tierce_bounded::{ARTIFACT, Lines};
use tierce_builders::container::cargo_call::{CARGO_HOME, CargoCall, GIT, TARGET, TOOLCHAIN};
use tierce_builders::container::context::Context;
use tierce_builders::container::inputs::Inputs;
use tierce_builders::container::opening::{Mount, Opening, Stream, User, mounted_volume, read_only, writable};
use tierce_builders::container::source_mounts::{CRATES, HostFolders, SourceMounts};
use tierce_builders::container::tail::Tail;
use tierce_elf::Elf;
use tierce_manifest::{ImageSpec, ProgramSpec};
use tierce_plan::{Builder, Outcome, Program, ROOT, Root, Step, digest, strip_name};
use tierce_process::cargo_config::{Setting, normalised};
use tierce_store::{Error, Event, damage, files, untrusted};

use crate::gather::{read_files, revision};
use crate::steps::cargo_output::CargoOutput;
use crate::steps::compile_errors;
use crate::steps::target_folder::target_folder;

const LINKER_SH: &str = include_str!("../scripts/linker.sh");
const RUSTC_SH: &str = include_str!("../scripts/rustc.sh");
const COMPILE_SH: &str = include_str!("../scripts/compile.sh");
const GIT_SH: &str = include_str!("../scripts/git.sh");
const ROOT_ENV_SH: &str = include_str!("../scripts/root_env.sh");
/// The exit code of cargo for a failed build; `compile.sh` passes it on.
const CARGO_FAILED: i32 = 101;
/// The line of `compile.sh` about processes that a build script has left.
const LEFT: &[u8] = b"left processes";

/// A compilation of an image's program in a builder.
pub struct Compilation<'a> {
    /// The image.
    pub spec: &'a ImageSpec,
    /// The call of cargo.
    pub call: &'a CargoCall<'a>,
    /// The mounts of the sources.
    pub sources: &'a SourceMounts,
    /// The builder.
    pub builder: &'a Builder,
    /// The ROOT that the program is linked with.
    pub root: &'a Root,
    /// The folder of the host for the programs.
    pub out: &'a Path,
}

/// Compiles the image's binaries and separates their debug symbols.
pub(super) fn compile(context: &Context<'_>, step: &Step, image: &str, inputs: &Inputs) -> Result<Outcome, Error> {
    let spec = context.image(image)?;
    let program = spec.program.as_ref().ok_or_else(|| Error::missing_input("program"))?;
    let root = inputs.only_root().ok_or_else(|| Error::missing_input("ROOT"))?;
    let out = empty_out(context, image)?;
    let builder = inputs.builder()?;
    let _turn = context.workspace.cargo.lock().unwrap_or_else(PoisonError::into_inner);
    let target = target_folder(context, image, builder, root, step.again)?;
    revision::forget_old(context.workspace, &target)?;
    let sources = sources(context, program, &target)?;
    let profiles = profiles(context)?;
    let call = cargo_call(context, program, &profiles);
    warn_of_overrides(context, &call);
    let compilation = Compilation { spec, call: &call, sources: &sources, builder, root, out: &out };
    let container = compile_container(context, &compilation)?;
    let (mut tail, leaves_processes) = (Tail::default(), Cell::new(false));
    let (mut lines, mut words) = (Lines::default(), Lines::default());
    let mut log = CargoOutput::new(&context.workspace.paths.logs(image).join("cargo.log"))?;
    let mut show = |lines: Option<Vec<u8>>| {
        let shown = lines.map(|lines| log.push(&sources.host_paths(&lines))).unwrap_or_default();
        if !shown.is_empty() {
            (context.observer)(Event::Output { bytes: shown });
        }
    };
    let mut output = |stream, bytes: &[u8]| {
        tail.push(stream, bytes);
        match stream {
            Stream::Stderr => show(lines.push(bytes)),
            Stream::Stdout => {
                let said = words.push(bytes).unwrap_or_default();
                leaves_processes
                    .set(leaves_processes.get() || said.split(|byte| *byte == b'\n').any(|line| line == LEFT));
                warn_of_linkers(context, &said);
            }
        }
    };
    // Until the results are read, no process of the container may run.
    let exit = match context.workspace.options.keep_warm {
        0 => context.run(&container, &[], &mut output).map(|exit| (exit, None)),
        idle => {
            context.engine()?.run_warm(image, idle, &container, &mut output).map(|(exit, frozen)| (exit, Some(frozen)))
        }
    };
    show(lines.finish());
    let (exit, mut frozen) = exit?;
    // A script that was killed says nothing about the processes beside it.
    let is_whole = matches!(exit, 0 | CARGO_FAILED) && !leaves_processes.get();
    if let Some(frozen) = frozen.take_if(|_| !is_whole) {
        frozen.remove()?;
    }
    match exit {
        0 => {}
        CARGO_FAILED => return Err(failed(context, &compilation, program, &tail.text(), &log)),
        code => return Err(Error::builder(format!("run {}", step.id), code, &tail.lines())),
    }
    let folder = call.folder();
    let inside = folder.trim_start_matches(TARGET).trim_start_matches('/');
    read_files::keep(context.workspace, spec, program, (&target, inside), &sources)?;
    revision::keep(context.workspace, spec, &target)?;
    let programs = program.cargo.bins.iter().map(|bin| keep_program(context, &out, &bin.value));
    let programs = programs.collect::<Result<_, _>>()?;
    drop(frozen);
    Ok(Outcome::Programs(programs))
}

/// Returns the error of a failed compilation. Shows the end of a failed build script's output unless the error knows its cause.
fn failed(
    context: &Context<'_>,
    compilation: &Compilation<'_>,
    program: &ProgramSpec,
    output: &str,
    log: &CargoOutput,
) -> Error {
    let may_have = |package: &str| context.workspace.may_have(package);
    let error = compile_errors::error(compilation.spec, program, output, compilation.sources, may_have);
    if let Some((end, path)) = log.held() {
        let end = if error.help().is_some() { String::new() } else { end };
        let note = format!("{end}note: the whole output is in {}\n", path.display());
        (context.observer)(Event::Output { bytes: note.into_bytes() });
    }
    error
}

/// Returns the mounts of a program's sources; cargo writes into `target`.
pub fn sources(context: &Context<'_>, program: &ProgramSpec, target: &Utf8Path) -> Result<SourceMounts, Error> {
    let workspace = context.workspace;
    let own = |name| files::utf8(workspace.paths.own(name));
    let (skeletons, configs, cargo_home) = (own("skeletons")?, own("cargo-config")?, workspace.cargo_home()?);
    for (index, file) in workspace.cargo_config.files.iter().enumerate() {
        let written = configs.join(format!("{index}.toml"));
        files::write_changed(written.as_std_path(), file.for_builder().as_bytes())?;
    }
    let folders = HostFolders { cargo_home: &cargo_home, target, skeletons: &skeletons, configs: &configs };
    let needed = read_files::package_ids(workspace, program);
    let named = program.cargo.sources.iter().map(|source| normalised(&source.value)).collect();
    let sources = SourceMounts::new(&workspace.metadata, &workspace.cargo_config, folders, Some(&needed), named);
    sources.write_skeletons()?;
    Ok(sources)
}

/// Returns the text of the workspace's Cargo.toml, which defines cargo's profiles.
pub fn profiles(context: &Context<'_>) -> Result<String, Error> {
    files::read_text(context.workspace.root().join("Cargo.toml").as_std_path())
}

/// Returns the arguments and environment of cargo.
pub fn cargo_call<'c>(context: &'c Context<'_>, program: &'c ProgramSpec, profiles: &'c str) -> CargoCall<'c> {
    CargoCall {
        program,
        config: &context.workspace.cargo_config,
        profiles,
        triple: &context.workspace.toolchain.host,
        colour: context.workspace.options.colour,
        quiet: context.workspace.options.quiet,
        jobs: context.workspace.options.jobs,
    }
}

/// Returns the container that compiles in a builder, against a ROOT, and writes the programs into a folder of the host.
pub fn compile_container(context: &Context<'_>, compilation: &Compilation<'_>) -> Result<Opening, Error> {
    let Compilation { spec, call, sources, builder, .. } = compilation;
    Ok(Opening {
        program: vec!["/bin/sh".into(), "/tierce/scripts/compile.sh".into()],
        arguments: arguments(spec, call, sources)?,
        working_dir: Some(sources.workspace().to_owned()),
        user: User::Caller,
        environment: call.environment(),
        mounts: compile_mounts(context, compilation)?,
        ..context.opening(builder, "compile", Vec::new())
    })
}

/// Empties the folder for an image's programs. The folder itself stays, because a container may have it mounted.
fn empty_out(context: &Context<'_>, image: &str) -> Result<PathBuf, Error> {
    let out = context.workspace.paths.of_image("out", image);
    untrusted::empty_folder(&out)?;
    Ok(out)
}

/// Copies a program into the cache, and its symbols to the place where debuggers look for them.
fn keep_program(context: &Context<'_>, out: &Path, name: &str) -> Result<Program, Error> {
    let built = out.join(name);
    let mut bytes = Vec::new();
    let failed = |error| Error::file("read", &built, error);
    let file = untrusted::open(out, name)?.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
    tierce_bounded::limited(file, &ARTIFACT).read_to_end(&mut bytes).map_err(failed)?;
    let (sha256, size) = (digest(&bytes), bytes.len() as u64);
    let build_id = Elf::parse(&bytes).ok().flatten().and_then(|elf| elf.build_id);
    let blob = context.workspace.paths.blob(&sha256);
    if damage::check(&blob, &sha256).is_err() {
        files::write(&blob, &bytes)?;
    }
    if let (Some(mut symbols), Some(id)) = (untrusted::open(out, &format!("{name}.debug"))?, &build_id) {
        let kept = context.symbols_path(id);
        let failed = |error| Error::file("keep the symbols", &kept, error);
        files::write_with(&kept, |file| io::copy(&mut symbols, file).map(drop).map_err(failed))?;
    }
    Ok(Program { name: name.to_owned(), sha256, size, build_id })
}

/// Returns the arguments of compile.sh: how to strip, the programs, then those of cargo.
fn arguments(spec: &ImageSpec, call: &CargoCall<'_>, sources: &SourceMounts) -> Result<Vec<String>, Error> {
    let mut arguments = vec![strip_name(spec.content.strip).to_owned(), call.folder()];
    arguments.extend(call.program.cargo.bins.iter().map(|bin| bin.value.clone()));
    arguments.push("--".into());
    let manifest = sources.inside(&call.program.cargo_toml).ok_or_else(|| Error::missing_input("Cargo.toml"))?;
    arguments.extend(call.arguments(&manifest));
    Ok(arguments)
}

fn compile_mounts(
    context: &Context<'_>,
    Compilation { call, sources, root, out, .. }: &Compilation<'_>,
) -> Result<Vec<Mount>, Error> {
    let cargo_home = context.workspace.cargo_home()?;
    let mut mounts = vec![
        mounted_volume(&root.volume, ROOT, true),
        read_only(context.workspace.toolchain.sysroot.as_std_path(), TOOLCHAIN),
        executable(context, "compile.sh", COMPILE_SH)?,
        executable(context, "linker.sh", LINKER_SH)?,
        executable(context, "rustc.sh", RUSTC_SH)?,
        context.script("root_env.sh", ROOT_ENV_SH)?,
        writable(out.to_path_buf(), "/tierce/out"),
        Mount::Memory { target: CARGO_HOME.into() },
        Mount::Memory { target: "/tmp".into() },
    ];
    mounts.extend(git(context)?);
    for name in CRATES {
        let host = cargo_home.join(name);
        if host.is_dir() {
            mounts.push(read_only(host.as_std_path(), format!("{CARGO_HOME}/{name}")));
        }
    }
    mounts.extend(sources.mounts(call.program.cargo.write_sources));
    mounts.extend(own_folders(context, sources)?);
    Ok(mounts)
}

/// Returns read-only mounts of the folders in the sources where only Tierce writes: receipts, results of other images, the cache.
fn own_folders(context: &Context<'_>, sources: &SourceMounts) -> Result<Vec<Mount>, Error> {
    let paths = &context.workspace.paths;
    let mut mounts = Vec::new();
    for folder in [paths.own(""), paths.cache().to_owned()] {
        let folder = normalised(&files::utf8(folder)?);
        mounts.extend(sources.inside(&folder).map(|inside| read_only(folder.as_std_path(), inside)));
    }
    Ok(mounts)
}

/// Returns the mounts of the builder's `git`, and of its answers.
fn git(context: &Context<'_>) -> Result<[Mount; 2], Error> {
    let answers = context.workspace.paths.own("revision");
    files::write_changed(&answers, revision::answers(context.workspace)?.as_bytes())?;
    let script = executable(context, "git.sh", GIT_SH)?;
    let script = match script {
        Mount::Folder { host, .. } => read_only(host, format!("{GIT}/git")),
        other => other,
    };
    Ok([script, read_only(answers, "/tierce/revision")])
}

/// Returns the mount of a script that the container executes directly.
fn executable(context: &Context<'_>, name: &str, text: &str) -> Result<Mount, Error> {
    let mount = context.script(name, text)?;
    if let Mount::Folder { host, .. } = &mount {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(host, mode).map_err(|error| Error::file("make executable", host, error))?;
    }
    Ok(mount)
}

/// Warns about settings of cargo that no builder can use.
fn warn_of_overrides(context: &Context<'_>, call: &CargoCall<'_>) {
    let config = &context.workspace.cargo_config;
    for (what, settings, why) in [
        ("linker", config.linkers(), "the builder links with its own C compiler"),
        ("rustc", config.rustc.iter().collect(), "the builder has the workspace's toolchain"),
        ("wrapper of rustc", config.wrappers(), "the builder has none"),
        ("runner", config.runners(), "the image starts its program itself"),
    ] {
        settings.into_iter().for_each(|setting| warn_of(context, what, setting, why));
    }
    let environment = call.own_environment();
    for (name, setting) in config.hidden_variables(&environment) {
        warn_of(context, &format!("variable {name}"), setting, "the builder sets its own");
    }
}

/// Warns about linkers that cargo's flags select and this builder lacks, as compile.sh reports them.
fn warn_of_linkers(context: &Context<'_>, words: &[u8]) {
    let words = String::from_utf8_lossy(words);
    let lacking: Vec<&str> = words.lines().filter_map(|line| line.strip_prefix("lacks ")).collect();
    for (name, setting) in context.workspace.cargo_config.linkers_of_compiler() {
        if lacking.contains(&name) {
            warn_of(context, "linker", setting, "the builder does not have it");
        }
    }
}

fn warn_of(context: &Context<'_>, what: &str, Setting { value, source }: &Setting, why: &str) {
    let message = format!("the {what} `{value}` of {source} is not used: {why}");
    context.warn(message);
}
