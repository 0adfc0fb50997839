//! The facts of a machine, as plain data.

/// The facts of a machine, from the view of this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The choice of the engine, by an option or a table.
    pub choice: Choice,
    /// Whether the caller is root.
    pub is_root: bool,
    /// The kernel's release: `6.12.9-amd64`.
    pub kernel: String,
    /// User namespaces.
    pub user_namespaces: UserNamespaces,
    /// The container around this process.
    pub confinement: Confinement,
    /// Subordinate users and groups of the caller.
    pub subordinate_ids: SubordinateIds,
    /// Whether the kernel lists overlayfs. It loads the module only at the first mount.
    pub has_overlayfs: bool,
    /// Control groups.
    pub cgroups: Cgroups,
    /// The start of a sandbox.
    pub probe: Probe,
    /// The daemon, or why it cannot be used.
    pub daemon: Result<Daemon, Problem>,
    /// The user's cache.
    pub cache: Cache,
    /// The version of gpgv.
    pub gpgv: Result<String, Problem>,
    /// The version of pip.
    pub pip: Result<String, Problem>,
    /// The Rust toolchain of the current folder.
    pub rust: Result<Rust, Problem>,
    /// The mirrors of Debian; None if the network is forbidden.
    pub mirrors: Option<Vec<Mirror>>,
    /// The workspace; None outside of one, or without cargo.
    pub workspace: Option<Result<Workspace, Problem>>,
}

/// A choice of the engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The sandbox if it works, else the daemon.
    #[default]
    Any,
    /// The sandbox alone.
    Sandbox,
    /// The daemon alone.
    Daemon,
}

/// The reason why something does not work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// The error with its causes, on one line.
    pub why: String,
    /// The remedy, if the error has one.
    pub fix: Option<String>,
}

/// The kernel's settings for user namespaces. None for a setting that this kernel does not have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserNamespaces {
    /// Whether the kernel has them at all.
    pub exist: bool,
    /// `user.max_user_namespaces`
    pub most: Option<u64>,
    /// `kernel.unprivileged_userns_clone`
    pub unprivileged: Option<u64>,
    /// `kernel.apparmor_restrict_unprivileged_userns`
    pub apparmor_restricts: Option<u64>,
}

/// The container around this process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confinement {
    /// The sign of a container: a file, or a word of the first process's control group.
    pub sign: Option<String>,
    /// Whether a seccomp filter restricts the calls of the kernel.
    pub has_filter: bool,
    /// Whether programs such as newuidmap gain no privileges.
    pub no_new_privileges: bool,
    /// Whether this process has the capabilities of a sandbox without a user namespace: CAP_SYS_ADMIN and CAP_NET_ADMIN.
    pub is_privileged: bool,
    /// Whether mounts hide parts of /proc. A user namespace may mount no other one then.
    pub hides_proc: bool,
}

/// Subordinate users and groups of the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubordinateIds {
    /// How many users and groups a sandbox gets besides the caller, the smaller of both; None if it gets only the caller.
    pub count: Option<u32>,
    /// The programs that are not in `PATH`: newuidmap, newgidmap.
    pub missing_programs: Vec<String>,
    /// The error of newuidmap or newgidmap; a sandbox has one user then.
    pub refusal: Option<String>,
    /// A range that no user has yet.
    pub free: (u32, u32),
}

/// Control groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cgroups {
    /// The system has none, or their first version.
    Absent,
    /// This user can make none: the kernel's reason.
    Closed(String),
    /// The limits that a sandbox gets.
    Limits {
        /// The most memory, in bytes.
        memory: Option<u64>,
        /// The most processes.
        processes: Option<u64>,
    },
}

/// The start of a sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// It started.
    Started,
    /// It did not start: the error with its causes.
    Refused(String),
    /// No folder can be written.
    NoFolder,
}

/// A daemon that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daemon {
    /// `Docker` or `Podman`.
    pub engine: String,
    /// Its version.
    pub version: String,
    /// Its address.
    pub address: String,
    /// Whether it shares this machine's files.
    pub is_local: bool,
    /// The platform of its containers: `linux/amd64`.
    pub platform: String,
    /// The platform that images are for.
    pub needed_platform: String,
    /// Its storage driver.
    pub storage_driver: String,
    /// Whether it runs without root rights.
    pub is_rootless: bool,
    /// Its folder of images and containers, if this process can see it.
    pub folder: Option<Folder>,
}

/// A folder and its file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Its path.
    pub path: String,
    /// The type of its file system, if it is a known one.
    pub file_system: Option<String>,
    /// The bytes that this user can still write.
    pub free: u64,
}

/// The user's cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    /// Its folder, which may not exist yet; None without a home.
    pub folder: Option<Folder>,
    /// Whether this user can write there.
    pub is_writable: bool,
    /// Whether `TIERCE_CACHE` names it. A run has no other place then.
    pub is_named: bool,
}

/// A Rust toolchain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rust {
    /// rustc's version.
    pub rustc: String,
    /// cargo's version, or why it does not start.
    pub cargo: Result<String, Problem>,
}

/// A mirror.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// Its host.
    pub host: String,
    /// Why it does not answer; None if it does.
    pub failure: Option<String>,
}

/// The workspace of the current folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// Its folder.
    pub root: String,
    /// The count of its images.
    pub images: usize,
    /// Whether its builder is Debian with Portage, made by Tierce.
    pub makes_builder: bool,
}
