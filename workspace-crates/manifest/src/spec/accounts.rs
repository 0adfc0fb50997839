//! Users and groups of an image.

use crate::{
    place::Located,
    values::{AccountName, ImagePath},
};

/// The users and groups that an image's tables declare. Each name and each number appears once; root is not one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountsSpec {
    /// The users.
    pub users: Vec<UserSpec>,
    /// The groups, including those that users imply.
    pub groups: Vec<GroupSpec>,
}

impl AccountsSpec {
    /// Returns whether the tables declare no users and groups.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty()
    }
}

/// A line of /etc/passwd. No field contains a colon or a control character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSpec {
    /// The name.
    pub name: Located<AccountName>,
    /// The number.
    pub uid: u32,
    /// The number of the user's own group.
    pub gid: u32,
    /// A description of the user.
    pub comment: String,
    /// The home folder, which need not exist.
    pub home: ImagePath,
    /// The login program, which need not exist.
    pub shell: ImagePath,
}

/// A line of /etc/group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSpec {
    /// The name. A group that a user implies has the user's place.
    pub name: Located<AccountName>,
    /// The number.
    pub gid: u32,
    /// Users of the image, each once.
    pub members: Vec<AccountName>,
}
