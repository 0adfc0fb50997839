//! rustc: the toolchain that a builder mounts.

use std::env;

use camino::{Utf8Path, Utf8PathBuf};

use crate::{Error, run};

const HELP: &str = "install Rust by rustup, and have rustc in PATH";

/// Where a distribution puts its own programs: no folder of a toolchain alone, and its libraries lie elsewhere.
const SYSTEM: [&str; 2] = ["/", "/usr"];

/// A Rust toolchain of the host that works wherever its folder is mounted, given glibc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    /// The folder that holds all of it: `bin/`, `lib/`.
    pub sysroot: Utf8PathBuf,
    /// The cargo in it.
    pub cargo: Utf8PathBuf,
    /// All that `rustc -vV` says: what it builds depends on nothing of it but this.
    pub version: String,
    /// For example `1.95.0`, or `1.97.0-nightly`.
    pub release: String,
    /// The target triple that it runs on.
    pub host: String,
    /// The commit that it was made of; none for a rustc that was built from an archive.
    pub commit: Option<String>,
}

/// Finds the toolchain that a workspace uses: what rustup makes of the environment, of `rust-toolchain.toml` and of its own
/// settings when it stands in `folder`. (Under `cargo run` or `cargo +NAME run` rustup has set `RUSTUP_TOOLCHAIN`, and that
/// toolchain it is.) Costs a process of about 10 ms under `cargo run`, else another of about 30 ms to ask rustup.
///
/// # Errors
/// `Error::NotFound`, `Error::Failed`, `Error::Output`, and `Error::Toolchain` for one that cannot be mounted into a builder.
pub fn toolchain(folder: &Utf8Path) -> Result<Toolchain, Error> {
    let shell = run::shell(folder)?;
    let sysroot = match set_by_rustup(env::var("CARGO").ok(), env::var("RUSTUP_TOOLCHAIN").ok()) {
        Some(sysroot) => sysroot,
        None => {
            let rustc = run::find("rustc", HELP)?;
            run::read("rustc --print sysroot", shell.cmd(rustc).args(["--print", "sysroot"]))?.into()
        }
    };
    check_folder(&sysroot)?;
    // The toolchain's own rustc answers faster than rustup's, and it is the one that will be mounted.
    let version = run::read("rustc -vV", shell.cmd(sysroot.join("bin/rustc")).arg("-vV"))?;
    let toolchain = parse(sysroot, version)?;
    check_host(&toolchain)?;
    Ok(toolchain)
}

impl Toolchain {
    /// What `cfg(…)` knows of the platform that the toolchain runs on, a line each.
    ///
    /// # Errors
    /// `Error::Start`, `Error::Failed`
    pub fn cfg(&self) -> Result<String, Error> {
        let shell = run::shell(&self.sysroot)?;
        run::read("rustc --print cfg", shell.cmd(self.sysroot.join("bin/rustc")).args(["--print", "cfg"]))
    }
}

/// The folder of the toolchain that rustup has chosen for the cargo that runs this process: both variables name it. Toolchains
/// that are linked into rustup's folder under another name have to be asked.
fn set_by_rustup(cargo: Option<String>, toolchain: Option<String>) -> Option<Utf8PathBuf> {
    let sysroot = Utf8PathBuf::from(cargo?).parent()?.parent()?.to_owned();
    (sysroot.is_absolute() && sysroot.file_name()? == toolchain?).then_some(sysroot)
}

fn parse(sysroot: Utf8PathBuf, version: String) -> Result<Toolchain, Error> {
    let field = |name: &str| version.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).map(str::to_owned);
    let needed = |name: &str| {
        field(name).ok_or_else(|| Error::Output {
            program: "rustc -vV".to_owned(),
            reason: format!("there is no line `{name} …`"),
        })
    };
    Ok(Toolchain {
        cargo: sysroot.join("bin/cargo"),
        release: needed("release:")?,
        host: needed("host:")?,
        commit: field("commit-hash:").filter(|commit| commit != "unknown"),
        sysroot,
        version,
    })
}

/// Whether the folder holds a whole toolchain, as rustup's do.
fn check_folder(sysroot: &Utf8Path) -> Result<(), Error> {
    let refuse = |reason: String| {
        let help = "use a toolchain of rustup's, which lies in a folder of its own";
        Err(Error::Toolchain { sysroot: sysroot.to_owned(), reason, help })
    };
    if SYSTEM.iter().any(|system| sysroot == *system) {
        return refuse("it is the distribution's, which needs more of this host than can be mounted".to_owned());
    }
    for program in ["bin/rustc", "bin/cargo"] {
        if !sysroot.join(program).is_file() {
            return refuse(format!("it has no `{program}`"));
        }
    }
    let folder = sysroot.join("lib");
    let libraries =
        folder.read_dir_utf8().map_err(|source| Error::File { verb: "read", path: folder.clone(), source })?;
    let has_driver = libraries.flatten().any(|file| file.file_name().starts_with("librustc_driver"));
    if has_driver { Ok(()) } else { refuse("it has no `lib/librustc_driver-*.so`".to_owned()) }
}

/// Whether the programs of the toolchain run on a builder's C library.
fn check_host(toolchain: &Toolchain) -> Result<(), Error> {
    if toolchain.host.ends_with("-linux-gnu") {
        return Ok(());
    }
    Err(Error::Toolchain {
        sysroot: toolchain.sysroot.clone(),
        reason: format!("it runs on `{}`, a builder has Linux and glibc", toolchain.host),
        help: "install the toolchain of the host `x86_64-unknown-linux-gnu`",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: &str = "rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\ncommit-hash: 59807616e1fa\n\
                           commit-date: 2026-04-14\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0\nLLVM version: 22.1.2";

    #[test]
    fn the_toolchain_of_this_very_build_is_found() {
        let folder = Utf8Path::new(env!("CARGO_MANIFEST_DIR"));
        let toolchain = toolchain(folder).unwrap();
        assert!(toolchain.cargo.is_file());
        assert!(toolchain.version.contains(&toolchain.release));
        assert!(toolchain.cfg().unwrap().lines().any(|line| line == "target_os=\"linux\""));
    }

    #[test]
    fn the_toolchain_of_a_cargo_that_rustup_started_is_known() {
        let cargo = Some("/home/u/.rustup/toolchains/stable-x86_64/bin/cargo");
        for (cargo, toolchain, expected) in [
            (cargo, Some("stable-x86_64"), Some("/home/u/.rustup/toolchains/stable-x86_64")),
            (cargo, Some("nightly-x86_64"), None),
            (cargo, None, None),
            (None, Some("stable-x86_64"), None),
            (Some("/usr/bin/cargo"), Some("stable-x86_64"), None),
            (Some("cargo"), Some(""), None),
        ] {
            let found = set_by_rustup(cargo.map(str::to_owned), toolchain.map(str::to_owned));
            assert_eq!(found, expected.map(Utf8PathBuf::from), "{cargo:?}, {toolchain:?}");
        }
    }

    #[test]
    fn what_rustc_says_of_itself_is_taken_apart() {
        let toolchain = parse("/opt/rust".into(), VERSION.to_owned()).unwrap();
        assert_eq!((toolchain.release.as_str(), toolchain.cargo.as_str()), ("1.95.0", "/opt/rust/bin/cargo"));
        assert_eq!(toolchain.commit.as_deref(), Some("59807616e1fa"));
        let unknown = VERSION.replace("59807616e1fa\n", "unknown\n");
        assert_eq!(parse("/opt/rust".into(), unknown).unwrap().commit, None);
        let error = parse("/opt/rust".into(), VERSION.replace("host:", "hst:")).unwrap_err();
        insta::assert_snapshot!(error, @"failed to read the output of `rustc -vV`: there is no line `host: …`");
    }

    #[test]
    fn a_toolchain_that_cannot_be_mounted_is_refused() {
        let error = |result: Result<(), Error>| result.unwrap_err().to_string();
        insta::assert_snapshot!(error(check_folder("/usr".into())), @"failed to use the Rust toolchain in `/usr`: it is the distribution's, which needs more of this host than can be mounted; use a toolchain of rustup's, which lies in a folder of its own");
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        assert!(error(check_folder(folder)).contains("it has no `bin/rustc`"));
        let musl = parse("/opt/rust".into(), VERSION.replace("-gnu", "-musl")).unwrap();
        insta::assert_snapshot!(error(check_host(&musl)), @"failed to use the Rust toolchain in `/opt/rust`: it runs on `x86_64-unknown-linux-musl`, a builder has Linux and glibc; install the toolchain of the host `x86_64-unknown-linux-gnu`");
    }
}
