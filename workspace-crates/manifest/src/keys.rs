//! The keys of the image tables, in one list: the reader checks tables against it, and documentation and schema are made
//! from it, so that they cannot say anything else.

mod test;

pub use test::{HTTP_KEYS, INPUT_KEYS, TEST_FILE_KEYS, TEST_KEYS, TEXT_KEYS};

/// One key of a table.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// As it is written.
    pub name: &'static str,
    /// The tables that may hold it.
    pub scope: Scope,
    /// What its value looks like.
    pub shape: Shape,
    /// What becomes of it where the image's table and `[workspace.metadata.image]` both have it.
    pub merge: Merge,
    /// Whether its table must have it.
    pub required: bool,
    /// What holds where it is absent, in words or as TOML.
    pub default: &'static str,
    /// What it is for, in one line.
    pub doc: &'static str,
    /// A value in TOML.
    pub example: &'static str,
    /// Set for a key of a later version: what to do instead today.
    pub later: Option<&'static str>,
}

/// The tables that may hold a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every image table, and `[workspace.metadata.image]` as a default of all of them.
    Image,
    /// The same, but for the table of an image that has no program.
    Program,
    /// `[package.metadata.image]` alone.
    Package,
    /// `[workspace.metadata.image]` alone.
    Workspace,
}

/// What a value looks like, before its content is read.
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
    /// One of these strings; and strings of a later version, each with what to do instead today.
    Choice(&'static [&'static str], &'static [(&'static str, &'static str)]),
    /// A list of values of one shape.
    List(&'static Shape),
    /// A table with keys of the user's own choice.
    Map(&'static Shape),
    /// A table with these keys.
    Table(&'static [Key]),
    /// A table with exactly one of these keys.
    OneOf(&'static [Key]),
    /// The first of these that TOML's type of the value fits.
    Either(&'static [Shape]),
    /// Anything: of a key that is not read yet.
    Any,
}

/// What becomes of a key that stands in the image's table and in `[workspace.metadata.image]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// The image's value holds.
    Image,
    /// The items of both, the image's first.
    Append,
    /// The entries of both; where both have one, the image's holds.
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

/// What the workspace says of Portage for all images. Of its defaults this alone holds for the toolbox, which is no image of
/// the workspace's own making: the same packages are compiled alike, and nothing else is added to it.
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

/// Whether a key says how Portage builds packages, whichever they are.
pub(crate) fn is_of_portage(key: &str) -> bool {
    OF_PORTAGE.contains(&key)
}

/// Whether a key holds for the images on top of one as well: packages are built alike in all of them, what may be missing of a
/// file may be missing wherever the file is, and names of users mean the same.
pub(crate) fn is_inherited(key: &str) -> bool {
    is_of_portage(key) || ["allow-missing", "groups", "users"].contains(&key)
}

/// The keys of `[package.metadata.image]`, `[package.metadata.images.NAME]`, `[workspace.metadata.images.NAME]` and
/// `[workspace.metadata.image]`, in the order in which they are documented.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    Key::new("name", Shape::Text, "the package's name", r#""thumbnailer""#,
        "The image's name.").of(Scope::Package),

    // What Portage builds.
    Key::new("packages", TEXTS, "[]", r#"["media-libs/libpng", ">=dev-db/sqlite-3.40"]"#,
        "Atoms of the packages that the program is linked against or needs at run time; emerged into ROOT."),
    Key::new("build-packages", TEXTS, "[]", r#"["dev-libs/protobuf"]"#,
        "Atoms of packages that only the builder needs, such as code generators.").of(Scope::Program),
    Key::new("builder-base", Shape::Text, "the builder", r#""codegen""#,
        "An image of the workspace whose builder, with its `build-packages`, this one's begins with.").of(Scope::Program),
    Key::new("use", TEXTS, "[]", r#"["-static-libs"]"#,
        "USE flags for every package; of a flag that both tables have, the image's holds."),
    Key::new("package-use", TEXTS_BY_ATOM, "{}", r#"{ "media-libs/libpng" = ["apng"] }"#,
        "USE flags by package, merged flag by flag."),
    Key::new("package-keywords", TEXTS_BY_ATOM, "{}", r#"{ "media-libs/libpng" = ["~amd64"] }"#,
        "Keywords that are accepted besides the stable one, by package."),
    Key::new("package-mask", TEXTS, "[]", r#"[">=media-libs/libpng-2"]"#,
        "Atoms that are not to be used."),
    Key::new("package-unmask", TEXTS, "[]", r#"["=media-libs/libpng-1.6.40"]"#,
        "Atoms that are to be used although the profile masks them."),
    Key::new("package-env", Shape::Map(&Shape::Map(&Shape::Text)), "{}", r#"{ "media-libs/libpng" = { CFLAGS = "-O3" } }"#,
        "Variables for the building of single packages."),
    Key::new("package-license", TEXTS_BY_ATOM, "{}", r#"{ "media-libs/libpng" = ["libpng2"] }"#,
        "Licences that are accepted for single packages."),
    Key::new("patches", TEXTS_BY_ATOM, "{}", r#"{ "media-libs/libpng" = ["patches/gamma.patch"] }"#,
        "Patches by package, applied in this order; paths inside of the folder of this Cargo.toml."),

    // What cargo builds.
    Key::new("bins", TEXTS, "every binary of the package", r#"["thumbnailer"]"#,
        "The binaries that go into /usr/bin.").replaced().of(Scope::Program),
    Key::new("features", TEXTS, "[]", r#"["metrics"]"#,
        "Features of the package, as cargo's --features.").of(Scope::Program),
    Key::new("default-features", Shape::Boolean, "true", "false",
        "Whether the package's default features are on.").of(Scope::Program),
    Key::new("profile", Shape::Text, r#""release""#, r#""small""#,
        "cargo's profile; Portage's is `portage-profile`.").of(Scope::Program),
    Key::new("target-cpu", Shape::Text, "rustc's own", r#""x86-64-v3""#,
        "The processor that the program is compiled for, as rustc's -C target-cpu.").of(Scope::Program),

    // What goes into the image.
    Key::new("include", Shape::Choice(&["closure", "packages"], &[]),
        r#""closure"; "packages" where there is no program"#, r#""packages""#,
        "What of ROOT goes into the image: what the binaries reach, or all files of the packages less `prune` and the presets."),
    Key::new("keep", TEXTS, "[]", r#"["/usr/share/mime/**", "locale"]"#,
        "Globs over ROOT, or names of presets (`headers`, `static-libs`, …), of files that go in although no binary reaches them or a preset leaves them out."),
    Key::new("prune", TEXTS, "[]", r#"["/usr/share/locale/**"]"#,
        "Globs over ROOT of files that stay out although something reaches them; what the table itself brings stays (see `remove`)."),
    Key::new("allow-missing", TEXTS, "[]", r#"["/usr/lib64/plugins/*.so", "plugins"]"#,
        "Globs over ROOT of files that go in although something that they need is not there: a library, an interpreter, what a link leads to; or names of hidden dependencies that the image can do without."),
    Key::new("strict", Shape::Boolean, "false", "true",
        "Whether it is an error, and not only a line of the report, that something might be missing: a hidden dependency, a recommended library of a dlopen note."),
    Key::new("locale", TEXTS, "[]", r#"["de_DE.UTF-8"]"#,
        "Locales that are compiled for the image, besides C; their character sets come with them."),
    Key::new("timezone", Shape::Text, "UTC", r#""Europe/Berlin""#,
        "The local time zone: /etc/localtime and this zone by its name; all zones come with `sys-libs/timezone-data` in `packages` instead."),
    Key::new("gconv", TEXTS, "[]", r#"["ISO-8859-15"]"#,
        "Character sets that iconv converts, besides UTF-8, UCS and ASCII."),
    Key::new("ca-certificates", Shape::Boolean, "where a program asks for them and ROOT has them", "true",
        "Whether the certificates that TLS trusts go in; `app-misc/ca-certificates` brings them."),
    Key::new("unmerge", TEXTS, "[]", r#"["sys-apps/sed"]"#,
        "Atoms of packages that are there while others are built and that the image goes without: they are unmerged, as by emerge -C, from a copy of ROOT."),
    Key::new("files", Shape::List(&Shape::Table(FILE_KEYS)), "[]", r#"[{ from = "assets", to = "/usr/share/thumbnailer" }]"#,
        "Files and folders of the package (in a table of the workspace: of the workspace) that go in."),
    Key::new("directories", Shape::List(&Shape::Table(DIRECTORY_KEYS)), "[]", r#"[{ path = "/var/lib/thumbnailer", owner = "1000:1000", mode = "0750" }]"#,
        "Folders that are made, such as those of volumes; of a path that both tables have, the image's holds."),
    Key::new("symlinks", Shape::List(&Shape::Table(SYMLINK_KEYS)), "[]", r#"[{ path = "/usr/bin/awk", target = "gawk" }]"#,
        "Links that are made; each leads to something of the image, or into /dev, /proc, /run, /sys or /tmp. Of a path that both tables have, the image's holds."),
    Key::new("users", Shape::List(&Shape::Table(USER_KEYS)), "[]", r#"[{ name = "web", uid = 1000 }]"#,
        "Users that are appended to the /etc/passwd of ROOT, or to one with root alone; of a name that both tables have, the image's holds. `user` and `owner` may name them."),
    Key::new("groups", Shape::List(&Shape::Table(GROUP_KEYS)), "[]", r#"[{ name = "media", gid = 2000 }]"#,
        "Groups that are appended to the /etc/group of ROOT, as `users` are."),
    Key::new("capabilities", Shape::Map(&Shape::Text), "{}", r#"{ "/usr/bin/thumbnailer" = "cap_net_bind_service=ep" }"#,
        "Capabilities of files, by path, in the words of setcap: names, `=` or `+`, and letters out of `e`, `i` and `p`. A container needs them in its bounding set too (`--cap-add`)."),
    Key::new("remove", TEXTS, "[]", r#"["/usr/share/thumbnailer/*.psd"]"#,
        "Globs of paths that are taken out of the image whoever brought them: as `prune` for files of ROOT, but also what `files`, `directories`, `symlinks`, `users` and hooks bring. What needs such a file misses it; the program that the image starts or its health check runs has to stay."),
    Key::new("hooks", Shape::Table(HOOK_KEYS), "none", r#"{ finish = ["hooks/finish.sh", "hooks/words"] }"#,
        "Scripts that do what no key says; see [Hooks](#hooks). Whoever has a table of them has none of the workspace's."),
    Key::new("strip", Shape::Choice(&["none", "debuginfo", "symbols"], &[]), r#""debuginfo""#, r#""symbols""#,
        "What is taken out of binaries and libraries; it is kept beside the image by build-id.").of(Scope::Program),
    Key::new("base", Shape::Either(&[Shape::Text, Shape::OneOf(BASE_KEYS)]), r#""scratch""#, r#"{ image = "debian:12-slim" }"#,
        "What the image begins with: nothing, or all layers and packages of another image of the workspace, named here; or `{ image = \"…\" }`, any image that the daemon has or can pull."),

    Key::new("max-size", Shape::Either(&[Shape::Text, Shape::Map(&Shape::Text)]), "no limit",
        r#"{ total = "12 MB", "media-libs/libpng" = "1 MB", "the program" = "4 MB" }"#,
        "How large the image may be; or a table with `total`, packages, `the program` and `declared files`. MB is a million bytes, MiB 1024 times 1024. What is larger is not loaded."),

    // How the image is run.
    Key::new("entrypoint", TEXTS, "the binary, where there is one only", r#"["/usr/bin/thumbnailer", "--json"]"#,
        "The program that a container starts, and its first arguments; where there is no program, this or `cmd` must be there.").replaced(),
    Key::new("cmd", TEXTS, "[]", r#"["--port", "8080"]"#,
        "Arguments that `docker run` may replace.").replaced(),
    Key::new("env", Shape::Map(&Shape::Text), "{}", r#"{ RUST_LOG = "info" }"#,
        "Environment variables. They are part of the image: no place for secrets."),
    Key::new("env-files", TEXTS, "[]", r#"["defaults.env"]"#,
        "Files with further variables, inside of the folder of this Cargo.toml, as `docker run --env-file` reads them: a line of NAME=VALUE each, `#` begins a comment line. A later file wins over an earlier one, the image's over the workspace's, `env` over all. They are part of the image: no place for secrets."),
    Key::new("expose", Shape::List(&Shape::TextOrInteger), "[]", r#"[8080, "53/udp"]"#,
        "Ports that the program listens on: tcp unless it says udp or sctp."),
    Key::new("volumes", TEXTS, "[]", r#"["/var/lib/thumbnailer"]"#,
        "Folders whose content outlives the container."),
    Key::new("workdir", Shape::Text, "/", r#""/var/lib/thumbnailer""#,
        "The folder that the program starts in."),
    Key::new("user", Shape::TextOrInteger, "0:0", r#""1000:1000""#,
        "Who the program runs as: numbers of the user and the group, a single number being both, or names out of `users` and `groups`; a user's name alone stands for its group as well. The image has the numbers."),
    Key::new("labels", Shape::Map(&Shape::Text), "{}", r#"{ "com.example.team" = "media" }"#,
        "Labels of the image."),
    Key::new("stop-signal", Shape::TextOrInteger, "SIGTERM", r#""SIGINT""#,
        "The signal that asks the program to stop."),
    Key::new("healthcheck", Shape::Either(&[Shape::Table(HEALTHCHECK_KEYS), Shape::False]), "false",
        r#"{ cmd = ["/usr/bin/thumbnailer", "--check"], interval = "30s" }"#,
        "How the daemon finds out whether the program is well; `false` where the workspace's default is not wanted."),
    Key::new("tags", TEXTS, r#"["latest"]"#, r#"["latest", "1.2"]"#,
        "Tags that the image gets.").replaced(),
    Key::new("test", Shape::Map(&Shape::Table(TEST_KEYS)), "{}", r#"{ version = { command = ["--version"], stdout = { contains = ["1.2"] } } }"#,
        "Tests by name, each of a container of the image from outside; an image that fails one gets no name."),

    // What the workspace says once.
    Key::new("builder", Shape::Either(&[
            Shape::Choice(&["debian"], &[("stage3", r#"write `builder = "debian"`, or unpack a stage3 yourself and name it with `builder = { rootfs = "stage3.tar.xz" }`"#)]),
            Shape::OneOf(BUILDER_KEYS),
        ]), r#""debian""#, r#"{ rootfs = "stage3.tar.xz" }"#,
        "The root filesystem that Portage runs in: Debian with Portage, or one of your own that has emerge; an ebuild repository of its own in /var/db/repos/gentoo takes the place of the embedded one.").of(Scope::Workspace),
    Key::new("repositories", Shape::List(&Shape::Table(REPOSITORY_KEYS)), "[]", r#"[{ name = "overlay", path = "images/overlay" }]"#,
        "Ebuild repositories besides the builder's own; a later one comes before an earlier one.").of(Scope::Workspace),
    Key::new("portage-profile", Shape::Text, "the builder's own", r#""tierce:default/linux/amd64""#,
        "Portage's profile, as repository:path; cargo's is `profile`.").of(Scope::Workspace),
    Key::new("make-conf", Shape::Map(&Shape::Text), "{}", r#"{ CFLAGS = "-O2 -pipe" }"#,
        "Variables of make.conf.").of(Scope::Workspace),
    Key::new("toolbox", Shape::Text, r#""toolbox""#, r#""registry.example/tools:2""#,
        "The image that `cargo xtask debug` takes its tools from: one of the workspace, or any reference.").of(Scope::Workspace),
    Key::new("debian-mirror", Shape::Text, "the one in the host's apt sources", r#""http://mirror.example/debian""#,
        "Where Debian's packages and source archives are fetched from.").of(Scope::Workspace),
    Key::new("python-index", Shape::Text, "the one in pip's configuration", r#""https://mirror.example/simple""#,
        "Where Portage itself is fetched from, a Python package index.").of(Scope::Workspace),
    Key::later("registry", "Where images are pushed to.",
        "leave it out, and push the reference that the command prints with `docker push`").of(Scope::Workspace),
    Key::later("platforms", "The platforms that images are made for.",
        "leave it out: images are made for linux/amd64").of(Scope::Workspace),
];

/// The keys of an item of `files`.
#[rustfmt::skip]
pub const FILE_KEYS: &[Key] = &[
    Key::new("from", Shape::Text, "", r#""assets""#,
        "A file or folder, as a path inside of the folder of this Cargo.toml.").required(),
    Key::new("to", Shape::Text, "", r#""/usr/share/thumbnailer""#,
        "The path that it gets in the image, with its last component.").required(),
    Key::new("mode", Shape::Text, "0644, or 0755 for what is executable", r#""0644""#,
        "The mode of the files, in octal."),
    Key::new("owner", Shape::TextOrInteger, "0:0", r#""1000:1000""#,
        "Numbers or names of user and group, as `user` has them."),
];

/// The keys of an item of `directories`.
#[rustfmt::skip]
pub const DIRECTORY_KEYS: &[Key] = &[
    Key::new("path", Shape::Text, "", r#""/var/lib/thumbnailer""#,
        "The path in the image.").required(),
    Key::new("mode", Shape::Text, r#""0755""#, r#""0750""#,
        "The mode, in octal."),
    Key::new("owner", Shape::TextOrInteger, "0:0", r#""1000:1000""#,
        "Numbers or names of user and group, as `user` has them."),
];

/// A script, or a list of one and what it reads.
const HOOK: Shape = Shape::Either(&[Shape::Text, TEXTS]);

/// The keys of `hooks`.
#[rustfmt::skip]
pub const HOOK_KEYS: &[Key] = &[
    Key::new("builder", HOOK, "nothing", r#""builder.sh""#,
        "Runs in the builder that the program is compiled in, after `build-packages` are there, and may change it. Packages are compiled before, in the builder that all images share."),
    Key::new("root-before", HOOK, "nothing", r#""root-before.sh""#,
        "Runs on the empty ROOT, before packages are merged into it."),
    Key::new("root-after", HOOK, "nothing", r#"["root-after.sh", "fonts"]"#,
        "Runs on ROOT after packages are merged into it, before the program is compiled against it. With `include = \"closure\"` what it adds goes in if it is reached or kept."),
    Key::new("finish", HOOK, "nothing", r#""finish.sh""#,
        "Runs on a copy of what was selected for the image: what it leaves there is the image."),
];

/// The keys of an item of `symlinks`.
#[rustfmt::skip]
pub const SYMLINK_KEYS: &[Key] = &[
    Key::new("path", Shape::Text, "", r#""/usr/bin/awk""#,
        "The path of the link in the image.").required(),
    Key::new("target", Shape::Text, "", r#""gawk""#,
        "What it leads to: a path from the link's own folder on, or one from the top.").required(),
];

/// The keys of an item of `users`.
#[rustfmt::skip]
pub const USER_KEYS: &[Key] = &[
    Key::new("name", Shape::Text, "", r#""web""#,
        "The user's name.").required(),
    Key::new("uid", Shape::Integer, "", "1000",
        "The user's number, from 1.").required(),
    Key::new("group", Shape::TextOrInteger, "a group with the user's name, made with the user's number if need be", r#""media""#,
        "The user's own group: a name out of `groups`, or a number."),
    Key::new("home", Shape::Text, r#""/""#, r#""/var/lib/web""#,
        "The home folder; `directories` makes it."),
    Key::new("shell", Shape::Text, r#""/sbin/nologin""#, r#""/bin/sh""#,
        "The program of a login, which need not be there."),
    Key::new("comment", Shape::Text, "nothing", r#""the web server""#,
        "What the user is for."),
];

/// The keys of an item of `groups`.
#[rustfmt::skip]
pub const GROUP_KEYS: &[Key] = &[
    Key::new("name", Shape::Text, "", r#""media""#,
        "The group's name.").required(),
    Key::new("gid", Shape::Integer, "", "2000",
        "The group's number, from 1.").required(),
    Key::new("members", TEXTS, "[]", r#"["web"]"#,
        "Users, out of `users`, that are in it besides those whose own group it is."),
];

/// The keys of `healthcheck`.
#[rustfmt::skip]
pub const HEALTHCHECK_KEYS: &[Key] = &[
    Key::new("cmd", TEXTS, "one of these four", r#"["/usr/bin/thumbnailer", "--check"]"#,
        "The program that is run in the container; 0 is well."),
    Key::new("http", Shape::TextOrInteger, "one of these four", r#""http://127.0.0.1:8080/healthz""#,
        "A port of `expose`, or an address of the container, that answers Tierce's probe with a status from 200 to 399."),
    Key::new("tcp", Shape::TextOrInteger, "one of these four", "8080",
        "A port of `expose` that takes a connection of the probe."),
    Key::new("file", Shape::Text, "one of these four", r#""/run/ready""#,
        "A file of the container that is there."),
    Key::new("interval", Shape::Text, "30s", r#""30s""#,
        "The time between two checks."),
    Key::new("timeout", Shape::Text, "30s", r#""5s""#,
        "The time after which a check has failed."),
    Key::new("start-period", Shape::Text, "0s", r#""1m30s""#,
        "The time after the start in which failures do not count."),
    Key::new("retries", Shape::Integer, "3", "5",
        "How many checks in a row fail before the program counts as unwell."),
];

/// The keys of an item of `repositories`.
#[rustfmt::skip]
pub const REPOSITORY_KEYS: &[Key] = &[
    Key::new("name", Shape::Text, "", r#""overlay""#,
        "Its name, as its profiles/repo_name has it.").required(),
    Key::new("path", Shape::Text, "", r#""images/overlay""#,
        "Its folder, from the workspace's root.").required(),
    Key::new("masters", TEXTS, "those of its metadata/layout.conf", r#"["tierce"]"#,
        "The repositories whose eclasses and profiles it uses."),
];

/// The keys of `builder` where it is a table.
#[rustfmt::skip]
pub const BUILDER_KEYS: &[Key] = &[
    Key::new("image", Shape::Text, "", r#""registry.example/stage3:2026""#,
        "An image that has emerge, and that the daemon has or can pull."),
    Key::new("rootfs", Shape::Text, "", r#""stage3.tar.xz""#,
        "A root filesystem that has emerge: a .tar, .tar.gz, .tar.xz or .tar.zst, or a folder; from the workspace's root."),
];

/// The keys of `base` where it is a table.
#[rustfmt::skip]
pub const BASE_KEYS: &[Key] = &[
    Key::new("image", Shape::Text, "", r#""debian:12-slim""#,
        "The reference of an image that the daemon has or can pull."),
];

/// The key `name` among `keys`.
pub(crate) fn find(keys: &'static [Key], name: &str) -> Option<&'static Key> {
    keys.iter().find(|key| key.name == name)
}

impl Shape {
    /// What it is in words: "a list of strings".
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
