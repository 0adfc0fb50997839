//! The keys of `test` and of its inner tables.

use super::{Key, Shape, TEXTS};

/// Text of the table or of a file.
const INPUT: Shape = Shape::Either(&[Shape::Text, Shape::OneOf(INPUT_KEYS)]);
/// An expected text: the whole text, or a table with conditions.
const EXPECTED: Shape = Shape::Either(&[Shape::Text, Shape::Table(TEXT_KEYS)]);

/// The keys of an entry of `test`.
#[rustfmt::skip]
pub const TEST_KEYS: &[Key] = &[
    Key::new("entrypoint", TEXTS, "the image's", r#"["/usr/bin/migrate"]"#,
        "The program to start, and its first arguments, instead of `entrypoint`.").replaced(),
    Key::new("command", TEXTS, "the image's `cmd`", r#"["--version"]"#,
        "Arguments instead of `cmd`.").replaced(),
    Key::new("env", Shape::Map(&Shape::Text), "{}", r#"{ RUST_LOG = "debug" }"#,
        "Variables to add to the image's."),
    Key::new("user", Shape::TextOrInteger, "the image's", r#""65534:65534""#,
        "Numbers of the user and the group."),
    Key::new("read-only", Shape::Boolean, "false", "true",
        "Whether the image's files are read-only, as with `docker run --read-only`."),
    Key::new("cap-drop", TEXTS, "[]", r#"["ALL"]"#,
        "Capabilities to drop."),
    Key::new("memory", Shape::Text, "no limit", r#""64 MB""#,
        "The most memory that the container may use."),
    Key::new("timeout", Shape::Text, r#""30s""#, r#""5s""#,
        "The time after which the test fails."),
    Key::new("stdin", INPUT, "nothing", r#"{ file = "tests/photo.jpg" }"#,
        "The program's input: text, or a file inside of the folder of this Cargo.toml."),
    Key::new("exit-code", Shape::Integer, "0", "3",
        "The program's exit code. For a service that `stop-within` ends, any code passes by default."),
    Key::new("stdout", EXPECTED, "anything", r#"{ contains = ["1.2"] }"#,
        "The program's output. A string is the whole output."),
    Key::new("stderr", EXPECTED, "anything", r#""""#,
        "The program's error output, in the same form."),
    Key::new("files", Shape::List(&Shape::Table(TEST_FILE_KEYS)), "[]", r#"[{ path = "/tmp/out.png", mode = "0644" }]"#,
        "Files of the container after the program ends, or after a service passes all other checks."),
    Key::new("healthy-within", Shape::Text, "not checked", r#""10s""#,
        "The time within which the image's `healthcheck` must succeed."),
    Key::new("ports", Shape::List(&Shape::Integer), "[]", "[8080]",
        "TCP ports that accept connections from outside of the container."),
    Key::new("http", Shape::List(&Shape::Table(HTTP_KEYS)), "[]", r#"[{ port = 8080, path = "/healthz" }]"#,
        "Requests from outside of the container, one after the other."),
    Key::new("stop-within", Shape::Text, "not checked", r#""5s""#,
        "The time within which the stop signal must end the program, after all other checks."),
];

/// The keys of an item of `http`.
#[rustfmt::skip]
pub const HTTP_KEYS: &[Key] = &[
    Key::new("port", Shape::Integer, "the tcp port of `expose`, if there is only one", "8081",
        "The port of the request."),
    Key::new("path", Shape::Text, r#""/""#, r#""/thumbnail?width=64""#,
        "The path, with its query."),
    Key::new("method", Shape::Text, r#""GET", or "POST" with `send`"#, r#""PUT""#,
        "The method."),
    Key::new("headers", Shape::Map(&Shape::Text), "{}", r#"{ Accept = "image/png" }"#,
        "Headers of the request."),
    Key::new("send", INPUT, "nothing", r#"{ file = "tests/photo.jpg" }"#,
        "The body of the request."),
    Key::new("status", Shape::Integer, "200", "404",
        "The status of the response. The test follows no redirect."),
    Key::new("body", EXPECTED, "anything", r#"{ contains = ["ok"] }"#,
        "The body of the response. A string is the whole body."),
];

/// The keys of an item of `files` of a test.
#[rustfmt::skip]
pub const TEST_FILE_KEYS: &[Key] = &[
    Key::new("path", Shape::Text, "", r#""/var/lib/thumbnailer/cache.db""#,
        "The path in the container. In a daemon, the test reads volumes, but no filesystems in memory.").required(),
    Key::new("exists", Shape::Boolean, "true", "false",
        "Whether the file exists."),
    Key::new("mode", Shape::Text, "any", r#""0640""#,
        "Its mode, in octal."),
    Key::new("owner", Shape::TextOrInteger, "any", r#""1000:1000""#,
        "Numbers of its user and group."),
    Key::new("content", EXPECTED, "any", r#"{ contains = ["SQLite"] }"#,
        "The content of the file. A string is the whole content."),
];

/// The keys of an expected text.
#[rustfmt::skip]
pub const TEXT_KEYS: &[Key] = &[
    Key::new("contains", TEXTS, "[]", r#"["ready", "8080"]"#,
        "Texts that occur in it, in any order."),
    Key::new("matches", Shape::Text, "anything", r#""^listening on port [0-9]+$""#,
        "A regular expression that matches somewhere, in the syntax of the crate `regex`. `^` and `$` match at the ends of a line, and classes are ASCII's."),
];

/// The keys of a text from a file.
#[rustfmt::skip]
pub const INPUT_KEYS: &[Key] = &[
    Key::new("file", Shape::Text, "", r#""tests/photo.jpg""#,
        "A file inside of the folder of this Cargo.toml."),
];
