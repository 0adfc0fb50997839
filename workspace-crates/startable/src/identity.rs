//! The numbers of an image's user, as engines find them in its /etc/passwd and /etc/group.

use std::collections::BTreeSet;

/// The user that a container's program runs as.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The user's number.
    pub uid: u32,
    /// The number of the group.
    pub gid: u32,
    /// The numbers of the further groups. Engines add them only to a user without a stated group.
    pub groups: BTreeSet<u32>,
}

/// The account files of an image.
#[derive(Clone, Debug, Default)]
pub struct AccountTexts {
    /// /etc/passwd
    pub passwd: String,
    /// /etc/group
    pub group: String,
}

/// A name that the account files lack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnknownName {
    /// A user.
    User(String),
    /// A group.
    Group(String),
}

impl Identity {
    /// Whether it may read and enter everything: containers have `CAP_DAC_OVERRIDE` by default.
    pub fn is_root(&self) -> bool {
        self.uid == 0
    }
}

impl AccountTexts {
    /// Resolves `USER` or `USER:GROUP`, each a name or a number, as Docker and containerd do. No user means root.
    pub fn identity(&self, user: Option<&str>) -> Result<Identity, UnknownName> {
        let text = user.filter(|user| !user.is_empty()).unwrap_or("0");
        let (user, stated) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
            None => (text, None),
        };
        let number = user.parse::<u32>().ok();
        let is_user = |entry: &Entry<'_>| entry.name == user || (number.is_some() && entry.number == number);
        let line = entries(&self.passwd).find(is_user);
        let uid = line.as_ref().and_then(|line| line.number).or(number);
        let uid = uid.ok_or_else(|| UnknownName::User(user.to_owned()))?;
        let own_group = line.as_ref().and_then(|line| line.rest.split(':').next()?.parse().ok()).unwrap_or(0);
        if let Some(stated) = stated {
            return Ok(Identity { uid, gid: self.group_number(stated)?, groups: BTreeSet::new() });
        }
        let name = line.map_or("", |line| line.name);
        let is_member = |entry: &Entry<'_>| !name.is_empty() && entry.rest.split(',').any(|member| member == name);
        let groups = entries(&self.group).filter(is_member).filter_map(|entry| entry.number);
        Ok(Identity { uid, gid: own_group, groups: groups.collect() })
    }

    /// Returns a user in numbers, as an image's config names it: without the group if that is the user's own and the user has
    /// further groups, because engines add those only then.
    pub fn numbers(&self, user: &str) -> Result<String, UnknownName> {
        let stated = self.identity(Some(user))?;
        let alone = self.identity(user.split(':').next())?;
        match alone.groups.is_empty() || alone.gid != stated.gid {
            true => Ok(format!("{}:{}", stated.uid, stated.gid)),
            false => Ok(stated.uid.to_string()),
        }
    }

    /// Returns the further groups that a user lacks because another group than the user's own is stated.
    pub fn lost_groups(&self, user: &str) -> BTreeSet<u32> {
        match (self.identity(Some(user)), self.identity(user.split(':').next())) {
            (Ok(stated), Ok(mut alone)) if alone.gid != stated.gid => {
                alone.groups.remove(&stated.gid);
                alone.groups
            }
            _ => BTreeSet::new(),
        }
    }

    /// Returns the number of a group.
    fn group_number(&self, group: &str) -> Result<u32, UnknownName> {
        let number = group.parse::<u32>().ok();
        let named = entries(&self.group).find(|entry| entry.name == group).and_then(|entry| entry.number);
        named.or(number).ok_or_else(|| UnknownName::Group(group.to_owned()))
    }
}

/// A line of an account file.
struct Entry<'a> {
    name: &'a str,
    number: Option<u32>,
    /// The fields after the number.
    rest: &'a str,
}

fn entries(text: &str) -> impl Iterator<Item = Entry<'_>> {
    text.lines().filter_map(|line| {
        let mut fields = line.trim_end().splitn(4, ':');
        let (name, _password, number) = (fields.next()?, fields.next()?, fields.next()?);
        Some(Entry { name, number: number.parse().ok(), rest: fields.next().unwrap_or_default() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_resolves_as_in_engines() {
        let texts = AccountTexts {
            passwd: "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65533:nobody:/:/x\nweb:x:7:8::/:\n# no entry\n"
                .into(),
            group: "root:x:0:\nnogroup:x:65533:\nmedia:x:33:web,nobody\nvideo:x:44:web\n".into(),
        };
        let of = |uid, gid, groups: &[u32]| Ok(Identity { uid, gid, groups: groups.iter().copied().collect() });
        for (user, expected) in [
            (None, of(0, 0, &[])),
            (Some(""), of(0, 0, &[])),
            (Some("nobody"), of(65534, 65533, &[33])),
            (Some("web"), of(7, 8, &[33, 44])),
            (Some("7"), of(7, 8, &[33, 44])),
            // A stated group excludes the further ones.
            (Some("7:8"), of(7, 8, &[])),
            (Some("web:media"), of(7, 33, &[])),
            (Some("web:99"), of(7, 99, &[])),
            (Some("web:"), of(7, 8, &[33, 44])),
            (Some("1000"), of(1000, 0, &[])),
            (Some("1000:1001"), of(1000, 1001, &[])),
            (Some("postgres"), Err(UnknownName::User("postgres".into()))),
            (Some("web:wheel"), Err(UnknownName::Group("wheel".into()))),
        ] {
            assert_eq!(texts.identity(user), expected, "{user:?}");
        }
        for (user, expected) in [
            ("nobody", "65534"),
            ("nobody:nogroup", "65534"),
            ("7:8", "7"),
            ("web:media", "7:33"),
            ("root", "0:0"),
            ("1000:1000", "1000:1000"),
        ] {
            assert_eq!(texts.numbers(user).as_deref(), Ok(expected), "{user}");
        }
        assert_eq!(texts.numbers("web:wheel"), Err(UnknownName::Group("wheel".into())));
        let lost = |user: &str| texts.lost_groups(user).into_iter().collect::<Vec<_>>();
        assert_eq!(
            (lost("web:media"), lost("web:99"), lost("web"), lost("7:8")),
            (vec![44], vec![33, 44], vec![], vec![])
        );
        assert_eq!(AccountTexts::default().identity(Some("5:6")), of(5, 6, &[]));
    }
}
