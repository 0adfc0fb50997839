#!/usr/bin/python3
"""Finds packages in the builder's repositories: a JSON request on stdin, one JSON document on stdout.

Runs in a builder, without a network, beside resolve.py, with the configuration of an image.

Request:  {"search": [word]}, the packages whose names or descriptions have all words; or {"package": atom}
Answer:   {"packages": [...]}, or {"package": {...}} with its versions and the USE flags of the one that a build would take,
          or {"failure": {"kind": ...}}
"""

import os
import re
import sys
import xml.etree.ElementTree

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import portage
from portage.exception import PortageException
from portage.versions import cpv_getkey, cpv_getversion

from resolve import Failure, no_ebuilds, packages_of, parse_atoms, reply, similar

# The sources of USE flags, the strongest first: the parts of Portage's configuration in the order of its USE_ORDER, and what the user
# calls them.
SOURCES = {
    "pkg": "package-use",
    "conf": "use",
    "defaults": "profile",
    "pkginternal": "ebuild",
}


def search(portdb, words):
    """A row for each package with all of the words."""
    words = [word.lower() for word in words]
    rows = (row(portdb, cp, words) for cp in packages_of(portdb))
    return [found for found in rows if found]


def row(portdb, cp, words):
    cpv, reasons = best(portdb, cp, portdb.cp_list(cp))
    description = read(portdb, cpv, "DESCRIPTION")
    text = f"{cp}\n{description}".lower()
    if not all(word in text for word in words):
        return None
    return {"package": cp, "version": cpv_getversion(cpv), "masked": reasons, "description": description}


def best(portdb, atom, versions):
    """The version that a build would take, or else the newest one with the reasons why none is taken."""
    cpv = portdb.xmatch("bestmatch-visible", atom)
    if cpv:
        return cpv, []
    return versions[-1], portage.getmaskingstatus(versions[-1], portdb=portdb)


def read(portdb, cpv, *names):
    """The values of an ebuild's variables; a single one without a list."""
    try:
        values = [" ".join(value.split()) for value in portdb.aux_get(cpv, names, myrepo=cpv.repo)]
    except (KeyError, PortageException) as error:
        raise Failure("other", cpv, f"the ebuild of `{cpv}` is broken") from error
    return values[0] if len(names) == 1 else values


def package(portdb, text):
    """The versions of a package, and the USE flags of the best one that matches."""
    atom = parse_atoms([with_category(portdb, text)], portdb)[0]
    matching = portdb.xmatch("match-all", atom)
    if not matching:
        raise no_ebuilds(portdb, atom)
    cpv, _ = best(portdb, atom, matching)
    return {
        "package": atom.cp,
        "description": read(portdb, cpv, "DESCRIPTION"),
        "homepage": read(portdb, cpv, "HOMEPAGE"),
        "versions": [version(portdb, cpv) for cpv in reversed(portdb.cp_list(atom.cp))],
        "chosen": cpv_getversion(cpv),
        "flags": flags(portdb, cpv),
    }


def with_category(portdb, text):
    """The atom, or the one package with this bare name."""
    if "/" in text:
        return text
    everything = packages_of(portdb)
    found = [cp for cp in everything if cp.partition("/")[2] == text]
    if len(found) == 1:
        return found[0]
    if found:
        raise Failure("other", text, f"several packages have the name `{text}`: {', '.join(found)}")
    near = similar(everything, f"/{text}")
    raise Failure("no-ebuilds", text, f"no repository has an ebuild of `{text}`", candidates=near)


def version(portdb, cpv):
    slot, keywords = read(portdb, cpv, "SLOT", "KEYWORDS")
    return {
        "version": cpv_getversion(cpv),
        "slot": slot,
        "keywords": keywords.split(),
        "repository": cpv.repo,
        "masked": portage.getmaskingstatus(cpv, portdb=portdb),
    }


def flags(portdb, cpv):
    """The USE flags of a version, by name: whether each is on, and the part of the configuration that says so."""
    settings = portage.config(clone=portdb.settings)
    settings.setcpv(cpv, mydb=portdb)
    enabled = set(settings["PORTAGE_USE"].split())
    texts = descriptions(portdb, cpv)
    names = sorted({name.lstrip("+-") for name in read(portdb, cpv, "IUSE").split()})
    return [
        {"flag": name, "on": name in enabled, "source": source(settings, name), "description": texts.get(name, "")}
        for name in names
    ]


def source(settings, flag):
    """The part of the configuration that decides about a flag."""
    if flag in settings.usemask:
        return "mask"
    if flag in settings.useforce:
        return "force"
    for part, name in SOURCES.items():
        words = settings.configdict[part].get("USE", "").split()
        if any(word in (flag, f"-{flag}", "-*") for word in words):
            return name
    return "default"


def descriptions(portdb, cpv):
    """The texts of a package's flags: those of its metadata.xml, and else those that a repository has for all packages."""
    places = [portdb.repositories[cpv.repo], *portdb.repositories[cpv.repo].masters]
    texts = {}
    for repository in reversed(places):
        texts |= general(repository.location)
    path = os.path.join(portdb.repositories[cpv.repo].location, cpv_getkey(cpv), "metadata.xml")
    try:
        document = xml.etree.ElementTree.parse(path)
    except (OSError, xml.etree.ElementTree.ParseError):
        return texts
    # A text may be for some versions alone; the one for all comes last, and counts where there is no other.
    for flag in sorted(document.iter("flag"), key=lambda flag: "restrict" not in flag.attrib):
        texts[flag.get("name", "")] = " ".join("".join(flag.itertext()).split())
    return texts


def general(location):
    """The texts of use.desc, and those of expanded flags (`profiles/desc`, PMS 5.3)."""
    profiles = os.path.join(location, "profiles")
    folder = os.path.join(profiles, "desc")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    files = [("", os.path.join(profiles, "use.desc"))]
    files += [(f"{name[:-5]}_", os.path.join(folder, name)) for name in names if name.endswith(".desc")]
    texts = {}
    for prefix, path in files:
        if not os.path.isfile(path):
            continue
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                parts = re.match(r"([^\s#]+)\s+-\s+(.*)", line)
                if parts:
                    texts[prefix + parts[1]] = parts[2].strip()
    return texts


def answer(request):
    portdb = portage.portdb
    if "search" in request:
        return {"packages": search(portdb, request["search"])}
    return {"package": package(portdb, request["package"])}


if __name__ == "__main__":
    reply(answer)
