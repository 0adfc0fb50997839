//! Ebuild repositories of users, for the cases that no package of the embedded one has.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::support::{Ran, Workspace, namespace, tool};

/// The keys of `[workspace.metadata.image]` in a workspace with a repository.
const REPOSITORIES: &str = "repositories = [{ name = \"mine\", path = \"overlay\" }]";

/// A workspace whose package `app` has this table, with a repository of its own at `overlay`.
pub(crate) fn with_repository(table: &str) -> Workspace {
    package_with_repository("app", table)
}

/// The same for a package of another name.
pub(crate) fn package_with_repository(package: &str, table: &str) -> Workspace {
    Workspace::with_package(package, table, REPOSITORIES)
        .file("overlay/profiles/repo_name", "mine\n")
        .file("overlay/metadata/layout.conf", "repo-name = mine\nmasters = tierce\nthin-manifests = true\n")
}

impl Workspace {
    /// Adds version 1 of `media-libs/NAME` to the repository: the lines that all ebuilds have, then `rest`.
    pub(crate) fn ebuild(self, name: &str, rest: &str) -> Workspace {
        let common = "EAPI=8\nDESCRIPTION=\"For a test\"\nLICENSE=\"MIT\"\nSLOT=\"0\"\nS=\"${WORKDIR}\"\n";
        self.file(&format!("overlay/media-libs/{name}/{name}-1.ebuild"), &format!("{common}{rest}"))
    }

    /// Adds `media-libs/NAME`, a library with one function, of this source.
    pub(crate) fn library(self, name: &str, source: &str) -> Workspace {
        let rest = format!(
            "KEYWORDS=\"amd64\"\n\n\
             src_compile() {{\n\
             \t\"${{CHOST}}-gcc\" ${{CFLAGS}} ${{LDFLAGS}} -fPIC -shared -Wl,-soname,lib{name}.so.1 \\\n\
             \t\t-o lib{name}.so.1 \"${{FILESDIR}}/{name}.c\" || die \"the library does not compile\"\n\
             }}\n\n\
             src_install() {{\n\tdolib.so lib{name}.so.1\n\tdosym lib{name}.so.1 /usr/$(get_libdir)/lib{name}.so\n}}\n"
        );
        self.ebuild(name, &rest).file(&format!("overlay/media-libs/{name}/files/{name}.c"), source)
    }

    /// Adds `media-libs/NAME`, which installs its single download; its Manifest has the digests of `content`.
    pub(crate) fn downloaded(self, name: &str, file: &str, url: &str, content: &str) -> Workspace {
        let rest = format!(
            "KEYWORDS=\"amd64\"\nRESTRICT=\"mirror\"\nSRC_URI=\"{url}\"\n\n\
             src_install() {{\n\tinsinto /usr/share/{name}\n\tdoins \"${{DISTDIR}}/{file}\"\n}}\n"
        );
        let workspace = self.file("content", content);
        let path = workspace.root().join("content");
        let digest =
            |program: &str| tool(program, [&path]).ok().stdout.split_whitespace().next().expect("a digest").to_owned();
        let manifest =
            format!("DIST {file} {} BLAKE2B {} SHA512 {}\n", content.len(), digest("b2sum"), digest("sha512sum"));
        fs::remove_file(&path).expect("it is there");
        workspace.ebuild(name, &rest).file(&format!("overlay/media-libs/{name}/Manifest"), &manifest)
    }
}

/// Panics if a run that has ended left a container in the daemon, or a file without its final name in the workspace.
#[track_caller]
pub(crate) fn nothing_is_left(ran: &Ran, workspace: &Workspace) {
    let label = format!("label=dev.tierce.namespace={}", namespace());
    let format = "{{.Label \"dev.tierce.owner\"}} {{.Names}}";
    let containers = tool("docker", ["ps", "-a", "--filter", &label, "--format", format]).ok().stdout;
    let owner = format!(":{}:", ran.pid);
    let ours: Vec<&str> = containers.lines().filter(|line| line.contains(&owner)).collect();
    assert!(ours.is_empty(), "containers: {ours:?}");
    for folder in ["target/tierce", "overlay", "app"] {
        unfinished(&workspace.root().join(folder));
    }
}

#[track_caller]
fn unfinished(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().into_string().expect("UTF-8");
        assert!(!name.ends_with(".part") && !name.starts_with(".tierce-"), "{}", entry.path().display());
        // cargo's own folder is cargo's business.
        if entry.file_type().expect("it exists").is_dir() && name != "cargo" {
            unfinished(&entry.path());
        }
    }
}

/// The answer of a server: a status and a body.
type Answer = (u16, &'static str);

/// A mirror on this machine that answers everything alike.
pub(crate) struct Mirror {
    answer: Arc<Mutex<Answer>>,
    port: u16,
}

impl Mirror {
    pub(crate) fn start(status: u16, body: &'static str) -> Mirror {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let answer = Arc::new(Mutex::new((status, body)));
        let answers = Arc::clone(&answer);
        // It goes away with the tests' process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answer = *answers.lock().expect("no test panics with it");
                thread::spawn(move || serve(stream, answer));
            }
        });
        Mirror { answer, port }
    }

    /// Where a file lies there.
    pub(crate) fn url(&self, file: &str) -> String {
        format!("http://127.0.0.1:{}/{file}", self.port)
    }

    /// Sets its answer to later requests.
    pub(crate) fn answers(&self, status: u16, body: &'static str) {
        *self.answer.lock().expect("no test panics with it") = (status, body);
    }
}

/// Answers one request and closes the connection.
fn serve(mut stream: TcpStream, (status, body): Answer) {
    let mut lines = BufReader::new(stream.try_clone().expect("a socket")).lines();
    while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
    let length = body.len();
    // A client that has gone wants no answer.
    let _ = write!(stream, "HTTP/1.1 {status} x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
}
