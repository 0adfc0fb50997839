//! Tests of images, as tables declare them: passes, failures, and the tags of the image.

use std::fs;
use std::time::{Duration, Instant};

use crate::support::{LoadedImage, Workspace, namespace, tool, unique_name};

/// A workspace whose one image has tests that pass, and the image's name, which no other test has.
fn tested() -> (Workspace, String) {
    let (workspace, name) = (Workspace::fixture("tested"), unique_name());
    let path = workspace.root().join("service/Cargo.toml");
    let text = fs::read_to_string(&path).expect("the fixture has it");
    let header = "[package.metadata.image]\n";
    fs::write(path, text.replace(header, &format!("{header}name = \"{name}\"\n"))).expect("writable");
    (workspace, name)
}

/// Adds tests to it.
fn add(workspace: &Workspace, tests: &str) {
    let path = workspace.root().join("service/Cargo.toml");
    let text = fs::read_to_string(&path).expect("the fixture has it");
    fs::write(path, format!("{text}\n{tests}")).expect("writable");
}

/// The id that the daemon has under a name.
fn id_of(reference: &str) -> String {
    tool("docker", ["image", "inspect", "-f", "{{.Id}}", reference]).ok().line().to_owned()
}

#[test]
fn failed_test_leaves_image_untagged() {
    let (workspace, name) = tested();
    let first = workspace.xtask(&["image"]).ok();
    let reference = format!("{name}:latest");
    assert_eq!(first.line(), reference);
    let _image = LoadedImage::new(&reference);
    for test in ["prints", "warns", "reads", "writes", "fails", "told", "serves"] {
        assert!(first.stderr.contains(&format!("Passed {test} in ")), "{}", first.stderr);
    }
    let log =
        fs::read_to_string(workspace.root().join(format!("target/tierce/logs/{name}/test.prints.log"))).expect("a log");
    assert_eq!(log, "this is service\n");
    let again = workspace.xtask(&["image"]).ok();
    assert!(!again.stderr.contains("Passed"), "what has passed is remembered: {}", again.stderr);

    // Another program, which another test does not like.
    let passed = id_of(&reference);
    let source = fs::read_to_string(workspace.root().join("service/src/main.rs")).expect("the fixture has it");
    workspace.write("service/src/main.rs", &source.replace("this is service", "this is server"));
    let failed = workspace.xtask(&["image"]).fails_with(12);
    assert_eq!(failed.stdout, "");
    let log = workspace.root().join(format!("target/tierce/logs/{name}/test.prints.log"));
    insta::assert_snapshot!(failed.error(workspace.root()).replace(&name, "NAME"), @r#"
    error: the image `NAME` fails its test `prints`
      --> service/Cargo.toml:11:30
       |
    11 | [package.metadata.image.test.prints]
       |                              ^^^^^^
       |
       = note: stdout: line 1 is "this is server\n", expected "this is service\n"
               the last that it wrote:
               | this is server
       = help: the image gets no name; the whole log is [WORKSPACE]/target/tierce/logs/NAME/test.prints.log
    "#);
    assert!(fs::read_to_string(log).expect("a log").contains("this is server\n"));
    assert_eq!(id_of(&reference), passed, "the older one keeps its name");

    // Nothing has changed: the result is cached, and no container starts.
    let begun = Instant::now();
    let remembered = workspace.xtask(&["image"]).fails_with(12);
    assert!(
        !remembered.stderr.contains("Running") && begun.elapsed() < Duration::from_secs(60),
        "{}",
        remembered.stderr
    );
    let retry = format!("as nothing has changed since it failed; `cargo xtask test {name}` tests it again");
    assert!(remembered.stderr.contains(&retry), "{}", remembered.stderr);

    // Tested again, and only in part; neither names it.
    let one = workspace.xtask(&["test", &name, "--only", "serves"]).ok();
    assert!(one.line().starts_with(&format!("{name}  serves  passed  ")), "{}", one.stdout);
    let all = workspace.xtask(&["test", "--format", "json"]).fails_with(12);
    let all: serde_json::Value = serde_json::from_str(&all.stdout).expect("JSON");
    let failed: Vec<_> = all.as_array().expect("a list").iter().filter(|test| test["passed"] == false).collect();
    assert_eq!((all.as_array().map(Vec::len), failed.len(), &failed[0]["test"]), (Some(7), 1, &"prints".into()));
    assert_eq!(id_of(&reference), passed);

    // The test itself was wrong.
    let table = fs::read_to_string(workspace.root().join("service/Cargo.toml")).expect("the fixture has it");
    workspace.write("service/Cargo.toml", &table.replace("this is service", "this is server"));
    workspace.xtask(&["image"]).ok();
    assert_ne!(id_of(&reference), passed);
    assert_eq!(tool("docker", ["ps", "-aq", "--filter", &format!("ancestor={reference}")]).ok().stdout, "");

    let elsewhere = workspace.xtask(&["image", "--layout", "target/layout"]).ok();
    assert!(!elsewhere.stderr.contains("Passed"), "what passed in the daemon has passed: {}", elsewhere.stderr);
}

#[test]
fn failed_expectation_shows_the_value() {
    let (workspace, name) = tested();
    let _image = LoadedImage::new(&format!("{name}:latest"));
    add(
        &workspace,
        r#"
[package.metadata.image.test.absent]
entrypoint = ["/bin/sh"]
[package.metadata.image.test.bad-answers]
command = ["serve", "8080"]
http = [{ path = "/missing" }, { path = "/a", body = "no" }]
stop-within = "5s"
exit-code = 9
[package.metadata.image.test.bad-texts]
command = ["print"]
stdout = "this is it\n"
stderr = { contains = ["nothing"], matches = "^x$" }
exit-code = 1
files = [{ path = "/usr/bin/service", mode = "0644", owner = 7 }, { path = "/nothing" }, { path = "/usr", exists = false }]
[package.metadata.image.test.ends]
command = ["print"]
http = [{}]
[package.metadata.image.test.greedy]
command = ["hog"]
memory = "16 MB"
[package.metadata.image.test.hangs]
command = ["hang"]
timeout = "1s"
[package.metadata.image.test.no-answer]
command = ["serve", "8081"]
http = [{ port = 8080 }]
timeout = "1s"
[package.metadata.image.test.no-server]
command = ["hang"]
ports = [8080]
timeout = "1s"
[package.metadata.image.test.read-only]
command = ["write", "/tmp-file"]
read-only = true
user = 0
exit-code = 101
stderr = { contains = ["ReadOnlyFilesystem"] }
[package.metadata.image.test.unstoppable]
command = ["stubborn", "8080"]
http = [{}]
stop-within = "1s"
"#,
    );
    let failed = workspace.xtask(&["image"]).fails_with(12);
    // The error of a connection to a port without a server depends on the daemon.
    let said = failed.error(workspace.root()).replace(&name, "NAME");
    // Docker is now and then told of the end before its cause.
    let doubt = "it ended with exit code 137 (signal 9), expected 0; its memory of 16.0 MB may have been lacking";
    let said = said.replace(doubt, "it was killed for lack of memory of 16.0 MB");
    let said: Vec<&str> = said.lines().map(|line| line.split(" within 1s: ").next().unwrap_or(line)).collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    error: the image `NAME` fails 9 of 17 tests: `absent`, `bad-answers`, `bad-texts`, `ends`, `greedy`, `hangs`, `no-answer`, `no-server`, `unstoppable`
      --> service/Cargo.toml:50:30
       |
    50 | [package.metadata.image.test.absent]
       |                              ^^^^^^
       |
       = note: absent: `/bin/sh` is not in the image, or not what interprets it
               bad-answers: GET /missing on port 8080: the status is 404, expected 200: "GET /missing\n"
               bad-answers: GET /a on port 8080: the body: line 1 is "GET /a\n", expected "no"
               bad-answers: it ended with exit code 0, expected 9
               bad-answers: the last that it wrote:
               | listening on port 8080
               bad-texts: it ended with exit code 0, expected 1
               bad-texts: `/usr/bin/service` has the mode 0755, expected 0644
               bad-texts: `/usr/bin/service` belongs to 0:0, expected 7:7
               bad-texts: `/nothing` is not there
               bad-texts: `/usr` is there
               bad-texts: stdout: line 1 is "this is service\n", expected "this is it\n"
               bad-texts: stderr does not contain "nothing"
               bad-texts: stderr does not match `^x$`
               bad-texts: stderr is empty
               bad-texts: the last that it wrote:
               | this is service
               ends: it ended by itself, with exit code 0
               ends: the last that it wrote:
               | this is service
               greedy: it was killed for lack of memory of 16.0 MB
               hangs: it did not end within 1s, and was killed
               no-answer: GET / on port 8080: no answer
               no-answer: the last that it wrote:
               | listening on port 8081
               no-server: nobody took a connection to port 8080 within 1s
               unstoppable: the stop signal did not end it within 1s (as process 1 a program gets only signals that it handles)
       = help: the image gets no name; the whole logs are [WORKSPACE]/target/tierce/logs/NAME/test.*.log
    "#);
    tool("docker", ["image", "inspect", &format!("{name}:latest")]).fails_with(1);
    let unknown = workspace.xtask(&["test", "--only", "servs"]).fails_with(3);
    assert!(unknown.stderr.contains("error: no image that was named has a test `servs`"), "{}", unknown.stderr);
}

#[test]
fn interrupted_test_leaves_no_container() {
    let (workspace, name) = tested();
    let _image = LoadedImage::new(&format!("{name}:latest"));
    let table = format!("[package.metadata.image.test.hangs]\ncommand = [\"hang\", \"{name}\"]\ntimeout = \"10m\"\n");
    add(&workspace, &table);
    let hanging = || hanging(&name);
    for (signal, code) in [("INT", Some(130)), ("KILL", None)] {
        let mut running = crate::running::Running::start(workspace.command().args(["test", "--only", "hangs"]));
        running.wait_until("the container runs", |_| !hanging().is_empty());
        running.signal(signal);
        assert_eq!(running.end().code, code);
        assert_eq!(hanging().is_empty(), signal == "INT", "after {signal}");
    }
    // The next run removes the leftovers of the killed one.
    workspace.xtask(&["test", "--only", "prints"]).ok();
    assert_eq!(hanging(), "");
}

/// The containers that run the test that hangs, of one image: another test has one, too.
fn hanging(image: &str) -> String {
    let namespace = format!("label=dev.tierce.namespace={}", namespace());
    let format = "{{.ID}} {{.Command}}";
    let filters = [
        "ps",
        "-a",
        "--no-trunc",
        "--filter",
        &namespace,
        "--filter",
        "label=dev.tierce.kind=test",
        "--format",
        format,
    ];
    let all = tool("docker", filters).ok().stdout;
    all.lines().filter(|line| line.contains(&format!("/usr/bin/service hang {image}"))).collect()
}
