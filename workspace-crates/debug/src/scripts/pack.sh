# Packs the path that find.sh has found; with `$4`, a folder's content. Skips the kernel's file systems in a root directory.
[ -e "$root$at" ] || [ -L "$root$at" ] || exit 44
if [ -z "$at" ]; then
    cd "$root" && set -- .[!.]* ..?* *
    for name; do
        shift
        case $name in proc|sys|dev) continue ;; esac
        { [ -e "$name" ] || [ -L "$name" ]; } && set -- "$@" "./$name"
    done
    exec tar -cf - "$@"
fi
if [ -n "$4" ]; then cd "$root$at" && exec tar -cf - .; fi
cd "$root${at%/*}" && exec tar -cf - "./${at##*/}"
