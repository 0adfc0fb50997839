//! Hides the credentials of a URL.

/// The URL with `***` in place of its user name and password, for events, errors and logs.
pub fn masked(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://***{}", &rest[at..]),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn masked_hides_credentials() {
        let cases = [
            ("http://mirror.example/a@b", "http://mirror.example/a@b"),
            ("https://user:secret@mirror.example/a", "https://***@mirror.example/a"),
            ("https://token@mirror.example", "https://***@mirror.example"),
            ("https://a:b@c@mirror.example:8080/?x=y@z", "https://***@mirror.example:8080/?x=y@z"),
            ("no url", "no url"),
        ];
        for (url, expected) in cases {
            assert_eq!(masked(url), expected);
        }
    }
}
