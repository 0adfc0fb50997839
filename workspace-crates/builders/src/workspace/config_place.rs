//! The line of a setting in cargo's configuration.

use std::sync::Arc;

use camino::Utf8Path;
use tierce_manifest::Place;
use tierce_process::cargo_config::{CargoConfig, Setting};

/// Returns the place of a setting in the file that sets it, or `None` if its text is not in a line of its own: in a variable, or
/// with escaped characters.
pub fn config_place(config: &CargoConfig, setting: &Setting) -> Option<Place> {
    let file = config.files.iter().find(|file| file.path == setting.source)?;
    // The reader has joined the words of a flag, which may be items of a list.
    let word = setting.value.split_whitespace().next_back()?;
    let mut start = 0;
    for line in file.text.split_inclusive('\n') {
        let code = line.split('#').next().unwrap_or_default();
        if let Some(at) = code.find(word) {
            let path: Arc<Utf8Path> = Arc::from(file.path.as_path());
            return Some(Place::new(&path, start + at..start + at + word.len()));
        }
        start += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use tierce_process::cargo_config::ConfigFile;

    use super::*;

    #[test]
    fn place_is_that_of_the_last_word() {
        let text = "# link-arg=-static\n[build]\nrustflags = [\"-C\", \"link-arg=-static\"]\n";
        let file = ConfigFile { path: "/x/config.toml".into(), text: text.into() };
        let config = CargoConfig { files: vec![file], ..CargoConfig::default() };
        let setting = |value: &str, source: &str| Setting { value: value.into(), source: source.into() };
        let place = config_place(&config, &setting("-C link-arg=-static", "/x/config.toml")).expect("it is in a line");
        assert_eq!((place.file.as_str(), place.span), ("/x/config.toml", 47..63));
        assert_eq!(&text[47..63], "link-arg=-static");
        assert_eq!(config_place(&config, &setting("link-arg=-s", "RUSTFLAGS")), None);
        assert_eq!(config_place(&config, &setting("absent", "/x/config.toml")), None);
    }
}
