//! Binary packages: compiles those that the cache lacks and reuses the others.

use std::sync::mpsc;

use tierce_builders::container::context::Context;
use tierce_builders::container::emerge_progress::Compiled;
use tierce_builders::container::hooks::ImageHook;
use tierce_builders::container::inputs::Inputs;
use tierce_manifest::{Hook, ImageSpec};
use tierce_plan::{Binpkg, Builder, Outcome, PackageBuild, Step};
use tierce_portage::{ResolvedPackage, with_dependencies};
use tierce_store::Error;

/// The kind of a builder that an image has for itself.
const ENVIRONMENT: &str = "environment";

/// Compiles the packages that the cache lacks.
pub(super) fn build_packages(
    context: &Context<'_>,
    step: &Step,
    image: &str,
    packages: &[PackageBuild],
    inputs: &Inputs,
) -> Result<Outcome, Error> {
    // Another run may have compiled every package while this one waited.
    if packages.iter().any(|package| context.is_missing(step, package)) {
        for (present, wanted) in
            containers(packages, context.locked(image), |package| context.is_missing(step, package))
        {
            emerge(context, step, context.image(image)?, (&present, wanted), inputs.builder()?)?;
        }
    }
    let binpkg =
        |p: &PackageBuild| Binpkg { package: p.package.clone(), key: p.key.clone(), root: p.root, base: p.base };
    Ok(Outcome::Binpkgs(packages.iter().map(binpkg).collect()))
}

/// Compiles the `missing` ones of these packages in one container.
fn emerge(
    context: &Context<'_>,
    step: &Step,
    image: &ImageSpec,
    (packages, missing): (&[PackageBuild], Vec<PackageBuild>),
    builder: &Builder,
) -> Result<(), Error> {
    let container = context.emerge_container(image, packages, builder, "packages")?;
    let container = context.open(&container)?;
    let there: Vec<_> = packages.iter().filter(|package| !missing.contains(package)).cloned().collect();
    context.bring_binpkgs(&*container, &there)?;
    let (ended, missing) = std::thread::scope(|scope| {
        // Store each package as soon as it is compiled, while emerge continues: an interruption loses only unfinished ones.
        let (sender, compiled) = mpsc::channel::<Compiled>();
        let taking = scope.spawn(|| context.store_each(&step.id, &*container, missing, compiled));
        // The receiver lives until the sender is dropped.
        let tell = move |compiled| drop(sender.send(compiled));
        let ended = context.run_emerge(&step.id, image, &*container, tell);
        (ended, taking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    // Keep the logs after a failure too, since they say why it failed.
    let kept = context.keep_logs(&*container, image);
    let taken = context.store_binpkgs(&*container, &missing, None);
    ended.and(kept).and(taken)?;
    container.remove()?;
    Ok(())
}

/// Installs the build-packages into the image's own builder, then runs its builder hook.
pub(super) fn extend_builder(
    context: &Context<'_>,
    step: &Step,
    image: &str,
    inputs: &Inputs,
) -> Result<Outcome, Error> {
    let image = context.image(image)?;
    let builder = inputs.builder()?;
    let packages = context.builds_of(inputs, image);
    let key = inputs.key(step);
    let reference = format!("{}-environment:{}", context.workspace.options.namespace, key.short());
    let made = |image| {
        Ok(Outcome::Builder(Builder { key: key.to_string(), daemon: context.engine()?.id()?, image, repository: None }))
    };
    // The image may exist without a receipt: another cache built it, or a killed run did.
    if let (false, Some(image)) = (step.again, context.engine()?.find_own_root(&reference, ENVIRONMENT, key.as_str())?)
    {
        return made(image);
    }
    context.engine()?.warn_of_stranger(&reference, ENVIRONMENT, key.as_str())?;
    let hook = ImageHook::find(image, Hook::Builder);
    let mut builder = builder.clone();
    if !image.emerge.build_packages.is_empty() {
        let container = context.open(&context.emerge_container(image, &packages, &builder, "environment")?)?;
        context.bring_binpkgs(&*container, &packages)?;
        context.run_emerge(&step.id, image, &*container, |compiled| context.built(&step.id, &compiled))?;
        // If a hook follows, its result gets the name instead.
        let name = hook.is_none().then_some(reference.as_str());
        builder.image = container.keep((ENVIRONMENT, if hook.is_none() { key.as_str() } else { "" }), name)?;
        container.remove()?;
    }
    if let Some(hook) = hook {
        let container = context.open(&context.hook_container(hook, &builder, None)?)?;
        context.run_hook(&*container, hook)?;
        builder.image = container.keep((ENVIRONMENT, key.as_str()), Some(&reference))?;
        container.remove()?;
    }
    made(builder.image)
}

/// Splits packages into containers, in the order of the resolution. The first runs no code of the workspace. Each package whose
/// build runs such code has its own, with its dependencies, whose keys are in its own key. Leaves out containers without a missing
/// package.
fn containers(
    packages: &[PackageBuild],
    locked: &[ResolvedPackage],
    is_missing: impl Fn(&PackageBuild) -> bool,
) -> Vec<(Vec<PackageBuild>, Vec<PackageBuild>)> {
    let (foreign, own): (Vec<&PackageBuild>, Vec<&PackageBuild>) = packages.iter().partition(|package| package.foreign);
    let missing: Vec<PackageBuild> = own.iter().copied().filter(|package| is_missing(package)).cloned().collect();
    let mut all = Vec::new();
    if !missing.is_empty() {
        all.push((own.into_iter().cloned().collect(), missing));
    }
    for package in foreign.into_iter().filter(|package| is_missing(package)) {
        let resolved = locked.iter().find(|locked| locked.cpv().to_string() == package.package);
        let needed = resolved.map(|resolved| with_dependencies(&resolved.cpv(), locked)).unwrap_or_default();
        let needed: Vec<String> = needed.into_iter().map(|needed| needed.cpv().to_string()).collect();
        let is_needed = |other: &&PackageBuild| {
            other.package == package.package || (other.builder && needed.contains(&other.package))
        };
        all.push((packages.iter().filter(is_needed).cloned().collect(), vec![package.clone()]));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(name: &str, needs: &[&str]) -> ResolvedPackage {
        let text = serde_json::json!({
            "category": "a", "name": name, "version": "1", "slot": "0", "subslot": "0", "repository": "tierce", "use": [],
            "iuse": [], "license": "", "description": "", "homepage": "", "ebuild": "ab".repeat(32), "builder": true,
            "root": true, "needs": needs,
        });
        serde_json::from_value(text).expect("a package")
    }

    #[test]
    fn code_of_the_workspace_runs_beside_its_dependencies_only() {
        let locked = [
            resolved("zlib", &[]),
            resolved("evil", &[]),
            resolved("png", &["a/zlib-1"]),
            resolved("gd", &["a/png-1", "a/evil-1"]),
        ];
        let build = |name: &str, foreign: bool| PackageBuild {
            package: format!("a/{name}-1"),
            key: name.to_owned(),
            builder: true,
            root: true,
            base: false,
            foreign,
            cached: false,
        };
        let packages = [build("zlib", false), build("evil", true), build("png", false), build("gd", true)];
        let names = |packages: &[PackageBuild]| packages.iter().map(|p| p.key.as_str()).collect::<Vec<_>>().join(" ");
        for (missing, expected) in [
            ("zlib evil png gd", &["zlib png: zlib png", "evil: evil", "zlib evil png gd: gd"][..]),
            ("png evil", &["zlib png: png", "evil: evil"]),
            ("gd", &["zlib evil png gd: gd"]),
            ("", &[]),
        ] {
            let all = containers(&packages, &locked, |package| missing.split(' ').any(|name| name == package.key));
            let all: Vec<String> =
                all.iter().map(|(all, wanted)| format!("{}: {}", names(all), names(wanted))).collect();
            assert_eq!(all, expected, "{missing}");
        }
    }
}
