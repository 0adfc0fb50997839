//! The inputs of an image's resolution, as lines of Tierce.lock, and the changes since the locked ones.

use std::collections::BTreeMap;

use tierce_manifest::{ImageSpec, WorkspaceSpec};
use tierce_portage::PortageConfig;

use crate::facts::{BuilderFacts, Facts, ForeignFacts};
use crate::lock::{Lock, LockedBuilder, LockedImage};
use crate::portage_config::{ConfigError, key_config};

/// The cause of a changed builder.
const BUILDER_CHANGED: &str = "the builder changed";
/// The digits of a digest in a line.
const DIGITS: usize = 16;

/// The inputs of the resolution of an image, sorted, a line each: the table's key, the subject and the value.
pub(crate) fn resolution_inputs(
    image: &ImageSpec,
    config: &PortageConfig,
    builder_key: &str,
    facts: &Facts,
    base: Option<&LockedImage>,
) -> Vec<String> {
    let mut lines = config.input_lines();
    lines.extend(base.map(|base| format!("base {} {}", base.name, short(&base.content()))));
    if let (Some(reference), Some(base)) = (image.base.foreign(), foreign_facts(image, facts)) {
        lines.push(format!("base-image {} {}", reference.value, short(&base.layers)));
    }
    lines.push(format!("builder {}", short(builder_key)));
    lines.extend(image.emerge.packages.iter().map(|atom| format!("packages {}", atom.value)));
    lines.extend(image.emerge.build_packages.iter().map(|atom| format!("build-packages {}", atom.value)));
    for repository in &facts.repositories {
        lines.push(format!("repository {} {}", repository.name, short(&repository.digest)));
    }
    lines.sort();
    lines.dedup();
    lines
}

fn foreign_facts<'f>(image: &ImageSpec, facts: &'f Facts) -> Option<&'f ForeignFacts> {
    facts.images.get(image.name.as_str())?.base.as_ref()
}

fn short(digest: &str) -> &str {
    digest.get(..DIGITS).unwrap_or(digest)
}

/// The causes of a resolution, each a clause; empty if the lock covers the image.
pub(crate) fn causes(locked: Option<&LockedImage>, now: &[String]) -> Vec<String> {
    let Some(locked) = locked else { return vec!["Tierce.lock does not have it".into()] };
    let mut causes = changes(&locked.inputs, now);
    if !locked.intact {
        causes.push("its entry in Tierce.lock was edited or merged".into());
    }
    causes
}

/// The differences between two lists of inputs.
fn changes(before: &[String], now: &[String]) -> Vec<String> {
    let (before, now) = (by_subject(before), by_subject(now));
    let mut changes = Vec::new();
    for (subject, value) in &now {
        match before.get(subject) {
            None => changes.push(appeared(subject, value)),
            Some(earlier) if earlier != value => changes.push(changed(subject, earlier, value)),
            Some(_) => {}
        }
    }
    changes.extend(before.keys().filter(|subject| !now.contains_key(*subject)).map(disappeared));
    changes
}

/// A table's key and the subject of a line.
type Subject<'a> = (&'a str, &'a str);

/// The values of lines by subject.
fn by_subject(lines: &[String]) -> BTreeMap<Subject<'_>, &str> {
    lines.iter().map(|line| subject_and_value(line)).collect()
}

fn subject_and_value(line: &str) -> (Subject<'_>, &str) {
    let (key, rest) = line.split_once(' ').unwrap_or((line, ""));
    match key {
        // These have a value and no subject.
        "builder" | "use" | "portage-profile" | "settings" => ((key, ""), rest),
        // These have a subject and no value.
        "packages" | "build-packages" | "package-mask" | "package-unmask" => ((key, rest), ""),
        _ => {
            let (about, value) = rest.split_once(' ').unwrap_or((rest, ""));
            ((key, about), value)
        }
    }
}

fn appeared((key, about): &Subject<'_>, value: &str) -> String {
    match (*key, *about, value) {
        ("base" | "base-image", name, _) => format!("its base is now `{name}`"),
        ("repository", name, _) => format!("the repository `{name}` is new"),
        (key, "", value) => format!("`{key}` is now `{value}`"),
        (key, about, "") => format!("`{key}` now has `{about}`"),
        (key, about, value) => format!("`{key}` now has `{about}`: `{value}`"),
    }
}

fn changed((key, about): &Subject<'_>, before: &str, value: &str) -> String {
    match (*key, *about) {
        ("builder", _) => BUILDER_CHANGED.into(),
        ("base", name) => format!("the packages of its base `{name}` changed"),
        ("base-image", name) => format!("the image of its base `{name}` changed"),
        ("repository", name) => format!("the repository `{name}` changed"),
        ("settings", _) => "the order or masters of the repositories changed, or Tierce's own settings".into(),
        (key, "") => format!("`{key}` changed from {} to {}", quoted(before), quoted(value)),
        (key, about) => format!("`{key}` of `{about}` changed from {} to {}", quoted(before), quoted(value)),
    }
}

fn quoted(value: &str) -> String {
    if value.is_empty() { "empty".into() } else { format!("`{value}`") }
}

fn disappeared((key, about): &Subject<'_>) -> String {
    match (*key, *about) {
        ("base" | "base-image", name) => format!("its base is no longer `{name}`"),
        ("repository", name) => format!("the repository `{name}` is gone"),
        (key, "") => format!("`{key}` is no longer set"),
        (key, about) => format!("`{key}` no longer has `{about}`"),
    }
}

/// An image, or the builder, that the lock does not cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncovered {
    /// The image; `None` for the builder.
    pub image: Option<String>,
    /// The causes, each a clause.
    pub causes: Vec<String>,
}

/// The builder and the images that the lock does not cover: a run would change their entries.
///
/// # Errors
/// A table's value that Portage's configuration cannot hold.
pub fn uncovered(spec: &WorkspaceSpec, images: &[&ImageSpec], facts: &Facts) -> Result<Vec<Uncovered>, ConfigError> {
    let nothing = Lock::default();
    let lock = facts.lock.as_ref().unwrap_or(&nothing);
    let mut all = Vec::new();
    let causes_of_builder = builder_causes(&lock.builder, &facts.builder);
    if !causes_of_builder.is_empty() {
        all.push(Uncovered { image: None, causes: causes_of_builder });
    }
    // While the builder's packages are not selected, the inputs of the images are unknown.
    let builder = crate::builder::builder_steps(spec, facts).builder;
    for image in spec.with_bases(images) {
        let name = image.name.as_str();
        let mut causes = match &builder {
            None => Vec::new(),
            Some((_, key)) => {
                let base = image.base.image().and_then(|base| lock.image(base.as_str()));
                let now = resolution_inputs(image, &key_config(spec, image, facts)?, key, facts, base);
                causes(lock.image(name), &now)
            }
        };
        // The builder's own causes are in the list.
        if !all.is_empty() {
            causes.retain(|cause| cause != BUILDER_CHANGED);
        }
        if !causes.is_empty() {
            all.push(Uncovered { image: Some(name.to_owned()), causes });
        }
    }
    Ok(all)
}

/// The differences between the locked builder and the workspace's.
fn builder_causes(locked: &LockedBuilder, facts: &BuilderFacts) -> Vec<String> {
    let (base, digest) = match facts {
        BuilderFacts::Debian { .. } => ("debian", None),
        BuilderFacts::Image { id } => ("image", Some(id)),
        BuilderFacts::RootFilesystem { digest } => ("rootfs", Some(digest)),
    };
    if locked.base != base {
        return vec![format!("its base changed from {} to `{base}`", quoted(&locked.base))];
    }
    match (facts, digest) {
        (BuilderFacts::Debian { selection, .. }, _) if locked.selection.as_ref() != Some(selection) => {
            vec!["the rules that select its Debian packages changed".into()]
        }
        (BuilderFacts::Debian { .. }, _) if locked.debs.is_empty() => {
            vec!["Tierce.lock names no Debian packages".into()]
        }
        (_, Some(digest)) if locked.digest.as_ref() != Some(digest) => {
            let before = locked.digest.as_deref().unwrap_or("nothing");
            vec![format!("its {base} changed from `{before}` to `{digest}`")]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(|line| line.trim().to_owned()).collect()
    }

    #[test]
    fn changed_lines_become_clauses() {
        let before = "builder 1\npackages a/b\npackage-use a/b x -y\nrepository tierce 1\nrepository old 1\nuse -z\nsettings 1\n\
                      package-keywords a/c\nmake-conf CFLAGS -O2";
        let now = "builder 2\npackages >=a/b-2\npackage-use a/b x\nrepository tierce 2\nrepository new 1\nsettings 2\n\
                   package-keywords a/c ~amd64\nmake-conf CFLAGS -O3\nmake-conf X 1\npackage-mask =a/b-3";
        insta::assert_snapshot!(changes(&lines(before), &lines(now)).join("\n"), @r"
        the builder changed
        `make-conf` of `CFLAGS` changed from `-O2` to `-O3`
        `make-conf` now has `X`: `1`
        `package-keywords` of `a/c` changed from empty to `~amd64`
        `package-mask` now has `=a/b-3`
        `package-use` of `a/b` changed from `x -y` to `x`
        `packages` now has `>=a/b-2`
        the repository `new` is new
        the repository `tierce` changed
        the order or masters of the repositories changed, or Tierce's own settings
        `packages` no longer has `a/b`
        the repository `old` is gone
        `use` is no longer set
        ");
        assert_eq!(changes(&lines(before), &lines(before)), Vec::<String>::new());
        let before = "base a 1\nbase b 1\nbase-image x:1 1\nbase-image y:1 1";
        let bases = changes(&lines(before), &lines("base b 2\nbase c 1\nbase-image y:1 2\nbase-image z:1 1"));
        insta::assert_snapshot!(bases.join("\n"), @r"
        the packages of its base `b` changed
        its base is now `c`
        the image of its base `y:1` changed
        its base is now `z:1`
        its base is no longer `a`
        its base is no longer `x:1`
        ");
    }
}
