//! Work on files of a root from inside, where its users have their numbers: packing, unpacking, removing.

mod pack;
mod remove;
mod unpack;
mod whiteouts;

pub(crate) use pack::pack;
pub(crate) use remove::remove;
pub(crate) use unpack::unpack;

/// The only extended attribute that archives of roots have: the capabilities of a program, capabilities(7).
const CAPABILITIES: &str = "security.capability";
/// Its name in a header of an archive, pax(5).
const PAX_CAPABILITIES: &str = "SCHILY.xattr.security.capability";
