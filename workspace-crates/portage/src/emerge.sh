#!/bin/bash
# Runs emerge inside of a builder, as root, without a network. What to merge is settled: every argument names one version
# (=category/name-version::repository), as the resolution gave it.
#
#   emerge.sh build [ATOM…] [--only-package ATOM…]
#       Compiles and merges the first list into the builder's /, so that what follows can be compiled against it, and
#       makes a binpkg of each. Of the second list it then makes binpkgs only: what the builder's base provides and must keep.
#       A binpkg that PKGDIR holds already with this version, USE and these dependencies is merged, not compiled again.
#   emerge.sh root ROOT [--on FOLDER] [ATOM…]
#       Merges binpkgs, in this order and from PKGDIR alone, into the folder ROOT, which has no packages yet, or on top of a
#       copy of FOLDER, which is another ROOT, or ROOT itself where that is such a copy already. Writes ROOT/etc/ld.so.cache, and
#       what ROOT's dynamic linker says about itself (its default folders, its hwcaps) to $PORTAGE_LOGDIR/ld.so.diagnostics.
#
# Environment: JOBS, packages at a time, else one per processor but at most four, since each runs make with MAKEOPTS, and
# emerge's limit by load counts what others do on the machine. The rest is in /etc/portage: PKGDIR, DISTDIR,
# PORTAGE_LOGDIR, MAKEOPTS, FEATURES. stdout has emerge's own lines of progress (">>> Emerging (2 of 5) dev-db/sqlite-…"),
# which are not compiled output: that is in PORTAGE_LOGDIR, a file per package, and is kept there on failure.
# Exit: 0; 64 for a wrong call; 65 where ROOT has packages; else emerge's own code.
set -euo pipefail

# Portage iterates over sets of strings: a fixed seed makes the order of packages the same in every run.
export PYTHONHASHSEED=0 LC_ALL=C.UTF-8

# Binpkgs come into PKGDIR as plain files, so its index is not to be believed.
export FEATURES="${FEATURES-} -pkgdir-index-trusted"

usage() {
    sed -n '5,13s/^# \{0,1\}//p' "$0" >&2
    exit 64
}

run_emerge() {
    # Without stdin, so that nothing can ask. The host shows the end of a failed package's log itself.
    emerge --oneshot --usepkg --binpkg-respect-use=y --binpkg-changed-deps=y --autounmask=n \
        --quiet-build=y --quiet-fail=y --jobs="$jobs" "$@" </dev/null
}

build() {
    local merge=() only_package=() into=merge
    while (($#)); do
        case $1 in
            --only-package) into=only_package ;;
            =*) if [[ $into == merge ]]; then merge+=("$1"); else only_package+=("$1"); fi ;;
            *) usage ;;
        esac
        shift
    done
    if ((${#merge[@]})); then
        run_emerge --buildpkg "${merge[@]}"
    fi
    if ((${#only_package[@]})); then
        # Nothing is merged, so what these need at run time is no matter, and what they are compiled with is there by now.
        run_emerge --buildpkgonly --nodeps "${only_package[@]}"
    fi
}

root() {
    local destination=${1%/} below=
    shift
    if [[ ${1-} == --on ]]; then
        (($# > 1)) || usage
        below=${2%/}
        shift 2
    fi
    [[ -n $below ]] || (($#)) || usage
    mkdir -p "$destination"
    # A hook may have been here: it has put files here, and where there is a ROOT below, the copy of that.
    if [[ $below != "$destination" ]]; then
        if [[ -e $destination/var/db/pkg ]]; then
            echo "emerge.sh: $destination has packages; a ROOT is never upgraded" >&2
            exit 65
        fi
        if [[ -n $below ]]; then
            cp -a -- "$below/." "$destination"
        fi
    fi

    # In the given order, one at a time: the resolution has ordered them, and merging takes a lock anyway.
    if (($#)); then
        jobs=1 ROOT=$destination run_emerge --usepkgonly --nodeps "$@"
    fi

    # env-update has written ld.so.conf from the packages' env.d. Debian's ld.so searches no lib64 of its own accord, so
    # the cache is what finds /usr/lib64.
    ldconfig -X -i -r "$destination"

    # Portage's own notes, and shell profiles that it generates: no package's files, and nothing in ROOT runs a shell's login.
    rm -rf "$destination"/var/lib/portage "$destination"/var/cache/{edb,ldconfig} \
        "$destination"/etc/{csh.env,environment.d,profile.env}

    local interpreter
    for interpreter in "$destination"/lib*/ld-linux*.so.*; do
        [[ -x $interpreter ]] || continue
        "$interpreter" --list-diagnostics >"$logs/ld.so.diagnostics"
    done
}

processors=$(nproc)
jobs=${JOBS:-$((processors < 4 ? processors : 4))}
logs=$(portageq envvar PORTAGE_LOGDIR)
mkdir -p "$logs"

case ${1-} in
    build) shift && build "$@" ;;
    root) (($# > 2)) || usage; shift && root "$@" ;;
    *) usage ;;
esac
