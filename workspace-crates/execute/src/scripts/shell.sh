#!/bin/bash
# Prepares a builder as a step does, then starts a program or a shell in it. As root, without a network.
#
#   shell.sh [--merge ATOM…] [--prepare ATOM] [--hook] [--root FOLDER] [--copy FOLDER] -- [COMMAND…]
#
# --merge: merges these into / from the binary packages that are there, as the step has done.
# --prepare: unpacks and patches the sources of a package, `ebuild … prepare`; its folder of sources is the current one then,
#   and EBUILD is its ebuild.
# --root: the current folder, and ROOT. Not before, for what is merged and prepared is of /.
# --hook: what hook.sh gives to a hook, which sees what it reads in the current folder.
# --copy: puts a copy of this folder into ROOT.
# stdout is the command's alone.
set -euo pipefail

merge=() prepare='' root='' hook='' copy=''
while [[ $1 != -- ]]; do
    case $1 in
        --merge) ;;
        --prepare) prepare=$2 && shift ;;
        --root) root=$2 && shift ;;
        --copy) copy=$2 && shift ;;
        --hook) hook=1 ;;
        *) merge+=("$1") ;;
    esac
    shift
done
shift

if ((${#merge[@]})); then
    # Through a pipe: on a terminal, emerge draws and names the window.
    /bin/bash /tierce/scripts/emerge.sh build "${merge[@]}" 2>&1 | cat >&2
fi
cd /
if [[ $prepare ]]; then
    # =category/name-version::repository
    atom=${prepare#=} repository=${prepare##*::}
    atom=${atom%::*}
    category=${atom%%/*} version=${atom#*/}
    # Asked for at once, as Python starts slowly. The name is what stands before the last part that begins with a digit.
    { read -r name && read -r location && read -r temporary; } < <(python3 - "$atom" "$repository" <<'PYTHON'
import sys
import portage
from portage.versions import catpkgsplit
atom, repository = sys.argv[1:]
settings = portage.settings
print(catpkgsplit(atom)[1], settings.repositories[repository].location, settings["PORTAGE_TMPDIR"], sep="\n")
PYTHON
    )
    EBUILD=$location/$category/$name/$version.ebuild
    export EBUILD
    # One that fails here is to be looked at as well.
    ebuild "$EBUILD" prepare 2>&1 | cat >&2 || echo "shell: ebuild $EBUILD prepare failed" >&2
    work=$temporary/portage/$atom/work
    cd "$work" 2>/dev/null || true
    # Most archives have one folder.
    folders=(*/)
    if ((${#folders[@]} == 1)) && [[ -d ${folders[0]} ]]; then cd "${folders[0]}"; fi
fi
if [[ $hook ]]; then
    { read -r ARCH && read -r CHOST; } < <(portageq envvar ARCH CHOST)
    export ARCH CHOST
    umask 022
    cd /tierce/hook
fi
if [[ $root ]]; then
    mkdir -p "$root"
    cd "$root"
    export ROOT=$root
fi
if [[ $copy ]]; then cp -a -- "$copy/." "$ROOT"; fi
if (($#)); then exec "$@"; fi
exec /bin/bash -i
