//! Reads the health check of an image.

use std::time::Duration;

use super::{Report, words};
use crate::{
    PROBE_PATH,
    error::Fault,
    node::Node,
    place::Located,
    spec::HealthCheck,
    values::{ImagePath, Loopback, Port, Protocol, duration},
};

/// The keys that define the check; a table has exactly one.
const KINDS: [&str; 4] = ["cmd", "http", "tcp", "file"];

/// The daemon's default time after which a check fails.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Reads a health check. Returns `None` for `false`, which disables the workspace's default. `expose` has the program's ports.
pub(super) fn read_healthcheck(table: Node<'_>, expose: &[Port], report: &mut Report) -> Option<Located<HealthCheck>> {
    if !table.raw().is_table() {
        return None;
    }
    let mut time = |key: &str| -> Option<Duration> {
        let text = table.field(key)?.text()?;
        Some(report.keep(text.place, duration(text.value))?.value)
    };
    let (interval, timeout, start_period) = (time("interval"), time("timeout"), time("start-period"));
    let retries = table.field("retries").and_then(|retries| {
        let number = u32::try_from(retries.integer()?);
        let fault = |_| Fault::new("`retries` of `healthcheck` is too large", "out of range");
        // The check of types already reported a negative number.
        (retries.integer()? >= 0).then(|| report.keep(retries.place(), number.map_err(fault)))?
    });
    let retries = retries.map(|retries| retries.value);
    let mut kinds = KINDS.iter().filter_map(|kind| Some((*kind, table.field(kind)?)));
    let (Some((kind, value)), None) = (kinds.next(), kinds.next()) else {
        let fault =
            Fault::new("`healthcheck` needs exactly one of `cmd`, `http`, `tcp` and `file`", "needs one of four")
                .help("write `http = 8080` where the program answers requests, or a `cmd` of its own");
        report.fault(&table.place(), fault);
        return None;
    };
    let is_probe = kind != "cmd";
    let command = match is_probe {
        true => read_probe(kind, value, timeout.unwrap_or(TIMEOUT), expose, report)?,
        false => read_command(value, report),
    };
    Some(Located::new(HealthCheck { command, is_probe, interval, timeout, start_period, retries }, table.place()))
}

fn read_command(list: Node<'_>, report: &mut Report) -> Vec<String> {
    let command = words::command(list, report);
    if list.raw().as_array().is_some_and(|words| words.is_empty()) {
        report.fault(&list.place(), Fault::new("`cmd` of `healthcheck` is empty", "nothing to run"));
    }
    command
}

/// Returns the command of the probe.
fn read_probe(
    kind: &str,
    value: Node<'_>,
    timeout: Duration,
    expose: &[Port],
    report: &mut Report,
) -> Option<Vec<String>> {
    let text = value.text_or_integer()?;
    let probe = [PROBE_PATH.to_owned(), kind.to_owned()];
    if kind == "file" {
        let path = report.keep(text.place, text.value.parse::<ImagePath>())?.value;
        return Some([&probe[..], &[path.to_string()]].concat());
    }
    let asked = match kind {
        "http" => Loopback::parse_http(&text.value).map(|(to, path)| (to, Some(path.to_owned()))),
        _ => Loopback::parse(&text.value).map(|to| (to, None)),
    };
    let Located { value: (to, path), place } = report.keep(text.place, asked)?;
    let is_served = |port: &Port| port.protocol == Protocol::Tcp && port.number == to.port;
    if !expose.iter().any(is_served) {
        let port = to.port;
        let fault = Fault::new(
            format!("the health check asks port {port}, on which nothing says that the program listens"),
            "not in `expose`",
        )
        .help(format!("add {port} to `expose`, which opens nothing to anybody, or ask a port that is in it"));
        report.fault(&place, fault);
    }
    // The probe stops shortly before the daemon's timeout, so that it can report the failure itself.
    let milliseconds = (timeout.as_millis() * 9 / 10).clamp(1, 3_600_000).to_string();
    let address = [to.families.to_owned(), to.port.to_string()];
    Some(probe.into_iter().chain(address).chain(path).chain([milliseconds]).collect())
}
