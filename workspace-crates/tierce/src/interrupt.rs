//! Ctrl-C and its like: the first asks the run to stop and to clean up, the second ends it on the spot.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// A flag that is set by SIGINT, SIGTERM and SIGHUP. A second signal exits with the code that shells give to one.
pub(crate) fn on_signals() -> Arc<AtomicBool> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // In this order: the exit is armed by the flag that the first signal sets. A signal that cannot be caught keeps its
        // default, which is to end the process: no reason to fail.
        let _ = flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&interrupted));
        let _ = flag::register(signal, Arc::clone(&interrupted));
    }
    interrupted
}
