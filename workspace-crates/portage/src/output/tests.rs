//! The samples are emerge's own output and logs of packages that fail in these ways.

use proptest::prelude::*;

use super::*;

fn events(output: &str) -> String {
    let mut progress = Progress::new();
    let mut events: Vec<ProgressEvent> = output.lines().filter_map(|line| progress.line(line)).collect();
    events.extend(progress.finish());
    let show = |event: &ProgressEvent| {
        let item = |verb, item: &ProgressItem| {
            let kind = if item.binary { " from its binary package" } else { "" };
            format!("{verb} {}/{} {}{kind}\n", item.number, item.total, item.cpv)
        };
        match event {
            ProgressEvent::Started(started) => item("started", started),
            ProgressEvent::Installing(installing) => item("installing", installing),
            ProgressEvent::Completed(completed) => item("completed", completed),
            ProgressEvent::Failed { cpv, log } => {
                format!("failed {cpv} {}\n", log.as_deref().unwrap_or("without a log"))
            }
        }
    };
    events.iter().map(show).collect()
}

#[test]
fn progress_of_compiled_packages() {
    insta::assert_snapshot!(events(include_str!("samples/five.out")), @"
    started 1/5 sys-libs/zlib-1.2.13
    started 2/5 media-libs/libjpeg-turbo-2.1.5
    started 3/5 dev-db/sqlite-3.40.1
    started 4/5 media-libs/libexif-0.6.24
    installing 1/5 sys-libs/zlib-1.2.13
    completed 1/5 sys-libs/zlib-1.2.13
    installing 2/5 media-libs/libjpeg-turbo-2.1.5
    completed 2/5 media-libs/libjpeg-turbo-2.1.5
    installing 4/5 media-libs/libexif-0.6.24
    completed 4/5 media-libs/libexif-0.6.24
    installing 3/5 dev-db/sqlite-3.40.1
    completed 3/5 dev-db/sqlite-3.40.1
    started 5/5 media-libs/libpng-1.6.39
    installing 5/5 media-libs/libpng-1.6.39
    completed 5/5 media-libs/libpng-1.6.39
    ");
}

#[test]
fn progress_of_binary_packages() {
    insta::assert_snapshot!(events(include_str!("samples/binary.out")), @"
    started 1/1 dev-lab/env-1 from its binary package
    installing 1/1 dev-lab/env-1 from its binary package
    completed 1/1 dev-lab/env-1 from its binary package
    ");
}

#[test]
fn failures_name_their_logs() {
    insta::assert_snapshot!(events(include_str!("samples/failures.out")), @"
    started 1/3 dev-lab/cc-1
    started 2/3 dev-lab/conf-1
    failed dev-lab/conf-1 /tierce/logs/dev-lab:conf-1:20261123-084440.log
    failed dev-lab/cc-1 /tierce/logs/dev-lab:cc-1:20261123-084440.log
    started 1/1 dev-lab/undef-1
    failed dev-lab/undef-1 /tierce/logs/dev-lab:undef-1:20261123-084443.log
    ");
}

#[test]
fn failures_without_a_log() {
    let output = ">>> Failed to install a/b-1 to /destination/, Log file:\n>>> Failed to emerge a/c-2\n>>>  'x'\n";
    insta::assert_snapshot!(events(output), @"
    failed a/c-2 without a log
    failed a/b-1 x
    ");
    insta::assert_snapshot!(events(">>> Failed to emerge a/b-1, Log file:\n"), @"failed a/b-1 without a log");
}

#[test]
fn relevant_lines_of_logs() {
    let shown = |log: &str| relevant_lines(log).join("\n");
    insta::assert_snapshot!(shown(include_str!("samples/compiler.log")), @"
    a.c:1:10: fatal error: nope.h: No such file or directory
    make: *** [Makefile:4: a.o] Error 1
     * ERROR: dev-lab/cc-1::plab failed (compile phase):
     *   emake failed
    ");
    insta::assert_snapshot!(shown(include_str!("samples/linker.log")), @"
    a.c:(.text+0x5): undefined reference to `f'
    collect2: error: ld returned 1 exit status
    make: *** [Makefile:2: a] Error 1
     * ERROR: dev-lab/undef-1::plab failed (compile phase):
     *   emake failed
    ");
    insta::assert_snapshot!(shown(include_str!("samples/configure.log")), @"
    configure: error: foo is missing
     * ERROR: dev-lab/conf-1::plab failed (configure phase):
     *   econf failed
    ");
    insta::assert_snapshot!(shown(include_str!("samples/patch.log")), @"
    Hunk #1 FAILED at 1.
     * ERROR: dev-lab/patchfail-1::plab failed (prepare phase):
     *   patch '-p1' '-f' '-g0' '--no-backup-if-mismatch' failed with 'p.patch'
    ");
    insta::assert_snapshot!(shown(include_str!("samples/shell.log")), @"
    /usr/lib/portage/bin/phase-helpers.sh: eval: line 644: unexpected EOF while looking for matching `)'
     * The ebuild phase 'configure' has exited unexpectedly. This type of
    ");
    insta::assert_snapshot!(shown("one\n\ntwo\n\u{1b}[31mred\u{1b}[0m\u{7}\n"), @"
    one
    two
    red
    ");
}

#[test]
fn many_errors_are_cut() {
    let mut log: String = (0..40).map(|n| format!("a.c:{n}:1: error: no\nmake[{n}]: *** [a.o] Error 1\n")).collect();
    log.push_str(" * ERROR: a/b-1::tierce failed (compile phase):\n *   emake failed\n * \n * advice\n");
    let lines = relevant_lines(&log);
    assert_eq!(lines.len(), 15);
    assert_eq!(lines[0], "a.c:27:1: error: no");
    assert_eq!(lines[14], " *   emake failed");
}

proptest! {
    #[test]
    fn never_panics(lines in proptest::collection::vec("(>>> )?(Emerging|Installing|Completed|Failed to emerge|'|\u{1b}\\[)?[ (]{0,2}[0-9]{0,12}( of )?\\PC{0,24}", 0..8)) {
        let text = lines.join("\n");
        let _ = events(&text);
        prop_assert!(relevant_lines(&text).len() <= 15);
        let escapes = relevant_lines(&text).iter().any(|line| line.contains('\u{1b}'));
        prop_assert!(!escapes);
    }
}
