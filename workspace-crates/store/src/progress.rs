//! The progress of a run. The command line turns it into bars or lines.

use std::time::Duration;

use tierce_plan::{LockChange, StepId, TestResult};

/// Receives events, from several threads.
pub type Observer<'a> = dyn Fn(Event) + Sync + 'a;

/// An event of a run.
#[derive(Clone, Debug)]
pub enum Event {
    /// A step has started.
    Started {
        /// The step.
        step: StepId,
        /// Its work, in a few words.
        title: String,
        /// Why it runs.
        cause: String,
        /// The steps that it came after.
        inputs: Vec<StepId>,
    },
    /// A step has got further.
    Progress {
        /// The step.
        step: StepId,
        /// Finished units.
        done: u64,
        /// All units, where their number is known.
        total: Option<u64>,
        /// The kind of unit.
        unit: Unit,
        /// The current package or file.
        current: String,
    },
    /// A package that emerge compiles wrote a line of its log.
    Log {
        /// The step.
        step: StepId,
        /// The package.
        package: String,
        /// The line, as the package wrote it.
        line: String,
    },
    /// A part of a step is done that has a name and a time, such as a package.
    Part {
        /// The step.
        step: StepId,
        /// The part's name.
        name: String,
        /// How long it took.
        took: Duration,
    },
    /// A test of an image is done.
    Tested {
        /// The image.
        image: String,
        /// The result.
        result: TestResult,
    },
    /// Whole lines of a program that speaks to the user itself, such as cargo; passed on unchanged.
    Output {
        /// The bytes, with their colours.
        bytes: Vec<u8>,
    },
    /// A step is done.
    Finished {
        /// The step.
        step: StepId,
        /// How long it took.
        took: Duration,
        /// Its result, in a few words.
        summary: String,
    },
    /// A resolution differs from Tierce.lock.
    LockChanged {
        /// The difference.
        change: LockChange,
    },
    /// A step's earlier result serves, or no step that runs needs it.
    Fresh {
        /// The step.
        step: StepId,
    },
    /// This run waits for another one.
    Waiting {
        /// The thing that the other run holds.
        what: String,
    },
    /// A warning.
    Warning {
        /// One line.
        message: String,
    },
}

/// The unit of a progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes of a transfer.
    Bytes,
    /// Packages.
    Packages,
    /// Tests of an image.
    Tests,
}
