//! Valid tables and their specifications.

use std::time::Duration;

use tierce_manifest::{
    AccountName, AllowMissing, BuilderBase, DebianSuite, FileCapabilities, ForAtom, HealthCheck, Hook, HookSpec,
    ImageSpec, Include, Keep, Located, Strip, WorkspaceText, read as read_workspace,
};

use crate::{cargo_toml, defaults, image, member, read, read_image};

fn shown<T: ToString>(items: &[Located<T>]) -> Vec<String> {
    items.iter().map(|item| item.value.to_string()).collect()
}

fn by_atom<T: ToString>(items: &[ForAtom<Vec<Located<T>>>]) -> Vec<String> {
    items.iter().map(|item| format!("{} {}", item.atom.value, shown(&item.value).join(" "))).collect()
}

#[test]
fn empty_table_gives_the_defaults() {
    let spec = read_image("", &image(""));
    let program = spec.program.unwrap();
    assert_eq!((spec.name.as_str(), program.package.name.as_str()), ("app", "app"));
    assert_eq!(program.cargo_toml.as_str(), "app/Cargo.toml");
    assert_eq!(shown(&program.cargo.bins), ["app"]);
    assert_eq!(spec.config.entrypoint.value, ["/usr/bin/app"]);
    assert_eq!(shown(&spec.tags), ["latest"]);
    assert_eq!((program.cargo.profile_name(), program.cargo.default_features), ("release", true));
    assert_eq!(spec.content.include, Include::Closure);
    assert_eq!(spec.content.strip, Strip::Debuginfo);
    assert_eq!(spec.place.span, 18..23, "the key in the header");
    assert_eq!(spec.config.healthcheck, None);
}

#[test]
fn package_without_table_has_no_image() {
    let spec = read(&defaults("builder = \"debian\""), "[package]\nname = \"app\"").unwrap();
    assert_eq!((spec.images.len(), spec.builder), (0, BuilderBase::Debian));
}

#[test]
fn keys_of_portage_are_read() {
    let spec = read_image(
        "",
        &image(
            r#"
            packages = ["media-libs/libpng", ">=dev-db/sqlite-3.40:3[icu]", "media-libs/libpng"]
            build-packages = ["dev-libs/protobuf"]
            use = ["-static-libs", "threads"]
            package-use = { "media-libs/libpng" = ["apng", "-static-libs"] }
            package-keywords."media-libs/libpng" = ["~amd64", "**"]
            package-mask = [">=media-libs/libpng-2"]
            package-unmask = ["=media-libs/libpng-1.6.40"]
            package-license = { "media-libs/libpng" = ["libpng2", "@FREE", "-*"] }
            patches = { "media-libs/libpng" = ["patches/b.patch", "./patches/a.diff"] }
            [package.metadata.image.package-env."media-libs/libpng"]
            CFLAGS = "-O3"
            "#,
        ),
    )
    .emerge;
    assert_eq!(shown(&spec.packages), ["media-libs/libpng", ">=dev-db/sqlite-3.40:3[icu]"]);
    assert_eq!(shown(&spec.build_packages), ["dev-libs/protobuf"]);
    assert_eq!(shown(&spec.use_settings), ["-static-libs", "threads"]);
    assert_eq!(by_atom(&spec.package_use), ["media-libs/libpng apng -static-libs"]);
    assert_eq!(by_atom(&spec.package_keywords), ["media-libs/libpng ~amd64 **"]);
    assert_eq!(shown(&spec.package_mask), [">=media-libs/libpng-2"]);
    assert_eq!(shown(&spec.package_unmask), ["=media-libs/libpng-1.6.40"]);
    assert_eq!(by_atom(&spec.package_license), ["media-libs/libpng libpng2 @FREE -*"]);
    assert_eq!(spec.package_env[0].value["CFLAGS"].value, "-O3");
    let patches: Vec<_> = spec.patches[0].value.iter().map(|patch| patch.value.full()).collect();
    assert_eq!(patches, ["app/patches/b.patch", "app/patches/a.diff"]);
}

#[test]
fn keys_of_cargo_are_read() {
    let spec = read_image(
        "",
        &image(
            r#"
            features = ["metrics", "serde/derive", "metrics"]
            default-features = false
            profile = "small"
            target-cpu = "x86-64-v3"
            sources = ["../../schema", "data.sql"]
            write-sources = true
            "#,
        ),
    )
    .program
    .unwrap()
    .cargo;
    assert_eq!(shown(&spec.features), ["metrics", "serde/derive"]);
    assert!(!spec.default_features && spec.write_sources);
    assert_eq!(spec.profile_name(), "small");
    assert_eq!(spec.target_cpu.unwrap().value, "x86-64-v3");
    let sources: Vec<&str> = spec.sources.iter().map(|source| source.value.as_str()).collect();
    assert_eq!(sources, ["app/../../schema", "app/data.sql"]);
}

#[test]
fn keys_of_the_content_are_read() {
    let spec = read_image(
        "",
        &image(
            r#"
            include = "packages"
            keep = ["/usr/share/mime/**", "man"]
            prune = ["/usr/share/locale/**"]
            allow-missing = ["/usr/lib64/plugins/*", "plugins", "sys-libs/zlib"]
            strip = "none"
            base = "scratch"
            [[package.metadata.image.files]]
            from = "assets"
            to = "/usr/share/app"
            mode = "0640"
            owner = 1000
            [[package.metadata.image.files]]
            from = "."
            to = "/"
            [[package.metadata.image.directories]]
            path = "/var/lib/app"
            owner = "1000:33"
            mode = "0750"
            [[package.metadata.image.directories]]
            path = "/tmp"
            "#,
        ),
    )
    .content;
    assert_eq!(spec.include, Include::Packages);
    let kept = spec.keep.iter().map(|keep| match &keep.value {
        Keep::Glob(glob) => glob.to_string(),
        Keep::Preset(preset) => format!("the preset {}", preset.name),
    });
    assert_eq!(kept.collect::<Vec<_>>(), ["/usr/share/mime/**", "the preset man"]);
    assert_eq!(shown(&spec.prune), ["/usr/share/locale/**"]);
    let allowed = spec.allow_missing.iter().map(|allowed| match &allowed.value {
        AllowMissing::Glob(glob) => glob.to_string(),
        AllowMissing::RuntimeDep(dependency) => format!("the dependency {}", dependency.name),
        AllowMissing::Package(package) => format!("the package {package}"),
    });
    assert_eq!(
        allowed.collect::<Vec<_>>(),
        ["/usr/lib64/plugins/*", "the dependency plugins", "the package sys-libs/zlib"]
    );
    assert_eq!(spec.strip, Strip::None);
    let files: Vec<String> = spec
        .files
        .iter()
        .map(|file| {
            format!(
                "{} {} {:?} {}",
                file.from.value.full(),
                file.to.value,
                file.mode.map(|mode| mode.to_string()),
                file.owner
            )
        })
        .collect();
    assert_eq!(files, ["app/assets /usr/share/app Some(\"0640\") 1000:1000", "app/ / None 0:0"]);
    let directories: Vec<String> = spec
        .directories
        .iter()
        .map(|directory| format!("{} {} {}", directory.path.value, directory.mode, directory.owner))
        .collect();
    assert_eq!(directories, ["/var/lib/app 0750 1000:33", "/tmp 0755 0:0"]);
}

#[test]
fn links_capabilities_and_removals_are_merged() {
    let spec = read_image(
        &defaults(
            r#"
            symlinks = [{ path = "/usr/bin/awk", target = "mawk" }, { path = "/etc/mtab", target = "/proc/mounts" }]
            capabilities = { "/usr/bin/app" = "cap_kill=p", "/usr/bin/other" = "cap_kill=ep" }
            remove = ["/etc/x"]
            env-files = ["all.env"]
            "#,
        ),
        &image(
            r#"
            symlinks = [{ path = "/usr/bin/awk", target = "gawk" }]
            capabilities = { "/usr/bin/app" = "cap_net_raw=ep" }
            remove = ["/usr/share/foo/**"]
            env-files = ["a.env", "b.env"]
            "#,
        ),
    );
    let content = spec.content;
    let links: Vec<String> =
        content.symlinks.iter().map(|link| format!("{} {}", link.path.value, link.target.value)).collect();
    assert_eq!(links, ["/usr/bin/awk gawk", "/etc/mtab /proc/mounts"]);
    let capabilities: Vec<_> =
        content.capabilities.iter().map(|file| (file.path.value.as_str(), file.capabilities)).collect();
    let parsed = |text: &str| text.parse::<FileCapabilities>().unwrap();
    assert_eq!(capabilities, [("/usr/bin/other", parsed("cap_kill=ep")), ("/usr/bin/app", parsed("cap_net_raw=ep"))]);
    assert_eq!(shown(&content.remove), ["/usr/share/foo/**", "/etc/x"]);
    // The weakest file comes first.
    let files: Vec<_> = spec.config.env_files.iter().map(|file| file.value.full()).collect();
    assert_eq!(files, ["all.env", "app/a.env", "app/b.env"]);
}

#[test]
fn hooks_have_a_script_and_inputs() {
    let hooks = |spec: &ImageSpec| -> Vec<String> {
        let line = |(hook, spec): (Hook, &HookSpec)| {
            let paths: Vec<String> = spec.paths().map(|path| path.value.full().into_string()).collect();
            format!("{hook} {}", paths.join(" "))
        };
        spec.hooks.iter().map(line).collect()
    };
    let all = "hooks = { finish = [\"x/f.sh\", \"x/words\"], builder = \"./b.sh\", root-before = \"c.sh\", root-after = [\"d.sh\"] }";
    let spec = read_image("", &image(all));
    assert_eq!(
        hooks(&spec),
        [
            "hooks.builder app/b.sh",
            "hooks.root-before app/c.sh",
            "hooks.root-after app/d.sh",
            "hooks.finish app/x/f.sh app/x/words"
        ]
    );
    // An image's own table replaces the default. The builder's hook of the default does not apply without a program.
    let defaults = defaults("hooks = { finish = \"f.sh\", builder = \"b.sh\" }");
    let spec = read_image(&defaults, &image("hooks = { root-after = \"r.sh\" }"));
    assert_eq!(hooks(&spec), ["hooks.root-after app/r.sh"]);
    let packages = format!("{defaults}\n[workspace.metadata.images.x]\ncmd = [\"/x\"]");
    let spec = read_image(&packages, "");
    assert_eq!(hooks(&spec), ["hooks.finish f.sh"]);
}

#[test]
fn account_names_stand_for_numbers() {
    let users = r#"
        groups = [{ name = "media", gid = 33, members = ["web", "web"] }]
        users = [
            { name = "web", uid = 1000, home = "/var/lib/web", shell = "/bin/sh", comment = "the web" },
            { name = "job", uid = 1001, group = "media" },
            { name = "lone", uid = 1002, group = 5 },
        ]
    "#;
    let content = read_image(&defaults("users = [{ name = \"web\", uid = 9 }]"), &image(users)).content;
    let users_read: Vec<String> = content
        .accounts
        .users
        .iter()
        .map(|user| {
            let (home, shell) = (&user.home, &user.shell);
            format!("{}:{}:{}:{}:{home}:{shell}", user.name.value, user.uid, user.gid, user.comment)
        })
        .collect();
    assert_eq!(
        users_read,
        ["web:1000:1000:the web:/var/lib/web:/bin/sh", "job:1001:33::/:/sbin/nologin", "lone:1002:5::/:/sbin/nologin"]
    );
    let groups: Vec<String> = content
        .accounts
        .groups
        .iter()
        .map(|group| {
            let members: Vec<&str> = group.members.iter().map(AccountName::as_str).collect();
            format!("{}:{}:{}", group.name.value, group.gid, members.join(","))
        })
        .collect();
    assert_eq!(groups, ["media:33:web", "web:1000:"]);

    for (user, expected) in [
        ("web", "1000:1000"),
        ("job", "1001:33"),
        ("job:web", "1001:1000"),
        ("root", "0:0"),
        ("root:media", "0:33"),
        ("7:media", "7:33"),
        ("web:7", "1000:7"),
        ("7", "7:7"),
    ] {
        let keys = format!("{users}\nuser = {user:?}\ndirectories = [{{ path = \"/d\", owner = {user:?} }}]");
        let spec = read_image("", &image(&keys));
        assert_eq!(spec.config.user.unwrap().value.to_string(), expected, "{user}");
        assert_eq!(spec.content.directories[0].owner.to_string(), expected, "{user}");
    }
}

#[test]
fn user_may_name_accounts_of_the_image() {
    for (user, expected) in [
        ("nobody", "nobody"),
        ("nobody:33", "nobody:33"),
        ("7:nogroup", "7:nogroup"),
        ("root", "0:0"),
        ("web", "1000:1000"),
    ] {
        let users = if user == "web" { "users = [{ name = \"web\", uid = 1000 }]" } else { "" };
        let spec = read_image("", &image(&format!("{users}\nuser = {user:?}")));
        assert_eq!(spec.config.user.unwrap().value.to_string(), expected);
    }
}

#[test]
fn keys_of_the_configuration_are_read() {
    let spec = read_image(
        "",
        &image(
            r#"
            entrypoint = ["/usr/bin/app", "--json"]
            cmd = ["--port", "8080"]
            env = { RUST_LOG = "info", "a.b" = "" }
            expose = [8080, "53/udp", "8080/tcp"]
            volumes = ["/var/lib/app"]
            workdir = "/var/lib/app"
            user = "1000:33"
            labels = { "com.example.team" = "media" }
            stop-signal = 2
            healthcheck = { cmd = ["/usr/bin/app", "--check"], interval = "1m30s", retries = 5 }
            tags = ["1.2", "latest", "1.2"]
            "#,
        ),
    );
    let config = spec.config;
    assert_eq!(
        (config.entrypoint.value.join(" "), config.cmd.join(" ")),
        ("/usr/bin/app --json".into(), "--port 8080".into())
    );
    assert_eq!(config.env["RUST_LOG"].value, "info");
    assert_eq!(config.env["a.b"].value, "");
    assert_eq!(config.expose.iter().map(ToString::to_string).collect::<Vec<_>>(), ["8080/tcp", "53/udp"]);
    assert_eq!(shown(&config.volumes), ["/var/lib/app"]);
    assert_eq!(config.workdir.unwrap().value.as_str(), "/var/lib/app");
    assert_eq!(config.user.unwrap().value.to_string(), "1000:33");
    assert_eq!(config.labels["com.example.team"].value, "media");
    assert_eq!(config.stop_signal.unwrap().to_string(), "SIGINT");
    let expected = HealthCheck {
        command: vec!["/usr/bin/app".to_owned(), "--check".to_owned()],
        is_probe: false,
        interval: Some(Duration::from_secs(90)),
        timeout: None,
        start_period: None,
        retries: Some(5),
    };
    assert_eq!(config.healthcheck.unwrap().value, expected);
    assert_eq!(shown(&spec.tags), ["1.2", "latest"]);
}

#[test]
fn image_may_start_its_cmd() {
    let config = read_image("", &image("entrypoint = []\ncmd = [\"/usr/bin/app\"]")).config;
    assert_eq!((config.entrypoint.value.len(), config.cmd.len()), (0, 1));
}

#[test]
fn keys_of_the_workspace_are_read() {
    let root = defaults(
        r#"
        repositories = [{ name = "overlay", path = "images/overlay", masters = ["tierce"] }, { name = "more", path = "/srv/more" }]
        portage-profile = "overlay:default/linux/amd64"
        make-conf = { CFLAGS = "-O2 -pipe" }
        debian-suite = "bookworm"
        debian-mirror = "http://mirror.example/debian"
        debian-security-mirror = "http://mirror.example/debian-security"
        debian-snapshot = true
        python-index = "https://mirror.example/simple"
        "#,
    );
    let spec = read(&root, "").unwrap();
    let [overlay, more] = spec.repositories.as_slice() else { panic!("{:?}", spec.repositories) };
    assert_eq!((overlay.name.value.as_str(), overlay.path.value.as_str()), ("overlay", "images/overlay"));
    assert_eq!(overlay.masters.as_deref().map(shown), Some(vec!["tierce".to_owned()]));
    assert_eq!((more.path.value.as_str(), &more.masters), ("/srv/more", &None));
    let profile = spec.portage_profile.unwrap().value;
    assert_eq!((profile.repository.as_str(), profile.path.as_str()), ("overlay", "default/linux/amd64"));
    assert_eq!(spec.make_conf["CFLAGS"].value, "-O2 -pipe");
    assert_eq!((spec.debian_suite, spec.debian_snapshot), (DebianSuite::Bookworm, true));
    assert_eq!(spec.debian_mirror.unwrap().value, "http://mirror.example/debian");
    assert_eq!(spec.debian_security_mirror.unwrap().value, "http://mirror.example/debian-security");
    assert_eq!(spec.python_index.unwrap().value, "https://mirror.example/simple");
}

#[test]
fn newest_debian_is_the_default() {
    let spec = read(&defaults(""), "").unwrap();
    assert_eq!((spec.debian_suite, spec.debian_snapshot), (DebianSuite::Trixie, false));
}

#[test]
fn builder_bases_are_read() {
    for (text, expected) in [
        ("", "debian"),
        ("builder = \"debian\"", "debian"),
        ("builder = { image = \"registry.example/stage3:1\" }", "image registry.example/stage3:1"),
        ("builder.rootfs = \"stage3.tar.xz\"", "rootfs stage3.tar.xz"),
        ("[workspace.metadata.image.builder]\nrootfs = \"/srv/stage3\"", "rootfs /srv/stage3"),
        // The repositories of this builder are unknown, so any name is valid.
        (
            "builder = { rootfs = \"/srv/stage3\" }\nportage-profile = \"gentoo:default/linux/amd64/23.0\"",
            "rootfs /srv/stage3",
        ),
    ] {
        let shown = match read(&defaults(text), "").unwrap().builder {
            BuilderBase::Debian => "debian".to_owned(),
            BuilderBase::Image(image) => format!("image {}", image.value),
            BuilderBase::RootFilesystem(path) => format!("rootfs {}", path.value),
        };
        assert_eq!(shown, expected, "{text}");
    }
}

#[test]
fn image_names_come_from_tables() {
    for (text, expected) in [
        ("[package.metadata.image]", vec!["app"]),
        ("[package.metadata.image]\nname = \"other\"", vec!["other"]),
        ("[package.metadata.images.one]\n[package.metadata.images.two]\ntags = [\"x\"]", vec!["one", "two"]),
        ("[package.metadata.images.one]\n[package.metadata.image]", vec!["app", "one"]),
        ("package.metadata = { images = { one = {} } }", vec!["one"]),
    ] {
        let images = read("", text).unwrap().images;
        assert_eq!(images.iter().map(|image| image.name.as_str()).collect::<Vec<_>>(), expected, "{text}");
    }
}

#[test]
fn packages_with_several_binaries_are_read() {
    let root = "[workspace.metadata.image]\nuser = 7\n[package.metadata.image]\nbins = [\"b\"]";
    let mut first = member("first", &["a", "b"], root);
    first.manifest = cargo_toml("Cargo.toml", root);
    let second = member("second", &["c", "d"], "[package.metadata.image]\nentrypoint = [\"/usr/bin/d\"]");
    let workspace = WorkspaceText { root: cargo_toml("Cargo.toml", root), members: vec![second, first] };
    let images: Vec<ImageSpec> = read_workspace(&workspace).unwrap().images;
    let shown: Vec<_> = images
        .iter()
        .map(|image| {
            (
                image.name.as_str(),
                shown(&image.program.as_ref().unwrap().cargo.bins).join(" "),
                image.config.entrypoint.value.join(" "),
            )
        })
        .collect();
    let expected = [("first", "b", "/usr/bin/b"), ("second", "c d", "/usr/bin/d")];
    assert_eq!(shown, expected.map(|(name, bins, entrypoint)| (name, bins.to_owned(), entrypoint.to_owned())));
    assert!(images.iter().all(|image| image.config.user.as_ref().is_some_and(|user| user.value.to_string() == "7:7")));
}

/// A key adds its package to `packages`, unless the table already names the package.
#[test]
fn run_time_keys_add_packages() {
    let keys = r#"
        packages = ["=app-misc/ca-certificates-20230311"]
        strict = true
        locale = ["de_DE.UTF-8", "C.UTF-8"]
        timezone = "Europe/Berlin"
        gconv = ["ISO-8859-15"]
        ca-certificates = true
    "#;
    let spec = read_image(&defaults("locale = [\"fr_FR.UTF-8\"]\ntimezone = \"UTC\""), &image(keys));
    let run_time = &spec.content.run_time;
    assert_eq!(shown(&run_time.locales), ["de_DE.UTF-8", "C.UTF-8", "fr_FR.UTF-8"]);
    assert_eq!(run_time.timezone.as_ref().map(|zone| zone.value.to_string()).as_deref(), Some("Europe/Berlin"));
    assert_eq!(shown(&run_time.gconv), ["ISO-8859-15"]);
    assert_eq!((run_time.strict.is_some(), run_time.ca_certificates), (true, Some(true)));
    let packages = ["=app-misc/ca-certificates-20230311", "sys-libs/glibc-locales", "sys-libs/timezone-data"];
    assert_eq!(shown(&spec.emerge.packages), packages);
    let by_key: Vec<(String, &str)> = spec.emerge.by_key.iter().map(|(atom, key)| (atom.to_string(), *key)).collect();
    assert_eq!(by_key, [(packages[1].to_owned(), "locale"), (packages[2].to_owned(), "timezone")]);
    let [locales] = &spec.emerge.package_env[..] else { panic!("{:?}", spec.emerge.package_env) };
    assert_eq!(locales.atom.value.to_string(), "sys-libs/glibc-locales");
    assert_eq!(locales.value["LOCALES"].value, "de_DE.UTF-8 C.UTF-8 fr_FR.UTF-8");

    let nothing = read_image("", &image("ca-certificates = false"));
    assert_eq!(nothing.content.run_time.ca_certificates, Some(false));
    assert!(nothing.emerge.packages.is_empty() && nothing.emerge.package_env.is_empty());
}

#[test]
fn health_check_may_use_the_probe() {
    for (table, command) in [
        ("http = 8080", "http 46 8080 / 27000"),
        ("http = \"http://127.0.0.1:8080/healthz\", timeout = \"2s\"", "http 4 8080 /healthz 1800"),
        ("http = \"[::1]:8080\"", "http 6 8080 / 27000"),
        ("tcp = \"8080\", timeout = \"1ms\"", "tcp 46 8080 1"),
        ("file = \"/run/ready\"", "file /run/ready"),
    ] {
        let check = read_image("", &image(&format!("expose = [8080]\nhealthcheck = {{ {table} }}"))).config.healthcheck;
        let check = check.expect("there is one").value;
        assert!(check.is_probe, "{table}");
        assert_eq!(check.command.join(" "), format!("/usr/libexec/tierce-probe {command}"), "{table}");
    }
}
