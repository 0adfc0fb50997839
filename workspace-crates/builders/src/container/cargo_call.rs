//! The arguments and environment of cargo in a builder. The user's settings apply as on the host, except those that cannot work
//! in a builder; this file alone overrides them.

use std::collections::BTreeMap;

use tierce_manifest::ProgramSpec;
use tierce_plan::ROOT;
use tierce_process::cargo_config::CargoConfig;
use tierce_process::cargo_profile;

/// The mount point of the toolchain.
pub const TOOLCHAIN: &str = "/tierce/toolchain";
/// The mount point of the target folder.
pub const TARGET: &str = "/tierce/target";
/// The folder of the builder's `git`.
pub const GIT: &str = "/tierce/git";
/// The path of cargo's home.
pub const CARGO_HOME: &str = "/tierce/cargo-home";
/// Line tables suffice for backtraces and take a tenth of the space of full debug information.
const DEBUG: &str = "line-tables-only";

/// A call of cargo for the program of one image.
#[derive(Debug)]
pub struct CargoCall<'a> {
    /// The program.
    pub program: &'a ProgramSpec,
    /// cargo's configuration, which applies as on the host.
    pub config: &'a CargoConfig,
    /// The text of the workspace's Cargo.toml, which defines the profiles.
    pub profiles: &'a str,
    /// The target triple.
    pub triple: &'a str,
    /// Whether cargo's output has colours.
    pub colour: bool,
    /// Whether cargo only reports problems.
    pub quiet: bool,
    /// The number of parallel jobs.
    pub jobs: usize,
}

impl CargoCall<'_> {
    /// Returns the folder where cargo writes the binaries.
    pub fn folder(&self) -> String {
        let profile = self.program.cargo.profile_name();
        format!("{TARGET}/{}/{}", self.triple, if profile == "dev" { "debug" } else { profile })
    }

    /// Returns cargo's arguments; `manifest` is the package's Cargo.toml in the builder.
    pub fn arguments(&self, manifest: &str) -> Vec<String> {
        let ProgramSpec { cargo, package, .. } = self.program;
        let mut arguments = vec!["build".to_owned(), "--frozen".to_owned()];
        let mut option = |name: &str, value: &str| arguments.extend([name.to_owned(), value.to_owned()]);
        option("--color", if self.colour { "always" } else { "never" });
        option("--manifest-path", manifest);
        // The root package may have other packages as its default members.
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

    /// Returns the flags for the table's `target-cpu`, or `None` without it. cargo ignores the flags of `build` if `target` has
    /// some, so this repeats them unless the user's `target` has flags itself.
    fn own_rustflags(&self) -> Option<Vec<String>> {
        let cpu = self.program.cargo.target_cpu.as_ref()?;
        let mut targets = std::iter::once(&self.config.target).chain(self.config.cfg_targets.values());
        let mut flags = Vec::new();
        if targets.all(|target| target.rustflags.is_empty()) {
            for flag in &self.config.build_rustflags {
                match flag.value.split_once(' ') {
                    // The configuration's reader joins an option and its argument.
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

    /// Returns cargo's environment.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let upper = |text: &str| text.to_uppercase().replace(['-', '.'], "_");
        let profile = self.program.cargo.profile_name();
        let of_profile = |setting: &str| format!("CARGO_PROFILE_{}_{setting}", upper(profile));
        let lib = format!("{ROOT}/usr/lib64");
        let mut all = BTreeMap::new();
        let mut set = |name: &str, value: &str| drop(all.insert(name.to_owned(), value.to_owned()));
        set("LC_ALL", "C.UTF-8");
        set("HOME", "/tmp");
        set("PATH", &format!("{GIT}:{TOOLCHAIN}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
        set("SOURCE_DATE_EPOCH", "0");
        set("CARGO_HOME", CARGO_HOME);
        set("CARGO_TARGET_DIR", TARGET);
        // The user's configuration may set `build-dir` to a path of the host.
        set("CARGO_BUILD_BUILD_DIR", TARGET);
        // Tierce reads cargo's dep-info files after the build and needs absolute paths.
        set("CARGO_BUILD_DEP_INFO_BASEDIR", TARGET);
        // The builder lacks the host's wrappers and replacements of rustc.
        set("RUSTC_WRAPPER", if self.config.flags_name_linker() { "/tierce/scripts/rustc.sh" } else { "" });
        set("RUSTC_WORKSPACE_WRAPPER", "");
        if self.config.rustc.is_some() {
            set("RUSTC", &format!("{TOOLCHAIN}/bin/rustc"));
        }
        set(&format!("CARGO_TARGET_{}_LINKER", upper(self.triple)), "/tierce/scripts/linker.sh");
        let linkers: Vec<&str> = self.config.linkers_of_compiler().into_iter().map(|(name, _)| name).collect();
        set("TIERCE_LINKERS", &linkers.join(" "));
        // compile.sh splits the symbols off later, so the binary itself must contain them.
        set(&of_profile("STRIP"), "none");
        set(&of_profile("SPLIT_DEBUGINFO"), "off");
        let texts = self.config.files.iter().map(|file| file.text.as_str()).chain([self.profiles]);
        if !cargo_profile::has_lines(profile, texts) {
            set(&of_profile("DEBUG"), DEBUG);
        }
        set("PKG_CONFIG_SYSROOT_DIR", ROOT);
        set("PKG_CONFIG_LIBDIR", &format!("{lib}/pkgconfig:{ROOT}/usr/share/pkgconfig"));
        // For C in build scripts: ROOT's headers come last, because the builder's own headers are of the same libc.
        for name in ["CFLAGS", "CXXFLAGS"] {
            let name = format!("{name}_{}", self.triple.replace('-', "_"));
            // A variable of the environment hides one with this name in cargo's configuration.
            let own = self.config.env.get(&name).map_or("", |variable| variable.value.value.as_str());
            set(&name, format!("{own} -idirafter {ROOT}/usr/include").trim_start());
        }
        set("TIERCE_SWITCHES", &self.switches(&lib));
        all
    }

    /// Returns the part of cargo's environment that replaces variables of the user's configuration: not those that every shell
    /// sets too, and not those that extend the user's value.
    pub fn own_environment(&self) -> BTreeMap<String, String> {
        let mut all = self.environment();
        all.retain(|name, _| {
            let is_of_shell = ["HOME", "PATH", "LC_ALL"].contains(&name.as_str());
            !is_of_shell && !name.starts_with("CFLAGS_") && !name.starts_with("CXXFLAGS_")
        });
        all
    }

    /// Returns the variables that tell crates to link ROOT's libraries, for `root_env.sh`: a line for each, with the file of ROOT
    /// that it depends on. A variable that the user's configuration sets keeps the user's value.
    fn switches(&self, lib: &str) -> String {
        let free = tierce_native::switches().filter(|switch| !self.config.env.contains_key(switch.variable));
        let line = |switch: tierce_native::Switch| {
            format!("{} {}={}\n", switch.library.path(), switch.variable, switch.value.replace("{lib}", lib))
        };
        free.map(line).collect()
    }
}

/// Formats a TOML list. JSON strings are valid TOML strings.
fn toml_list(texts: &[String]) -> String {
    serde_json::Value::from(texts).to_string()
}
