use proptest::prelude::*;

use super::*;

#[test]
fn secret_variables_are_masked() {
    for (variables, expected) in [
        ("", ""),
        ("MODE=fast\0PORT=80\0", "MODE=fast\nPORT=80\n"),
        ("DB_PASSWORD=a b=c\0MODE=fast\0", "DB_PASSWORD=[masked]\nMODE=fast\n"),
        ("TLS_KEY=-----BEGIN\nabcdef\n-----END\n\0A=1\0", "TLS_KEY=[masked]\nA=1\n"),
        ("TOKEN=\0", "TOKEN=\n"),
        ("DATABASE_URL=postgres://web:hunter2@db/x?a=b\0", "DATABASE_URL=postgres://web:[masked]@db/x?a=b\n"),
        ("HEADER=Authorization: Bearer abc.def\0", "HEADER=Authorization: [masked]\n"),
        ("broken\0=x\0", "broken\n=x\n"),
        ("PWD=/srv\0OLDPWD=/\0", "PWD=/srv\nOLDPWD=/\n"),
        ("A=\u{fffd}\0", "A=\u{fffd}\n"),
        (
            "PASSWD=a b\0PWD1=c\0dbPass=d\0db-pass=e\0PGPASS=f\0AUTH=g\0",
            "PASSWD=[masked]\nPWD1=[masked]\ndbPass=[masked]\ndb-pass=[masked]\nPGPASS=[masked]\nAUTH=[masked]\n",
        ),
        (
            "DB_PASSWORD_FILE=/run/secrets/db\0SSH_AUTH_SOCK=/tmp/ssh\0",
            "DB_PASSWORD_FILE=/run/secrets/db\nSSH_AUTH_SOCK=/tmp/ssh\n",
        ),
        ("THING=wJalrXUtn0EMI/K7MDENG/bPxRfiCY3zK8L1Q2mT\0", "THING=[masked]\n"),
        ("CONF={\"user\":\"u\",\"password\":\"a b\"}\0", "CONF={\"user\":\"u\",\"password\":\"[masked]\"}\n"),
        ("OPTIONS=--user me --password hunter2\0", "OPTIONS=--user me --password [masked]\n"),
    ] {
        assert_eq!(Secrets::default().environment(variables.as_bytes()), expected, "{variables:?}");
    }
}

#[test]
fn secret_arguments_are_masked() {
    for (words, expected) in [
        ("web --port 80", "web --port 80"),
        ("web --password hunter2 --port 80", "web --password [masked] --port 80"),
        ("web --password=hunter2", "web --password=[masked]"),
        ("web --api-key --port 80", "web --api-key --port 80"),
        ("web -token abc", "web -token [masked]"),
        ("web https://u:p@host/", "web https://u:[masked]@host/"),
        ("curl -H Authorization:x", "curl -H Authorization:[masked]"),
        ("env SECRET_KEY=abc web", "env SECRET_KEY=[masked] web"),
        ("mysql -u root -phunter2", "mysql -u root -p[masked]"),
        ("/bin/curl --user=me:hunter2 https://x", "/bin/curl --user=me:[masked] https://x"),
        ("web -u me:hunter2", "web -u me:[masked]"),
        ("aws configure set aws_secret_access_key hunter2", "aws configure set aws_secret_access_key [masked]"),
        (
            "kubectl create secret generic x --from-literal=password=hunter2",
            "kubectl create secret generic x --from-literal=password=[masked]",
        ),
        ("web --image debian:12@sha256:ab --user 1000:1000", "web --image debian:12@sha256:ab --user 1000:1000"),
    ] {
        let bytes = words.replace(' ', "\0") + "\0";
        let masked = Secrets::default().command_line(bytes.as_bytes());
        assert_eq!(masked.trim_end().replace('\n', " "), expected);
    }
}

#[test]
fn secret_json_values_are_masked() {
    let mut value = serde_json::json!({
        "Config": {
            "Env": ["PATH=/bin", "API_TOKEN=abc def"],
            "Cmd": ["web", "--password", "hunter2"],
            "Labels": { "db.password": "x", "title": "redis://:pw@host" },
            "ApiKey": { "nested": ["y", 7, null, true] },
            "Variables": [{ "name": "DB_PASSWORD", "value": "x" }, { "name": "MODE", "value": "x" }],
            "Script": ["sh", "-c", "mysql -phunter2"],
        },
        "Pid": 7,
    });
    Secrets::default().json(&mut value);
    let expected = serde_json::json!({
        "Config": {
            "Env": ["PATH=/bin", "API_TOKEN=[masked]"],
            "Cmd": ["web", "--password", "[masked]"],
            "Labels": { "db.password": "[masked]", "title": "redis://:[masked]@host" },
            "ApiKey": { "nested": ["[masked]", "[masked]", null, true] },
            "Variables": [{ "name": "DB_PASSWORD", "value": "[masked]" }, { "name": "MODE", "value": "x" }],
            "Script": ["sh", "-c", "mysql -p[masked]"],
        },
        "Pid": 7,
    });
    assert_eq!(value, expected);
}

#[test]
fn known_secret_is_masked_everywhere() {
    let mut secrets = Secrets::default();
    secrets.environment(
        b"DB_PASSWORD=hunter22\0PIN_TOKEN=123\0TLS_KEY=BEGIN\nline-of-key\nEND\0URL=http://u:inner-pass@h\0X_KEY=with,comma&more\0",
    );
    for (text, expected) in [
        ("failed to log in with hunter22!", "failed to log in with [masked]!"),
        ("123 is in every text", "123 is in every text"),
        ("line-of-key", "[masked]"),
        ("the inner-pass alone", "the [masked] alone"),
        ("password: other", "password: [masked]"),
        ("password=with,comma&more", "password=[masked]"),
        ("http://h/?x=with%2Ccomma%26more#y", "http://h/?x=[masked]#y"),
        ("base64: aHVudGVyMjI=", "base64: [masked]="),
    ] {
        assert_eq!(secrets.text(text), expected);
    }
}

#[test]
fn document_masks_keys_and_copies() {
    let token = format!("ghp_{}", "a8Kd02mZqL5vWx9TnB3r");
    let mut secrets = Secrets::default();
    let mut value = serde_json::json!({ token.clone(): 1, "Env": ["TOKEN=a\"bcdef\nghijkl"], "x": "a\"bcdef\nghijkl" });
    secrets.json(&mut value);
    let text = secrets.document(&value.to_string());
    assert!(!text.contains(&token) && !text.contains(r#"a\"bcdef"#) && !text.contains("ghijkl"), "{text}");
}

/// A secret of a kind: the whole text that a program is given, and the part that nobody may read.
fn secret() -> impl Strategy<Value = (String, String)> {
    let same = |text: String| (text.clone(), text);
    let prefixes = proptest::sample::select(vec![
        "ghp_",
        "gho_",
        "github_pat_",
        "glpat-",
        "xoxb-1234-",
        "sk_live_",
        "npm_",
        "pypi-",
        "dckr_pat_",
        "hf_",
        "shpat_",
        "ya29.",
        "hvs.",
        "sk-proj-",
    ]);
    let token = (prefixes, "[a-z]{3}[0-9][A-Z]{3}[a-zA-Z0-9]{33}")
        .prop_map(move |(prefix, tail)| same(format!("{prefix}{tail}")));
    let access_key =
        ("(AKIA|ASIA)", "[A-Z2-7]{7}[2-7][A-Z2-7]{8}").prop_map(move |(prefix, tail)| same(prefix + &tail));
    let google = "AIza[a-zA-Z0-9_-]{35}".prop_map(same);
    let jwt = "eyJ[a-zA-Z0-9_-]{20}\\.eyJ[a-zA-Z0-9_-]{10,90}\\.[a-zA-Z0-9_-]{43}".prop_map(same);
    let pem = "[a-zA-Z0-9+/]{64}\n[a-zA-Z0-9+/]{20}==".prop_map(|body| {
        (format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----"), body[..64].to_owned())
    });
    let url = "[a-zA-Z0-9!$*_~-]{8,20}".prop_map(|password| (format!("amqp://web:{password}@host:5672/x"), password));
    let bearer = "[a-z0-9]{30}".prop_map(|token| (format!("Authorization: Bearer {token}"), token));
    prop_oneof![token, access_key, google, jwt, pem, url, bearer]
}

proptest::proptest! {
    #[test]
    fn no_form_of_a_secret_survives((text, secret) in secret(), name in "[a-z]{3}_?[A-Z]{3}") {
        prop_assume!(!is_secret(&name));
        let mut secrets = Secrets::default();
        let mut json = serde_json::json!({ "Env": [format!("{name}={text}")], "Labels": { name.clone(): text.clone() } });
        secrets.json(&mut json);
        let masked = [
            Secrets::default().environment(format!("A=1\0{name}={text}\0").as_bytes()),
            Secrets::default().command_line(format!("web\0--{name}\0{text}\0").as_bytes()),
            Secrets::default().command_line(format!("sh\0-c\0web --{name}='{text}' -v\0").as_bytes()),
            Secrets::default().text(&format!("2026-11-30T10:37:53Z INFO got {text}\n")),
            Secrets::default().text(&format!("{name}: \"{text}\"\nx: 1\n")),
            Secrets::default().text(&format!("[a]\n{name} = {text}\n")),
            Secrets::default().text(&serde_json::json!({ name.clone(): text }).to_string()),
            Secrets::default().document(&json.to_string()),
        ];
        for masked in masked {
            prop_assert!(!masked.contains(&secret), "{}", masked);
        }
    }

    #[test]
    fn no_password_survives_a_secret_name(
        name in "(DB_PASSWORD|dbPasswd|db-pass|PGPASS|CREDENTIALS|AUTH|PASSPHRASE|apiKey|PWD1|USER_PW)",
        secret in "[a-zA-Z0-9!$%*+.,/:;<>?@^_~-]{8,30}",
    ) {
        prop_assume!(!secret.contains(&name) && !secret.starts_with('-') && !secret.starts_with('/'));
        let word = |secret: &str| secret.chars().all(|letter| letter.is_ascii_alphanumeric() || "!$%*+./@^_~-".contains(letter));
        let mut masked = vec![
            Secrets::default().environment(format!("{name}={secret}\0").as_bytes()),
            Secrets::default().command_line(format!("web\0--{name}\0{secret}\0").as_bytes()),
            Secrets::default().text(&format!("{name}={secret}\n")),
            Secrets::default().text(&format!("{name} = {secret}\n")),
            Secrets::default().text(&format!("  {name}: {secret}\n")),
            Secrets::default().text(&format!("{{\"{name}\": \"{secret}\"}}")),
            Secrets::default().text(&format!("a {name}='{secret}' b")),
            Secrets::default().text(&format!("- name: {name}\n  value: \"{secret}\"\n")),
        ];
        masked.extend(word(&secret).then(|| Secrets::default().text(&format!("INFO a=1 {name}={secret} b=2\n"))));
        for masked in masked {
            prop_assert!(!masked.contains(&secret), "{}", masked);
        }
    }

    #[test]
    fn ordinary_words_stay_readable(
        digest in "[0-9a-f]{64}", version in "[0-9]{1,2}\\.[0-9]{1,2}\\.[0-9]{1,3}(-r[0-9])?", path in "(/[a-z]{2,9}){1,6}",
        uuid in "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", name in "(IMAGE|MODE|VERSION|LOG|FOLDER)",
    ) {
        for value in [format!("debian:{version}@sha256:{digest}"), digest.clone(), version, path, uuid] {
            let variable = format!("{name}={value}\n");
            prop_assert_eq!(&Secrets::default().text(&variable), &variable);
            prop_assert_eq!(&Secrets::default().environment(variable.trim_end().as_bytes()), &variable);
            let line = format!("2026-11-30T10:37:53Z INFO start {value} in 3 ms\n");
            prop_assert_eq!(&Secrets::default().text(&line), &line);
        }
    }

    #[test]
    fn no_text_hides_a_known_secret(secret in ".{6,20}", before in ".*", after in ".*") {
        let mut secrets = Secrets::default();
        let variables = secrets.environment(format!("API_TOKEN={secret}\0").as_bytes());
        proptest::prop_assume!(!secret.contains('\0') && secret.trim().len() >= TELLING);
        proptest::prop_assert_eq!(variables, "API_TOKEN=[masked]\n");
        let masked = secrets.text(&format!("{before}{secret}{after}"));
        // The text around it may be equal to it.
        let planted = before.contains(secret.trim()) || after.contains(secret.trim()) || MASK.contains(secret.trim());
        proptest::prop_assert!(planted || !masked.contains(secret.trim()), "{}", masked);
    }
}
