use proptest::prelude::*;

use super::*;
use crate::resolution::ResolvedPackage;

fn config() -> PortageConfig {
    let tierce = Repository::mounted("tierce".parse().unwrap());
    let mut overlay = Repository::mounted("tierce-images".parse().unwrap());
    overlay.masters = vec!["tierce".parse().unwrap()];
    overlay.priority = Some(10);
    PortageConfig {
        use_flags: vec!["-static-libs".parse().unwrap()],
        package_use: [(atom("media-libs/libpng"), vec!["apng".parse().unwrap()])].into(),
        package_keywords: [(atom("media-libs/x"), vec!["~amd64".parse().unwrap()]), (atom("media-libs/y"), vec![])]
            .into(),
        package_mask: vec![atom(">=media-libs/libpng-2")],
        package_unmask: vec![],
        package_env: [(
            atom("dev-db/sqlite"),
            [
                ("CFLAGS".parse().unwrap(), "${CFLAGS} -O3".parse().unwrap()),
                ("EXTRA_ECONF".parse().unwrap(), "--x=\"a b\"".parse().unwrap()),
            ]
            .into(),
        )]
        .into(),
        package_license: [(atom("media-libs/x"), vec!["@EULA".parse().unwrap()])].into(),
        patches: [(
            "media-libs/libpng".parse().unwrap(),
            vec![Patch { name: "fix.patch".parse().unwrap(), content: b"--- a\n+++ b\n".to_vec() }],
        )]
        .into(),
        make_conf: [("CFLAGS".parse().unwrap(), "${CFLAGS} -march=x86-64-v3".parse().unwrap())].into(),
        profile: tierce.profile(&"default/linux/amd64".parse().unwrap()),
        repositories: vec![tierce, overlay],
        machine: Machine { jobs: 2.try_into().unwrap() },
    }
}

fn atom(text: &str) -> Atom {
    text.parse().unwrap()
}

fn libpng() -> ResolvedPackage {
    ResolvedPackage {
        category: "media-libs".parse().unwrap(),
        name: "libpng".parse().unwrap(),
        version: "1.6.39".parse().unwrap(),
        slot: "0".parse().unwrap(),
        subslot: "16".parse().unwrap(),
        repository: "tierce".parse().unwrap(),
        uses: vec![],
        iuse: vec![],
        license: String::new(),
        description: String::new(),
        homepage: String::new(),
        ebuild: "e".repeat(64).parse().unwrap(),
        builder: true,
        root: true,
        needs: vec![],
        by_use: [].into(),
        files: [].into(),
        eclasses: [].into(),
        sources: vec![],
    }
}

#[test]
fn unused_atoms() {
    let config = config();
    let unused: Vec<String> = config.unused_atoms(&[libpng()]).iter().map(ToString::to_string).collect();
    assert_eq!(unused, ["dev-db/sqlite"]);
}

fn show(files: &[ConfigFile]) -> String {
    let show = |file: &ConfigFile| match &file.content {
        ConfigContent::File(bytes) => format!("==> {}\n{}", file.path, String::from_utf8_lossy(bytes)),
        ConfigContent::Symlink(target) => format!("==> {} -> {target}\n", file.path),
    };
    files.iter().map(show).collect()
}

#[test]
fn files() {
    insta::assert_snapshot!(show(&config().files(&[libpng()])), @r#"
    ==> env/000.conf
    CFLAGS="${CFLAGS} -O3"
    EXTRA_ECONF="--x=\"a b\""
    ==> make.conf
    CFLAGS="-O2 -pipe"
    CFLAGS="-g -ffile-prefix-map=/var/tmp/portage=. ${CFLAGS} -march=x86-64-v3"
    CXXFLAGS="${CFLAGS}"
    LDFLAGS="-Wl,--build-id=sha1 -Wl,-O1 -Wl,--as-needed"
    FEATURES="-sandbox -usersandbox -userpriv -userfetch -usersync -ipc-sandbox -network-sandbox -pid-sandbox -mount-sandbox -news -merge-sync -merge-wait -binpkg-logs -compress-index nodoc noman noinfo buildpkg splitdebug parallel-install"
    SOURCE_DATE_EPOCH="0"
    LC_ALL="C.UTF-8"
    PKG_CONFIG_PATH="/usr/lib64/pkgconfig:/usr/share/pkgconfig"
    ACCEPT_LICENSE="*"
    DISTDIR="/var/cache/distfiles"
    PKGDIR="/var/cache/binpkgs"
    PORTAGE_TMPDIR="/var/tmp"
    PORTAGE_LOGDIR="/tierce/logs"
    GENTOO_MIRRORS=""
    BINPKG_FORMAT="gpkg"
    BINPKG_COMPRESS="zstd"
    BINPKG_COMPRESS_FLAGS="-3"
    PORTAGE_ELOG_SYSTEM="echo"
    PORTAGE_ELOG_CLASSES="warn error"
    PORTAGE_NICENESS="0"
    NOCOLOR="true"
    CLEAN_DELAY="0"
    EMERGE_WARNING_DELAY="0"
    MAKEOPTS="-j2"
    USE="-static-libs"
    ==> make.profile -> /tierce/repositories/tierce/profiles/default/linux/amd64
    ==> package.accept_keywords
    media-libs/x ~amd64
    media-libs/y
    ==> package.env
    dev-db/sqlite 000.conf
    ==> package.license
    media-libs/x @EULA
    ==> package.mask
    >=media-libs/libpng-2
    ==> package.use
    media-libs/libpng apng
    ==> patches/media-libs/libpng-1.6.39/000-fix.patch
    --- a
    +++ b
    ==> repos.conf
    [DEFAULT]
    main-repo = tierce

    [tierce]
    location = /tierce/repositories/tierce
    auto-sync = no

    [tierce-images]
    location = /tierce/repositories/tierce-images
    auto-sync = no
    masters = tierce
    priority = 10
    "#);
}

#[test]
fn machine_settings_change_no_key() {
    let mut other = config();
    other.machine = Machine { jobs: 64.try_into().unwrap() };
    assert_ne!(other.files(&[]), config().files(&[]));
    assert_eq!(other.key_text(), config().key_text());
    other.make_conf.insert("MAKEOPTS".parse().unwrap(), "-j1".parse().unwrap());
    assert_eq!(other.key_text(), config().key_text());
}

#[test]
fn settings_change_the_key() {
    type Change = fn(&mut PortageConfig);
    let changes: [(&str, Change); 9] = [
        ("USE", |config| config.use_flags.clear()),
        ("package.use", |config| config.package_use.clear()),
        ("keywords", |config| config.package_keywords.clear()),
        ("mask", |config| config.package_mask.clear()),
        ("env", |config| config.package_env.clear()),
        ("license", |config| config.package_license.clear()),
        ("make.conf", |config| config.make_conf.clear()),
        ("repositories", |config| drop(config.repositories.pop())),
        ("profile", |config| config.profile = "/x".parse().unwrap()),
    ];
    for (name, change) in changes {
        let mut changed = config();
        change(&mut changed);
        assert_ne!(changed.key_text(), config().key_text(), "{name}");
    }
}

#[test]
fn user_features_follow_the_default() {
    let mut config = config();
    config.make_conf.insert("FEATURES".parse().unwrap(), "test".parse().unwrap());
    let text = show(&config.files(&[]));
    assert!(text.contains(" parallel-install test\"\n"), "{text}");
    assert_eq!(text.matches("FEATURES=").count(), 1);
}

proptest! {
    #[test]
    fn values_set_no_other_variable(value in "[ -~\\n\\t\\\\\"'$`{}ü]{0,24}") {
        if let Ok(value) = value.parse::<VariableValue>() {
            let mut config = config();
            config.make_conf = [("ZZZ".parse().unwrap(), value)].into();
            let ConfigContent::File(bytes) = &config.files(&[]).iter().find(|file| file.path == "make.conf").unwrap().content.clone() else {
                panic!("a file");
            };
            let text = String::from_utf8(bytes.clone()).unwrap();
            let line = text.lines().find(|line| line.starts_with("ZZZ=")).unwrap();
            let inner = line.strip_prefix("ZZZ=\"").and_then(|rest| rest.strip_suffix('"')).unwrap();
            prop_assert!(!inner.replace("\\\"", "").contains(['"', '\\', '`']));
            prop_assert_eq!(text.lines().count(), config_lines());
        }
    }
}

fn config_lines() -> usize {
    let mut config = config();
    config.make_conf = [("ZZZ".parse().unwrap(), "x".parse().unwrap())].into();
    config
        .make_conf_text(&[make_conf::Effect::Build, make_conf::Effect::Resolution, make_conf::Effect::Nothing])
        .lines()
        .count()
}

#[test]
fn input_lines_cover_the_key_text() {
    insta::assert_snapshot!(config().input_lines().join("\n"), @r#"
    use -static-libs
    package-use media-libs/libpng apng
    package-keywords media-libs/x ~amd64
    package-keywords media-libs/y
    package-license media-libs/x @EULA
    package-mask >=media-libs/libpng-2
    package-env dev-db/sqlite CFLAGS=${CFLAGS} -O3 EXTRA_ECONF=--x="a b"
    make-conf CFLAGS ${CFLAGS} -march=x86-64-v3
    portage-profile tierce:default/linux/amd64
    settings 4c7ca1023e2ff015
    "#);
    type Change = fn(&mut PortageConfig);
    let changes: [(&str, Change); 10] = [
        ("use", |config| config.use_flags.push("nls".parse().unwrap())),
        ("package-use", |config| config.package_use.clear()),
        ("package-keywords", |config| config.package_keywords.clear()),
        ("package-mask", |config| config.package_mask.clear()),
        ("package-unmask", |config| config.package_unmask.push(atom("=a/b-1"))),
        ("package-env", |config| config.package_env.clear()),
        ("package-license", |config| config.package_license.clear()),
        ("make-conf", |config| config.make_conf.clear()),
        ("portage-profile", |config| config.profile = "/etc/profile".parse().unwrap()),
        ("settings", |config| config.repositories.reverse()),
    ];
    for (key, change) in changes {
        let mut changed = config();
        change(&mut changed);
        assert_ne!(changed.key_text(), config().key_text(), "{key}");
        let (before, now) = (config().input_lines(), changed.input_lines());
        let different =
            now.iter().filter(|line| !before.contains(line)).chain(before.iter().filter(|line| !now.contains(line)));
        let keys: Vec<&str> = different.filter_map(|line| line.split(' ').next()).collect();
        assert!(!keys.is_empty() && keys.iter().all(|other| *other == key), "{key}: {keys:?}");
    }
    let mut machine = config();
    machine.machine.jobs = 9.try_into().unwrap();
    machine.make_conf.insert("MAKEOPTS".parse().unwrap(), "-j1".parse().unwrap());
    assert_eq!(machine.input_lines(), config().input_lines());
}
