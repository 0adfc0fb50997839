//! Parses an [`Atom`], outermost parts first: USE dependencies, repository, slot, operator, then name and version.

use super::{Atom, Operator, SlotDependency, UseDependency, VersionRequirement};
use crate::package_name::{Cpv, PackageName, RepositoryName, SlotName, split_version};
use crate::syntax::Fault;
use crate::use_flag::UseFlag;

pub(super) fn atom(text: &str) -> Result<Atom, Fault> {
    if let Some(offset) = text.find(char::is_whitespace) {
        return Err(Fault::new(offset, "a space is not allowed in an atom").help("write one atom in each string"));
    }
    if text.starts_with('!') {
        return Err(
            Fault::new(0, "only an ebuild may have a blocker").help("to keep a package out, name it in `package-mask`")
        );
    }
    let (rest, use_dependencies) = match text.split_once('[') {
        Some((rest, block)) => (rest, use_block(block, rest.len() + 1)?),
        None => (text, Vec::new()),
    };
    let (rest, repository) = match rest.split_once("::") {
        Some((rest, name)) => (rest, Some(RepositoryName::parse(name).map_err(|fault| fault.shifted(rest.len() + 2))?)),
        None => (rest, None),
    };
    let (rest, slot) = match rest.split_once(':') {
        Some((rest, slot)) => (rest, Some(slot_dependency(slot).map_err(|fault| fault.shifted(rest.len() + 1))?)),
        None => (rest, None),
    };
    let (package, version) = package_and_version(rest)?;
    Ok(Atom { package, version, slot, repository, use_dependencies })
}

fn package_and_version(text: &str) -> Result<(PackageName, Option<VersionRequirement>), Fault> {
    // Operators of two characters before their prefixes.
    let operators = [
        Operator::LessOrEqual,
        Operator::GreaterOrEqual,
        Operator::Less,
        Operator::Greater,
        Operator::Equal,
        Operator::EqualButRevision,
    ];
    let Some(operator) = operators.into_iter().find(|operator| text.starts_with(operator.as_str())) else {
        return Ok((bare_package(text)?, None));
    };
    let base = operator.as_str().len();
    let rest = &text[base..];
    let (rest, operator) = match rest.strip_suffix('*') {
        Some(prefix) if operator == Operator::Equal => (prefix, Operator::EqualPrefix),
        Some(prefix) => {
            return Err(Fault::new(
                base + prefix.len(),
                format!("`*` cannot follow a version after `{}`", operator.as_str()),
            )
            .help(format!("only `=` takes it: `={}*`", prefix.escape_debug())));
        }
        None => (rest, operator),
    };
    let cpv = Cpv::parse(rest).map_err(|fault| fault.shifted(base))?;
    let (package, version) = cpv.into_parts();
    Ok((package, Some(VersionRequirement { operator, version })))
}

fn bare_package(text: &str) -> Result<PackageName, Fault> {
    if let Some((_, name)) = text.split_once('/')
        && let Some((before, version)) = split_version(name.strip_suffix('*').unwrap_or(name))
    {
        let offset = text.len() - name.len() + before.len();
        let shown = text.escape_debug();
        return Err(Fault::new(offset, format!("the version `{version}` needs an operator before the atom"))
            .help(format!("write `={shown}` for exactly this version, or `>={shown}`")));
    }
    PackageName::parse(text)
}

fn slot_dependency(text: &str) -> Result<SlotDependency, Fault> {
    match text {
        "" => {
            return Err(Fault::new(0, "the slot is missing").help("remove the `:` for any slot"));
        }
        "*" => return Ok(SlotDependency::Any),
        "=" => return Ok(SlotDependency::AnyRebuild),
        _ => {}
    }
    let (name, rebuild) = text.strip_suffix('=').map_or((text, false), |name| (name, true));
    let (slot, subslot) = match name.split_once('/') {
        Some((slot, subslot)) => (slot, Some(SlotName::parse(subslot).map_err(|fault| fault.shifted(slot.len() + 1))?)),
        None => (name, None),
    };
    Ok(SlotDependency::Exact { slot: SlotName::parse(slot)?, subslot, rebuild })
}

/// Parses the text after the `[`, which is right before `base`.
fn use_block(block: &str, base: usize) -> Result<Vec<UseDependency>, Fault> {
    let Some((list, after)) = block.split_once(']') else {
        return Err(Fault::new(base + block.len(), "the `]` of the USE flags is missing"));
    };
    if !after.is_empty() {
        let fault = Fault::new(base + list.len() + 1, "nothing may follow the `]` of the USE flags");
        return Err(if after.starts_with(':') {
            fault.help("write slot and repository before the `[`")
        } else {
            fault
        });
    }
    let mut position = base;
    let mut dependencies = Vec::new();
    for item in list.split(',') {
        dependencies.push(use_dependency(item).map_err(|fault| fault.shifted(position))?);
        position += item.len() + 1;
    }
    Ok(dependencies)
}

fn use_dependency(text: &str) -> Result<UseDependency, Fault> {
    if let Some(last @ ('?' | '=')) = text.chars().last() {
        return Err(Fault::new(text.len() - 1, format!("only an ebuild may have a USE dependency with `{last}`"))
            .help("write `[flag]` for on, `[-flag]` for off"));
    }
    let (name, enabled) = text.strip_prefix('-').map_or((text, true), |name| (name, false));
    let (flag, default) = match (name.strip_suffix("(+)"), name.strip_suffix("(-)")) {
        (Some(flag), _) => (flag, Some(true)),
        (_, Some(flag)) => (flag, Some(false)),
        _ => (name, None),
    };
    Ok(UseDependency {
        flag: UseFlag::parse(flag).map_err(|fault| fault.shifted(text.len() - name.len()))?,
        enabled,
        default,
    })
}
