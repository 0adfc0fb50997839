//! Runs one test in one container.

use tierce_builders::container::context::Context;
use tierce_manifest::{ImageSpec, TestRun, TestSpec};
use tierce_store::Error;

use crate::container::{Engine, Program, TestContainer, start_problem};
use crate::input::input_bytes;
use crate::output::Output;
use crate::service::Service;
use crate::{expect, files};

/// A test that has run.
#[derive(Default)]
pub(crate) struct Trial {
    /// The differences from the expected result, one per line.
    pub(crate) problems: Vec<String>,
    /// The container's output.
    pub(crate) output: Output,
}

impl Trial {
    /// Runs a container of the image, and removes it even if the test fails.
    pub(crate) fn run(
        engine: &dyn Engine,
        context: &Context<'_>,
        image: &ImageSpec,
        test: &TestSpec,
    ) -> Result<Trial, Error> {
        let container = engine.create(context, image, test)?;
        let mut trial = Trial::default();
        let ran = match &test.run {
            TestRun::Command { stdin, exit_code } => {
                let input = stdin.as_ref().map(input_bytes).transpose()?;
                trial.command(&*container, test, input, *exit_code)
            }
            TestRun::Service(service) => {
                let interrupted = &context.workspace.options.interrupted;
                let service = Service { container: &*container, test, service, interrupted };
                service.run().map(|problems| trial.problems = problems)
            }
        };
        match ran {
            Ok(()) => trial.output = container.output()?,
            // A missing program is a failed test, not an error of the run.
            Err(error) => match start_problem(&error) {
                Some(problem) => trial.problems.push(format!("{} {problem}", Program::of(image, test).title())),
                None => return Err(error),
            },
        }
        for (name, expected, came) in
            [("stdout", &test.stdout, &trial.output.stdout), ("stderr", &test.stderr, &trial.output.stderr)]
        {
            trial.problems.extend(expected.iter().flat_map(|expected| expect::text(name, expected, came)));
        }
        container.remove()?;
        Ok(trial)
    }

    fn command(
        &mut self,
        container: &dyn TestContainer,
        test: &TestSpec,
        input: Option<Vec<u8>>,
        expected: u8,
    ) -> Result<(), Error> {
        let Some(exit) = container.run(input, test.timeout)? else {
            self.problems.push(format!("it did not end within {}, and was killed", expect::seconds(test.timeout)));
            return Ok(());
        };
        let problem = expect::exit(exit, Some(expected), test.memory);
        // A sandbox without memory may have ended with its files, and this problem says enough.
        let has_files = problem.is_none() || !exit.oom_killed;
        self.problems.extend(problem);
        for file in test.files.iter().filter(|_| has_files) {
            self.problems.extend(files::look(container, file)?);
        }
        Ok(())
    }
}
