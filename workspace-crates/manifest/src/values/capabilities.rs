//! The capabilities of a file: from the syntax of setcap to the bytes of the file's attribute.

use std::str::FromStr;

use crate::error::Fault;

/// The capabilities of Linux by number, as in linux/capability.h.
const NAMES: [&str; 41] = [
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_fsetid",
    "cap_kill",
    "cap_setgid",
    "cap_setuid",
    "cap_setpcap",
    "cap_linux_immutable",
    "cap_net_bind_service",
    "cap_net_broadcast",
    "cap_net_admin",
    "cap_net_raw",
    "cap_ipc_lock",
    "cap_ipc_owner",
    "cap_sys_module",
    "cap_sys_rawio",
    "cap_sys_chroot",
    "cap_sys_ptrace",
    "cap_sys_pacct",
    "cap_sys_admin",
    "cap_sys_boot",
    "cap_sys_nice",
    "cap_sys_resource",
    "cap_sys_time",
    "cap_sys_tty_config",
    "cap_mknod",
    "cap_lease",
    "cap_audit_write",
    "cap_audit_control",
    "cap_setfcap",
    "cap_mac_override",
    "cap_mac_admin",
    "cap_syslog",
    "cap_wake_alarm",
    "cap_block_suspend",
    "cap_audit_read",
    "cap_perfmon",
    "cap_bpf",
    "cap_checkpoint_restore",
];

/// `VFS_CAP_REVISION_2`: two words of 32 capabilities for each set, without a user namespace.
const REVISION_2: u32 = 0x0200_0000;
/// `VFS_CAP_FLAGS_EFFECTIVE`
const EFFECTIVE: u32 = 1;

/// The capabilities of a program's file, as in capabilities(7). At least one is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileCapabilities {
    permitted: u64,
    inheritable: u64,
    effective: bool,
}

impl FileCapabilities {
    /// The name of the extended attribute that holds them.
    pub const ATTRIBUTE: &'static str = "security.capability";

    /// Returns the value of the attribute: `struct vfs_cap_data` of linux/capability.h, in its second revision.
    pub fn to_bytes(self) -> Vec<u8> {
        let magic = REVISION_2 | if self.effective { EFFECTIVE } else { 0 };
        let words = |shift: u32| [self.permitted >> shift, self.inheritable >> shift];
        let words = [words(0), words(32)].concat();
        // Each word is the lower half of a 64-bit value.
        let words = words.iter().flat_map(|word| word.to_le_bytes()[..4].to_vec());
        magic.to_le_bytes().into_iter().chain(words).collect()
    }
}

impl FromStr for FileCapabilities {
    type Err = Fault;

    /// Parses clauses like cap_from_text(3): names separated by commas, then `=` or `+` and letters out of `e`, `i` and `p`.
    /// Refuses `all`, because its meaning differs between kernels, and `-`, because there is nothing to take away.
    fn from_str(text: &str) -> Result<Self, Fault> {
        let mut sets = Sets::default();
        for clause in text.split_ascii_whitespace() {
            sets.apply(clause)?;
        }
        let Sets { effective, inheritable, permitted } = sets;
        let given = permitted | inheritable;
        if given == 0 {
            return Err(Fault::new(format!("`{}` gives no capability", text.escape_debug()), "no capability")
                .help("write names and their sets, such as \"cap_net_bind_service=ep\""));
        }
        if effective != 0 && effective != given {
            let message = "a file's capabilities are all effective or none of them is: the kernel keeps one bit";
            return Err(Fault::new(message, "`e` for some only").help("give `e` to each of them, or to none"));
        }
        Ok(Self { permitted, inheritable, effective: effective != 0 })
    }
}

/// The three sets of capabilities during parsing.
#[derive(Default)]
struct Sets {
    effective: u64,
    inheritable: u64,
    permitted: u64,
}

impl Sets {
    fn apply(&mut self, clause: &str) -> Result<(), Fault> {
        let malformed = || {
            Fault::new(format!("`{}` is not a clause of capabilities", clause.escape_debug()), "not a clause")
                .help("write names, `=` or `+`, and letters out of `e`, `i` and `p`, such as \"cap_net_raw=ep\"")
        };
        let (names, mut actions) = clause.find(['=', '+']).map(|at| clause.split_at(at)).ok_or_else(malformed)?;
        let mut chosen = 0_u64;
        for name in names.split(',') {
            chosen |= 1 << number(name)?;
        }
        while !actions.is_empty() {
            let (operator, rest) = actions.split_at(1);
            let (letters, rest) = rest.split_at(rest.find(['=', '+']).unwrap_or(rest.len()));
            if operator == "=" {
                for set in [&mut self.effective, &mut self.inheritable, &mut self.permitted] {
                    *set &= !chosen;
                }
            } else if letters.is_empty() {
                return Err(malformed());
            }
            for letter in letters.chars() {
                match letter {
                    'e' => self.effective |= chosen,
                    'i' => self.inheritable |= chosen,
                    'p' => self.permitted |= chosen,
                    _ => return Err(malformed()),
                }
            }
            actions = rest;
        }
        Ok(())
    }
}

fn number(name: &str) -> Result<usize, Fault> {
    NAMES.iter().position(|known| *known == name).ok_or_else(|| {
        let fault = Fault::new(format!("there is no capability `{}`", name.escape_debug()), "no such capability");
        let lower = name.to_ascii_lowercase();
        let word = if lower.starts_with("cap_") { lower } else { format!("cap_{lower}") };
        fault.suggest(&word, NAMES)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> String {
        let bytes = text.parse::<FileCapabilities>().unwrap_or_else(|fault| panic!("{text}: {fault}")).to_bytes();
        bytes.chunks(4).map(|word| word.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + " ").collect()
    }

    #[test]
    fn clauses_parse_as_in_setcap() {
        // The expected bytes are those of setcap from libcap 2.66.
        for (text, expected) in [
            ("cap_net_bind_service=ep", "01000002 00040000 00000000 00000000 00000000 "),
            ("cap_net_bind_service+ep", "01000002 00040000 00000000 00000000 00000000 "),
            ("cap_net_bind_service=p+e", "01000002 00040000 00000000 00000000 00000000 "),
            ("cap_chown,cap_kill=p", "00000002 21000000 00000000 00000000 00000000 "),
            ("cap_chown=p cap_kill=i", "00000002 01000000 20000000 00000000 00000000 "),
            ("cap_chown=p cap_chown=i", "00000002 00000000 01000000 00000000 00000000 "),
            ("cap_perfmon,cap_setfcap=eip", "01000002 00000080 00000080 40000000 40000000 "),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }

    #[test]
    fn invalid_capabilities_are_refused() {
        for (text, message) in [
            ("", "`` gives no capability"),
            ("cap_chown=", "`cap_chown=` gives no capability"),
            ("cap_chown=e", "`cap_chown=e` gives no capability"),
            ("cap_chown", "`cap_chown` is not a clause of capabilities"),
            ("cap_chown+", "`cap_chown+` is not a clause of capabilities"),
            ("cap_chown=x", "`cap_chown=x` is not a clause of capabilities"),
            ("cap_chown-p", "`cap_chown-p` is not a clause of capabilities"),
            ("=ep", "there is no capability ``"),
            ("all=ep", "there is no capability `all`"),
            (
                "cap_chown=p cap_kill=ep",
                "a file's capabilities are all effective or none of them is: the kernel keeps one bit",
            ),
        ] {
            let refused = text.parse::<FileCapabilities>().expect_err(text);
            assert_eq!(refused.message, message, "{text}");
        }
        for name in ["NET_BIND_SERVICE", "CAP_NET_BIND_SERVICE", "cap_net_bind_servce"] {
            let refused = format!("{name}=ep").parse::<FileCapabilities>().expect_err(name);
            assert_eq!(refused.help.as_deref(), Some("did you mean `cap_net_bind_service`?"), "{name}");
        }
    }
}
