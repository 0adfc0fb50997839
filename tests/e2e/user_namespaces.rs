//! Daemons that give users other numbers: Podman without root, and Docker with `userns-remap`.

#![allow(clippy::print_stderr, reason = "a test that is left out has to say so")]

use std::path::Path;
use std::process::Command;

use crate::running::{OwnCache, image_id, program};
use crate::support::{LoadedImage, Ran, Workspace, cache, run, tool, unique_name};

/// Shows the folder at a path that every user can enter: the folders above the cache may be closed to others, as a home is.
const PUBLIC_PLACE: &str = r#"
mount --bind "$folder" /mnt
folder=/mnt
"#;

/// Defines a user with subordinate ids for this mount namespace alone, and starts a service of Podman as that user. The user's
/// PATH leads to a copy of the toolchain's folder, because other users cannot read root's home.
const ROOTLESS_PODMAN: &str = r#"
user=tierce-rootless id=54399
printf '%s:x:%s:%s::%s/home:/bin/sh\n' $user $id $id "$folder" | cat /etc/passwd - > "$folder/passwd"
printf '%s:x:%s:\n' $user $id | cat /etc/group - > "$folder/group"
echo $user:400000:65536 > "$folder/ids"
for pair in passwd:passwd group:group ids:subuid ids:subgid; do
    touch "/etc/${pair#*:}"
    mount --bind "$folder/${pair%:*}" "/etc/${pair#*:}"
done
mkdir "$folder/toolchain" "$folder/home" "$folder/run"
mount --bind "$toolchain" "$folder/toolchain"
cp "$xtask" "$folder/xtask"
chmod 755 "$folder" "$folder/xtask"
chmod 700 "$folder/run"
chown -R $id:$id "$folder/home" "$folder/run" "$folder/cache" "$folder/workspace"
in_place() {
    cd "$folder/workspace"
    setpriv --reuid $id --regid $id --init-groups env -i HOME="$folder/home" USER=$user XDG_RUNTIME_DIR="$folder/run" \
        PATH="$folder/toolchain/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" "$@"
}
xtask="$folder/xtask" socket="$folder/run/socket" docker="in_place podman --cgroup-manager cgroupfs --runtime runc"
$docker system service --time=0 "unix://$socket" > "$folder/log" 2>&1 &
"#;

/// Starts a daemon that maps root to an unprivileged user. This process owns the folders, and the mapped root does not.
const REMAPPED_DOCKER: &str = r#"
echo nobody:400000:65536 > "$folder/ids"
for ids in subuid subgid; do
    touch /etc/$ids
    mount --bind "$folder/ids" /etc/$ids
done
echo '{}' > "$folder/daemon.json"
chmod 711 "$folder"
in_place() {
    cd "$folder/workspace"
    env "$@"
}
socket="$folder/socket" docker="docker --host unix://$folder/socket"
dockerd --config-file "$folder/daemon.json" --userns-remap nobody:nogroup --data-root "$folder/data" --exec-root "$folder/exec" \
    --pidfile "$folder/pid" --host "unix://$socket" --bridge none --iptables=false --ip-forward=false > "$folder/log" 2>&1 &
"#;

/// Builds the image twice and runs it.
const BUILD: &str = r#"
for _ in $(seq 600); do
    DOCKER_HOST="unix://$socket" docker version > /dev/null 2>&1 && break
    sleep 0.1
done
build() {
    in_place TIERCE_CACHE="$folder/cache" TIERCE_NAMESPACE=tierce-userns TIERCE_KEEP_WARM=0 TIERCE_ENGINE=docker NO_COLOR=1 \
        DOCKER_HOST="unix://$socket" "$xtask" image "$name" --no-test
}
build || { tail -n 20 "$folder/log" >&2; exit 1; }
build 2> "$folder/again" || exit 1
! grep Running "$folder/again" >&2 || exit 1
$docker run --rm --network none "$name"
$docker image inspect --format '{{.Id}}' "$name"
"#;

/// Runs these scripts in namespaces of their own, whose end ends all of their processes.
fn in_namespaces(daemon: &str, folder: &Path, workspace: &Workspace, name: &str) -> Ran {
    let toolchain = tool("rustc", ["--print", "sysroot"]).ok().line().to_owned();
    let copies = format!("cp -r \"{}\" \"$folder/workspace\"\n", workspace.root().display());
    let script = format!("set -eu\n{PUBLIC_PLACE}{copies}{daemon}{BUILD}");
    let mut command = Command::new("unshare");
    command.args(["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", &script]);
    command.env("folder", folder).env("toolchain", toolchain).env("xtask", crate::xtask_path()).env("name", name);
    run(command.env_remove("DOCKER_HOST").env_remove("CARGO_TARGET_DIR"))
}

/// Checks that a daemon builds the same image as Docker with root's numbers. None says why there is no such daemon here.
#[track_caller]
fn builds_the_same(daemon: &str, missing: Option<&str>) {
    if let Some(missing) = missing {
        return eprintln!("not tested: {missing}");
    }
    let name = unique_name();
    let workspace = program(&name, "");
    let _image = LoadedImage::new(&name);
    workspace.xtask(&["image", "--no-test"]).ok();
    let target = workspace.root().join("target");
    std::fs::remove_dir_all(target).expect("it was built");
    let parts = OwnCache::new(&["debs", "wheels", "distfiles", "binpkgs"]);
    // Beside the cache, because a file system in memory is no place for a builder.
    let folder = tempfile::tempdir_in(cache().parent().expect("a folder")).expect("writable");
    tool("cp", ["-r", &parts.path().to_string_lossy(), &folder.path().join("cache").to_string_lossy()]).ok();
    let ran = in_namespaces(daemon, folder.path(), &workspace, &name).ok();
    let id = image_id(&name);
    let digest = id.trim_start_matches("sha256:");
    let lines: Vec<&str> = ran.stdout.lines().map(|line| line.trim_start_matches("sha256:")).collect();
    let reference = format!("{name}:latest");
    assert_eq!(lines, [&reference, &reference, &format!("this is {name}"), digest], "{}", ran.stderr);
}

fn is_root() -> bool {
    tool("id", ["-u"]).ok().line() == "0"
}

#[test]
fn rootless_podman_builds_the_same_image() {
    let missing = match (
        is_root(),
        run(Command::new("sh").args(["-c", "command -v podman && command -v newuidmap && command -v runc"])).code,
    ) {
        (false, _) => Some("only root may define a user"),
        (_, Some(0)) => None,
        _ => Some("podman, newuidmap or runc is not installed"),
    };
    builds_the_same(ROOTLESS_PODMAN, missing);
}

#[test]
fn remapped_docker_builds_the_same_image() {
    let missing = match (is_root(), run(Command::new("sh").args(["-c", "command -v dockerd"])).code) {
        (false, _) => Some("only root may start a daemon"),
        (_, Some(0)) => None,
        _ => Some("there is no dockerd"),
    };
    builds_the_same(REMAPPED_DOCKER, missing);
}
