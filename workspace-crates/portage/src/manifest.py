#!/usr/bin/python3
"""Lists the sources that the ebuilds of a repository name: a JSON request on stdin, one JSON document on stdout.

Runs in a builder, without a network, beside resolve.py. The host downloads the sources and writes the Manifests.

Request:  {"repository": name, "packages": [category/name]}; without packages, all of the repository
Answer:   {"packages": [{"package": category/name, "sources": [{"name": file, "uris": [...], "fetch": bool}]}]}
          or {"failure": {"kind": ...}}; "fetch" says that a program may download the source
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import portage
from portage.dep import use_reduce
from portage.exception import PortageException

from resolve import AVAILABLE, Failure, expand, reply, similar


def answer(request):
    """The answer's document for a request."""
    portdb = portage.portdb
    name = request["repository"]
    if name not in portdb.repositories.prepos:
        raise Failure("other", "", f"the builder has no repository `{name}`")
    repository = portdb.repositories[name]
    if not repository.thin_manifest:
        help = "set `thin-manifests = true` in its metadata/layout.conf"
        raise Failure("other", "", f"the Manifests of `{name}` have the digests of all files, which Tierce does not write: {help}")
    everything = sorted(cp for cp in portdb.cp_all(trees=[repository.location]) if portdb.cp_list(cp, mytree=repository.location))
    listed = everything if len(everything) <= AVAILABLE else []
    for cp in request["packages"]:
        if cp not in everything:
            raise Failure("no-ebuilds", cp, f"`{name}` has no ebuild of `{cp}`", candidates=similar(everything, cp), available=listed)
    chosen = request["packages"] or everything
    return {"packages": [{"package": cp, "sources": sources(portdb, repository, cp)} for cp in chosen]}


def sources(portdb, repository, cp):
    """The sources of all versions of a package, with any USE flags."""
    settings = portage.config(clone=portage.settings)
    found = {}
    for cpv in portdb.cp_list(cp, mytree=repository.location):
        try:
            restrict, eapi = portdb.aux_get(cpv, ["RESTRICT", "EAPI"], mytree=repository.location)
            # Without flags, Portage takes the sources of every flag.
            fetch_map = portdb.getFetchMap(cpv, mytree=repository.location)
        except (KeyError, PortageException) as error:
            raise Failure("other", cpv, f"the ebuild of `{cpv}` is broken") from error
        restrict = set(use_reduce(restrict, matchall=True, flat=True, eapi=eapi))
        for name, uris in fetch_map.items():
            # A mirror of distfiles cannot have the source of a new ebuild, and is no authority for its digests.
            places = expand(settings, name, uris, restrict | {"mirror"})
            known = found.setdefault(name, {"name": name, "uris": [], "fetch": bool(places)})
            known["uris"] += [uri for uri in places or uris if uri not in known["uris"]]
    return [found[name] for name in sorted(found)]


if __name__ == "__main__":
    reply(answer)
