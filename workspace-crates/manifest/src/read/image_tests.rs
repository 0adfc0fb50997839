//! Reads the tests of an image.

use std::{collections::BTreeMap, str::FromStr, time::Duration};

use super::{Report, words};
use crate::{
    error::Fault,
    node::{Entry, Layers, Node},
    place::Located,
    spec::{
        ConfigSpec, ExpectedContent, ExpectedFile, ExpectedStop, ExpectedText, HttpTest, ServiceTest, TestInput,
        TestRun, TestSpec,
    },
    values::{
        ByteSize, InnerPath, Protocol, check_capability, check_header_name, check_header_value, check_method,
        check_no_nul, check_request_path, check_variable_name, duration,
    },
};

/// The default time after which a test fails.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The keys that make a test one of a service.
const OF_SERVICES: [&str; 4] = ["healthy-within", "ports", "http", "stop-within"];

/// Reads the tests of an image with this run configuration.
pub(super) fn read_tests(layers: Layers<'_>, image: &ConfigSpec, report: &mut Report) -> Vec<TestSpec> {
    let mut tests: Vec<TestSpec> =
        layers.entries("test").iter().filter_map(|entry| read_test(entry, image, report)).collect();
    tests.sort_by(|a, b| a.name.cmp(&b.name));
    tests
}

fn read_test(entry: &Entry<'_>, image: &ConfigSpec, report: &mut Report) -> Option<TestSpec> {
    let table = entry.value;
    let name = report.parse(entry.key.clone());
    let is_service = OF_SERVICES.iter().any(|key| table.field(key).is_some());
    let run = match is_service {
        true => TestRun::Service(read_service(table, image, report)),
        false => TestRun::Command {
            stdin: table.field("stdin").and_then(|stdin| read_input(stdin, report)),
            exit_code: read_number(table, "exit-code", report).unwrap_or(0),
        },
    };
    Some(TestSpec {
        place: entry.key.place.clone(),
        entrypoint: table.field("entrypoint").map(|list| words::command(list, report)),
        command: table.field("command").map(|list| words::arguments(list, report)),
        env: read_texts(table, "env", |name| check_variable_name(name, false), check_no_nul, report),
        user: parsed(table, "user", report),
        read_only: table.field("read-only").and_then(|value| value.boolean()).unwrap_or(false),
        cap_drop: table.field("cap-drop").map(|words| texts(words, check_capability, report)).unwrap_or_default(),
        memory: read_memory(table, report),
        timeout: read_time(table, "timeout", report).unwrap_or(TIMEOUT),
        run,
        stdout: read_expected(table, "stdout", report),
        stderr: read_expected(table, "stderr", report),
        files: table
            .field("files")
            .into_iter()
            .flat_map(|files| files.items())
            .filter_map(|file| read_file(file, report))
            .collect(),
        name: name?.value,
    })
}

fn read_service(table: Node<'_>, image: &ConfigSpec, report: &mut Report) -> ServiceTest {
    if let Some(stdin) = table.field("stdin") {
        let fault = Fault::new("a service is asked from outside, and reads no `stdin`", "of a program that ends")
            .help("leave it out, or make a test of its own of it, without `http`, `ports` and the like");
        report.fault(&stdin.place(), fault);
    }
    let healthy_within = read_time(table, "healthy-within", report);
    let may_have_one = image.healthcheck.is_some() || (image.on_foreign && !image.no_healthcheck);
    if let (Some(key), false) = (table.field("healthy-within"), may_have_one) {
        let fault = Fault::new("`healthy-within` asks the image's health check, and it has none", "no `healthcheck`")
            .help("add `healthcheck` to the image's table");
        report.fault(&key.place(), fault);
    }
    let exit_code = read_number(table, "exit-code", report);
    let stop = read_time(table, "stop-within", report).map(|within| ExpectedStop { within, exit_code });
    if let (Some(key), None) = (table.field("exit-code"), table.field("stop-within")) {
        let fault = Fault::new("the test itself ends this service, whose exit code says nothing then", "means nothing")
            .help("leave it out, or add `stop-within = \"5s\"`");
        report.fault(&key.place(), fault);
    }
    let ports = table.field("ports").into_iter().flat_map(|ports| ports.items());
    let http = table.field("http").into_iter().flat_map(|http| http.items());
    ServiceTest {
        healthy_within,
        ports: ports.filter_map(|port| read_port(port, report)).collect(),
        http: http.filter_map(|item| read_http(item, image, report)).collect(),
        stop,
    }
}

fn read_http(item: Node<'_>, image: &ConfigSpec, report: &mut Report) -> Option<HttpTest> {
    let port = match item.field("port") {
        Some(port) => read_port(port, report),
        None => {
            let mut tcp = image.expose.iter().filter(|port| port.protocol == Protocol::Tcp);
            let (first, second) = (tcp.next(), tcp.next());
            if first.is_none() || second.is_some() {
                let fault = Fault::new("the request has no port", "needs `port`")
                    .help("add `port = 8080`, or one tcp port to `expose` of the image's table");
                report.fault(&item.place(), fault);
            }
            first.map(|port| port.number.get())
        }
    };
    let send = item.field("send").and_then(|send| read_input(send, report));
    let text = |key: &str, check: fn(&str) -> Result<(), Fault>, report: &mut Report| {
        let text = item.field(key)?.text()?;
        report.checked(text, check).map(|text| text.value)
    };
    let method = text("method", check_method, report);
    let method = method.unwrap_or_else(|| if item.field("send").is_some() { "POST" } else { "GET" }.to_owned());
    if let (Some(key), "GET" | "HEAD") = (item.field("send"), method.as_str()) {
        let fault = Fault::new(format!("a {method} request has no body"), "sent with no other method");
        report.fault(&key.place(), fault.help("leave `method` out for POST, or `send`"));
    }
    let status = item.field("status").and_then(|status| {
        let number = status.integer()?;
        let valid = u16::try_from(number).ok().filter(|number| (100..=599).contains(number));
        let fault = || Fault::new(format!("`{number}` is not a status of HTTP"), "not from 100 to 599");
        Some(report.keep(status.place(), valid.ok_or_else(fault))?.value)
    });
    Some(HttpTest {
        path: text("path", check_request_path, report).unwrap_or_else(|| "/".to_owned()),
        method,
        headers: read_texts(item, "headers", check_header_name, check_header_value, report),
        send,
        status: status.unwrap_or(200),
        body: read_expected(item, "body", report),
        port: port?,
    })
}

fn read_file(item: Node<'_>, report: &mut Report) -> Option<ExpectedFile> {
    let path = item.field("path").and_then(|path| path.text()).and_then(|path| report.parse(path));
    let content = ExpectedContent {
        mode: item
            .field("mode")
            .and_then(|mode| mode.text())
            .and_then(|mode| report.parse(mode))
            .map(|mode| mode.value),
        owner: parsed(item, "owner", report),
        content: read_expected(item, "content", report),
    };
    let exists = item.field("exists").and_then(|exists| exists.boolean()).unwrap_or(true);
    if !exists && content != ExpectedContent::default() {
        let fault = Fault::new("a file that is not there has no mode, owner or content", "`exists = false`");
        report.fault(&item.place(), fault.help("leave these out"));
    }
    Some(ExpectedFile { path: path?.value, present: exists.then_some(content) })
}

/// Reads the conditions on a text; a string is the whole text.
fn read_expected(table: Node<'_>, key: &str, report: &mut Report) -> Option<ExpectedText> {
    let value = table.field(key)?;
    if let Some(text) = value.text() {
        return Some(ExpectedText { equals: Some(text.value.to_owned()), ..ExpectedText::default() });
    }
    let contains = value.field("contains").into_iter().flat_map(|texts| texts.texts());
    let expected = ExpectedText {
        equals: None,
        contains: contains.map(|text| text.value.to_owned()).collect(),
        matches: value
            .field("matches")
            .and_then(|pattern| pattern.text())
            .and_then(|pattern| report.parse(pattern))
            .map(|pattern| pattern.value),
    };
    if value.raw().is_table() && value.field("contains").is_none() && value.field("matches").is_none() {
        let fault = Fault::new(format!("`{key}` expects nothing"), "empty")
            .help("write a string for the whole text, `contains = [\"…\"]` or `matches = \"…\"`, or leave it out");
        report.fault(&value.place(), fault);
    }
    Some(expected)
}

fn read_input(value: Node<'_>, report: &mut Report) -> Option<TestInput> {
    if let Some(text) = value.text() {
        return Some(TestInput::Text(text.value.to_owned()));
    }
    let file = value.field("file")?.text()?;
    report.keep(file.place, InnerPath::parse(&value.folder(), file.value)).map(TestInput::File)
}

fn read_port(value: Node<'_>, report: &mut Report) -> Option<u16> {
    let number = value.integer()?;
    let port = u16::try_from(number).ok().filter(|port| *port != 0);
    let fault = || Fault::new(format!("`{number}` is not a port"), "not a port").help("write a number from 1 to 65535");
    Some(report.keep(value.place(), port.ok_or_else(fault))?.value)
}

/// Reads a time that is not zero.
fn read_time(table: Node<'_>, key: &str, report: &mut Report) -> Option<Duration> {
    let text = table.field(key)?.text()?;
    let time = duration(text.value).and_then(|time| match time.is_zero() {
        true => Err(Fault::new(format!("`{key}` leaves no time"), "zero")),
        false => Ok(time),
    });
    Some(report.keep(text.place, time)?.value)
}

fn read_memory(table: Node<'_>, report: &mut Report) -> Option<u64> {
    /// Docker's minimum.
    const LEAST: u64 = 6 << 20;
    let text = table.field("memory")?.text()?;
    let memory = text.value.parse().and_then(|ByteSize(bytes)| match bytes < LEAST {
        true => Err(Fault::new("a container needs at least 6 MiB of memory", "too little")),
        false => Ok(bytes),
    });
    Some(report.keep(text.place, memory)?.value)
}

fn read_number(table: Node<'_>, key: &str, report: &mut Report) -> Option<u8> {
    let value = table.field(key)?;
    let number = value.integer()?;
    let fault = |_| Fault::new(format!("`{key}` cannot be {number}"), "not from 0 to 255");
    Some(report.keep(value.place(), u8::try_from(number).map_err(fault))?.value)
}

fn parsed<T: FromStr<Err = Fault>>(table: Node<'_>, key: &str, report: &mut Report) -> Option<T> {
    let value = table.field(key)?.text_or_integer()?;
    Some(report.keep(value.place, value.value.parse())?.value)
}

fn texts(list: Node<'_>, check: fn(&str) -> Result<(), Fault>, report: &mut Report) -> Vec<String> {
    list.texts().filter_map(|text| report.checked(text, check)).map(|text| text.value).collect()
}

fn read_texts(
    table: Node<'_>,
    key: &str,
    check_name: fn(&str) -> Result<(), Fault>,
    check_value: fn(&str) -> Result<(), Fault>,
    report: &mut Report,
) -> BTreeMap<String, String> {
    let entries = table.field(key).map(|entries| entries.entries()).unwrap_or_default();
    let mut texts = BTreeMap::new();
    for entry in entries {
        let name: Option<Located<String>> = report.checked(entry.key, check_name);
        let value = entry.value.text().and_then(|value| report.checked(value, check_value));
        if let (Some(name), Some(value)) = (name, value) {
            texts.insert(name.value, value.value);
        }
    }
    texts
}
