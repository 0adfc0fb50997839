//! Chooses which steps of a plan run, and in which order. It knows steps only by [`Perform`](run::Perform).

pub mod forecast;
pub mod run;
