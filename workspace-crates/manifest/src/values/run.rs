//! Values of the run configuration: ports, users, modes, signals, times.

use std::{fmt, num::NonZeroU16, str::FromStr, time::Duration};

use crate::error::Fault;

/// A port that the program listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port {
    /// Its number.
    pub number: NonZeroU16,
    /// Its transport protocol.
    pub protocol: Protocol,
}

/// The transport protocol of a port, as in the OCI image configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// `tcp`
    Tcp,
    /// `udp`
    Udp,
    /// `sctp`
    Sctp,
}

impl fmt::Display for Port {
    /// Writes `8080/tcp`, the form of the OCI image configuration.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        };
        write!(formatter, "{}/{protocol}", self.number)
    }
}

impl FromStr for Port {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let protocol = match protocol {
            "tcp" => Some(Protocol::Tcp),
            "udp" => Some(Protocol::Udp),
            "sctp" => Some(Protocol::Sctp),
            _ => None,
        };
        match (decimal::<NonZeroU16>(number), protocol) {
            (Some(number), Some(protocol)) => Ok(Self { number, protocol }),
            _ => Err(Fault::new(format!("`{}` is not a port", text.escape_debug()), "not a port")
                .help("write a number from 1 to 65535, and `/udp` or `/sctp` after it where it is not tcp")),
        }
    }
}

/// The numbers of a user and a group. An image from scratch has no /etc/passwd, so the only valid names are those that its table
/// declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserGroup {
    /// The user's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
}

impl UserGroup {
    /// User 0 and group 0.
    pub const ROOT: Self = Self { uid: 0, gid: 0 };
}

impl fmt::Display for UserGroup {
    /// Writes `1000:1000`, the form of the OCI image configuration.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.uid, self.gid)
    }
}

impl FromStr for UserGroup {
    type Err = Fault;

    /// Parses `UID` or `UID:GID`. A single number is both the user's and the group's, although the daemon would use group 0.
    fn from_str(text: &str) -> Result<Self, Fault> {
        let (uid, gid) = text.split_once(':').unwrap_or((text, text));
        let number = |text| decimal::<u32>(text).filter(|&number| number <= i32::MAX.unsigned_abs());
        if let (Some(uid), Some(gid)) = (number(uid), number(gid)) {
            return Ok(Self { uid, gid });
        }
        let fault = Fault::new(format!("`{}` is not a user by number", text.escape_debug()), "not `uid` or `uid:gid`");
        Err(match text {
            "root" | "root:root" => fault.help("names mean nothing in an image without /etc/passwd: write \"0:0\""),
            _ => fault.help("write numbers, such as \"1000:1000\", or declare the name in `users`"),
        })
    }
}

/// The user that an image's program runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunUser {
    /// The numbers, or a name that the table declares.
    Numbers(UserGroup),
    /// `USER` or `USER:GROUP`, with a name that the image's account files define. Only packing knows those.
    Names(String),
}

impl fmt::Display for RunUser {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Numbers(numbers) => write!(formatter, "{numbers}"),
            Self::Names(names) => formatter.write_str(names),
        }
    }
}

/// The permission bits of a file, including the set-id and sticky bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mode(u16);

impl Mode {
    /// 0755, the mode of folders.
    pub const DIRECTORY: Self = Self(0o755);

    /// Returns the bits, at most 0o7777.
    pub fn bits(self) -> u32 {
        u32::from(self.0)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04o}", self.0)
    }
}

impl FromStr for Mode {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let digits = text.strip_prefix("0o").unwrap_or(text);
        let octal = digits.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
        match u16::from_str_radix(digits, 8) {
            Ok(bits) if bits <= 0o7777 && octal && (3..=4).contains(&digits.len()) => Ok(Self(bits)),
            _ => Err(Fault::new(format!("`{}` is not a mode", text.escape_debug()), "not a mode")
                .help("write three or four octal digits, such as \"0644\"")),
        }
    }
}

/// The signals of Linux by number, from 1.
const SIGNALS: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
    "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",
    "PWR", "SYS",
];

/// A signal of Linux.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(u8);

impl Signal {
    /// Returns its number, from 1 to 64.
    pub fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Signal {
    /// Writes `SIGTERM`, or the number of a real-time signal, which has no name.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match SIGNALS.get(usize::from(self.0).wrapping_sub(1)) {
            Some(name) => write!(formatter, "SIG{name}"),
            None => write!(formatter, "{}", self.0),
        }
    }
}

impl FromStr for Signal {
    type Err = Fault;

    /// Parses `SIGTERM`, `TERM` or `15`.
    fn from_str(text: &str) -> Result<Self, Fault> {
        let name = text.strip_prefix("SIG").unwrap_or(text);
        let named = (1..).zip(SIGNALS).find(|(_, known)| *known == name).map(|(number, _)| number);
        match named.or_else(|| decimal::<u8>(text).filter(|number| (1..=64).contains(number))) {
            Some(number) => Ok(Self(number)),
            None => {
                let known = SIGNALS.map(|known| format!("SIG{known}"));
                let word = format!("SIG{}", name.to_uppercase());
                Err(Fault::new(format!("`{}` is not a signal", text.escape_debug()), "not a signal")
                    .help("write a name such as SIGTERM, or a number from 1 to 64")
                    .suggest(&word, known.iter().map(String::as_str)))
            }
        }
    }
}

/// Parses a time in Docker's syntax: numbers with the units ms, s, m and h in a row, `1m30s`. The result is whole milliseconds.
pub(crate) fn duration(text: &str) -> Result<Duration, Fault> {
    let fault = || {
        Fault::new(format!("`{}` is not a time", text.escape_debug()), "not a time")
            .help("write a number with its unit, such as \"30s\", \"500ms\" or \"1m30s\"")
    };
    let mut milliseconds = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit()).ok_or_else(fault)?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|character: char| !character.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let unit = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(fault()),
        };
        let part = decimal::<u64>(number).and_then(|number| number.checked_mul(unit)).ok_or_else(fault)?;
        milliseconds = milliseconds.checked_add(part).ok_or_else(fault)?;
        rest = after;
    }
    // The image configuration stores nanoseconds in a signed 64-bit number.
    let fits = milliseconds <= i64::MAX.unsigned_abs() / 1_000_000;
    if text.is_empty() || !fits { Err(fault()) } else { Ok(Duration::from_millis(milliseconds)) }
}

/// Parses decimal digits only: `parse` alone accepts `+1`.
pub(crate) fn decimal<T: FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Checks the name of a variable: of an environment (no `=` or control characters) or of a shell (letters, digits, `_`).
pub(crate) fn check_variable_name(text: &str, shell: bool) -> Result<(), Fault> {
    let allowed = |character: char| match shell {
        true => character.is_ascii_alphanumeric() || character == '_',
        false => character != '=' && !character.is_control(),
    };
    if !text.is_empty()
        && text.chars().all(allowed)
        && !(shell && text.starts_with(|first: char| first.is_ascii_digit()))
    {
        return Ok(());
    }
    Err(Fault::new(format!("`{}` is not a name for a variable", text.escape_debug()), "not a variable's name"))
}

/// Checks the key of a label: not empty, without spaces and control characters, and not below Tierce's own `dev.tierce.`.
pub(crate) fn check_label_key(text: &str) -> Result<(), Fault> {
    let shown = text.escape_debug();
    if text.is_empty() || text.chars().any(|character| character.is_control() || character.is_whitespace()) {
        return Err(Fault::new(format!("`{shown}` is not a key for a label"), "not a label's key"));
    }
    if text.starts_with("dev.tierce.") {
        return Err(Fault::new(format!("the label `{shown}` is one of Tierce's own"), "reserved")
            .help("rename it; Tierce decides by labels that begin with `dev.tierce.` which objects it may remove"));
    }
    Ok(())
}

/// Refuses a NUL, which ends an argument or a variable.
pub(crate) fn check_no_nul(text: &str) -> Result<(), Fault> {
    match text.contains('\0') {
        true => Err(Fault::new("a NUL cannot stand in an argument or a variable", "has a NUL in it")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: FromStr<Err = Fault> + fmt::Display>(good: &[(&str, &str)], bad: &[&str]) {
        for (text, shown) in good {
            assert_eq!(text.parse::<T>().map(|value| value.to_string()), Ok((*shown).to_owned()), "{text:?}");
        }
        for text in bad {
            assert!(text.parse::<T>().is_err(), "{text:?} passes");
        }
    }

    #[test]
    fn ports_parse_and_print() {
        check::<Port>(
            &[("8080", "8080/tcp"), ("8080/tcp", "8080/tcp"), ("53/udp", "53/udp"), ("65535/sctp", "65535/sctp")],
            &["", "0", "65536", "-1", "+1", "80/", "80/icmp", "80/TCP", "80-90", "http"],
        );
    }

    #[test]
    fn users_parse_and_print() {
        check::<UserGroup>(
            &[("0", "0:0"), ("1000", "1000:1000"), ("1000:33", "1000:33"), ("2147483647:0", "2147483647:0")],
            &["", ":", "1:", ":1", "root", "nobody:nogroup", "-1", "2147483648", "1:2:3", "1.5", "0o17"],
        );
    }

    #[test]
    fn modes_parse_and_print() {
        check::<Mode>(
            &[("0644", "0644"), ("755", "0755"), ("4755", "4755"), ("0o600", "0600")],
            &["", "0", "64", "0888", "10644", "+644", "rw-r--r--"],
        );
    }

    #[test]
    fn signals_parse_and_print() {
        check::<Signal>(
            &[("SIGTERM", "SIGTERM"), ("TERM", "SIGTERM"), ("15", "SIGTERM"), ("SIGSYS", "SIGSYS"), ("34", "34")],
            &["", "SIG", "0", "65", "sigterm", "SIGSIGTERM", "+15"],
        );
        assert_eq!("sigterm".parse::<Signal>().unwrap_err().help.as_deref(), Some("did you mean `SIGTERM`?"));
    }

    #[test]
    fn durations_need_units() {
        for (text, milliseconds) in [("0s", 0), ("500ms", 500), ("30s", 30_000), ("1m30s", 90_000), ("2h", 7_200_000)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "30", "s", "-1s", "1.5s", "1d", "30 s", "99999999999999999999s", "9999999999999h", "1s1"] {
            assert!(duration(text).is_err(), "{text:?} passes");
        }
    }

    #[test]
    fn variable_and_label_names_are_checked() {
        for (text, environment, shell) in
            [("PATH", true, true), ("a.b", true, false), ("1A", true, false), ("", false, false), ("A=B", false, false)]
        {
            let passes = |shell| check_variable_name(text, shell).is_ok();
            assert_eq!((passes(false), passes(true)), (environment, shell), "{text:?}");
        }
        for (text, passes) in [("com.example.team", true), ("", false), ("a b", false), ("dev.tierce.key", false)] {
            assert_eq!(check_label_key(text).is_ok(), passes, "{text:?}");
        }
    }
}
