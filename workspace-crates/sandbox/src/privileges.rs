//! The privileges of programs in a sandbox: no more capabilities than a daemon gives by default, no way to gain any, a filter of
//! system calls, and limits. capabilities(7), seccomp(2).

use std::collections::BTreeMap;
use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};
use rustix::thread::{
    CapabilitySet, CapabilitySets, remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Compare, SeccompCondition as Condition,
    SeccompFilter, SeccompRule as Rule, TargetArch,
};

use crate::error::Failure;
use crate::syscalls::{self, OWNERS};

/// The capabilities of Docker's default set, without `CAP_MKNOD`: no sandbox has a use for device files.
const KEPT: [(&str, CapabilitySet); 13] = [
    ("CHOWN", CapabilitySet::CHOWN),
    ("DAC_OVERRIDE", CapabilitySet::DAC_OVERRIDE),
    ("FSETID", CapabilitySet::FSETID),
    ("FOWNER", CapabilitySet::FOWNER),
    ("NET_RAW", CapabilitySet::NET_RAW),
    ("SETGID", CapabilitySet::SETGID),
    ("SETUID", CapabilitySet::SETUID),
    ("SETFCAP", CapabilitySet::SETFCAP),
    ("SETPCAP", CapabilitySet::SETPCAP),
    ("NET_BIND_SERVICE", CapabilitySet::NET_BIND_SERVICE),
    ("SYS_CHROOT", CapabilitySet::SYS_CHROOT),
    ("KILL", CapabilitySet::KILL),
    ("AUDIT_WRITE", CapabilitySet::AUDIT_WRITE),
];
/// `CLONE_NEWNS`, `CLONE_NEWCGROUP`, `CLONE_NEWUTS`, `CLONE_NEWIPC`, `CLONE_NEWUSER`, `CLONE_NEWPID` and `CLONE_NEWNET`.
const NAMESPACES: u64 = 0x7e02_0000;
/// `TIOCSTI` and `TIOCLINUX` write into the input of a terminal.
const TERMINAL_INPUT: [u64; 2] = [0x5412, 0x541c];
/// `AF_ALG` and `AF_VSOCK`: the kernel's ciphers, and the host of a virtual machine.
const REFUSED_FAMILIES: [u64; 2] = [38, 40];
/// Processes of one user at once; it ends fork bombs of ordinary users. The kernel exempts the host's root.
const PROCESSES: u64 = 32_768;

/// Drops privileges for the rest of this process's life. With `fakes_owners`, changes of a file's owner succeed without an effect.
pub(crate) fn drop_for(fakes_owners: bool) -> Result<(), Failure> {
    let kept = KEPT.into_iter().fold(CapabilitySet::empty(), |all, (_, one)| all | one);
    for dropped in CapabilitySet::all().difference(kept).iter() {
        match remove_capability_from_bounding_set(dropped) {
            // An older kernel does not know a newer capability.
            Ok(()) | Err(rustix::io::Errno::INVAL) => {}
            Err(error) => return Err(Failure::new("drop capabilities", error)),
        }
    }
    limit_processes()?;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets).map_err(|error| Failure::new("drop capabilities", error))?;
    set_no_new_privs(true).map_err(|error| Failure::new("forbid new privileges", error))?;
    let failed =
        |error: seccompiler::Error| Failure::new("install its filter of system calls", io::Error::other(error));
    seccompiler::apply_filter(&allowed().map_err(failed)?).map_err(failed)?;
    if fakes_owners {
        seccompiler::apply_filter(&without_effect(OWNERS).map_err(failed)?).map_err(failed)?;
    }
    // The program must not reach this process: its file is the host's, and it has the control socket.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|error| Failure::new("hide its first process", error))
}

/// Returns the capabilities with these names that a program would have, each with or without `CAP_`. `ALL` stands for all of them.
pub(crate) fn named(names: &[String]) -> Vec<CapabilitySet> {
    let is_named = |capability: &str| {
        names.iter().any(|name| {
            let name = name.to_ascii_uppercase();
            name == "ALL" || name.strip_prefix("CAP_").unwrap_or(&name) == capability
        })
    };
    KEPT.into_iter().filter(|(name, _)| is_named(name)).map(|(_, capability)| capability).collect()
}

fn limit_processes() -> Result<(), Failure> {
    let there = getrlimit(Resource::Nproc);
    let limit = |there: Option<u64>| Some(there.map_or(PROCESSES, |there| there.min(PROCESSES)));
    setrlimit(Resource::Nproc, Rlimit { current: limit(there.current), maximum: limit(there.maximum) })
        .map_err(|error| Failure::new("limit its processes", error))
}

/// Returns the filter that allows the known harmless calls. To all others, the kernel answers that it does not have them: programs
/// then take an older call, whose arguments a filter can read.
fn allowed() -> Result<BpfProgram, seccompiler::Error> {
    let mut rules: BTreeMap<i64, Vec<Rule>> = syscalls::allowed().map(|call| (call, Vec::new())).collect();
    let no_namespace = Condition::new(0, Length::Qword, Compare::MaskedEq(NAMESPACES), 0)?;
    rules.insert(libc::SYS_clone, vec![Rule::new(vec![no_namespace])?]);
    let all_but = |argument, length: fn() -> Length, values: &[u64]| {
        let conditions: Result<Vec<_>, _> =
            values.iter().map(|value| Condition::new(argument, length(), Compare::Ne, *value)).collect();
        Rule::new(conditions?)
    };
    rules.insert(libc::SYS_ioctl, vec![all_but(1, || Length::Dword, &TERMINAL_INPUT)?]);
    rules.insert(libc::SYS_socket, vec![all_but(0, || Length::Dword, &REFUSED_FAMILIES)?]);
    let unknown = u32::try_from(libc::ENOSYS).unwrap_or_default();
    Ok(SeccompFilter::new(rules, SeccompAction::Errno(unknown), SeccompAction::Allow, architecture()?)?.try_into()?)
}

/// Returns a filter under which these calls succeed without an effect.
fn without_effect(calls: &[i64]) -> Result<BpfProgram, seccompiler::Error> {
    let rules = calls.iter().map(|call| (*call, Vec::new())).collect();
    Ok(SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(0), architecture()?)?.try_into()?)
}

fn architecture() -> Result<TargetArch, seccompiler::BackendError> {
    TargetArch::try_from(std::env::consts::ARCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_have_names() {
        for (names, expected) in [
            (vec![], vec![]),
            (vec!["NET_RAW"], vec![CapabilitySet::NET_RAW]),
            (vec!["cap_kill", "SYS_ADMIN"], vec![CapabilitySet::KILL]),
        ] {
            let names: Vec<String> = names.into_iter().map(String::from).collect();
            assert_eq!(named(&names), expected);
        }
        assert_eq!(named(&["ALL".to_owned()]).len(), KEPT.len());
    }

    #[test]
    fn filters_fit_into_the_kernel() {
        assert!(allowed().expect("a filter").len() < 4096);
        assert!(!without_effect(OWNERS).expect("a filter").is_empty());
    }
}
