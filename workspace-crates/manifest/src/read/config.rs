//! Reads the run configuration of an image.

use std::collections::BTreeMap;

use super::{
    Report,
    accounts::read_run_user,
    each_once, health,
    words::{arguments, command},
};
use crate::{
    error::{Fault, quoted},
    node::{Layers, Node},
    place::{Located, Place},
    spec::{AccountsSpec, ConfigSpec, ProgramSpec},
    values::{InnerPath, Port, check_label_key, check_no_nul, check_variable_name},
};

/// The help for an image without a program of the workspace that would start nothing.
const NAME_A_PROGRAM: &str = "add `entrypoint = [\"/usr/bin/…\"]`, a program of its packages, or `cmd` for a command that `docker run` may replace";

/// The source of values that the image's table lacks.
#[derive(Clone, Copy)]
pub(super) enum Below<'t> {
    Nothing,
    /// A base of the workspace, which already includes the workspace's defaults.
    Image(&'t ConfigSpec),
    /// An external base; reading does not know its configuration.
    Foreign,
}

/// Reads the run configuration; `place` is the image's.
pub(super) fn read_config(
    layers: Layers<'_>,
    program: Option<&ProgramSpec>,
    below: Below<'_>,
    accounts: &AccountsSpec,
    place: &Place,
    report: &mut Report,
) -> ConfigSpec {
    let (layers, config) = match below {
        Below::Nothing => (layers, read_own(layers, program, false, accounts, place, report)),
        Below::Foreign => (layers, read_own(layers, program, true, accounts, place, report)),
        Below::Image(base) => {
            let layers = layers.without_defaults();
            (layers, on_top_of(read_over(layers, program, base, accounts, place, report), base))
        }
    };
    // A health check may ask any port of the image, including those of its base.
    match layers.one("healthcheck") {
        None => config,
        Some(table) => {
            let healthcheck = health::read_healthcheck(table, &config.expose, report);
            ConfigSpec { no_healthcheck: healthcheck.is_none(), healthcheck, ..config }
        }
    }
}

/// Reads the table of an image on a base of the workspace.
fn read_over(
    layers: Layers<'_>,
    program: Option<&ProgramSpec>,
    base: &ConfigSpec,
    accounts: &AccountsSpec,
    place: &Place,
    report: &mut Report,
) -> ConfigSpec {
    // Entrypoint and arguments belong together: arguments for one program make no sense for another.
    if program.is_some() || layers.own("entrypoint").is_some() {
        return read_own(layers, program, false, accounts, place, report);
    }
    let cmd = layers.one("cmd").map(|cmd| arguments(cmd, report));
    let started = (base.entrypoint.clone(), cmd.unwrap_or_else(|| base.cmd.clone()));
    ConfigSpec { no_entrypoint: base.no_entrypoint, ..read_with(layers, started, accounts, report) }
}

/// Merges an image's configuration over that of its base.
fn on_top_of(own: ConfigSpec, base: &ConfigSpec) -> ConfigSpec {
    let over = |base: &BTreeMap<String, Located<String>>, own: BTreeMap<_, _>| {
        let mut both = base.clone();
        both.extend(own);
        both
    };
    let more = base.expose.iter().filter(|port| !own.expose.contains(port)).copied();
    let expose = own.expose.iter().copied().chain(more).collect();
    let is_new = |volume: &&Located<_>| own.volumes.iter().all(|other| other.value != volume.value);
    let volumes = own.volumes.iter().chain(base.volumes.iter().filter(is_new)).cloned().collect();
    ConfigSpec {
        entrypoint: own.entrypoint,
        cmd: own.cmd,
        env: over(&base.env, own.env),
        env_files: base.env_files.iter().chain(&own.env_files).cloned().collect(),
        labels: over(&base.labels, own.labels),
        expose,
        volumes,
        workdir: own.workdir.or_else(|| base.workdir.clone()),
        user: own.user.or_else(|| base.user.clone()),
        stop_signal: own.stop_signal.or(base.stop_signal),
        healthcheck: base.healthcheck.clone(),
        no_healthcheck: base.no_healthcheck,
        no_entrypoint: own.no_entrypoint,
        on_foreign: base.on_foreign,
    }
}

/// Reads a table that does not inherit an entrypoint. `may_start_nothing` means that an external base may define the program.
fn read_own(
    layers: Layers<'_>,
    program: Option<&ProgramSpec>,
    may_start_nothing: bool,
    accounts: &AccountsSpec,
    place: &Place,
    report: &mut Report,
) -> ConfigSpec {
    let cmd = layers.one("cmd").map(|cmd| arguments(cmd, report)).unwrap_or_default();
    let is_said = !cmd.is_empty() || (may_start_nothing && layers.one("entrypoint").is_none());
    let entrypoint = read_entrypoint(layers, program, !is_said, place, report);
    let no_entrypoint = entrypoint.value.is_empty() && layers.one("entrypoint").is_some();
    let config = read_with(layers, (entrypoint, cmd), accounts, report);
    ConfigSpec { no_entrypoint, on_foreign: may_start_nothing, ..config }
}

/// Reads the other keys except `healthcheck`, given the entrypoint and the command.
fn read_with(
    layers: Layers<'_>,
    (entrypoint, cmd): (Located<Vec<String>>, Vec<String>),
    accounts: &AccountsSpec,
    report: &mut Report,
) -> ConfigSpec {
    let ports = layers.items("expose").filter_map(|item| item.text_or_integer());
    let ports: Vec<Located<Port>> = each_once(ports.filter_map(|port| report.keep(port.place, port.value.parse())));
    ConfigSpec {
        entrypoint,
        env: texts_by_name(layers, "env", |name| check_variable_name(name, false), report),
        env_files: read_env_files(layers, report),
        volumes: each_once(
            layers.items("volumes").filter_map(|item| item.text()).filter_map(|path| report.parse(path)),
        ),
        workdir: layers.one("workdir").and_then(|value| value.text()).and_then(|path| report.parse(path)),
        user: layers
            .one("user")
            .and_then(|value| value.text_or_integer())
            .and_then(|user| read_run_user(user, accounts, report)),
        labels: texts_by_name(layers, "labels", check_label_key, report),
        stop_signal: layers
            .one("stop-signal")
            .and_then(|value| value.text_or_integer())
            .and_then(|signal| report.keep(signal.place, signal.value.parse()))
            .map(|signal| signal.value),
        expose: ports.into_iter().map(|port| port.value).collect(),
        healthcheck: None,
        no_healthcheck: false,
        no_entrypoint: false,
        on_foreign: false,
        cmd,
    }
}

fn read_entrypoint(
    layers: Layers<'_>,
    program: Option<&ProgramSpec>,
    starts_nothing: bool,
    place: &Place,
    report: &mut Report,
) -> Located<Vec<String>> {
    if let Some(entrypoint) = layers.one("entrypoint") {
        let words = command(entrypoint, report);
        let empty = entrypoint.raw().as_array().is_some_and(|words| words.is_empty());
        if empty && starts_nothing {
            let fault = Fault::new("`entrypoint` and `cmd` are empty: the image would start nothing", "empty");
            let fault = match program {
                Some(_) => fault.help("leave `entrypoint` out for the image's binary"),
                None => fault.help(NAME_A_PROGRAM),
            };
            report.fault(&entrypoint.place(), fault);
        }
        return Located::new(words, entrypoint.place());
    }
    let Some(ProgramSpec { cargo, .. }) = program else {
        if starts_nothing {
            let fault = Fault::new("the image has no program to start", "needs `entrypoint` or `cmd`");
            report.fault(place, fault.help(NAME_A_PROGRAM));
        }
        return Located::new(Vec::new(), place.clone());
    };
    let bins = &cargo.bins;
    if let [_, second, ..] = bins.as_slice() {
        let names: Vec<&str> = bins.iter().map(|bin| bin.value.as_str()).collect();
        let fault = Fault::new(
            format!("nothing says which of the binaries {} is started", quoted(&names)),
            "needs `entrypoint`",
        )
        .help(format!("add `entrypoint = [\"/usr/bin/{}\"]`, or choose one with `bins`", names[0]));
        report.fault(&second.place, fault);
    }
    let default = bins.first().map(|bin| format!("/usr/bin/{}", bin.value));
    Located::new(default.into_iter().collect(), place.clone())
}

fn texts_by_name(
    layers: Layers<'_>,
    key: &str,
    check: fn(&str) -> Result<(), Fault>,
    report: &mut Report,
) -> BTreeMap<String, Located<String>> {
    let mut texts = BTreeMap::new();
    for entry in layers.entries(key) {
        let name = report.checked(entry.key, check);
        let value = entry.value.text().and_then(|value| report.checked(value, check_no_nul));
        if let (Some(name), Some(value)) = (name, value) {
            texts.insert(name.value, value);
        }
    }
    texts
}

/// Reads the files of both tables, the workspace's first, because a later file wins.
fn read_env_files(layers: Layers<'_>, report: &mut Report) -> Vec<Located<InnerPath>> {
    let mut lists: Vec<Node<'_>> = layers.all("env-files").collect();
    lists.reverse();
    let files = lists.iter().flat_map(|list| list.items());
    let files = files.filter_map(|item| item.text().map(|text| (item.folder(), text)));
    files.filter_map(|(folder, text)| report.keep(text.place, InnerPath::parse(&folder, text.value))).collect()
}
