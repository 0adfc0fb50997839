//! Users and groups of an image.

use crate::{
    place::Located,
    values::{AccountName, ImagePath},
};

/// The users and groups that an image's tables declare: each name once, each number once, none of them root's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountsSpec {
    /// The users.
    pub users: Vec<UserSpec>,
    /// The groups, with those that users bring.
    pub groups: Vec<GroupSpec>,
}

impl AccountsSpec {
    /// Whether nothing is declared.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty()
    }
}

/// A line of /etc/passwd. No field has a colon or a control character in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSpec {
    /// The name.
    pub name: Located<AccountName>,
    /// The number.
    pub uid: u32,
    /// The number of the user's own group.
    pub gid: u32,
    /// What the user is for.
    pub comment: String,
    /// The home folder, which need not be there.
    pub home: ImagePath,
    /// The program of a login, which need not be there.
    pub shell: ImagePath,
}

/// A line of /etc/group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSpec {
    /// The name. Where the group is a user's and no item of `groups`, the place is the user's.
    pub name: Located<AccountName>,
    /// The number.
    pub gid: u32,
    /// Users of the image, each once.
    pub members: Vec<AccountName>,
}
