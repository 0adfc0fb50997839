//! Images that start from others of the workspace.

use tierce_manifest::{ImageSpec, WorkspaceSpec};

use crate::{defaults, image, read};

/// Returns the tables of images without programs, given their names and keys.
fn tables(images: &[(&str, &str)]) -> String {
    let table = |(name, keys): &(&str, &str)| format!("[workspace.metadata.images.{name}]\n{keys}\n");
    images.iter().map(table).collect()
}

#[track_caller]
fn read_all(root: &str, package: &str) -> WorkspaceSpec {
    read(root, package).unwrap_or_else(|errors| panic!("{root}\n{package}\n{errors}"))
}

fn named<'s>(spec: &'s WorkspaceSpec, name: &str) -> &'s ImageSpec {
    spec.image(name).expect("an image")
}

#[test]
fn run_configuration_inherits_from_the_base() {
    let bottom = "entrypoint = [\"/bin/a\", \"-x\"]\ncmd = [\"1\"]\nenv = { A = \"1\", B = \"1\" }\nexpose = [80]\nuser = 7\n\
                  workdir = \"/srv\"\nvolumes = [\"/data\"]\nlabels = { l = \"1\" }\nstop-signal = \"SIGINT\"\n\
                  healthcheck = { cmd = [\"/bin/h\"] }";
    let middle = "base = \"a\"\ncmd = [\"2\"]\nenv = { B = \"2\", C = \"2\" }\nexpose = [81]\nhealthcheck = false";
    let root = tables(&[("c", "base = \"b\"\nentrypoint = [\"/bin/c\"]"), ("b", middle), ("a", bottom)]);
    // The base already includes the default of `user` and overrides it.
    let spec = read_all(&format!("{}\n{root}", defaults("user = 9\nenv = { D = \"0\" }")), "");
    let config = |name: &str| {
        let config = &named(&spec, name).config;
        let env: Vec<String> = config.env.iter().map(|(name, value)| format!("{name}{}", value.value)).collect();
        let expose: Vec<String> = config.expose.iter().map(ToString::to_string).collect();
        let user = config.user.as_ref().map(|user| user.value.to_string());
        let health = config.healthcheck.is_some();
        format!(
            "{} | {} | {} | {} | {user:?} {health}",
            config.entrypoint.value.join(" "),
            config.cmd.join(" "),
            env.join(" "),
            expose.join(" ")
        )
    };
    assert_eq!(config("a"), "/bin/a -x | 1 | A1 B1 D0 | 80/tcp | Some(\"7:7\") true");
    assert_eq!(config("b"), "/bin/a -x | 2 | A1 B2 C2 D0 | 81/tcp 80/tcp | Some(\"7:7\") false");
    assert_eq!(
        config("c"),
        "/bin/c |  | A1 B2 C2 D0 | 81/tcp 80/tcp | Some(\"7:7\") false",
        "another program, other arguments"
    );
    let top = &named(&spec, "c").config;
    assert!(top.workdir.is_some() && top.stop_signal.is_some() && top.volumes.len() == 1 && top.labels.len() == 1);
    let asks = tables(&[("b", "base = \"a\"\nhealthcheck = { tcp = 80 }"), ("a", bottom)]);
    let spec = read_all(&asks, "");
    let check = named(&spec, "b").config.healthcheck.as_ref();
    assert!(check.is_some_and(|check| check.value.is_probe), "of a port of the base");
}

#[test]
fn program_replaces_the_entrypoint_and_cmd() {
    let root = tables(&[("a", "entrypoint = [\"/bin/a\"]\ncmd = [\"1\"]")]);
    let spec = read_all(&root, &image("base = \"a\""));
    let config = &named(&spec, "app").config;
    assert_eq!((config.entrypoint.value.join(" ").as_str(), config.cmd.len()), ("/usr/bin/app", 0));
    // An image on top of the program inherits its entrypoint.
    let root = tables(&[("b", "base = \"app\"")]);
    let spec = read_all(&root, &image(""));
    assert_eq!(named(&spec, "b").config.entrypoint.value, ["/usr/bin/app"]);
}

#[test]
fn portage_settings_inherit_from_the_base() {
    let bottom = "cmd = [\"/x\"]\npackages = [\"a/p\"]\nuse = [\"-x\", \"y\"]\npackage-use = { \"a/p\" = [\"f\", \"g\"] }\n\
                  package-keywords = { \"a/p\" = [\"~amd64\"] }\nallow-missing = [\"/a\"]\nprune = [\"/b\"]";
    let top = "base = \"a\"\npackages = [\"a/q\"]\nuse = [\"x\"]\npackage-use = { \"a/p\" = [\"-g\"] }";
    let spec = read_all(&tables(&[("b", top), ("a", bottom)]), "");
    let image = named(&spec, "b");
    let emerge = &image.emerge;
    let shown = |settings: &[tierce_manifest::Located<tierce_portage::UseSetting>]| {
        settings.iter().map(|setting| setting.value.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(emerge.packages.len(), 1, "what the base has is known of it");
    let mut uses: Vec<String> = shown(&emerge.use_settings).split(' ').map(str::to_owned).collect();
    uses.sort();
    assert_eq!(uses, ["x", "y"]);
    let of_package: Vec<String> = emerge.package_use.iter().map(|entry| shown(&entry.value)).collect();
    assert_eq!(of_package, ["-g f"]);
    assert_eq!(
        (emerge.package_keywords.len(), image.content.allow_missing.len(), image.content.prune.len()),
        (1, 1, 0)
    );
}

#[test]
fn images_follow_their_bases() {
    let cmd = "cmd = [\"/x\"]";
    let spec = read_all(&tables(&[("a", "base = \"c\""), ("b", "base = \"a\""), ("c", cmd), ("d", cmd)]), "");
    let names = |images: &[&str]| {
        let images: Vec<&ImageSpec> = images.iter().map(|name| named(&spec, name)).collect();
        spec.with_bases(&images).iter().map(|image| image.name.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!([names(&["b"]), names(&["d", "a", "c"]), names(&["c", "b"])], ["c a b", "d c a", "c a b"]);
    // The default base does not apply to itself.
    let spec = read_all(&format!("{}\n{}", defaults("base = \"a\""), tables(&[("a", cmd), ("b", cmd)])), "");
    assert_eq!((named(&spec, "a").base.image(), named(&spec, "b").base.image().unwrap().as_str()), (None, "a"));
}

#[test]
fn builder_bases_are_checked() {
    let root = tables(&[("a", "cmd = [\"/x\"]")]);
    let spec = read_all(&root, &image("builder-base = \"a\""));
    let app = named(&spec, "app");
    assert_eq!(app.builder_base.as_ref().unwrap().value.as_str(), "a");
    assert_eq!(spec.with_bases(&[app]).iter().map(|image| image.name.as_str()).collect::<Vec<_>>(), ["a", "app"]);
    let refused = |root: &str, keys: &str| crate::refusal(root, &image(keys));
    assert_eq!(
        refused(&tables(&[("a", "base = \"app\"\ncmd = [\"/x\"]")]), "builder-base = \"a\""),
        "Cargo.toml:2:8: `a` and `app` are each other's base\n  app/Cargo.toml:2:16: and this\n  \
         help: one of them has to begin with nothing"
    );
    assert_eq!(
        refused(&root, "builder-base = \"b\""),
        "app/Cargo.toml:2:16: the workspace has no image `b` to begin with\n  help: did you mean `a`?"
    );
}

#[test]
fn external_base_may_supply_run_configuration() {
    let spec = read_all(
        &tables(&[("a", "base = { image = \"debian:12-slim\" }\nhealthcheck = false"), ("b", "base = \"a\"")]),
        "",
    );
    let a = named(&spec, "a");
    assert_eq!(a.base.foreign().unwrap().value.to_string(), "debian:12-slim");
    assert!(a.config.entrypoint.value.is_empty() && a.config.cmd.is_empty() && a.config.no_healthcheck);
    assert_eq!((a.bases().count(), named(&spec, "b").base.foreign()), (0, None));
    // An external base may have a health check, so a test may ask it.
    let test = "\ntest.x = { healthy-within = \"1s\" }";
    let foreign = "base = { image = \"debian:12-slim\" }";
    let spec = read_all(
        &tables(&[
            ("a", &format!("{foreign}{test}")),
            ("b", &format!("base = \"a\"{test}")),
            ("c", &format!("{foreign}\nentrypoint = []\ncmd = [\"/x\"]")),
            ("d", "base = \"c\""),
        ]),
        "",
    );
    let says_none = ["a", "b", "c", "d"].map(|name| named(&spec, name).config.no_entrypoint);
    assert_eq!(says_none, [false, false, true, true]);
    let refused = crate::refusal(&tables(&[("a", &format!("{foreign}\nhealthcheck = false{test}"))]), "");
    assert!(refused.contains("`healthy-within` asks the image's health check, and it has none"), "{refused}");
    // An external base as the workspace's default, which one image overrides.
    let root = defaults(
        "base = { image = \"registry.example/x@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\" }",
    );
    let spec = read_all(&format!("{root}\n{}", tables(&[("a", ""), ("b", "base = \"a\"")])), &image(""));
    assert!(named(&spec, "a").base.foreign().is_some() && named(&spec, "app").base.foreign().is_some());
    assert_eq!(named(&spec, "app").config.entrypoint.value, ["/usr/bin/app"]);
}

#[test]
fn users_of_the_base_are_known() {
    let bottom = "cmd = [\"/x\"]\nusers = [{ name = \"web\", uid = 7 }, { name = \"old\", uid = 8 }]\ngroups = [{ name = \"media\", gid = 9 }]";
    let middle = "base = \"a\"\nusers = [{ name = \"old\", uid = 18 }]\nuser = \"web\"";
    let top = "base = \"b\"\nuser = \"old:media\"\nfiles = [{ from = \"x\", to = \"/x\", owner = \"web\" }]\n\
               users = [{ name = \"new\", uid = 20, group = \"media\" }]\ngroups = [{ name = \"all\", gid = 30, members = [\"web\", \"new\"] }]";
    let spec = read_all(&tables(&[("c", top), ("b", middle), ("a", bottom)]), "");
    let user = |name: &str| named(&spec, name).config.user.as_ref().unwrap().value.to_string();
    assert_eq!([user("b"), user("c")], ["7:7", "18:9"]);
    let content = &named(&spec, "c").content;
    assert_eq!(content.files[0].owner.to_string(), "7:7");
    let refused = crate::refusal(&tables(&[("b", "base = \"a\"\nuser = \"wev\""), ("a", bottom)]), "");
    assert_eq!(refused, "Cargo.toml:3:8: there is no user `wev`\n  help: did you mean `web`?");
}

#[test]
fn unknown_and_cyclic_bases_are_refused() {
    let cmd = "cmd = [\"/x\"]";
    let help = "help: one of them has to begin with nothing";
    for (images, expected) in [
        (
            vec![("a", "base = \"other\"\ncmd = [\"/x\"]"), ("others", cmd)],
            "Cargo.toml:2:8: the workspace has no image `other` to begin with\n  help: did you mean `others`?"
                .to_owned(),
        ),
        (vec![("a", "base = \"a\"\ncmd = [\"/x\"]")], format!("Cargo.toml:2:8: `a` is its own base\n  {help}")),
        (
            vec![
                ("a", "base = \"b\"\ncmd = [\"/x\"]"),
                ("b", "base = \"c\"\ncmd = [\"/x\"]"),
                ("c", "base = \"a\"\ncmd = [\"/x\"]"),
            ],
            format!(
                "Cargo.toml:2:8: `a`, `b` and `c` are each other's base\n  Cargo.toml:5:8: and this\n  \
                 Cargo.toml:8:8: and this\n  {help}"
            ),
        ),
        (
            vec![("a", "base = \"toolbox\"\ncmd = [\"/x\"]")],
            "Cargo.toml:2:8: the workspace has no image `toolbox` to begin with\n  help: there is only `scratch`; for an image from elsewhere, write `base = { image = \"toolbox\" }`"
                .to_owned(),
        ),
    ] {
        assert_eq!(crate::refusal(&tables(&images), ""), expected);
    }
}

#[test]
fn long_chains_are_refused() {
    let chain = |count: usize| {
        let image = |index: usize| match index {
            0 => "[workspace.metadata.images.i0]\ncmd = [\"/x\"]\n".to_owned(),
            _ => format!("[workspace.metadata.images.i{index}]\nbase = \"i{}\"\n", index - 1),
        };
        (0..count).map(image).collect::<String>()
    };
    let whole = read_all(&chain(127), "");
    assert_eq!(whole.with_bases(&[named(&whole, "i126")]).len(), 127);
    assert_eq!(
        crate::refusal(&chain(130), ""),
        "Cargo.toml:255:28: `i127` has a chain of more than 126 bases\n  \
         help: let it begin with an image that has fewer bases: a daemon stacks at most 127 layers"
    );
    let start = std::time::Instant::now();
    let refused = crate::refusal(&chain(3000), "");
    assert!(refused.contains("the workspace has 3000 images, and Tierce takes at most 1000"), "{refused}");
    // Two keys of each image lead to the same base: there are 2^900 ways through them.
    let both = |index: usize| match index {
        0 => "[workspace.metadata.images.i0]\nbase = \"i899\"\n".to_owned(),
        _ => format!(
            "[workspace.metadata.images.i{index}]\nbase = \"i{}\"\nbuilder-base = \"i{}\"\n",
            index - 1,
            index / 2
        ),
    };
    let refused = crate::refusal(&(0..900).map(both).collect::<String>(), "");
    assert!(refused.contains("are each other's base"), "{}", &refused[..200]);
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
}
