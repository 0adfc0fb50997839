//! Which names stand for secrets.

/// Words of a name, in capitals, that say that its value is a secret.
const SECRET: [&str; 27] = [
    "ACCESSKEY",
    "APIKEY",
    "APPKEY",
    "AUTH",
    "AUTHORIZATION",
    "COOKIE",
    "COOKIES",
    "CREDENTIAL",
    "CREDENTIALS",
    "CREDS",
    "DSN",
    "JWT",
    "KEY",
    "KEYS",
    "OAUTH",
    "PASS",
    "PASSPHRASE",
    "PASSWD",
    "PASSWORD",
    "PASSWORDS",
    "PGPASSWORD",
    "PRIVATE",
    "PW",
    "PWD",
    "SALT",
    "SECRET",
    "TOKEN",
];

/// Beginnings and ends of words that run together what others write apart: `dbpassword`, `secretkey`, `tokens`.
const PARTS: [&str; 6] = ["PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "CREDENTIAL"];

/// Names that are made of such words and mean something else: the working folder.
const HARMLESS: [&str; 2] = ["PWD", "OLDPWD"];

/// Whether what has this name is a secret: `DATABASE_PASSWORD`, `apiKey`, `X-Auth-Token`.
pub(super) fn is_secret(name: &str) -> bool {
    if HARMLESS.contains(&name) {
        return false;
    }
    words(name).iter().any(|word| {
        let word = word.trim_end_matches(|letter: char| letter.is_ascii_digit());
        SECRET.contains(&word) || PARTS.iter().any(|part| word.contains(part))
    })
}

/// The words of a name in capitals: between `_`, `-`, `.` and their like, and where a capital follows a small letter.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_small = false;
    for letter in name.chars() {
        if !letter.is_alphanumeric() || (after_small && letter.is_uppercase()) {
            words.push(String::new());
        }
        after_small = letter.is_lowercase() || letter.is_ascii_digit();
        if let (true, Some(word)) = (letter.is_alphanumeric(), words.last_mut()) {
            word.extend(letter.to_uppercase());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_by_their_names() {
        let secret = "PASSWORD DB_PASSWORD db-password dbPassword dbpassword POSTGRES_PASSWORD PGPASSWORD MYSQL_PWD REDIS_PASS \
                      passphrase SECRET SECRET_KEY_BASE clientSecret client_secret AWS_SECRET_ACCESS_KEY AWS_ACCESS_KEY_ID API_KEY \
                      apiKey apikey GITHUB_TOKEN tokens X-Auth-Token authorization Proxy-Authorization OAUTH2_ID PASSWORD1 GOOGLE_CREDENTIALS \
                      SENTRY_DSN JWT_SIGNER private.key SESSION_COOKIE SALT encryptionKey KEY Set-Cookie";
        for name in secret.split_whitespace() {
            assert!(is_secret(name), "{name}");
        }
        let harmless = "PATH HOME PWD OLDPWD USER LANG RUST_LOG AUTHOR AUTHORS KEYBOARD MONKEYS BYPASS COMPASS PORT DATABASE_HOST \
                        TZ Passenger Keystone a.b.c tokio Entrypoint Hostname SecurityOpt PublishAllPorts";
        for name in harmless.split_whitespace() {
            assert!(!is_secret(name), "{name}");
        }
        for name in ["", "_", "-", "ß"] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
