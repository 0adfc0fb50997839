//! The limit for the layers of an image, which adds its own to those of its base.

use tierce_manifest::{Base, ImageSpec};
use tierce_plan::PackedLayer;
use tierce_store::Error;

/// Docker refuses more ("max depth exceeded"): the kernel mounts 128 at once, and a container needs some of them itself.
const MOST: usize = 125;

/// Fails if an image has more layers than daemons load: `layers`, plus `more` of its own. The names of its base's layers start
/// with the name of their image.
pub(super) fn check(spec: &ImageSpec, layers: &[PackedLayer], more: usize) -> Result<(), Error> {
    let total = layers.len() + more;
    if total <= MOST {
        return Ok(());
    }
    let own = spec.name.as_str();
    let images = layers.iter().map(|layer| layer.name.split_once(": ").map_or(own, |(image, _)| image));
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for image in images.chain(std::iter::repeat_n(own, more)) {
        match counts.last_mut() {
            Some((last, count)) if *last == image => *count += 1,
            _ => counts.push((image, 1)),
        }
    }
    let lines: String = counts.iter().map(|(image, count)| format!("\n  {count:>3} of `{image}`")).collect();
    let place = match &spec.base {
        Base::Image(base) => &base.place,
        Base::Foreign(base) => &base.place,
        Base::Scratch => &spec.place,
    };
    Err(Error::table(
        place,
        format!("the image `{}` has {total} layers, and daemons take {MOST} at most{lines}", spec.name),
    )
    .with_help("begin with an image further down, or make one table of two of these images"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierce_manifest::{CargoToml, WorkspaceText};

    #[test]
    fn too_many_layers_are_counted_by_image() {
        let tables = "[workspace.metadata.images.a]\ncmd = [\"/x\"]\n[workspace.metadata.images.b]\nbase = \"a\"\n";
        let root = CargoToml { path: "Cargo.toml".into(), text: tables.into() };
        let spec = tierce_manifest::read(&WorkspaceText { root, members: Vec::new() }).expect("valid tables");
        let image = spec.image("b").expect("it is there");
        let layers =
            |name: &str, count| vec![PackedLayer { name: name.to_owned(), diff_id: String::new(), size: 0 }; count];
        let packed =
            [layers("first: data", 100), layers("a: libc", 2), layers("a: data", 3), layers("removed", 1)].concat();
        assert!(check(image, &packed, 19).is_ok());

        let error = check(image, &packed, 20).expect_err("one too many");
        let text =
            "the image `b` has 126 layers, and daemons take 125 at most\n  100 of `first`\n    5 of `a`\n   21 of `b`";
        assert_eq!(error.to_string(), text);
        assert_eq!(error.place().map(|place| place.span.start), tables.find("\"a\""));
    }
}
