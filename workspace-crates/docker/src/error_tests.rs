use super::*;

#[test]
fn refusals_are_classified() {
    // Messages of Docker 20.10, Docker 28 and Podman 4.3.
    for (status, message, kind) in [
        (404, "No such image: hello:latest", "NotFound"),
        (404, "hello: image not known", "NotFound"),
        (500, "container a does not exist in database: no such container", "NotFound"),
        (500, "a not found: layer not known", "NotFound"),
        (409, "Conflict. The container name \"/a\" is already in use by container \"b\".", "NameInUse"),
        (
            500,
            "creating container storage: the container name \"a\" is already in use by b. That name is in use",
            "NameInUse",
        ),
        (400, "invalid mount config for type \"bind\": bind source path does not exist: /a", "MountSource"),
        (500, "statfs /a: no such file or directory", "MountSource"),
        (500, "write /var/lib/docker/tmp/a: no space left on device", "NoSpace"),
        (
            400,
            "OCI runtime create failed: exec: \"/a\": stat /a: no such file or directory: unknown",
            "ProgramNotFound",
        ),
        (400, "OCI runtime create failed: exec: \"a\": executable file not found in $PATH: unknown", "ProgramNotFound"),
        (400, "OCI runtime create failed: exec: \"/a\": permission denied: unknown", "NotExecutable"),
        (400, "failed to create task: exec /a: exec format error", "NotExecutable"),
        (500, "runc: exec failed: unable to start container process: exec: \"/a\": is a directory", "NotExecutable"),
        (500, "Multiple IDs found with provided prefix: a", "Ambiguous"),
        (409, "remove a: volume is in use - [b]", "Refused"),
        (500, "open /var/lib/docker/tmp/a/layer.tar: no such file or directory", "Refused"),
    ] {
        let answer = Answer { status: Some(status), message: message.to_owned() };
        let error = Error::from_answer("create a container".to_owned(), answer);
        assert!(format!("{error:?}").starts_with(&format!("{kind} ")), "{message}: {error:?}");
    }
}

#[test]
fn errors_name_action_and_cause() {
    let answer = Answer { status: Some(404), message: "No such image: hello:latest".to_owned() };
    let error = Error::from_answer("create a container from the image `hello`".to_owned(), answer);
    insta::assert_snapshot!(error, @"failed to create a container from the image `hello`: it does not exist");
    insta::assert_snapshot!(error.source().unwrap(), @"No such image: hello:latest");
    let error = Error::NoSocket { tried: vec!["/a".into(), "/b".into()], origin: EndpointOrigin::Default };
    insta::assert_snapshot!(error, @"failed to find a Docker or Podman socket at `/a`, `/b`");
}
