# Finds `$2` below `$1` as the target would, whose links begin at its own root directory: `$root$at` is its place, whether it is
# there or not. With `$3` the last link is followed, too. Code 44: links lead in a circle.
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
