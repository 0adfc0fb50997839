//! Reads users and groups, and the names that refer to them in other keys.

use super::Report;
use crate::{
    error::{Fault, nearest},
    node::{Layers, Node},
    place::Located,
    spec::{AccountsSpec, GroupSpec, UserSpec},
    values::{AccountName, ImagePath, RunUser, UserGroup},
};

/// The path of `nologin` in most distributions.
const NO_LOGIN: &str = "/sbin/nologin";

/// Reads the users and groups of all tables. The strongest table's entry of a name wins.
pub(super) fn read_accounts(layers: Layers<'_>, report: &mut Report) -> AccountsSpec {
    let mut groups = Vec::new();
    for (item, name) in named_items(layers, "groups", report) {
        let Some(gid) = number(item, "gid", report) else { continue };
        groups.push((item, GroupSpec { name, gid, members: Vec::new() }));
    }
    let mut users: Vec<(Node<'_>, UserSpec)> = Vec::new();
    let declared: Vec<GroupSpec> = groups.iter().map(|(_, group)| group.clone()).collect();
    let mut brought: Vec<GroupSpec> = Vec::new();
    for (item, name) in named_items(layers, "users", report) {
        let Some(uid) = number(item, "uid", report) else { continue };
        let own = || declared.iter().find(|group| group.name.value == name.value).map(|group| group.gid);
        let gid = match item.field("group").and_then(|group| group.text_or_integer()) {
            Some(group) => group_number(&group, &declared, report),
            None => own().or_else(|| {
                brought.push(GroupSpec { name: name.clone(), gid: uid, members: Vec::new() });
                Some(uid)
            }),
        };
        if let Some(user) = read_user(item, name, uid, gid, report) {
            users.push((item, user));
        }
    }
    for (item, group) in &mut groups {
        group.members = read_members(*item, &users, report);
    }
    let users: Vec<UserSpec> = users.into_iter().map(|(_, user)| user).collect();
    let groups: Vec<GroupSpec> = groups.into_iter().map(|(_, group)| group).chain(brought).collect();
    refuse_equal_numbers("users", users.iter().map(|user| (&user.name, user.uid)), report);
    refuse_equal_numbers("groups", groups.iter().map(|group| (&group.name, group.gid)), report);
    AccountsSpec { users, groups }
}

/// Returns the named items of all tables; the strongest table's item of a name wins. Refuses repeated names in one table.
fn named_items<'t>(layers: Layers<'t>, key: &str, report: &mut Report) -> Vec<(Node<'t>, Located<AccountName>)> {
    let mut merged: Vec<(Node<'t>, Located<AccountName>)> = Vec::new();
    for list in layers.all(key) {
        let mut own: Vec<(Node<'t>, Located<AccountName>)> = Vec::new();
        for item in list.items() {
            let Some(name) = item.field("name").and_then(|name| name.text()) else { continue };
            let Some(name) = report.parse::<AccountName>(name) else { continue };
            if name.value.as_str() == "root" {
                let fault = Fault::new(format!("`root` cannot be in `{key}`"), "is there anyhow");
                report.fault(&name.place, fault.help("leave it out: every image's root has the number 0"));
                continue;
            }
            match own.iter().find(|(_, earlier)| earlier.value == name.value) {
                None => own.push((item, name)),
                Some((_, earlier)) => {
                    let message = format!("`{}` is in `{key}` twice", name.value);
                    let error = Fault::new(message, "the second time").at(name.place);
                    report.errors().push(error.also(&earlier.place, "the first time"));
                }
            }
        }
        own.retain(|(_, weaker)| merged.iter().all(|(_, stronger)| stronger.value != weaker.value));
        merged.append(&mut own);
    }
    merged
}

/// Reads the number of a user or a group. Refuses 0, which is root's.
fn number(item: Node<'_>, key: &str, report: &mut Report) -> Option<u32> {
    let node = item.field(key)?;
    let integer = node.integer()?;
    let number = u32::try_from(integer).ok().filter(|number| (1..=i32::MAX.unsigned_abs()).contains(number));
    // The check of types already reported a negative number.
    if number.is_none() && integer >= 0 {
        let fault = Fault::new(format!("`{key}` cannot be {integer}"), "out of range");
        report.fault(&node.place(), fault.help("write a number from 1 to 2147483647; 0 is root's"));
    }
    number
}

fn group_number(group: &Located<String>, declared: &[GroupSpec], report: &mut Report) -> Option<u32> {
    if let Ok(UserGroup { gid, .. }) = group.value.parse::<UserGroup>()
        && !group.value.contains(':')
    {
        return Some(gid);
    }
    let found = declared.iter().find(|known| known.name.value.as_str() == group.value);
    if found.is_none() {
        report.fault(&group.place, unknown("group", &group.value, declared.iter().map(|known| &known.name)));
    }
    Some(found?.gid)
}

fn read_user(
    item: Node<'_>,
    name: Located<AccountName>,
    uid: u32,
    gid: Option<u32>,
    report: &mut Report,
) -> Option<UserSpec> {
    let mut path = |key: &str, default: &str| -> Option<ImagePath> {
        let text = match item.field(key) {
            Some(value) => value.text()?,
            None => Located::new(default, item.place()),
        };
        let text = report.checked(text, check_field)?;
        Some(report.parse::<ImagePath>(Located::new(&text.value, text.place.clone()))?.value)
    };
    let (home, shell) = (path("home", "/"), path("shell", NO_LOGIN));
    let comment = match item.field("comment").and_then(|comment| comment.text()) {
        Some(comment) => report.checked(comment, check_field).map(|comment| comment.value),
        None => Some(String::new()),
    };
    Some(UserSpec { name, uid, gid: gid?, comment: comment?, home: home?, shell: shell? })
}

/// Refuses a colon or a control character, which would start another field or another user.
fn check_field(text: &str) -> Result<(), Fault> {
    match text.contains(|character: char| character == ':' || character.is_control()) {
        true => Err(Fault::new(
            format!("`{}` cannot stand in /etc/passwd", text.escape_debug()),
            "has a colon or a control character in it",
        )),
        false => Ok(()),
    }
}

fn read_members(item: Node<'_>, users: &[(Node<'_>, UserSpec)], report: &mut Report) -> Vec<AccountName> {
    let mut members = Vec::new();
    for member in item.field("members").into_iter().flat_map(|members| members.texts()) {
        match users.iter().find(|(_, user)| user.name.value.as_str() == member.value) {
            Some((_, user)) if !members.contains(&user.name.value) => members.push(user.name.value.clone()),
            Some(_) => {}
            None => {
                report.fault(&member.place, unknown("user", member.value, users.iter().map(|(_, user)| &user.name)))
            }
        }
    }
    members
}

fn refuse_equal_numbers<'a>(
    key: &str,
    accounts: impl Iterator<Item = (&'a Located<AccountName>, u32)>,
    report: &mut Report,
) {
    let mut seen: Vec<(&Located<AccountName>, u32)> = Vec::new();
    for (name, number) in accounts {
        if let Some((first, _)) = seen.iter().find(|(_, earlier)| *earlier == number) {
            let message = format!("two of `{key}` have the number {number}: `{}` and `{}`", first.value, name.value);
            let error = Fault::new(message, "the second one").at(name.place.clone());
            report.errors().push(error.also(&first.place, "the first one"));
        }
        seen.push((name, number));
    }
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a Located<AccountName>>) -> Fault {
    let known: Vec<&str> = known.map(|name| name.value.as_str()).collect();
    let fault = Fault::new(format!("there is no {what} `{}`", name.escape_debug()), format!("no such {what}"));
    let fault = fault.help(format!("declare it in `{what}s`, or write a number"));
    fault.suggest(name, known)
}

/// Reads an owner or user, `USER` or `USER:GROUP`, each a number or a declared name.
pub(super) fn read_owner(
    text: Located<String>,
    accounts: &AccountsSpec,
    report: &mut Report,
) -> Option<Located<UserGroup>> {
    let place = text.place.clone();
    let owner = resolve(&text.value, accounts);
    report.keep(place, owner)
}

/// Reads the user of a program: as an owner, or a name that the image's account files may define.
pub(super) fn read_run_user(
    text: Located<String>,
    accounts: &AccountsSpec,
    report: &mut Report,
) -> Option<Located<RunUser>> {
    let Located { value, place } = text;
    let user = match (resolve(&value, accounts), value.as_str()) {
        (Ok(numbers), _) => Ok(RunUser::Numbers(numbers)),
        // Every system knows this one.
        (Err(_), "root" | "root:root") => Ok(RunUser::Numbers(UserGroup::ROOT)),
        (Err(fault), _) if is_mistyped(&value, accounts) || !is_account(&value) => Err(fault),
        (Err(_), _) => Ok(RunUser::Names(value)),
    };
    report.keep(place, user)
}

/// Whether a text is `USER` or `USER:GROUP`, each a number or a name.
fn is_account(text: &str) -> bool {
    let is_part = |part: &str| part.parse::<AccountName>().is_ok() || part.parse::<UserGroup>().is_ok();
    let (user, group) = text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
    is_part(user) && group.is_none_or(|group| is_part(group) && !group.contains(':'))
}

/// Whether a part of `USER:GROUP` resembles a declared name that it is not.
fn is_mistyped(text: &str, accounts: &AccountsSpec) -> bool {
    let users: Vec<&str> = accounts.users.iter().map(|known| known.name.value.as_str()).collect();
    let groups: Vec<&str> = accounts.groups.iter().map(|known| known.name.value.as_str()).collect();
    let resembles = |part: &str, known: &[&str]| !known.contains(&part) && nearest(part, known).is_some();
    let (user, group) = text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
    resembles(user, &users) || group.is_some_and(|group| resembles(group, &groups))
}

fn resolve(text: &str, accounts: &AccountsSpec) -> Result<UserGroup, Fault> {
    let numbers = text.parse::<UserGroup>();
    if numbers.is_ok() || accounts.is_empty() {
        return numbers;
    }
    let (user, group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    };
    let number = |text: &str| text.parse::<UserGroup>().ok().filter(|_| !text.contains(':')).map(|both| both.uid);
    let declared = accounts.users.iter().find(|known| known.name.value.as_str() == user);
    let uid = match (number(user), declared) {
        (Some(uid), _) => uid,
        (None, Some(user)) => user.uid,
        (None, None) if user == "root" => 0,
        (None, None) => return Err(unknown("user", user, accounts.users.iter().map(|known| &known.name))),
    };
    let gid = match group {
        // A single number is also the group's.
        None => declared.map_or(uid, |user| user.gid),
        Some("root") => 0,
        Some(group) => match number(group) {
            Some(gid) => gid,
            None => {
                let found = accounts.groups.iter().find(|known| known.name.value.as_str() == group);
                let known = accounts.groups.iter().map(|known| &known.name);
                found.map(|known| known.gid).ok_or_else(|| unknown("group", group, known))?
            }
        },
    };
    Ok(UserGroup { uid, gid })
}
