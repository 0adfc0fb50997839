//! `cargo xtask search` and `cargo xtask use`

use tierce_execute::{Error, ErrorKind, FlagSource, FlagState, FoundPackage, PackageFlags, PackageVersion, Session};

use crate::call::Call;
use crate::cli::{SearchArgs, SearchFormat, UseArgs};
use crate::columns::columns;
use crate::data::json;
use crate::terminal::shown::one_line;
use crate::{Failure, print};

/// Prints the packages with all of the words.
pub(crate) fn run(arguments: &SearchArgs, call: &Call<'_>) -> Result<(), Failure> {
    let terminal = call.terminal;
    let session = call.session(None)?;
    let found = session.search(&arguments.words, &|event| terminal.show(event))?;
    terminal.close();
    if found.is_empty() {
        terminal.warning(&format!("no package has `{}`", arguments.words.join("` and `")));
    }
    Ok(print(&match arguments.format {
        SearchFormat::Json => json(&found) + "\n",
        SearchFormat::Text => found_text(&found),
    })?)
}

/// Prints a package's versions and USE flags.
pub(crate) fn run_use(arguments: &UseArgs, call: &Call<'_>) -> Result<(), Failure> {
    let terminal = call.terminal;
    let session = call.session(None)?;
    let names: Vec<String> = arguments.image.clone().into_iter().collect();
    let images = session.images(&names)?;
    let [image] = images.as_slice() else { return Err(which_image(&session).into()) };
    let package = session.package_flags(image, &arguments.atom, &|event| terminal.show(event))?;
    terminal.close();
    Ok(print(&match arguments.format {
        SearchFormat::Json => json(&package) + "\n",
        SearchFormat::Text => package_text(&package, image.name.as_str()),
    })?)
}

fn which_image(session: &Session) -> Error {
    let names = session.image_names().join("`, `");
    Error::new(ErrorKind::Table, "each image has USE flags of its own".to_owned())
        .with_help(format!("name one with `--image`: `{names}`"))
}

fn found_text(found: &[FoundPackage]) -> String {
    if found.is_empty() {
        return String::new();
    }
    let mut rows = vec![["PACKAGE", "VERSION", "DESCRIPTION"].map(str::to_owned)];
    rows.extend(found.iter().map(|package| {
        let version = if package.masked.is_empty() { "" } else { " (masked)" };
        let cells = [package.package.clone(), format!("{}{version}", package.version), package.description.clone()];
        cells.map(|cell| one_line(&cell))
    }));
    columns(&rows)
}

fn package_text(package: &PackageFlags, image: &str) -> String {
    let PackageFlags { package, description, homepage, versions, chosen, flags } = package;
    let title = one_line(&format!("{package}: {description}"));
    let homepage = if homepage.is_empty() { String::new() } else { one_line(homepage) + "\n" };
    let flags = match flags.as_slice() {
        [] => format!("{} has no USE flags.\n", one_line(chosen)),
        flags => format!("USE flags of {} in `{image}`:\n{}", one_line(chosen), flags_text(flags)),
    };
    format!("{title}\n{homepage}\n{}\n{flags}", versions_text(versions))
}

fn versions_text(versions: &[PackageVersion]) -> String {
    let mut rows = vec![["VERSION", "SLOT", "REPOSITORY", "KEYWORDS", "MASKED BY"].map(str::to_owned)];
    rows.extend(versions.iter().map(|version| {
        let masked = if version.masked.is_empty() { "-".to_owned() } else { version.masked.join(", ") };
        let PackageVersion { version, slot, keywords, repository, .. } = version;
        let cells = [version.clone(), slot.clone(), repository.clone(), keywords.join(" "), masked];
        cells.map(|cell| one_line(&cell))
    }));
    columns(&rows)
}

fn flags_text(flags: &[FlagState]) -> String {
    let mut rows = vec![["FLAG", "STATE", "DECIDED BY", "DESCRIPTION"].map(str::to_owned)];
    rows.extend(flags.iter().map(|flag| {
        let state = if flag.on { "on" } else { "off" };
        let cells = [flag.flag.as_str(), state, source(flag.source), flag.description.as_str()];
        cells.map(one_line)
    }));
    columns(&rows)
}

/// Names the setting that decides about a flag.
fn source(source: FlagSource) -> &'static str {
    match source {
        FlagSource::PackageUse => "package-use",
        FlagSource::Use => "use",
        FlagSource::Profile => "the profile",
        FlagSource::Force => "the profile, by force",
        FlagSource::Mask => "the profile, by a mask",
        FlagSource::Ebuild => "the ebuild",
        FlagSource::Default => "-",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_rows() {
        let package = |package: &str, masked: &[&str], description: &str| FoundPackage {
            package: package.into(),
            version: "1.2-r1".into(),
            masked: masked.iter().map(|&reason| reason.to_owned()).collect(),
            description: description.into(),
        };
        let found = [package("a/b", &[], "Plain\u{1b}[31m"), package("long-category/c", &["~amd64 keyword"], "New")];
        insta::assert_snapshot!(found_text(&found), @r"
        PACKAGE          VERSION          DESCRIPTION
        a/b              1.2-r1           Plain\x1b[31m
        long-category/c  1.2-r1 (masked)  New
        ");
        assert_eq!(found_text(&[]), "");
    }

    #[test]
    fn package_has_versions_and_flags() {
        let version = |version: &str, masked: &[&str]| PackageVersion {
            version: version.into(),
            slot: "0/16".into(),
            keywords: vec!["amd64".into(), "~arm64".into()],
            repository: "tierce".into(),
            masked: masked.iter().map(|&reason| reason.to_owned()).collect(),
        };
        let flag = |flag: &str, on, source, description: &str| FlagState {
            flag: flag.into(),
            on,
            source,
            description: description.into(),
        };
        let flags = vec![
            flag("simd", true, FlagSource::PackageUse, "Use the processor's vectors"),
            flag("static-libs", false, FlagSource::Mask, ""),
            flag("tools", false, FlagSource::Default, "Install programs"),
        ];
        let mut package = PackageFlags {
            package: "media-libs/libpng".into(),
            description: "Reads PNG".into(),
            homepage: "http://www.libpng.org/".into(),
            versions: vec![version("2.0", &["package.mask"]), version("1.6.39", &[])],
            chosen: "1.6.39".into(),
            flags,
        };
        insta::assert_snapshot!(package_text(&package, "web"), @r"
        media-libs/libpng: Reads PNG
        http://www.libpng.org/

        VERSION  SLOT  REPOSITORY  KEYWORDS      MASKED BY
        2.0      0/16  tierce      amd64 ~arm64  package.mask
        1.6.39   0/16  tierce      amd64 ~arm64  -

        USE flags of 1.6.39 in `web`:
        FLAG         STATE  DECIDED BY              DESCRIPTION
        simd         on     package-use             Use the processor's vectors
        static-libs  off    the profile, by a mask
        tools        off    -                       Install programs
        ");
        package.flags.clear();
        assert!(package_text(&package, "web").ends_with("\n1.6.39 has no USE flags.\n"));
    }
}
