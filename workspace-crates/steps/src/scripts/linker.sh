#!/bin/sh
# rustc calls this script as the linker in the builder. It adds the options for ROOT, so that the user's own rustflags stay as they
# are, and leaves out the choice of a linker that the builder lacks.
set -eu

# Whether cc finds the linker `ld.$1`: in PATH, or in a folder that a -B names, as rustc does for the toolchain's own lld.
has_linker() {
    command -v "ld.$1" >/dev/null 2>&1 && return
    wanted=ld.$1
    shift
    for other do
        case $other in
        -B*) [ -x "${other#-B}/$wanted" ] && return ;;
        esac
    done
    return 1
}

for argument do
    shift
    case $argument in
    -fuse-ld=*) has_linker "${argument#-fuse-ld=}" "$@" || continue ;;
    # Of clang's alone.
    --ld-path=*) continue ;;
    esac
    set -- "$@" "$argument"
done

# First, so that a library that stands in ROOT and in the builder is found in ROOT. rpath-link is for bfd, which looks for the
# libraries of libraries; the build-id names the symbols that are kept beside the image.
exec cc -L/destination/usr/lib64 -Wl,-rpath-link,/destination/usr/lib64 -Wl,--build-id=sha1 "$@"
