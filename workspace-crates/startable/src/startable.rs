//! Whether an engine can start a program of an image: the file, its interpreter, and the way to them for the image's user.

use std::collections::BTreeSet;

use tierce_elf::{Class, Elf, Endianness, Kind, Machine};
use tierce_rootfs::{Error as TreeError, Format, Index, Node, nearest, path};

use crate::identity::Identity;

/// The levels of interpreters that are scripts themselves, which Linux follows.
const MAX_INTERPRETERS: usize = 5;
const READ: u32 = 4;
const EXECUTE: u32 = 1;

/// The reason why something cannot start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// The rest of a sentence whose subject is the path or the program.
    pub what: String,
    /// The fix, if it is known.
    pub help: Option<String>,
}

/// The settings of an image that decide whether its programs start.
pub struct Surroundings<'a> {
    /// All files of the image.
    pub image: &'a Index,
    /// The user that runs the program.
    pub user: &'a Identity,
    /// The working directory.
    pub workdir: &'a str,
    /// `PATH`
    pub search: &'a str,
    /// The volumes, which may provide files.
    pub volumes: &'a BTreeSet<String>,
    /// The processor of the image's platform, if its number is known.
    pub machine: Option<Machine>,
    /// Returns the first line of a script.
    pub first_line: &'a dyn Fn(&str) -> String,
}

fn obstacle<T>(what: impl Into<String>) -> Result<T, Obstacle> {
    Err(Obstacle { what: what.into(), help: None })
}

impl Surroundings<'_> {
    /// Checks the first word of a command. Succeeds if a volume may provide the program.
    pub fn check_command(&self, word: &str) -> Result<(), Obstacle> {
        let found = match word.contains('/') {
            true if word.starts_with('/') => Some(word.to_owned()),
            true => Some(path::join(self.workdir, word)),
            false => self.search(word)?,
        };
        found.map_or(Ok(()), |at| self.check_program(&at))
    }

    /// Checks a program by its path.
    pub fn check_program(&self, at: &str) -> Result<(), Obstacle> {
        self.check_level(at, 0)
    }

    fn check_level(&self, at: &str, level: usize) -> Result<(), Obstacle> {
        let Some(real) = self.reach(at)? else { return Ok(()) };
        let Some(node) = self.node_of(&real) else { return Ok(()) };
        if node.is_directory() {
            return obstacle("is a folder");
        }
        if !self.may(node, EXECUTE) {
            let help = "give the file a `mode` with the bits for execution, such as \"0755\"";
            let what = format!("is not executable for {}: {}", self.who(), self.describe(node));
            return Err(Obstacle { what, help: Some(help.into()) });
        }
        let Some(content) = self.image.content(&real) else { return Ok(()) };
        match &content.format {
            Format::Elf(elf) => self.check_elf(elf),
            Format::MalformedElf { problem } => obstacle(format!("is a damaged program: {problem}")),
            Format::Script { interpreter } => self.check_script(&real, node, interpreter, level),
            Format::Data => obstacle(
                "is no program: it is neither an ELF file nor a script with the absolute path of an interpreter",
            ),
        }
    }

    /// Checks a script, whose interpreter has to read it.
    fn check_script(&self, at: &str, node: &Node, interpreter: &str, level: usize) -> Result<(), Obstacle> {
        if level == MAX_INTERPRETERS {
            return obstacle("is a script, and so are its interpreter and the interpreters of that");
        }
        if !self.may(node, READ) {
            return obstacle(format!("is a script that {} cannot read: {}", self.who(), self.describe(node)));
        }
        let of_interpreter = |name: &str, Obstacle { what, help }| {
            let help = help.or_else(|| Some(format!("add the package of `{name}`, or change the script's first line")));
            Obstacle { what: format!("is a script, and its interpreter `{}` {what}", name.escape_debug()), help }
        };
        self.check_level(interpreter, level + 1).map_err(|why| of_interpreter(interpreter, why))?;
        if path::file_name(interpreter) != "env" {
            return Ok(());
        }
        let line = (self.first_line)(at);
        match env_program(&line) {
            None => Ok(()),
            Some(program) => self.check_command(program).map_err(|why| of_interpreter(program, why)),
        }
    }

    fn check_elf(&self, elf: &Elf) -> Result<(), Obstacle> {
        if let Some(other) = self.other_platform(elf) {
            return obstacle(format!("is a program for {other}"));
        }
        if matches!(elf.kind, Kind::Relocatable | Kind::Other) {
            return obstacle("is an object file and no program");
        }
        let Some(interpreter) = &elf.interpreter else {
            let is_linker = elf.soname.as_ref().is_some_and(|soname| soname.starts_with("ld-"));
            return match elf.needed.as_slice() {
                [] if elf.soname.is_some() && !elf.pie && !is_linker => obstacle("is a shared library and no program"),
                [] => Ok(()),
                [first, ..] => obstacle(format!("needs `{first}` and names no dynamic linker, which would load it")),
            };
        };
        let of_linker = |Obstacle { what, help }| Obstacle {
            what: format!("needs the dynamic linker `{}`, which {what}", interpreter.escape_debug()),
            help,
        };
        let Some(real) = self.reach(interpreter).map_err(of_linker)? else { return Ok(()) };
        match (self.node_of(&real), self.image.content(&real).map(|content| &content.format)) {
            (Some(node), _) if !self.may(node, EXECUTE) => {
                obstacle(format!("is not executable for {}: {}", self.who(), self.describe(node))).map_err(of_linker)
            }
            (_, Some(Format::Elf(linker))) if linker.is_compatible_with(elf) => Ok(()),
            (_, Some(Format::Elf(_))) => obstacle("is that of another processor").map_err(of_linker),
            _ => obstacle("is no ELF file").map_err(of_linker),
        }
    }

    /// Describes the platform of a program for another one.
    fn other_platform(&self, elf: &Elf) -> Option<String> {
        let machine = self.machine?;
        let is_ours = (elf.class, elf.endianness, elf.machine) == (Class::Elf64, Endianness::Little, machine);
        (!is_ours).then(|| format!("{} ({}), and the image is for {machine}", elf.machine, elf.class))
    }

    /// Checks that a folder exists and that the user can enter it.
    pub fn check_folder(&self, at: &str) -> Result<(), Obstacle> {
        let Some(real) = self.reach(at)? else { return Ok(()) };
        match self.image.tree().get(&real) {
            Some(node) if !node.is_directory() => obstacle("is a file"),
            Some(node) if !self.may(node, EXECUTE) => self.closed(&real, node),
            _ => Ok(()),
        }
    }

    /// Follows a path through folders that the user can enter. Returns `None` if a volume may provide the path.
    fn reach(&self, at: &str) -> Result<Option<String>, Obstacle> {
        let tree = self.image.tree();
        let resolved = match tree.resolve(at) {
            Ok(resolved) => resolved,
            Err(TreeError::NotFound { at: absent, .. }) if [at, &absent].iter().any(|at| self.is_in_volume(at)) => {
                return Ok(None);
            }
            Err(TreeError::NotFound { .. }) => {
                let near = nearest(tree, at).filter(|near| path::parent(near) == path::parent(at));
                let help = near.map(|near| format!("did you mean `{near}`?"));
                return Err(Obstacle { what: "is not in the image".into(), help });
            }
            Err(error) => return obstacle(format!("leads nowhere: {error}")),
        };
        for passed in resolved.links.iter().chain([&resolved.path]) {
            // The way begins at the root.
            let mut folders: Vec<&str> = path::parents(passed).collect();
            folders.sort_unstable();
            for folder in folders {
                match tree.get(folder) {
                    Some(node) if !self.may(node, EXECUTE) => return self.closed(folder, node),
                    _ => {}
                }
            }
        }
        Ok(Some(resolved.path))
    }

    fn closed<T>(&self, folder: &str, node: &Node) -> Result<T, Obstacle> {
        let what = format!("is out of reach: {} cannot enter `{folder}`: {}", self.who(), self.describe(node));
        let help = format!("give `{folder}` another owner or mode by `directories`, or choose another `user`");
        Err(Obstacle { what, help: Some(help) })
    }

    /// Looks a program up in the folders of `PATH`, as an engine does. Returns `None` if a volume may provide it.
    fn search(&self, word: &str) -> Result<Option<String>, Obstacle> {
        let mut first = None;
        for folder in self.search.split(':') {
            let folder = if folder.starts_with('/') { folder.to_owned() } else { path::join(self.workdir, folder) };
            if self.is_in_volume(&folder) {
                return Ok(None);
            }
            let at = path::join(&folder, word);
            let Ok(real) = self.image.tree().resolve(&at).map(|resolved| resolved.path) else { continue };
            let Some(node) = self.node_of(&real).filter(|node| !node.is_directory()) else { continue };
            if self.may(node, EXECUTE) {
                return Ok(Some(at));
            }
            first.get_or_insert(at);
        }
        match first {
            Some(at) => Ok(Some(at)),
            None => {
                let help = "write the program's absolute path, or set PATH in `env`";
                let what = format!("is in no folder of PATH, `{}`", self.search);
                Err(Obstacle { what, help: Some(help.into()) })
            }
        }
    }

    fn is_in_volume(&self, at: &str) -> bool {
        std::iter::once(at).chain(path::parents(at)).any(|at| self.volumes.contains(at))
    }

    /// Returns the node of a path without links, or the file that a hard link names.
    fn node_of(&self, real: &str) -> Option<&Node> {
        let node = self.image.tree().get(real)?;
        match &node.kind {
            tierce_rootfs::NodeKind::HardLink { target } => self.image.tree().get(target),
            _ => Some(node),
        }
    }

    /// Whether the user has a permission, as the kernel decides: the first class that applies counts alone.
    fn may(&self, node: &Node, permission: u32) -> bool {
        if self.user.is_root() {
            // Root cannot run a file that nobody can run.
            return node.is_directory() || permission != EXECUTE || node.mode & 0o111 != 0;
        }
        let shift = match () {
            () if node.uid == self.user.uid => 6,
            () if node.gid == self.user.gid || self.user.groups.contains(&node.gid) => 3,
            () => 0,
        };
        (node.mode >> shift) & permission != 0
    }

    /// Names the user in a sentence.
    pub fn who(&self) -> String {
        match self.user.uid {
            0 => "root".into(),
            uid => format!("the user {uid}:{}", self.user.gid),
        }
    }

    fn describe(&self, node: &Node) -> String {
        format!("its mode is {:04o}, its owner {}:{}", node.mode, node.uid, node.gid)
    }
}

/// Returns the program that `env` starts, by the first line of a script: `#!/usr/bin/env -S python3 -u`.
fn env_program(line: &str) -> Option<&str> {
    let words = line.trim_start_matches("#!").split_ascii_whitespace().skip(1);
    words
        .map(|word| word.trim_start_matches("-S"))
        .find(|word| !word.is_empty() && !word.starts_with('-') && !word.contains('='))
}

#[cfg(test)]
#[path = "startable_tests.rs"]
mod tests;
