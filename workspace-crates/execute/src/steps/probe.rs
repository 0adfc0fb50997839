//! The probe of health checks: compiled by the builder from a source of the library, into a file that needs nothing.

use std::io::Write;

use tierce_docker::{ContainerSpec, Input, OutputStream};
use tierce_plan::{Outcome, Program};

use crate::executor::{Executor, builder_of};
use crate::run::Inputs;
use crate::{Error, facts, files};

/// System calls of two processors, and nothing else.
pub(crate) const SOURCE: &str = include_str!("../probe/probe.c");
/// How it is compiled.
pub(crate) const BUILD_SH: &str = include_str!("../probe/build.sh");

/// Digest of all that the probe is made of besides the compiler.
pub(crate) fn digest() -> String {
    facts::digest_of(&[SOURCE, BUILD_SH])
}

impl Executor<'_> {
    /// Compiles the probe into the cache.
    pub(crate) fn build_probe(&self, inputs: &Inputs) -> Result<Outcome, Error> {
        let docker = self.docker()?;
        let container = ContainerSpec {
            entrypoint: Some(vec!["sh".into(), "-c".into(), BUILD_SH.into()]),
            user: Some("0:0".into()),
            ..self.builder_container(builder_of(inputs)?, "probe", Vec::new())
        };
        let (mut binary, mut said) = (Vec::new(), Vec::new());
        let exit = docker.run(&container, Input::bytes(SOURCE), &mut |stream, bytes| match stream {
            OutputStream::Stdout => binary.extend_from_slice(bytes),
            OutputStream::Stderr => said.extend_from_slice(bytes),
        })?;
        if !exit.success() || !binary.starts_with(b"\x7fELF") {
            let lines = String::from_utf8_lossy(&said).lines().map(str::to_owned).collect();
            return Err(Error::Builder {
                what: "compile the probe of the health check".into(),
                code: exit.code,
                lines,
            });
        }
        let (sha256, size) = files::sha256_of_reader(binary.as_slice())
            .map_err(|error| Error::file("read", "the probe".as_ref(), error))?;
        let blob = self.session.places.blob(&sha256);
        files::write_with(&blob, |file| file.write_all(&binary).map_err(|error| Error::file("write", &blob, error)))?;
        Ok(Outcome::Probe(Program { name: "tierce-probe".into(), sha256, size, build_id: None }))
    }
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod tests;
