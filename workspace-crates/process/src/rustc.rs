//! rustc: the toolchain that a builder mounts.

use std::env;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::{Error, run};

const HELP: &str = "install Rust with rustup, and add rustc to PATH";

/// The folders of a distribution's programs: a toolchain there shares its folder and has its libraries elsewhere.
const SYSTEM: [&str; 2] = ["/", "/usr"];

/// A Rust toolchain of the host that works in any container with glibc.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toolchain {
    /// The folder that holds all of it: `bin/`, `lib/`.
    pub sysroot: Utf8PathBuf,
    /// The cargo in it.
    pub cargo: Utf8PathBuf,
    /// The output of `rustc -vV`. It identifies the toolchain in keys.
    pub version: String,
    /// For example `1.95.0`, or `1.97.0-nightly`.
    pub release: String,
    /// The target triple that it runs on.
    pub host: String,
    /// Rust's commit; none for a rustc that was built from an archive.
    pub commit: Option<String>,
}

/// Finds the toolchain of a workspace as rustup does in `folder`, by the environment, `rust-toolchain.toml` and its settings.
/// (Under `cargo run` or `cargo +NAME run` rustup has set `RUSTUP_TOOLCHAIN`, which wins.) Starts a process of about 10 ms,
/// and without `cargo run` another of about 30 ms.
///
/// # Errors
/// `Error::NotFound`, `Error::Failed`, `Error::Output`, and `Error::Toolchain` for one that does not work in a builder.
pub fn toolchain(folder: &Utf8Path) -> Result<Toolchain, Error> {
    let shell = run::shell(folder)?;
    let sysroot = match sysroot_of_rustup() {
        Some(sysroot) => sysroot,
        None => {
            let rustc = run::find("rustc", HELP)?;
            run::read("rustc --print sysroot", shell.cmd(rustc).args(["--print", "sysroot"]))?.into()
        }
    };
    check_folder(&sysroot)?;
    // The toolchain's own rustc answers faster than rustup's, and a builder mounts it.
    let version = run::read("rustc -vV", shell.cmd(sysroot.join("bin/rustc")).arg("-vV"))?;
    let toolchain = parse(sysroot, version)?;
    check_host(&toolchain)?;
    Ok(toolchain)
}

impl Toolchain {
    /// Returns the version of its cargo: `cargo 1.95.0 (…)`.
    ///
    /// # Errors
    /// `Error::Start`, `Error::Failed`, `Error::TimedOut`.
    pub fn cargo_version(&self) -> Result<String, Error> {
        run::version("cargo --version", run::shell("/".into())?.cmd(&self.cargo).arg("--version"))
    }

    /// The `cfg(…)` values of the toolchain's host, one a line.
    ///
    /// # Errors
    /// `Error::Start`, `Error::Failed`
    pub fn cfg(&self) -> Result<String, Error> {
        let shell = run::shell(&self.sysroot)?;
        run::read("rustc --print cfg", shell.cmd(self.sysroot.join("bin/rustc")).args(["--print", "cfg"]))
    }
}

/// See [`set_by_rustup`].
pub(crate) fn sysroot_of_rustup() -> Option<Utf8PathBuf> {
    set_by_rustup(env::var("CARGO").ok(), env::var("RUSTUP_TOOLCHAIN").ok())
}

/// The sysroot that rustup selected for the cargo that runs this process, if both variables agree. They differ for a toolchain
/// that is linked into rustup's folder under another name.
fn set_by_rustup(cargo: Option<String>, toolchain: Option<String>) -> Option<Utf8PathBuf> {
    let sysroot = Utf8PathBuf::from(cargo?).parent()?.parent()?.to_owned();
    (sysroot.is_absolute() && sysroot.file_name()? == toolchain?).then_some(sysroot)
}

fn parse(sysroot: Utf8PathBuf, version: String) -> Result<Toolchain, Error> {
    let field = |name: &str| version.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).map(str::to_owned);
    let needed = |name: &str| {
        field(name).ok_or_else(|| Error::Output {
            program: "rustc -vV".to_owned(),
            reason: format!("it has no line `{name} …`"),
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

/// Checks that the folder holds a complete toolchain, as rustup's do.
fn check_folder(sysroot: &Utf8Path) -> Result<(), Error> {
    let refuse = |reason: String| {
        let help = "use a toolchain of rustup, which has its own folder";
        Err(Error::Toolchain { sysroot: sysroot.to_owned(), reason, help })
    };
    if SYSTEM.iter().any(|system| sysroot == *system) {
        return refuse("it belongs to the distribution and needs files outside of its folder".to_owned());
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

/// Checks that the programs of the toolchain run with a builder's C library.
fn check_host(toolchain: &Toolchain) -> Result<(), Error> {
    if toolchain.host.ends_with("-linux-gnu") {
        return Ok(());
    }
    Err(Error::Toolchain {
        sysroot: toolchain.sysroot.clone(),
        reason: format!("it runs on `{}`, but a builder has Linux and glibc", toolchain.host),
        help: "install the toolchain of the host `x86_64-unknown-linux-gnu`",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: &str = "rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\ncommit-hash: 59807616e1fa\n\
                           commit-date: 2026-04-14\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0\nLLVM version: 22.1.2";

    #[test]
    fn toolchain_of_this_build_is_found() {
        let folder = Utf8Path::new(env!("CARGO_MANIFEST_DIR"));
        let toolchain = toolchain(folder).unwrap();
        assert!(toolchain.cargo.is_file());
        assert!(toolchain.version.contains(&toolchain.release));
        assert!(toolchain.cfg().unwrap().lines().any(|line| line == "target_os=\"linux\""));
    }

    #[test]
    fn rustup_variables_name_the_toolchain() {
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
    fn version_output_is_parsed() {
        let toolchain = parse("/opt/rust".into(), VERSION.to_owned()).unwrap();
        assert_eq!((toolchain.release.as_str(), toolchain.cargo.as_str()), ("1.95.0", "/opt/rust/bin/cargo"));
        assert_eq!(toolchain.commit.as_deref(), Some("59807616e1fa"));
        let unknown = VERSION.replace("59807616e1fa\n", "unknown\n");
        assert_eq!(parse("/opt/rust".into(), unknown).unwrap().commit, None);
        let error = parse("/opt/rust".into(), VERSION.replace("host:", "hst:")).unwrap_err();
        insta::assert_snapshot!(error, @"failed to read the output of `rustc -vV`: it has no line `host: …`");
    }

    #[test]
    fn unusable_toolchain_is_refused() {
        let error = |result: Result<(), Error>| result.unwrap_err().to_string();
        insta::assert_snapshot!(error(check_folder("/usr".into())), @"failed to use the Rust toolchain in `/usr`: it belongs to the distribution and needs files outside of its folder; use a toolchain of rustup, which has its own folder");
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        assert!(error(check_folder(folder)).contains("it has no `bin/rustc`"));
        let musl = parse("/opt/rust".into(), VERSION.replace("-gnu", "-musl")).unwrap();
        insta::assert_snapshot!(error(check_host(&musl)), @"failed to use the Rust toolchain in `/opt/rust`: it runs on `x86_64-unknown-linux-musl`, but a builder has Linux and glibc; install the toolchain of the host `x86_64-unknown-linux-gnu`");
    }
}
