//! The program of an image: its config, with the options of a run over it.

use std::collections::BTreeMap;

use tierce_oci::Runtime;
use tierce_sandbox::{Mount, Program, Stdin};
use tierce_startable::{AccountTexts, UnknownName};
use tierce_store::{Error, ErrorKind};

/// The folders of programs if the image names none, as engines have them.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The name of a sandbox's host.
const HOST: &str = "tierce";

/// The options of a run, which replace values of the image.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// The arguments in the place of the image's `cmd`.
    pub arguments: Vec<String>,
    /// The program in the place of the image's entrypoint. The image's `cmd` does not count then.
    pub entrypoint: Option<String>,
    /// Further environment variables.
    pub environment: Vec<(String, String)>,
    /// The user, `USER` or `USER:GROUP`, by name or number.
    pub user: Option<String>,
    /// The folder in which the program starts.
    pub workdir: Option<String>,
    /// Whether the root refuses changes.
    pub read_only: bool,
    /// The connection of stdin.
    pub stdin: Stdin,
    /// Capabilities that the program lacks.
    pub cap_drop: Vec<String>,
    /// Mounts after those of the image's volumes, whose places they take.
    pub mounts: Vec<Mount>,
}

/// The user of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) numbers: (u32, u32),
    pub(crate) groups: Vec<u32>,
    pub(crate) home: String,
}

/// Finds the user in the image's account files. Without a range of users, there is only root.
pub(crate) fn account(
    runtime: &Runtime,
    options: &RunOptions,
    texts: &AccountTexts,
    has_range: bool,
) -> Result<Account, Error> {
    let user = options.user.as_deref().or(runtime.user.as_deref());
    let identity = texts.identity(user).map_err(|unknown| {
        let (kind, name) = match unknown {
            UnknownName::User(name) => ("user", name),
            UnknownName::Group(name) => ("group", name),
        };
        let message = format!("the image has no {kind} `{name}`");
        Error::new(ErrorKind::Table, message).with_help("add it to the image, or give its number")
    })?;
    let numbers = (identity.uid, identity.gid);
    if !has_range && numbers != (0, 0) {
        let user = user.unwrap_or_default();
        return Err(needs_users(
            &format!("the image runs as the user `{user}`"),
            ", or run it as root with `--user 0:0`",
        ));
    }
    let uid = identity.uid.to_string();
    let home = texts.passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let home = home.filter(|fields| fields.get(2) == Some(&uid.as_str())).find_map(|fields| fields.get(5).copied());
    let home = home.filter(|home| !home.is_empty()).unwrap_or("/").to_owned();
    let groups = if has_range { identity.groups.into_iter().collect() } else { Vec::new() };
    Ok(Account { numbers, groups, home })
}

/// Returns the error of what needs more users than the caller's own; `otherwise` continues the help.
pub fn needs_users(what: &str, otherwise: &str) -> Error {
    let help = "install `newuidmap` (the package uidmap) and give yourself ranges in /etc/subuid and /etc/subgid";
    Error::new(ErrorKind::Daemon, format!("{what}, and this machine gives you no users besides your own"))
        .with_help(format!("{help}{otherwise}"))
}

/// Returns the program: the image's, as far as the options do not replace its values.
pub(crate) fn program(runtime: &Runtime, options: &RunOptions, account: &Account) -> Result<Program, Error> {
    let (entrypoint, cmd) = match &options.entrypoint {
        Some(entrypoint) => (std::slice::from_ref(entrypoint), [].as_slice()),
        None => (runtime.entrypoint.as_slice(), runtime.cmd.as_slice()),
    };
    let arguments = if options.arguments.is_empty() { cmd } else { &options.arguments };
    let command: Vec<String> = entrypoint.iter().chain(arguments).cloned().collect();
    if command.is_empty() {
        let message = "the image has no program";
        return Err(Error::new(ErrorKind::Table, message).with_help("add one after `--`"));
    }
    let own = [("PATH", PATH), ("HOME", account.home.as_str()), ("HOSTNAME", HOST)];
    let terminal = (options.stdin == Stdin::Terminal).then_some(("TERM", "xterm"));
    let own = own.into_iter().chain(terminal).map(|(name, value)| (name.to_owned(), value.to_owned()));
    let environment: BTreeMap<String, String> =
        own.chain(runtime.env.clone()).chain(options.environment.iter().cloned()).collect();
    Ok(Program {
        command,
        environment: environment.into_iter().collect(),
        working_dir: options.workdir.clone().or_else(|| runtime.workdir.clone()),
        user: account.numbers,
        groups: account.groups.clone(),
        stdin: options.stdin,
        cap_drop: options.cap_drop.clone(),
        ..Program::default()
    })
}

/// Returns the mounts of the image's volumes, but for those in whose places the options mount something.
pub(crate) fn volumes(runtime: &Runtime, options: &RunOptions) -> Vec<Mount> {
    let has_mount = |path: &str| options.mounts.iter().any(|mount| same_path(target(mount), path));
    let volumes = runtime.volumes.iter().filter(|path| !has_mount(path));
    volumes.map(|path| Mount::Volume { target: path.clone() }).collect()
}

fn target(mount: &Mount) -> &str {
    match mount {
        Mount::Folder { target, .. } | Mount::Memory { target } | Mount::Volume { target } => target,
    }
}

fn same_path(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn root() -> Account {
        Account { numbers: (0, 0), groups: Vec::new(), home: "/root".into() }
    }

    #[test]
    fn arguments_replace_cmd_and_entrypoint_replaces_both() {
        for (entrypoint, cmd, replaced, arguments, expected) in [
            (["/a"].as_slice(), ["b"].as_slice(), None, [].as_slice(), Some(["/a", "b"].as_slice())),
            (&["/a"], &["b"], None, &["c", "d"], Some(&["/a", "c", "d"])),
            (&[], &["/b", "c"], None, &[], Some(&["/b", "c"])),
            (&[], &["/b", "c"], None, &["/d"], Some(&["/d"])),
            (&["/a"], &["b"], Some("/e"), &[], Some(&["/e"])),
            (&["/a"], &["b"], Some("/e"), &["f"], Some(&["/e", "f"])),
            (&[], &[], None, &[], None),
        ] {
            let runtime = Runtime { entrypoint: words(entrypoint), cmd: words(cmd), ..Runtime::default() };
            let entrypoint = replaced.map(str::to_owned);
            let options = RunOptions { arguments: words(arguments), entrypoint, ..RunOptions::default() };
            let program = program(&runtime, &options, &root());
            assert_eq!(program.ok().map(|program| program.command), expected.map(words), "{options:?}");
        }
    }

    #[test]
    fn options_come_before_config_and_defaults() {
        let runtime = Runtime {
            cmd: words(&["/a"]),
            env: [("PATH".to_owned(), "/bin".to_owned()), ("A".to_owned(), "1".to_owned())].into(),
            workdir: Some("/srv".into()),
            ..Runtime::default()
        };
        let plain = program(&runtime, &RunOptions::default(), &root()).expect("a program");
        let pairs = |program: &Program| -> Vec<String> {
            program.environment.iter().map(|(name, value)| format!("{name}={value}")).collect()
        };
        assert_eq!(pairs(&plain), ["A=1", "HOME=/root", "HOSTNAME=tierce", "PATH=/bin"]);
        assert_eq!((plain.working_dir.as_deref(), plain.stdin), (Some("/srv"), Stdin::Null));
        let options = RunOptions {
            environment: vec![("A".into(), "2".into()), ("HOME".into(), "/x".into())],
            workdir: Some("/tmp".into()),
            stdin: Stdin::Terminal,
            ..RunOptions::default()
        };
        let changed = program(&runtime, &options, &root()).expect("a program");
        assert_eq!(pairs(&changed), ["A=2", "HOME=/x", "HOSTNAME=tierce", "PATH=/bin", "TERM=xterm"]);
        assert_eq!((changed.working_dir.as_deref(), changed.stdin), (Some("/tmp"), Stdin::Terminal));
    }

    #[test]
    fn user_is_resolved_by_the_image() {
        let texts = AccountTexts {
            passwd: "root:x:0:0:root:/root:/bin/sh\nweb:x:7:8::/srv:/bin/sh\n".into(),
            group: "root:x:0:\nmedia:x:33:web,root\n".into(),
        };
        let found = |numbers, groups: &[u32], home: &str| {
            Some(Account { numbers, groups: groups.to_vec(), home: home.to_owned() })
        };
        for (stated, option, has_range, expected) in [
            (None, None, true, found((0, 0), &[33], "/root")),
            (None, None, false, found((0, 0), &[], "/root")),
            (Some("web"), None, true, found((7, 8), &[33], "/srv")),
            (Some("web"), Some("0:0"), false, found((0, 0), &[], "/root")),
            (Some("web"), Some("9:9"), true, found((9, 9), &[], "/")),
            (Some("web"), None, false, None),
            (Some("0:8"), None, false, None),
            (Some("nobody"), None, true, None),
        ] {
            let runtime = Runtime { user: stated.map(str::to_owned), ..Runtime::default() };
            let options = RunOptions { user: option.map(str::to_owned), ..RunOptions::default() };
            let account = account(&runtime, &options, &texts, has_range);
            assert_eq!(account.ok(), expected, "{stated:?} {option:?} {has_range}");
        }
    }

    #[test]
    fn options_take_the_places_of_volumes() {
        let runtime = Runtime { volumes: ["/data", "/own"].map(String::from).into(), ..Runtime::default() };
        let mounts = vec![Mount::Memory { target: "/own/".into() }];
        let options = RunOptions { mounts, ..RunOptions::default() };
        assert_eq!(volumes(&runtime, &options), [Mount::Volume { target: "/data".into() }]);
    }
}
