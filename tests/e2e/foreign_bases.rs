//! Images with an external base.

use std::fs;

use crate::package_images::builders_lock;
use crate::registry::Registry;
use crate::running::warm_up;
use crate::support::{LoadedImage, Ran, Workspace, tool, unique_name};

/// A root as distributions had it before all went into /usr, with the host's shell and what that is linked against, whose configuration
/// says all that there is to say; and a second layer, which takes something away.
const BUILD: &str = "set -euo pipefail\n\
    cd \"$(mktemp -d)\"; trap 'rm -rf \"$PWD\"' EXIT\n\
    shell=$(readlink -f /bin/sh)\n\
    for library in $(ldd \"$shell\" | grep -o '/[^ ]*'); do install -D \"$(readlink -f \"$library\")\" \"root$library\"; done\n\
    install -D \"$shell\" root/bin/sh; install -D \"$(command -v busybox)\" root/bin/busybox; mkdir -p root/data root/etc\n\
    printf 'root:x:0:0::/:/bin/sh\\nkeeper:x:500:500::/data:/bin/sh\\n' >root/etc/passwd\n\
    printf 'root:x:0:\\nkeeper:x:500:\\n' >root/etc/group\n\
    echo \"$1\" >root/data/word; echo 1 >root/data/gone\n\
    printf '%s\\n' 'FROM scratch' 'ADD root /' 'RUN [\"/bin/busybox\", \"rm\", \"/data/gone\"]' 'ENV WORD=base LEVEL=base' 'USER keeper' 'MAINTAINER Ada' \
        'WORKDIR /data' 'LABEL of.base=yes org.opencontainers.image.title=base' 'EXPOSE 80' 'STOPSIGNAL SIGINT' \
        'HEALTHCHECK CMD cat /data/word' 'ENTRYPOINT [\"/bin/sh\", \"-c\"]' 'CMD [\"read -r line < word; echo base $line $LEVEL\"]' >Dockerfile\n\
    docker build --quiet --tag \"$0\" . >/dev/null\n";

/// Makes the image that others begin with, with this word in a file.
fn build(reference: &str, word: &str) {
    tool("bash", ["-c", BUILD, reference, word]).ok();
}

fn inspected(reference: &str, format: &str) -> String {
    tool("docker", ["image", "inspect", "-f", format, reference]).ok().line().to_owned()
}

fn run(arguments: &[&str]) -> Ran {
    tool("docker", ["run", "--rm", "--network", "none"].iter().chain(arguments)).ok()
}

#[test]
fn program_runs_on_external_base() {
    warm_up();
    let registry = Registry::new();
    let (base, name) = (registry.reference(), unique_name());
    let reference = format!("{name}:latest");
    let _images = LoadedImage::new(&base).and(&reference);
    let table = format!(
        "base = {{ image = \"{base}\" }}\nenv = {{ LEVEL = \"top\" }}\nexpose = [81]\nremove = [\"/bin/busybox\"]\n\
        files = [{{ from = \"Cargo.toml\", to = \"/bin/note\" }}]"
    );
    let users = "users = [{ name = \"extra\", uid = 600 }]";
    let workspace =
        Workspace::with_package(&name, &format!("{table}\n{users}"), "").file("Tierce.lock", &builders_lock());

    // Where the daemon does not have it, it is pulled by whom docker's configuration names.
    build(&base, "one");
    let config = registry.serve(&workspace);
    for (arguments, problem) in [
        (&["image"][..], "no basic auth credentials"),
        (&["image", "--offline"], "the daemon does not have it, and --offline forbids the network"),
    ] {
        let missing = workspace.xtask(arguments).fails_with(5).error(workspace.root());
        assert!(missing.starts_with(&format!("error: failed to pull `{base}`: ")), "{missing}");
        assert!(missing.contains(problem), "{missing}");
        assert!(missing.contains(&format!("--> {name}/Cargo.toml:7:18\n")), "{missing}");
    }
    let planned = workspace.xtask(&["image", "--dry-run"]).ok().stdout;
    assert_eq!(
        planned,
        format!("pull {name}  pull {base}\n{0:1$}  later steps depend on the pulled image\n", "", name.len() + 5)
    );
    let ran = crate::support::run(workspace.command().arg("image").env("DOCKER_CONFIG", config)).ok();
    assert!(ran.stderr.contains(&format!("pull {base}")), "{}", ran.stderr);
    let warning = format!(
        "warning: `{name}` begins with `{base}`, which Tierce has not made: which packages are in it, under which \
        licences, and whether they are whole and up to date is not known; its own programs get another \
        `/lib64/ld-linux-x86-64.so.2`\n"
    );
    assert!(ran.stderr.contains(&warning), "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("export {base} from the daemon")), "{}", ran.stderr);
    // The program, and those of the base, which has other folders than ROOT.
    assert_eq!(run(&[&reference]).stdout, format!("this is {name}\n"));
    let script = "read -r word </data/word; echo $word $WORD $LEVEL; test ! -e /data/gone; test ! -e /bin/busybox; test -s /bin/note; while read -r line; \
        do echo ${line%%:*}; done </etc/passwd";
    let seen = run(&["--entrypoint", "/bin/sh", &reference, "-euc", script]).stdout;
    assert_eq!(seen, "one base top\nroot\nkeeper\nnobody\nextra\n");
    let format = "{{.Config.User}} {{.Config.WorkingDir}} {{.Config.ExposedPorts}} {{.Config.StopSignal}} {{.Config.Healthcheck}} \
        {{index .Config.Labels \"of.base\"}} {{index .Config.Labels \"org.opencontainers.image.title\"}}";
    assert_eq!(
        inspected(&reference, format),
        format!("500:500 /data map[80/tcp:{{}} 81/tcp:{{}}] SIGINT <nil> yes {name}")
    );
    // The base's history and author stay.
    let history =
        tool("docker", ["image", "history", "--no-trunc", "--format", "{{.CreatedBy}}", &reference]).ok().stdout;
    assert!(history.contains("/data/gone") && history.contains("STOPSIGNAL"), "{history}");
    assert_eq!(inspected(&reference, "{{.Author}}"), "Ada");
    let layers = |reference: &str| inspected(reference, "{{join .RootFS.Layers \" \"}}");
    assert!(layers(&reference).starts_with(&layers(&base)), "{} {}", layers(&reference), layers(&base));
    let why = workspace.xtask(&["why", &name, "/bin/sh"]).ok().stdout;
    assert!(why.contains(&format!("in the base image {base}")), "{why}");

    // The same again is there; another image of that name is another base.
    assert!(!workspace.xtask(&["image"]).ok().stderr.contains("Running"));
    build(&base, "two");
    let locked = workspace.xtask(&["image", "--locked"]).fails_with(9).error(workspace.root());
    assert!(locked.contains(&format!("the image of its base `{base}` changed")), "{locked}");
    workspace.xtask(&["image"]).ok();
    let seen = run(&["--entrypoint", "/bin/sh", &reference, "-c", "read -r word </data/word; echo $word"]).stdout;
    assert_eq!(seen, "two\n");
}

#[test]
fn image_inherits_entrypoint_of_base() {
    warm_up();
    let (base, names) = (format!("{}:1", unique_name()), [unique_name(), unique_name()]);
    let [lower, upper] = &names;
    let references = names.clone().map(|name| format!("{name}:latest"));
    let _images = LoadedImage::new(&base).and(&references[0]).and(&references[1]);
    build(&base, "word");
    let workspace = Workspace::with_package("unused", "", "")
        .file("unused/Cargo.toml", "[package]\nname = \"unused\"\nversion = \"1.0.0\"\nedition = \"2024\"\n")
        .file("note", "a note\n")
        .file("Tierce.lock", &builders_lock())
        .file("Cargo.toml", &format!(
            "[workspace]\nresolver = \"3\"\nmembers = [\"unused\"]\n\n[workspace.metadata.images.{lower}]\nbase = {{ image = \"{base}\" }}\nfiles = [{{ from = \"note\", to = \"/data/note\" }}]\n\
             healthcheck = false\n\n\
             [workspace.metadata.images.{upper}]\nbase = \"{lower}\"\nenv = {{ LEVEL = \"upper\" }}\nsymlinks = [{{ path = \"/data/again\", target = \"note\" }}]\n\
             remove = [\"/bin/busybox\"]\nhooks = {{ finish = \"finish.sh\" }}\n"
        ))
        .file("finish.sh", "cp \"$ROOT/data/note\" \"$ROOT/data/copied\"\nrm \"$ROOT/data/word\"\necho of the hook >\"$ROOT/data/word\"\n");
    workspace.xtask(&["image"]).ok();
    assert_eq!(run(&[&references[0]]).stdout, "base word base\n");
    assert_eq!(run(&[&references[1]]).stdout, "base of the hook upper\n");
    assert_eq!(run(&[&references[0], "/bin/busybox cat note"]).stdout, "a note\n");
    let read =
        "for file in note again copied; do read -r line <$file; echo $line; done; test -e /bin/busybox || echo none";
    assert_eq!(run(&[&references[1], read]).stdout, "a note\na note\na note\nnone\n");
    assert_eq!(
        references.clone().map(|reference| inspected(&reference, "{{.Config.Healthcheck}}")),
        ["<nil>", "<nil>"]
    );

    // The added layers contain the new files only, and a layout contains all layers.
    workspace.xtask(&["image", "--layout", "layout"]).ok();
    let layout = workspace.root().join("layout");
    let unpacked = workspace.root().join("unpacked");
    let (layout, unpacked) = (layout.display().to_string(), unpacked.display().to_string());
    tool("umoci", ["raw", "unpack", "--rootless", "--image", &format!("{layout}:{}", references[1]), &unpacked]).ok();
    assert_eq!(fs::read_to_string(format!("{unpacked}/data/copied")).expect("unpacked"), "a note\n");
    assert!(
        !fs::exists(format!("{unpacked}/data/gone")).expect("readable")
            && fs::exists(format!("{unpacked}/bin/sh")).expect("readable")
    );
}
