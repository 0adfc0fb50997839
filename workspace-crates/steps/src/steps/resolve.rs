//! Runs Portage's resolver in the builder. Returns the packages for Tierce.lock, or an error at a line of the table.

use tierce_builders::container::context::Context;
use tierce_builders::container::opening::{Opening, Stream};
use tierce_builders::container::tail::Tail;
use tierce_manifest::{ForAtom, ImageSpec, Located, Place};
use tierce_plan::{Builder, LockedImage, Moves, Outcome, fixed, request};
use tierce_portage::{Answer, Atom, Failure, PackageName, RESOLVE_PY, Request, ResolvedPackage, relevant_lines};
use tierce_store::{Error, ErrorKind};

/// Resolves the image's packages with Portage. Those in `keep` keep their versions if possible, except those in `moves`.
pub(super) fn resolve(
    context: &Context<'_>,
    image: &str,
    keep: &[Atom],
    moves: &Moves,
    builder: &Builder,
) -> Result<Outcome, Error> {
    let image = context.image(image)?;
    let mut mounts = context.portage_mounts(image, &[])?;
    mounts.push(context.script("resolve.py", RESOLVE_PY)?);
    let container = Opening {
        program: vec!["python3".into()],
        arguments: vec!["/tierce/scripts/resolve.py".into()],
        ..context.opening(builder, "resolve", mounts)
    };
    let mut answer = Vec::new();
    let mut tail = Tail::default();
    let base = context.locked_base(image);
    let question = question(image, base, keep, moves).to_json();
    let exit = context.run(&container, question.as_bytes(), &mut |stream, bytes| match stream {
        Stream::Stdout => tierce_bounded::add_answer(&mut answer, bytes),
        Stream::Stderr => tail.push(stream, bytes),
    })?;
    // A failed resolution is an answer too. The exit code matters only if there is no answer.
    match Answer::parse(&String::from_utf8_lossy(&answer)) {
        Ok(Answer::Resolved(resolution)) => {
            base.map_or(Ok(()), |base| check_base_packages(image, base, &resolution.packages))?;
            Ok(Outcome::Resolution(resolution.packages))
        }
        Ok(Answer::Failed(failure)) => {
            let error = blame(image, &failure, &broken_ebuild(context, &tail.text()));
            Err(base.map_or_else(|| None, |base| blame_base(base, &failure, &error)).unwrap_or(error))
        }
        Err(_) if exit != 0 => {
            let what = format!("resolve the packages of `{}`", image.name);
            Err(Error::builder(what, exit, &tail.lines()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Returns Portage's errors about an ebuild that it cannot read, with paths of the host. Empty without such errors.
fn broken_ebuild(context: &Context<'_>, output: &str) -> Vec<String> {
    let lines = relevant_lines(output);
    if !lines.iter().any(|line| line.starts_with(" * ERROR: ")) {
        return Vec::new();
    }
    let on_host = |line: String| {
        context.workspace.repositories.iter().fold(line, |line, repository| {
            let inside = format!("/tierce/repositories/{}/", repository.locked.name);
            line.replace(&inside, &format!("{}/", repository.folder.display()))
        })
    };
    lines.into_iter().map(on_host).collect()
}

/// Returns the request for the resolver. It pins the packages of a base to their versions.
fn question(image: &ImageSpec, base: Option<&LockedImage>, keep: &[Atom], moves: &Moves) -> Request {
    let mut question = request(image);
    let below: Vec<Atom> = base.into_iter().flat_map(fixed).map(|(atom, _)| atom).collect();
    match moves {
        Moves::Everything => {}
        Moves::Nothing => question.keep = keep.to_vec(),
        Moves::Packages(atoms) => {
            question.keep = keep.to_vec();
            question.moves = atoms.iter().map(|atom| atom.package().clone()).collect();
            // A bare name may move to any version.
            question.only = atoms.iter().filter(|atom| **atom != Atom::from(atom.package().clone())).cloned().collect();
        }
    }
    let of_base = |package: &PackageName| below.iter().any(|atom| atom.package() == package);
    question.moves.retain(|package| !of_base(package));
    question.only.retain(|atom| !of_base(atom.package()));
    question.only.extend(below.iter().cloned());
    question.packages.extend(below);
    question
}

/// Checks that a resolution has the packages of the base, unchanged.
fn check_base_packages(image: &ImageSpec, base: &LockedImage, packages: &[ResolvedPackage]) -> Result<(), Error> {
    let is_there = |below: &&ResolvedPackage| {
        packages.iter().any(|package| package.root && package.cpv() == below.cpv() && package.uses == below.uses)
    };
    let Some(other) = base.in_root().find(|below| !is_there(below)) else { return Ok(()) };
    let message = format!("the packages of `{}` cannot be had with `{}` as its base has it", image.name, other.cpv());
    Err(Error::new(ErrorKind::Resolution, message).at(&image.place).with_help(base_help(base)))
}

/// Returns the error for a resolution that failed because of a package of the base.
fn blame_base(base: &LockedImage, failure: &Failure, error: &Error) -> Option<Error> {
    let is_about = |package: &&ResolvedPackage| names(&failure.atom, &package.package().to_string());
    let package = base.in_root().find(is_about)?;
    let flags: Vec<&str> = package.uses.iter().map(|flag| flag.as_str()).collect();
    let flags = if flags.is_empty() { "no USE flag on".into() } else { format!("USE={:?}", flags.join(" ")) };
    let message = format!("{error}\nthe base `{}` has `{}` already, with {flags}", base.name, package.cpv());
    Some(Error::new(ErrorKind::Resolution, message).at_if(error.place()).with_help(base_help(base)))
}

/// Returns the help for a package that the base has in another version or with other flags.
fn base_help(base: &LockedImage) -> String {
    format!("ask for it in the table of `{}`, or begin with another image", base.name)
}

/// Returns the error for a failed resolution, at the line of its atom or flag; `said` is Portage's other output.
fn blame(image: &ImageSpec, failure: &Failure, output: &[String]) -> Error {
    let mut message = failure.to_string();
    // The first line repeats the message.
    let words = failure.portage_words();
    if matches!(failure.kind, tierce_portage::FailureKind::Other) {
        let words = words.lines().filter(|line| !line.trim().is_empty()).skip(1);
        words.chain(output.iter().map(String::as_str)).for_each(|line| message.extend(["\n", line]));
    }
    let available = failure.available();
    if !available.is_empty() {
        message.push_str("\nthe repositories have these packages:");
    }
    let error = Error::new(ErrorKind::Resolution, message).with_lines(&available);
    error.at(&place_of(image, failure)).with_help_if(failure.help())
}

fn place_of(image: &ImageSpec, failure: &Failure) -> Place {
    let emerge = &image.emerge;
    let asked = || emerge.packages.iter().chain(&emerge.build_packages);
    let is_about = |atom: &Located<Atom>| {
        let package = atom.value.package().to_string();
        atom.value.to_string() == failure.atom || names(&failure.atom, &package)
    };
    if matches!(failure.kind, tierce_portage::FailureKind::UnknownUse | tierce_portage::FailureKind::RequiredUse) {
        let about = |entry: &&ForAtom<Vec<Located<tierce_portage::UseSetting>>>| is_about(&entry.atom);
        if let Some(entry) = emerge.package_use.iter().find(about) {
            let flag = |setting: &&Located<tierce_portage::UseSetting>| {
                failure.flags.iter().any(|flag| setting.value.to_string().trim_start_matches('-') == flag)
            };
            return entry.value.iter().find(flag).map_or(&entry.atom.place, |setting| &setting.place).clone();
        }
    }
    // The table does not name dependencies, so blame the atom that requires this one.
    let required = || {
        let by = |atom: &&Located<Atom>| {
            let package = atom.value.package().to_string();
            failure.required_by.iter().any(|by| names(by, &package))
        };
        asked().find(by)
    };
    asked().find(|atom| is_about(atom)).or_else(required).map_or(&image.place, |atom| &atom.place).clone()
}

/// Whether an atom or a `category/name-version` is of this package.
fn names(text: &str, package: &str) -> bool {
    text.trim_start_matches(['>', '<', '=', '~', '!']).strip_prefix(package).is_some_and(|rest| {
        let mut rest = rest.chars();
        match rest.next() {
            None | Some(':' | '[') => true,
            Some('-') => rest.next().is_some_and(|digit| digit.is_ascii_digit()),
            Some(_) => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn longer_package_name_does_not_match() {
        for (text, expected) in [
            ("media-libs/libpng", true),
            (">=media-libs/libpng-1.6", true),
            ("media-libs/libpng-1.6.39-r1", true),
            ("media-libs/libpng:0", true),
            ("media-libs/libpng[apng]", true),
            ("media-libs/libpng-compat", false),
            ("media-libs/libpng16", false),
            ("media-libs/lib", false),
        ] {
            assert_eq!(names(text, "media-libs/libpng"), expected, "{text}");
        }
    }
}
