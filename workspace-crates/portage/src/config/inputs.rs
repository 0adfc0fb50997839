//! The inputs of a resolution as lines of Tierce.lock: a changed input is one changed line with its name.

use super::make_conf::{Effect, effect, join};
use super::{MOUNTED, PortageConfig, VariableValue};
use crate::digest::sha256;
use crate::wire::AbsolutePath;

/// The longest value that a line shows, in bytes; a longer one is shown by its digest.
const SHOWN: usize = 100;
/// The digits of a digest in a line.
const DIGITS: usize = 16;

impl PortageConfig {
    /// The content of [`PortageConfig::key_text`], as lines of the table's key, the subject and the value. Equal lines
    /// mean equal resolutions: ordered values are in one line.
    pub fn input_lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.use_flags.is_empty() {
            lines.push(format!("use {}", join(&self.use_flags)));
        }
        for (atom, settings) in &self.package_use {
            lines.push(format!("package-use {atom} {}", join(settings)));
        }
        for (atom, keywords) in &self.package_keywords {
            lines.push(format!("package-keywords {atom} {}", join(keywords)).trim_end().to_owned());
        }
        for (atom, licenses) in &self.package_license {
            lines.push(format!("package-license {atom} {}", join(licenses)));
        }
        lines.extend(self.package_mask.iter().map(|atom| format!("package-mask {atom}")));
        lines.extend(self.package_unmask.iter().map(|atom| format!("package-unmask {atom}")));
        for (atom, variables) in &self.package_env {
            let all: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
            lines.push(format!("package-env {atom} {}", shown(&all.join(" "))));
        }
        for (name, value) in self.make_conf.iter().filter(|(name, _)| effect(name.as_str()) != Effect::Nothing) {
            lines.push(format!("make-conf {name} {}", shown(VariableValue::as_str(value))));
        }
        lines.push(format!("portage-profile {}", profile_name(self.profile.as_str())));
        lines.push(format!("settings {}", short(&self.without_tables().key_text())));
        lines
    }

    /// The configuration without tables: Tierce's own settings, and the order and masters of the repositories.
    fn without_tables(&self) -> PortageConfig {
        PortageConfig {
            use_flags: Vec::new(),
            package_use: [].into(),
            package_keywords: [].into(),
            package_mask: Vec::new(),
            package_unmask: Vec::new(),
            package_env: [].into(),
            package_license: [].into(),
            patches: [].into(),
            make_conf: [].into(),
            repositories: self.repositories.clone(),
            profile: AbsolutePath::checked("/".to_owned()),
            machine: self.machine.clone(),
        }
    }
}

/// A profile as tables name it: its repository and its path there.
fn profile_name(path: &str) -> String {
    let parts = path.strip_prefix(MOUNTED).and_then(|path| path.split_once("/profiles/"));
    parts.map_or_else(|| path.to_owned(), |(repository, profile)| format!("{repository}:{profile}"))
}

/// The text of a value in a line.
fn shown(value: &str) -> String {
    if value.len() <= SHOWN && !value.contains(char::is_control) { value.to_owned() } else { short(value) }
}

fn short(text: &str) -> String {
    sha256(text.as_bytes()).as_str()[..DIGITS].to_owned()
}

#[cfg(test)]
mod tests {
    use super::profile_name;

    #[test]
    fn profile_has_the_name_of_tables() {
        let mounted = "/tierce/repositories/tierce/profiles/default/linux/amd64";
        assert_eq!(profile_name(mounted), "tierce:default/linux/amd64");
        assert_eq!(profile_name("/etc/profile"), "/etc/profile");
    }
}
