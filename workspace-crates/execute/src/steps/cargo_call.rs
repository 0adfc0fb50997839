//! How cargo is called in a builder: its arguments and its environment. What the user has set counts as it does outside; what
//! the builder cannot have, or has at another place, is overridden here and nowhere else.

use std::collections::BTreeMap;

use tierce_manifest::ProgramSpec;
use tierce_plan::ROOT;
use tierce_process::cargo_config::CargoConfig;
use tierce_process::cargo_profile;

/// Where the toolchain is mounted.
pub(crate) const TOOLCHAIN: &str = "/tierce/toolchain";
/// Where the target folder is mounted.
pub(crate) const TARGET: &str = "/tierce/target";
/// Where cargo's home is.
pub(crate) const CARGO_HOME: &str = "/tierce/cargo-home";
/// Debug information of a line is enough for backtraces and takes a tenth of the room of all of it.
const DEBUG: &str = "line-tables-only";

/// A call of cargo for one image's program.
#[derive(Debug)]
pub(crate) struct CargoCall<'a> {
    pub(crate) program: &'a ProgramSpec,
    pub(crate) config: &'a CargoConfig,
    /// The workspace's Cargo.toml, which has the profiles.
    pub(crate) profiles: &'a str,
    pub(crate) triple: &'a str,
    pub(crate) colour: bool,
    pub(crate) quiet: bool,
    pub(crate) jobs: usize,
}

impl CargoCall<'_> {
    /// The folder that cargo leaves the binaries in.
    pub(crate) fn folder(&self) -> String {
        let profile = self.program.cargo.profile_name();
        format!("{TARGET}/{}/{}", self.triple, if profile == "dev" { "debug" } else { profile })
    }

    /// cargo's arguments; `manifest` is the package's Cargo.toml in the builder.
    pub(crate) fn arguments(&self, manifest: &str) -> Vec<String> {
        let ProgramSpec { cargo, package, .. } = self.program;
        let mut arguments = vec!["build".to_owned(), "--frozen".to_owned()];
        let mut option = |name: &str, value: &str| arguments.extend([name.to_owned(), value.to_owned()]);
        option("--color", if self.colour { "always" } else { "never" });
        option("--manifest-path", manifest);
        // The root's Cargo.toml may be a package's and yet have other default members.
        option("--package", &format!("{}@{}", package.name, package.version));
        option("--profile", cargo.profile_name());
        option("--target", self.triple);
        option("--jobs", &self.jobs.to_string());
        for bin in &cargo.bins {
            option("--bin", &bin.value);
        }
        for feature in &cargo.features {
            option("--features", &feature.value);
        }
        if let Some(flags) = self.own_rustflags() {
            option("--config", &format!("target.{}.rustflags={}", self.triple, toml_list(&flags)));
        }
        if !cargo.default_features {
            arguments.push("--no-default-features".into());
        }
        if self.quiet {
            arguments.push("--quiet".into());
        }
        arguments
    }

    /// Flags that cargo adds to those of `target`, where the table asks for a processor. Flags of `target` make cargo forget
    /// those of `build`, so where there are no others these are said again.
    fn own_rustflags(&self) -> Option<Vec<String>> {
        let cpu = self.program.cargo.target_cpu.as_ref()?;
        let mut targets = std::iter::once(&self.config.target).chain(self.config.cfg_targets.values());
        let mut flags = Vec::new();
        if targets.all(|target| target.rustflags.is_empty()) {
            for flag in &self.config.build_rustflags {
                match flag.value.split_once(' ') {
                    // The reader of the configuration has put an option and its argument together.
                    Some((option @ ("-C" | "--codegen"), argument)) => {
                        flags.extend([option, argument].map(String::from))
                    }
                    _ => flags.push(flag.value.clone()),
                }
            }
        }
        flags.push(format!("-Ctarget-cpu={}", cpu.value));
        Some(flags)
    }

    /// cargo's environment.
    pub(crate) fn environment(&self) -> BTreeMap<String, String> {
        let upper = |text: &str| text.to_uppercase().replace(['-', '.'], "_");
        let profile = self.program.cargo.profile_name();
        let of_profile = |setting: &str| format!("CARGO_PROFILE_{}_{setting}", upper(profile));
        let lib = format!("{ROOT}/usr/lib64");
        let mut all = BTreeMap::new();
        let mut set = |name: &str, value: &str| drop(all.insert(name.to_owned(), value.to_owned()));
        set("LC_ALL", "C.UTF-8");
        set("HOME", "/tmp");
        set("PATH", &format!("{TOOLCHAIN}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
        set("SOURCE_DATE_EPOCH", "0");
        set("CARGO_HOME", CARGO_HOME);
        set("CARGO_TARGET_DIR", TARGET);
        // Where the user's configuration has what is half-built apart from what is built, it is a place of the host.
        set("CARGO_BUILD_BUILD_DIR", TARGET);
        // What it says of the files that a program was made of is read afterwards, with whole paths.
        set("CARGO_BUILD_DEP_INFO_BASEDIR", TARGET);
        // What wraps or replaces rustc on the host is not in the builder.
        set("RUSTC_WRAPPER", if self.config.flags_name_linker() { "/tierce/scripts/rustc.sh" } else { "" });
        set("RUSTC_WORKSPACE_WRAPPER", "");
        if self.config.rustc.is_some() {
            set("RUSTC", &format!("{TOOLCHAIN}/bin/rustc"));
        }
        set(&format!("CARGO_TARGET_{}_LINKER", upper(self.triple)), "/tierce/scripts/linker.sh");
        let linkers: Vec<&str> = self.config.linkers_of_compiler().into_iter().map(|(name, _)| name).collect();
        set("TIERCE_LINKERS", &linkers.join(" "));
        // Symbols are taken out afterwards, so that they can be kept: they have to be there, and in the binary itself.
        set(&of_profile("STRIP"), "none");
        set(&of_profile("SPLIT_DEBUGINFO"), "off");
        let texts = self.config.files.iter().map(|file| file.text.as_str()).chain([self.profiles]);
        if !cargo_profile::has_lines(profile, texts) {
            set(&of_profile("DEBUG"), DEBUG);
        }
        set("PKG_CONFIG_SYSROOT_DIR", ROOT);
        set("PKG_CONFIG_LIBDIR", &format!("{lib}/pkgconfig:{ROOT}/usr/share/pkgconfig"));
        // For C that build scripts compile: after all other folders, since the builder's own headers are the same libc's.
        for name in ["CFLAGS", "CXXFLAGS"] {
            let name = format!("{name}_{}", self.triple.replace('-', "_"));
            // The environment would hide what cargo's configuration has under this name.
            let own = self.config.env.get(&name).map_or("", |variable| variable.value.value.as_str());
            set(&name, format!("{own} -idirafter {ROOT}/usr/include").trim_start());
        }
        all
    }
}

/// A list of TOML's: its strings are JSON's.
fn toml_list(texts: &[String]) -> String {
    serde_json::Value::from(texts).to_string()
}
