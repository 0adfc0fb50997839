//! What the resolution of an image depends on, in lines of the lock, and what changed where they are not those of the lock.

use std::collections::BTreeMap;

use tierce_manifest::{ImageSpec, WorkspaceSpec};
use tierce_portage::PortageConfig;

use crate::facts::{BuilderFacts, Facts, ForeignFacts};
use crate::lock::{Lock, LockedBuilder, LockedImage};
use crate::planning::key_config;
use crate::portage_config::ConfigError;

/// Digits of a digest that stand in a line.
const DIGITS: usize = 16;

/// All that the resolution of an image depends on, a line each, sorted: the key of the table that says it, what it is about, and
/// its value.
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

/// Why an image has to be resolved, each cause as a clause. Empty where the lock covers it.
pub(crate) fn causes(locked: Option<&LockedImage>, now: &[String]) -> Vec<String> {
    let Some(locked) = locked else { return vec!["the lock does not have it".into()] };
    let mut causes = changes(&locked.inputs, now);
    if !locked.intact {
        causes.push("what the lock says of it was edited or merged".into());
    }
    causes
}

/// What differs between two lists of inputs.
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

/// A table's key, and what of it a line is about.
type Subject<'a> = (&'a str, &'a str);

/// Lines by what they are about.
fn by_subject(lines: &[String]) -> BTreeMap<Subject<'_>, &str> {
    lines.iter().map(|line| subject_and_value(line)).collect()
}

fn subject_and_value(line: &str) -> (Subject<'_>, &str) {
    let (key, rest) = line.split_once(' ').unwrap_or((line, ""));
    match key {
        // These have no more than a value.
        "builder" | "use" | "portage-profile" | "settings" => ((key, ""), rest),
        // These name things.
        "packages" | "build-packages" | "package-mask" | "package-unmask" => ((key, rest), ""),
        _ => {
            let (about, value) = rest.split_once(' ').unwrap_or((rest, ""));
            ((key, about), value)
        }
    }
}

fn appeared((key, about): &Subject<'_>, value: &str) -> String {
    match (*key, *about, value) {
        ("base" | "base-image", name, _) => format!("it is based on `{name}` now"),
        ("repository", name, _) => format!("the repository `{name}` is new"),
        (key, "", value) => format!("`{key}` is `{value}` now"),
        (key, about, "") => format!("`{key}` has `{about}` now"),
        (key, about, value) => format!("`{key}` has `{about}` now: `{value}`"),
    }
}

fn changed((key, about): &Subject<'_>, before: &str, value: &str) -> String {
    match (*key, *about) {
        ("builder", _) => "the builder is another one".into(),
        ("base", name) => format!("the packages of its base `{name}` changed"),
        ("base-image", name) => format!("its base `{name}` is another image than it was"),
        ("repository", name) => format!("the repository `{name}` changed"),
        ("settings", _) => "the order or masters of the repositories changed, or what Tierce itself sets".into(),
        (key, "") => format!("`{key}` is {}, it was {}", quoted(value), quoted(before)),
        (key, about) => format!("`{key}` of `{about}` is {}, it was {}", quoted(value), quoted(before)),
    }
}

fn quoted(value: &str) -> String {
    if value.is_empty() { "empty".into() } else { format!("`{value}`") }
}

fn disappeared((key, about): &Subject<'_>) -> String {
    match (*key, *about) {
        ("base" | "base-image", name) => format!("it is no longer based on `{name}`"),
        ("repository", name) => format!("the repository `{name}` is gone"),
        (key, "") => format!("`{key}` says nothing any more"),
        (key, about) => format!("`{key}` no longer has `{about}`"),
    }
}

/// Something that the lock does not cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncovered {
    /// The image; none for the builder.
    pub image: Option<String>,
    /// Why, each cause as a clause.
    pub causes: Vec<String>,
}

/// Everything of these images that the lock does not cover: what a run would have to change in it, and why.
///
/// # Errors
/// A value of a table that Portage's configuration cannot hold.
pub fn uncovered(spec: &WorkspaceSpec, images: &[&ImageSpec], facts: &Facts) -> Result<Vec<Uncovered>, ConfigError> {
    let nothing = Lock::default();
    let lock = facts.lock.as_ref().unwrap_or(&nothing);
    let mut all = Vec::new();
    let causes_of_builder = builder_causes(&lock.builder, &facts.builder);
    if !causes_of_builder.is_empty() {
        all.push(Uncovered { image: None, causes: causes_of_builder });
    }
    // Where the builder's packages are not chosen, nobody knows yet what the images will depend on.
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
        // Said of the builder already.
        if !all.is_empty() {
            causes.retain(|cause| cause != "the builder is another one");
        }
        if !causes.is_empty() {
            all.push(Uncovered { image: Some(name.to_owned()), causes });
        }
    }
    Ok(all)
}

/// Why the lock's builder is not the one that the workspace asks for.
fn builder_causes(locked: &LockedBuilder, facts: &BuilderFacts) -> Vec<String> {
    let (base, digest) = match facts {
        BuilderFacts::Debian { .. } => ("debian", None),
        BuilderFacts::Image { id } => ("image", Some(id)),
        BuilderFacts::RootFilesystem { digest } => ("rootfs", Some(digest)),
    };
    if locked.base != base {
        return vec![format!("its base is `{base}`, it was {}", quoted(&locked.base))];
    }
    match (facts, digest) {
        (BuilderFacts::Debian { selection, .. }, _) if locked.selection.as_ref() != Some(selection) => {
            vec!["Tierce chooses its Debian packages by other rules".into()]
        }
        (BuilderFacts::Debian { .. }, _) if locked.debs.is_empty() => vec!["the lock names no Debian packages".into()],
        (_, Some(digest)) if locked.digest.as_ref() != Some(digest) => {
            let before = locked.digest.as_deref().unwrap_or("nothing");
            vec![format!("its {base} is `{digest}`, it was `{before}`")]
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
    fn a_changed_line_is_a_clause() {
        let before = "builder 1\npackages a/b\npackage-use a/b x -y\nrepository tierce 1\nrepository old 1\nuse -z\nsettings 1\n\
                      package-keywords a/c\nmake-conf CFLAGS -O2";
        let now = "builder 2\npackages >=a/b-2\npackage-use a/b x\nrepository tierce 2\nrepository new 1\nsettings 2\n\
                   package-keywords a/c ~amd64\nmake-conf CFLAGS -O3\nmake-conf X 1\npackage-mask =a/b-3";
        insta::assert_snapshot!(changes(&lines(before), &lines(now)).join("\n"), @r"
        the builder is another one
        `make-conf` of `CFLAGS` is `-O3`, it was `-O2`
        `make-conf` has `X` now: `1`
        `package-keywords` of `a/c` is `~amd64`, it was empty
        `package-mask` has `=a/b-3` now
        `package-use` of `a/b` is `x`, it was `x -y`
        `packages` has `>=a/b-2` now
        the repository `new` is new
        the repository `tierce` changed
        the order or masters of the repositories changed, or what Tierce itself sets
        `packages` no longer has `a/b`
        the repository `old` is gone
        `use` says nothing any more
        ");
        assert_eq!(changes(&lines(before), &lines(before)), Vec::<String>::new());
        let before = "base a 1\nbase b 1\nbase-image x:1 1\nbase-image y:1 1";
        let bases = changes(&lines(before), &lines("base b 2\nbase c 1\nbase-image y:1 2\nbase-image z:1 1"));
        insta::assert_snapshot!(bases.join("\n"), @r"
        the packages of its base `b` changed
        it is based on `c` now
        its base `y:1` is another image than it was
        it is based on `z:1` now
        it is no longer based on `a`
        it is no longer based on `x:1`
        ");
    }
}
