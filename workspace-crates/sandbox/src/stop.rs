//! The reasons why the parent stops waiting for a sandbox: an interruption, or the end of a time limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::Error;

/// The time between two looks at the reasons.
pub(crate) const LOOK: Duration = Duration::from_millis(50);

/// A rule that says when to stop waiting.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    interrupted: Option<Arc<AtomicBool>>,
    limit: Option<(Instant, Duration)>,
    /// The time that work has left after an interruption.
    grace: Duration,
    interrupted_at: Option<Instant>,
}

impl Stop {
    /// Never stops.
    pub(crate) fn never() -> Stop {
        Stop { interrupted: None, limit: None, grace: Duration::ZERO, interrupted_at: None }
    }

    /// Stops at an interruption.
    pub(crate) fn at(interrupted: &Arc<AtomicBool>) -> Stop {
        Stop { interrupted: Some(Arc::clone(interrupted)), ..Stop::never() }
    }

    /// Stops after a time too, counted from now.
    pub(crate) fn within(self, limit: Option<Duration>) -> Stop {
        Stop { limit: limit.map(|limit| (Instant::now(), limit)), ..self }
    }

    /// Goes on for a time after an interruption: cleaning up follows one.
    pub(crate) fn with_grace(self, grace: Duration) -> Stop {
        Stop { grace, ..self }
    }

    /// Returns the reason to stop now.
    pub(crate) fn reason(&mut self) -> Option<Error> {
        if self.interrupted.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed)) {
            let since = *self.interrupted_at.get_or_insert_with(Instant::now);
            if since.elapsed() >= self.grace {
                return Some(Error::Interrupted);
            }
        }
        let (start, limit) = self.limit?;
        (start.elapsed() >= limit).then_some(Error::TimedOut { seconds: limit.as_secs() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interruptions_and_limits_stop() {
        let flag = Arc::new(AtomicBool::new(false));
        assert!(Stop::never().reason().is_none() && Stop::at(&flag).reason().is_none());
        assert!(matches!(Stop::never().within(Some(Duration::ZERO)).reason(), Some(Error::TimedOut { seconds: 0 })));
        assert!(Stop::at(&flag).within(Some(Duration::from_secs(60))).reason().is_none());
        flag.store(true, Ordering::Relaxed);
        assert!(matches!(Stop::at(&flag).reason(), Some(Error::Interrupted)));
        assert!(Stop::at(&flag).with_grace(Duration::from_secs(60)).reason().is_none());
    }
}
