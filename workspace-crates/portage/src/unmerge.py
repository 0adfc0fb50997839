#!/usr/bin/python3
"""Unmerges packages from a copy of a ROOT, and reports the run-time dependencies that the other packages lose.

Call:    unmerge.py FROM TO =category/name-version…
Answer:  one JSON document on stdout, everything else on stderr:
         {"removed": [cpv], "lacking": [{"package": cpv, "needs": atom}]}

Runs in a builder, as root and without a network. FROM is only read; TO must not exist. Portage itself unmerges, so that
the database of TO is correct. Like emerge.sh, it writes ld.so.cache for the remaining libraries.
Exit: 0; else the code of emerge or of the tool that failed.
"""

import json
import os
import shutil
import subprocess
import sys

FROM, TO, *ATOMS = sys.argv[1:]
# Portage reads these on import.
os.environ.update(ROOT=TO, LC_ALL="C.UTF-8", PYTHONHASHSEED="0")

# Portage's own notes and its files for login shells, as in emerge.sh.
GENERATED = (
    "var/lib/portage",
    "var/cache/edb",
    "var/cache/ldconfig",
    "etc/csh.env",
    "etc/environment.d",
    "etc/profile.env",
)


def run(*command, **environment):
    """Runs a program whose output is for people; exits with its code if it fails."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, env=dict(os.environ, **environment))
    if done.returncode:
        sys.exit(done.returncode)


class Needs:
    """The run-time dependencies of all packages of a database, each with the packages that satisfy it."""

    def __init__(self, database):
        from portage.dep import Atom, use_reduce

        self.database, self.matches = database, {}
        self.packages = set(database.cpv_all())
        self.of_package = {}
        for cpv in self.packages:
            eapi, use, text = database.aux_get(cpv, ["EAPI", "USE", "RDEPEND"])
            needs = use_reduce(text, uselist=use.split(), opconvert=True, token_class=Atom, eapi=eapi)
            self.of_package[cpv] = [need for need in needs if self.holds(need, self.packages)]

    def holds(self, need, there):
        """Whether these packages satisfy a dependency: an atom, or a group of them."""
        if isinstance(need, list):
            if need and need[0] == "||":
                return len(need) == 1 or any(self.holds(one, there) for one in need[1:])
            return all(self.holds(one, there) for one in need)
        if need.blocker:
            return True
        if need not in self.matches:
            self.matches[need] = self.database.match(need)
        return any(cpv in there for cpv in self.matches[need])

    def lacking(self, there):
        """The dependencies of these packages that they no longer satisfy."""
        return [
            {"package": str(cpv), "needs": show(need)}
            for cpv in sorted(there)
            for need in self.of_package[cpv]
            if not self.holds(need, there)
        ]


def show(need):
    """A dependency for people."""
    if not isinstance(need, list):
        return str(need)
    either = need[:1] == ["||"]
    return (" or " if either else " and ").join(show(one) for one in need[1 if either else 0 :])


def installed():
    """The packages of TO's database now."""
    folder = os.path.join(TO, "var/db/pkg")
    return {
        f"{category}/{package}"
        for category in os.listdir(folder)
        if os.path.isdir(os.path.join(folder, category))
        for package in os.listdir(os.path.join(folder, category))
        if not package.startswith("-MERGING-")
    }


def main():
    run("cp", "-a", "--", FROM, TO)
    import portage

    needs = Needs(portage.db[portage.settings["EROOT"]]["vartree"].dbapi)
    # Portage must remove all files of the packages: no library that others need is preserved, and no configuration file.
    features = os.environ.get("FEATURES", "") + " -preserve-libs"
    run("emerge", "--unmerge", "--quiet", *ATOMS, FEATURES=features, CONFIG_PROTECT="-*", UNINSTALL_IGNORE="")
    there = {cpv for cpv in needs.packages if str(cpv) in installed()}
    run("ldconfig", "-X", "-i", "-r", TO)
    for path in GENERATED:
        path = os.path.join(TO, path)
        shutil.rmtree(path) if os.path.isdir(path) else os.path.lexists(path) and os.remove(path)
    removed = sorted(str(cpv) for cpv in needs.packages - there)
    json.dump({"removed": removed, "lacking": needs.lacking(there)}, sys.stdout)


if __name__ == "__main__":
    main()
