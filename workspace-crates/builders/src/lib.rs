//! Builders: the containers in which packages, hooks and programs run, and the choice of the steps that run in them.
//!
//! The folders are layers, and each imports only those above it in this list: `daemon` (owners in the daemon), `workspace`
//! (tables and options), `container` (a builder's container), `engine` (which steps run).

pub mod container;
pub mod daemon;
pub mod engine;
pub mod workspace;
