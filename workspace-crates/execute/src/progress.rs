//! What a run tells while it goes on. The command line turns it into bars or lines.

use std::time::Duration;

use tierce_plan::{LockChange, StepId, TestResult};

/// Receives events, from several threads.
pub type Observer<'a> = dyn Fn(Event) + Sync + 'a;

/// Something that happened during a run.
#[derive(Clone, Debug)]
pub enum Event {
    /// A step has started.
    Started {
        /// Which.
        step: StepId,
        /// What it does, in a few words.
        title: String,
        /// Why it runs.
        cause: String,
        /// The steps that had to be done before.
        inputs: Vec<StepId>,
    },
    /// A step has got further.
    Progress {
        /// Which.
        step: StepId,
        /// Units that are done.
        done: u64,
        /// Units in all, where that is known.
        total: Option<u64>,
        /// What the units are.
        unit: Unit,
        /// What is at work now: a package, a file.
        current: String,
    },
    /// A part of a step is done, with a name and a time of its own: a package, say.
    Part {
        /// Of which step.
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
        /// What came of it.
        result: TestResult,
    },
    /// Output of a program that speaks to the user itself, as cargo does, in whole lines; passed on as it is.
    Output {
        /// The bytes, with their colours.
        bytes: Vec<u8>,
    },
    /// A step is done.
    Finished {
        /// Which.
        step: StepId,
        /// How long it took.
        took: Duration,
        /// What it came to, in a few words.
        summary: String,
    },
    /// A resolution has come to something else than the lock of before.
    LockChanged {
        /// What is different.
        change: LockChange,
    },
    /// A step's earlier result serves, or nothing needs it.
    Fresh {
        /// Which.
        step: StepId,
    },
    /// Another run holds what this one needs.
    Waiting {
        /// What is waited for.
        what: String,
    },
    /// Something that the user should know and that stops nothing.
    Warning {
        /// One line.
        message: String,
    },
}

/// What a progress counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes of a transfer.
    Bytes,
    /// Packages.
    Packages,
    /// Tests of an image.
    Tests,
}

/// Makes whole lines of output that arrives in pieces, so that what is shown beside it does not tear them.
#[derive(Default)]
pub(crate) struct WholeLines {
    rest: Vec<u8>,
}

impl WholeLines {
    /// The lines that these bytes complete.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        self.rest.extend_from_slice(bytes);
        let end = self.rest.iter().rposition(|byte| *byte == b'\n')? + 1;
        let rest = self.rest.split_off(end);
        Some(std::mem::replace(&mut self.rest, rest))
    }

    /// What was left without an end, which it gets.
    pub(crate) fn finish(self) -> Option<Vec<u8>> {
        let mut rest = self.rest;
        (!rest.is_empty()).then(|| {
            rest.push(b'\n');
            rest
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_whole_lines() {
        let mut lines = WholeLines::default();
        assert_eq!(lines.push(b"   Compi"), None);
        assert_eq!(lines.push(b"ling hello\n").as_deref(), Some(&b"   Compiling hello\n"[..]));
        assert_eq!(lines.push(b"a\nb\nc").as_deref(), Some(&b"a\nb\n"[..]));
        assert_eq!(lines.finish().as_deref(), Some(&b"c\n"[..]));
        assert_eq!(WholeLines::default().finish(), None);
    }
}
