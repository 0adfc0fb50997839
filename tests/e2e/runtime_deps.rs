//! Run-time dependencies that no library names: added if found, otherwise a warning.

use std::fs;

use serde_json::Value;

use crate::ebuilds::{nothing_is_left, package_with_repository};
use crate::running::warm_up;
use crate::support::{Container, LoadedImage, Ran, Workspace, repository, run, tool, unique_name, xtask};

/// The name by which the server is known in its network.
const HOST: &str = "tls.network.test";

/// A network of containers with a name server, and in it an HTTPS server that serves one folder.
struct Network {
    name: String,
    server: Option<Container>,
    image: LoadedImage,
    folder: tempfile::TempDir,
}

impl Network {
    /// Starts this machine's own OpenSSL as the server, alone in an image. `known` signed its certificate.
    fn start() -> Network {
        let folder = tempfile::tempdir().expect("a folder");
        let openssl =
            |line: &str| tool("openssl", line.split_whitespace().map(|word| word.replace("DIR", &path(&folder)))).ok();
        for authority in ["known", "unknown"] {
            openssl(&format!(
                "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={authority} -keyout DIR/{authority}.key -out DIR/{authority}.pem"
            ));
        }
        fs::write(folder.path().join("names"), format!("subjectAltName=DNS:{HOST}\n")).expect("writable");
        openssl(&format!(
            "req -new -newkey rsa:2048 -nodes -subj /CN={HOST} -keyout DIR/server.key -out DIR/server.csr"
        ));
        openssl(
            "x509 -req -in DIR/server.csr -CA DIR/known.pem -CAkey DIR/known.key -CAcreateserial -days 2 -extfile DIR/names -out DIR/server.pem",
        );
        // "5 €" in ISO-8859-15.
        fs::write(folder.path().join("price"), b"5 \xa4\n").expect("writable");

        let name = unique_name();
        let image = LoadedImage::new(&name);
        let import = "set -o pipefail; program=$(command -v openssl)\n\
                      tar -ch \"$program\" $(ldd \"$program\" | grep -o '/[^ ]*') 2>/dev/null | docker import - \"$0\"";
        tool("bash", ["-c", import, &name]).ok();
        tool("docker", ["network", "create", &name]).ok();
        let mut network = Network { name, server: None, image, folder };
        let mount = format!("{}:/served:ro", path(&network.folder));
        let program = tool("bash", ["-c", "command -v openssl"]).ok().line().to_owned();
        network.server = Some(Container::start(&[
            "--network",
            &network.name,
            "--network-alias",
            HOST,
            "-v",
            &mount,
            "-w",
            "/served",
            "--entrypoint",
            &program,
            &network.name,
            "s_server",
            "-WWW",
            "-accept",
            "443",
            "-cert",
            "server.pem",
            "-key",
            "server.key",
        ]));
        network
    }

    /// `fetch` with these arguments of its own, and of docker's before the image.
    fn fetch(&self, docker: &[&str], arguments: &[&str]) -> Ran {
        let common = ["run", "--rm", "--read-only", "--cap-drop", "ALL", "--network", &self.name];
        let words = common.iter().chain(docker).chain(&["fetch:latest"]).chain(arguments);
        tool("docker", words)
    }

    /// Writes the bundle that the image ships, and then a certificate of the folder, into a file of the folder.
    fn bundle_with(&self, certificate: &str) -> String {
        let shipped = self.folder.path().join("shipped.pem");
        let container = Container::create("fetch:latest");
        let from = format!("{}:/etc/ssl/certs/ca-certificates.crt", container.name());
        tool("docker", ["cp", &from, shipped.to_str().expect("UTF-8")]).ok();
        let read = |name: &str| fs::read_to_string(self.folder.path().join(name)).expect("readable");
        let name = format!("shipped-and-{certificate}");
        fs::write(self.folder.path().join(&name), read("shipped.pem") + &read(certificate)).expect("writable");
        name
    }

    /// Puts a certificate of the folder at a path of the image.
    fn mount(&self, certificate: &str, at: &str) -> String {
        format!("{}/{certificate}:{at}:ro", path(&self.folder))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.server = None;
        tool("docker", ["network", "rm", &self.name]);
        let _ = &self.image;
    }
}

fn path(folder: &tempfile::TempDir) -> String {
    folder.path().to_str().expect("UTF-8").to_owned()
}

/// Checks by two programs that a bundle has over a hundred authorities, and nothing else.
#[track_caller]
fn every_certificate_is_read(bundle: &std::path::Path) {
    let text = fs::read_to_string(bundle).expect("readable");
    let count = text.matches("-----BEGIN CERTIFICATE-----").count();
    assert!(count > 100, "{count} certificates");
    let bundle = bundle.to_str().expect("UTF-8");
    let found = tool("openssl", ["storeutl", "-noout", "-certs", bundle]).ok().stdout;
    assert!(found.ends_with(&format!("Total found: {count}\n")), "{found}");
    let python = "import ssl, sys; context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT); \
                  context.load_verify_locations(sys.argv[1]); print(len(context.get_ca_certs()))";
    assert_eq!(tool("python3", ["-c", python, bundle]).ok().line(), count.to_string());
}

#[test]
fn run_time_dependencies_work() {
    let built = run(xtask(repository()).args(["image", "fetch", "--format", "json"])).ok();
    let report: Value = serde_json::from_str(&built.stdout).expect("JSON");
    // The report has the size of each addition, whether a file or a key is its reason.
    let added = report[0]["added"].as_array().expect("a list");
    for (name, why) in [
        ("name-service", "/usr/bin/fetch calls getaddrinfo"),
        ("ca-certificates", "asked for by `ca-certificates`"),
        ("timezone", "asked for by `timezone`"),
        ("gconv", "asked for by `gconv`"),
    ] {
        let one = added.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name}: {added:#?}"));
        assert!(one["why"].as_str().is_some_and(|said| said.contains(why)), "{why}: {one}");
        assert!(one["files"].as_u64() >= Some(1) && one["bytes"].as_u64() > Some(0), "{one}");
    }
    let network = Network::start();
    let url = format!("https://{HOST}/price");

    // The network's name server resolves the name, and the bundle verifies the certificate. A reader refuses a bundle as a whole, so
    // the test's authority comes behind those that the image ships.
    let bundle = network.bundle_with("known.pem");
    every_certificate_is_read(&network.folder.path().join("shipped.pem"));
    let bundle = network.mount(&bundle, "/etc/ssl/certs/ca-certificates.crt");
    let answer = network.fetch(&["-v", &bundle], &["--charset", "ISO-8859-15", &url]).ok();
    assert_eq!(answer.stdout, "5 €\n");
    let named = network.mount("known.pem", "/known.pem");
    network.fetch(&["-v", &named, "-e", "SSL_CERT_FILE=/known.pem"], &[&url]).ok();
    // The image's own bundle does not have it, nor does that of another authority.
    let other = network.mount(&network.bundle_with("unknown.pem"), "/etc/ssl/certs/ca-certificates.crt");
    for docker in [&[][..], &["-v", &other]] {
        let refused = network.fetch(docker, &[&url]).fails_with(1);
        assert!(refused.stderr.contains("certificate verify failed"), "{}", refused.stderr);
    }
    let unknown = network.fetch(&[], &["https://nobody.network.test/"]).fails_with(1);
    assert!(unknown.stderr.contains("failed to lookup address information"), "{}", unknown.stderr);
    // A file of the container beats the name server, as nsswitch.conf says.
    let hosts = ["-v", &bundle, "--add-host", &format!("{HOST}:127.0.0.1")];
    let refused = network.fetch(&hosts, &[&url]).fails_with(1);
    assert!(refused.stderr.contains("Connection refused"), "{}", refused.stderr);

    let zone = |zone: &str| {
        let time = network.fetch(&[], &["--time", zone]).ok();
        time.line().rsplit_once(' ').map(|(rest, name)| format!("{} {name}", &rest[rest.len() - 5..])).expect("words")
    };
    let expected = tool("env", ["TZ=Europe/Berlin", "date", "+%z %Z"]).ok();
    assert_eq!(zone("Europe/Berlin"), expected.line());
    assert_eq!(zone(":/etc/localtime"), expected.line());

    // One converter and one zone of hundreds.
    let listing = Container::create("fetch:latest").listing();
    let count = |part: &str| listing.lines().filter(|line| line.starts_with('-') && line.contains(part)).count();
    assert_eq!((count("/gconv/ISO8859-15.so"), count("/gconv/"), count("/zoneinfo/")), (1, 2, 1), "{listing}");
    let why = |path: &str| run(xtask(repository()).args(["why", "fetch", path])).ok().stdout;
    let because = why("/etc/nsswitch.conf");
    assert!(because.contains("/etc/nsswitch.conf: name-service: /usr/bin/fetch calls getaddrinfo"), "{because}");
    assert!(why("/etc/ssl/cert.pem").ends_with("/etc/ssl/cert.pem: asked for by `ca-certificates`\n"));
    assert!(why("/etc/ssl/openssl.cnf").contains("openssl-config: "));
}

/// A program whose imports are evidence of many dependencies.
const PROGRAM: &str = "use std::ffi::{c_char, c_int, c_void};\n\n\
    #[link(name = \"tinfo\")]\nunsafe extern \"C\" {\n    fn colours() -> c_int;\n}\n\
    unsafe extern \"C\" {\n    fn setlocale(category: c_int, name: *const c_char) -> *const c_char;\n    \
    fn iconv_open(to: *const c_char, from: *const c_char) -> *const c_void;\n    \
    fn localtime(time: *const i64) -> *const c_void;\n    fn getpwuid(user: u32) -> *const c_void;\n}\n\n\
    fn main() {\n    let latin = unsafe { iconv_open(c\"UTF-8\".as_ptr(), c\"ISO-8859-1\".as_ptr()) };\n    \
    let locale = unsafe { setlocale(6, c\"de_DE.UTF-8\".as_ptr()) };\n    \
    let (time, user) = unsafe { (localtime(&0), getpwuid(0)) };\n    \
    let authorities = std::fs::exists(\"/etc/ssl/certs/ca-certificates.crt\").unwrap_or_default();\n    \
    println!(\"{} {} {} {} {authorities} {}\", latin as isize != -1, !locale.is_null(), !time.is_null(), \
    !user.is_null(), unsafe { colours() });\n}\n";

/// A library that a dlopen note says to load another one.
const LIBRARY: &str = "__asm__(\".pushsection .note.dlopen, \\\"a\\\", @note\\n.balign 4\\n.long 4, 2f - 1f, 0x407c0c0a\\n\
    .asciz \\\"FDO\\\"\\n1: .asciz \\\"[{\\\\\\\"soname\\\\\\\":[\\\\\\\"libcolours.so.9\\\\\\\"],\\\\\\\"priority\\\\\\\":\\\\\\\"recommended\\\\\\\"}]\\\"\\n\
    2: .balign 4\\n.popsection\");\nint colours(void) { return 8; }\n";

#[test]
fn possible_gaps_warn_or_fail_strictly() {
    warm_up();
    let table = |keys: &str| {
        let package = "[package]\nname = \"gaps\"\nversion = \"1.2.3\"\nedition = \"2024\"\n\n";
        format!("{package}[package.metadata.image]\npackages = [\"media-libs/tinfo\"]\n{keys}\n")
    };
    let lock = fs::read_to_string(repository().join("Tierce.lock")).expect("this repository has a lock");
    let workspace = package_with_repository("gaps", "")
        .library("tinfo", LIBRARY)
        .file("gaps/src/main.rs", PROGRAM)
        .file("Tierce.lock", &lock)
        .file("gaps/Cargo.toml", &table("prune = [\"/etc/nsswitch.conf\"]\nstrict = true"));
    let layout = ["image", "--layout", "layout"];
    let ran = workspace.xtask(&layout).fails_with(7);
    nothing_is_left(&ran, &workspace);
    let error = ran.error(workspace.root());
    assert!(
        error.starts_with("error: failed to find what the image `gaps` needs\n --> gaps/Cargo.toml:9:10\n"),
        "{error}"
    );
    for line in [
        "ca-certificates: /usr/bin/gaps mentions /etc/ssl/certs/ca-certificates.crt, and ",
        "charsets: /usr/bin/gaps calls iconv_open, and iconv converts only UTF-8, UCS and ASCII",
        "locales: /usr/bin/gaps calls setlocale, and every locale is C",
        "name-service: /usr/bin/gaps calls getpwuid, and ",
        "as `/etc/nsswitch.conf` keeps it out",
        "terminals: /usr/lib64/libtinfo.so.1 is libtinfo.so.1, and no terminal is known",
        "time-zones: /usr/bin/gaps calls localtime, and ",
        "libcolours.so.9: /usr/lib64/libtinfo.so.1 loads it (recommended)",
        "take \"/etc/nsswitch.conf\" out of `prune`, or add \"name-service\" to `allow-missing`",
        "write `timezone = \"Europe/Berlin\"`, or add \"time-zones\" to `allow-missing`",
    ] {
        assert!(error.contains(line), "{line}\n{error}");
    }

    // Without `strict` the report has the same warnings. Names and a glob allow some of them, and keys add the rest.
    let keys = "prune = [\"/etc/nsswitch.conf\"]\nallow-missing = [\"/usr/lib64/libtinfo*\", \"name-service\", \"ca-certificates\"]";
    workspace.write("gaps/Cargo.toml", &table(keys));
    let ran = workspace.xtask(&["image", "--layout", "layout", "--format", "json"]).ok();
    assert!(ran.stderr.contains("May lack time-zones: /usr/bin/gaps calls localtime, and "), "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let gaps = report[0]["gaps"].as_array().expect("a list");
    let names: Vec<&str> = gaps.iter().filter_map(|gap| gap["what"].as_str()?.split(':').next()).collect();
    assert_eq!(names, ["charsets", "locales", "time-zones"], "{gaps:?}");

    let whole =
        format!("{keys}\nstrict = true\nlocale = [\"de_DE.UTF-8\"]\ntimezone = \"UTC\"\ngconv = [\"ISO-8859-1\"]");
    workspace.write("gaps/Cargo.toml", &table(&whole));
    let image = LoadedImage::new("gaps");
    workspace.xtask(&["image"]).ok();
    // Without `users` in the table, no user has a name.
    assert_eq!(tool("docker", ["run", "--rm", "gaps"]).ok().stdout, "true true true false false 8\n");
    drop(image);
}

#[test]
fn unknown_locale_data_is_refused() {
    warm_up();
    let workspace = |key: &str| Workspace::with_package("app", key, "");
    for (key, message) in [
        ("gconv = [\"ISO-8859-99\"]", "the C library does not know the character set `ISO-8859-99`"),
        ("timezone = \"Berlin\"", "there is no time zone `Berlin`"),
    ] {
        let workspace = workspace(key);
        let lock = fs::read_to_string(repository().join("Tierce.lock")).expect("this repository has a lock");
        workspace.write("Tierce.lock", &lock);
        let error = workspace.xtask(&["image", "--layout", "layout"]).fails_with(3).error(workspace.root());
        assert!(error.starts_with(&format!("error: {message}\n --> app/Cargo.toml:7:")), "{error}");
    }
}
