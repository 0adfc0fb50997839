//! The variables of make.conf: Tierce's, the user's, and the inputs of a binary package among them.

use std::fmt::Write as _;

use super::PortageConfig;

/// The effect of a variable.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It changes the result of a build.
    Build,
    /// It changes the resolution; a build sees only that.
    Resolution,
    /// It changes neither: folders, jobs, output.
    Nothing,
}

/// The container is the sandbox; it lacks the rights that Portage's own sandbox needs. Logs and symbols are kept,
/// manuals are not: no program of an image reads them. No other program runs during a merge, so merges need not wait.
const FEATURES: &str = "-sandbox -usersandbox -userpriv -userfetch -usersync -ipc-sandbox -network-sandbox -pid-sandbox \
                        -mount-sandbox -news -merge-sync -merge-wait -binpkg-logs -compress-index nodoc noman noinfo \
                        buildpkg splitdebug parallel-install";

/// Symbols are split off and kept by build-id. Binaries must not contain the path of the work folder.
const COMPILER_FLAGS: &str = "-g -ffile-prefix-map=/var/tmp/portage=.";

/// A variable that Tierce sets. A user's value replaces `default`.
struct Variable {
    name: &'static str,
    /// The words before the value, also before the user's, which can undo them. A default that refers to another
    /// variable gets them from it.
    always: &'static str,
    default: &'static str,
    effect: Effect,
}

const fn variable(name: &'static str, default: &'static str, effect: Effect) -> Variable {
    Variable { name, always: "", default, effect }
}

/// In the order of make.conf: a variable may refer to an earlier one.
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
    // Without a Gentoo mirror, archives come only from the addresses of the ebuild.
    variable("GENTOO_MIRRORS", "", Effect::Nothing),
    // A binary package is read once, soon, from the same disk.
    variable("BINPKG_FORMAT", "gpkg", Effect::Nothing),
    variable("BINPKG_COMPRESS", "zstd", Effect::Nothing),
    variable("BINPKG_COMPRESS_FLAGS", "-3", Effect::Nothing),
    // The warnings of packages are at the end of emerge's output.
    variable("PORTAGE_ELOG_SYSTEM", "echo", Effect::Nothing),
    variable("PORTAGE_ELOG_CLASSES", "warn error", Effect::Nothing),
    variable("PORTAGE_NICENESS", "0", Effect::Nothing),
    variable("NOCOLOR", "true", Effect::Nothing),
    variable("CLEAN_DELAY", "0", Effect::Nothing),
    variable("EMERGE_WARNING_DELAY", "0", Effect::Nothing),
    variable("MAKEOPTS", "", Effect::Nothing),
];

/// The effect of a variable; any ebuild may read an unknown one.
pub(super) fn effect(name: &str) -> Effect {
    match VARIABLES.iter().find(|variable| variable.name == name) {
        Some(variable) => variable.effect,
        None if name.starts_with("ACCEPT_") => Effect::Resolution,
        None => Effect::Build,
    }
}

impl PortageConfig {
    /// The assignments of make.conf with these effects, in order.
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
        // Only a user's value that refers to the variable itself needs the default.
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

/// Escapes quotes only: a value has no backslash and no control character.
pub(super) fn assign(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "{name}=\"{}\"", value.replace('"', "\\\""));
}

pub(super) fn join<T: std::fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
