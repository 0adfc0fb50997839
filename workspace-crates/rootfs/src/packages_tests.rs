use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::selection::tests::{LIBC, loader, program, root, shown, trees, with_program};
use crate::{Closure, Error, Globs, Loader, Patterns, Reason, RuntimeDepChoices, Start, packages};

/// Two packages with files of presets, and a file without a package.
const PACKAGES: &str = "
    /etc/ld.so.cache data
    /etc/made data
    /bin -> usr/bin
    /tmp directory
    /usr/bin/tool elf interpreter=/lib64/ld-linux-x86-64.so.2 needed=libx.so.1,libc.so.6
    /usr/include/x.h data
    /usr/lib64/libx.a data
    /usr/lib64/libx.so -> libx.so.1
    /usr/lib64/libx.so.1 elf soname=libx.so.1 needed=libc.so.6
    /usr/share/doc/x/README data
    /usr/share/doc/x/licence data
    /usr/share/x/text data
    /var/lock -> ../run/lock
    /var/log -> /dev/log";

fn owners() -> BTreeMap<String, String> {
    let tool = ["/usr/bin/tool"].map(|path| (path, "app-misc/tool"));
    let x =
        ["/usr/include/x.h", "/usr/lib64/libx.a", "/usr/lib64/libx.so", "/usr/lib64/libx.so.1", "/usr/share/x/text"]
            .map(|path| (path, "media-libs/x"));
    tool.into_iter().chain(x).map(|(path, owner)| (path.to_owned(), owner.to_owned())).collect()
}

fn globs(keep: &[&str], prune: &[&str], allow_missing: &[&str]) -> Globs {
    let presets = [("docs", "/usr/share/doc"), ("headers", "/usr/include"), ("static-libs", "/usr/lib64/*.a")];
    Globs {
        keep: Patterns::new(keep).unwrap(),
        prune: Patterns::new(prune).unwrap(),
        presets: Patterns::named(presets).unwrap(),
        allow_missing: Patterns::new(allow_missing).unwrap(),
        ..Globs::default()
    }
}

fn selected(lines: &str, starts: &[Start], globs: &Globs) -> Result<Closure, Error> {
    let index = root(&format!("{LIBC}\n{PACKAGES}\n{lines}"));
    packages(&index, starts, &owners(), &loader(&index), globs, &RuntimeDepChoices::default())
}

fn check(lines: &str, keep: &[&str], prune: &[&str], allow_missing: &[&str]) -> String {
    shown(selected(lines, &[], &globs(keep, prune, allow_missing)))
}

#[test]
fn files_have_packages_and_presets_stay_out() {
    insta::assert_snapshot!(check("", &[], &[], &[]), @r"
    /bin: made when the packages were merged
    /etc/made: made when the packages were merged
    /etc/unrelated: made when the packages were merged
    /lib64: made when the packages were merged
    /tmp: made when the packages were merged
    /usr/bin/tool: a file of app-misc/tool
    /usr/lib64/ld-linux-x86-64.so.2: made when the packages were merged
    /usr/lib64/libc.so.6: made when the packages were merged
    /usr/lib64/libx.so: a file of media-libs/x
    /usr/lib64/libx.so.1: a file of media-libs/x
    /usr/share/x/text: a file of media-libs/x
    /var/lock: made when the packages were merged
    /var/log: made when the packages were merged
    ");
    let closure = selected("", &[], &globs(&["/usr/share/doc/x/licence"], &[], &[])).unwrap();
    let left_out: Vec<_> = closure.left_out.iter().map(|(name, size)| format!("{name} {}", size.files)).collect();
    assert_eq!(left_out, ["docs 1", "headers 1", "static-libs 1"]);
    assert!(closure.reason("/usr/share/doc/x/licence").is_some());
    // Folders that become empty are left out too.
    assert_eq!(closure.reason("/usr/include"), None);
    assert_eq!(closure.chain("/usr/bin/tool").len(), 1);
}

#[test]
fn program_is_never_left_out() {
    let declared = |path: &str| Start { reason: Reason::Declared, path: path.to_owned() };
    let starts = [program("/usr/bin/hello"), vec![declared("/usr/share/doc/x/README")]].concat();
    let program = "/usr/bin/hello elf needed=libx.so.1";
    let closure = selected(program, &starts, &globs(&[], &["/usr/share/x"], &[])).unwrap();
    let reason = |path: &str| closure.reason(path).map(ToString::to_string).unwrap_or_default();
    assert_eq!(reason("/usr/bin/hello"), "a program of the image");
    assert_eq!(reason("/usr/lib64/libx.so.1"), "a file of media-libs/x");
    assert_eq!(reason("/usr/share/doc/x/README"), "declared by the image's table");
    assert_eq!(reason("/usr/share/x/text"), "");
    assert_eq!(closure.left_out["/usr/share/x"].files, 1);
}

#[test]
fn needed_files_must_be_present() {
    let lines = "
        /usr/bin/script script /bin/sh
        /usr/bin/other script /usr/share/doc/x/README
        /usr/lib64/plugin.so elf needed=libno.so
        /usr/share/x/dangling -> ../y
        /usr/share/x/licence -> ../doc/x/licence
        /usr/share/x/loop -> loop
        /usr/share/x/through -> /bin/tool";
    insta::assert_snapshot!(check(lines, &[], &["/bin"], &[]), @r"
    failed to find the interpreter `/usr/share/doc/x/README`, needed by `/usr/bin/other`; `/usr/share/doc/x/README` is pruned by `docs`
    failed to find the interpreter `/bin/sh`, needed by `/usr/bin/script`
    failed to find `libno.so`, needed by `/usr/lib64/plugin.so`; searched /etc/ld.so.cache, /lib, /usr/lib
    failed to find the target `../y`, needed by `/usr/share/x/dangling`
    failed to find the target `../doc/x/licence`, needed by `/usr/share/x/licence`; `/usr/share/doc/x/licence` is pruned by `docs`
    failed to find the target `loop`, needed by `/usr/share/x/loop`
    failed to find the target `/bin/tool`, needed by `/usr/share/x/through`; `/usr/bin/tool` is pruned by `/bin`
    ");
    // Files that stay out need nothing; absent needs of allowed files are findings.
    let prune = ["/usr/bin/other", "/usr/bin/script", "/usr/lib64/plugin.so", "/usr/share/x/[dlt]*"];
    assert!(selected(lines, &[], &globs(&[], &prune, &[])).is_ok());
    let allowed = ["/usr/bin/other", "/usr/bin/script", "/usr/lib64/*.so", "/usr/share/x"];
    let closure = selected(lines, &[], &globs(&[], &[], &allowed)).unwrap();
    assert_eq!(closure.findings.len(), 6, "{:?}", closure.findings);
}

#[test]
fn link_to_an_excluded_folder() {
    let lines = "
        /usr/lib/gconv/a data
        /lib -> usr/lib";
    let closure = selected(lines, &[], &globs(&[], &["/usr/lib/gconv"], &[])).unwrap();
    assert_eq!(closure.reason("/usr/lib").map(ToString::to_string).as_deref(), Some("the target of the link /lib"));
    assert_eq!(closure.reason("/usr/lib/gconv"), None);
    let error = check(lines, &[], &["/usr/lib"], &[]);
    assert_eq!(error, "failed to find the target `usr/lib`, needed by `/lib`; `/usr/lib` is pruned by `/usr/lib`");
}

#[test]
fn unmatched_globs_are_reported() {
    let keep = ["/usr/share/doc", "/usr/share/doc/x", "/nothing"];
    let closure = selected("", &[], &globs(&keep, &["/usr/share/x/*", "/usr/share/y"], &[])).unwrap();
    let findings: Vec<_> = closure.findings.iter().map(|finding| format!("{finding:?}")).collect();
    let expected = [
        "UnmatchedKeep { pattern: \"/nothing\", nearest: None }",
        "UnmatchedPrune { pattern: \"/usr/share/y\", nearest: Some(\"/usr/share/x\") }",
    ];
    assert_eq!(findings, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn an_image_of_packages_is_whole(
        lines in trees(),
        links in proptest::collection::vec("\\.\\./(usr/lib64|a|b|l)(/lib[0-4]\\.so)?", 0..3),
        prune in "/(a|b)(/lib[0-4]\\.so)?",
    ) {
        let mut lines: BTreeMap<_, _> = lines.into_iter().filter(|(path, _)| !path.starts_with("/l/")).collect();
        lines.extend(links.iter().enumerate().map(|(number, target)| (format!("/links/{number}"), format!("-> {target}"))));
        let index = with_program(&lines, false);
        // Skips trees with missing libraries, which other tests cover.
        let (globs, own) = (globs(&[], &[&prune], &["/usr/lib64", "/a", "/b", "/p"]), loader(&index));
        let Ok(first) = packages(&index, &[], &owners(), &own, &globs, &RuntimeDepChoices::default()) else { return Ok(()) };
        // In the image alone every link has a target, and its files are the same.
        let image = index.select(first.iter().map(|(path, _)| path)).unwrap();
        for number in 0..links.len() {
            prop_assert!(image.tree().resolve(&format!("/links/{number}")).is_ok(), "{}", number);
        }
        let cache = own.cache.restrict(image.tree());
        let again = packages(&image, &[], &owners(), &Loader { cache, ..own }, &globs, &RuntimeDepChoices::default()).unwrap();
        let paths = |closure: &Closure| closure.iter().map(|(path, _)| path.to_owned()).collect::<Vec<_>>();
        prop_assert_eq!(paths(&again), paths(&first));
    }
}
