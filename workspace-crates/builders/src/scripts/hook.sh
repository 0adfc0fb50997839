#!/bin/bash
# Runs a script of the workspace at one point of an image's making.
#
#   hook.sh SCRIPT [BELOW]      in /tierce/hook, which has the script and what it reads, by the paths that the table has;
#                               ROOT starts as a copy of BELOW, another root
#
# Environment: TIERCE_HOOK, TIERCE_IMAGE, JOBS, SOURCE_DATE_EPOCH, and ROOT but for the builder's hook. The script gets these, ARCH
# and CHOST. Its output goes to stderr; stdout has the paths below ROOT that it made or changed, each with a NUL after it.
# Exit: the script's own code.
set -euo pipefail
exec 3>&1 1>&2
umask 022

{ read -r ARCH; read -r CHOST; } < <(portageq envvar ARCH CHOST)
export ARCH CHOST

if (($# > 1)); then
    cp -a -- "$2/." "$ROOT"
fi

# The times of inodes lag behind the clock by a tick.
start=$(date +%s.%N)
sleep 0.02

cd /tierce/hook
/bin/bash -euo pipefail "$1" </dev/null 3>&-

if [[ -n ${ROOT-} ]]; then
    # Nobody can set the time at which an inode was changed.
    find "$ROOT" -mindepth 1 -newerct "@$start" -printf '/%P\0' >&3
fi
if [[ $TIERCE_HOOK == root-after ]]; then
    # Libraries may have come.
    ldconfig -X -i -r "$ROOT"
fi
