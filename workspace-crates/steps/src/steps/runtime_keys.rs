//! The keys of a table for run-time dependencies: they choose files and allow them to be missing.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

use tierce_builders::container::checked_archive::RootArchive;
use tierce_manifest::{AllowMissing, ImageSpec, Located};
use tierce_report::Gap;
use tierce_rootfs::gconv::Converters;
use tierce_rootfs::{Closure, Index, Node, Patterns, Reason, RuntimeDepChoices, Start, name_service};
use tierce_runtime_deps::{Files, RuntimeDep};
use tierce_store::Error;

use crate::steps::missing::missing_files;

/// The limit, in bytes, for the text files of the C library's converters; glibc's have 60 kB.
const MAX_TEXT: u64 = 4 << 20;
const ZONES: &str = "/usr/share/zoneinfo";

/// Returns the files that the keys choose and the dependencies that they decide. It adds the link to the time zone to `index`.
pub(super) fn run_time(
    spec: &ImageSpec,
    index: &mut Index,
    archive: &Path,
) -> Result<(Vec<Start>, RuntimeDepChoices), Error> {
    let keys = &spec.content.run_time;
    let name_services = name_services(index, archive)?;
    let choices = RuntimeDepChoices { name_services, ..RuntimeDepChoices::default() };
    let mut asked = Asked { index, starts: Vec::new(), choices };
    for allowed in &spec.content.allow_missing {
        if let AllowMissing::RuntimeDep(dependency) = allowed.value {
            asked.choices.allowed.insert(dependency.name.to_owned());
        }
    }
    match keys.ca_certificates {
        Some(true) => asked.certificates()?,
        Some(false) => asked.decide("ca-certificates"),
        None => {}
    }
    if let Some(zone) = &keys.timezone {
        asked.zone(&zone.value.to_string(), zone)?;
    }
    for locale in &keys.locales {
        asked.locale(locale.value.as_str(), locale)?;
    }
    let of_locales = keys.locales.iter().map(|locale| ("locale", locale.value.charset(), &locale.place));
    let named = keys.gconv.iter().map(|charset| ("gconv", charset.value.as_str(), &charset.place));
    let charsets: Vec<_> = of_locales.chain(named).collect();
    if !charsets.is_empty() {
        let converters = asked.converters(archive)?;
        for (key, charset, place) in charsets {
            asked.charset(key, charset, converters.as_ref()).map_err(|message| {
                Error::table(place, message).with_help("`iconv --list` has those that the C library knows")
            })?;
        }
        if !keys.gconv.is_empty() {
            asked.decide("charsets");
        }
    }
    Ok((asked.starts, asked.choices))
}

/// Returns the modules that the image's nsswitch.conf names; the file is ROOT's or a declared one.
fn name_services(index: &Index, archive: &Path) -> Result<BTreeSet<String>, Error> {
    const PATH: &str = "/etc/nsswitch.conf";
    let Some(content) = index.tree().resolve(PATH).ok().and_then(|at| index.content(&at.path)) else {
        return Ok(BTreeSet::new());
    };
    let mut file = RootArchive::open(archive)?;
    let mut text = Vec::new();
    let read = file.content(content)?.take(MAX_TEXT).read_to_end(&mut text);
    read.map_err(|error| Error::file("read", archive, error))?;
    Ok(name_service::modules(&String::from_utf8_lossy(&text)))
}

/// The results of the keys that are read so far.
struct Asked<'index> {
    index: &'index mut Index,
    starts: Vec<Start>,
    choices: RuntimeDepChoices,
}

impl Asked<'_> {
    fn decide(&mut self, name: &str) {
        self.choices.decided.insert(name.to_owned());
    }

    fn start(&mut self, key: &str, path: impl Into<String>) {
        self.starts.push(Start { reason: Reason::Asked { key: key.to_owned() }, path: path.into() });
    }

    /// Chooses the bundle by the globs of the table of run-time dependencies.
    fn certificates(&mut self) -> Result<(), Error> {
        const NAME: &str = "ca-certificates";
        let needs = RuntimeDep::find(NAME).map_or(&[][..], |dependency| dependency.needs);
        let globs = needs.iter().flat_map(|need| if let Files::Globs(globs) = need.files { globs } else { &[] });
        let patterns = Patterns::new(globs)?;
        let found: Vec<String> = self.matching(|path| patterns.find(path).is_some());
        for path in found {
            self.start(NAME, path);
        }
        self.decide(NAME);
        Ok(())
    }

    fn zone<T>(&mut self, name: &str, key: &Located<T>) -> Result<(), Error> {
        let path = format!("{ZONES}/{name}");
        let is_zone =
            |index: &Index| index.tree().resolve(&path).is_ok_and(|resolved| index.content(&resolved.path).is_some());
        if !is_zone(self.index) {
            return Err(Error::table(&key.place, format!("there is no time zone `{name}`"))
                .with_help_if(self.zone_like(name).map(|near| format!("did you mean `{near}`?"))));
        }
        self.index.insert("/etc/localtime", Node::symlink(format!("..{path}")))?;
        self.start("timezone", "/etc/localtime");
        self.start("timezone", path);
        self.decide("time-zones");
        Ok(())
    }

    /// Returns a zone with the same place in another area, or in another case.
    fn zone_like(&self, name: &str) -> Option<String> {
        let place = |zone: &str| zone.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        let zones = self.matching(|path| path.starts_with(ZONES) && place(path) == place(name));
        Some(zones.first()?.strip_prefix(ZONES)?.trim_start_matches('/').to_owned())
    }

    fn locale<T>(&mut self, name: &str, key: &Located<T>) -> Result<(), Error> {
        let folder = format!("/usr/lib/locale/{name}/");
        let files = self.matching(|path| path.starts_with(&folder));
        if files.is_empty() {
            return Err(Error::table(&key.place, format!("ROOT has no locale `{name}`"))
                .with_help("`package-env` of sys-libs/glibc-locales must not set LOCALES"));
        }
        for path in files {
            self.start("locale", path);
        }
        self.decide("locales");
        Ok(())
    }

    /// Returns the folder of the C library's converters and their list, or `None` if ROOT lacks it.
    fn converters(&self, archive: &Path) -> Result<Option<(String, Converters)>, Error> {
        let Some(list) = self.matching(|path| path.ends_with("/gconv/gconv-modules")).into_iter().next() else {
            return Ok(None);
        };
        let folder = list.trim_end_matches("gconv-modules").to_owned();
        let more = format!("{folder}gconv-modules.d/");
        let mut file = RootArchive::open(archive)?;
        let mut texts = Vec::new();
        for path in self.matching(|path| path == list || (path.starts_with(&more) && path.ends_with(".conf"))) {
            texts.push(String::from_utf8_lossy(&file.text(self.index, &path, MAX_TEXT)?).into_owned());
        }
        Ok(Some((folder, Converters::parse(texts.iter().map(String::as_str)))))
    }

    /// Chooses the modules of a character set, the libraries beside them that they need, and the list that finds them.
    fn charset(&mut self, key: &str, name: &str, converters: Option<&(String, Converters)>) -> Result<(), String> {
        let unknown = || format!("the C library does not know the character set `{name}`");
        let Some((folder, converters)) = converters else { return Err(unknown()) };
        let modules = converters.modules(name).ok_or_else(unknown)?;
        let mut files: Vec<String> = modules.iter().map(|module| format!("{folder}{module}.so")).collect();
        if files.is_empty() {
            return Ok(());
        }
        let cache = format!("{folder}gconv-modules.cache");
        let lists = self.matching(|path| match self.index.content(&cache).is_some() {
            true => path == cache,
            false => path.starts_with(&format!("{folder}gconv-modules")),
        });
        let mut taken = BTreeSet::new();
        while let Some(path) = files.pop() {
            let Some(content) = self.index.content(&path) else { continue };
            let beside =
                content.elf().into_iter().flat_map(|elf| &elf.needed).map(|soname| format!("{folder}{soname}"));
            files.extend(beside.filter(|other| !taken.contains(other)));
            taken.insert(path);
        }
        for path in taken.into_iter().chain(lists) {
            self.start(key, path);
        }
        Ok(())
    }

    /// Returns the files and links of ROOT whose paths satisfy `is`.
    fn matching(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let paths = self.index.tree().iter().filter(|(_, node)| !node.is_directory()).map(|(path, _)| path);
        paths.filter(|path| is_wanted(path)).map(str::to_owned).collect()
    }
}

/// With `strict`, fails if a run-time dependency might be missing.
pub(super) fn check_strictness(spec: &ImageSpec, chosen: &Closure) -> Result<(), Error> {
    let Some(place) = &spec.content.run_time.strict else { return Ok(()) };
    let gaps: Vec<Gap> = chosen.findings.iter().filter_map(Gap::of).collect();
    if gaps.is_empty() {
        return Ok(());
    }
    let mut edits: Vec<&str> = gaps.iter().map(|gap| gap.edit.as_str()).collect();
    edits.sort_unstable();
    edits.dedup();
    let help = edits.join("; ");
    let lines: Vec<String> = gaps.into_iter().map(|gap| gap.what).collect();
    Err(missing_files(spec, &lines).at(place).with_help(help))
}
