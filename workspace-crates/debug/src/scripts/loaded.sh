# Runs in the toolbox beside the target. Writes frames with the mapped files of a process, the first pages of each in memory,
# and both ends of the current file at its path.
#
#   loaded.sh PID
process=/proc/$1

frame maps <"$process/maps" 2>/dev/null
while read -r range _ offset _ _ path; do
    case $offset$path in
    00000000/*) ;;
    *) continue ;;
    esac
    # Every page size is a multiple of 4 KiB.
    dd if="$process/mem" bs=4096 skip="$((0x${range%-*} / 4096))" count=4 2>/dev/null | frame "memory ${range%-*}"
    # The current file at the path of a removed one.
    file=$process/root${path% (deleted)}
    [ -f "$file" ] || continue
    # wc reads the whole library, which is slow.
    { stat -L -c %s "$file" 2>/dev/null || wc -c <"$file"; } | frame "size ${range%-*}"
    dd if="$file" bs=4096 count=4 2>/dev/null | frame "first ${range%-*}"
    tail -c 32768 "$file" 2>/dev/null | frame "last ${range%-*}"
done <"$process/maps"
