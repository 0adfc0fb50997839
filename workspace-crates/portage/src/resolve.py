#!/usr/bin/python3
"""Resolves packages with Portage: a JSON request on stdin, one JSON document on stdout, everything else on stderr.

Runs in a builder, without a network. It calls Portage's Python interface and parses no output of emerge.

Request:  {"packages": [atom], "build_packages": [atom], "root": folder, "package_use": {atom: [flag or -flag]},
           "keep": [=category/name-version::repository], "move": [category/name], "only": [atom]}
Answer:   {"portage": version, "packages": [...in merge order]} or {"failure": {"kind": ...}}

It resolves two graphs. The first is of the empty ROOT: the packages, the system that every ROOT has, and their run-time
dependencies. The second is of the builder's own /, which compiles all of these but the system, with their build-time
dependencies. The second gets the exact versions of the first, so that both agree. Packages that the builder's base
provides itself (a shell, ps) are compiled but not merged over the base's own.

"keep" masks all other versions of its packages. If that leaves no answer, the kept versions in conflict are released, one
after the other. A package of "move" wins over them: it gets the version that it would have without "keep". "only" masks
the versions that its atoms do not match.
"""

import contextlib
import difflib
import hashlib
import io
import json
import os
import sys

# Portage iterates over sets of strings; with a random hash seed, two runs could select or order differently.
if os.environ.get("PYTHONHASHSEED") != "0":
    os.environ["PYTHONHASHSEED"] = "0"
    os.execv(sys.executable, [sys.executable, *sys.argv])

import portage
from portage.dep import Atom, check_required_use, human_readable_required_use, paren_enclose, use_reduce
from portage.exception import AmbiguousPackageName, CorruptionKeyError, InvalidAtom, PortageException
from portage.package.ebuild.config import config
from portage.package.ebuild.fetch import FilenameHashLayout
from portage.util import grabdict
from portage.versions import _pkg_str, cpv_getkey

from _emerge.actions import load_emerge_config
from _emerge.create_depgraph_params import create_depgraph_params
from _emerge.depgraph import backtrack_depgraph
from _emerge.Package import Package

# In every ROOT. The builder's base provides them in its own /, over which they are never merged.
SYSTEM = ("sys-apps/baselayout", "sys-libs/glibc", "sys-devel/gcc")

# --autounmask=n: a package that needs a changed configuration is a failure to report, not a change to propose.
OPTIONS = {"--autounmask": "n", "--oneshot": True, "--quiet": True, "--ignore-world": True}

# The variables of an ebuild's dependencies.
DEPENDENCIES = ("BDEPEND", "DEPEND", "IDEPEND", "PDEPEND", "RDEPEND")

# The most lines of Portage's explanation of a failure.
MESSAGE_LINES = 24

# The most packages that a failure lists. Gentoo's repository has thousands.
AVAILABLE = 100

# The most similar packages that a failure names, and the least similarity of two names.
SIMILAR, CUTOFF = 3, 0.7


class Failure(Exception):
    """The request has no answer; holds the document with the cause."""

    def __init__(self, kind, atom, message, **more):
        super().__init__(message)
        self.document = {
            "kind": kind,
            "atom": str(atom),
            "message": message,
            "candidates": more.get("candidates", []),
            "required_by": more.get("required_by", []),
            "mask_reasons": more.get("mask_reasons", []),
            "flags": more.get("flags", []),
            "available": more.get("available", []),
        }


class Resolution:
    """The graph of a root, the packages to merge there, and their dependencies."""

    def __init__(self, emerge, root, graph):
        self.emerge = emerge
        self.packages = [
            node
            for node in graph.altlist()
            if isinstance(node, Package) and node.operation == "merge" and node.root == root
        ]
        self.needs = {package.cpv: children(graph, package) for package in self.packages}


def children(graph, package):
    """The cpvs of the package's dependencies that are merged and not installed already."""
    nodes = graph._dynamic_config.digraph.child_nodes(package)
    return {node.cpv for node in nodes if isinstance(node, Package) and node.operation == "merge"}


def resolve(root, atoms):
    """Resolves atoms for a root ("/" or ROOT); raises Failure if Portage finds no answer."""
    emerge = load_emerge_config(env=dict(os.environ, ROOT=root), action="", args=[], opts={})
    emerge.opts.update(OPTIONS)
    parameters = create_depgraph_params(emerge.opts, None)
    settings = emerge.target_config.settings
    success, graph, _ = backtrack_depgraph(
        settings, emerge.trees, emerge.opts, parameters, None, [str(atom) for atom in atoms], None
    )
    if not success:
        raise explain(graph)
    return Resolution(emerge, settings["EROOT"], graph)


# ---- versions that are kept ---------------------------------------------------------------------------------------------


class Pins:
    """The allowed versions of some packages; all others are masked, also if the configuration unmasks them."""

    def __init__(self, portdb, only):
        self.keep, self.only = {}, {}
        for atom in (Atom(text, allow_repo=True) for text in only):
            if not portdb.xmatch("match-all-cpv-only", atom.without_use):
                raise no_ebuilds(portdb, atom.without_use)
            self.only.setdefault(atom.cp, []).append(atom)
        ask = config._getMaskAtom
        config._getMaskAtom = lambda settings, cpv, metadata: (
            self.refusal(settings, cpv, metadata) or ask(settings, cpv, metadata)
        )

    def hold(self, portdb, atoms):
        """Keeps the versions of these atoms, except versions that the repositories no longer have or that are masked."""
        for atom in (Atom(text, allow_repo=True) for text in atoms):
            if portdb.xmatch("match-visible", atom):
                self.keep.setdefault(atom.cp, []).append(atom)

    def refusal(self, settings, cpv, metadata):
        """The atom that masks a package of a repository, if there is one."""
        cp = cpv_getkey(cpv)
        atoms = self.only.get(cp) or self.keep.get(cp)
        # The packages of the builder's base are in no repository.
        if not atoms or metadata.get("repository") not in settings.repositories.prepos:
            return None
        package = _pkg_str(str(cpv), metadata=metadata, settings=settings)
        if any(portage.dep.match_from_list(atom.without_use, [package]) for atom in atoms):
            return None
        return atoms[0]

    def let_go(self, failure):
        """Releases the package of a failure, else the packages that require it, else all. Returns whether it had any."""
        if not self.keep:
            return False
        document = failure.document
        for texts in ([document["atom"]], [*document["candidates"], *document["required_by"]], list(self.keep)):
            held = {package_of(text) for text in texts} & set(self.keep)
            for cp in held:
                del self.keep[cp]
            if held:
                return True
        return False

    def explain(self, failure):
        """The failure; one of a package of "only" names the requested version."""
        document = failure.document
        for atom in self.only.get(package_of(document["atom"]), []):
            needs = [f"`{parent}` needs `{document['atom']}`" for parent in document["required_by"][:1]]
            why = needs[0] if needs else document["message"]
            return Failure("other", atom, f"`{atom}` cannot be chosen: {why}")
        return failure


def package_of(text):
    """Category and name of an atom or a cpv; None for other texts."""
    try:
        return Atom(text, allow_repo=True).cp
    except InvalidAtom:
        return cpv_getkey(text) if "/" in text else None


# ---- why a graph failed -------------------------------------------------------------------------------------------------


def explain(graph):
    """The Failure for a graph that could not be completed: its first unsatisfied dependency, else its conflict."""
    state = graph._dynamic_config
    for (root, atom), details in state._unsatisfied_deps_for_display:
        return explain_unsatisfied(graph, root, atom, details.get("myparent"))
    words = portage_words(graph)
    if state._circular_deps_for_display is not None:
        cycle = sorted({node.cpv for node in state._circular_deps_for_display if isinstance(node, Package)})
        return Failure("circular", cycle[0] if cycle else "", words, required_by=cycle)
    for conflict in state._package_tracker.slot_conflicts():
        packages = sorted(str(package.cpv) for package in conflict)
        return Failure("slot-conflict", conflict.atom, words, required_by=packages)
    return Failure("other", "", words)


def explain_unsatisfied(graph, root, atom, parent):
    """The Failure for one dependency: no ebuild, all masked, REQUIRED_USE, or another USE flag is required."""
    root_config = graph._frozen_config.roots[root]
    portdb = root_config.trees["porttree"].dbapi
    parents = [parent.cpv] if isinstance(parent, Package) else []
    plain = atom.without_use
    if not portdb.xmatch("match-all-cpv-only", plain):
        return no_ebuilds(portdb, plain, parents)
    visible = portdb.xmatch("match-visible", plain)
    if not visible:
        return masked(root_config, portdb, atom, parents)
    words = portage_words(graph)
    for cpv in reversed(visible):
        repository = portdb.aux_get(cpv, ["repository"], myrepo=atom.repo)[0]
        package = graph._pkg(cpv, "ebuild", root_config, myrepo=repository)
        required, enabled = package._metadata.get("REQUIRED_USE"), package.use.enabled
        valid = package.iuse.is_valid_flag
        if required and not check_required_use(required, enabled, valid, eapi=package.eapi):
            violated = check_required_use(required, enabled, valid, eapi=package.eapi).tounicode()
            message = f"`{cpv}` requires {human_readable_required_use(violated)} of its USE flags"
            flags = sorted(portage.dep.get_required_use_flags(violated, eapi=package.eapi))
            return Failure("required-use", atom, message, required_by=parents, flags=flags)
        if atom.use:
            # Evaluated for the parent: sqlite[tools?] requires tools only if the parent has it.
            flags = sorted(atom.use.enabled - enabled)
            flags += [f"-{flag}" for flag in sorted(atom.use.disabled & enabled)]
            return Failure("use-unsatisfied", atom, words, required_by=parents, flags=flags)
    return Failure("other", atom, words, required_by=parents)


def masked(root_config, portdb, atom, parents):
    """The Failure for an atom whose every version is masked, with the reasons of the newest."""
    newest = portdb.xmatch("match-all-cpv-only", atom.without_use)[-1]
    reasons = portage.getmaskingstatus(newest, settings=root_config.settings, portdb=portdb, myrepo=atom.repo)
    if "corruption" in reasons or any(reason.startswith("invalid: ") for reason in reasons):
        return Failure("other", atom, f"the ebuild of `{newest}` is broken ({', '.join(reasons)})", required_by=parents)
    message = f"{newest} is masked by: {', '.join(reasons)}"
    return Failure("masked", atom, message, required_by=parents, mask_reasons=reasons, candidates=[newest])


def no_ebuilds(portdb, atom, parents=()):
    """The Failure for an atom that no ebuild matches, with the versions there are, else with similar names."""
    versions = portdb.cp_list(atom.cp)
    if versions:
        message = f"no version of `{atom.cp}` matches `{atom}`; there are {', '.join(f'`{cpv}`' for cpv in versions)}"
        return Failure("no-ebuilds", atom, message, candidates=versions, required_by=list(parents))
    message = f"no repository has an ebuild of `{atom.cp}`"
    everything = packages_of(portdb)
    near = similar(everything, atom.cp)
    listed = everything if len(everything) <= AVAILABLE else []
    return Failure("no-ebuilds", atom, message, candidates=near, required_by=list(parents), available=listed)


def packages_of(portdb):
    """The packages of all repositories. Portage lists folders without an ebuild, too."""
    return sorted(cp for cp in portdb.cp_all() if portdb.cp_list(cp))


def similar(everything, cp):
    """Packages with the same name in another category, or with a similar name in any, the most similar first."""
    name = cp.partition("/")[2].lower()
    found = [(likeness(name, other.partition("/")[2].lower()), other) for other in everything]
    found = [(like, other) for like, other in found if like >= CUTOFF]
    return [other for _, other in sorted(found, key=lambda one: (-one[0], one[1]))[:SIMILAR]]


def likeness(name, other):
    """How much two names have in common, from 0 to 1. A name that contains the other is as good as a misspelt one."""
    like = difflib.SequenceMatcher(None, name, other, autojunk=False).ratio()
    contained = min(len(name), len(other)) > 2 and (name in other or other in name)
    return max(like, CUTOFF) if contained else like


def portage_words(graph):
    """emerge's explanation of the graph's problems, without its colours, blank lines and general advice."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        graph.display_problems()
    lines = [line.rstrip() for line in text.getvalue().splitlines()]
    advice = ("For more information", "refer to the Gentoo Handbook", "section in the Gentoo", "man page or")
    # The merge list, which is not the problem.
    listed = ("[ebuild", "[binary", "[nomerge", "Total:")
    kept = [line for line in lines if line and not line.startswith(listed) and not any(part in line for part in advice)]
    return "\n".join(kept[:MESSAGE_LINES])


# ---- the request --------------------------------------------------------------------------------------------------------


def parse_atoms(texts, portdb):
    """The request's atoms. Portage would guess a missing category; the table must be unambiguous."""
    atoms = []
    for text in texts:
        try:
            atom = Atom(text, allow_repo=True)
        except InvalidAtom:
            raise Failure("other", text, f"`{text}` is not an atom of the form category/name") from None
        if atom.blocker:
            raise Failure("other", text, f"`{text}` is a blocker, which names nothing to install")
        if not portdb.xmatch("match-all-cpv-only", atom.without_use):
            raise no_ebuilds(portdb, atom.without_use)
        atoms.append(atom)
    return atoms


def check_flags(package_use, portdb):
    """Raises Failure for a flag that no ebuild of its package has: Portage would ignore it silently."""
    for text, flags in sorted(package_use.items()):
        try:
            atom = Atom(text, allow_repo=True, allow_wildcard=True)
        except InvalidAtom:
            raise Failure("other", text, f"`{text}` is not an atom of the form category/name") from None
        if atom.extended_syntax:
            continue
        versions = portdb.cp_list(atom.cp)
        if not versions:
            raise no_ebuilds(portdb, atom)
        known = set()
        for cpv in versions:
            known.update(flag.lstrip("+-") for flag in portdb.aux_get(cpv, ["IUSE"])[0].split())
        unknown = sorted({flag.lstrip("-") for flag in flags if flag != "-*"} - known)
        if unknown:
            near = [close for flag in unknown for close in difflib.get_close_matches(flag, sorted(known), n=1, cutoff=0.5)]
            message = f"`{atom.cp}` has no USE flag {', '.join(f'`{flag}`' for flag in unknown)}; it has "
            message += ", ".join(f"`{flag}`" for flag in sorted(known)) or "none"
            raise Failure("unknown-use", text, message, flags=unknown, candidates=near)


def agree(root, builder):
    """Raises Failure if ROOT and the builder would have different builds of one package and slot."""
    chosen = {package.slot_atom: package for package in builder.packages}
    for package in root.packages:
        other = chosen.get(package.slot_atom)
        if other and (other.cpv, flags_of(other)) != (package.cpv, flags_of(package)):
            message = f"ROOT needs {describe(package)}, the builder needs {describe(other)} to compile"
            raise Failure("slot-conflict", package.slot_atom, message, candidates=[package.cpv, other.cpv])


def flags_of(package):
    """The enabled flags among those that the ebuild has."""
    return sorted(package.use.enabled & package.iuse.all)


def describe(package):
    """A cpv with its USE, for messages."""
    return f"{package.cpv} (USE={' '.join(flags_of(package))!r})"


# ---- the answer ---------------------------------------------------------------------------------------------------------


def answer(request):
    """The answer's document for a request."""
    packages, build_packages = request.get("packages", []), request.get("build_packages", [])
    os.makedirs(request["root"], exist_ok=True)
    portdb = portage.portdb
    atoms, build_atoms = parse_atoms(packages, portdb), parse_atoms(build_packages, portdb)
    check_flags(request.get("package_use", {}), portdb)
    pins = Pins(portdb, request.get("only", []))
    move = set(request.get("move", []))
    if move:
        try:
            free = answer_with(request["root"], atoms, build_atoms)["packages"]
        except Failure as failure:
            raise pins.explain(failure) from None
        pins.hold(portdb, [exactly(package) for package in free if name_of(package) in move])
    pins.hold(portdb, [text for text in request.get("keep", []) if package_of(text) not in move])
    while True:
        try:
            return answer_with(request["root"], atoms, build_atoms)
        except Failure as failure:
            if not pins.let_go(failure):
                raise pins.explain(failure) from None


def name_of(document):
    """Category and name of an answered package."""
    return f"{document['category']}/{document['name']}"


def exactly(document):
    """The atom of exactly this answered package."""
    return f"={name_of(document)}-{document['version']}::{document['repository']}"


def answer_with(root_folder, atoms, build_atoms):
    """The answer's document with the versions that are allowed now."""
    root = resolve(root_folder, [*SYSTEM, *atoms])
    compiled = [package for package in root.packages if package.cp not in SYSTEM]
    exact = [Atom(f"={package.cpv}::{package.repo}", allow_repo=True) for package in compiled]
    wanted = exact + [atom for atom in build_atoms if atom.cp not in SYSTEM]
    if not wanted:
        return {"portage": portage.VERSION, "packages": document_all(root, [], root.packages)}
    builder = resolve("/", wanted)
    agree(root, builder)
    merged = {package.cpv for package in builder.packages}
    first = [package for package in root.packages if package.cpv not in merged]
    wanted_there = {atom.cp for atom in build_atoms}
    only_compiled = {p.cpv for p in compiled if p.cp not in wanted_there and stands_in(builder.emerge, p.cp)}
    return {"portage": portage.VERSION, "packages": document_all(root, builder.packages, first, builder, only_compiled)}


def stands_in(emerge, cp):
    """Whether the builder's base provides a package in /, whose files Portage must not replace."""
    installed = emerge.trees["/"]["vartree"].dbapi
    repositories = emerge.target_config.settings.repositories.prepos
    # The packages of the base are in no repository.
    return any(installed.aux_get(cpv, ["repository"])[0] not in repositories for cpv in installed.cp_list(cp))


def document_all(root, merged, first, builder=None, only_compiled=frozenset()):
    """The documents of all packages: of ROOT only, then of the builder, each in merge order."""
    ordered = first + merged
    answered = {package.cpv for package in ordered}
    in_root, in_builder = {p.cpv for p in root.packages}, {p.cpv for p in merged} - only_compiled
    documents = []
    for package in ordered:
        needs = root.needs.get(package.cpv, set()) | (builder.needs.get(package.cpv, set()) if builder else set())
        document = describe_package(root.emerge, package)
        document["builder"] = package.cpv in in_builder
        document["root"] = package.cpv in in_root
        needed = needs & answered - {package.cpv}
        document["needs"] = sorted(str(cpv) for cpv in needed)
        document["by_use"] = by_use(root.emerge, package, needed)
        documents.append(document)
    return documents


def by_use(emerge, package, needed):
    """The dependencies that another setting of one flag would remove, with the current settings."""
    portdb = emerge.target_config.trees["porttree"].dbapi
    text = " ".join(portdb.aux_get(package.cpv, DEPENDENCIES, myrepo=package.repo))
    conditions = {word.strip("!?") for word in text.split() if word.endswith("?")}
    enabled, found = package.use.enabled, {}
    for flag in sorted(conditions & package.iuse.all):
        atoms = use_reduce(text, uselist=enabled ^ {flag}, eapi=package.eapi, flat=True, token_class=Atom)
        atoms = [atom.without_use for atom in atoms if isinstance(atom, Atom) and not atom.blocker]
        for cpv in needed:
            if not any(portage.dep.match_from_list(atom, [cpv]) for atom in atoms):
                found.setdefault(str(cpv), []).append(flag if flag in enabled else f"-{flag}")
    return dict(sorted(found.items()))


def describe_package(emerge, package):
    """The facts of a package's build: version, slot, USE, the digests of its ebuild, eclasses, files and sources."""
    settings = emerge.target_config.settings
    portdb = emerge.target_config.trees["porttree"].dbapi
    repository = portdb.repositories[package.repo]
    ebuild = portdb.findname(package.cpv, myrepo=package.repo)
    folder = os.path.dirname(ebuild)
    names = ["DESCRIPTION", "HOMEPAGE", "LICENSE", "INHERITED", "RESTRICT"]
    values = dict(zip(names, portdb.aux_get(package.cpv, names, myrepo=package.repo)))
    enabled = package.use.enabled
    restrict = set(use_reduce(values["RESTRICT"], uselist=enabled, flat=True))
    return {
        "category": package.category,
        "name": package.cp.partition("/")[2],
        "version": package.cpv.version,
        "slot": package.slot,
        "subslot": package.sub_slot,
        "repository": package.repo,
        "use": flags_of(package),
        "iuse": sorted(package.iuse.all),
        "license": paren_enclose(use_reduce(values["LICENSE"], uselist=enabled)),
        "description": values["DESCRIPTION"],
        "homepage": values["HOMEPAGE"],
        "ebuild": sha256(ebuild),
        "files": digests_below(folder, "files"),
        "eclasses": {
            name: sha256(repository.eclass_db.eclasses[name].location) for name in sorted(values["INHERITED"].split())
        },
        "sources": sources(settings, portdb, repository, folder, package, restrict),
    }


def sha256(path):
    """The SHA-256 of a file, in hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digests_below(folder, name):
    """Every file below folder/name with its SHA-256, by its path from the folder."""
    found = {}
    for parent, folders, files in os.walk(os.path.join(folder, name)):
        folders.sort()
        for file in sorted(files):
            path = os.path.join(parent, file)
            found[os.path.relpath(path, folder)] = sha256(path)
    return found


def sources(settings, portdb, repository, folder, package, restrict):
    """The sources of a package with its USE flags, with the digests of its Manifest."""
    fetch_map = portdb.getFetchMap(package.cpv, useflags=package.use.enabled, mytree=repository.location)
    if not fetch_map:
        return []
    manifest = repository.load_manifest(folder, settings["DISTDIR"]).fhashdict.get("DIST", {})
    found = []
    for name, uris in sorted(fetch_map.items()):
        entry = manifest.get(name)
        if not entry:
            message = f"the Manifest of `{package.cp}` has no entry for `{name}`"
            raise Failure("no-digest", package.cpv, message, candidates=[repository.name])
        places = expand(settings, name, uris, restrict)
        if not places and not os.path.exists(os.path.join(settings["DISTDIR"], name)):
            raise no_place(package, name, uris, restrict)
        found.append(
            {
                "name": name,
                "size": int(entry["size"]),
                "blake2b": entry.get("BLAKE2B"),
                "sha512": entry.get("SHA512"),
                "uris": places,
            }
        )
    return found


def no_place(package, name, uris, restrict):
    """The Failure for a source without an address."""
    if "fetch" in restrict:
        message = f"{name} of {package.cpv} must be fetched by hand (RESTRICT=fetch); see {' '.join(uris)}"
        return Failure("fetch-restricted", package.cpv, message)
    return Failure("other", package.cpv, f"nothing says where {name} of {package.cpv} is downloaded from: {' '.join(uris)}")


def expand(settings, name, uris, restrict):
    """The addresses of a source in the order in which Portage tries them, mirror:// replaced (see fetch() of Portage)."""
    custom = grabdict(os.path.join(settings["PORTAGE_CONFIGROOT"], "etc/portage/mirrors"), recursive=1)
    third_party = settings.thirdpartymirrors()
    mirrors = [mirror.rstrip("/") for mirror in custom.get("local", [])]
    upstream = []
    for uri in uris:
        override, _, rest = uri.partition("+")
        unrestricted = override in ("fetch", "mirror")
        uri = rest if unrestricted else uri
        if uri.startswith("mirror://"):
            mirror, _, path = uri.removeprefix("mirror://").partition("/")
            places = [*custom.get(mirror, []), *third_party.get(mirror, [])]
            # The host may know a mirror that the configuration does not have.
            upstream += [f"{place.rstrip('/')}/{path}" for place in places] or [uri]
        elif "://" in uri and ("fetch" not in restrict or unrestricted):
            upstream.append(uri)
    if not restrict & {"fetch", "mirror"}:
        mirrors += [mirror.rstrip("/") for mirror in settings["GENTOO_MIRRORS"].split()]
    layout = FilenameHashLayout("BLAKE2B", "8").get_path(name)
    hosted = [f"{mirror}/distfiles/{layout}" for mirror in mirrors if "://" in mirror]
    return list(dict.fromkeys(hosted + upstream))


def reply(answer):
    """Reads the request, and writes what the function answers or why it has no answer."""
    # Portage's output must not mix with the document.
    stdout = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    portage.output.nocolor()
    try:
        document = answer(json.load(sys.stdin))
    except Failure as failure:
        document = {"failure": failure.document}
    except AmbiguousPackageName as error:
        document = {"failure": Failure("other", "", f"ambiguous name: {' '.join(error.args[0])}").document}
    except CorruptionKeyError as error:
        cpv = str(error).strip("'")
        document = {"failure": Failure("other", cpv, f"the ebuild of `{cpv}` is broken").document}
    except PortageException as error:
        document = {"failure": Failure("other", "", f"{type(error).__name__}: {error}").document}
    json.dump(document, stdout, ensure_ascii=False, sort_keys=True)
    stdout.write("\n")
    stdout.close()


if __name__ == "__main__":
    reply(answer)
