#!/bin/sh
# Runs in the builder: compiles with the arguments that follow `--`, then splits each binary into what ships and its symbols.
#
#   compile.sh STRIP FOLDER BINARY... -- CARGO-ARGUMENT...
#
# FOLDER is where cargo leaves the binaries. The stripped binary goes to /tierce/out/NAME, its symbols go to
# /tierce/out/NAME.debug. stdout says `lacks NAME` of each linker of TIERCE_LINKERS that the builder does not have, before cargo
# starts, and `left processes` at its end, if others run that did not before. Exit code 101 is cargo's own failure, 3 a binary that
# cargo did not make.
set -eu
: >/tmp/used

strip=$1 folder=$2
shift 2

count_processes() {
    set -- /proc/[0-9]*
    echo $#
}
before=$(count_processes)
say_what_is_left() {
    [ "$(count_processes)" -le "$before" ] || echo 'left processes'
}
trap say_what_is_left EXIT
binaries=
while [ "$1" != -- ]; do
    binaries="$binaries $1"
    shift
done
shift

# As linker.sh finds them: in PATH, or beside the toolchain's own.
for name in ${TIERCE_LINKERS-}; do
    command -v "ld.$name" >/dev/null 2>&1 && continue
    [ -n "$(find /tierce/toolchain/lib/rustlib -path "*/gcc-ld/ld.$name")" ] || echo "lacks $name"
done

. /tierce/scripts/root_env.sh
cargo "$@" || exit 101

for name in $binaries; do
    built=$folder/$name
    [ -f "$built" ] || { echo "cargo made no binary \`$name\`" >&2; exit 3; }
    case $strip in
    none)
        cp "$built" "/tierce/out/$name"
        continue
        ;;
    debuginfo) how=--strip-debug ;;
    symbols) how=--strip-all ;;
    *) echo "unknown way to strip: $strip" >&2; exit 2 ;;
    esac
    objcopy --only-keep-debug --compress-debug-sections "$built" "/tierce/out/$name.debug"
    objcopy "$how" "$built" "/tierce/out/$name"
done
