//! The engine of a run, and the builders that it opens.

use tierce_plan::Builder;
use tierce_store::Error;

use crate::container::builder_engine::{BuilderEngine, OpenBuilder, Output};
use crate::container::context::Context;
use crate::container::daemon_engine::DaemonEngine;
use crate::container::opening::{Interaction, Opening};
use crate::container::sandbox_engine::SandboxEngine;
use crate::workspace::engine_choice::Engine;

impl<'a> Context<'a> {
    /// Returns the engine of this run.
    pub fn engine(&self) -> Result<Box<dyn BuilderEngine + 'a>, Error> {
        Ok(match &self.workspace.engine {
            Engine::Daemon => Box::new(DaemonEngine { context: *self, docker: self.workspace.docker()? }),
            Engine::Sandbox(store) => Box::new(SandboxEngine { store: store.clone() }),
        })
    }

    /// Opens a builder. See [`BuilderEngine::open`].
    pub fn open(&self, opening: &Opening) -> Result<Box<dyn OpenBuilder>, Error> {
        self.engine()?.open(opening)
    }

    /// Opens a builder, runs its program to the end and removes it. See [`OpenBuilder::run`].
    pub fn run(&self, opening: &Opening, input: &[u8], output: &mut Output<'_>) -> Result<i32, Error> {
        let interaction = if input.is_empty() { Interaction::None } else { Interaction::Pipe };
        let opened = self.open(&Opening { interaction, ..opening.clone() })?;
        let code = opened.run(input, output)?;
        opened.remove()?;
        Ok(code)
    }

    /// Whether the engine of this run has a builder's root.
    pub fn has_builder(&self, builder: &Builder) -> Result<bool, Error> {
        let engine = self.engine()?;
        Ok(engine.id()? == builder.daemon && engine.find_root(&builder.image)?.is_some())
    }
}
