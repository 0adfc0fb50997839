//! Crates that link a native library use ROOT's, and Tierce reports unused packages.

use std::fs;

use crate::support::{Container, LoadedImage, Ran, Workspace, repository, tool, unique_name};

/// A workspace with a program of the crates `libz-sys` and `onig_sys`, which compile copies of their libraries if they find none.
/// It prints the versions of both libraries. `features` are those of `libz-sys`, `keys` the rest of the table.
fn workspace(name: &str, features: &str, keys: &str) -> Workspace {
    let overlay = repository().join("images/overlay");
    Workspace::new("workspace")
        .file(
            "Cargo.toml",
            &format!(
                "[workspace]\nresolver = \"3\"\nmembers = [\"{name}\"]\n\n[workspace.metadata.image]\n\
                 repositories = [{{ name = \"tierce-images\", path = \"{}\" }}]\n",
                overlay.display()
            ),
        )
        .file(
            &format!("{name}/Cargo.toml"),
            &format!(
                "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n\
                 libz-sys = {{ version = \"1.1\", default-features = false, features = [{features}] }}\nonig_sys = {{ version = \"69\", default-features = false }}\n\n\
                 [package.metadata.image]\npackages = [\"sys-libs/zlib\", \"dev-libs/oniguruma\"]\n{keys}\n"
            ),
        )
        .file(
            &format!("{name}/src/main.rs"),
            "use std::ffi::CStr;\n\nfn main() {\n    \
             let versions = unsafe { [libz_sys::zlibVersion(), onig_sys::onig_version()].map(|text| CStr::from_ptr(text)) };\n    \
             versions.map(|version| println!(\"{}\", version.to_str().unwrap()));\n}\n",
        )
}

/// The upstream version of a package in Tierce.lock, without the revision.
fn locked(workspace: &Workspace, package: &str) -> String {
    let lock = fs::read_to_string(workspace.root().join("Tierce.lock")).expect("a lock");
    let lock: toml::Table = lock.parse().expect("TOML");
    let packages = lock["package"].as_array().expect("packages");
    let found = packages.iter().find(|entry| entry["name"].as_str() == Some(package));
    let version = found.unwrap_or_else(|| panic!("{package}: {lock}"))["version"].as_str().expect("a version");
    version.split(['-', '_']).next().expect("digits").to_owned()
}

fn image(workspace: &Workspace) -> Ran {
    workspace.xtask(&["image"])
}

#[test]
fn crates_link_the_libraries_of_root() {
    let name = unique_name();
    let _image = LoadedImage::new(&name);
    let workspace = workspace(&name, "", "strict = true");
    image(&workspace).ok();
    let printed = tool("docker", ["run", "--rm", "--network", "none", &name]).ok().stdout;
    let expected = format!("{}\n{}\n", locked(&workspace, "sys-libs/zlib"), locked(&workspace, "dev-libs/oniguruma"));
    assert_eq!(printed, expected);
    let files = Container::create(&name).listing();
    assert!(files.contains("libz.so.1") && files.contains("libonig.so."), "{files}");
}

#[test]
fn unused_package_warns_or_fails_strictly() {
    let name = unique_name();
    let _image = LoadedImage::new(&name);
    let workspace = workspace(&name, "\"static\"", "");
    let ran = image(&workspace).ok();
    let told = "sys-libs/zlib: `packages` asks for it, and nothing in the image links or reads a file of it";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    assert!(!ran.stderr.contains("dev-libs/oniguruma: `packages`"), "{}", ran.stderr);
    let path = format!("{name}/Cargo.toml");
    workspace.file_again(&path, "\"dev-libs/oniguruma\"]", "\"dev-libs/oniguruma\"]\nstrict = true");
    let ran = image(&workspace).fails_with(7);
    for text in [told, "take the feature of the crate `libz-sys` away", "strict = true"] {
        assert!(ran.stderr.contains(text), "{text}: {}", ran.stderr);
    }
    workspace.file_again(&path, "strict = true", "strict = true\nallow-missing = [\"sys-libs/zlib\"]");
    let ran = image(&workspace).ok();
    assert!(!ran.stderr.contains(told), "{}", ran.stderr);
}
