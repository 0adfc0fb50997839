//! Names of secrets.

/// Words of a name, in capitals, that mark its value as a secret.
const SECRET: [&str; 49] = [
    "APPKEY",
    "AUTH",
    "AUTHORIZATION",
    "BEARER",
    "CONNECTIONSTRING",
    "CONNSTR",
    "COOKIE",
    "COOKIES",
    "CREDENTIAL",
    "CREDENTIALS",
    "CRED",
    "CREDS",
    "DSN",
    "HMAC",
    "JWT",
    "KENNWORT",
    "KEY",
    "KEYS",
    "MNEMONIC",
    "MOTDEPASSE",
    "OAUTH",
    "OTP",
    "PASS",
    "PASSCODE",
    "PASSES",
    "PASSWDS",
    "PASSWORT",
    "PEPPER",
    "PIN",
    "PRIVATE",
    "PSK",
    "PSW",
    "PSWD",
    "PW",
    "PWD",
    "PWORD",
    "SALT",
    "SASL",
    "SECRETS",
    "SEED",
    "SESSIONID",
    "SESSID",
    "SIGNATURE",
    "SIGNING",
    "TOTP",
    "UNLOCK",
    "WEBHOOK",
    "CONTRASENA",
    "CONTRASEÑA",
];

/// Parts of compound words: `dbpassword`, `secretkey`, `tokens`.
const PARTS: [&str; 9] =
    ["PASSWORD", "PASSWD", "PASSWRD", "PASSPHRASE", "PASSFRASE", "SECRET", "TOKEN", "CREDENTIAL", "PASSWORT"];

/// Ends of compound words: `dbpass`, `rootpw`, `sslkey`, `basicauth`.
const ENDS: [&str; 6] = ["PASS", "PWD", "PW", "KEY", "KEYS", "AUTH"];

/// Words with such an end that mean something else.
const OTHER_WORDS: [&str; 14] = [
    "BYPASS",
    "COMPASS",
    "SURPASS",
    "TRESPASS",
    "OVERPASS",
    "ENCOMPASS",
    "LOWPASS",
    "HIGHPASS",
    "MONKEY",
    "MONKEYS",
    "TURKEY",
    "HOTKEY",
    "HOTKEYS",
    "DONKEY",
];

/// Names of such words that mean something else, such as the working folder and the kernel's files.
const HARMLESS: [&str; 3] = ["PWD", "OLDPWD", "TOKENIZERS_PARALLELISM"];

/// Words after which `…KEY` is no secret: `PUBLIC_KEY`, `primaryKey`.
const OPEN_KEYS: [&str; 5] = ["PUBLIC", "PUB", "PRIMARY", "FOREIGN", "SORT"];

/// Whether a name marks a secret: `DATABASE_PASSWORD`, `apiKey`, `X-Auth-Token`.
pub(in super::super) fn is_secret(name: &str) -> bool {
    if HARMLESS.contains(&name) {
        return false;
    }
    let words = words(name);
    let connection = words.windows(2).any(|pair| pair[0] == "CONNECTION" && pair[1] == "STRING");
    connection
        || words.iter().enumerate().any(|(index, word)| {
            let word = word.trim_end_matches(|letter: char| letter.is_ascii_digit());
            let before = index.checked_sub(1).map_or("", |before| words[before].as_str());
            let is_open = OPEN_KEYS.contains(&before) || word.starts_with("PUBLIC");
            match word {
                "KEY" | "KEYS" => !is_open,
                _ if OTHER_WORDS.contains(&word) || word.starts_with("TOKENIZ") => false,
                _ => {
                    SECRET.contains(&word)
                        || PARTS.iter().any(|part| word.contains(part))
                        || (!is_open && ENDS.iter().any(|end| word.len() > end.len() + 1 && word.ends_with(end)))
                }
            }
        })
}

/// Whether the name of a parameter in an address marks a secret: `?sig=…`, `?code=…`.
pub(super) fn is_secret_parameter(name: &str) -> bool {
    const PARAMETERS: [&str; 11] =
        ["SIG", "SIGN", "CODE", "SID", "SESSION", "STATE", "NONCE", "TICKET", "ASSERTION", "HASH", "SAMLRESPONSE"];
    is_secret(name) || words(name).last().is_some_and(|word| PARAMETERS.contains(&word.as_str()))
}

/// Whether the name says that its value is an identity or a digest: random, and no secret.
pub(super) fn is_digest(name: &str) -> bool {
    const DIGESTS: [&str; 21] = [
        "ID",
        "IDS",
        "UID",
        "UUID",
        "GUID",
        "DIGEST",
        "SHA",
        "SHASUM",
        "MD",
        "HASH",
        "CHECKSUM",
        "COMMIT",
        "REVISION",
        "REV",
        "VERSION",
        "FINGERPRINT",
        "ETAG",
        "INTEGRITY",
        "BUILDID",
        "SUM",
        "H",
    ];
    words(name).iter().any(|word| {
        let word = word.trim_end_matches(|letter: char| letter.is_ascii_digit());
        DIGESTS.contains(&word)
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
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_names_are_recognised() {
        let secret = "PASSWORD DB_PASSWORD db-password dbPassword dbpassword POSTGRES_PASSWORD PGPASSWORD MYSQL_PWD REDIS_PASS \
                      passphrase SECRET SECRET_KEY_BASE clientSecret client_secret AWS_SECRET_ACCESS_KEY AWS_ACCESS_KEY_ID API_KEY \
                      apiKey apikey GITHUB_TOKEN tokens X-Auth-Token authorization Proxy-Authorization OAUTH2_ID PASSWORD1 GOOGLE_CREDENTIALS \
                      SENTRY_DSN JWT_SIGNER private.key SESSION_COOKIE SALT encryptionKey KEY Set-Cookie PASSWD passwd PWD1 PWD_2 \
                      PASSPHRASE GPG_PASSPHRASE DB_PASS dbPass db-pass dbpass PGPASS pgpass CREDENTIALS AUTH BASIC_AUTH basicAuth \
                      basicauth http-auth DBPassword PASS2 userPass user-pass mysqlpass rootpw rootPw ADMIN_PW dbpwd DB_PWD PSWD \
                      PASSCODE PIN OTP totpSeed MNEMONIC accessKey ACCESSKEY access-key sslkey masterkey APIKey DBPASSWD \
                      PASSWORT KENNWORT CONNECTION_STRING ConnectionString WEBHOOK_URL _authToken .dockerconfig.auth pass_word";
        for name in secret.split_whitespace() {
            assert!(is_secret(name), "{name}");
        }
        let harmless = "PATH HOME PWD OLDPWD USER LANG RUST_LOG AUTHOR AUTHORS KEYBOARD MONKEYS BYPASS COMPASS PORT DATABASE_HOST \
                        TZ Passenger Keystone a.b.c tokio Entrypoint Hostname SecurityOpt PublishAllPorts PUBLIC_KEY publicKey \
                        primary_key passive PASSING passthrough author authenticated keyring tokenizer spinner pinned seeds \
                        http_proxy VERSION IMAGE DIGEST Sandbox EndpointID MacAddress";
        for name in harmless.split_whitespace() {
            assert!(!is_secret(name), "{name}");
        }
        for name in ["", "_", "-", "ß"] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn parameters_and_digests_are_recognised() {
        for name in ["sig", "X-Amz-Signature", "X-Amz-Security-Token", "code", "sid", "access_token", "api_key"] {
            assert!(is_secret_parameter(name), "{name}");
        }
        for name in ["q", "page", "utm_source", "version", "X-Amz-Date"] {
            assert!(!is_secret_parameter(name), "{name}");
        }
        for name in ["PYTHON_SHA256", "Id", "imageID", "GIT_COMMIT", "etag", "integrity"] {
            assert!(is_digest(name), "{name}");
        }
        for name in ["THING", "VALUE", "IDEA"] {
            assert!(!is_digest(name), "{name}");
        }
    }
}
