//! What a table says of hidden run-time dependencies: files that its keys choose, and whether one may be missing.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

use tierce_hidden::{Files, Hidden};
use tierce_manifest::{AllowMissing, ImageSpec, Located};
use tierce_rootfs::gconv::Converters;
use tierce_rootfs::name_service;
use tierce_rootfs::{Closure, HiddenChoices, Index, Node, Patterns, Reason, Start};

use crate::Error;
use crate::gaps::Gap;
use crate::steps::pack::reader;
use crate::steps::packages::open;

/// The text files of the C library's converters; glibc's own have 60 kB.
const MAX_TEXT: u64 = 4 << 20;
const ZONES: &str = "/usr/share/zoneinfo";

/// What the keys of the table choose, and which dependencies they decide. The link to the local time zone is put into `index`.
pub(crate) fn run_time(
    spec: &ImageSpec,
    index: &mut Index,
    archive: &Path,
) -> Result<(Vec<Start>, HiddenChoices), Error> {
    let keys = &spec.content.run_time;
    let name_services = name_services(index, archive)?;
    let choices = HiddenChoices { name_services, ..HiddenChoices::default() };
    let mut asked = Asked { index, starts: Vec::new(), choices };
    for allowed in &spec.content.allow_missing {
        if let AllowMissing::Hidden(hidden) = allowed.value {
            asked.choices.allowed.insert(hidden.name.to_owned());
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
            asked.charset(key, charset, converters.as_ref()).map_err(|message| Error::Table {
                place: place.clone(),
                message,
                help: Some("`iconv --list` has those that the C library knows".to_owned()),
            })?;
        }
        if !keys.gconv.is_empty() {
            asked.decide("charsets");
        }
    }
    Ok((asked.starts, asked.choices))
}

/// The modules that the image's nsswitch.conf names, be it ROOT's or the workspace's own.
fn name_services(index: &Index, archive: &Path) -> Result<BTreeSet<String>, Error> {
    const PATH: &str = "/etc/nsswitch.conf";
    let Some(content) = index.tree().resolve(PATH).ok().and_then(|at| index.content(&at.path)) else {
        return Ok(BTreeSet::new());
    };
    let (mut file, _) = open(archive)?;
    let mut text = Vec::new();
    let read = reader(content, &mut file, PATH)?.take(MAX_TEXT).read_to_end(&mut text);
    read.map_err(|error| Error::file("read", archive, error))?;
    Ok(name_service::modules(&String::from_utf8_lossy(&text)))
}

/// What is asked for, as far as it is read.
struct Asked<'index> {
    index: &'index mut Index,
    starts: Vec<Start>,
    choices: HiddenChoices,
}

impl Asked<'_> {
    fn decide(&mut self, name: &str) {
        self.choices.decided.insert(name.to_owned());
    }

    fn start(&mut self, key: &str, path: impl Into<String>) {
        self.starts.push(Start { reason: Reason::Asked { key: key.to_owned() }, path: path.into() });
    }

    /// The bundle, by the globs of the table of hidden dependencies.
    fn certificates(&mut self) -> Result<(), Error> {
        const NAME: &str = "ca-certificates";
        let needs = Hidden::find(NAME).map_or(&[][..], |hidden| hidden.needs);
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
            return Err(Error::Table {
                place: key.place.clone(),
                message: format!("there is no time zone `{name}`"),
                help: self.zone_like(name).map(|near| format!("did you mean `{near}`?")),
            });
        }
        self.index.insert("/etc/localtime", Node::symlink(format!("..{path}")))?;
        self.start("timezone", "/etc/localtime");
        self.start("timezone", path);
        self.decide("time-zones");
        Ok(())
    }

    /// The zone of the same place in another area, or in another case.
    fn zone_like(&self, name: &str) -> Option<String> {
        let place = |zone: &str| zone.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        let zones = self.matching(|path| path.starts_with(ZONES) && place(path) == place(name));
        Some(zones.first()?.strip_prefix(ZONES)?.trim_start_matches('/').to_owned())
    }

    fn locale<T>(&mut self, name: &str, key: &Located<T>) -> Result<(), Error> {
        let folder = format!("/usr/lib/locale/{name}/");
        let files = self.matching(|path| path.starts_with(&folder));
        if files.is_empty() {
            return Err(Error::Table {
                place: key.place.clone(),
                message: format!("ROOT has no locale `{name}`"),
                help: Some("`package-env` of sys-libs/glibc-locales must not set LOCALES".to_owned()),
            });
        }
        for path in files {
            self.start("locale", path);
        }
        self.decide("locales");
        Ok(())
    }

    /// What ROOT's C library converts, and the folder of its modules; none where it has no such folder.
    fn converters(&self, archive: &Path) -> Result<Option<(String, Converters)>, Error> {
        let Some(list) = self.matching(|path| path.ends_with("/gconv/gconv-modules")).into_iter().next() else {
            return Ok(None);
        };
        let folder = list.trim_end_matches("gconv-modules").to_owned();
        let more = format!("{folder}gconv-modules.d/");
        let (mut file, _) = open(archive)?;
        let mut texts = Vec::new();
        for path in self.matching(|path| path == list || (path.starts_with(&more) && path.ends_with(".conf"))) {
            texts.push(String::from_utf8_lossy(&self.index.read(&mut file, &path, MAX_TEXT)?).into_owned());
        }
        Ok(Some((folder, Converters::parse(texts.iter().map(String::as_str)))))
    }

    /// The modules of a character set, the libraries beside them that they need, and the list by which they are found.
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

    /// The files and links of ROOT whose paths are such.
    fn matching(&self, is: impl Fn(&str) -> bool) -> Vec<String> {
        let paths = self.index.tree().iter().filter(|(_, node)| !node.is_directory()).map(|(path, _)| path);
        paths.filter(|path| is(path)).map(str::to_owned).collect()
    }
}

/// With `strict`, the error for what might be missing.
pub(crate) fn check_strictness(spec: &ImageSpec, chosen: &Closure) -> Result<(), Error> {
    let Some(place) = &spec.content.run_time.strict else { return Ok(()) };
    let gaps: Vec<Gap> = chosen.findings.iter().filter_map(Gap::of).collect();
    if gaps.is_empty() {
        return Ok(());
    }
    let mut edits: Vec<&str> = gaps.iter().map(|gap| gap.edit.as_str()).collect();
    edits.sort_unstable();
    edits.dedup();
    Err(Error::Missing {
        image: spec.name.to_string(),
        help: Some(edits.join("; ")),
        lines: gaps.into_iter().map(|gap| gap.what).collect(),
        place: place.clone(),
    })
}
