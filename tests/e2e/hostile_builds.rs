//! Build scripts that leave other things than programs.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::running::program;
use crate::support::{LoadedImage, Ran, Workspace, run, tool, unique_name};

/// A workspace whose build script runs these lines of a shell; `$0` is its image's name.
fn workspace(name: &str, script: &str) -> Workspace {
    let workspace = program(name, "");
    build_script(&workspace, name, script);
    workspace
}

fn build_script(workspace: &Workspace, name: &str, script: &str) {
    let text = format!(
        "fn main() {{\n    let ran = std::process::Command::new(\"sh\").args([\"-euc\", {script:?}, {name:?}]).status();\n    \
         assert!(ran.expect(\"a shell\").success());\n}}\n"
    );
    workspace.write(&format!("{name}/build.rs"), &text);
}

fn image(workspace: &Workspace, keep_warm: &str) -> Ran {
    run(workspace.command().env("TIERCE_KEEP_WARM", keep_warm).arg("image"))
}

#[test]
fn link_in_place_of_the_program_is_refused() {
    for keep_warm in ["0", "60"] {
        let name = unique_name();
        let _image = LoadedImage::new(&name);
        let workspace = workspace(&name, "");
        workspace.write("secret", "of the host");
        let secret = workspace.root().join("secret");
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("ours");
        let secret = secret.to_str().expect("UTF-8");
        let forever = format!(
            "(while :; do ln -sfn {secret} /tierce/out/$0; ln -sfn {secret} /tierce/out/$0.debug; done) </dev/null >/dev/null 2>&1 &"
        );
        build_script(&workspace, &name, &forever);
        let ran = image(&workspace, keep_warm).fails_with(6);
        let error = ran.error(workspace.root());
        assert!(error.contains("it is a link or no regular file") || error.contains("exit code"), "{error}");
        let list = ["ps", "-q", "--filter", "label=dev.tierce.warm-for", "--filter", "status=paused"];
        assert_eq!(tool("docker", list).ok().stdout, "");

        build_script(&workspace, &name, "rm -f /tierce/out/*");
        image(&workspace, keep_warm).ok();
        assert_eq!(tool("docker", ["run", "--rm", &name]).ok().stdout, format!("this is {name}\n"));
    }
}

#[test]
fn leftovers_of_a_build_do_not_block_the_next() {
    let name = unique_name();
    let _image = LoadedImage::new(&name);
    let folders = "mkdir -p /tierce/out/a/b; touch /tierce/out/a/b/c; chmod 0 /tierce/out/a/b /tierce/out/a; mkfifo /tierce/out/pipe";
    let workspace = workspace(&name, folders);
    for text in ["one", "two"] {
        workspace.write(&format!("{name}/src/main.rs"), &format!("fn main() {{ println!(\"{text}\"); }}\n"));
        workspace.write(
            &format!("{name}/build.rs"),
            &format!(
                "// {text}\n{}",
                fs::read_to_string(workspace.root().join(format!("{name}/build.rs"))).expect("there")
            ),
        );
        image(&workspace, "0").ok();
        assert_eq!(tool("docker", ["run", "--rm", &name]).ok().stdout, format!("{text}\n"));
    }
}

#[test]
fn build_script_cannot_write_receipts() {
    let name = unique_name();
    let _image = LoadedImage::new(&name);
    // `!` alone does not end a shell with -e.
    let script = "! touch ../target/tierce/receipts/x || exit 1; ! rm -r ../target/tierce || exit 1; touch \"$OUT_DIR/x\" written";
    let workspace = workspace(&name, script);
    let path = format!("{name}/Cargo.toml");
    let table = fs::read_to_string(workspace.root().join(&path)).expect("there");

    // Sources are read-only unless the table says otherwise.
    let refused = image(&workspace, "0").fails_with(6);
    assert!(!workspace.root().join(&name).join("written").exists(), "{}", refused.stderr);
    for part in [": it writes into a read-only folder\n", "`write-sources = true`"] {
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
    let header = "[package.metadata.image]\n";
    assert!(table.contains(header), "{table}");
    workspace.write(&path, &table.replace(header, &format!("{header}write-sources = true\n")));
    for _ in 0..2 {
        image(&workspace, "0").ok();
    }
    assert!(workspace.root().join(&name).join("written").exists(), "as on the host");
    assert!(!workspace.root().join("target/tierce/receipts/x").exists());
}
