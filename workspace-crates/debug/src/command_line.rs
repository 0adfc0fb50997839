//! A session as commands of the docker program, for users who inspect it or run it without Tierce.

use serde::Serialize;
use tierce_docker::{ContainerSpec, IpcNamespace, Mount, Network, PidNamespace};

use crate::options::Options;
use crate::spec::{self, LINK, root_of};
use crate::{DetachKeys, Process, Target};

/// A session as command lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DryRun {
    /// The target's id.
    pub target: String,
    /// Its first process, by its number in the session's namespace.
    pub pid: u32,
    /// The program and arguments that resume a paused target, with `--unpause`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unpause: Option<Vec<String>>,
    /// The program and arguments that create the container.
    pub create: Vec<String>,
    /// The target of its link `/target`.
    pub link: String,
    /// The program and arguments that start it.
    pub start: Vec<String>,
}

impl DryRun {
    /// The commands for this session.
    pub fn new(target: &Target, process: Process, options: &Options, keys: Option<&DetachKeys>) -> DryRun {
        let spec = spec::spec(target, options);
        let mut start = words(&["docker", "start"]);
        if !options.detach {
            start.push("--attach".into());
            start.extend(options.stdin.then(|| "--interactive".into()));
            start.extend(keys.filter(|_| options.tty).map(|keys| format!("--detach-keys={}", keys.as_str())));
        }
        start.push(options.name.clone());
        DryRun {
            target: target.id().to_owned(),
            pid: process.pid,
            unpause: target.unpaused.then(|| words(&["docker", "unpause", target.id()])),
            create: create(&spec),
            link: root_of(process),
            start,
        }
    }

    /// As lines for a shell.
    pub fn script(&self) -> String {
        let name = quoted(self.start.last().map_or("", String::as_str));
        let line = |words: &[String]| words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
        let link = LINK.trim_start_matches('/');
        let unpause = self.unpause.iter().map(|words| line(words) + " &&\n").collect::<String>();
        format!(
            "{unpause}{} &&\nlinks=$(mktemp -d) && ln -s {} \"$links/{link}\" && docker cp \"$links/{link}\" {name}:/ && rm -r \"$links\" \
             &&\n{}\n",
            line(&self.create),
            quoted(&self.link),
            line(&self.start),
        )
    }
}

/// `docker create` for a container of this specification.
fn create(spec: &ContainerSpec) -> Vec<String> {
    let mut line = words(&["docker", "create"]);
    let mut add = |option: &str, value: &str| line.push(format!("{option}={value}"));
    spec.name.iter().for_each(|name| add("--name", name));
    match &spec.pid {
        PidNamespace::Own => {}
        PidNamespace::Host => add("--pid", "host"),
        PidNamespace::Container(id) => add("--pid", &format!("container:{id}")),
    }
    match &spec.network {
        Network::None => add("--network", "none"),
        Network::Default => {}
        Network::Host => add("--network", "host"),
        Network::Container(id) => add("--network", &format!("container:{id}")),
    }
    match &spec.ipc {
        IpcNamespace::Own => {}
        IpcNamespace::Host => add("--ipc", "host"),
        IpcNamespace::Container(id) => add("--ipc", &format!("container:{id}")),
    }
    spec.userns.iter().filter(|userns| !userns.is_empty()).for_each(|userns| add("--userns", userns));
    spec.cap_add.iter().for_each(|capability| add("--cap-add", capability));
    spec.security_options.iter().for_each(|option| add("--security-opt", option));
    spec.user.iter().for_each(|user| add("--user", user));
    spec.working_dir.iter().for_each(|folder| add("--workdir", folder));
    spec.mounts.iter().for_each(|mount| add("--mount", &mount_option(mount)));
    spec.environment.iter().for_each(|(name, value)| add("--env", &format!("{name}={value}")));
    spec.labels.iter().for_each(|(name, value)| add("--label", &format!("{name}={value}")));
    for (is_on, option) in [(spec.auto_remove, "--rm"), (spec.stdin, "--interactive"), (spec.tty, "--tty")] {
        line.extend(is_on.then(|| option.to_owned()));
    }
    let mut entrypoint = spec.entrypoint.iter().flatten();
    line.extend(entrypoint.next().map(|program| format!("--entrypoint={program}")));
    line.push(spec.image.clone());
    line.extend(entrypoint.cloned());
    line.extend(spec.command.iter().cloned());
    line
}

/// A mount for docker's `--mount`: fields of comma-separated values.
fn mount_option(mount: &Mount) -> String {
    let (kind, source, target, read_only) = match mount {
        Mount::Bind { host, target, read_only } => ("bind", host.to_string_lossy(), target, *read_only),
        Mount::Volume { name, target, read_only } => ("volume", name.into(), target, *read_only),
        Mount::Tmpfs { target, .. } => return format!("type=tmpfs,{}", field("target", target)),
    };
    let mut option = format!("type={kind},{},{}", field("source", &source), field("target", target));
    option.push_str(if kind == "volume" { ",volume-nocopy" } else { "" });
    option.push_str(if read_only { ",readonly" } else { "" });
    option
}

fn field(name: &str, value: &str) -> String {
    match value.contains([',', '"']) {
        true => format!("\"{name}={}\"", value.replace('"', "\"\"")),
        false => format!("{name}={value}"),
    }
}

/// Quotes a word for a shell.
pub fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=:/.,@%+".contains(&byte);
    match !word.is_empty() && word.bytes().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_characters_are_quoted() {
        for (word, expected) in [
            ("strace", "strace"),
            ("--env=A=b", "--env=A=b"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$HOME", "'$HOME'"),
            ("*", "'*'"),
            ("", "''"),
            ("ä", "'ä'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }

    #[test]
    fn command_line_has_every_part() {
        let spec = ContainerSpec {
            name: Some("s".into()),
            image: "tools:1".into(),
            entrypoint: Some(vec!["sh".into(), "-c".into(), "echo $0".into()]),
            environment: [("A".to_owned(), "b c".to_owned())].into(),
            working_dir: Some("/tmp".into()),
            user: Some("0:0".into()),
            mounts: vec![
                Mount::Bind { host: "/a,b".into(), target: "/c".into(), read_only: true },
                Mount::Volume { name: "v".into(), target: "/d".into(), read_only: false },
            ],
            pid: PidNamespace::Container("ab".into()),
            ipc: IpcNamespace::Container("ab".into()),
            network: Network::Container("ab".into()),
            userns: Some("host".into()),
            labels: [("k".to_owned(), "v".to_owned())].into(),
            cap_add: vec!["SYS_PTRACE".into()],
            security_options: vec!["apparmor=web".into()],
            tty: true,
            stdin: true,
            auto_remove: true,
            ..ContainerSpec::default()
        };
        insta::assert_snapshot!(create(&spec).join("\n"), @r#"
        docker
        create
        --name=s
        --pid=container:ab
        --network=container:ab
        --ipc=container:ab
        --userns=host
        --cap-add=SYS_PTRACE
        --security-opt=apparmor=web
        --user=0:0
        --workdir=/tmp
        --mount=type=bind,"source=/a,b",target=/c,readonly
        --mount=type=volume,source=v,target=/d,volume-nocopy
        --env=A=b c
        --label=k=v
        --rm
        --interactive
        --tty
        --entrypoint=sh
        tools:1
        -c
        echo $0
        "#);
    }
}
