//! The temporary volume of a shell.

/// A volume that is removed on drop. If this process is killed, a later run removes it.
pub(super) struct ScratchVolume {
    remove: Option<Box<dyn FnOnce()>>,
    /// Its name in the engine.
    pub(super) name: String,
}

impl ScratchVolume {
    /// Takes ownership of a volume, which `remove` removes.
    pub(super) fn new(remove: Box<dyn FnOnce()>, name: String) -> ScratchVolume {
        ScratchVolume { remove: Some(remove), name }
    }
}

impl Drop for ScratchVolume {
    fn drop(&mut self) {
        if let Some(remove) = self.remove.take() {
            remove();
        }
    }
}
