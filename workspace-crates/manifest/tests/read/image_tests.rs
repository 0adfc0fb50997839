//! The tests of images: their tables, and the errors of invalid ones.

use std::time::Duration;

use tierce_manifest::{ExpectedText, TestInput, TestRun, TestSpec};

use crate::{defaults, image, read_image, refusal};

#[track_caller]
fn tests(root: &str, keys: &str) -> Vec<TestSpec> {
    read_image(root, &image(keys)).tests
}

#[test]
fn empty_test_expects_exit_code_0() {
    let [test] = tests("", "test.runs = {}").try_into().expect("one test");
    assert_eq!(test.run, TestRun::Command { stdin: None, exit_code: 0 });
    assert_eq!((test.timeout, test.read_only, test.memory), (Duration::from_secs(30), false, None));
    assert_eq!((test.stdout, test.files), (None, vec![]));
}

#[test]
fn command_test_reads_all_keys() {
    let keys = r#"
        [package.metadata.image.test.fails]
        command = ["--fast"]
        stdin = { file = "tests/in.txt" }
        stdout = ""
        stderr = { contains = ["no"], matches = "^line [0-9]+$" }
        exit-code = 3
        memory = "64 MB"
        timeout = "1m30s"
    "#;
    let [test] = tests("", keys).try_into().expect("one test");
    let TestRun::Command { stdin: Some(TestInput::File(path)), exit_code: 3 } = &test.run else { panic!("{test:?}") };
    assert_eq!(path.value.full(), "app/tests/in.txt");
    assert_eq!(test.inputs().count(), 1);
    assert_eq!(test.stdout, Some(ExpectedText { equals: Some(String::new()), ..ExpectedText::default() }));
    let stderr = test.stderr.as_ref().expect("it says something of it");
    assert_eq!((stderr.contains.as_slice(), stderr.matches.is_some()), (["no".to_owned()].as_slice(), true));
    assert_eq!((test.memory, test.timeout), (Some(64_000_000), Duration::from_secs(90)));
    // The text contains no folder of the host.
    assert!(!test.text().contains("app/"), "{}", test.text());
}

#[test]
fn request_defaults_to_the_tcp_port() {
    let keys = r#"
        expose = [8080, "53/udp"]
        healthcheck = { cmd = ["/x"] }
        [package.metadata.image.test.serves]
        healthy-within = "10s"
        ports = [8080]
        http = [{ path = "/a" }, { port = 9090, send = "x", status = 404, body = "no\n" }]
        stop-within = "5s"
        exit-code = 0
    "#;
    let [test] = tests("", keys).try_into().expect("one test");
    let TestRun::Service(service) = &test.run else { panic!("{test:?}") };
    let asked: Vec<_> =
        service.http.iter().map(|http| (http.port, http.method.as_str(), http.path.as_str(), http.status)).collect();
    assert_eq!(asked, [(8080, "GET", "/a", 200), (9090, "POST", "/", 404)]);
    assert_eq!(service.healthy_within, Some(Duration::from_secs(10)));
    assert_eq!(service.stop.as_ref().and_then(|stop| stop.exit_code), Some(0));
}

#[test]
fn tests_of_both_tables_are_merged() {
    let root = defaults("test = { a = { exit-code = 1 }, b = {} }");
    let all = tests(&root, "test = { c = {}, a = { exit-code = 2 } }");
    assert_eq!(all.iter().map(|test| test.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(all[0].run, TestRun::Command { stdin: None, exit_code: 2 });
}

#[test]
fn test_text_changes_with_its_keys() {
    let plain = tests("", "test.x = {}").remove(0).text();
    for keys in ["command = []", "env = { A = \"1\" }", "user = 1", "stdin = \"\"", "ports = [1]", "timeout = \"1s\""] {
        assert_ne!(tests("", &format!("test.x = {{ {keys} }}")).remove(0).text(), plain, "{keys}");
    }
}

#[test]
fn invalid_tests_are_refused() {
    let time = "write a number with its unit, such as \"30s\", \"500ms\" or \"1m30s\"";
    let cases: [(&str, String); 16] = [
        ("test = []", "2:8: `test` must be a table of tables, not a list".into()),
        ("test.x = { comand = [] }", "2:12: unknown key `comand`\n  help: did you mean `command`?".into()),
        (
            "test.\"a/b\" = {}",
            "2:6: `a/b` is not a name for a test\n  help: write at most 64 letters, digits, `_`, `.` and `-`; the first is a letter or a digit".into(),
        ),
        (
            "test.x = { stdin = \"\", ports = [1] }",
            "2:20: a service is asked from outside, and reads no `stdin`\n  help: leave it out, or make a test of its own of it, without `http`, `ports` and the like".into(),
        ),
        (
            "test.x = { exit-code = 1, ports = [1] }",
            "2:24: the test itself ends this service, whose exit code says nothing then\n  help: leave it out, or add `stop-within = \"5s\"`".into(),
        ),
        (
            "test.x = { healthy-within = \"1s\" }",
            "2:29: `healthy-within` asks the image's health check, and it has none\n  help: add `healthcheck` to the image's table".into(),
        ),
        (
            "test.x = { http = [{}] }",
            "2:20: the request has no port\n  help: add `port = 8080`, or one tcp port to `expose` of the image's table".into(),
        ),
        ("test.x = { ports = [0] }", "2:21: `0` is not a port\n  help: write a number from 1 to 65535".into()),
        ("test.x = { timeout = \"5\" }", format!("2:22: `5` is not a time\n  help: {time}")),
        ("test.x = { stop-within = \"0s\" }", "2:26: `stop-within` leaves no time".into()),
        ("test.x = { memory = \"1 MB\" }", "2:21: a container needs at least 6 MiB of memory".into()),
        ("test.x = { exit-code = 256 }", "2:24: `exit-code` cannot be 256".into()),
        (
            "test.x = { stdout = {} }",
            "2:21: `stdout` expects nothing\n  help: write a string for the whole text, `contains = [\"…\"]` or `matches = \"…\"`, or leave it out".into(),
        ),
        (
            "test.x = { stdout = { matches = \"a(\" } }",
            "2:33: `a(` is not a regular expression: unclosed group".into(),
        ),
        (
            "test.x = { files = [{ path = \"/x\", exists = false, mode = \"0644\" }] }",
            "2:21: a file that is not there has no mode, owner or content\n  help: leave these out".into(),
        ),
        (
            "test.x = { stdin = { file = \"../x\" } }",
            "2:29: `../x` is outside of the folder of this Cargo.toml\n  help: name a file inside of it; a build script can copy other files there".into(),
        ),
    ];
    for (keys, expected) in cases {
        assert_eq!(refusal("", &image(keys)), format!("app/Cargo.toml:{expected}"), "{keys}");
    }
}
