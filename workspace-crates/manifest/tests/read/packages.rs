//! Images without a program, and the toolbox, which every workspace has.

use tierce_manifest::{DebugImage, ImageSpec, Include, Located, WorkspaceSpec};

use crate::{defaults, image, read, refusal};

/// Returns the text of the workspace's table of an image `php`.
fn php(keys: &str) -> String {
    format!("[workspace.metadata.images.php]\n{keys}")
}

#[track_caller]
fn read_root(root: &str) -> WorkspaceSpec {
    read(root, "").unwrap_or_else(|errors| panic!("{root}\n{errors}"))
}

fn shown<T: ToString>(items: &[Located<T>]) -> String {
    items.iter().map(|item| item.value.to_string()).collect::<Vec<_>>().join(" ")
}

fn packages(image: &ImageSpec) -> String {
    shown(&image.emerge.packages)
}

#[test]
fn image_of_packages_is_read() {
    let keys = "packages = [\"dev-lang/php\"]\nentrypoint = [\"/usr/bin/php\"]\nfiles = [{ from = \"php.ini\", to = \"/etc/php.ini\" }]";
    let spec = read_root(&php(keys));
    let [image] = spec.images.as_slice() else { panic!("{:?}", spec.images) };
    assert_eq!((image.name.as_str(), packages(image).as_str()), ("php", "dev-lang/php"));
    assert_eq!((&image.program, image.content.include), (&None, Include::Packages));
    assert_eq!(image.config.entrypoint.value, ["/usr/bin/php"]);
    assert_eq!(image.content.files[0].from.value.full(), "php.ini", "in the workspace's folder");
    assert_eq!(image.place.span, 27..30, "the key in the header");
}

#[test]
fn image_of_packages_skips_program_defaults() {
    let defaults =
        defaults("packages = [\"a/b\"]\ncmd = [\"/bin/a\"]\nfeatures = [\"x\"]\ninclude = \"closure\"\nuser = 7\n");
    let spec = read_root(&format!("{defaults}{}", php("packages = [\"c/d\"]")));
    let image = &spec.images[0];
    assert_eq!((packages(image).as_str(), image.config.cmd.join(" ").as_str()), ("c/d a/b", "/bin/a"));
    assert_eq!(image.content.include, Include::Packages);
    assert!(image.config.user.as_ref().is_some_and(|user| user.value.to_string() == "7:7"));
}

#[test]
fn keys_about_programs_are_refused() {
    let program = |key: &str| {
        format!(
            "Cargo.toml:2:1: `{key}` is about an image's program, and this image has none\n  \
             help: leave it out, or give the table to the program's package, as `[package.metadata.images.NAME]`"
        )
    };
    let start = "\ncmd = [\"/bin/x\"]";
    for (keys, expected) in [
        ("bins = [\"php\"]", program("bins")),
        ("features = []", program("features")),
        ("default-features = true", program("default-features")),
        ("profile = \"dev\"", program("profile")),
        ("target-cpu = \"x86-64-v3\"", program("target-cpu")),
        ("strip = \"none\"", program("strip")),
        ("build-packages = [\"a/b\"]", program("build-packages")),
        (
            "name = \"x\"",
            "Cargo.toml:2:1: `name` is already in the header of this table\n  help: leave `name` out, or rename the table".into(),
        ),
        (
            "make-conf = {}",
            "Cargo.toml:2:1: `make-conf` holds for the whole workspace, not for one image\n  \
             help: move it to `[workspace.metadata.image]` in the workspace's root Cargo.toml".into(),
        ),
        ("pakages = []", "Cargo.toml:2:1: unknown key `pakages`\n  help: did you mean `packages`?".into()),
        ("bin = []", "Cargo.toml:2:1: unknown key `bin`".into()),
        (
            "include = \"closure\"",
            "Cargo.toml:2:11: a closure starts at a program, and this image has none\n  \
             help: leave `include` out: the image holds its packages, less `prune` and the presets".into(),
        ),
        (
            "base = \"php-base\"",
            "Cargo.toml:2:8: the workspace has no image `php-base` to begin with\n  help: there is only `scratch`; for an image from elsewhere, write `base = { image = \"php-base\" }`".into(),
        ),
    ] {
        assert_eq!(refusal(&php(&format!("{keys}{start}")), ""), expected, "{keys}");
    }
}

#[test]
fn image_without_a_command_is_refused() {
    let help = "help: add `entrypoint = [\"/usr/bin/…\"]`, a program of its packages, or `cmd` for a command that `docker run` may replace";
    for (keys, expected) in [
        ("", "Cargo.toml:1:28: the image has no program to start"),
        ("entrypoint = []", "Cargo.toml:2:14: `entrypoint` and `cmd` are empty: the image would start nothing"),
    ] {
        assert_eq!(refusal(&php(keys), ""), format!("{expected}\n  {help}"), "{keys}");
    }
}

#[test]
fn invalid_headers_are_refused() {
    let header = |name: &str| format!("[workspace.metadata.images.{name}]\ncmd = [\"/x\"]");
    let taken = "help: name the image otherwise; `[workspace.metadata.images.toolbox]` changes the toolbox, and `toolbox` of \
                 `[workspace.metadata.image]` puts another image in its place";
    for (root, package, expected) in [
        (
            "[workspace.metadata]\nimages = [1]".to_owned(),
            "",
            "Cargo.toml:2:10: `images` must be a table of image tables\n  help: write `[workspace.metadata.images.NAME]` for each image".to_owned(),
        ),
        (
            "[workspace.metadata.images]\none = 1".to_owned(),
            "",
            "Cargo.toml:2:7: `one` must be a table, not an integer".to_owned(),
        ),
        (
            header("One"),
            "",
            "Cargo.toml:1:28: `One` is not a name for an image\n  \
             help: write lower-case letters and digits, joined by single `.`, `_`, `-` or `/`: \"one\"".to_owned(),
        ),
        (
            header("app"),
            "[package.metadata.image]",
            "Cargo.toml:1:28: two images have the name `app`\n  app/Cargo.toml:1:19: the first one\n  \
             help: name one of them otherwise: `name = \"…\"` in its table, or another NAME in `[….metadata.images.NAME]`".to_owned(),
        ),
        (
            String::new(),
            "[package.metadata.images.toolbox]",
            format!("app/Cargo.toml:1:26: `toolbox` is the image with Tierce's own tools for debugging\n  {taken}"),
        ),
    ] {
        assert_eq!(refusal(&root, package), expected, "{root}\n{package}");
    }
}

#[test]
fn unknown_preset_is_refused() {
    for (keep, expected) in [
        ("mann", "`mann` is neither a preset nor a glob\n  help: did you mean `man`?"),
        (
            "everything",
            "`everything` is neither a preset nor a glob\n  \
             help: a glob begins at the top: write `/everything`, or `/**/everything` for any folder",
        ),
    ] {
        assert_eq!(refusal("", &image(&format!("keep = [{keep:?}]"))), format!("app/Cargo.toml:2:9: {expected}"));
    }
}

#[test]
fn workspace_has_a_toolbox_by_default() {
    let spec = read_root("");
    assert_eq!(spec.images, []);
    let toolbox = &spec.toolbox;
    assert_eq!(toolbox.name.as_str(), "toolbox");
    assert_eq!(
        packages(toolbox),
        "app-misc/pax-utils app-shells/bash dev-debug/gdb dev-debug/strace net-analyzer/tcpdump net-misc/curl \
         net-misc/socat sys-apps/busybox sys-apps/iproute2 sys-process/procps"
    );
    let config = &toolbox.config;
    assert_eq!((config.entrypoint.value.len(), config.cmd.join(" ").as_str()), (0, "/bin/bash"));
    assert_eq!(config.user.as_ref().map(|user| user.value.to_string()).as_deref(), Some("0:0"));
    assert!(spec.image("toolbox").is_some_and(|image| image == toolbox));
    assert_eq!(spec.debug_image, DebugImage::OfWorkspace(toolbox.name.clone()));
    // An error can show a line of the embedded table.
    let text = tierce_manifest::library_text(&toolbox.place.file).unwrap();
    assert_eq!(&text[toolbox.place.span.clone()], "toolbox");
    // The embedded table is also valid as a table of the workspace.
    assert_eq!(packages(&read_root(&text.replace(".toolbox]", ".other]")).images[0]), packages(toolbox));
}

#[test]
fn workspace_may_change_the_toolbox() {
    let own =
        "[workspace.metadata.images.toolbox]\npackages = [\"dev-db/sqlite\", \"dev-debug/gdb\"]\ncmd = [\"/bin/sh\"]\n";
    let defaults = defaults(
        "packages = [\"a/b\"]\nuse = [\"-nls\"]\npackage-use = { \"a/b\" = [\"x\"] }\nuser = 1000\n\
         entrypoint = [\"/usr/bin/app\"]\nfiles = [{ from = \"a\", to = \"/a\" }]\ntags = [\"1\"]",
    );
    let spec = read_root(&format!("{own}{defaults}"));
    let toolbox = &spec.toolbox;
    assert!(
        packages(toolbox)
            .starts_with("dev-db/sqlite dev-debug/gdb app-misc/pax-utils app-shells/bash dev-debug/strace")
    );
    assert!(!packages(toolbox).contains("a/b"), "{}", packages(toolbox));
    assert_eq!(toolbox.config.cmd, ["/bin/sh"]);
    // Of the defaults, only those about Portage apply, in addition to the toolbox's own flags of busybox.
    assert_eq!((shown(&toolbox.emerge.use_settings).as_str(), toolbox.emerge.package_use.len()), ("-nls", 2));
    assert_eq!(toolbox.config.user.as_ref().map(|user| user.value.to_string()).as_deref(), Some("0:0"));
    assert_eq!((toolbox.config.entrypoint.value.len(), toolbox.content.files.len()), (0, 0));
    assert_eq!(shown(&toolbox.tags), "latest");
    assert_eq!(spec.images, []);
}

#[test]
fn toolbox_key_selects_another_image() {
    let of = |name: &str| {
        let root = format!("{}\n{}", defaults(&format!("toolbox = {name:?}")), php("cmd = [\"/x\"]"));
        match read_root(&root).debug_image {
            DebugImage::OfWorkspace(name) => format!("the image {name}"),
            DebugImage::Reference(reference) => format!("the reference {}", reference.value),
        }
    };
    assert_eq!(of("php"), "the image php");
    assert_eq!(of("toolbox"), "the image toolbox");
    assert_eq!(of("registry.example/tools:2"), "the reference registry.example/tools:2");
    let error = refusal(&defaults("toolbox = \"A b\""), "");
    assert!(error.starts_with("Cargo.toml:2:11: `A b` is not a reference to an image"), "{error}");
}

#[test]
fn names_and_tags_may_have_a_registry() {
    let root = "[workspace.metadata.images.\"r.example:5000/team/web\"]\ncmd = [\"/x\"]\npackages = [\"a/b\"]\n\
                tags = [\"1.2\", \"other/web:3\"]\n";
    let spec = read_root(root);
    assert_eq!(spec.images[0].references(), ["r.example:5000/team/web:1.2", "other/web:3"]);
    assert_eq!(spec.layout_name(&spec.images[0]), "1.2");
}

#[test]
fn one_reference_of_two_images_is_refused() {
    let image = |name: &str| format!("[workspace.metadata.images.{name}]\ncmd = [\"/x\"]\npackages = [\"a/b\"]\n");
    let root = format!("[workspace.metadata.image]\ntags = [\"r.example/x:1\"]\n{}{}", image("a"), image("b"));
    let refused = read(&root, "").expect_err("one reference for both").to_string();
    assert_eq!(
        refused,
        "Cargo.toml:2:9: the images `a` and `b` get the reference `r.example/x:1`\n  \
         help: write the tag alone, and let `name` of each image have the registry and the path"
    );
    let tagged = |image: String, tag: &str| format!("{image}tags = [\"{tag}\"]\n");
    let refused =
        read(&(tagged(image("a"), "latest") + &tagged(image("b"), "a:latest")), "").expect_err("twice").to_string();
    assert!(
        refused.contains("the images `a` and `b` get the reference `a:latest`\n  Cargo.toml:4:9: the first one"),
        "{refused}"
    );
}
