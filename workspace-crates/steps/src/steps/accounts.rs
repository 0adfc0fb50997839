//! The user and group files of an image: the entries of ROOT and the base, plus the table's `users` and `groups`.

use tierce_manifest::{AccountName, AccountsSpec, Located};
use tierce_store::Error;

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";
/// The entries of an image whose ROOT has no account files.
const ROOT_USER: &str = "root:x:0:0:root:/root:/sbin/nologin\n";
const ROOT_GROUP: &str = "root:x:0:\n";

/// An entry that the table declares.
struct Line<'a> {
    name: &'a Located<AccountName>,
    number: u32,
    text: String,
}

/// Returns the new `/etc/passwd` and `/etc/group`. `of_root` reads a file of ROOT, or `None` if ROOT lacks it.
///
/// # Errors
/// Fails with the line of the table if a declared name or number conflicts with an existing entry. Returns errors of `of_root`.
pub(super) fn files(
    accounts: &AccountsSpec,
    mut of_root: impl FnMut(&str) -> Result<Option<String>, Error>,
) -> Result<[(&'static str, String); 2], Error> {
    // No password matches `!`, so an image needs no /etc/shadow.
    let users = accounts.users.iter().map(|user| {
        let (name, home, shell) = (&user.name.value, &user.home, &user.shell);
        let text = format!("{name}:!:{}:{}:{}:{home}:{shell}\n", user.uid, user.gid, user.comment);
        Line { name: &user.name, number: user.uid, text }
    });
    let groups = accounts.groups.iter().map(|group| {
        let members: Vec<&str> = group.members.iter().map(AccountName::as_str).collect();
        let text = format!("{}:!:{}:{}\n", group.name.value, group.gid, members.join(","));
        Line { name: &group.name, number: group.gid, text }
    });
    let before = of_root(PASSWD)?;
    let passwd = with_lines("user", before.as_deref().unwrap_or(ROOT_USER), users.collect())?;
    let before = of_root(GROUP)?;
    let group = with_lines("group", before.as_deref().unwrap_or(ROOT_GROUP), groups.collect())?;
    Ok([(PASSWD, passwd), (GROUP, group)])
}

/// Appends the lines of `others` whose name and number are both free in `text`.
pub(super) fn with_others(text: &str, others: &str) -> String {
    let fields = |line: &str| -> Option<(String, String)> {
        let mut fields = line.split(':');
        Some((fields.next()?.to_owned(), fields.nth(1)?.to_owned()))
    };
    let taken: Vec<_> = text.lines().filter_map(fields).collect();
    let is_free = |line: &&str| {
        fields(line).is_some_and(|(name, number)| taken.iter().all(|other| other.0 != name && other.1 != number))
    };
    let mut merged = text.to_owned();
    for line in others.lines().filter(is_free) {
        if !merged.is_empty() && !merged.ends_with('\n') {
            merged.push('\n');
        }
        merged.push_str(line);
        merged.push('\n');
    }
    merged
}

/// Adds lines to a file. A new line replaces an existing one with the same name and number.
fn with_lines(what: &str, before: &str, lines: Vec<Line<'_>>) -> Result<String, Error> {
    let mut text = String::new();
    for old in before.lines().filter(|line| !line.is_empty()) {
        let mut fields = old.split(':');
        let (name, number) = (fields.next().unwrap_or_default(), fields.nth(1).unwrap_or_default());
        let same = |line: &&Line<'_>| [line.name.value.as_str() == name, line.number.to_string() == number];
        if let Some(line) = lines.iter().find(|line| matches!(same(line), [true, false] | [false, true])) {
            return Err(Error::table(
                &line.name.place,
                format!("there is the {what} `{name}` with the number {number} already"),
            )
            .with_help(format!("give `{}` another name and another number", line.name.value)));
        }
        if !lines.iter().any(|line| same(&line) == [true, true]) {
            text.push_str(old);
            text.push('\n');
        }
    }
    text.extend(lines.iter().map(|line| line.text.as_str()));
    Ok(text)
}

#[cfg(test)]
mod tests {
    use tierce_manifest::{CargoToml, WorkspaceText};

    use super::*;

    fn made(keys: &str, root: [Option<&str>; 2]) -> Result<String, String> {
        let text = format!("[workspace.metadata.images.x]\ncmd = [\"/x\"]\n{keys}");
        let text = CargoToml { path: "Cargo.toml".into(), text: text.into() };
        let spec = tierce_manifest::read(&WorkspaceText { root: text, members: Vec::new() }).expect("a valid table");
        let of_root = |path: &str| Ok(root[usize::from(path == GROUP)].map(str::to_owned));
        let files = files(&spec.images[0].content.accounts, of_root).map_err(|error| error.to_string())?;
        Ok(files.into_iter().map(|(path, text)| format!("{path}\n{text}")).collect())
    }

    const KEYS: &str = "groups = [{ name = \"media\", gid = 33, members = [\"web\", \"job\"] }]\n\
                        users = [{ name = \"web\", uid = 7, comment = \"the web\", home = \"/srv\" }, { name = \"job\", uid = 8, group = 33 }]";

    #[test]
    fn declared_accounts_follow_those_of_root() {
        let expected = "/etc/passwd\n\
                        root:x:0:0:root:/root:/sbin/nologin\n\
                        web:!:7:7:the web:/srv:/sbin/nologin\n\
                        job:!:8:33::/:/sbin/nologin\n\
                        /etc/group\n\
                        root:x:0:\n\
                        media:!:33:web,job\n\
                        web:!:7:\n";
        assert_eq!(made(KEYS, [None, None]).expect("no conflict"), expected);
        // The last line lacks its newline, and the table repeats an existing user.
        let before = [Some("root:x:0:0::/:/bin/sh\nweb:x:7:1::/:\nnobody:x:65534:1::/:/x"), Some("tty:x:5:\n")];
        let expected = "/etc/passwd\n\
                        root:x:0:0::/:/bin/sh\n\
                        nobody:x:65534:1::/:/x\n\
                        web:!:7:7:the web:/srv:/sbin/nologin\n\
                        job:!:8:33::/:/sbin/nologin\n\
                        /etc/group\n\
                        tty:x:5:\n\
                        media:!:33:web,job\n\
                        web:!:7:\n";
        assert_eq!(made(KEYS, before).expect("no conflict"), expected);
    }

    #[test]
    fn free_accounts_follow_those_of_base() {
        let of_base = "root:x:0:0::/:/bin/sh\nkeeper:x:500:500::/data:/bin/sh";
        let root = "root:x:0:0:root:/root:/sbin/nologin\nweb:x:500:7::/:\nkeeper:x:7:7::/:\n+nis\nsql:x:8:8::/:\n";
        let expected = format!("{of_base}\nsql:x:8:8::/:\n");
        for (text, others, expected) in
            [(of_base, root, expected.as_str()), (of_base, "", of_base), ("", "a:x:1:\n", "a:x:1:\n")]
        {
            assert_eq!(with_others(text, others), expected);
        }
    }

    #[test]
    fn taken_name_or_number_is_an_error() {
        for (before, expected) in [
            ([Some("a:x:7:7::/:\n"), None], "there is the user `a` with the number 7 already"),
            ([Some("web:x:9:9::/:\n"), None], "there is the user `web` with the number 9 already"),
            ([None, Some("www:x:33:\n")], "there is the group `www` with the number 33 already"),
            ([None, Some("web:x:70:\n")], "there is the group `web` with the number 70 already"),
        ] {
            assert_eq!(made(KEYS, before), Err(expected.to_owned()));
        }
    }
}
