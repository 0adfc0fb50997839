//! The keys of the image tables, in one list. The reader checks tables against it, and tests generate the documentation and the
//! schema from it, so that all three agree.

mod test;

pub use test::{HTTP_KEYS, INPUT_KEYS, TEST_FILE_KEYS, TEST_KEYS, TEXT_KEYS};

/// One key of a table.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name in TOML.
    pub name: &'static str,
    /// The tables that may hold it.
    pub scope: Scope,
    /// The form of its value.
    pub shape: Shape,
    /// How Tierce merges its values of the image's table and `[workspace.metadata.image]`.
    pub merge: Merge,
    /// Whether its table must have it.
    pub required: bool,
    /// The default, in words or as TOML.
    pub default: &'static str,
    /// Its meaning, in one line.
    pub doc: &'static str,
    /// An example value in TOML.
    pub example: &'static str,
    /// Set for a key of a later version: the alternative today.
    pub later: Option<&'static str>,
}

/// The tables that may hold a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every image table, and `[workspace.metadata.image]` as a default of all of them.
    Image,
    /// As `Image`, but not for the table of an image without a program.
    Program,
    /// `[package.metadata.image]` alone.
    Package,
    /// `[workspace.metadata.image]` alone.
    Workspace,
}

/// The form of a value, without its content.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// `true` or `false`.
    Boolean,
    /// `false` alone.
    False,
    /// An integer of at least zero.
    Integer,
    /// A string.
    Text,
    /// A string, or an integer that stands for its digits.
    TextOrInteger,
    /// One of these strings. The second list has strings of a later version, each with the alternative today.
    Choice(&'static [&'static str], &'static [(&'static str, &'static str)]),
    /// A list of values of one shape.
    List(&'static Shape),
    /// A table with keys of the user's own choice.
    Map(&'static Shape),
    /// A table with these keys.
    Table(&'static [Key]),
    /// A table with exactly one of these keys.
    OneOf(&'static [Key]),
    /// The first of these shapes that fits the TOML type of the value.
    Either(&'static [Shape]),
    /// Any value, for keys that are not supported yet.
    Any,
}

/// How Tierce merges a key of the image's table with that of `[workspace.metadata.image]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// The image's value replaces the workspace's.
    Image,
    /// The items of both tables, the image's first.
    Append,
    /// The entries of both tables; the image's value wins.
    Entries,
}

const TEXTS: Shape = Shape::List(&Shape::Text);
const TEXTS_BY_ATOM: Shape = Shape::Map(&TEXTS);

impl Key {
    const fn new(
        name: &'static str,
        shape: Shape,
        default: &'static str,
        example: &'static str,
        doc: &'static str,
    ) -> Self {
        let merge = match shape {
            Shape::List(_) => Merge::Append,
            Shape::Map(_) => Merge::Entries,
            _ => Merge::Image,
        };
        Self { name, scope: Scope::Image, shape, merge, required: false, default, doc, example, later: None }
    }

    const fn of(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    const fn replaced(mut self) -> Self {
        self.merge = Merge::Image;
        self
    }

    const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    const fn later(name: &'static str, doc: &'static str, instead: &'static str) -> Self {
        let mut key = Self::new(name, Shape::Any, "", "", doc);
        key.later = Some(instead);
        key
    }
}

/// The keys about Portage. Only these of the workspace's defaults apply to the toolbox: its packages compile as in other images,
/// and nothing else is added to it.
const OF_PORTAGE: [&str; 8] = [
    "use",
    "package-use",
    "package-keywords",
    "package-mask",
    "package-unmask",
    "package-env",
    "package-license",
    "patches",
];

/// Returns whether a key configures how Portage builds packages.
pub(crate) fn is_of_portage(key: &str) -> bool {
    OF_PORTAGE.contains(&key)
}

/// Returns whether the images on top of an image inherit a key. All of them build packages alike, contain the same files that may
/// lack something, and share names of users.
pub(crate) fn is_inherited(key: &str) -> bool {
    is_of_portage(key) || ["allow-missing", "groups", "users"].contains(&key)
}

/// The keys of `[package.metadata.image]`, `[package.metadata.images.NAME]`, `[workspace.metadata.images.NAME]` and
/// `[workspace.metadata.image]`, in the order in which they are documented.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    Key::new("name", Shape::Text, "the package's name", r#""thumbnailer""#,
        "The image's name. It may have a path and a registry, such as \"registry.example/team/web\": then `docker push` works with the references that Tierce prints.").of(Scope::Package),

    // Packages.
    Key::new("packages", TEXTS, "[]", r#"["media-libs/libpng", ">=dev-db/sqlite-3.40"]"#,
        "Atoms of the packages that the program links against or needs at run time. Tierce merges them into ROOT."),
    Key::new("build-packages", TEXTS, "[]", r#"["dev-libs/protobuf"]"#,
        "Atoms of packages that only the builder needs, such as code generators.").of(Scope::Program),
    Key::new("builder-base", Shape::Text, "the builder", r#""codegen""#,
        "An image of the workspace. This image's builder starts as a copy of that image's builder, with its `build-packages`.").of(Scope::Program),
    Key::new("use", TEXTS, "[]", r#"["-static-libs"]"#,
        "USE flags for every package. If both tables set a flag, the image's wins."),
    Key::new("package-use", TEXTS_BY_ATOM, "{}", r#"{ "media-libs/libpng" = ["simd"] }"#,
        "USE flags by package, merged flag by flag."),
    Key::new("package-keywords", TEXTS_BY_ATOM, "{}", r#"{ "media-libs/libpng" = ["~amd64"] }"#,
        "Keywords to accept besides the stable one, by package."),
    Key::new("package-mask", TEXTS, "[]", r#"[">=media-libs/libpng-2"]"#,
        "Atoms that Portage must not use."),
    Key::new("package-unmask", TEXTS, "[]", r#"["=media-libs/libpng-1.6.40"]"#,
        "Atoms that Portage may use although the profile masks them."),
    Key::new("package-env", Shape::Map(&Shape::Map(&Shape::Text)), "{}", r#"{ "media-libs/libpng" = { CFLAGS = "-O3" } }"#,
        "Variables for building single packages."),
    Key::new("package-license", TEXTS_BY_ATOM, "{}", r#"{ "media-libs/libpng" = ["libpng2"] }"#,
        "Licences to accept for single packages."),
    Key::new("patches", TEXTS_BY_ATOM, "{}", r#"{ "media-libs/libpng" = ["patches/gamma.patch"] }"#,
        "Patches by package, applied in this order. Their paths are inside of the folder of this Cargo.toml."),

    // The cargo build.
    Key::new("bins", TEXTS, "every binary of the package", r#"["thumbnailer"]"#,
        "The binaries to install into /usr/bin.").replaced().of(Scope::Program),
    Key::new("features", TEXTS, "[]", r#"["metrics"]"#,
        "Features of the package, as cargo's --features.").of(Scope::Program),
    Key::new("default-features", Shape::Boolean, "true", "false",
        "Whether the package's default features are on.").of(Scope::Program),
    Key::new("profile", Shape::Text, r#""release""#, r#""small""#,
        "cargo's profile; Portage's is `portage-profile`.").of(Scope::Program),
    Key::new("target-cpu", Shape::Text, "rustc's own", r#""x86-64-v3""#,
        "The processor to compile the program for, as rustc's -C target-cpu.").of(Scope::Program),
    Key::new("sources", TEXTS, "[]", r#"["../schema"]"#,
        "Files and folders outside of all packages that the build reads, relative to this Cargo.toml. Tierce mounts them read-only at their place.").of(Scope::Program),
    Key::new("write-sources", Shape::Boolean, "false", "true",
        "Whether build scripts may write into the workspace and into packages outside of it. Otherwise sources are read-only in the builder.").of(Scope::Program),

    // Files.
    Key::new("include", Shape::Choice(&["closure", "packages"], &[]),
        r#""closure"; "packages" without a program"#, r#""packages""#,
        "The selection of files from ROOT. `closure` takes the files that the binaries reach; `packages` takes all files of the packages, except for `prune` and the presets."),
    Key::new("keep", TEXTS, "[]", r#"["/usr/share/mime/**", "locale"]"#,
        "Globs over ROOT, or names of presets (`headers`, `static-libs`, …). Their files go into the image even if no binary reaches them or a preset excludes them."),
    Key::new("prune", TEXTS, "[]", r#"["/usr/share/locale/**"]"#,
        "Globs over ROOT. Their files stay out of the image even if something reaches them. Files that the table itself adds stay in the image (see `remove`)."),
    Key::new("allow-missing", TEXTS, "[]", r#"["/usr/lib64/plugins/*.so", "plugins"]"#,
        "Globs over ROOT, names of run-time dependencies, or packages (`category/name`). A file that matches a glob may lack a library, an interpreter or the target of a link. The image may lack these run-time dependencies, and all files of these packages of `packages`."),
    Key::new("strict", Shape::Boolean, "false", "true",
        "Whether a possibly missing file is an error instead of a warning: a run-time dependency, or a recommended library of a dlopen note."),
    Key::new("locale", TEXTS, "[]", r#"["de_DE.UTF-8"]"#,
        "Locales to compile for the image, besides C, with their character sets."),
    Key::new("timezone", Shape::Text, "UTC", r#""Europe/Berlin""#,
        "The local time zone: /etc/localtime, and the zone's own file. For all zones, add `sys-libs/timezone-data` to `packages` instead."),
    Key::new("gconv", TEXTS, "[]", r#"["ISO-8859-15"]"#,
        "Character sets that iconv converts, besides UTF-8, UCS and ASCII."),
    Key::new("ca-certificates", Shape::Boolean, "if a program asks for them and ROOT has them", "true",
        "Whether the image has the certificates that TLS trusts, from `app-misc/ca-certificates`."),
    Key::new("unmerge", TEXTS, "[]", r#"["sys-apps/sed"]"#,
        "Atoms of packages that the build needs and the image does not. Tierce unmerges them, like emerge -C, from a copy of ROOT."),
    Key::new("files", Shape::List(&Shape::Table(FILE_KEYS)), "[]", r#"[{ from = "assets", to = "/usr/share/thumbnailer" }]"#,
        "Files and folders of the package to add; in a table of the workspace, those of the workspace."),
    Key::new("directories", Shape::List(&Shape::Table(DIRECTORY_KEYS)), "[]", r#"[{ path = "/var/lib/thumbnailer", owner = "1000:1000", mode = "0750" }]"#,
        "Folders to create, such as those of volumes. If both tables have a path, the image's wins. Every image has `/tmp` with the mode 1777, unless its base has it or this key names it."),
    Key::new("symlinks", Shape::List(&Shape::Table(SYMLINK_KEYS)), "[]", r#"[{ path = "/usr/bin/awk", target = "gawk" }]"#,
        "Links to create. The target of each is in the image, or in /dev, /proc, /run, /sys or /tmp. If both tables have a path, the image's wins."),
    Key::new("users", Shape::List(&Shape::Table(USER_KEYS)), "[]", r#"[{ name = "web", uid = 1000 }]"#,
        "Users to append to ROOT's /etc/passwd, or to one with root alone. If both tables have a name, the image's wins. `user` and `owner` may use these names."),
    Key::new("groups", Shape::List(&Shape::Table(GROUP_KEYS)), "[]", r#"[{ name = "media", gid = 2000 }]"#,
        "Groups to append to ROOT's /etc/group, as with `users`."),
    Key::new("capabilities", Shape::Map(&Shape::Text), "{}", r#"{ "/usr/bin/thumbnailer" = "cap_net_bind_service=ep" }"#,
        "Capabilities of files, by path, in the syntax of setcap: names, `=` or `+`, and letters of `e`, `i` and `p`. A container needs them in its bounding set too (`--cap-add`)."),
    Key::new("remove", TEXTS, "[]", r#"["/usr/share/thumbnailer/*.psd"]"#,
        "Globs of paths to remove from the image, whatever their source: ROOT, as with `prune`, but also `files`, `directories`, `symlinks`, `users` and hooks. Other files do without the removed ones. The program that the image starts or its health check runs must stay."),
    Key::new("hooks", Shape::Table(HOOK_KEYS), "none", r#"{ finish = ["hooks/finish.sh", "hooks/words"] }"#,
        "Scripts for everything that no key does; see the guide's chapter on hooks. An image's table replaces the workspace's."),
    Key::new("strip", Shape::Choice(&["none", "debuginfo", "symbols"], &[]), r#""debuginfo""#, r#""symbols""#,
        "The part to strip from binaries and libraries. Tierce keeps it beside the image, by build-id.").of(Scope::Program),
    Key::new("base", Shape::Either(&[Shape::Text, Shape::OneOf(BASE_KEYS)]), r#""scratch""#, r#"{ image = "debian:12-slim" }"#,
        "The start of the image: empty, or all layers and packages of another image of the workspace. `{ image = \"…\" }` is any image that the daemon has or can pull."),

    Key::new("max-size", Shape::Either(&[Shape::Text, Shape::Map(&Shape::Text)]), "no limit",
        r#"{ total = "12 MB", "media-libs/libpng" = "1 MB", "the program" = "4 MB" }"#,
        "The largest allowed size of the image, or a table of limits for `total`, packages, `the program` and `declared files`. A MB is a million bytes, a MiB 1024 times 1024. Tierce does not load a larger image."),

    // The run configuration.
    Key::new("entrypoint", TEXTS, "the binary, if there is only one", r#"["/usr/bin/thumbnailer", "--json"]"#,
        "The program that a container starts, and its first arguments. An image without a program needs this key or `cmd`.").replaced(),
    Key::new("cmd", TEXTS, "[]", r#"["--port", "8080"]"#,
        "Arguments that `docker run` may replace.").replaced(),
    Key::new("env", Shape::Map(&Shape::Text), "{}", r#"{ RUST_LOG = "info" }"#,
        "Environment variables. They are part of the image, so they must not be secrets."),
    Key::new("env-files", TEXTS, "[]", r#"["defaults.env"]"#,
        "Files with more variables, inside of the folder of this Cargo.toml, in the format of `docker run --env-file`: one NAME=VALUE a line; `#` begins a comment line. A later file wins over an earlier one, the image's over the workspace's, and `env` over all. The variables are part of the image, so they must not be secrets."),
    Key::new("expose", Shape::List(&Shape::TextOrInteger), "[]", r#"[8080, "53/udp"]"#,
        "Ports that the program listens on; tcp, unless udp or sctp is given."),
    Key::new("volumes", TEXTS, "[]", r#"["/var/lib/thumbnailer"]"#,
        "Folders whose content outlives the container. Name them in `directories` with their `owner`, too: engines create missing ones for root."),
    Key::new("workdir", Shape::Text, "/", r#""/var/lib/thumbnailer""#,
        "The folder in which the program starts. It has to be in the image, and `user` has to reach it."),
    Key::new("user", Shape::TextOrInteger, "0:0", r#""1000:1000""#,
        "The user and the group of the program: numbers, or names of `users` and `groups`, or of the image's /etc/passwd and /etc/group. A single number is both. A single name is the user with its own group. The image stores the numbers."),
    Key::new("labels", Shape::Map(&Shape::Text), "{}", r#"{ "com.example.team" = "media" }"#,
        "Labels of the image."),
    Key::new("stop-signal", Shape::TextOrInteger, "SIGTERM", r#""SIGINT""#,
        "The signal that asks the program to stop."),
    Key::new("healthcheck", Shape::Either(&[Shape::Table(HEALTHCHECK_KEYS), Shape::False]), "false",
        r#"{ cmd = ["/usr/bin/thumbnailer", "--check"], interval = "30s" }"#,
        "The daemon's check that the program is well; `false` turns the workspace's default off."),
    Key::new("tags", TEXTS, r#"["latest"]"#, r#"["latest", "1.2"]"#,
        "The tags of the image. A whole reference, such as \"registry.example/team/web:1.2\", is a further name of the image.").replaced(),
    Key::new("test", Shape::Map(&Shape::Table(TEST_KEYS)), "{}", r#"{ version = { command = ["--version"], stdout = { contains = ["1.2"] } } }"#,
        "Tests by name. Each test starts a container of the image and checks it from outside. Tierce does not tag an image that fails a test."),

    // The workspace.
    Key::new("builder", Shape::Either(&[
            Shape::Choice(&["debian"], &[("stage3", r#"write `builder = "debian"`, or unpack a stage3 yourself and name it with `builder = { rootfs = "stage3.tar.xz" }`"#)]),
            Shape::OneOf(BUILDER_KEYS),
        ]), r#""debian""#, r#"{ rootfs = "stage3.tar.xz" }"#,
        "The root filesystem in which Portage runs: Debian with Portage, or one of your own that has emerge. Its ebuild repository in /var/db/repos/gentoo, if it has one, replaces the embedded one.").of(Scope::Workspace),
    Key::new("repositories", Shape::List(&Shape::Table(REPOSITORY_KEYS)), "[]", r#"[{ name = "overlay", path = "images/overlay" }]"#,
        "Ebuild repositories besides the builder's own. A later one takes precedence over an earlier one.").of(Scope::Workspace),
    Key::new("portage-profile", Shape::Text, "the builder's own", r#""tierce:default/linux/amd64""#,
        "Portage's profile, as repository:path; cargo's is `profile`.").of(Scope::Workspace),
    Key::new("make-conf", Shape::Map(&Shape::Text), "{}", r#"{ CFLAGS = "-O2 -pipe" }"#,
        "Variables of make.conf. Tierce warns about words of FEATURES that do nothing in a builder, such as getbinpkg.").of(Scope::Workspace),
    Key::new("toolbox", Shape::Text, r#""toolbox""#, r#""registry.example/tools:2""#,
        "The image with the tools of `cargo xtask debug`: one of the workspace, or any reference.").of(Scope::Workspace),
    Key::new("engine", Shape::Choice(&["auto", "sandbox", "docker"], &[]), r#""auto""#, r#""docker""#,
        "The engine that opens builders: `sandbox` needs no daemon, `docker` runs containers of the daemon, and `auto` takes the sandbox where this machine offers one. Results are the same.").of(Scope::Workspace),
    Key::new("debian-suite", Shape::Choice(&["trixie", "bookworm"], &[]), r#""trixie""#, r#""bookworm""#,
        "The Debian release of the builder `debian`, with its updates and security updates.").of(Scope::Workspace),
    Key::new("debian-mirror", Shape::Text, "the one in the host's apt sources", r#""http://mirror.example/debian""#,
        "The mirror that Tierce downloads Debian's packages and source archives from.").of(Scope::Workspace),
    Key::new("debian-security-mirror", Shape::Text, "`debian-mirror` with `-security` at its end, else the one in the host's apt sources", r#""http://mirror.example/debian-security""#,
        "The mirror that Tierce downloads Debian's security updates from.").of(Scope::Workspace),
    Key::new("debian-snapshot", Shape::Boolean, "false", "true",
        "Whether the mirrors are snapshots. Tierce then accepts an index past its `Valid-Until`, or older than an index of an earlier run.").of(Scope::Workspace),
    Key::new("python-index", Shape::Text, "the one in pip's configuration", r#""https://mirror.example/simple""#,
        "The Python package index that Tierce downloads Portage from.").of(Scope::Workspace),
    Key::later("registry", "The registry to push images to.",
        "write it into `name`, such as \"registry.example/team/web\", and push the reference that the command prints with `docker push`").of(Scope::Workspace),
    Key::later("platforms", "The platforms to build images for.",
        "leave it out: Tierce builds images for linux/amd64").of(Scope::Workspace),
];

/// The keys of an item of `files`.
#[rustfmt::skip]
pub const FILE_KEYS: &[Key] = &[
    Key::new("from", Shape::Text, "", r#""assets""#,
        "A file or folder, as a path inside of the folder of this Cargo.toml.").required(),
    Key::new("to", Shape::Text, "", r#""/usr/share/thumbnailer""#,
        "Its path in the image, with the last component.").required(),
    Key::new("mode", Shape::Text, "0644, or 0755 for executables", r#""0644""#,
        "The mode of the files, in octal."),
    Key::new("owner", Shape::TextOrInteger, "0:0", r#""1000:1000""#,
        "Numbers or names of user and group, as in `user`."),
];

/// The keys of an item of `directories`.
#[rustfmt::skip]
pub const DIRECTORY_KEYS: &[Key] = &[
    Key::new("path", Shape::Text, "", r#""/var/lib/thumbnailer""#,
        "The path in the image.").required(),
    Key::new("mode", Shape::Text, r#""0755""#, r#""0750""#,
        "The mode, in octal."),
    Key::new("owner", Shape::TextOrInteger, "0:0", r#""1000:1000""#,
        "Numbers or names of user and group, as in `user`."),
];

/// A script, or a list of a script and its inputs.
const HOOK: Shape = Shape::Either(&[Shape::Text, TEXTS]);

/// The keys of `hooks`.
#[rustfmt::skip]
pub const HOOK_KEYS: &[Key] = &[
    Key::new("builder", HOOK, "nothing", r#""builder.sh""#,
        "Runs in the builder that compiles the program, after `build-packages` are installed, and may change that builder. Packages compile earlier, in the builder that all images share."),
    Key::new("root-before", HOOK, "nothing", r#""root-before.sh""#,
        "Runs on the empty ROOT, before Tierce merges packages into it."),
    Key::new("root-after", HOOK, "nothing", r#"["root-after.sh", "fonts"]"#,
        "Runs on ROOT after Tierce merges packages into it, and before the program compiles against it. With `include = \"closure\"`, the image gets its files if something reaches or keeps them."),
    Key::new("finish", HOOK, "nothing", r#""finish.sh""#,
        "Runs on a copy of the files selected for the image. The changed copy becomes the image."),
];

/// The keys of an item of `symlinks`.
#[rustfmt::skip]
pub const SYMLINK_KEYS: &[Key] = &[
    Key::new("path", Shape::Text, "", r#""/usr/bin/awk""#,
        "The path of the link in the image.").required(),
    Key::new("target", Shape::Text, "", r#""gawk""#,
        "The link's target: a path relative to the link's folder, or an absolute one.").required(),
];

/// The keys of an item of `users`.
#[rustfmt::skip]
pub const USER_KEYS: &[Key] = &[
    Key::new("name", Shape::Text, "", r#""web""#,
        "The user's name.").required(),
    Key::new("uid", Shape::Integer, "", "1000",
        "The user's number, from 1.").required(),
    Key::new("group", Shape::TextOrInteger, "a group with the user's name; if `groups` lacks it, Tierce adds it with the user's number", r#""media""#,
        "The user's own group: a name of `groups`, or a number."),
    Key::new("home", Shape::Text, r#""/""#, r#""/var/lib/web""#,
        "The home folder; `directories` creates it."),
    Key::new("shell", Shape::Text, r#""/sbin/nologin""#, r#""/bin/sh""#,
        "The program of a login; the image need not have it."),
    Key::new("comment", Shape::Text, "nothing", r#""the web server""#,
        "A description of the user."),
];

/// The keys of an item of `groups`.
#[rustfmt::skip]
pub const GROUP_KEYS: &[Key] = &[
    Key::new("name", Shape::Text, "", r#""media""#,
        "The group's name.").required(),
    Key::new("gid", Shape::Integer, "", "2000",
        "The group's number, from 1.").required(),
    Key::new("members", TEXTS, "[]", r#"["web"]"#,
        "Users of `users` in this group, besides those whose own group it is. The program of such a user has the group too, unless `user` names another group."),
];

/// The keys of `healthcheck`.
#[rustfmt::skip]
pub const HEALTHCHECK_KEYS: &[Key] = &[
    Key::new("cmd", TEXTS, "one of these four", r#"["/usr/bin/thumbnailer", "--check"]"#,
        "The program to run in the container; exit code 0 means well."),
    Key::new("http", Shape::TextOrInteger, "one of these four", r#""http://127.0.0.1:8080/healthz""#,
        "A port of `expose`, or an address of the container, that answers Tierce's probe with a status from 200 to 399."),
    Key::new("tcp", Shape::TextOrInteger, "one of these four", "8080",
        "A port of `expose` that accepts a connection of the probe."),
    Key::new("file", Shape::Text, "one of these four", r#""/run/ready""#,
        "A file that exists in the container."),
    Key::new("interval", Shape::Text, "30s", r#""30s""#,
        "The time between two checks."),
    Key::new("timeout", Shape::Text, "30s", r#""5s""#,
        "The time after which a check fails."),
    Key::new("start-period", Shape::Text, "0s", r#""1m30s""#,
        "The time after the start during which failures do not count."),
    Key::new("retries", Shape::Integer, "3", "5",
        "The number of failures in a row after which the program counts as unwell."),
];

/// The keys of an item of `repositories`.
#[rustfmt::skip]
pub const REPOSITORY_KEYS: &[Key] = &[
    Key::new("name", Shape::Text, "", r#""overlay""#,
        "Its name, as in its profiles/repo_name.").required(),
    Key::new("path", Shape::Text, "", r#""images/overlay""#,
        "Its folder, relative to the workspace's root.").required(),
    Key::new("masters", TEXTS, "those of its metadata/layout.conf", r#"["tierce"]"#,
        "The repositories whose eclasses and profiles it uses."),
];

/// The keys of `builder` as a table.
#[rustfmt::skip]
pub const BUILDER_KEYS: &[Key] = &[
    Key::new("image", Shape::Text, "", r#""registry.example/stage3:2026""#,
        "An image that has emerge, and that the daemon has or can pull."),
    Key::new("rootfs", Shape::Text, "", r#""stage3.tar.xz""#,
        "A root filesystem that has emerge: a .tar, .tar.gz, .tar.xz or .tar.zst, or a folder; relative to the workspace's root."),
];

/// The keys of `base` as a table.
#[rustfmt::skip]
pub const BASE_KEYS: &[Key] = &[
    Key::new("image", Shape::Text, "", r#""debian:12-slim""#,
        "The reference of an image that the daemon has or can pull."),
];

/// Returns the key `name` of `keys`.
pub(crate) fn find(keys: &'static [Key], name: &str) -> Option<&'static Key> {
    keys.iter().find(|key| key.name == name)
}

impl Shape {
    /// Returns the shape in words: "a list of strings".
    pub fn describe(&self) -> String {
        match self {
            Self::Boolean => "a boolean".to_owned(),
            Self::False => "`false`".to_owned(),
            Self::Integer => "an integer".to_owned(),
            Self::Text => "a string".to_owned(),
            Self::TextOrInteger => "a string or an integer".to_owned(),
            Self::Choice(words, _) => words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(" or "),
            Self::List(item) => format!("a list of {}", item.describe_many()),
            Self::Map(value) => format!("a table of {}", value.describe_many()),
            Self::Table(_) | Self::OneOf(_) => "a table".to_owned(),
            Self::Either(shapes) => shapes.iter().map(Self::describe).collect::<Vec<_>>().join(" or "),
            Self::Any => "any value".to_owned(),
        }
    }

    fn describe_many(&self) -> String {
        match self {
            Self::Text => "strings".to_owned(),
            Self::TextOrInteger => "strings or integers".to_owned(),
            Self::Table(_) | Self::OneOf(_) => "tables".to_owned(),
            Self::List(item) => format!("lists of {}", item.describe_many()),
            Self::Map(value) => format!("tables of {}", value.describe_many()),
            other => other.describe(),
        }
    }
}
