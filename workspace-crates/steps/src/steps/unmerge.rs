//! Unmerging: copies ROOT without some packages, and the image selects from the copy. Programs compile against the original ROOT.

use tierce_builders::container::context::Context;
use tierce_builders::container::inputs::Inputs;
use tierce_builders::container::opening::{Opening, Stream, mounted_volume};
use tierce_builders::container::root_digests;
use tierce_builders::container::roots::RootFacts;
use tierce_builders::container::tail::Tail;
use tierce_manifest::ImageSpec;
use tierce_plan::{Builder, Outcome, ROOT, Root, Step, Unmerged};
use tierce_portage::UNMERGE_PY;
use tierce_store::Error;

/// The path of the copy in the builder.
const COPY: &str = "/tierce/unmerged";

/// Runs Portage to unmerge these packages from a copy of the image's ROOT.
pub(super) fn unmerge(
    context: &Context<'_>,
    step: &Step,
    image: &str,
    packages: &[String],
    inputs: &Inputs,
) -> Result<Outcome, Error> {
    let key = inputs.key(step);
    context.workspace.root_uses().root(&context.workspace.paths, image, key.as_str())?;
    let root = inputs.only_root().ok_or_else(|| Error::missing_input("ROOT"))?;
    let spec = context.image(image)?;
    let container = context.open(&unmerge_container(context, spec, packages, inputs.builder()?, root)?)?;
    let (mut answer, mut tail) = (Vec::new(), Tail::default());
    let exit = container.run(&[], &mut |stream, bytes| match stream {
        Stream::Stdout => tierce_bounded::add_answer(&mut answer, bytes),
        Stream::Stderr => tail.push(stream, bytes),
    })?;
    if exit != 0 {
        let what = format!("unmerge packages of `{image}`");
        return Err(Error::builder(what, exit, &tail.lines()));
    }
    let answer = tierce_portage::Unmerged::parse(&String::from_utf8_lossy(&answer))?;
    for lacking in &answer.lacking {
        let message = format!(
            "`{}` of `{image}` says that it needs `{}` at run time, and that is unmerged",
            lacking.package, lacking.needs
        );
        context.warn(message);
    }
    let RootFacts { diagnostics, hooks, .. } = context.root_facts(&root.key)?;
    let facts = context.take_root(&*container, COPY, key.as_str(), diagnostics, hooks)?;
    container.remove()?;
    Ok(Outcome::Unmerged(Unmerged {
        key: key.to_string(),
        root: root.key.clone(),
        content: root_digests::content(&facts.index),
        bytes: tierce_rootfs::report::total(&facts.index).bytes,
        lacking: answer.lacking,
    }))
}

/// Returns a container that copies a ROOT and unmerges these packages from the copy.
pub fn unmerge_container(
    context: &Context<'_>,
    spec: &ImageSpec,
    packages: &[String],
    builder: &Builder,
    root: &Root,
) -> Result<Opening, Error> {
    let mut mounts = context.portage_mounts(spec, context.locked(spec.name.as_str()))?;
    mounts.push(context.script("unmerge.py", UNMERGE_PY)?);
    mounts.push(mounted_volume(&root.volume, ROOT, true));
    let mut command: Vec<String> = ["/tierce/scripts/unmerge.py", ROOT, COPY].map(String::from).to_vec();
    command.extend(packages.iter().map(|package| format!("={package}")));
    Ok(Opening { program: vec!["python3".into()], arguments: command, ..context.opening(builder, "unmerge", mounts) })
}
