//! Builds without a daemon: the same bytes as with one, by every kind of user, and nothing of a killed or hostile build stays.

#![allow(clippy::print_stderr, reason = "a test that is left out has to say so")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::ebuilds::package_with_repository;
use crate::running::{OwnCache, Running, program};
use crate::support::{Ran, Workspace, repository, run, tool, unique_name, xtask};

/// The images of this repository.
const IMAGES: [&str; 4] = ["hello", "fetch", "thumbnailer", "php"];
/// The time in which the processes of a killed run have to end.
const SOON: Duration = Duration::from_secs(10);

/// A run with the sandbox, on a machine without a daemon.
fn without_daemon(command: &mut Command) -> &mut Command {
    command.env("TIERCE_ENGINE", "sandbox").env("DOCKER_HOST", "unix:///no/such/daemon")
}

#[test]
fn both_engines_build_the_same_images() {
    let layouts = tempfile::tempdir().expect("a folder");
    let built = |engine: &str| {
        let layout = layouts.path().join(engine);
        let mut command = xtask(repository());
        command.arg("image").args(IMAGES).args(["--no-test", "--no-cache=root,compile", "--layout"]).arg(&layout);
        let command = if engine == "sandbox" { without_daemon(&mut command) } else { &mut command };
        let ran = run(command).ok();
        for step in ["root php", "root thumbnailer", "compile fetch", "compile hello"] {
            assert!(ran.stderr.contains(&format!("Running {step}")), "{}", ran.stderr);
        }
        ids_and_layers(&layout)
    };
    let of_docker = built("docker");
    assert_eq!(of_docker.len(), IMAGES.len());
    assert_eq!(of_docker, built("sandbox"));
}

/// The configuration and the layers of each image in a layout. The annotations name the checkout, which may change meanwhile.
fn ids_and_layers(layout: &Path) -> Vec<(Value, Value)> {
    let read = |path: &str| -> Value {
        serde_json::from_slice(&fs::read(layout.join(path)).expect("a layout")).expect("JSON")
    };
    let index = read("index.json");
    let manifests = index["manifests"].as_array().expect("a list").iter();
    let digests = manifests.map(|manifest| manifest["digest"].as_str().expect("a digest").replace(':', "/"));
    digests
        .map(|digest| read(&format!("blobs/{digest}")))
        .map(|read| (read["config"].clone(), read["layers"].clone()))
        .collect()
}

/// Makes the scripts' user, as whom Tierce runs in a mount namespace of its own, with a copy of the cache and the workspace.
const AS_USER: &str = r#"
mount --bind "$folder" /mnt
folder=/mnt user=tierce-sandboxed id=54398
printf '%s:x:%s:%s::%s/home:/bin/sh\n' $user $id $id "$folder" | cat /etc/passwd - > "$folder/passwd"
printf '%s:x:%s:\n' $user $id | cat /etc/group - > "$folder/group"
echo $ranges > "$folder/ids"
for pair in passwd:passwd group:group ids:subuid ids:subgid; do
    touch "/etc/${pair#*:}"
    mount --bind "$folder/${pair%:*}" "/etc/${pair#*:}"
done
mkdir "$folder/toolchain" "$folder/home"
mount --bind "$toolchain" "$folder/toolchain"
cp -r "$workspace" "$folder/workspace"
cp "$xtask" "$folder/xtask"
chmod 755 "$folder" "$folder/xtask"
chown -R $id:$id "$folder/home" "$folder/cache" "$folder/workspace"
cd "$folder/workspace"
build() {
    setpriv --reuid $id --regid $id --init-groups env -i HOME="$folder/home" USER=$user NO_COLOR=1 \
        PATH="$folder/toolchain/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" TIERCE_CACHE="$folder/cache" \
        TIERCE_ENGINE=sandbox DOCKER_HOST=unix:///no/such/daemon "$folder/xtask" "$@"
}
build image "$name" --archive "$folder/home/image.tar"
sha256sum < "$folder/home/image.tar"
build run "$name"
build run "$name" --user 7:7 || echo "failed with $?"
build clean --all >&2
find "$folder/cache" -mindepth 1 -maxdepth 1 ! -name locks ! -name id
"#;

/// Builds an image as an ordinary user with these lines in `/etc/subuid`. Returns the digest of its archive, its output, and its
/// output as another user.
fn built_by_user(workspace: &Workspace, name: &str, ranges: &str) -> [String; 3] {
    let parts = OwnCache::new(&["debs", "wheels", "distfiles"]);
    let folder = tempfile::tempdir_in(parts.path().parent().expect("a folder")).expect("writable");
    tool("cp", ["-r", &parts.path().to_string_lossy(), &folder.path().join("cache").to_string_lossy()]).ok();
    let toolchain = tool("rustc", ["--print", "sysroot"]).ok().line().to_owned();
    let mut command = Command::new("unshare");
    command.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-euc", AS_USER]);
    command.env("folder", folder.path()).env("toolchain", toolchain).env("xtask", crate::xtask_path());
    command.env("name", name).env("ranges", ranges).env("workspace", workspace.root());
    let ran = run(command.env_remove("CARGO_TARGET_DIR")).ok();
    assert!(ran.stderr.contains("Finished test"), "{}", ran.stderr);
    // `clean --all` has removed the roots, whose files belonged to subordinate users.
    let lines: Vec<&str> = ran.stdout.lines().filter(|line| !line.starts_with("docker-archive:")).collect();
    let [digest, output, other] = lines.as_slice() else { panic!("{}\n{}", ran.stdout, ran.stderr) };
    [digest, output, other].map(|line| (*line).to_owned())
}

#[test]
fn every_user_builds_the_same_archive() {
    if tool("id", ["-u"]).ok().line() != "0" {
        return eprintln!("not tested: only root may become another user");
    }
    let name = unique_name();
    let workspace = program(&name, "\n[package.metadata.image.test.says]\nstdout = { contains = [\"this is\"] }\n");
    let archive = workspace.root().join("target/image.tar");
    let cache = OwnCache::new(&["debs", "wheels", "distfiles"]);
    let mut command = cache.image(workspace.root());
    run(without_daemon(command.args(["--no-test", "--archive"]).arg(&archive))).ok();
    let digest = tool("sh", ["-c", &format!("sha256sum < {}", archive.display())]).ok().line().to_owned();
    fs::remove_dir_all(workspace.root().join("target")).expect("it was built");
    let output = format!("this is {name}");
    let expected = [digest.clone(), output.clone(), output.clone()];
    assert_eq!(built_by_user(&workspace, &name, "tierce-sandboxed:400000:65536"), expected, "with a range of users");
    let expected = [digest, output, "failed with 125".to_owned()];
    assert_eq!(built_by_user(&workspace, &name, "others:400000:65536"), expected, "with one user");
}

/// The processes below one, with the times of their starts.
fn descendants(pid: u32) -> BTreeMap<u32, String> {
    let mut parents = BTreeMap::new();
    for entry in fs::read_dir("/proc").expect("procfs").flatten() {
        let Ok(child) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let Some((parent, start)) = parent_and_start(child) else { continue };
        parents.insert(child, (parent, start));
    }
    let is_below = |mut child: u32| {
        while let Some((parent, _)) = parents.get(&child) {
            if *parent == pid {
                return true;
            }
            child = *parent;
        }
        false
    };
    let below = parents.iter().filter(|(child, _)| is_below(**child));
    below.map(|(child, (_, start))| (*child, start.clone())).collect()
}

fn parent_and_start(pid: u32) -> Option<(u32, String)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some((fields.get(1)?.parse().ok()?, (*fields.get(19)?).to_owned()))
}

/// Kills a run with this signal, and waits until none of its processes is there.
#[track_caller]
fn end_with(running: Running, signal: &str) -> Ran {
    let below = descendants(running.pid());
    running.signal(signal);
    let ran = running.end();
    let start = Instant::now();
    let lives = |(pid, started): (&u32, &String)| parent_and_start(*pid).is_some_and(|(_, now)| now == *started);
    while below.iter().any(lives) {
        assert!(start.elapsed() < SOON, "processes of the killed run go on:\n{}", ran.stderr);
        sleep(Duration::from_millis(20));
    }
    ran
}

#[test]
fn killed_sandbox_leaves_nothing() {
    let name = unique_name();
    let table = "build-packages = [\"media-libs/generator\"]";
    let generator = format!("KEYWORDS=\"amd64\"\n# for {name}\n");
    let workspace = package_with_repository(&name, table).ebuild("generator", &generator);
    let cache = OwnCache::new(&["debs", "wheels", "distfiles"]);
    let image = || {
        let mut command = cache.image(workspace.root());
        let archive = workspace.root().join("target/image.tar");
        without_daemon(command.args(["--jobs", "1", "--no-test", "--archive"]).arg(archive));
        command
    };
    let steps = ["builder", "resolve", "packages", "environment", "root", "compile"];
    for step in steps {
        for signal in ["KILL", "INT"] {
            let mut running = Running::start(&mut image());
            running.wait_for(&format!("Running {step}"));
            // cargo needs a moment only.
            sleep(Duration::from_millis(if step == "compile" { 20 } else { 300 }));
            let ran = end_with(running, signal);
            if signal == "INT" {
                ran.fails_with(130);
                assert_eq!(cache.unfinished(workspace.root()), Vec::<std::path::PathBuf>::new(), "{step}");
            }
        }
        // The next step needs this one's result.
        let next = steps.iter().skip_while(|other| **other != step).nth(1);
        let mut running = Running::start(&mut image());
        next.iter().for_each(|next| running.wait_for(&format!("Running {next}")));
        end_with(running, if next.is_some() { "INT" } else { "CONT" });
    }
    run(&mut image()).ok();
    assert_eq!(mounts_of(cache.path()), Vec::<String>::new());
    assert_eq!(cache.unfinished(workspace.root()), Vec::<std::path::PathBuf>::new());
}

/// The mounts of this machine that name a folder.
fn mounts_of(folder: &Path) -> Vec<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("procfs");
    let folder = folder.to_string_lossy();
    mounts.lines().filter(|line| line.contains(&*folder)).map(str::to_owned).collect()
}

/// Each line succeeds where the sandbox lets nothing through. The last one leaves a process behind.
const HOSTILE: &str = r#"
KEYWORDS="amd64"
src_compile() {
	! (exec 3<>/dev/tcp/192.0.2.1/80) 2>/dev/null || die "there is a network"
	! mount -t tmpfs none /mnt 2>/dev/null || die "it mounts"
	! unshare --user true 2>/dev/null || die "it makes a namespace"
	! mknod "${T}/null" c 1 3 2>/dev/null || die "it makes devices"
	! (echo 1 > /proc/sys/kernel/panic) 2>/dev/null || die "it changes the kernel"
	! (: < /dev/kmsg) 2>/dev/null || die "it reads the kernel's log"
	! (: > /etc/portage/make.conf) 2>/dev/null || die "it changes Tierce's files"
	[[ $(ls /proc | grep -c '^[0-9]') -lt 60 ]] || die "it sees the host's processes"
	grep -q 'NoNewPrivs:.1' /proc/self/status || die "it can gain privileges"
	ln -s /proc/1/root "${T}/out"
	! ls "${T}/out/home" 2>/dev/null | grep -q . || die "it sees the host's files"
	(setsid sleep 600 &)
}
"#;

#[test]
fn hostile_package_reaches_nothing() {
    let name = unique_name();
    let table = "build-packages = [\"media-libs/hostile\"]";
    let workspace = package_with_repository(&name, table).ebuild("hostile", &format!("# for {name}\n{HOSTILE}"));
    let cache = OwnCache::new(&["debs", "wheels", "distfiles"]);
    let mut command = cache.image(workspace.root());
    let archive = workspace.root().join("target/image.tar");
    let running = Running::start(without_daemon(command.args(["--no-test", "--archive"]).arg(archive)));
    running.end().ok();
    let sleeps = tool("sh", ["-c", "pgrep -xf 'sleep 600' || true"]).ok();
    assert_eq!(sleeps.stdout, "", "its process goes on");
}

#[test]
fn machine_without_sandbox_warns_once() {
    if tool("id", ["-u"]).ok().line() != "0" {
        return eprintln!("not tested: only root can give up the right to make namespaces");
    }
    let workspace = program(&unique_name(), "");
    let cache = tempfile::tempdir().expect("a folder");
    let list = |engine: &str| {
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]).arg(crate::xtask_path()).arg("list");
        command.current_dir(workspace.root()).env("TIERCE_CACHE", cache.path()).env("NO_COLOR", "1");
        run(command.env("TIERCE_ENGINE", engine).env_remove("CARGO_TARGET_DIR"))
    };
    let words = "this machine offers no sandbox: the sandbox failed to create namespaces: Operation not permitted";
    let first = list("auto").ok();
    assert!(first.stderr.contains(words), "{}", first.stderr);
    assert!(!list("auto").ok().stderr.contains("sandbox"), "only the first run says it");
    let refused = list("sandbox").fails_with(8);
    assert!(refused.stderr.contains(words), "{}", refused.stderr);
    assert!(!list("docker").ok().stderr.contains("sandbox"));
}
