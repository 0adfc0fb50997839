#!/bin/bash
# Runs emerge in a builder, as root, without a network. Every argument names one version of the resolution
# (=category/name-version::repository).
#
#   emerge.sh build [ATOM…] [--only-package ATOM…]
#       Compiles the first list, merges it into the builder's /, for later packages to compile against, and writes a
#       binpkg of each. Then writes binpkgs of the second list, without merging: the builder's base provides these packages.
#       A binpkg in PKGDIR with this version, USE and these dependencies is merged, not compiled again.
#   emerge.sh root ROOT [--on FOLDER] [ATOM…]
#       Merges binpkgs, in this order and from PKGDIR alone, into the folder ROOT without packages, or on top of a copy of
#       FOLDER, another ROOT; FOLDER is ROOT itself if that is such a copy already. Writes ROOT/etc/ld.so.cache, and the
#       diagnostics of ROOT's dynamic linker (its default folders, its hwcaps) to $PORTAGE_LOGDIR/ld.so.diagnostics.
#
# Environment: JOBS, packages at a time, else one per processor but at most four, since each runs make with MAKEOPTS, and
# emerge's limit by load counts other programs of the machine. MERGE=emerge merges into ROOT by emerge alone, without merge_root.py
# beside this script, which skips idle shells; the result is the same. All other settings are in /etc/portage: PKGDIR, DISTDIR,
# PORTAGE_LOGDIR, MAKEOPTS, FEATURES. stdout has emerge's own lines of progress (">>> Emerging (2 of 5) dev-db/sqlite-…").
# PORTAGE_LOGDIR has the output of compilers, a file per package, which stays on failure. During a build, follow_logs.py beside this
# script passes on its lines to stderr.
# Exit: 0; 64 for a wrong call; 65 if ROOT has packages; else emerge's own code.
set -euo pipefail

# Portage iterates over sets of strings: a fixed seed makes the order of packages the same in every run.
export PYTHONHASHSEED=0 LC_ALL=C.UTF-8

# The host adds binpkgs to PKGDIR as plain files, so its index may be stale. A profile of the builder's base may ask for a binhost,
# which no network leads to, or for signatures, which these binpkgs do not have.
export FEATURES="${FEATURES-} -pkgdir-index-trusted -getbinpkg -binpkg-request-signature -binpkg-signing"

usage() {
    sed -n '5,13s/^# \{0,1\}//p' "$0" >&2
    exit 64
}

run_emerge() {
    # Without stdin, so that no program can prompt. The host shows the end of a failed package's log itself.
    "${emerge[@]}" --oneshot --usepkg --binpkg-respect-use=y --binpkg-changed-deps=y --autounmask=n \
        --quiet-build=y --quiet-fail=y --jobs="$jobs" "$@" </dev/null
}

stop_following() {
    kill "$1" && wait "$1" || true
}

build() {
    local merge=() only_package=() into=merge
    if [[ -f ${0%/*}/follow_logs.py ]]; then
        python3 "${0%/*}/follow_logs.py" "$logs" &
        trap "stop_following $!" EXIT
    fi
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
        # Nothing is merged, so run-time dependencies do not matter, and the build-time dependencies are merged by now.
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
    # A hook may have written files here, or the copy of FOLDER.
    if [[ $below != "$destination" ]]; then
        if [[ -e $destination/var/db/pkg ]]; then
            echo "emerge.sh: $destination has packages; a ROOT is never upgraded" >&2
            exit 65
        fi
        if [[ -n $below ]]; then
            cp -a -- "$below/." "$destination"
        fi
    fi

    # Most packages have no functions to call, so most of the shells that emerge starts do nothing.
    if [[ ${MERGE-} != emerge && -f ${0%/*}/merge_root.py ]]; then
        emerge=(python3 "${0%/*}/merge_root.py")
    fi
    # One at a time, in the order of the resolution: merging takes a lock anyway.
    if (($#)); then
        jobs=1 ROOT=$destination run_emerge --usepkgonly --nodeps "$@"
    fi

    # env-update has written ld.so.conf from the packages' env.d. Debian's ld.so does not search lib64 by default, so
    # programs find /usr/lib64 by the cache.
    ldconfig -X -i -r "$destination"

    # Portage's own notes and shell profiles: they belong to no package, and ROOT has no login shell.
    rm -rf "$destination"/var/lib/portage "$destination"/var/cache/{edb,ldconfig} \
        "$destination"/etc/{csh.env,environment.d,profile.env}

    local interpreter
    for interpreter in "$destination"/lib*/ld-linux*.so.*; do
        [[ -x $interpreter ]] || continue
        "$interpreter" --list-diagnostics >"$logs/ld.so.diagnostics"
    done
}

emerge=(emerge)
processors=$(nproc)
jobs=${JOBS:-$((processors < 4 ? processors : 4))}
logs=$(portageq envvar PORTAGE_LOGDIR)
mkdir -p "$logs"

case ${1-} in
    build) shift && build "$@" ;;
    root) (($# > 2)) || usage; shift && root "$@" ;;
    *) usage ;;
esac
