//! Causes of stale steps: each change runs exactly the expected steps, with the expected cause.

use std::fs;

use crate::support::{Ran, Workspace, cache, tool};

/// Which steps a run did, and why, as `--explain` says it.
fn dirty(ran: &Ran) -> Vec<(String, String)> {
    let lines = ran.stderr.lines().filter_map(|line| line.trim_start().strip_prefix("Dirty "));
    let parts = lines.filter_map(|line| line.split_once(": "));
    parts.map(|(step, cause)| (step.split(' ').next().unwrap_or_default().to_owned(), cause.to_owned())).collect()
}

fn explained(workspace: &Workspace) -> Vec<(String, String)> {
    dirty(&workspace.xtask(&["image", "--explain"]).ok())
}

/// A workspace whose image, of this name, has been built: tests beside each other have one each.
fn built(image: &str) -> Workspace {
    let workspace = Workspace::with_package(
        "causes",
        &format!("name = \"{image}\"\nenv = {{ A = \"1\" }}\nfiles = [{{ from = \"data.txt\", to = \"/data.txt\" }}]"),
        "",
    )
    .file("causes/data.txt", "1")
    .file(".cargo/config.toml", "[term]\nverbose = false\n");
    workspace.xtask(&["image"]).ok();
    workspace
}

fn replace(workspace: &Workspace, path: &str, from: &str, to: &str) {
    let text = fs::read_to_string(workspace.root().join(path)).expect("a file of the workspace");
    assert!(text.contains(from), "{path} has no {from}");
    workspace.write(path, &text.replace(from, to));
}

#[test]
fn change_runs_only_the_affected_steps() {
    let workspace = built("causes-changes");
    type Change = fn(&Workspace);
    type Causes<'a> = &'a [(&'a str, &'a str)];
    let program = "the result of `compile` changed";
    let image = "the result of `pack` changed";
    let cases: &[(&str, Change, Causes<'_>)] = &[
        ("nothing", |_| {}, &[]),
        (
            "the program",
            |w| replace(w, "causes/src/main.rs", "this is", "this was"),
            &[("compile", "causes/src/main.rs changed"), ("pack", program), ("load", image), ("tag", image)],
        ),
        (
            "a new file that nothing uses",
            |w| w.write("causes/notes.txt", ""),
            &[("compile", "causes/notes.txt is new")],
        ),
        (
            "a file that goes in",
            |w| w.write("causes/data.txt", "2"),
            &[("compile", "causes/data.txt changed"), ("pack", "/data.txt changed"), ("load", image), ("tag", image)],
        ),
        (
            "a variable of the image",
            |w| replace(w, "causes/Cargo.toml", "A = \"1\"", "A = \"2\""),
            &[
                ("compile", "causes/Cargo.toml changed"),
                ("pack", "how it is run changed"),
                ("load", image),
                ("tag", image),
            ],
        ),
        (
            "a tag",
            |w| replace(w, "causes/Cargo.toml", "env =", "tags = [\"latest\", \"again\"]\nenv ="),
            &[
                ("compile", "causes/Cargo.toml changed"),
                ("tag", "references changed: causes-changes:latest -> causes-changes:latest causes-changes:again"),
            ],
        ),
        (
            "cargo's configuration",
            |w| w.write(".cargo/config.toml", "[env]\nCAUSE = \"1\"\n"),
            &[("compile", "cargo's configuration changed")],
        ),
        ("the same bytes written again", |w| w.write("causes/data.txt", "2"), &[]),
    ];
    for (what, change, expected) in cases {
        change(&workspace);
        let expected: Vec<_> = expected.iter().map(|(step, why)| ((*step).to_owned(), (*why).to_owned())).collect();
        assert_eq!(explained(&workspace), expected, "{what}");
    }
}

#[test]
fn missing_or_damaged_result_is_rebuilt() {
    let workspace = built("causes-gone");
    let gone = |step: &str| (step.to_owned(), "its result is gone".to_owned());
    tool("docker", ["rmi", "causes-gone:latest"]).ok();
    assert_eq!(explained(&workspace), [gone("load"), gone("tag")], "the image was removed");

    let receipts = workspace.root().join("target/tierce/receipts/pack");
    for receipt in fs::read_dir(receipts).expect("of the run").flatten() {
        fs::write(receipt.path(), "{").expect("writable");
    }
    assert_eq!(explained(&workspace), [gone("pack")], "a damaged receipt is the same as none");

    // A layer of this image alone, cut short.
    let report =
        fs::read_to_string(workspace.root().join("target/tierce/images/causes-gone/report.json")).expect("written");
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    let layer = report["layers"].as_array().and_then(|layers| layers.last()).expect("layers");
    let blob = cache()
        .join("blobs")
        .join(layer["diff-id"].as_str().or(layer["diff_id"].as_str()).expect("a digest").trim_start_matches("sha256:"));
    fs::write(&blob, "cut").expect("writable");
    tool("docker", ["rmi", "causes-gone:latest"]).ok();
    assert_eq!(
        explained(&workspace),
        [gone("pack"), gone("load"), gone("tag")],
        "a layer is damaged and the image gone"
    );
    assert_eq!(tool("docker", ["run", "--rm", "causes-gone:latest"]).ok().stdout, "this is causes\n");
}

#[test]
fn forecast_matches_the_run() {
    let workspace = built("causes-forecast");
    insta::assert_snapshot!(workspace.xtask(&["image", "--dry-run", "--explain"]).ok().stdout, @"
    fetch-builder             fresh
    builder                   fresh
    packages causes-forecast  fresh
    root causes-forecast      fresh
    compile causes-forecast   fresh
    pack causes-forecast      fresh
    load causes-forecast      fresh
    tag causes-forecast       fresh
    ");
    replace(&workspace, "causes/src/main.rs", "this is", "this was");
    insta::assert_snapshot!(workspace.xtask(&["image", "--dry-run", "--explain", "--no-cache=load"]).ok().stdout, @"
    fetch-builder             fresh
    builder                   fresh
    packages causes-forecast  fresh
    root causes-forecast      fresh
    compile causes-forecast   would run: causes/src/main.rs changed
    pack causes-forecast      depends on what comes of `compile causes-forecast`
    load causes-forecast      depends on what comes of `pack causes-forecast`
    tag causes-forecast       depends on what comes of `pack causes-forecast`
    ");
    let data = workspace.xtask(&["image", "--dry-run", "--explain", "--format", "json"]).ok().stdout;
    let data: serde_json::Value = serde_json::from_str(&data).expect("JSON");
    assert_eq!(data[4]["state"], "runs");
    assert_eq!(data[4]["why"], "causes/src/main.rs changed");
    assert_eq!(data[5]["why"], serde_json::json!(["compile causes-forecast"]));
}

#[test]
fn no_cache_rebuilds_the_same_image() {
    let workspace = built("causes-again");
    let id = || tool("docker", ["inspect", "--format", "{{.Id}}", "causes-again:latest"]).ok().stdout;
    let before = id();
    let again = |steps: &[&str]| steps.iter().map(|s| ((*s).to_owned(), "--no-cache asks for it".to_owned())).collect();
    let run = |flag: &str| workspace.xtask(&["image", "--explain", flag]).ok();

    let compiled = run("--no-cache=compile");
    let expected: Vec<(String, String)> = again(&["compile"]);
    assert_eq!(dirty(&compiled), expected);
    assert!(compiled.stderr.contains("Compiling causes"), "from nothing: {}", compiled.stderr);

    let expected: Vec<(String, String)> = again(&["pack", "load"]);
    assert_eq!(dirty(&run("--no-cache=pack,load")), expected);
    assert_eq!(id(), before);

    let refused = workspace.xtask(&["image", "--no-cache=emerge"]).fails_with(2);
    assert!(refused.stderr.contains("[possible values: all, builder,"), "{}", refused.stderr);
}

#[test]
fn timings_write_html_and_json() {
    let workspace = built("causes-times");
    replace(&workspace, "causes/src/main.rs", "this is", "this was");
    let ran = workspace.xtask(&["image", "--timings"]).ok();
    let folder = workspace.root().join("target/tierce/timings");
    assert!(ran.stderr.contains(&format!("Timings {}/timings.html", folder.display())), "{}", ran.stderr);
    let data = fs::read_to_string(folder.join("timings.json")).expect("written");
    let data: serde_json::Value = serde_json::from_str(&data).expect("JSON");
    let steps = data["steps"].as_array().expect("steps");
    let names: Vec<&str> = steps.iter().filter_map(|step| step["name"].as_str()).collect();
    assert_eq!(names, ["compile causes-times", "pack causes-times", "load causes-times", "tag causes-times"]);
    for pair in steps.windows(2) {
        assert!(pair[0]["end"].as_f64() <= pair[1]["start"].as_f64(), "one waits for the other: {pair:?}");
    }
    assert!(steps.iter().all(|step| step["critical"] == true));
    assert!(fs::read_to_string(folder.join("timings.html")).expect("written").contains("causes/src/main.rs changed"));
}
