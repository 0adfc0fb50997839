# Runs in the toolbox, beside the target: tells which files a process has mapped, with the first pages of each as they lie in its
# memory, and the beginning and the end of what stands at its path now.
#
#   loaded.sh PID
process=/proc/$1

frame maps <"$process/maps" 2>/dev/null
while read -r range _ offset _ _ path; do
    case $offset$path in
    00000000/*) ;;
    *) continue ;;
    esac
    # In pages of 4 KiB, of which all others are multiples.
    dd if="$process/mem" bs=4096 skip="$((0x${range%-*} / 4096))" count=4 2>/dev/null | frame "memory ${range%-*}"
    # What stands there now, where the one that was mapped has lost its name.
    file=$process/root${path% (deleted)}
    [ -f "$file" ] || continue
    # To count the bytes of a library takes long.
    { stat -L -c %s "$file" 2>/dev/null || wc -c <"$file"; } | frame "size ${range%-*}"
    dd if="$file" bs=4096 count=4 2>/dev/null | frame "first ${range%-*}"
    tail -c 32768 "$file" 2>/dev/null | frame "last ${range%-*}"
done <"$process/maps"
