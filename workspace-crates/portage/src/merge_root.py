#!/usr/bin/python3
"""Runs emerge, and skips Portage's shells for the phases of binary packages whose ebuilds have no function for them to call.

Call:  merge_root.py ARGUMENT…, the arguments of emerge. ROOT and all other settings are as for emerge.

Portage starts some ten shells for each package, also if none of its pkg_* functions exists. Portage itself still does the rest:
collisions, protected files, linked folders, the package database. A phase keeps its shell if its function exists, and a package all
shells if anything else could have changed their work: a bashrc, a mask or a check of its own. All packages keep them if Portage is
another version than KNOWN. The test `merged_root_is_the_one_of_emerge` compares both ways.
Exit: emerge's own code.
"""

import bz2
import os
import re
import runpy
import shutil
import stat
import sys

# The version whose phases these functions replace.
KNOWN = "3.0.83"
# The EAPIs whose phases are known; EAPI 9 and later may have others.
EAPIS = {"7", "8"}
# FEATURES without which a shell has something to do, and those with which it has.
NEEDED = {"binpkg-dostrip", "binpkg-docompress"}
REFUSED = {"chflags", "selinux", "suidctl", "keeptemp", "keepwork", "noclean", "fakeroot"}
# Variables that change what a shell does.
UNSET = ("INSTALL_MASK", "PKG_INSTALL_MASK", "EBUILD_SUCCESS_HOOKS", "EBUILD_DEATH_HOOKS", "PORTAGE_DEBUG")
# The content of a package's work folder, and the marks of finished phases.
WORK = ("image", "homedir", "empty", "build-info", ".ipc", "files", "distdir")
MARKS = (".die_hooks", ".exit_status", ".src_patches", ".ebuild_changed", ".logid", ".pretended", ".setuped", ".unpacked")
MARKS += (".prepared", ".configured", ".compiled", ".tested", ".packaged", ".instprepped", ".installed")
# Programs that Portage's checks run in ROOT, if the builder has them.
CHECKERS = ("update-desktop-database", "gtk-update-icon-cache", "update-mime-database")
# In a saved environment: a function that Portage calls before or after one of an ebuild, a mask of the ebuild's own, or functions that it
# has registered for the end of a phase.
HOOK = re.compile(rb"^(pre|post)_pkg_\w+ *\(\)|\b(INSTALL_MASK|EBUILD_(SUCCESS|DEATH)_HOOKS)=", re.MULTILINE)


def has_checks_of_its_own(settings):
    """Whether the builder or a repository has checks of merges besides Portage's own, or the programs that Portage's own start."""
    folders = ["/usr/local/lib", "/usr/lib", "/usr/lib/portage"]
    folders += [os.path.join(repository.location, "metadata") for repository in settings.repositories]
    names = [f"{phase}-qa-check.d" for phase in ("preinst", "postinst")]
    if any(os.path.exists(os.path.join(folder, name)) for folder in folders for name in names):
        return True
    own = [os.listdir(os.path.join(settings["PORTAGE_BIN_PATH"], name)) for name in names]
    path = settings.get("PATH", "") + ":" + os.environ.get("PATH", "")
    return own != [["50xdg-utils"]] * 2 or any(shutil.which(program, path=path) for program in CHECKERS)


def has_bashrc(settings):
    """Whether a file of a profile or of /etc/portage would run in each shell of the package."""
    user = os.path.join(settings["PORTAGE_CONFIGROOT"], "etc/portage")
    slot, category = settings["SLOT"].partition("/")[0], settings["CATEGORY"]
    names = [settings["PN"], f"{settings['PN']}:{slot}", settings["P"], settings["PF"]]
    files = [os.path.join(user, "bashrc"), *(os.path.join(user, "env", category, name) for name in names)]
    return bool(settings._pbashrc) or any(os.path.exists(file) for file in files)


def has_hook(settings):
    """Whether the environment that was saved with the package has a function or a mask that Portage's shells would use."""
    saved = os.path.join(settings["PORTAGE_BUILDDIR"], "build-info/environment.bz2")
    return os.path.exists(saved) and HOOK.search(bz2.open(saved).read()) is not None


def needs_no_shell(settings, phase=None):
    """Whether a shell of Portage has no function to call, be it for a phase of this package or for all. In doubt, it runs."""
    phases = settings.configdict["pkg"].get("DEFINED_PHASES", "").split()
    return (
        settings.get("EMERGE_FROM") == "binary"
        and settings.get("EAPI") in EAPIS
        # A package without any function has `-`.
        and phases
        and phase not in phases
        and all(word in settings.features for word in NEEDED)
        and not any(word in settings.features for word in REFUSED)
        and not any(settings.get(name, "").strip() not in ("", "0") for name in UNSET)
        and not has_checks_of_its_own(settings)
        and not has_bashrc(settings)
        and not has_hook(settings)
    )


def clean(settings):
    """Does the work of __dyn_clean of phase-functions.sh for a binary package."""
    folder = settings["PORTAGE_BUILDDIR"]
    if not os.path.isdir(folder):
        return
    for path in [settings["T"], settings["WORKDIR"], *(os.path.join(folder, name) for name in WORK + MARKS)]:
        remove(path)
    if not os.listdir(folder):
        os.rmdir(folder)


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def restrict_set_ids(settings):
    """Does the work of preinst_sfperms of misc-functions.sh: nobody else reads files that run as their owner or group."""
    if "sfperms" not in settings.features:
        return
    for folder, _, names in os.walk(os.fsencode(settings["ED"])):
        for name in names:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            mode = stat.S_IMODE(status.st_mode)
            if not stat.S_ISREG(status.st_mode) or not mode & (stat.S_ISUID | stat.S_ISGID):
                continue
            os.chmod(path, mode & ~(stat.S_IROTH if mode & stat.S_ISGID else stat.S_IROTH | stat.S_IRGRP))


def note_mask(settings):
    """Does the work of preinst_mask of misc-functions.sh, which writes the masks of FEATURES for Portage."""
    masks = [f"/usr/share/{name}" for name in ("man", "info", "doc") if f"no{name}" in settings.features]
    if masks:
        with open(os.path.join(settings["PORTAGE_BUILDDIR"], "build-info/INSTALL_MASK"), "w") as file:
            file.write(" ".join(masks) + "\n")


def touch(settings, name):
    open(os.path.join(settings["PORTAGE_BUILDDIR"], name), "a").close()


# The rest of the work of each phase. The shell of `postinst` stays: it writes environment.bz2 of the database, with the variables of ROOT.
PHASES = {
    "clean": clean,
    "setup": lambda settings: touch(settings, ".setuped"),
    "instprep": lambda settings: touch(settings, ".instprepped"),
    "preinst": restrict_set_ids,
}
FUNCTIONS = {
    ("preinst_mask",): note_mask,
    ("preinst_sfperms", "preinst_suid_scan", "preinst_qa_check"): restrict_set_ids,
    ("success_hooks",): lambda settings: None,
    ("postinst_qa_check",): lambda settings: None,
}


def replace_shells():
    """Replaces the methods of Portage that start a shell."""
    from _emerge.EbuildPhase import EbuildPhase
    from _emerge.MiscFunctionsProcess import MiscFunctionsProcess
    from portage.package.ebuild.doebuild import _post_phase_emptydir_cleanup

    start_phase, start_function = EbuildPhase._start_lock, MiscFunctionsProcess._start

    def phase(self):
        work = PHASES.get(self.phase)
        if not work or not needs_no_shell(self.settings, self.phase):
            return start_phase(self)
        work(self.settings)
        _post_phase_emptydir_cleanup(self.settings)
        self._current_task = None
        self.returncode = os.EX_OK
        self._async_wait()

    def function(self):
        work = FUNCTIONS.get(tuple(self.commands))
        if not work or not needs_no_shell(self.settings):
            return start_function(self)
        work(self.settings)
        self.returncode = os.EX_OK
        self._async_wait()

    EbuildPhase._start_lock, MiscFunctionsProcess._start = phase, function


def main():
    try:
        import portage
        from portage.const import PORTAGE_BIN_PATH
    except ImportError:
        # Another Python has Portage: the builder is an image of the user's own.
        os.execvp("emerge", ["emerge", *sys.argv[1:]])
    if portage.VERSION != KNOWN:
        os.execvp("emerge", ["emerge", *sys.argv[1:]])
    # As emerge itself sets them, before it loads anything else.
    portage._internal_caller = True
    portage._disable_legacy_globals()
    replace_shells()
    emerge = os.path.join(PORTAGE_BIN_PATH, "emerge")
    sys.argv[0] = emerge
    runpy.run_path(emerge, run_name="__main__")


if __name__ == "__main__":
    main()
