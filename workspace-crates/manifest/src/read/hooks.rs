//! Reads hooks: scripts with their inputs.

use super::Report;
use crate::{
    error::Fault,
    node::{Layers, Node},
    place::Located,
    spec::{Hook, HookSpec, HooksSpec},
    values::InnerPath,
};

pub(super) fn read_hooks(layers: Layers<'_>, has_program: bool, report: &mut Report) -> HooksSpec {
    let Some(table) = layers.one("hooks") else { return HooksSpec::default() };
    let mut hooks = Vec::new();
    for hook in Hook::ALL {
        let Some(value) = table.field(hook.key()) else { continue };
        if hook == Hook::Builder && !has_program {
            // Refuse only the image's own hook: the workspace's default may suit its other images.
            if layers.own("hooks").is_some() {
                let message = "the builder's hook runs before a program is compiled, and this image has none";
                let fault = Fault::new(message, "needs a program");
                report.fault(&value.place(), fault.help("leave it out; `root-before` runs before packages are merged"));
            }
            continue;
        }
        hooks.extend(read_hook(value, hook, report).map(|spec| (hook, spec)));
    }
    HooksSpec(hooks)
}

fn read_hook(value: Node<'_>, hook: Hook, report: &mut Report) -> Option<HookSpec> {
    let texts: Vec<Located<&str>> = match value.text() {
        Some(script) => vec![script],
        None => value.texts().collect(),
    };
    if value.raw().as_array().is_some_and(|list| list.is_empty()) {
        let fault = Fault::new(format!("`{hook}` is empty"), "no script");
        report.fault(&value.place(), fault.help("name a script, and after it the files and folders that it reads"));
    }
    let folder = value.folder();
    let paths = texts.into_iter().filter_map(|text| {
        let path = InnerPath::parse(&folder, text.value).and_then(|path| match path.relative().as_str() {
            "" => Err(Fault::new(format!("`{hook}` names the whole folder of this Cargo.toml"), "the whole folder")
                .help("name the files that the script reads; a change of one reruns the hook")),
            _ => Ok(path),
        });
        report.keep(text.place, path)
    });
    let mut paths: Vec<Located<InnerPath>> = paths.collect();
    (!paths.is_empty()).then(|| HookSpec { script: paths.remove(0), reads: paths })
}
