//! Output for programs and people: reports, plans, reasons.

use crate::support::{repository, run, xtask};

#[test]
fn report_sizes_add_up() {
    let ran = run(xtask(repository()).args(["image", "thumbnailer", "--format", "json"])).ok();
    let reports: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON and nothing else");
    let [report] = reports.as_array().expect("a list").as_slice() else { panic!("one report: {reports}") };
    assert_eq!((&report["image"], &report["reference"]), (&"thumbnailer".into(), &"thumbnailer:latest".into()));

    let size = |name: &str| report["sizes"][name].as_u64().unwrap_or_else(|| panic!("no {name}: {report}"));
    let sum = |list: &str, of: &str| -> u64 {
        let items = report[list].as_array().expect("a list").iter();
        items.map(|item| item[of].as_u64().expect("a number")).sum()
    };
    assert_eq!(sum("owners", "bytes"), size("closure"));
    assert_eq!(sum("layers", "size"), size("image"));
    assert!(size("closure") < size("root"), "{}", report["sizes"]);
    // The overhead of tar.
    assert!(size("image") * 100 <= size("closure") * 102, "{}", report["sizes"]);

    let owners = report["owners"].as_array().expect("a list").iter();
    let owners: Vec<&str> = owners.map(|owner| owner["owner"].as_str().expect("a name")).collect();
    for owner in ["sys-libs/glibc", "media-libs/libexif", "the program"] {
        assert!(owners.contains(&owner), "{owners:?}");
    }
    let steps = report["steps"].as_array().expect("a list");
    let verbs = ["builder", "packages", "root", "compile", "pack", "load", "test", "tag"];
    for verb in verbs {
        let of_verb =
            |step: &&serde_json::Value| step["step"].as_str().is_some_and(|id| id.split(' ').next() == Some(verb));
        assert!(steps.iter().any(|step| of_verb(&step)), "no step `{verb}`: {steps:?}");
    }
}

#[test]
fn image_size_is_near_file_size() {
    let ran = run(xtask(repository()).args(["image", "hello", "--format", "json"])).ok();
    let reports: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let size = |name: &str| reports[0]["sizes"][name].as_u64().expect("a size");
    assert!(size("image") * 100 <= size("closure") * 102, "{}", reports[0]["sizes"]);
}

#[test]
fn dry_run_prints_text_and_json() {
    // With everything at hand the plan is the same on every machine.
    run(xtask(repository()).args(["image", "hello"])).ok();
    let text = run(xtask(repository()).args(["image", "hello", "--dry-run"])).ok();
    insta::assert_snapshot!(text.stdout, @r#"
    fetch-builder   fetch the builder
    builder         make the builder  (after fetch-builder)
    packages hello  reuse 3 binary packages
                      reuse  sys-apps/baselayout-2
                      reuse  sys-libs/glibc-2.41
                      reuse  sys-devel/gcc-14.2.0
    root hello      merge ROOT  (after packages hello, builder)
    compile hello   compile the program  (after builder, root hello)
    pack hello      pack  (after root hello, compile hello)
    load hello      load into the daemon  (after pack hello)
    test hello      run 1 test  (after pack hello, load hello)
    tag hello       tag hello:latest  (after pack hello, load hello, test hello)
    "#);
    assert_eq!(text.stderr, "");

    let data = run(xtask(repository()).args(["image", "hello", "--dry-run", "--format", "json"])).ok();
    let plan: serde_json::Value = serde_json::from_str(&data.stdout).expect("JSON and nothing else");
    let steps = plan["steps"].as_array().expect("a list");
    let id = |step: &serde_json::Value| step["id"].as_str().expect("a name").to_owned();
    let ids: Vec<String> = steps.iter().map(id).collect();
    let lines = text.stdout.lines().filter(|line| !line.starts_with(' '));
    assert!(lines.zip(&ids).all(|(line, id)| line.starts_with(id.as_str())), "{ids:?}");
    // Each step follows those whose results it uses, so that the list can be run in its order.
    for (at, step) in steps.iter().enumerate() {
        let before = step["after"].as_array().into_iter().chain(step["prepared"].as_array()).flatten();
        for input in before {
            assert!(ids[..at].iter().any(|id| input == id.as_str()), "{input} is not before {}", ids[at]);
        }
    }
    assert_eq!((&plan["goals"], &plan["whole"]), (&serde_json::json!(["test hello", "tag hello"]), &true.into()));
}

#[test]
fn why_explains_every_file() {
    run(xtask(repository()).args(["image", "thumbnailer"])).ok();
    let why = |arguments: &[&str]| run(xtask(repository()).args(["why", "thumbnailer"]).args(arguments));
    let library = why(&["/usr/lib64/libz.so.1.2.13"]).ok().stdout;
    let (first, rest) = library.split_once('\n').expect("lines");
    assert!(first.starts_with("/usr/lib64/libz.so.1.2.13  (") && first.contains("sys-libs/zlib"), "{first}");
    insta::assert_snapshot!(rest, @"
    /usr/lib64/libz.so.1.2.13: /usr/lib64/libpng16.so.16.39.0 needs libz.so.1, found by ld.so.cache
    /usr/lib64/libpng16.so.16.39.0: /usr/bin/thumbnailer needs libpng16.so.16, found by ld.so.cache
    /usr/bin/thumbnailer: a program of the image
    ");

    let all = why(&["/", "--format", "json"]).ok().stdout;
    let all: serde_json::Value = serde_json::from_str(&all).expect("JSON and nothing else");
    let all = all.as_array().expect("a list");
    assert!(all.len() > 15, "{all:?}");
    for file in all {
        let chain = file["chain"].as_array().expect("a list");
        let (first, last) = (chain.first().expect("a reason"), chain.last().expect("a reason"));
        assert!(
            ["program", "declared", "ld-cache", "probe"].iter().any(|start| first["reason"]["reason"] == *start),
            "{first}"
        );
        assert_eq!(last["path"], file["path"]);
    }

    let missing = why(&["/bin/sh"]).fails_with(1);
    assert_eq!(
        (missing.stdout.as_str(), missing.stderr.as_str()),
        ("", "error: the image `thumbnailer` has no `/bin/sh`\n")
    );
}
