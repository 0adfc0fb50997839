//! Images that begin with other images of the workspace.

use std::fs;

use serde_json::Value;

use crate::ebuilds::package_with_repository;
use crate::package_images::builders_lock;
use crate::running::warm_up;
use crate::support::{Container, LoadedImage, Ran, Workspace, tool, unique_name};

/// A library with a header and a static library, which presets leave out of an image.
const ONE: &str = "KEYWORDS=\"amd64\"\nIUSE=\"loud\"\n\n\
    src_compile() {\n\
    \techo 'int one(void) { return 1; }' >one.c\n\techo 'int one(void);' >one.h\n\
    \t\"${CHOST}-gcc\" ${CFLAGS} -fPIC -c one.c || die\n\t\"${CHOST}-gcc-ar\" rcs libone.a one.o || ar rcs libone.a one.o || die\n\
    \t\"${CHOST}-gcc\" ${CFLAGS} ${LDFLAGS} -shared -Wl,-soname,libone.so.1 one.o -o libone.so.1 || die\n\
    }\n\n\
    src_install() {\n\tdolib.so libone.so.1\n\tdosym libone.so.1 /usr/$(get_libdir)/libone.so\n\tdolib.a libone.a\n\tdoheader one.h\n\
    \techo @TEXT@ >list || die\n\tinsinto /usr/share/one\n\tdoins list\n}\n";
/// A program that is linked against it, with its header.
const GREETER: &str = "KEYWORDS=\"amd64\"\nDEPEND=\"media-libs/one\"\nRDEPEND=\"media-libs/one\"\n\n\
    src_compile() {\n\
    \tprintf '%s\\n' '#include <one.h>' 'int puts(const char *);' 'int main(void) { return puts(one() == 1 ? \"one\" : \"?\") < 0; }' >main.c\n\
    \t\"${CHOST}-gcc\" ${CFLAGS} ${LDFLAGS} main.c -lone -o greeter || die\n\
    }\n\nsrc_install() {\n\tdobin greeter\n}\n";

/// Three images, each on top of the one before: a library, a program of a package, a Rust program.
struct Chain {
    names: [String; 3],
    workspace: Workspace,
}

impl Chain {
    fn new(word: &str) -> Chain {
        warm_up();
        let names = [(); 3].map(|()| unique_name());
        let [_, _, app] = &names;
        // The static library, which the image below it does not have.
        let build = "fn main() {\n    println!(\"cargo::rustc-link-arg=-l:libone.a\");\n}\n";
        let main =
            "unsafe extern \"C\" {\n    safe fn one() -> i32;\n}\n\nfn main() {\n    println!(\"app {}\", one());\n}\n";
        let workspace = package_with_repository(app, "")
            .ebuild("one", &ONE.replace("@TEXT@", word))
            .ebuild("greeter", GREETER)
            .file(&format!("{app}/build.rs"), build)
            .file(&format!("{app}/src/main.rs"), main)
            .file("Tierce.lock", &builders_lock());
        let chain = Chain { names, workspace };
        chain.tables("", "");
        chain
    }

    /// Writes the tables, with these further keys of the first and the second image.
    fn tables(&self, bottom: &str, middle: &str) {
        let [a, b, app] = &self.names;
        self.workspace.write(
            "Cargo.toml",
            &format!(
                "[workspace]\nresolver = \"3\"\nmembers = [\"{app}\"]\n\n[workspace.metadata.image]\n\
                 repositories = [{{ name = \"mine\", path = \"overlay\" }}]\n\n\
                 [workspace.metadata.images.{a}]\npackages = [\"media-libs/one\"]\ncmd = [\"/usr/lib64/ld-linux-x86-64.so.2\"]\n\
                 env = {{ LEVEL = \"a\", A = \"1\" }}\nuser = 7\n{bottom}\n\n\
                 [workspace.metadata.images.{b}]\nbase = \"{a}\"\npackages = [\"media-libs/greeter\"]\n\
                 entrypoint = [\"/usr/bin/greeter\"]\nenv = {{ LEVEL = \"b\" }}\n{middle}\n"
            ),
        );
        self.workspace.write(
            &format!("{app}/Cargo.toml"),
            &format!(
                "[package]\nname = \"{app}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n\
                 [package.metadata.image]\nbase = \"{b}\"\n"
            ),
        );
    }

    fn reference(&self, index: usize) -> String {
        format!("{}:latest", self.names[index])
    }
}

fn inspected(reference: &str, format: &str) -> String {
    tool("docker", ["image", "inspect", "-f", format, reference]).ok().line().to_owned()
}

pub(crate) fn layers(reference: &str) -> Vec<String> {
    serde_json::from_str(&inspected(reference, "{{json .RootFS.Layers}}")).expect("a list")
}

pub(crate) fn output(reference: &str) -> String {
    tool("docker", ["run", "--rm", "--network", "none", "--read-only", reference]).ok().stdout
}

/// The lines of an explained run that say that something is done, and why.
fn causes(ran: &Ran) -> Vec<&str> {
    ran.stdout.lines().filter(|line| !line.ends_with("  fresh")).collect()
}

/// Each image has steps of the same kinds; those of its base images come first.
fn a_shell_stands_in_the_image_that_is_named(chain: &Chain) {
    let [first, second, app] = &chain.names;
    let shell = |image: &str, arguments: &[&str], script: &str| {
        chain.workspace.xtask(&[&["shell", image], arguments, &["--", "bash", "-c", script]].concat()).ok()
    };
    let ran = shell(app, &["--root"], "ls usr/bin/greeter; rm usr/bin/greeter");
    assert_eq!(ran.stdout, "usr/bin/greeter\n");
    assert!(ran.stderr.contains(&format!("Entering packages {app}")), "{}", ran.stderr);
    let script = "ls /destination/usr/bin; [ -e /tierce/src ] || ls /tierce >&2";
    assert_eq!(shell(app, &["--step", "compile"], script).stdout, "greeter\n");
    // Where packages are merged on top of the image below, there is that one's ROOT.
    let script = "ls usr/share/one; ls usr/bin 2>&1 | tail -n 1; pwd";
    let ran = shell(second, &["--step", "root"], script);
    assert!(ran.stdout.starts_with("list\n") && ran.stdout.ends_with("\n/destination\n"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("greeter"), "{}", ran.stdout);
    assert_eq!(shell(first, &["--root"], "ls usr/bin/greeter 2>/dev/null; ls usr/share/one").stdout, "list\n");
}

#[test]
fn three_stacked_images_share_layers() {
    let chain = Chain::new("word");
    let [a, b, app] = &chain.names;
    let (first, second, third) = (chain.reference(0), chain.reference(1), chain.reference(2));
    let _images = LoadedImage::new(&first).and(&second).and(&third);
    let workspace = &chain.workspace;

    // Only the top image: its bases are built, but not loaded.
    assert_eq!(workspace.xtask(&["image", app]).ok().line(), third);
    assert_eq!(output(&third), "app 1\n");
    assert_eq!(tool("docker", ["image", "inspect", &first]).code, Some(1));
    let ran = workspace.xtask(&["image"]).ok();
    assert!(!ran.stderr.contains("Running pack") && !ran.stderr.contains("Running root"), "{}", ran.stderr);
    assert_eq!(output(&second), "one\n");

    // The same layers, and new ones on top.
    let all = [layers(&first), layers(&second), layers(&third)];
    assert!(all[1].starts_with(&all[0]) && all[2].starts_with(&all[1]), "{all:?}");
    assert!(all[0].len() < all[1].len() && all[1].len() < all[2].len(), "{all:?}");
    let listing = |reference: &str| Container::create(reference).listing();
    assert!(!listing(&third).contains("one.h") && !listing(&third).contains("libone.a"), "{}", listing(&third));
    assert!(listing(&third).contains("usr/bin/greeter\n") && !listing(&first).contains("greeter"));
    for (reference, expected) in
        [(&first, "[A=1 LEVEL=a] 7:7"), (&second, "[A=1 LEVEL=b] 7:7"), (&third, "[A=1 LEVEL=b] 7:7")]
    {
        assert_eq!(inspected(reference, "{{.Config.Env}} {{.Config.User}}"), expected);
    }
    a_shell_stands_in_the_image_that_is_named(&chain);
    let why = workspace.xtask(&["why", app, "/usr/bin/greeter"]).ok().stdout;
    assert!(why.contains(&format!("in the base image {b}")), "{why}");

    let graph = workspace.xtask(&["graph", app, "--format", "text"]).ok().stdout;
    assert!(graph.starts_with(&format!("{app}\n└── {b}\n    ├── {a}\n    │   ├── ")), "{graph}");
    assert!(graph.contains("\n    └── media-libs/greeter-1\n        └── media-libs/one-1"), "{graph}");

    // Whose a file is does not depend on which of the images has brought it, for a budget neither.
    let sizes: Value =
        serde_json::from_str(&workspace.xtask(&["size", app, "--format", "json"]).ok().stdout).expect("JSON");
    let owner = |path: &str| {
        let files = sizes["files"].as_array().expect("a list");
        files.iter().find(|file| file["path"] == path).map(|file| file["owner"].clone())
    };
    assert_eq!(owner("/usr/share/one/list"), Some("media-libs/one".into()));
    assert_eq!(owner("/usr/bin/greeter"), Some("media-libs/greeter".into()));
    let report = fs::read_to_string(workspace.root().join(format!("target/tierce/reports/{b}/packages.json")));
    let report: Value = serde_json::from_str(&report.expect("a report")).expect("JSON");
    let reasons: Vec<(&str, &str)> = report["packages"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|package| Some((package["cpv"].as_str()?, package["reason"].as_str()?)))
        .filter(|(cpv, _)| cpv.starts_with("media-libs/"))
        .collect();
    let of_base = format!("the base `{a}` has it");
    assert_eq!(
        reasons,
        [("media-libs/greeter-1", "`packages` has media-libs/greeter"), ("media-libs/one-1", of_base.as_str())]
    );

    // A layout has each layer once, as others see it.
    workspace.xtask(&["image", "--layout", "layout"]).ok();
    let folder = workspace.root().join("layout").display().to_string();
    let of_layout = |reference: &str| {
        let raw = tool("skopeo", ["inspect", "--raw", &format!("oci:{folder}:{reference}")]).ok().stdout;
        let manifest: Value = serde_json::from_str(&raw).expect("a manifest");
        manifest["layers"]
            .as_array()
            .expect("layers")
            .iter()
            .map(|layer| layer["digest"].to_string())
            .collect::<Vec<_>>()
    };
    let stored = [of_layout(&first), of_layout(&second), of_layout(&third)];
    assert!(stored[1].starts_with(&stored[0]) && stored[2].starts_with(&stored[1]), "{stored:?}");
    let blobs = fs::read_dir(workspace.root().join("layout/blobs/sha256")).expect("a layout").count();
    assert_eq!(blobs, stored[2].len() + 6, "a config and a manifest of each besides the layers");

    // An image can prune a file of its base.
    chain.tables("", "prune = [\"/usr/share/one\"]");
    workspace.xtask(&["image"]).ok();
    assert!(listing(&first).contains("usr/share/one/list\n"));
    assert!(!listing(&second).contains("usr/share/one") && !listing(&third).contains("usr/share/one"));
    assert!(layers(&second).starts_with(&all[0]), "those below are as they were");
    assert_eq!((output(&second), output(&third)), ("one\n".to_owned(), "app 1\n".to_owned()));
    let bundle = workspace.root().join("bundle").display().to_string();
    workspace.xtask(&["image", "--layout", "layout"]).ok();
    tool("umoci", ["unpack", "--rootless", "--image", &format!("{folder}:{third}"), &bundle]).ok();
    let rootfs = workspace.root().join("bundle/rootfs/usr");
    assert!(rootfs.join("bin/greeter").exists() && !rootfs.join("share/one").exists());

    let again = workspace.xtask(&["image", "--dry-run", "--explain"]).ok();
    assert_eq!(causes(&again), Vec::<&str>::new());

    // A change of the base's package compiles it once, and gives all images on top the new layers.
    workspace.file_again("overlay/media-libs/one/one-1.ebuild", "echo word", &format!("echo {a}"));
    let explained = workspace.xtask(&["image", "--explain"]).ok();
    for said in [format!("Running resolve {a}"), format!("Running resolve {b}"), format!("Running root {app}")] {
        assert!(explained.stderr.contains(&said), "{said}\n{}", explained.stderr);
    }
    let kept = layers(&first);
    assert!(kept != all[0] && layers(&third).starts_with(&kept), "{kept:?}");
    let count = explained.stderr.matches("Built media-libs/one-1").count();
    assert_eq!(count, 1, "built once for all\n{}", explained.stderr);
}

#[test]
fn invalid_base_chain_is_refused() {
    let chain = Chain::new("errors");
    let [a, b, _] = &chain.names;
    let workspace = &chain.workspace;
    let refused = |said: &[String]| {
        let error = workspace.xtask(&["image", "--layout", "layout"]).fails_with(3).error(workspace.root());
        assert!(said.iter().all(|said| error.contains(said)), "{said:?}\n{error}");
    };
    chain.tables(&format!("base = \"{b}\""), "");
    let mut both = [a, b];
    both.sort();
    refused(&[format!("`{}` and `{}` are each other's base", both[0], both[1]), "Cargo.toml:13:8".into()]);

    // Known once the base is resolved.
    chain.tables("", "package-use = { \"media-libs/one\" = [\"loud\"] }");
    refused(&[
        format!(
            "the base `{a}` has `media-libs/one-1` already, and an image on top of it cannot have it with the USE flag `loud`"
        ),
        "Cargo.toml:20:37".into(),
        format!("help: set it in the table of `{a}`, or use another base"),
    ]);

    chain.tables("", "");
    workspace.file_again("overlay/media-libs/one/one-1.ebuild", "doheader one.h", "die no");
    let failed = workspace.xtask(&["image", "--layout", "layout"]).fails_with(6);
    for name in &chain.names[1..] {
        let said = format!("`{name}` is not built: it begins with `{a}`, which failed");
        assert!(failed.stderr.contains(&said), "{said}\n{}", failed.stderr);
    }
}

/// An ebuild of a script that says a word.
fn tool_that_says(name: &str, word: &str) -> String {
    format!(
        "KEYWORDS=\"amd64\"\n\nsrc_install() {{\n\tprintf '#!/bin/sh\\necho {word}\\n' >{name} || die\n\tdobin {name}\n}}\n"
    )
}

#[test]
fn builder_images_can_be_stacked() {
    warm_up();
    let names = [(); 3].map(|()| unique_name());
    let [first, second, third] = &names;
    let reference = format!("{third}:latest");
    let _image = LoadedImage::new(&reference);
    let table = |name: &str, keys: &str| {
        format!(
            "[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n[package.metadata.image]\n{keys}\n"
        )
    };
    // Both tools are there where the third one is compiled.
    let build = "use std::process::Command;\n\nfn main() {\n    for tool in [\"toola\", \"toolb\"] {\n\
                 \x20       let said = Command::new(tool).output().expect(\"in the builder\").stdout;\n\
                 \x20       println!(\"cargo::rustc-env={}={}\", tool.to_uppercase(), String::from_utf8_lossy(&said).trim());\n    }\n}\n";
    let workspace = package_with_repository(third, "")
        .ebuild("toola", &tool_that_says("toola", "hello"))
        .ebuild("toolb", &tool_that_says("toolb", "world"))
        .file("Tierce.lock", &builders_lock())
        .file(&format!("{third}/Cargo.toml"), &table(third, &format!("builder-base = \"{second}\"")))
        .file(&format!("{third}/build.rs"), build)
        .file(
            &format!("{third}/src/main.rs"),
            "fn main() {\n    println!(\"{} {}\", env!(\"TOOLA\"), env!(\"TOOLB\"));\n}\n",
        );
    let tool = |keys: &str, tool: &str| format!("build-packages = [\"media-libs/{tool}\"]\n{keys}");
    for (name, keys) in [(first, tool("", "toola")), (second, tool(&format!("builder-base = \"{first}\""), "toolb"))] {
        workspace.write(&format!("{name}/Cargo.toml"), &table(name, &keys));
        workspace.write(&format!("{name}/src/main.rs"), "fn main() {}\n");
    }
    workspace.file_again("Cargo.toml", &format!("[\"{third}\"]"), &format!("{names:?}"));

    workspace.xtask(&["image", third]).ok();
    assert_eq!(output(&reference), "hello world\n");
    let plan = workspace.xtask(&["image", third, "--dry-run"]).ok().stdout;
    for (step, planned) in [
        (format!("environment {first}"), true),
        (format!("environment {second}"), true),
        (format!("environment {third}"), false),
        (format!("compile {second}"), false),
        (format!("pack {first}"), false),
    ] {
        assert_eq!(plan.lines().any(|line| line.starts_with(&step)), planned, "{step}\n{plan}");
    }

    // A shell has the tools of the builder below, and of the image that is named no less and no more.
    let said = |image: &str, step: &str, script: &str| {
        workspace.xtask(&["shell", image, "--step", step, "--", "bash", "-c", script])
    };
    let both = "toola; toolb || echo none";
    assert_eq!(said(second, "environment", both).ok().stdout, "hello\nworld\n");
    assert_eq!(said(first, "environment", both).ok().stdout, "hello\nnone\n");
    assert_eq!(said(third, "compile", both).ok().stdout, "hello\nworld\n");
    let none = said(third, "environment", both).fails_with(125).error(workspace.root());
    insta::assert_snapshot!(none.replace(third.as_str(), "third"), @r"
    error: failed to enter a step: the image `third` has no step `environment`
     |
     = help: it has `packages`, `root`, `compile`
    ");

    // Another tool in the base's builder recompiles the programs of the images on top.
    workspace.file_again("overlay/media-libs/toola/toola-1.ebuild", "echo hello", "echo goodbye");
    let ran = workspace.xtask(&["image", third, "--explain"]).ok();
    assert!(ran.stderr.contains("the result of `environment` of the base changed"), "{}", ran.stderr);
    assert_eq!(output(&reference), "goodbye world\n");
}
