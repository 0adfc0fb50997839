use super::*;

#[test]
fn hidden_characters_are_escaped() {
    for (text, lines, line) in [
        ("plain ünïcödé 漢字 👍\u{fe0f}", "plain ünïcödé 漢字 👍\u{fe0f}", "plain ünïcödé 漢字 👍\u{fe0f}"),
        ("a\nb\tc", "a\nb\tc", "a\\nb\tc"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("a\rb\x08\0\x7f", r"a\rb\x08\x00\x7f", r"a\rb\x08\x00\x7f"),
        ("\u{9b}31m\u{85}", r"\u{9b}31m\u{85}", r"\u{9b}31m\u{85}"),
        ("\u{202e}\u{2066}\u{200f}\u{61c}", r"\u{202e}\u{2066}\u{200f}\u{61c}", r"\u{202e}\u{2066}\u{200f}\u{61c}"),
        ("a\u{200b}b\u{feff}\u{ad}\u{2028}", r"a\u{200b}b\u{feff}\u{ad}\u{2028}", r"a\u{200b}b\u{feff}\u{ad}\u{2028}"),
        ("\u{e0041}\u{3164}", r"\u{e0041}\u{3164}", r"\u{e0041}\u{3164}"),
    ] {
        assert_eq!(Shown::text(text).as_str(), lines, "{text:?}");
        assert_eq!(Shown::line(text).as_str(), line, "{text:?}");
    }
}

#[test]
fn streams_keep_colours_alone() {
    for (bytes, coloured, plain) in [
        ("\x1b[1m\x1b[32m   Compiling\x1b[0m x\n", "\x1b[1m\x1b[32m   Compiling\x1b[0m x\n", "   Compiling x\n"),
        ("\x1b[38;5;12mx\x1b[m\n", "\x1b[38;5;12mx\x1b[m\n", "x\n"),
        ("\x1b[31mopen\n", "\x1b[31mopen\x1b[0m\n", "open\n"),
        ("\x1b[31;8mhidden\x1b[0m", "\x1b[31mhidden\x1b[0m", "hidden"),
        ("\x1b[8mhidden", "hidden", "hidden"),
        ("\x1b[48;2;8;8;8mx\x1b[0m", "\x1b[48;2;8;8;8mx\x1b[0m", "x"),
        ("\x1b[2J\x1b[1;1Hx\x1b[K\x1b[?25l", "x", "x"),
        ("\x1b]0;title\x07x\x1b]8;;http://h\x1b\\link\x1b]8;;\x1b\\", "xlink", "xlink"),
        ("\x1bPq\x1b\\x\x1b(0y\x1bc", "xy", "xy"),
        ("\x1b]0;no end\nx", "\\x1b]0;no end\nx", "\\x1b]0;no end\nx"),
        ("\x1b[31", "\\x1b[31", "\\x1b[31"),
        ("a\r\nb\rc", "a\nb\nc", "a\nb\nc"),
        ("\u{202e}\u{9b}31m\x07", "\\u{202e}\\u{9b}31m\\x07", "\\u{202e}\\u{9b}31m\\x07"),
    ] {
        assert_eq!(Shown::stream(bytes.as_bytes(), true).as_str(), coloured, "{bytes:?}");
        assert_eq!(Shown::stream(bytes.as_bytes(), false).as_str(), plain, "{bytes:?}");
    }
    assert_eq!(Shown::stream(b"\x9b31m\xff", true).as_str(), "\u{fffd}31m\u{fffd}");
}

#[test]
fn json_strings_have_escapes() {
    let json = "{\n  \"a\": \"\u{202e}x\u{9b}\u{7f}\u{e0041}ü\"\n}";
    let escaped = escaped_json(json);
    assert_eq!(escaped, "{\n  \"a\": \"\\u202ex\\u009b\\u007f\\udb40\\udc41ü\"\n}");
    let value: serde_json::Value = serde_json::from_str(&escaped).expect("JSON");
    assert_eq!(value["a"], "\u{202e}x\u{9b}\u{7f}\u{e0041}ü");
}

#[test]
fn span_of_source_follows_its_escapes() {
    for (text, span, expected, inside) in [
        ("abc", 1..2, "abc", "b"),
        ("\x1babc\x1b", 1..3, r"\x1babc\x1b", "ab"),
        ("a\r\nb\u{202e}c", 3..7, "a\nb\\u{202e}c", "b\\u{202e}"),
        ("", 0..0, "", ""),
    ] {
        let (escaped, place) = escaped_source(text, &span);
        assert_eq!((escaped.as_str(), &escaped[place.clone()]), (expected, inside), "{text:?}");
    }
}
