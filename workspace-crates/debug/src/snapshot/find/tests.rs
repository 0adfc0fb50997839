//! Texts of all kinds, masked.

use super::*;

const AWS: &str = "wJalrXUtn0EMI/K7MDENG/bPxRfiCY3zK8L1Q2mT";

fn masked(text: &str) -> String {
    let masked = mask(text, &mut |_| {});
    assert_eq!(mask(&masked, &mut |_| {}), masked, "once is enough");
    masked
}

#[test]
fn marked_secrets_are_masked() {
    for (text, expected) in [
        ("", ""),
        ("nothing here", "nothing here"),
        ("log: password=hunter2 and more", "log: password=[masked] and more"),
        ("password=hunter2 and more", "password=[masked]"),
        ("password = hunter2", "password = [masked]"),
        ("password: hunter2\nnext", "password: [masked]\nnext"),
        ("password == other", "password == other"),
        ("password::reset()", "password::reset()"),
        (r#"{"apiKey":"a b","x":1}"#, r#"{"apiKey":"[masked]","x":1}"#),
        (r#"{"apiKey": 'ab'}"#, r#"{"apiKey": '[masked]'}"#),
        (r#"{"apiKey": 1234, "x": 1}"#, r#"{"apiKey": [masked], "x": 1}"#),
        (r#"{"auth": {"user": "u", "x": ["y"]}, "z": 1}"#, r#"{"auth": [masked], "z": 1}"#),
        (r#""{\"password\":\"a b\",\"x\":1}""#, r#""{\"password\":\"[masked]\",\"x\":1}""#),
        (r#"{"name":"DB_PASSWORD","value":"hunter2"}"#, r#"{"name":"DB_PASSWORD","value":"[masked]"}"#),
        ("- name: DB_PASSWORD\n  value: hunter2\n", "- name: DB_PASSWORD\n  value: [masked]\n"),
        ("?user=u&token=abc&x=1", "?user=u&token=[masked]&x=1"),
        ("https://h/x?X-Amz-Signature=abc&y=1#z", "https://h/x?X-Amz-Signature=[masked]&y=1#z"),
        ("https://h/?sig=a%2Fb&sv=1", "https://h/?sig=[masked]&sv=1"),
        ("web --password hunter2 -v", "web --password [masked] -v"),
        ("web --password=hunter2 -v", "web --password=[masked] -v"),
        ("web --password -v", "web --password -v"),
        (
            "java -Djavax.net.ssl.keyStorePassword=hunter2 -jar x",
            "java -Djavax.net.ssl.keyStorePassword=[masked] -jar x",
        ),
        ("the password is long", "the password is long"),
        ("author=me", "author=me"),
        ("two: a://b:c@d e://f:g@h", "two: a://b:[masked]@d e://f:[masked]@h"),
        ("authorization: Digest a=\"b\", c\nHost: x", "authorization: [masked]\nHost: x"),
        ("curl -H 'Authorization: Bearer abcdef' https://x", "curl -H 'Authorization: [masked]' https://x"),
        ("x bearer abcdef.ghi y", "x bearer [masked] y"),
        ("Basic dTpwYXNz", "Basic [masked]"),
        ("Basic idea", "Basic idea"),
        ("Basic realm=\"x\"", "Basic realm=\"x\""),
        ("the forebearer 1234567", "the forebearer 1234567"),
        ("ä=ö token=ü", "ä=ö token=[masked]"),
        ("token=", "token="),
        ("token", "token"),
        ("token=\"\"", "token=\"\""),
        ("token=\"open", "token=\"[masked]"),
        (r"a\npassword=hunter2\nb", r"a\npassword=[masked]\nb"),
        ("Config { password: Some(\"a b\"), port: 1 }", "Config { password: Some(\"[masked]\"), port: 1 }"),
        ("{'password': b'a b', 'x': 1}", "{'password': b'[masked]', 'x': 1}"),
        ("'password' => 'hunter2',", "'password' => '[masked]',"),
        ("<password>a b</password>", "<password>[masked]</password>"),
        ("<add key=\"DbPassword\" value=\"a b\"/>", "<add key=\"DbPassword\" value=\"[masked]\"/>"),
        ("Server=db;User Id=sa;Password=hun;ter2;Port=1", "Server=db;User Id=sa;Password=[masked];Port=1"),
        ("export DB_PASS=\"a b\" # c", "export DB_PASS=\"[masked]\" # c"),
        ("set -x\nPGPASS=a b\nX=1", "set -x\nPGPASS=[masked]\nX=1"),
        ("2026-11-30T10:37:53.1Z DB_PASSWD=a b", "2026-11-30T10:37:53.1Z DB_PASSWD=[masked]"),
        ("passphrase = \"\"\"\na\nb\"\"\"\nx = 1", "passphrase = \"\"\"[masked]\"\"\"\nx = 1"),
        ("a:\n  key: |\n    one\n    two\n  b: 1", "a:\n  key: |\n[masked]\n  b: 1"),
        ("secrets:\n  - one\n  - two\nb: 1", "secrets:\n[masked]\nb: 1"),
        ("machine h login u password hunter2", "machine h login u password [masked]"),
        ("user:pass@tcp(db:3306)/web", "user:[masked]@tcp(db:3306)/web"),
        ("openssl rsa -passin pass:hunter2 -in x", "openssl rsa -passin pass:[masked] -in x"),
        ("mysql -phunter2 web", "mysql -p[masked] web"),
    ] {
        assert_eq!(masked(text), expected, "{text:?}");
    }
}

#[test]
fn values_are_masked_under_any_name() {
    let jwt = format!("eyJ{}.eyJ{}.{}", "hbGciOiJIUzI1NiJ9", "zdWIiOiIxIn0", "abc-_d");
    let pem = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIBx\nabc=\n-----END EC PRIVATE KEY-----";
    let pat = format!("ghp_{}", "a8Kd02mZqL5vWx9TnB3rYc7HfJ1gPs4EuN6o");
    for secret in [AWS, jwt.as_str(), pem, pat.as_str()] {
        for (before, after) in [
            ("THING=", ""),
            ("thing: ", "\nnext: 1"),
            ("thing = \"", "\"\n"),
            ("{\"thing\": \"", "\"}"),
            ("2026-11-30 INFO got (", "), done"),
            ("web --thing=", " -v"),
            ("web --thing ", " -v"),
            ("https://host/x?thing=", "&y=1"),
        ] {
            let masked = masked(&format!("{before}{secret}{after}"));
            let body = secret.lines().nth(1).unwrap_or(secret);
            assert!(!masked.contains(body) && masked.contains("[masked]"), "{masked}");
            assert!(masked.starts_with(before) && masked.ends_with(after), "{masked}");
        }
    }
}

#[test]
fn ordinary_text_stays() {
    for text in [
        "image: ghcr.io/me/web:1.2.3@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin\nRUST_LOG=info,hyper=warn\nLANG=C.UTF-8",
        "7f12a4c00000-7f12a4c21000 r--p 00000000 08:01 1234567 /usr/lib/x86_64-linux-gnu/libc.so.6",
        "#3  0x00005581c0ffee00 in tokio::runtime::scheduler::current_thread::Context::enter () at src/main.rs:12:5",
        "GET /images/9f86d081884c7d659a2f/thumbnail?width=100&height=80 HTTP/1.1 200 12ms",
        "container 123e4567-e89b-12d3-a456-426614174000 started at 2026-11-30T10:37:53.123456789Z",
        "mysql 8.0.36 listens on [::]:3306; redis-cli -p 6379 -h cache; ssh -p 22 host",
        "docker run --user 1000:1000 -p 8080:80 debian:12",
        "author: me, keyboard: de, passenger: 2, compass: north, monkey=1",
        "0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21536 1 0000000000000000",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGk3x9Tq2mZqL5vWx9TnB3rYc7HfJ1gPs4EuN6oQiVw0 me@host",
        "cargo 1.89.0 (c24e10642 2025-06-23), rustc 1.89.0, glibc 2.36-9+deb12u10, GCC_14.2.0",
    ] {
        assert_eq!(masked(text), text);
    }
}

/// A text of marks takes no longer for each of them than for the first.
#[test]
fn hostile_text_takes_linear_time() {
    const PIECES: [&str; 19] = [
        "a:",
        "://",
        "@a:1",
        "\"",
        "eyJ",
        "-----BEGIN A-----",
        "-----END A-----",
        "password={",
        "key\\",
        "Q~",
        ":AA",
        "x ",
        "SG.",
        "token:\n ",
        "token=)",
        "),",
        "mysql -p ",
        "-----BEGIN CERTIFICATE-----a-----END CERTIFICATE-----\n",
        "sk-",
    ];
    let start = std::time::Instant::now();
    for piece in PIECES {
        mask(&piece.repeat(50_000 / piece.len()), &mut |_| {});
    }
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

#[test]
fn touching_ranges_have_one_mask() {
    for (ranges, expected) in [
        (vec![], "0123456789"),
        (std::iter::once(0..2).collect(), "[masked]23456789"),
        (vec![0..2, 0..1], "[masked]23456789"),
        (vec![3..5, 1..3], "0[masked]56789"),
        (vec![8..10, 2..3, 2..2], "01[masked]34567[masked]"),
    ] {
        assert_eq!(replaced("0123456789", ranges.clone()), expected, "{ranges:?}");
    }
}
