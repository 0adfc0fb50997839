//! The peers that follow a Dockerfile: BuildKit inside of the daemon, and buildah with a storage of its own.
//!
//! They use no registry. Their base images come from the root of Tierce's builder and this machine's Rust: one to build in, with the
//! crates, and a small one with the C library to run on.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::measure::{Taken, take, write};
use crate::support::{run, tool};
use crate::work::{Answer, LIBRARIES, SOURCES, compile};

/// The last version of the daemon's client that uses BuildKit without the plugin `buildx`.
const LAST_WITHOUT_PLUGIN: u32 = 22;
/// The files of the C library that a Rust program needs.
const LIBC: [&str; 3] = ["libc.so.6", "libm.so.6", "libgcc_s.so.1"];
const LIBC_FOLDER: &str = "/lib/x86_64-linux-gnu";
const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

/// The names of the images that Dockerfiles begin with.
pub(crate) struct Bases {
    pub(crate) rust: String,
    pub(crate) libc: String,
}

impl Bases {
    /// Returns the Dockerfile of the program with the libraries.
    ///
    /// Each library has a stage, so that a change of one rebuilds no other. A cache, named `cache`, keeps cargo's target folder, so
    /// that crates compile once.
    pub(crate) fn answer(&self, cache: &str) -> String {
        let Bases { rust, libc } = self;
        let stages = LIBRARIES.map(|name| {
            let build = compile("/source/lib.c", &format!("/out/usr/lib/lib{name}.so"), name);
            format!(
                "FROM {rust} AS {name}\nCOPY {SOURCES}/{name}/files/lib.c /source/\nRUN mkdir -p /out/usr/lib && {build}\n"
            )
        });
        let copies = LIBRARIES.map(|name| format!("COPY --from={name} /out /\n")).concat();
        format!(
            "{}FROM {rust} AS program\n{copies}WORKDIR /source\nCOPY Cargo.toml Cargo.lock ./\nCOPY answer answer\n\
             RUN --mount=type=cache,id={cache},target=/source/target \
             cargo build --release --offline --locked && cp target/release/answer /answer\n\
             FROM {libc}\n{copies}COPY --from=program /answer /usr/bin/answer\nENTRYPOINT [\"/usr/bin/answer\"]\n",
            stages.concat()
        )
    }

    /// Returns the Dockerfile that packs a finished program on top of the unchanged part.
    pub(crate) fn part(&self, size: usize) -> String {
        let libc = &self.libc;
        format!("FROM {libc}\nCOPY data-{size} /data\nENTRYPOINT [\"/usr/bin/part\"]\nCOPY program /usr/bin/part\n")
    }
}

/// BuildKit of the daemon.
pub(crate) struct BuildKit {
    client: PathBuf,
    folder: PathBuf,
    namespace: String,
    /// The records of its cache from before this benchmark.
    theirs: BTreeSet<String>,
}

impl BuildKit {
    /// Makes the base images. The error names the missing program.
    pub(crate) fn new(folder: &Path, namespace: &str, answer: &Answer) -> Result<(BuildKit, Bases), String> {
        let theirs = records();
        let kit = BuildKit { client: client()?, folder: folder.to_owned(), namespace: namespace.to_owned(), theirs };
        let bases = kit.bases(answer);
        Ok((kit, bases))
    }

    fn bases(&self, answer: &Answer) -> Bases {
        let name = |kind: &str| format!("localhost/{}-{kind}", self.namespace);
        let bases = Bases { rust: name("rust"), libc: name("libc") };
        let filter = format!("reference={}-builder", self.namespace);
        let builders = tool("docker", ["images", "--filter", &filter, "--format", "{{.Repository}}:{{.Tag}}"]).ok();
        let builder = builders.stdout.lines().next().expect("Tierce made a builder").to_owned();

        let toolchain = name("toolchain");
        let text = format!(
            "FROM {builder}\nENV PATH=/opt/rust/bin:/usr/bin:/bin CARGO_HOME=/opt/cargo\n\
             COPY bin/rustc bin/cargo /opt/rust/bin/\nCOPY lib /opt/rust/lib\n"
        );
        let sysroot = tool("rustc", ["--print", "sysroot"]).ok();
        self.build(&text, Path::new(sysroot.line()), &toolchain, &[]);

        let crates = self.folder.join("crates");
        copy_crates(answer, &crates);
        let text = format!("FROM {toolchain}\nCOPY registry /opt/cargo/registry\n");
        self.build(&text, &crates, &bases.rust, &[]);

        let libraries = LIBC.map(|file| format!("COPY --from=builder {LIBC_FOLDER}/{file} {LIBC_FOLDER}/\n")).concat();
        let text =
            format!("FROM {builder} AS builder\nFROM scratch\n{libraries}COPY --from=builder {LOADER} /lib64/\n");
        self.build(&text, answer.root(), &bases.libc, &[]);
        bases
    }

    /// Runs `docker build` without a network, because making one for each `RUN` takes time.
    #[track_caller]
    pub(crate) fn build(&self, dockerfile: &str, context: &Path, image: &str, more: &[&str]) -> Taken {
        let file = self.folder.join("Dockerfile");
        write(&file, dockerfile);
        let mut command = Command::new(&self.client);
        command.env("DOCKER_BUILDKIT", "1").args(["build", "--quiet", "--network", "none", "--tag", image, "--file"]);
        take(command.arg(file).args(more).arg(context), &self.folder)
    }

    /// The name of an image of this benchmark.
    pub(crate) fn name(&self, image: &str) -> String {
        format!("localhost/{}-{image}", self.namespace)
    }
}

impl Drop for BuildKit {
    fn drop(&mut self) {
        let filter = format!("reference=localhost/{}-*", self.namespace);
        let images = tool("docker", ["images", "--filter", &filter, "--format", "{{.Repository}}:{{.Tag}}"]).stdout;
        tool("docker", ["rmi", "-f"].into_iter().chain(images.lines()));
        let mut ours: Vec<String> = records().difference(&self.theirs).cloned().collect();
        // The daemon removes a record only after those that depend on it.
        loop {
            let before = ours.len();
            ours.retain(|id| {
                let filter = format!("id={id}");
                !tool("docker", ["builder", "prune", "--force", "--all", "--filter", &filter]).stdout.contains(id)
            });
            if ours.len() == before {
                break;
            }
        }
    }
}

/// The records of BuildKit's cache, by id.
fn records() -> BTreeSet<String> {
    let format = "{{range .BuildCache}}{{.ID}}\n{{end}}";
    let said = tool("docker", ["system", "df", "--verbose", "--format", format]).stdout;
    said.lines().map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect()
}

/// Finds a client that uses BuildKit; others fall back to the classic builder without a warning.
fn client() -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = std::env::split_paths(&path).map(|folder| folder.join("docker")).filter(|client| client.is_file());
    let able = |client: &PathBuf| {
        let version = run(Command::new(client).args(["version", "--format", "{{.Client.Version}}"])).stdout;
        let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        major.is_some_and(|major| major <= LAST_WITHOUT_PLUGIN)
            || run(Command::new(client).args(["buildx", "version"])).code == Some(0)
    };
    all.into_iter().find(able).ok_or_else(|| {
        format!("no docker client in PATH has the plugin buildx or is of version {LAST_WITHOUT_PLUGIN} or older")
    })
}

/// Copies the crates of Cargo.lock from this machine's registry, both archives and unpacked. Crates for other systems are absent and
/// not needed.
fn copy_crates(answer: &Answer, to: &Path) {
    let home = || PathBuf::from(std::env::var_os("HOME").expect("a home")).join(".cargo");
    let home = std::env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from);
    let mut copy = Command::new("cp");
    copy.current_dir(&home).args(["-a", "--parents", "-t"]).arg(to).arg("registry/index");
    for kind in ["registry/cache", "registry/src"] {
        for registry in fs::read_dir(home.join(kind)).expect("cargo has fetched").flatten() {
            let folder = Path::new(kind).join(registry.file_name());
            for name in answer.crates() {
                let name = if kind.ends_with("cache") { format!("{name}.crate") } else { name };
                if home.join(&folder).join(&name).exists() {
                    copy.arg(folder.join(name));
                }
            }
        }
    }
    fs::create_dir_all(to).expect("writable");
    run(&mut copy).ok();
}

/// buildah, whose containers podman starts.
pub(crate) struct Buildah {
    folder: PathBuf,
    storage: PathBuf,
}

impl Buildah {
    /// Copies the base images into its storage. The error names the missing program.
    pub(crate) fn new(folder: &Path, bases: &Bases) -> Result<Buildah, String> {
        needs(&["buildah", "podman"])?;
        let buildah = Buildah { folder: folder.to_owned(), storage: folder.join("containers") };
        for image in [&bases.rust, &bases.libc] {
            let archive = folder.join("base.tar");
            tool("docker", ["save", "--output", &archive.display().to_string(), image]).ok();
            let mut pull = buildah.program("buildah");
            run(pull.args(["pull", "--quiet"]).arg(format!("docker-archive:{}", archive.display()))).ok();
            fs::remove_file(archive).expect("it is ours");
        }
        Ok(buildah)
    }

    fn program(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.arg("--root").arg(self.storage.join("root")).arg("--runroot").arg(self.storage.join("run"));
        command
    }

    /// Runs `buildah build` with the isolation that takes the least time to set up.
    #[track_caller]
    pub(crate) fn build(&self, dockerfile: &str, context: &Path, image: &str, more: &[&str]) -> Taken {
        let file = self.folder.join("Dockerfile");
        write(&file, dockerfile);
        let mut command = self.program("buildah");
        command.args(["build", "--quiet", "--layers", "--isolation", "chroot", "--tag", image, "--file"]);
        take(command.arg(file).args(more).arg(context), &self.folder)
    }

    /// Sends an image of its storage to the daemon.
    #[track_caller]
    pub(crate) fn push(&self, image: &str) -> Taken {
        let to = format!("docker-daemon:{image}:latest");
        take(self.program("buildah").args(["push", "--quiet", image, &to]), &self.folder)
    }

    /// Runs a container of an image of its storage. If this process has low limits, the kernel refuses podman's default limits.
    #[track_caller]
    pub(crate) fn container(&self, image: &str) -> Taken {
        let mut command = self.program("podman");
        command.args(["run", "--rm", "--network", "none", "--ulimit", "nofile=1024:1024"]);
        take(command.args(["--ulimit", "nproc=1024:1024", image]), &self.folder)
    }
}

impl Drop for Buildah {
    fn drop(&mut self) {
        run(self.program("buildah").args(["rmi", "--all", "--force"]));
        // The storage stays mounted after its last use.
        tool("umount", [self.storage.join("root/overlay")]);
    }
}

/// Fails with the names of the missing programs.
pub(crate) fn needs(programs: &[&str]) -> Result<(), String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |program: &&str| std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let missing: Vec<&str> = programs.iter().copied().filter(|program| !is_there(program)).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("not installed: {}", missing.join(", "))) }
}

/// Runs a container of an image in the daemon.
#[track_caller]
pub(crate) fn container(image: &str, folder: &Path) -> Taken {
    take(Command::new("docker").args(["run", "--rm", "--network", "none", image]), folder)
}
