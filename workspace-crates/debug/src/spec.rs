//! The container of a session.

use std::collections::BTreeMap;

use tierce_docker::{ContainerSpec, IpcNamespace, Network, PidNamespace};

use crate::options::environment;
use crate::{Options, Process, Target};

/// The session's link to the target's files in `/proc`.
pub const LINK: &str = "/target";

/// The labels with the target's id and name.
pub(crate) const TARGET: &str = "dev.tierce.debug-target";
pub(crate) const TARGET_NAME: &str = "dev.tierce.debug-target-name";
/// The label with the toolbox's name for people.
pub(crate) const TOOLBOX: &str = "dev.tierce.debug-toolbox";

/// The label of a session that stays after its command's end.
pub(crate) const KEEP: &str = "dev.tierce.debug-keep";

/// The capabilities that tools need: raw sockets and interfaces for tcpdump and ip, and other users' processes for strace, gdb
/// and `/target`.
const CAPABILITIES: [&str; 3] = ["NET_RAW", "NET_ADMIN", "SYS_PTRACE"];

/// The specification of a session's container.
pub(crate) fn spec(target: &Target, options: &Options) -> ContainerSpec {
    let id = target.id().to_owned();
    let mut capabilities: Vec<String> = CAPABILITIES.map(str::to_owned).into();
    for capability in &options.cap_add {
        if !capabilities.contains(capability) {
            capabilities.push(capability.clone());
        }
    }
    ContainerSpec {
        name: Some(options.name.clone()),
        image: options.toolbox.image.clone(),
        entrypoint: entrypoint(options),
        environment: environment(&options.environment, &target.details.environment),
        working_dir: options.working_dir.clone(),
        user: Some(options.user.clone().unwrap_or_else(|| "0:0".to_owned())),
        mounts: options.mounts.clone(),
        pid: PidNamespace::Container(id.clone()),
        ipc: if target.shares_ipc() { IpcNamespace::Container(id.clone()) } else { IpcNamespace::Own },
        network: Network::Container(id),
        userns: target.details.userns_mode.clone(),
        labels: labels(target.id(), target.name(), options),
        cap_add: capabilities,
        security_options: profiles(&target.details.security_options),
        tty: options.tty,
        stdin: options.stdin,
        auto_remove: !options.keep,
        ..ContainerSpec::default()
    }
}

/// AppArmor usually allows to trace a process only from its own profile.
fn profiles(of_target: &[String]) -> Vec<String> {
    of_target
        .iter()
        .filter(|option| option.starts_with("apparmor=") || option.starts_with("apparmor:"))
        .cloned()
        .collect()
}

/// The command replaces the toolbox's entrypoint, instead of being its arguments.
pub(crate) fn entrypoint(options: &Options) -> Option<Vec<String>> {
    (!options.command.is_empty()).then(|| options.command.clone())
}

/// The labels of a session for a target with this id and name.
pub(crate) fn labels(id: &str, name: &str, options: &Options) -> BTreeMap<String, String> {
    let marks = &options.marks;
    let mut labels = if options.keep || options.detach { marks.kept.clone() } else { marks.attached.clone() };
    let own = [(TARGET, id), (TARGET_NAME, name), (TOOLBOX, &options.toolbox.name)];
    labels.extend(own.map(|(label, value)| (label.to_owned(), value.to_owned())));
    labels.extend(options.keep.then(|| (KEEP.to_owned(), String::new())));
    labels
}

/// An archive for a session's root directory, with the link to the root directory of the target's process.
pub(crate) fn link(process: Process) -> std::io::Result<Vec<u8>> {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_mode(0o777);
    header.set_size(0);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_link(&mut header, LINK.trim_start_matches('/'), root_of(process))?;
    archive.into_inner()
}

/// The session's path of a process's root directory.
pub(crate) fn root_of(process: Process) -> String {
    format!("/proc/{}/root", process.pid)
}

/// An archive with an empty file of this name.
pub(crate) fn mark(name: &str) -> std::io::Result<Vec<u8>> {
    file(name, 0o600, &[])
}

/// An archive with this file, whose name may begin with the root directory.
pub(crate) fn file(name: &str, mode: u32, content: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut header = tar::Header::new_ustar();
    header.set_mode(mode);
    header.set_size(content.len() as u64);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, name.trim_start_matches('/'), content)?;
    archive.into_inner()
}

/// An archive with this folder.
pub(crate) fn folder(name: &str, mode: u32) -> std::io::Result<Vec<u8>> {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_mode(mode);
    header.set_size(0);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, name.trim_start_matches('/'), std::io::empty())?;
    archive.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_apparmor_profile_is_copied() {
        for (options, expected) in [
            (&[][..], &[][..]),
            (&["no-new-privileges", "seccomp=unconfined", "label=disable"], &[]),
            (&["apparmor=web", "seccomp={}"], &["apparmor=web"]),
        ] {
            let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
            assert_eq!(profiles(&options), expected, "{options:?}");
        }
    }

    #[test]
    fn target_is_a_link() {
        let archive = link(Process { pid: 7, program: None }).unwrap();
        let mut archive = tar::Archive::new(&archive[..]);
        let entries: Vec<_> = archive.entries().unwrap().map(Result::unwrap).collect();
        let [entry] = &entries[..] else { panic!("one entry") };
        assert_eq!(entry.header().entry_type(), tar::EntryType::Symlink);
        assert_eq!(entry.path().unwrap().to_str(), Some("target"));
        assert_eq!(entry.link_name().unwrap().unwrap().to_str(), Some("/proc/7/root"));
    }
}
