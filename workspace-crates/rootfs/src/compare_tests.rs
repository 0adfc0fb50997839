use super::*;

fn file(text: &str, mode: u32) -> (Node, FileContent) {
    (Node::new(NodeKind::File { size: text.len() as u64 }, mode), FileContent::of_bytes(text.into()))
}

/// A layer of these files, all of mode 0644.
fn layer(files: &[(&str, &str)]) -> Index {
    let mut index = Index::new();
    for (path, text) in files {
        let (node, content) = file(text, 0o644);
        index.insert_file(path, node, text.len() as u64, content).unwrap();
    }
    index
}

/// Formats the differences without those of contents.
fn differences(before: &[Index], after: &[Index]) -> Vec<String> {
    let found = compare(&stack(before), &stack(after), |_, _| Ok::<_, ()>(None)).unwrap();
    let lines = |file: &FileDifference| {
        let lines = file.differences.iter().flat_map(|difference| difference.lines("there", "built"));
        lines.map(|line| format!("{}: {line}", file.path)).collect::<Vec<_>>()
    };
    found.iter().flat_map(lines).collect()
}

#[test]
fn each_kind_of_difference_is_named() {
    type Change = fn(&mut Index);
    let cases: [(Change, &[&str]); 9] = [
        (|_| {}, &[]),
        (|index| drop(index.insert("/etc/new", Node::symlink("a")).unwrap()), &["/etc/new: a link to `a`, built only"]),
        (
            |index| *index = index.select(["/etc"]).unwrap(),
            &["/etc/a: a file, there only", "/link: a link to `etc/a`, there only"],
        ),
        (
            |index| drop(index.insert("/link", Node::symlink("etc/b")).unwrap()),
            &["/link: kind: a link to `etc/a` there, a link to `etc/b` built"],
        ),
        (
            |index| drop(index.insert("/etc/a", Node::symlink("b")).unwrap()),
            &["/etc/a: kind: a file there, a link to `b` built", "/etc/a: mode: 0644 there, 0777 built"],
        ),
        (
            |index| {
                let (node, content) = file("text", 0o4755);
                index.insert_file("/etc/a", Node { uid: 1, gid: 2, ..node }, 4, content).unwrap();
            },
            &["/etc/a: mode: 0644 there, 4755 built", "/etc/a: owner: 0:0 there, 1:2 built"],
        ),
        (
            |index| {
                let (mut node, content) = file("text", 0o644);
                node.xattrs.insert("user.x".into(), vec![0, 0xff]);
                index.insert_file("/etc/a", node, 4, content).unwrap();
            },
            &["/etc/a: user.x: none there, 00ff built"],
        ),
        (
            |index| {
                let (node, content) = file("longer", 0o644);
                index.insert_file("/etc/a", node, 6, content).unwrap();
            },
            &["/etc/a: size: 4 bytes there, 6 bytes built"],
        ),
        (
            |index| drop(index.insert("/etc", Node::new(NodeKind::Directory, 0o700)).unwrap()),
            &["/etc: mode: 0755 there, 0700 built"],
        ),
    ];
    for (change, expected) in cases {
        let mut before = layer(&[("/etc/a", "text")]);
        before.insert("/link", Node::symlink("etc/a")).unwrap();
        let mut after = before.clone();
        change(&mut after);
        assert_eq!(differences(&[before], &[after]), expected);
    }
}

#[test]
fn contents_are_compared_if_digests_differ() {
    let (before, after) = (layer(&[("/a", "one"), ("/b", "same")]), layer(&[("/a", "two"), ("/b", "same")]));
    let (before, after) = ([before], [after]);
    let mut asked = 0;
    let found = compare(&stack(&before), &stack(&after), |_, _| {
        asked += 1;
        Ok::<_, ()>(Some(ContentDifference::Text { line: 1, before: Some("one".into()), after: None }))
    });
    assert_eq!((asked, found.unwrap().len()), (1, 1));
    assert_eq!(compare(&stack(&before), &stack(&after), |_, _| Err("unreadable")), Err("unreadable"));
}

#[test]
fn layer_hides_files_below() {
    let lower = || layer(&[("/a/one", "1"), ("/a/two", "2"), ("/b", "b")]);
    let cases: [(Index, &[(&str, &str)]); 6] = [
        (layer(&[("/b", "new")]), &[("/a/one", "1"), ("/a/two", "2"), ("/b", "new")]),
        (layer(&[("/a/.wh.one", "")]), &[("/a/two", "2"), ("/b", "b")]),
        (layer(&[("/.wh.a", "")]), &[("/b", "b")]),
        (layer(&[("/a/.wh..wh..opq", ""), ("/a/three", "3")]), &[("/a/three", "3"), ("/b", "b")]),
        (layer(&[("/a", "a file now")]), &[("/a", "a file now"), ("/b", "b")]),
        (Index::new(), &[("/a/one", "1"), ("/a/two", "2"), ("/b", "b")]),
    ];
    for (upper, expected) in cases {
        let layers = [lower(), upper];
        let seen = stack(&layers);
        let files = seen.iter().filter_map(|(path, placed)| Some((*path, placed.content?.sha256.as_str())));
        let expected: Vec<_> =
            expected.iter().map(|(path, text)| (*path, FileContent::of_bytes((*text).into()).sha256)).collect();
        assert_eq!(files.collect::<Vec<_>>(), expected.iter().map(|(p, s)| (*p, s.as_str())).collect::<Vec<_>>());
    }
}

#[test]
fn implied_folder_keeps_its_metadata() {
    let mut lower = Index::new();
    lower.insert("/tmp", Node::new(NodeKind::Directory, 0o1777)).unwrap();
    for (implied, expected) in [(vec!["/tmp".to_owned()], (0o1777, 0, 1)), (Vec::new(), (0o755, 1, 1))] {
        let upper = layer(&[("/tmp/x", "x")]).with_implied(implied.into_iter().collect());
        let layers = [lower.clone(), upper];
        let seen = stack(&layers);
        assert_eq!((seen["/tmp"].node.mode, seen["/tmp"].layer, seen["/tmp/x"].layer), expected);
    }
}

#[test]
fn differences_survive_their_serialisation() {
    let all = [
        Difference::Gone { kind: "a file".into() },
        Difference::Attribute { name: "user.x".into(), before: None, after: Some("00".into()) },
        Difference::Content(ContentDifference::Text { line: 7, before: Some("a".into()), after: None }),
        Difference::Content(ContentDifference::Elf { sections: Vec::new() }),
    ];
    for difference in all {
        let text = serde_json::to_string(&difference).unwrap();
        assert_eq!(serde_json::from_str::<Difference>(&text).unwrap(), difference, "{text}");
    }
}
