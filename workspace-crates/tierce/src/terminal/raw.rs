//! A terminal that hands every byte on, and that is always given back as it was: when a value is dropped, in a panic, and by
//! whoever ends this process in another way.

use std::io;
use std::sync::{Mutex, Once, PoisonError};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

/// How the terminal was, while it is not.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// stdin's terminal in raw mode, until this is dropped.
#[derive(Debug)]
pub(crate) struct RawMode(());

impl RawMode {
    /// Begins raw mode.
    pub(crate) fn enter() -> io::Result<RawMode> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let next = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                leave();
                next(panic);
            }));
        });
        let mut before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
        let was = tcgetattr(io::stdin())?;
        set_raw(was.clone())?;
        *before = Some(was);
        Ok(RawMode(()))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        leave();
    }
}

/// Begins raw mode again if it is on: a shell that had this process stopped has set the terminal for itself.
pub(crate) fn again() {
    if let Some(was) = &*BEFORE.lock().unwrap_or_else(PoisonError::into_inner) {
        // A terminal that is gone needs no mode.
        let _ = set_raw(was.clone());
    }
}

/// Ends raw mode if it is on. Not for signal handlers, as it takes a lock.
pub(crate) fn leave() {
    if let Some(was) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &was);
    }
}

fn set_raw(mut mode: Termios) -> io::Result<()> {
    mode.make_raw();
    Ok(tcsetattr(io::stdin(), OptionalActions::Now, &mode)?)
}

/// The rows and columns of stdout's terminal; none if it does not say.
pub(crate) fn size() -> Option<(u16, u16)> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    (size.ws_row > 0 && size.ws_col > 0).then_some((size.ws_row, size.ws_col))
}
