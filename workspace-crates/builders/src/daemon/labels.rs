//! The labels of everything that Tierce makes in a daemon.

/// The process that owns a container or a volume. Containers inherit the labels of their image, so an image made from a container has
/// an empty owner, and its maker has another label.
pub(crate) const OWNER: &str = "dev.tierce.owner";

/// The process that imported an image. It counts until the image has a name.
pub(crate) const MAKER: &str = "dev.tierce.maker";

/// The cache whose receipts decide over a volume.
pub(crate) const CACHE: &str = "dev.tierce.cache";

/// The namespace.
pub const NAMESPACE: &str = "dev.tierce.namespace";

/// On a builder: the key of the step that made it.
pub(crate) const KEY: &str = "dev.tierce.key";

/// The purpose.
pub const KIND: &str = "dev.tierce.kind";

/// On everything that a verification makes: the namespace of the run that verifies.
pub(crate) const VERIFIES: &str = "dev.tierce.verifies";

/// The process of that run.
pub(crate) const VERIFIER: &str = "dev.tierce.verifier";

/// The folder of that cache.
pub(crate) const CACHE_FOLDER: &str = "dev.tierce.cache-folder";

/// On a container that waits for its next use: the volume that it holds.
pub const USES: &str = "dev.tierce.uses";

/// The name of an image of Tierce in its workspace.
pub const IMAGE: &str = "dev.tierce.image";
