//! The work of all tools: a program with crates and six libraries, and a program beside a large unchanged part.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::measure::{fill, write};
use crate::support::{repository, tool};

/// The libraries that the program is linked against.
pub(crate) const LIBRARIES: [&str; 6] = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"];
/// The folder that contains the folder of each library's source.
pub(crate) const SOURCES: &str = "overlay/bench-libs";
/// The size of a library, in bytes.
const LIBRARY: usize = 2 << 20;
/// The sizes of the program beside the large part, and of one file of that part, in bytes.
const BALLAST: usize = 15 << 20;
const FILE: usize = 5_000_000;

/// The program with the libraries: a workspace that Tierce, docker and buildah build from.
pub(crate) struct Answer {
    root: PathBuf,
    round: u32,
    versions: [u32; LIBRARIES.len()],
}

impl Answer {
    pub(crate) fn new(root: PathBuf) -> Answer {
        let answer = Answer { root, round: 0, versions: [1; LIBRARIES.len()] };
        answer.write_program();
        for library in 0..LIBRARIES.len() {
            answer.write_library(library);
        }
        answer.write_settled();
        answer
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the expected output of a container.
    pub(crate) fn expected(&self) -> String {
        format!("{{\"libraries\":{},\"round\":{}}}\n", self.versions.iter().sum::<u32>(), self.round)
    }

    /// Returns the crates of its Cargo.lock, as `name-version`.
    pub(crate) fn crates(&self) -> Vec<String> {
        let lock = fs::read_to_string(self.root.join("Cargo.lock")).expect("cargo wrote it");
        let lock: toml::Table = lock.parse().expect("TOML");
        let packages = lock["package"].as_array().expect("a list");
        let text = |package: &toml::Value, key: &str| package[key].as_str().expect("a string").to_owned();
        packages.iter().map(|package| format!("{}-{}", text(package, "name"), text(package, "version"))).collect()
    }

    /// Changes a line of the program.
    pub(crate) fn edit_program(&mut self) {
        self.round += 1;
        self.write_program();
    }

    /// Changes a library that is neither the first nor the last.
    pub(crate) fn edit_library(&mut self) {
        let library = LIBRARIES.len() / 2;
        self.versions[library] += 1;
        self.write_library(library);
    }

    fn write_settled(&self) {
        let packages: Vec<String> = LIBRARIES.iter().map(|name| format!("\"bench-libs/{name}\"")).collect();
        let file = |path: &str, text: &str| write(&self.root.join(path), text);
        file(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"answer\"]\n\n[workspace.metadata.image]\n\
             repositories = [{ name = \"benchmark\", path = \"overlay\" }]\n",
        );
        file(
            "answer/Cargo.toml",
            &format!(
                "[package]\nname = \"answer\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[package.metadata.image]\n\
                 packages = [{}]\n\n[dependencies]\nclap = {{ version = \"4\", features = [\"derive\"] }}\n\
                 serde_json = \"1\"\n",
                packages.join(", ")
            ),
        );
        let link = LIBRARIES.map(|name| format!("    println!(\"cargo::rustc-link-lib={name}\");\n")).concat();
        file(
            "answer/build.rs",
            &format!("fn main() {{\n{link}    println!(\"cargo::rerun-if-changed=build.rs\");\n}}\n"),
        );
        file("overlay/metadata/layout.conf", "repo-name = benchmark\nmasters = tierce\nthin-manifests = true\n");
        file("overlay/profiles/repo_name", "benchmark\n");
        file("overlay/profiles/categories", "bench-libs\n");
        // The versions that this repository uses: their crates are on this machine.
        for name in ["Cargo.lock", "Tierce.lock"] {
            fs::copy(repository().join(name), self.root.join(name)).expect("this repository has it");
        }
        // Keeps cargo's results out of the context of the peers.
        file(".dockerignore", "*\n!Cargo.toml\n!Cargo.lock\n!answer\n!overlay\n");
        let lock = ["generate-lockfile", "--offline", "--quiet", "--manifest-path"].map(std::ffi::OsString::from);
        tool("cargo", lock.into_iter().chain([self.root.join("Cargo.toml").into()])).ok();
    }

    fn write_program(&self) {
        let declare = LIBRARIES.map(|name| format!("    fn {name}() -> u32;\n")).concat();
        let sum = LIBRARIES.map(|name| format!("{name}()")).join(" + ");
        let text = format!(
            "use clap::Parser;\n\nunsafe extern \"C\" {{\n{declare}}}\n\n#[derive(Parser)]\nstruct Arguments {{\n    \
             #[arg(long, default_value_t = 0)]\n    more: u32,\n}}\n\nfn main() {{\n    let arguments = Arguments::parse();\n    \
             let libraries = unsafe {{ {sum} }} + arguments.more;\n    \
             println!(\"{{}}\", serde_json::json!({{ \"libraries\": libraries, \"round\": {} }}));\n}}\n",
            self.round
        );
        write(&self.root.join("answer/src/main.rs"), &text);
    }

    fn write_library(&self, library: usize) {
        let (name, version) = (LIBRARIES[library], self.versions[library]);
        let folder = self.root.join(SOURCES).join(name);
        let source =
            format!("const char {name}_data[{LIBRARY}] = {{1}};\nunsigned {name}(void) {{ return {version}u; }}\n");
        write(&folder.join("files/lib.c"), &source);
        let build = compile("${FILESDIR}/lib.c", &format!("lib{name}.so"), name);
        let ebuild = format!(
            "EAPI=8\n\nDESCRIPTION=\"A library of the benchmark\"\nLICENSE=\"MIT\"\nSLOT=\"0\"\nKEYWORDS=\"amd64\"\n\
             S=\"${{WORKDIR}}\"\n\nsrc_compile() {{\n\t{build} || die\n}}\n\nsrc_install() {{\n\tdolib.so lib{name}.so\n}}\n"
        );
        write(&folder.join(format!("{name}-1.ebuild")), &ebuild);
    }
}

/// Returns the command that compiles a library, the same for all tools.
pub(crate) fn compile(source: &str, library: &str, name: &str) -> String {
    format!("gcc -O2 -shared -fPIC -Wl,-soname,lib{name}.so -o {library} {source}")
}

/// The same program for this machine without an image, which measures cargo alone.
pub(crate) struct Alone {
    libraries: PathBuf,
    target: PathBuf,
}

impl Alone {
    pub(crate) fn new(folder: &Path, answer: &Answer) -> Alone {
        let alone = Alone { libraries: folder.join("libraries"), target: folder.join("target") };
        fs::create_dir_all(&alone.libraries).expect("writable");
        for name in LIBRARIES {
            let source = answer.root.join(SOURCES).join(name).join("files/lib.c");
            let library = alone.libraries.join(format!("lib{name}.so"));
            tool("sh", ["-c", &compile(&source.display().to_string(), &library.display().to_string(), name)]).ok();
        }
        alone
    }

    /// Returns `cargo build`, with the debug lines that Tierce keeps beside the image, or without them as by default.
    pub(crate) fn command(&self, answer: &Answer, lines: bool) -> Command {
        let mut command = Command::new("cargo");
        let target = self.target.join(if lines { "lines" } else { "plain" });
        command.args(["build", "--release", "--offline", "--quiet", "--target-dir"]).arg(target);
        command.current_dir(&answer.root).env("LIBRARY_PATH", &self.libraries).env_remove("CARGO_TARGET_DIR");
        if lines {
            command.env("CARGO_PROFILE_RELEASE_DEBUG", "line-tables-only");
        }
        command
    }
}

/// A program of some size beside parts that do not change.
pub(crate) struct Part {
    root: PathBuf,
    /// The sizes of the unchanged parts, in millions of bytes.
    sizes: Vec<usize>,
    round: u32,
}

impl Part {
    pub(crate) fn new(root: PathBuf, sizes: &[usize]) -> Part {
        let part = Part { root, sizes: sizes.to_vec(), round: 0 };
        let images: Vec<String> = part
            .sizes
            .iter()
            .map(|size| {
                format!(
                    "[package.metadata.images.part-{size}]\nfiles = [{{ from = \"data-{size}\", to = \"/data\" }}]\n"
                )
            })
            .collect();
        let file = |path: &str, text: &str| write(&part.root.join(path), text);
        file("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"part\"]\n");
        let package = "[package]\nname = \"part\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n";
        file("part/Cargo.toml", &format!("{package}{}", images.join("\n")));
        file("part/.dockerignore", "*\n!data-*\n!program\n");
        fs::copy(repository().join("Tierce.lock"), part.root.join("Tierce.lock")).expect("this repository has it");
        fill(&part.root.join("part/ballast"), 0, BALLAST);
        for size in &part.sizes {
            for number in 0..size * 1_000_000 / FILE {
                fill(&part.folder().join(format!("data-{size}/{number}")), size * 1000 + number, FILE);
            }
        }
        part
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of the package, with the parts and the finished program.
    pub(crate) fn folder(&self) -> PathBuf {
        self.root.join("part")
    }

    pub(crate) fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    pub(crate) fn edit_program(&mut self) {
        self.round += 1;
        let text = format!(
            "static BALLAST: &[u8] = include_bytes!(\"../ballast\");\n\nfn main() {{\n    \
             let sum = std::hint::black_box(BALLAST)[{}];\n    println!(\"round {} {{sum}}\");\n}}\n",
            self.round, self.round
        );
        write(&self.folder().join("src/main.rs"), &text);
    }

    /// Returns the expected output of a container.
    pub(crate) fn expected(&self) -> String {
        let ballast = fs::read(self.folder().join("ballast")).expect("it is there");
        format!("round {} {}\n", self.round, ballast[self.round as usize])
    }
}
