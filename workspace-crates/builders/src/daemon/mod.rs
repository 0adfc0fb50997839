//! Ownership in the daemon: labels, owners, leftovers of killed runs, and uses of ROOTs.

pub mod debug_sessions;
pub mod labels;
pub mod leftovers;
pub mod pending;
pub mod root_uses;
pub(crate) mod sight;
