//! The probe of health checks: the builder compiles it from Tierce's source into a static program.

use std::io::Write;

use tierce_builders::container::context::Context;
use tierce_builders::container::inputs::Inputs;
use tierce_builders::container::opening::{Opening, Stream};
use tierce_plan::{Outcome, Program};
use tierce_store::{Error, files};

use crate::gather::recipes::{BUILD_SH, SOURCE};

/// Compiles the probe into the cache.
pub(super) fn build_probe(context: &Context<'_>, inputs: &Inputs) -> Result<Outcome, Error> {
    let container = Opening {
        program: vec!["sh".into(), "-c".into(), BUILD_SH.into()],
        ..context.opening(inputs.builder()?, "probe", Vec::new())
    };
    let (mut binary, mut messages) = (Vec::new(), Vec::new());
    let exit = context.run(&container, SOURCE.as_bytes(), &mut |stream, bytes| match stream {
        Stream::Stdout => tierce_bounded::add_answer(&mut binary, bytes),
        Stream::Stderr => tierce_bounded::add_answer(&mut messages, bytes),
    })?;
    if exit != 0 || !binary.starts_with(b"\x7fELF") {
        let lines: Vec<String> = String::from_utf8_lossy(&messages).lines().map(str::to_owned).collect();
        return Err(Error::builder("compile the probe of the health check", exit, &lines));
    }
    let (sha256, size) =
        files::sha256_of_reader(binary.as_slice()).map_err(|error| Error::file("read", "the probe".as_ref(), error))?;
    let blob = context.workspace.paths.blob(&sha256);
    files::write_with(&blob, |file| file.write_all(&binary).map_err(|error| Error::file("write", &blob, error)))?;
    Ok(Outcome::Probe(Program { name: "tierce-probe".into(), sha256, size, build_id: None }))
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod tests;
