use std::fs;

use super::*;

#[test]
fn linker_flags_are_recognised() {
    let cases = [
        ("-Clinker=clang", true, None),
        ("-C linker=clang", true, None),
        ("--codegen=linker=clang", true, None),
        ("--codegen linker=clang", true, None),
        ("-Clink-arg=-fuse-ld=mold", false, Some("mold")),
        ("-C link-args=-s -fuse-ld=lld", false, Some("lld")),
        ("-Clink-arg=--ld-path=/opt/mold", true, None),
        ("-Clinker-flavor=gnu-lld-cc", true, None),
        ("-Clink-self-contained=-linker", false, None),
        ("-Clink-arg=-s", false, None),
        ("-Ctarget-cpu=native", false, None),
        ("--cfg=linker", false, None),
        ("-C", false, None),
    ];
    for (flag, program, linker) in cases {
        assert_eq!((chooses_program(flag), linker_of_compiler(flag)), (program, linker), "{flag}");
    }
}

#[test]
fn flags_without_dynamic_linker_are_recognised() {
    for (flag, expected) in [
        ("-C link-arg=-static", true),
        ("-Clink-args=-s -static-pie", true),
        ("--codegen link-arg=-Wl,--no-dynamic-linker", true),
        ("-Clink-arg=-Wl,-s,--no-dynamic-linker", true),
        ("-Clink-arg=-shared", true),
        ("-Clink-arg=-static-libgcc", false),
        ("-Clink-arg=static", false),
        ("-Ctarget-feature=+crt-static", false),
        ("-Crelocation-model=static", false),
    ] {
        assert_eq!(drops_dynamic_linker(flag), expected, "{flag}");
    }
}

#[test]
fn settings_that_a_builder_overrides_are_found() {
    let config = |text: &str| {
        let file = ConfigFile { path: "/x/config.toml".into(), text: text.into() };
        parse(vec![file], &BTreeMap::new(), "x86_64-unknown-linux-gnu").unwrap()
    };
    for (value, expected) in [
        ("\"x86_64-unknown-linux-musl\"", Some("x86_64-unknown-linux-musl")),
        ("[\"wasm32-wasip1\", \"aarch64-unknown-linux-gnu\"]", Some("wasm32-wasip1")),
        ("\"targets/own.json\"", Some("targets/own.json")),
        ("[\"wasm32-wasip1\", \"x86_64-unknown-linux-gnu\"]", None),
        ("\"host-tuple\"", None),
        ("[]", None),
    ] {
        let config = config(&format!("build.target = {value}"));
        let found = config.other_build_target("x86_64-unknown-linux-gnu").map(|target| target.value.as_str());
        assert_eq!(found, expected, "{value}");
    }

    let config = config(
        "[target.x86_64-unknown-linux-gnu]\nrunner = [\"qemu\", \"-L\"]\n[target.'cfg(unix)']\nrunner = \"sudo\"\n\
         [env]\nHIDDEN = \"1\"\nFORCED = { value = \"2\", force = true }\nFREE = \"3\"\n",
    );
    let runners: Vec<_> = config.runners().into_iter().map(|runner| runner.value.as_str()).collect();
    assert_eq!(runners, ["qemu -L", "sudo"]);
    let environment = ["HIDDEN", "FORCED", "OTHER"].map(|name| (name.to_owned(), String::new())).into();
    let hidden: Vec<_> =
        config.hidden_variables(&environment).map(|(name, value)| (name, value.value.as_str())).collect();
    assert_eq!(hidden, [("HIDDEN", "1")]);
}

#[test]
fn cfg_targets_of_other_platforms_are_removed() {
    let keys = ["cfg(unix)", "cfg(windows)", "cfg(all(unix, target_env = \"gnu\"))", "cfg(not(unix))", "cfg(un"];
    let mut config = CargoConfig {
        cfg_targets: keys.map(|key| (key.to_owned(), TargetConfig::default())).into(),
        ..CargoConfig::default()
    };
    config.keep_applying("panic=\"unwind\"\ntarget_env=\"gnu\"\nunix\n");
    let kept: Vec<_> = config.cfg_targets.keys().map(String::as_str).collect();
    assert_eq!(kept, ["cfg(all(unix, target_env = \"gnu\"))", "cfg(unix)"]);
}

#[test]
fn parent_and_home_files_load_once() {
    let folder = tempfile::tempdir().unwrap();
    let top = Utf8Path::from_path(folder.path()).unwrap();
    let write = |name: &str, text: &str| {
        let file = top.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    write(
        "work/inner/.cargo/config.toml",
        "include = ['one.toml', { path = 'two.toml', optional = true }, 'three.toml']",
    );
    write("work/inner/.cargo/one.toml", "build.target = 'one'");
    write("work/inner/.cargo/three.toml", "build.target = 'three'");
    write("work/.cargo/config", "# the older name wins");
    write("work/.cargo/config.toml", "");
    write(".cargo/config.toml", "");
    write("home/config.toml", "");
    let names = |root: &str, home: &str| {
        let files = load(&top.join(root), &top.join(home)).unwrap();
        let inside = files.iter().filter_map(|file| file.path.strip_prefix(top).ok());
        inside.map(Utf8Path::to_string).collect::<Vec<_>>()
    };
    let expected = [
        "work/inner/.cargo/config.toml",
        "work/inner/.cargo/three.toml",
        "work/inner/.cargo/one.toml",
        "work/.cargo/config",
        ".cargo/config.toml",
    ];
    assert_eq!(names("work/inner", ".cargo"), expected);
    assert_eq!(names("work/inner", "home"), [expected.as_slice(), &["home/config.toml"]].concat());

    let config = effective(&top.join("work/inner"), &top.join("home"), &BTreeMap::new(), "x").unwrap();
    assert_eq!(config.build_target[0].value, "three");

    write("work/inner/.cargo/three.toml", "include = 'config.toml'");
    let error = load(&top.join("work/inner"), &top.join("home")).unwrap_err().to_string();
    assert!(error.ends_with("more than 8 files include one another"), "{error}");
    write("work/inner/.cargo/three.toml", "include = 'four.toml'");
    let error = load(&top.join("work/inner"), &top.join("home")).unwrap_err().to_string();
    assert!(error.contains("four.toml` is missing"), "{error}");
}
