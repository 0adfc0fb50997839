//! What an image of some programs holds, and why.
//!
//! [`closure`] starts at the programs and at what the user declared or keeps, and follows what the dynamic linker and the
//! kernel would follow: interpreters, needed libraries, dlopen notes, the interpreters of scripts, links. Every path of the
//! result has one [`Reason`], which names another path of the result, so that a chain of reasons leads from every file to a
//! program or to a line of the user's table. The result does not depend on the order in which anything was given.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use tierce_elf::Priority;

use crate::follow::Follow;
use crate::hidden::{HiddenChoices, Hiding};
use crate::report::Size;
use crate::{Error, FileContent, Globs, Index, LdCache, Loader, Node, NodeKind, path};

/// Where a closure starts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Start {
    /// [`Reason::Program`], [`Reason::Declared`], [`Reason::Probe`] or [`Reason::Base`]; of several for one path the first wins, in
    /// this order.
    pub reason: Reason,
    /// A path inside the root, links allowed.
    pub path: String,
}

/// Why a path is in an image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "reason")]
pub enum Reason {
    /// It is one of the programs that the image is made for.
    Program,
    /// The user's table names it as a file or a directory.
    Declared,
    /// The image's health check runs it: Tierce's own probe.
    Probe,
    /// The image that this one begins with has it.
    Base {
        /// That image.
        image: String,
    },
    /// It is a file of a package, all of whose files are in.
    Package {
        /// `category/name`.
        package: String,
    },
    /// It was made when packages were merged, all of whose files are in.
    Merged,
    /// A script of the user's made or changed it.
    Hook {
        /// Which: `hooks.finish`.
        hook: String,
    },
    /// It is the dynamic linker of a program.
    Interpreter {
        /// The program.
        of: String,
    },
    /// An ELF file needs it.
    Needed {
        /// The file that needs it.
        by: String,
        /// The name by which it does.
        soname: String,
        /// How `ld.so` finds it.
        via: Via,
    },
    /// An ELF file says that it loads it by `dlopen`.
    DlopenNote {
        /// The file that says so.
        by: String,
        /// The name by which it is loaded.
        soname: String,
        /// The feature, where it has a name.
        feature: Option<String>,
        /// How much depends on it.
        priority: Priority,
    },
    /// A hidden run-time dependency needs it, which an ELF file gives away.
    Hidden {
        /// The dependency's name.
        name: String,
        /// The file.
        by: String,
        /// What of the file does.
        trigger: Told,
    },
    /// A key of the image's table asks for it.
    Asked {
        /// The key.
        key: String,
    },
    /// A glob of the user's matches it, or a directory above it.
    Keep {
        /// The glob.
        pattern: String,
    },
    /// It is the interpreter of a script.
    ScriptInterpreter {
        /// The script.
        of: String,
    },
    /// It is a link that is passed on the way to a file of the image.
    LinkTo {
        /// The file.
        path: String,
    },
    /// A link of the image leads to it.
    TargetOf {
        /// The link.
        link: String,
    },
    /// It is a directory that holds something of the image.
    ParentOf {
        /// The first of what it holds.
        path: String,
    },
    /// It is the linker cache, made for the libraries of the image.
    LdCache,
}

/// The step of `ld.so`'s search that finds a library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// The needed name is a path.
    Path,
    /// `DT_RPATH` of the object, or of one that loaded it.
    Rpath,
    /// `DT_RUNPATH` of the object.
    Runpath,
    /// The linker cache.
    Cache,
    /// A default directory.
    DefaultDirectory,
}

/// What of an ELF file gives a hidden dependency away.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// It calls this function.
    Calls(String),
    /// It is the library of this soname.
    Is(String),
    /// It holds this text.
    Mentions(String),
}

/// Something worth a line in the report that is no error.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "finding")]
pub enum Finding {
    /// A library that a dlopen note names is not in the image: merely suggested, or recommended and not there.
    DlopenNotTaken {
        /// The file with the note.
        by: String,
        /// The names, of which one would do.
        sonames: Vec<String>,
        /// The feature, where it has a name.
        feature: Option<String>,
        /// How much depends on it.
        priority: Priority,
    },
    /// A file has a dlopen note that cannot be read, so what it loads is not known.
    MalformedDlopenNote {
        /// The file.
        path: String,
    },
    /// Something that would be in the image is pruned.
    Pruned {
        /// Its path.
        path: String,
        /// The glob.
        pattern: String,
    },
    /// A glob to keep matches nothing: no package brings such a file.
    UnmatchedKeep {
        /// The glob, or the name of a preset.
        pattern: String,
        /// The path that comes nearest to it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nearest: Option<String>,
    },
    /// A glob to remove matches nothing, neither of ROOT nor of what the table brings.
    UnmatchedRemove {
        /// The glob.
        pattern: String,
        /// The path that comes nearest to it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nearest: Option<String>,
    },
    /// A glob to prune matches nothing.
    UnmatchedPrune {
        /// The glob.
        pattern: String,
        /// The path that comes nearest to it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nearest: Option<String>,
    },
    /// A package says that it needs something at run time, which was unmerged.
    LackingDependency {
        /// `category/name-version`.
        package: String,
        /// What it needs, as its ebuild has it.
        needs: String,
    },
    /// Something is not there, and the file that needs it may go without.
    AllowedMissing {
        /// The file.
        path: String,
        /// What is not there.
        wanted: String,
        /// The glob that allows it.
        pattern: String,
    },
    /// A hidden run-time dependency applies, and what serves it is not in the image.
    HiddenMissing {
        /// The dependency's name.
        name: String,
        /// The file that gives it away.
        by: String,
        /// What of the file does.
        trigger: Told,
        /// What does not work.
        without: String,
        /// The glob or preset that keeps out what would serve it.
        pruned: Option<String>,
    },
    /// A script's interpreter is not there.
    ScriptInterpreterAbsent {
        /// The script.
        script: String,
        /// The path after its `#!`.
        interpreter: String,
    },
    /// A link of the image leads to nothing.
    DanglingLink {
        /// The link.
        path: String,
    },
    /// The image begins with one from anywhere, of which nothing is known.
    ForeignBase {
        /// Its reference, or the image of the workspace that stands on it.
        image: String,
        /// Files that it has and in place of which its own programs get others now.
        replaced: Vec<String>,
        /// The versions of its C library and of the one that its programs get, which is older.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        older_libc: Option<[(u16, u16); 2]>,
    },
}

impl Finding {
    /// Whether the image might miss something that it needs: what `strict` makes an error.
    #[must_use]
    pub fn might_be_missing(&self) -> bool {
        match self {
            Self::DlopenNotTaken { priority, .. } => *priority != Priority::Suggested,
            Self::HiddenMissing { .. } | Self::MalformedDlopenNote { .. } | Self::ScriptInterpreterAbsent { .. } => {
                true
            }
            Self::DanglingLink { .. } => true,
            Self::Pruned { .. } => false,
            Self::UnmatchedKeep { .. } | Self::UnmatchedPrune { .. } | Self::UnmatchedRemove { .. } => false,
            // Allowed, or asked for by `unmerge` or `base`.
            Self::AllowedMissing { .. } | Self::LackingDependency { .. } | Self::ForeignBase { .. } => false,
        }
    }
}

/// The paths of an image and their reasons.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closure {
    entries: BTreeMap<String, Reason>,
    /// What the report should say, sorted.
    pub findings: BTreeSet<Finding>,
    /// What was left out of an image of packages, by the preset or the glob that did it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, Size>,
    /// Files that are made for the image, as ROOT has nothing at their paths: why, and their content.
    #[serde(skip)]
    pub(crate) written: BTreeMap<String, (Reason, &'static str)>,
}

/// Computes the closure of `starts` in a root filesystem, hidden run-time dependencies included as far as they are there. What is
/// pruned is as if it were absent, but for the starts themselves and for directories that hold something of the image.
///
/// # Errors
/// [`Error::Missing`] with everything that is needed and absent, or pruned; [`Error::NotFound`] and its like for a start
/// that is not in the tree.
pub fn closure(
    index: &Index,
    starts: &[Start],
    loader: &Loader,
    globs: &Globs,
    choices: &HiddenChoices,
) -> Result<Closure, Error> {
    let mut follow = Follow::new(index, loader, globs);
    let starts: BTreeSet<&Start> = starts.iter().collect();
    // Links last: what a user's link leads to may be the user's as well, and then no glob is asked about it.
    let is_link = |start: &Start| {
        let resolved = index.tree().resolve_folder(&start.path);
        resolved.is_ok_and(|resolved| index.tree().get(&resolved.path).is_some_and(Node::is_symlink))
    };
    let (links, others): (Vec<&Start>, Vec<&Start>) = starts.into_iter().partition(|start| is_link(start));
    for start in others.into_iter().chain(links) {
        match start.reason {
            Reason::Base { .. } => {
                follow.closure.add(&start.path, start.reason.clone());
                follow.follow(&start.path)?;
            }
            _ => follow.start(&start.path, start.reason.clone())?,
        }
    }
    follow.keep()?;
    follow.hidden(choices, Hiding::Adds)?;
    follow.note_unmatched_prunes();
    follow.finish()
}

/// Selects all of a root filesystem, whose files belong to the packages that `owners` names (`category/name`, by real path),
/// with `starts` on top. What is pruned, and what a preset matches and `keep` does not, stays out. Of what is in, everything
/// that it needs has to be in as well: libraries, the interpreters of scripts, the targets of links.
///
/// # Errors
/// [`Error::Missing`] with everything that is needed and not in, but for files of `allow_missing`; [`Error::NotFound`] and its
/// like for a start that is not in the tree.
pub fn packages(
    index: &Index,
    starts: &[Start],
    owners: &BTreeMap<String, String>,
    loader: &Loader,
    globs: &Globs,
    choices: &HiddenChoices,
) -> Result<Closure, Error> {
    let mut follow = Follow::new(index, loader, globs);
    let starts: BTreeSet<&Start> = starts.iter().collect();
    for start in starts {
        match start.reason {
            // Each path is a start of its own, links and what they lead to.
            Reason::Base { .. } => follow.closure.add(&start.path, start.reason.clone()),
            _ => drop(follow.add_start(&start.path, start.reason.clone())?),
        }
    }
    follow.add_packages(owners);
    follow.note_unmatched_prunes();
    follow.check_all()?;
    follow.hidden(choices, Hiding::Looks)?;
    follow.finish()
}

impl Closure {
    /// All paths with their reasons, sorted by path, directories before what they hold, without the root.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Reason)> {
        self.entries.iter().map(|(path, reason)| (path.as_str(), reason))
    }

    /// Why a path is in, if it is.
    #[must_use]
    pub fn reason(&self, path: &str) -> Option<&Reason> {
        self.entries.get(path)
    }

    /// The reasons that lead to `path`, from a program (or what else a closure starts from) to it; empty if it is not in.
    #[must_use]
    pub fn chain(&self, path: &str) -> Vec<(&str, &Reason)> {
        let mut chain = Vec::new();
        let mut next = Some(path);
        while let Some((path, reason)) = next.and_then(|path| self.entries.get_key_value(path)) {
            chain.push((path.as_str(), reason));
            // Reasons read from a file may go in a circle; those that were made here do not.
            next = reason.because_of().filter(|_| chain.len() <= self.entries.len());
        }
        chain.reverse();
        chain
    }

    /// Adds a path that is in the tree without links in its parents, for a reason that names a path which is in already.
    /// The first reason stays.
    pub(crate) fn add(&mut self, path: &str, reason: Reason) {
        if path != "/" && !self.entries.contains_key(path) {
            self.entries.insert(path.to_owned(), reason);
        }
    }

    /// Says of a path that a hook made it, or left it another than it was.
    pub fn made_by_hook(&mut self, path: &str, hook: &str) {
        self.entries.insert(path.to_owned(), Reason::Hook { hook: hook.to_owned() });
    }

    /// Says of paths, by the ones that they had, where they are now, for themselves and where they are reasons.
    pub(crate) fn rename(&mut self, moved: &BTreeMap<String, String>) {
        if moved.is_empty() {
            return;
        }
        let now = |path: String| moved.get(&path).cloned().unwrap_or(path);
        let entries = std::mem::take(&mut self.entries);
        self.entries = entries.into_iter().map(|(path, reason)| (now(path), reason.renamed(&now))).collect();
    }

    /// Takes out a path that is not in the image.
    pub fn remove(&mut self, path: &str) {
        self.entries.remove(path);
    }

    /// Adds the directories above everything.
    pub(crate) fn add_parents(&mut self) {
        let mut directories: BTreeMap<String, Reason> = BTreeMap::new();
        for path in self.entries.keys() {
            let mut below = path.as_str();
            for parent in path::parents(path) {
                if self.entries.contains_key(parent) || directories.contains_key(parent) {
                    break;
                }
                directories.insert(parent.to_owned(), Reason::ParentOf { path: below.to_owned() });
                below = parent;
            }
        }
        self.entries.extend(directories);
    }

    /// Puts what is made for the image into its index: files that hidden dependencies need and that are not there, and the linker
    /// cache, with what that of a base from anywhere, `below`, has besides.
    ///
    /// # Errors
    /// Those of [`Index::insert_file`].
    pub fn add_made(&mut self, image: &mut Index, loader: &Loader, below: &LdCache) -> Result<(), Error> {
        for (path, (reason, content)) in std::mem::take(&mut self.written) {
            if image.tree().resolve(&path).is_ok() {
                continue;
            }
            let bytes = content.as_bytes().to_vec();
            let node = Node::new(NodeKind::File { size: 0 }, 0o644);
            let at = image.insert_file(&path, node, bytes.len() as u64, FileContent::of_bytes(bytes))?;
            self.entries.insert(at, reason);
            self.add_parents();
        }
        self.add_ld_cache(image, loader, below)
    }

    /// Puts an `/etc/ld.so.cache` for the libraries of the image into the image's index and into the closure: the entries
    /// of the loader's cache that lead to a file of `image`, and what `below` has besides. Without any of the former, nothing is
    /// added.
    ///
    /// # Errors
    /// Those of [`Index::insert_file`].
    fn add_ld_cache(&mut self, image: &mut Index, loader: &Loader, below: &LdCache) -> Result<(), Error> {
        let cache = loader.cache.restrict(image.tree());
        if cache.entries().is_empty() {
            return Ok(());
        }
        let below = below.restrict(image.tree());
        self.note_shadowed(image, &cache, &below);
        let cache = cache.with_others(&below);
        let bytes = cache.to_bytes();
        let node = Node::new(NodeKind::File { size: 0 }, 0o644);
        let at = image.insert_file("/etc/ld.so.cache", node, bytes.len() as u64, FileContent::of_bytes(bytes))?;
        self.entries.insert(at, Reason::LdCache);
        self.add_parents();
        Ok(())
    }
}

impl Reason {
    /// The path that this reason leads back to.
    #[must_use]
    pub fn because_of(&self) -> Option<&str> {
        match self {
            Self::Program
            | Self::Declared
            | Self::Probe
            | Self::Base { .. }
            | Self::Package { .. }
            | Self::Merged
            | Self::Asked { .. }
            | Self::Hook { .. }
            | Self::Keep { .. }
            | Self::LdCache => None,
            Self::Interpreter { of } | Self::ScriptInterpreter { of } => Some(of),
            Self::Needed { by, .. } | Self::DlopenNote { by, .. } | Self::Hidden { by, .. } => Some(by),
            Self::LinkTo { path } | Self::ParentOf { path } => Some(path),
            Self::TargetOf { link } => Some(link),
        }
    }

    /// The same for paths that have moved.
    fn renamed(self, now: &impl Fn(String) -> String) -> Self {
        match self {
            Self::Interpreter { of } => Self::Interpreter { of: now(of) },
            Self::ScriptInterpreter { of } => Self::ScriptInterpreter { of: now(of) },
            Self::Needed { by, soname, via } => Self::Needed { by: now(by), soname, via },
            Self::DlopenNote { by, soname, feature, priority } => {
                Self::DlopenNote { by: now(by), soname, feature, priority }
            }
            Self::Hidden { name, by, trigger } => Self::Hidden { name, by: now(by), trigger },
            Self::LinkTo { path } => Self::LinkTo { path: now(path) },
            Self::ParentOf { path } => Self::ParentOf { path: now(path) },
            Self::TargetOf { link } => Self::TargetOf { link: now(link) },
            other => other,
        }
    }

    /// A word for the kind of reason, for tables.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Declared => "declared",
            Self::Probe => "health check",
            Self::Base { .. } => "base image",
            Self::Package { .. } => "package",
            Self::Merged => "made when merging",
            Self::Hook { .. } => "hook",
            Self::Interpreter { .. } => "interpreter",
            Self::Needed { .. } => "needed",
            Self::DlopenNote { .. } => "dlopen note",
            Self::Hidden { .. } => "hidden dependency",
            Self::Asked { .. } => "asked for",
            Self::Keep { .. } => "kept",
            Self::ScriptInterpreter { .. } => "script interpreter",
            Self::LinkTo { .. } | Self::TargetOf { .. } => "link",
            Self::ParentOf { .. } => "directory",
            Self::LdCache => "linker cache",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program => formatter.write_str("a program of the image"),
            Self::Declared => formatter.write_str("declared by the image's table"),
            Self::Probe => formatter.write_str("the probe of the health check"),
            Self::Base { image } => write!(formatter, "in the image {image}, which this one begins with"),
            Self::Package { package } => write!(formatter, "a file of {package}"),
            Self::Merged => formatter.write_str("made when the packages were merged"),
            Self::Hook { hook } => write!(formatter, "made by {hook}"),
            Self::Interpreter { of } => write!(formatter, "the dynamic linker of {of}"),
            Self::Needed { by, soname, via } => write!(formatter, "{by} needs {soname}, found by {via}"),
            Self::DlopenNote { by, soname, feature: Some(feature), priority } => {
                write!(formatter, "{by} loads {soname} for its feature {feature} ({priority})")
            }
            Self::DlopenNote { by, soname, feature: None, priority } => {
                write!(formatter, "{by} loads {soname} ({priority})")
            }
            Self::Hidden { name, by, trigger } => write!(formatter, "{name}: {by} {trigger}"),
            Self::Asked { key } => write!(formatter, "asked for by `{key}`"),
            Self::Keep { pattern } => write!(formatter, "kept by {pattern}"),
            Self::ScriptInterpreter { of } => write!(formatter, "the interpreter of {of}"),
            Self::LinkTo { path } => write!(formatter, "a link on the way to {path}"),
            Self::TargetOf { link } => write!(formatter, "what {link} links to"),
            Self::ParentOf { path } => write!(formatter, "the directory of {path}"),
            Self::LdCache => formatter.write_str("the linker cache for the libraries of the image"),
        }
    }
}

impl fmt::Display for Told {
    /// Behind the name of the file.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Calls(function) => write!(formatter, "calls {function}"),
            Self::Is(soname) => write!(formatter, "is {soname}"),
            Self::Mentions(text) => write!(formatter, "mentions {text}"),
        }
    }
}

impl fmt::Display for Via {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Path => "its path",
            Self::Rpath => "RPATH",
            Self::Runpath => "RUNPATH",
            Self::Cache => "ld.so.cache",
            Self::DefaultDirectory => "default directory",
        })
    }
}

#[cfg(test)]
#[path = "closure_tests.rs"]
pub(crate) mod tests;
