//! Refuses a configuration of cargo that asks for programs of another platform than the images'.

use tierce_builders::workspace::config_place;
use tierce_process::cargo_config::CargoConfig;
use tierce_store::{Error, ErrorKind};

/// Fails if `build.target` asks for other platforms than `host`, which Tierce compiles for. The packages of ROOT are for that
/// platform too.
pub(super) fn check(config: &CargoConfig, host: &str) -> Result<(), Error> {
    let Some(target) = config.other_build_target(host) else { return Ok(()) };
    let message = format!(
        "`build.target` of {} asks for `{}`, and images have programs for `{host}`",
        target.source, target.value
    );
    let help = "remove `build.target`, and name this target where you need it: `cargo build --target`";
    Err(Error::new(ErrorKind::Table, message).at_if(config_place(config, target).as_ref()).with_help(help))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tierce_process::cargo_config::{ConfigFile, parse};

    use super::*;

    #[test]
    fn other_target_is_an_error_at_its_line() {
        let check = |text: &str| {
            let file = ConfigFile { path: "/ws/.cargo/config.toml".into(), text: text.into() };
            let host = "x86_64-unknown-linux-gnu";
            check(&parse(vec![file], &BTreeMap::new(), host).expect("valid"), host)
        };
        let text = "[build]\n# musl: x86_64-unknown-linux-musl\ntarget = \"x86_64-unknown-linux-musl\"\n";
        let error = check(text).expect_err("another platform");
        let expected = "`build.target` of /ws/.cargo/config.toml asks for `x86_64-unknown-linux-musl`, and images have programs for \
                        `x86_64-unknown-linux-gnu`";
        assert_eq!((error.to_string().as_str(), error.kind()), (expected, ErrorKind::Table));
        let place = error.place().expect("a line");
        assert_eq!(
            (&text[place.span.clone()], &text[..place.span.start]),
            ("x86_64-unknown-linux-musl", "[build]\n# musl: x86_64-unknown-linux-musl\ntarget = \"",)
        );
        assert!(check("[build]\ntarget = \"x86_64-unknown-linux-gnu\"\n").is_ok());
        assert!(check("").is_ok());
    }
}
