//! The keys of `test`, and of the tables in it.

use super::{Key, Shape, TEXTS};

/// Text that stands in the table or in a file.
const INPUT: Shape = Shape::Either(&[Shape::Text, Shape::OneOf(INPUT_KEYS)]);
/// Text that is expected: all of it, or what a table says.
const EXPECTED: Shape = Shape::Either(&[Shape::Text, Shape::Table(TEXT_KEYS)]);

/// The keys of an entry of `test`.
#[rustfmt::skip]
pub const TEST_KEYS: &[Key] = &[
    Key::new("entrypoint", TEXTS, "the image's", r#"["/usr/bin/migrate"]"#,
        "The program that is started, and its first arguments, in place of `entrypoint`.").replaced(),
    Key::new("command", TEXTS, "the image's `cmd`", r#"["--version"]"#,
        "Arguments in place of `cmd`.").replaced(),
    Key::new("env", Shape::Map(&Shape::Text), "{}", r#"{ RUST_LOG = "debug" }"#,
        "Variables besides the image's."),
    Key::new("user", Shape::TextOrInteger, "the image's", r#""65534:65534""#,
        "Numbers of the user and the group."),
    Key::new("read-only", Shape::Boolean, "false", "true",
        "Whether the image's files cannot be written, as with `docker run --read-only`."),
    Key::new("cap-drop", TEXTS, "[]", r#"["ALL"]"#,
        "Capabilities that are taken away."),
    Key::new("memory", Shape::Text, "no limit", r#""64 MB""#,
        "The most memory that the container may use."),
    Key::new("timeout", Shape::Text, r#""30s""#, r#""5s""#,
        "The time after which the test has failed."),
    Key::new("stdin", INPUT, "nothing", r#"{ file = "tests/photo.jpg" }"#,
        "What the program reads; a file inside of the folder of this Cargo.toml."),
    Key::new("exit-code", Shape::Integer, "0", "3",
        "The code that the program ends with; of a service that `stop-within` ends, any where this says none."),
    Key::new("stdout", EXPECTED, "anything", r#"{ contains = ["1.2"] }"#,
        "What the program writes: a string is exactly that."),
    Key::new("stderr", EXPECTED, "anything", r#""""#,
        "The same for its other output."),
    Key::new("files", Shape::List(&Shape::Table(TEST_FILE_KEYS)), "[]", r#"[{ path = "/tmp/out.png", mode = "0644" }]"#,
        "Files of the container: when the program has ended, or when a service has answered all else."),
    Key::new("healthy-within", Shape::Text, "not asked", r#""10s""#,
        "The time in which the image's `healthcheck` says that all is well."),
    Key::new("ports", Shape::List(&Shape::Integer), "[]", "[8080]",
        "TCP ports that take connections from outside of the container."),
    Key::new("http", Shape::List(&Shape::Table(HTTP_KEYS)), "[]", r#"[{ port = 8080, path = "/healthz" }]"#,
        "Requests from outside of the container, one after the other."),
    Key::new("stop-within", Shape::Text, "not asked", r#""5s""#,
        "The time in which the stop signal ends the program, once it has answered all else."),
];

/// The keys of an item of `http`.
#[rustfmt::skip]
pub const HTTP_KEYS: &[Key] = &[
    Key::new("port", Shape::Integer, "the tcp port of `expose`, where there is one only", "8081",
        "The port that is asked."),
    Key::new("path", Shape::Text, r#""/""#, r#""/thumbnail?width=64""#,
        "The path, with its query."),
    Key::new("method", Shape::Text, r#""GET", or "POST" with `send`"#, r#""PUT""#,
        "The method."),
    Key::new("headers", Shape::Map(&Shape::Text), "{}", r#"{ Accept = "image/png" }"#,
        "Headers of the request."),
    Key::new("send", INPUT, "nothing", r#"{ file = "tests/photo.jpg" }"#,
        "The body of the request."),
    Key::new("status", Shape::Integer, "200", "404",
        "The status of the answer; a redirect is not followed."),
    Key::new("body", EXPECTED, "anything", r#"{ contains = ["ok"] }"#,
        "The body of the answer: a string is exactly that."),
];

/// The keys of an item of `files` of a test.
#[rustfmt::skip]
pub const TEST_FILE_KEYS: &[Key] = &[
    Key::new("path", Shape::Text, "", r#""/var/lib/thumbnailer/cache.db""#,
        "The path in the container. Volumes are looked into, a filesystem in memory is not.").required(),
    Key::new("exists", Shape::Boolean, "true", "false",
        "Whether it is there at all."),
    Key::new("mode", Shape::Text, "any", r#""0640""#,
        "Its mode, in octal."),
    Key::new("owner", Shape::TextOrInteger, "any", r#""1000:1000""#,
        "Numbers of its user and group."),
    Key::new("content", EXPECTED, "any", r#"{ contains = ["SQLite"] }"#,
        "What it holds: a string is exactly that."),
];

/// The keys of a text that is expected.
#[rustfmt::skip]
pub const TEXT_KEYS: &[Key] = &[
    Key::new("contains", TEXTS, "[]", r#"["ready", "8080"]"#,
        "Texts that are somewhere in it, in any order."),
    Key::new("matches", Shape::Text, "anything", r#""^listening on port [0-9]+$""#,
        "A regular expression that fits somewhere, in the syntax of the crate `regex`: `^` and `$` are the ends of a line, classes are ASCII's."),
];

/// The keys of a text that stands elsewhere.
#[rustfmt::skip]
pub const INPUT_KEYS: &[Key] = &[
    Key::new("file", Shape::Text, "", r#""tests/photo.jpg""#,
        "A file inside of the folder of this Cargo.toml."),
];
