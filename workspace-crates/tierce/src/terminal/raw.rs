//! Raw mode of a terminal. It ends when the guard is dropped and in a panic; code that exits the process calls [`leave`].

use std::io;
use std::sync::{Mutex, Once, PoisonError};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

/// The earlier mode of the terminal, while raw mode is on.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Raw mode of stdin's terminal; drop ends it.
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

/// Begins raw mode again if it is on: while this process was stopped, the shell set its own mode.
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

/// Returns the rows and columns of stdout's terminal; None if it reports no size.
pub(crate) fn size() -> Option<(u16, u16)> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    (size.ws_row > 0 && size.ws_col > 0).then_some((size.ws_row, size.ws_col))
}
