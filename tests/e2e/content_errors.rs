//! Programs that do not compile, and images whose program lacks something.

use crate::ebuilds::{nothing_is_left, with_repository};
use crate::support::{Workspace, run, xtask};

const IMAGE: [&str; 3] = ["image", "--layout", "layout"];

#[test]
fn compile_error_of_a_crate_is_shown() {
    let workspace = Workspace::with_package("app", "", "").file("app/src/main.rs", "fn main() {\n    missing();\n}\n");
    let ran = workspace.xtask(&IMAGE).fails_with(6);
    nothing_is_left(&ran, &workspace);
    // cargo's and rustc's own words, with the paths of the host.
    assert!(ran.stderr.contains("   Compiling app v1.2.3"), "{}", ran.stderr);
    assert!(ran.stderr.contains("error[E0425]: cannot find function `missing`"), "{}", ran.stderr);
    assert!(ran.stderr.contains("--> app/src/main.rs:2:5"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("/tierce/"), "{}", ran.stderr);
    let (_, ours) = ran.stderr.rsplit_once("\nerror:").expect("Tierce's own error");
    insta::assert_snapshot!(ours, @"
     failed to compile `app`
     --> app/Cargo.toml:6:19
      |
    6 | [package.metadata.image]
      |                   ^^^^^
    ");

    // --quiet prints errors and warnings only, in colours if the user asks for them.
    let quiet = run(xtask(workspace.root()).args(["image", "--quiet", "--color", "always", "--layout", "layout"]));
    let quiet = quiet.fails_with(6);
    assert_eq!(quiet.stdout, "");
    assert!(quiet.stderr.starts_with("\u{1b}["), "{:?}", quiet.stderr);
    assert!(quiet.stderr.contains("E0425") && !quiet.stderr.contains("Compiling"), "{}", quiet.stderr);

    workspace.write("app/src/main.rs", "fn main() {}\n");
    workspace.xtask(&IMAGE).ok();
}

#[test]
fn missing_library_is_an_error() {
    // The first image has the library. The second has it only in the builder, where the build script has the linker look.
    let program = "#[link(name = \"forgotten\")]\nunsafe extern \"C\" {\n    safe fn forgotten() -> i32;\n}\n\n\
                   fn main() {\n    println!(\"{}\", forgotten());\n}\n";
    let table = |keys: &str| {
        let package =
            "[package]\nname = \"app\"\nversion = \"1.2.3\"\nedition = \"2024\"\n\n[package.metadata.image]\n";
        format!("{package}{keys}\n")
    };
    let workspace = with_repository("packages = [\"media-libs/forgotten\"]")
        .library("forgotten", "int forgotten(void)\n{\n\treturn 1;\n}\n")
        .file("app/build.rs", "fn main() { println!(\"cargo::rustc-link-search=/usr/lib64\"); }\n")
        .file("app/src/main.rs", program);
    workspace.xtask(&IMAGE).ok();

    workspace.write("app/Cargo.toml", &table("packages = []\nbuild-packages = [\"media-libs/forgotten\"]"));
    let ran = workspace.xtask(&IMAGE).fails_with(7);
    nothing_is_left(&ran, &workspace);
    insta::assert_snapshot!(ran.error(workspace.root()), @r#"
    error: failed to find what the image `app` needs
     --> app/Cargo.toml:6:19
      |
    6 | [package.metadata.image]
      |                   ^^^^^
      |
      = note: failed to find `libforgotten.so.1`, needed by `/usr/bin/app`; searched /etc/ld.so.cache, /lib/x86_64-linux-gnu, /usr/lib/x86_64-linux-gnu, /lib, /usr/lib
      = help: add "media-libs/forgotten" to `packages`
    "#);

    // With the library, but without its file.
    workspace
        .write("app/Cargo.toml", &table("packages = [\"media-libs/forgotten\"]\nprune = [\"/usr/lib64/libforg*\"]"));
    let ran = workspace.xtask(&IMAGE).fails_with(7);
    insta::assert_snapshot!(ran.error(workspace.root()), @r#"
    error: failed to find what the image `app` needs
     --> app/Cargo.toml:8:10
      |
    8 | prune = ["/usr/lib64/libforg*"]
      |          ^^^^^^^^^^^^^^^^^^^^^
      |
      = note: failed to find `libforgotten.so.1`, needed by `/usr/bin/app`; `/usr/lib64/libforgotten.so.1` is pruned by `/usr/lib64/libforg*`; searched /etc/ld.so.cache, /lib/x86_64-linux-gnu, /usr/lib/x86_64-linux-gnu, /lib, /usr/lib
      = help: take "/usr/lib64/libforg*" out of `prune`
    "#);
}
