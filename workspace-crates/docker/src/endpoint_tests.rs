use super::*;

fn host(value: &str) -> Environment {
    Environment { docker_host: Some(value.to_owned()), ..Default::default() }
}

#[test]
fn docker_host_is_parsed() {
    for (value, expected) in [
        ("unix:///var/run/docker.sock", Endpoint::Unix("/var/run/docker.sock".into())),
        ("unix:///a b/ü:1.sock", Endpoint::Unix("/a b/ü:1.sock".into())),
        ("tcp://127.0.0.1:2376", Endpoint::Tcp("127.0.0.1:2376".into())),
        ("tcp://localhost", Endpoint::Tcp("localhost:2375".into())),
        ("tcp://[::1]:99/", Endpoint::Tcp("[::1]:99".into())),
        ("tcp://[::1]", Endpoint::Tcp("[::1]:2375".into())),
        ("http://docker.example:80", Endpoint::Tcp("docker.example:80".into())),
    ] {
        assert_eq!(resolve(&host(value)).unwrap(), (expected, EndpointOrigin::DockerHost), "{value}");
    }
}

#[test]
fn invalid_docker_host_is_explained() {
    let values = [
        "/var/run/docker.sock",
        "unix://docker.sock",
        "unix://",
        "ssh://user@build.example",
        "https://docker.example",
        "fd://",
        "tcp://",
        "tcp://:2375",
        "tcp://host:port",
        "tcp://host:70000",
        "tcp://host:2375/path",
        "tcp://user@host:1",
        "tcp://[::1",
        "tcp://[::1]x",
    ];
    let messages: Vec<String> = values.iter().map(|value| resolve(&host(value)).unwrap_err().to_string()).collect();
    insta::assert_snapshot!(messages.join("\n"), @r"
    failed to use DOCKER_HOST `/var/run/docker.sock`: it has no scheme; a socket is written `unix:///path/to/docker.sock`
    failed to use DOCKER_HOST `unix://docker.sock`: the path of the socket is not absolute
    failed to use DOCKER_HOST `unix://`: the path of the socket is not absolute
    failed to use DOCKER_HOST `ssh://user@build.example`: ssh is not supported; forward the socket with `ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock HOST` and set DOCKER_HOST=unix:///tmp/docker.sock
    failed to use DOCKER_HOST `https://docker.example`: TLS is not supported
    failed to use DOCKER_HOST `fd://`: its scheme is neither `unix` nor `tcp`
    failed to use DOCKER_HOST `tcp://`: it is not `tcp://host:port`
    failed to use DOCKER_HOST `tcp://:2375`: it is not `tcp://host:port`
    failed to use DOCKER_HOST `tcp://host:port`: it is not `tcp://host:port`
    failed to use DOCKER_HOST `tcp://host:70000`: it is not `tcp://host:port`
    failed to use DOCKER_HOST `tcp://host:2375/path`: it is not `tcp://host:port`
    failed to use DOCKER_HOST `tcp://user@host:1`: it is not `tcp://host:port`
    failed to use DOCKER_HOST `tcp://[::1`: it is not `tcp://host:port`
    failed to use DOCKER_HOST `tcp://[::1]x`: it is not `tcp://host:port`
    ");
    let tls = Environment { docker_tls_verify: Some("1".into()), ..host("tcp://127.0.0.1:2376") };
    insta::assert_snapshot!(resolve(&tls).unwrap_err(), @"failed to use DOCKER_HOST `tcp://127.0.0.1:2376`: DOCKER_TLS_VERIFY asks for TLS, which is not supported");
}

/// A folder of the docker program with a configuration and one context.
fn configuration(config: &str, context: &str, metadata: &str) -> (tempfile::TempDir, Environment) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.json"), config).unwrap();
    let id = hex::encode(Sha256::digest(context));
    let path = folder.path().join("contexts/meta").join(id);
    std::fs::create_dir_all(&path).unwrap();
    std::fs::write(path.join("meta.json"), metadata).unwrap();
    let environment = Environment { docker_config: Some(folder.path().to_owned()), ..Default::default() };
    (folder, environment)
}

const WORK: &str = r#"{"Name":"work","Endpoints":{"docker":{"Host":"unix:///work.sock"}}}"#;

#[test]
fn current_context_names_the_endpoint() {
    let (_folder, environment) = configuration(r#"{"currentContext":"work"}"#, "work", WORK);
    let work = (Endpoint::Unix("/work.sock".into()), EndpointOrigin::Context("work".into()));
    assert_eq!(resolve(&environment).unwrap(), work);
    let named = Environment { docker_host: Some("unix:///named.sock".into()), ..environment.clone() };
    assert_eq!(resolve(&named).unwrap().0, Endpoint::Unix("/named.sock".into()));
    let unset =
        Environment { docker_host: Some(String::new()), docker_context: Some(String::new()), ..environment.clone() };
    assert_eq!(resolve(&unset).unwrap(), work);
    let default = Environment { docker_context: Some("default".into()), ..environment };
    assert_eq!(from_context(&default, false).unwrap(), None);
}

#[test]
fn docker_context_selects_a_context() {
    let (_folder, environment) = configuration("{}", "work", WORK);
    assert_eq!(from_context(&environment, false).unwrap(), None);
    let named = Environment { docker_context: Some("work".into()), ..environment.clone() };
    assert_eq!(resolve(&named).unwrap().0, Endpoint::Unix("/work.sock".into()));
    let absent = Environment { docker_context: Some("../../absent".into()), ..environment };
    assert!(matches!(resolve(&absent), Err(Error::Context { name, .. }) if name == "../../absent"));
}

#[test]
fn damaged_configurations_are_named() {
    let (_folder, environment) = configuration("{", "work", WORK);
    assert!(matches!(resolve(&environment), Err(Error::Configuration { path, .. }) if path.ends_with("config.json")));
    let (_folder, environment) = configuration(r#"{"currentContext":"work"}"#, "work", r#"{"Endpoints":1}"#);
    assert!(matches!(resolve(&environment), Err(Error::Configuration { path, .. }) if path.ends_with("meta.json")));
    let ssh = r#"{"Endpoints":{"docker":{"Host":"ssh://build.example"}}}"#;
    let (_folder, environment) = configuration(r#"{"currentContext":"work"}"#, "work", ssh);
    let error = resolve(&environment).unwrap_err();
    assert!(error.to_string().starts_with("failed to use Docker context `work` `ssh://build.example`"), "{error}");
    assert!(error.help().unwrap().contains("docker context use default"));
}

#[test]
fn usual_sockets_keep_their_order() {
    let environment = Environment {
        home: Some("/home/user".into()),
        xdg_runtime_dir: Some("/run/user/1000".into()),
        ..Default::default()
    };
    let sockets: Vec<String> = usual_sockets(&environment).iter().map(|path| path.display().to_string()).collect();
    insta::assert_snapshot!(sockets.join("\n"), @r"
    /var/run/docker.sock
    /run/user/1000/docker.sock
    /home/user/.docker/desktop/docker.sock
    /run/user/1000/podman/podman.sock
    /run/podman/podman.sock
    ");
}

#[test]
fn loopback_addresses_are_local() {
    for (endpoint, local) in [
        (Endpoint::Unix("/a".into()), true),
        (Endpoint::Tcp("127.0.0.1:1".into()), true),
        (Endpoint::Tcp("localhost:1".into()), true),
        (Endpoint::Tcp("[::1]:1".into()), true),
        (Endpoint::Tcp("127.example:1".into()), false),
        (Endpoint::Tcp("10.0.0.1:1".into()), false),
    ] {
        assert_eq!(endpoint.is_local(), local, "{endpoint}");
    }
}
