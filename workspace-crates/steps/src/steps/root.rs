//! ROOT: Tierce merges binary packages into a volume and copies it out once as an archive with an index.

use std::collections::BTreeMap;
use std::io::{self};
use std::path::Path;

use tierce_builders::container::container_files::for_each_file;
use tierce_builders::container::context::Context;
use tierce_builders::container::inputs::Inputs;
use tierce_builders::container::root_digests;
use tierce_builders::container::roots::{Beginning, MAX_TEXT};
use tierce_manifest::Hook;
use tierce_plan::{Outcome, PackageBuild, ROOT, Root, Step};
use tierce_store::Error;
use tierce_store::cache_id::cache_id;
use tierce_store::files::open;

/// Merges the image's binary packages into a new volume.
pub(super) fn merge_root(context: &Context<'_>, step: &Step, image: &str, inputs: &Inputs) -> Result<Outcome, Error> {
    let workspace = context.workspace;
    let key = inputs.key(step);
    workspace.root_uses().root(&workspace.paths, image, key.as_str())?;
    // Each cache has its own volume: this cache cannot see another one's receipts, which tell whether a volume is complete.
    let cache = cache_id(&workspace.paths)?;
    let volume = format!("{}-{cache}", context.daemon_name("root", key.as_str()));
    // A killed run may leave an incomplete volume, so a volume without its receipt does not count.
    context.engine()?.replace_volume("root", &volume)?;
    let spec = context.image(image)?;
    let builder = inputs.builder()?;
    // The base image's ROOT; this step has no other ROOT as its input.
    let below = inputs.only_root();
    let copied = below.map(|below| below.volume.as_str());
    let before = context.run_root_hook(spec, Hook::RootBefore, builder, &volume, copied)?;
    let packages: Vec<PackageBuild> =
        context.builds_of(inputs, spec).into_iter().filter(|package| package.root && !package.base).collect();
    let beginning = match copied {
        None => Beginning::Nothing,
        // The hook has already worked on the copy.
        Some(_) if spec.hooks.get(Hook::RootBefore).is_some() => Beginning::There,
        Some(below) => Beginning::Copy(below),
    };
    let container = context.open(&context.root_container(spec, builder, &volume, beginning, &packages)?)?;
    context.bring_binpkgs(&*container, &packages)?;
    let merged = context.run_emerge(&step.id, spec, &*container, |compiled| context.built(&step.id, &compiled));
    if merged.is_err() {
        context.keep_logs(&*container, spec)?;
    }
    merged?;
    let mut diagnostics = String::new();
    for_each_file(&*container, "/tierce/logs/ld.so.diagnostics", |name, entry| {
        let read = io::Read::read_to_string(&mut io::Read::take(entry, MAX_TEXT), &mut diagnostics);
        read.map(drop).map_err(|error| Error::file("read from the builder", Path::new(name), error))
    })?;
    let after = context.run_root_hook(spec, Hook::RootAfter, builder, &volume, None)?;
    let mut hooks =
        below.map(|below| context.root_facts(&below.key)).transpose()?.map_or_else(BTreeMap::new, |facts| facts.hooks);
    for (paths, hook) in [(before, Hook::RootBefore), (after, Hook::RootAfter)] {
        hooks.extend(paths.into_iter().map(|path| (path, hook.to_string())));
    }
    let facts = context.take_root(&*container, ROOT, key.as_str(), diagnostics, hooks)?;
    container.remove()?;
    Ok(Outcome::Root(Root {
        key: key.to_string(),
        content: root_digests::content(&facts.index),
        interface: root_digests::interface(&facts.index, &mut open(&context.root_archive(key.as_str()))?.0),
        daemon: context.engine()?.id()?,
        created: context
            .engine()?
            .volume_created("root", &volume)?
            .ok_or_else(|| Error::missing_input("ROOT's volume"))?,
        volume,
        bytes: tierce_rootfs::report::total(&facts.index).bytes,
    }))
}

#[cfg(test)]
mod tests {
    use tierce_debian::wheel::PORTAGE_VERSION;
    use tierce_portage::MERGE_ROOT_PY;

    #[test]
    fn merges_know_the_portage_of_builders() {
        assert!(MERGE_ROOT_PY.contains(&format!("\nKNOWN = \"{PORTAGE_VERSION}\"\n")), "merge_root.py has to learn it");
    }
}
