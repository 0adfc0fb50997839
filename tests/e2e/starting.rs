//! Images that cannot start: packing refuses them, and names the cause.

use crate::package_images::builders_lock;
use crate::running::warm_up;
use crate::support::Workspace;

#[test]
fn image_that_cannot_start_is_refused() {
    warm_up();
    let flags = "[build]\nrustflags = [\"-C\", \"link-arg=-static\"]\n";
    let workspace = |table: &str| Workspace::with_package("starting", table, "").file("Tierce.lock", &builders_lock());
    let refusal = |workspace: &Workspace| {
        let ran = workspace.xtask(&["image", "--layout", "layout"]).fails_with(7);
        assert!(!workspace.root().join("layout").exists(), "nothing is written");
        ran.error(workspace.root())
    };
    let error = refusal(&workspace("").file(".cargo/config.toml", flags));
    for part in [
        "`/usr/bin/starting`, a program of `starting`: it needs `lib",
        "and names no dynamic linker",
        "the flag `-C link-arg=-static` of ",
        ".cargo/config.toml:2:21\n",
    ] {
        assert!(error.contains(part), "{part}\n{error}");
    }

    for (table, part) in [
        ("entrypoint = [\"/usr/bin/startin\"]", "`/usr/bin/startin` is not in the image"),
        ("entrypoint = [\"/etc/ld.so.cache\"]", "`/etc/ld.so.cache` is not executable for root"),
        ("workdir = \"/srv\"", "`/srv` is not in the image"),
        ("user = \"postgres\"", "its user `postgres` is not in the image's /etc/passwd"),
    ] {
        let error = refusal(&workspace(table));
        assert!(error.contains(part) && error.contains("--> starting/Cargo.toml:7:"), "{part}\n{error}");
    }
}

#[test]
fn other_build_target_is_refused_first() {
    let target = "[build]\ntarget = \"x86_64-unknown-linux-musl\"\n";
    let workspace = Workspace::with_package("targeted", "", "").file(".cargo/config.toml", target);
    let ran = workspace.xtask(&["image", "--dry-run"]).fails_with(3);
    let error = ran.error(workspace.root());
    assert!(error.contains("asks for `x86_64-unknown-linux-musl`, and images have programs for "), "{error}");
    assert!(error.contains(".cargo/config.toml:2:11\n"), "{error}");
}
