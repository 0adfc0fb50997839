use proptest::prelude::*;

use super::*;

const ANSWER: &str = r#"{"portage": "3.0.83", "packages": [
  {"category": "sys-libs", "name": "zlib", "version": "1.3", "slot": "0", "subslot": "1", "repository": "tierce",
   "use": [], "iuse": ["static-libs"], "license": "ZLIB", "description": "Compression", "homepage": "https://example.org",
   "ebuild": "EEEE", "files": {}, "eclasses": {}, "builder": true, "root": true, "needs": [], "sources": []},
  {"category": "media-libs", "name": "libpng", "version": "1.6.39-r1", "slot": "0", "subslot": "16", "repository": "tierce",
   "use": ["apng"], "iuse": ["apng", "static-libs"], "license": "libpng2", "description": "PNG", "homepage": "https://example.org",
   "ebuild": "EEEE", "files": {"files/x.patch": "EEEE"}, "eclasses": {"libtool": "EEEE"}, "builder": true, "root": true,
   "needs": ["sys-libs/zlib-1.3"], "by_use": {"sys-libs/zlib-1.3": ["apng"]},
   "sources": [{"name": "libpng.tar.gz", "size": 1507328, "blake2b": "BBBB", "sha512": "BBBB",
                "uris": ["ftp://example.org/libpng.tar.gz", "https://example.org/libpng.tar.gz"]}]}]}"#;

/// The answer with `from` replaced by `to`, and the placeholders of digests filled.
fn answer(from: &str, to: &str) -> String {
    ANSWER.replace(from, to).replace("EEEE", &"e".repeat(64)).replace("BBBB", &"b".repeat(128))
}

fn resolution() -> Resolution {
    match Answer::parse(&answer("", "")).unwrap() {
        Answer::Resolved(resolution) => resolution,
        Answer::Failed(failure) => panic!("{failure}"),
    }
}

#[test]
fn answer_round_trips() {
    let resolution = resolution();
    let libpng = &resolution.packages[1];
    assert_eq!(libpng.cpv().to_string(), "media-libs/libpng-1.6.39-r1");
    assert_eq!(libpng.sources[0].uris.len(), 1, "the host cannot download ftp");
    let again = serde_json::to_string(&resolution).unwrap();
    assert_eq!(serde_json::from_str::<Resolution>(&again).unwrap(), resolution);
}

#[test]
fn failure_is_an_answer() {
    let Answer::Failed(failure) = Answer::parse(r#"{"failure": {"kind": "masked", "atom": "a/b"}}"#).unwrap() else {
        panic!("a failure");
    };
    assert_eq!(failure.kind, crate::FailureKind::Masked);
}

#[test]
fn hostile_answers_are_errors() {
    use std::error::Error as _;

    for (from, to, message) in [
        (r#""libpng.tar.gz""#, r#""../libpng.tar.gz""#, "`/` is not allowed in a file name"),
        (r#""files/x.patch""#, r#""files/../../../x""#, "this names a folder"),
        ("1507328", "18446744073709551615", "a source archive cannot have"),
        ("1507328", "-1", "invalid value"),
        ("BBBB", "abcd", "4 digits instead of 128"),
        ("1.6.39-r1", "1.6.39/..", "`/` is not allowed here in a version"),
        (r#""media-libs""#, r#""../..""#, "`/` is not allowed in a category"),
        ("sys-libs/zlib-1.3", "sys-libs/zlib-1.4", "it needs `sys-libs/zlib-1.4`, which is not in the answer"),
        (
            r#"{"sys-libs/zlib-1.3""#,
            r#"{"sys-libs/zlib-1.2""#,
            "a flag requires `sys-libs/zlib-1.2`, which it does not need",
        ),
        (r#""use": ["apng"]"#, r#""use": ["qt"]"#, "its USE flag `qt` is enabled but not in its IUSE"),
        (r#""blake2b": "BBBB", "sha512": "BBBB","#, "", "its source `libpng.tar.gz` has no digest"),
        ("3.0.83\"", "3.0.83", "expected `,`"),
    ] {
        let error = Answer::parse(&answer(from, to)).expect_err(to);
        let source = error.source().map(ToString::to_string).unwrap_or_default();
        let text = format!("{error}: {source}");
        assert!(text.contains(message), "{from} -> {to}: {text}");
    }
    let twice = answer("media-libs", "sys-libs").replace("\"libpng\"", "\"zlib\"").replace("1.6.39-r1", "1.3");
    assert!(Answer::parse(&twice).unwrap_err().to_string().contains("it is repeated"));
}

#[test]
fn packages_match_atoms() {
    let libpng = &resolution().packages[1];
    for (atom, matches) in [
        ("media-libs/libpng", true),
        ("media-libs/libpng:0", true),
        ("media-libs/libpng:0/16=", true),
        ("media-libs/libpng:0/15", false),
        ("media-libs/libpng::tierce", true),
        ("media-libs/libpng::gentoo", false),
        (">=media-libs/libpng-1.6[apng,-static-libs]", true),
        ("media-libs/libpng[static-libs]", false),
        ("media-libs/libpng[gone]", false),
        ("media-libs/libpng[gone(+)]", true),
        ("<media-libs/libpng-1.6", false),
    ] {
        assert_eq!(libpng.matches(&atom.parse().unwrap()), matches, "{atom}");
    }
}

#[test]
fn resolver_has_the_same_system() {
    let names: Vec<String> = crate::SYSTEM.iter().map(|name| format!("\"{name}\"")).collect();
    assert!(crate::RESOLVE_PY.contains(&format!("SYSTEM = ({})\n", names.join(", "))));
}

#[test]
fn request_is_json() {
    let request = Request {
        packages: vec!["media-libs/libpng".parse().unwrap()],
        build_packages: vec![],
        root: "/destination".to_owned(),
        package_use: [("media-libs/libpng".parse().unwrap(), vec!["-apng".parse().unwrap()])].into(),
        keep: vec!["=sys-libs/zlib-1.3::tierce".parse().unwrap()],
        moves: vec![],
        only: vec![],
    };
    insta::assert_snapshot!(request.to_json(), @r#"{"packages":["media-libs/libpng"],"build_packages":[],"root":"/destination","package_use":{"media-libs/libpng":["-apng"]},"keep":["=sys-libs/zlib-1.3::tierce"],"move":[],"only":[]}"#);
}

proptest! {
    #[test]
    fn never_panics(text in "\\PC{0,64}", position in 0usize..1400, length in 0usize..40) {
        let _ = Answer::parse(&text);
        let whole = answer("", "");
        let end = (position + length).min(whole.len());
        let _ = Answer::parse(&format!("{}{text}{}", &whole[..position.min(end)], &whole[end..]));
    }
}
