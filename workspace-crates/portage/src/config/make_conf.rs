//! The variables of make.conf: what Tierce sets, what the user sets over it, and which of them a binary package depends on.

use std::fmt::Write as _;

use super::PortageConfig;

/// What a variable changes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// What comes out of a build.
    Build,
    /// What is resolved; a build sees only the resolution.
    Resolution,
    /// Neither: where things lie, how many jobs run, what the terminal shows.
    Nothing,
}

/// The container is the sandbox; what Portage would add needs rights that it does not have. Logs and symbols are kept,
/// manuals are not: nothing reads them in an image. Nothing else runs while packages are merged, so merges need not wait.
const FEATURES: &str = "-sandbox -usersandbox -userpriv -userfetch -usersync -ipc-sandbox -network-sandbox -pid-sandbox \
                        -mount-sandbox -news -merge-sync -merge-wait -binpkg-logs -compress-index nodoc noman noinfo \
                        buildpkg splitdebug parallel-install";

/// Symbols are split off and kept by build-id. The path of the work folder must not enter a binary.
const COMPILER_FLAGS: &str = "-g -ffile-prefix-map=/var/tmp/portage=.";

/// A variable that Tierce sets. Where the user sets it too, the user's value stands in the place of `default`.
struct Variable {
    name: &'static str,
    /// What stands before the value, also before the user's, who may still undo it by what comes later. A default that
    /// refers to another variable has it from there.
    always: &'static str,
    default: &'static str,
    effect: Effect,
}

const fn variable(name: &'static str, default: &'static str, effect: Effect) -> Variable {
    Variable { name, always: "", default, effect }
}

/// In the order in which they are written: a later one may refer to an earlier one.
const VARIABLES: [Variable; 23] = [
    Variable { always: COMPILER_FLAGS, ..variable("CFLAGS", "-O2 -pipe", Effect::Build) },
    Variable { always: COMPILER_FLAGS, ..variable("CXXFLAGS", "${CFLAGS}", Effect::Build) },
    Variable { always: "-Wl,--build-id=sha1", ..variable("LDFLAGS", "-Wl,-O1 -Wl,--as-needed", Effect::Build) },
    Variable { always: FEATURES, ..variable("FEATURES", "", Effect::Build) },
    variable("SOURCE_DATE_EPOCH", "0", Effect::Build),
    variable("LC_ALL", "C.UTF-8", Effect::Build),
    // Debian's pkg-config does not search lib64.
    variable("PKG_CONFIG_PATH", "/usr/lib64/pkgconfig:/usr/share/pkgconfig", Effect::Build),
    variable("ACCEPT_LICENSE", "*", Effect::Resolution),
    variable("DISTDIR", "/var/cache/distfiles", Effect::Nothing),
    variable("PKGDIR", "/var/cache/binpkgs", Effect::Nothing),
    variable("PORTAGE_TMPDIR", "/var/tmp", Effect::Nothing),
    variable("PORTAGE_LOGDIR", "/tierce/logs", Effect::Nothing),
    // Without a mirror of Gentoo's, an archive is looked for only where the ebuild says.
    variable("GENTOO_MIRRORS", "", Effect::Nothing),
    // Read once, soon, from the same disk.
    variable("BINPKG_FORMAT", "gpkg", Effect::Nothing),
    variable("BINPKG_COMPRESS", "zstd", Effect::Nothing),
    variable("BINPKG_COMPRESS_FLAGS", "-3", Effect::Nothing),
    // What a package warns about comes at the end of emerge's output.
    variable("PORTAGE_ELOG_SYSTEM", "echo", Effect::Nothing),
    variable("PORTAGE_ELOG_CLASSES", "warn error", Effect::Nothing),
    variable("PORTAGE_NICENESS", "0", Effect::Nothing),
    variable("NOCOLOR", "true", Effect::Nothing),
    variable("CLEAN_DELAY", "0", Effect::Nothing),
    variable("EMERGE_WARNING_DELAY", "0", Effect::Nothing),
    variable("MAKEOPTS", "", Effect::Nothing),
];

/// What a variable changes; one that Tierce does not know may be read by any ebuild.
pub(super) fn effect(name: &str) -> Effect {
    match VARIABLES.iter().find(|variable| variable.name == name) {
        Some(variable) => variable.effect,
        None if name.starts_with("ACCEPT_") => Effect::Resolution,
        None => Effect::Build,
    }
}

impl PortageConfig {
    /// The assignments of make.conf of those effects, in their order.
    pub(super) fn make_conf_text(&self, effects: &[Effect]) -> String {
        let mut text = String::new();
        for variable in VARIABLES.iter().filter(|variable| effects.contains(&variable.effect)) {
            self.assign_known(&mut text, variable);
        }
        for (name, value) in &self.make_conf {
            let known = VARIABLES.iter().any(|variable| variable.name == name.as_str());
            if !known && effects.contains(&effect(name.as_str())) {
                assign(&mut text, name.as_str(), value.as_str());
            }
        }
        if effects.contains(&Effect::Resolution) {
            assign(&mut text, "USE", &join(&self.use_flags));
        }
        text
    }

    fn assign_known(&self, text: &mut String, variable: &Variable) {
        let Variable { name, always, default, .. } = *variable;
        let user = self.make_conf.iter().find(|(key, _)| key.as_str() == name).map(|(_, value)| value.as_str());
        // Only a value that refers to the default needs it.
        if user.is_some_and(|user| user.contains(&format!("${{{name}}}"))) {
            assign(text, name, default);
        }
        match user {
            None if name == "MAKEOPTS" => assign(text, name, &format!("-j{}", self.machine.jobs)),
            None if default.contains('$') => assign(text, name, default),
            _ => assign(text, name, format!("{always} {}", user.unwrap_or(default)).trim()),
        }
    }
}

/// A value holds neither backslash nor control character, so a quote is all that needs care.
pub(super) fn assign(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "{name}=\"{}\"", value.replace('"', "\\\""));
}

pub(super) fn join<T: std::fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
