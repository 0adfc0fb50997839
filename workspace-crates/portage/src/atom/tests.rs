use proptest::prelude::*;

use super::*;

fn atom(text: &str) -> Atom {
    text.parse().unwrap()
}

#[test]
fn well_formed_atoms_round_trip() {
    for text in [
        "media-libs/libpng",
        "=media-libs/libpng-1.6.39",
        "=media-libs/libpng-1.6*",
        ">=media-libs/libpng-1.6.39-r1",
        "<x11-libs/gtk+-3",
        "~dev-libs/openssl-3.0.15",
        "dev-lang/python:3.11",
        "dev-lang/python:3.11/3.11=",
        "dev-libs/openssl:=",
        "dev-libs/openssl:0=",
        "dev-libs/openssl:*",
        "media-libs/libpng::tierce",
        "media-libs/libpng[apng,-static-libs]",
        ">=media-libs/libpng-1.6:0/16=::tierce[apng(+),-static-libs(-)]",
        "dev-libs/icu-le-hb",
        "net-misc/a_b",
    ] {
        assert_eq!(atom(text).to_string(), text);
    }
}

#[test]
fn atom_has_its_parts() {
    let atom = atom(">=media-libs/libpng-1.6:0/16=::tierce[apng(+),-static-libs]");
    assert_eq!(atom.package().to_string(), "media-libs/libpng");
    let version = atom.version().unwrap();
    assert_eq!((version.operator(), version.version().as_str()), (Operator::GreaterOrEqual, "1.6"));
    assert_eq!(atom.repository().unwrap().as_str(), "tierce");
    assert!(matches!(atom.slot(), Some(SlotDependency::Exact { rebuild: true, subslot: Some(_), .. })));
    let [apng, static_libs] = atom.use_dependencies() else { panic!("two flags") };
    assert_eq!((apng.flag().as_str(), apng.is_enabled(), apng.default()), ("apng", true, Some(true)));
    assert_eq!((static_libs.is_enabled(), static_libs.default()), (false, None));
}

#[test]
fn malformed_atoms_are_errors() {
    for (text, offset, message) in [
        ("", 0, "the category is missing | write category and name"),
        ("libpng", 0, "the category is missing | write category and name: `CATEGORY/libpng`"),
        (">=libpng-1", 2, "the category is missing | write category and name: `CATEGORY/libpng-1`"),
        ("media-libs/", 11, "the package name is missing"),
        (
            "media-libs/libpng/x",
            17,
            "`/` is not allowed in a package name | a package name has letters, digits and `+` `_` `-`",
        ),
        (
            "media-libs/libpng!",
            17,
            "`!` is not allowed in a package name | a package name has letters, digits and `+` `_` `-`",
        ),
        (
            "!media-libs/libpng",
            0,
            "only an ebuild may have a blocker | to keep a package out, name it in `package-mask`",
        ),
        ("media-libs/libpng zlib", 17, "a space is not allowed in an atom | write one atom in each string"),
        (
            "media-libs/libpng-1.6",
            17,
            "the version `1.6` needs an operator before the atom | write `=media-libs/libpng-1.6` for exactly this version, or `>=media-libs/libpng-1.6`",
        ),
        (">=media-libs/libpng", 19, "the version is missing | write `media-libs/libpng-1.2.3`"),
        (
            ">=media-libs/libpng-1.6*",
            23,
            "`*` cannot follow a version after `>=` | only `=` takes it: `=media-libs/libpng-1.6*`",
        ),
        ("media-libs/libpng:", 18, "the slot is missing | remove the `:` for any slot"),
        ("media-libs/libpng:0/", 20, "the slot is missing"),
        ("media-libs/libpng:-1", 18, "a slot does not begin with `-`"),
        ("media-libs/libpng::", 19, "the repository name is missing"),
        ("media-libs/libpng[", 18, "the `]` of the USE flags is missing"),
        ("media-libs/libpng[]", 18, "the USE flag is missing"),
        ("media-libs/libpng[apng,,x]", 23, "the USE flag is missing"),
        (
            "media-libs/libpng[apng?]",
            22,
            "only an ebuild may have a USE dependency with `?` | write `[flag]` for on, `[-flag]` for off",
        ),
        (
            "media-libs/libpng[apng]:0",
            23,
            "nothing may follow the `]` of the USE flags | write slot and repository before the `[`",
        ),
        ("*/*", 0, "`*` is not allowed in a category | a category has letters, digits and `+` `_` `.` `-`"),
    ] {
        let error = Atom::from_str(text).unwrap_err();
        let help = error.help().map(|help| format!(" | {help}")).unwrap_or_default();
        assert_eq!((error.offset(), format!("{}{help}", error.reason()).as_str()), (offset, message), "{text}");
    }
}

#[test]
fn error_message_has_the_place() {
    insta::assert_snapshot!(
        Atom::from_str("media-libs/lib.png").unwrap_err(),
        @"failed to parse atom `media-libs/lib.png`: `.` is not allowed in a package name (at byte 14)"
    );
}

#[test]
fn operators_match_versions() {
    for (text, cpv, matches) in [
        ("a/b", "a/b-1", true),
        ("a/b", "a/c-1", false),
        ("=a/b-1.2", "a/b-1.2", true),
        ("=a/b-1.2", "a/b-1.2-r0", true),
        ("=a/b-1.2", "a/b-1.2-r1", false),
        ("~a/b-1.2", "a/b-1.2-r1", true),
        ("~a/b-1.2-r2", "a/b-1.2-r1", true),
        ("~a/b-1.2", "a/b-1.2.1", false),
        ("=a/b-1.2*", "a/b-1.2.3-r1", true),
        ("=a/b-1.2*", "a/b-1.2b", true),
        ("=a/b-1.2*", "a/b-1.20", false),
        ("=a/b-1.2*", "a/b-1.2", true),
        (">a/b-1.2", "a/b-1.2-r1", true),
        (">a/b-1.2", "a/b-1.2", false),
        (">=a/b-1.2", "a/b-1.2", true),
        ("<a/b-1.2", "a/b-1.2_rc1", true),
        ("<=a/b-1.2", "a/b-1.3", false),
    ] {
        assert_eq!(atom(text).matches_cpv(&cpv.parse().unwrap()), matches, "{text} {cpv}");
    }
}

proptest! {
    #[test]
    fn round_trip(
        package in "[a-z0-9][a-z0-9-]{0,6}/[a-z][a-z0-9+_]{0,6}",
        version in proptest::option::of(("(=|~|<=|<|>=|>)", "[0-9]{1,3}(\\.[0-9]{1,2}){0,2}[a-z]?(_p[0-9])?")),
        slot in "(:(\\*|=|[a-z0-9]{1,3}(/[0-9]{1,2})?=?))?",
        repository in "(::[a-z]{1,5})?",
        flags in "(\\[-?[a-z]{1,4}(\\([+-]\\))?(,-?[a-z]{1,4})?\\])?",
    ) {
        let head = match version {
            Some((operator, version)) => format!("{operator}{package}-{version}"),
            None => package,
        };
        let text = format!("{head}{slot}{repository}{flags}");
        prop_assert_eq!(text.parse::<Atom>().unwrap().to_string(), text);
    }

    #[test]
    fn parsed_atoms_round_trip(text in "[<>=~!]{0,2}[a-z-]{0,3}/?[a-z0-9.*-]{0,6}[:/=*0-9]{0,4}[a-z,:\\[\\]()+-]{0,8}") {
        if let Ok(atom) = text.parse::<Atom>() {
            prop_assert_eq!(atom.to_string(), text);
        }
    }

    #[test]
    fn never_panics(text in "\\PC{0,24}") {
        let _ = text.parse::<Atom>();
    }
}
