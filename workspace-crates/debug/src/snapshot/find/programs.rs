//! Passwords in the options of programs that have no telling name: `mysql -pX`, `curl -u user:X`.

use std::ops::Range;

use super::addresses::pgpass;
use super::scan::length;

/// Where an option of a program has its secret.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// `-pX`
    Attached,
    /// `-p X`, `-pX`
    Either,
    /// `-u user:X`, `-uuser:X`, `--user=user:X`
    AfterColon,
    /// `-U user%X`
    AfterPercent,
    /// The last word, if the option is there.
    Last,
}

use Form::{AfterColon, AfterPercent, Attached, Either, Last};

/// Programs, by the beginnings of their names, an option, and its form.
#[rustfmt::skip]
const RULES: [(&[&str], &str, Form); 34] = [
    (&["mysql", "mariadb"], "-p", Attached),
    (&["sshpass", "mongo"], "-p", Either),
    (&["docker", "podman", "nerdctl", "buildah", "skopeo", "helm", "oras", "crane", "regctl"], "-p", Either),
    (&["docker", "podman", "nerdctl", "buildah", "skopeo", "helm", "oras", "crane"], "--creds", AfterColon),
    (&["skopeo"], "--src-creds", AfterColon), (&["skopeo"], "--dest-creds", AfterColon),
    (&["redis-cli", "valkey-cli", "keydb-cli"], "-a", Either),
    (&["ldap"], "-w", Either), (&["twine"], "-p", Either),
    (&["sqlcmd", "bcp", "tsql", "ipmitool"], "-P", Either),
    (&["curl", "curlie"], "-u", AfterColon), (&["curl", "curlie"], "--user", AfterColon),
    (&["curl", "curlie"], "-U", AfterColon), (&["curl", "curlie"], "--proxy-user", AfterColon),
    (&["curl", "curlie"], "-b", Either), (&["ab"], "-A", AfterColon), (&["ab"], "-P", AfterColon),
    (&["http", "https", "xh", "xhs"], "-a", AfterColon),
    (&["wget", "wget2"], "--user", AfterColon),
    (&["smbclient", "rpcclient", "mount.cifs", "net"], "-U", AfterPercent),
    (&["7z", "7za", "7zr", "7zz", "rar", "unrar"], "-p", Attached),
    (&["zip", "unzip"], "-P", Either),
    (&["openssl"], "-k", Either), (&["openssl"], "-K", Either),
    (&["htpasswd"], "-b", Last), (&["htpasswd"], "-nb", Last), (&["htpasswd"], "-nbB", Last), (&["htpasswd"], "-bB", Last),
    (&["htpasswd"], "-cb", Last), (&["htpasswd"], "-cbB", Last), (&["htpasswd"], "-bc", Last),
    (&["rabbitmqctl"], "add_user", Last), (&["rabbitmqctl"], "change_password", Last),
    (&["vault", "cargo"], "login", Last),
];

/// Programs with `-p` as a password of their command `login` only.
const LOGIN: [&str; 9] = ["docker", "podman", "nerdctl", "buildah", "skopeo", "helm", "oras", "crane", "regctl"];

/// Options that take `user:password` in every program.
const USERS: [&str; 5] = ["-u", "--user", "--userpass", "--proxy-user", "--http-user"];

/// Groups that follow a colon in `--user nobody:nogroup`.
const GROUPS: [&str; 14] = [
    "root", "nobody", "nogroup", "users", "staff", "wheel", "daemon", "adm", "bin", "sys", "docker", "video", "audio",
    "tty",
];

/// The secrets of command lines in a text, and of lines of `.pgpass`.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    /// Longer lines are no command lines of people.
    const LONGEST: usize = 4 << 10;
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end();
        let own = bare.len() - bare.trim_start().len();
        found.extend(pgpass(&bare[own..]).map(|range| start + own + range.start..start + own + range.end));
        if bare.len() <= LONGEST && (bare.contains(" -") || bare.contains("_") || bare.contains("login")) {
            let words = split(bare);
            let texts: Vec<&str> = words.iter().map(|word| &bare[word.clone()]).collect();
            for (index, range) in in_words(&texts) {
                let from = start + words[index].start;
                found.push(from + range.start..from + range.end);
            }
        }
        start += line.len();
    }
    found
}

/// The secret parts of a command line's words.
pub(super) fn in_words(words: &[&str]) -> Vec<(usize, Range<usize>)> {
    let mut found = users(words);
    // A line of `.netrc`.
    let netrc = words.windows(4).position(|words| words[0] == "login" && words[2] == "password");
    found.extend(netrc.map(|at| (at + 3, 0..words[at + 3].len())));
    for (at, word) in words.iter().enumerate() {
        let name = word.rsplit(['/', '\\', '(', '`']).next().unwrap_or_default();
        let end = words[at + 1..].iter().position(|word| ["|", ";", "&&", "||", "&"].contains(word));
        let arguments = at + 1..end.map_or(words.len(), |end| at + 1 + end);
        for (_, option, form) in
            RULES.iter().filter(|(programs, _, _)| programs.iter().any(|program| is(name, program)))
        {
            let needs_login = *option == "-p" && LOGIN.iter().any(|program| is(name, program));
            if !needs_login || words[arguments.clone()].contains(&"login") {
                found.extend(of_option(words, arguments.clone(), option, *form));
            }
        }
    }
    found
}

/// Whether a program's name is this one, or one of its family: `mysqldump`, `mariadb-admin`, `ldapsearch`.
fn is(name: &str, program: &str) -> bool {
    const FAMILIES: [&str; 4] = ["mysql", "mariadb", "mongo", "ldap"];
    let family = FAMILIES.contains(&program) && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    name == program || (family && name.starts_with(program) && !name.ends_with('d'))
}

fn of_option(words: &[&str], arguments: Range<usize>, option: &str, form: Form) -> Vec<(usize, Range<usize>)> {
    let mut found = Vec::new();
    for at in arguments.clone().filter(|at| words[*at].starts_with(option)) {
        let rest = &words[at][option.len()..];
        let is_next = rest.is_empty() && at + 1 < arguments.end;
        let attached = option.len() + usize::from(rest.starts_with('='));
        let secret = match form {
            Attached => Some((at, attached)),
            Either if is_next => Some((at + 1, 0)),
            Either => Some((at, attached)),
            AfterColon | AfterPercent => {
                let (index, from) = if is_next { (at + 1, 0) } else { (at, attached) };
                let sign = if form == AfterColon { ':' } else { '%' };
                words[index][from..].find(sign).map(|colon| (index, from + colon + 1))
            }
            Last if rest.is_empty() => Some((arguments.end - 1, 0)).filter(|(last, _)| *last > at),
            Last => None,
        };
        let secret = secret.map(|(index, from)| (index, from..words[index].len()));
        // A single dash of two letters would be another option: `mysql -proot` is one, `7z -pdf` cannot be told apart.
        found.extend(
            secret.filter(|(index, range)| !range.is_empty() && !words[*index][range.clone()].starts_with("--")),
        );
    }
    found
}

/// `-u user:password` of any program; `1000:1000` and `nobody:nogroup` are users and groups.
fn users(words: &[&str]) -> Vec<(usize, Range<usize>)> {
    let of = |(at, word): (usize, &&str)| {
        let (option, attached) = word.split_once('=').map_or((*word, None), |(option, value)| (option, Some(value)));
        let value = USERS.contains(&option).then(|| attached.or_else(|| words.get(at + 1).copied()))??;
        let index = if attached.is_some() { at } else { at + 1 };
        let (user, password) = value.split_once(':')?;
        let is_group =
            password.bytes().all(|byte| byte.is_ascii_digit()) || password == user || GROUPS.contains(&password);
        (!user.is_empty() && !is_group).then(|| (index, words[index].len() - password.len()..words[index].len()))
    };
    words.iter().enumerate().filter_map(of).collect()
}

/// The words of a line, without the quotes around them.
fn split(line: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut at = 0;
    while at < line.len() {
        at += length(&line[at..], char::is_whitespace);
        let rest = &line[at..];
        let Some(first) = rest.chars().next() else { break };
        let word = match first {
            '"' | '\'' => match rest[1..].find(first) {
                Some(end) => at + 1..at + 1 + end,
                None => at + 1..at + 1 + length(&rest[1..], |letter| !letter.is_whitespace()),
            },
            _ => at..at + length(rest, |letter| !letter.is_whitespace()),
        };
        at = word.end + usize::from(line[word.end..].starts_with(['"', '\'']));
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_programs_are_found() {
        for (text, expected) in [
            ("mysql -u root -phunter2 web", "hunter2"),
            ("2026 INFO + /usr/bin/mysqldump -phunter2 --all", "hunter2"),
            ("mysql -u root -p web", ""),
            ("mysqld -pid 3", ""),
            ("mkdir -p /srv; docker run -p 80:80 x; psql -p 5432; ssh -p 22 h; redis-cli -p 6379", ""),
            ("docker login -u me -p hunter2 host", "hunter2"),
            ("redis-cli -h x -a hunter2 get y", "hunter2"),
            ("curl -u me:hunter2 https://host", "hunter2"),
            ("curl -ume:hunter2 https://host", "hunter2"),
            ("curl --user 'me:hunter 2' x", "hunter 2"),
            ("curl --proxy-user=me:hunter2 x", "hunter2"),
            ("server --user me:hunter2", "hunter2"),
            ("docker run --user 1000:1000 -u nobody:nogroup x", ""),
            ("ldapsearch -x -w hunter2 -b dc=x", "hunter2"),
            ("smbclient //h/s -U me%hunter2", "hunter2"),
            ("htpasswd -b file me hunter2", "hunter2"),
            ("7z a -phunter2 x.7z", "hunter2"),
            ("sshpass -p hunter2 ssh h | mysql -pother", "hunter2|other"),
            ("rabbitmqctl add_user me hunter2", "hunter2"),
            ("  db:5432:web:me:hunter2", "hunter2"),
        ] {
            let mut found: Vec<&str> = find(text).into_iter().map(|range| &text[range]).collect();
            found.dedup();
            assert_eq!(found.join("|"), expected, "{text}");
        }
    }
}
