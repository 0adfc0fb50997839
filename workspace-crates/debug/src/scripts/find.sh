# Resolves `$2` below the target's root directory `$1`, where absolute links begin. Sets `$root$at` to the path, which may be
# missing. With `$3` it also follows the last link. Exit code 44: a loop of links.
root=$1 rest=$2/ at= count=0
while [ -n "$rest" ]; do
    name=${rest%%/*} rest=${rest#*/}
    case $name in
        ''|.) continue ;;
        ..) at=${at%/*}; continue ;;
    esac
    if [ -L "$root$at/$name" ] && { [ -n "$rest" ] || [ -n "$3" ]; }; then
        count=$((count + 1))
        [ $count -gt 40 ] && { echo "too many links" >&2; exit 44; }
        link=$(readlink "$root$at/$name"; echo .)
        link=${link%??}
        case $link in /*) at= ;; esac
        rest=$link/$rest
    else
        at=$at/$name
    fi
done
