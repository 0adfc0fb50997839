# Runs in the toolbox beside the target. Writes frames with the kernel's data of the target's processes.
#
#   snapshot.sh PID
#
# PID is the first process of the target. A frame's name is its path in the archive, `processes/N/…` for a process. Unreadable
# files are skipped.
most=4194304 # bytes of one file
namespace=$(readlink "/proc/$1/ns/mnt")

tell() { # NAME FILE
    [ -r "$2" ] && head -c "$most" "$2" 2>/dev/null | frame "$1"
}

for file in version uptime loadavg meminfo cmdline sys/kernel/core_pattern sys/vm/overcommit_memory \
    pressure/cpu pressure/memory pressure/io; do
    tell "kernel/$file" "/proc/$file"
done
for file in tcp tcp6 udp udp6 unix raw raw6 packet netlink dev route sockstat sockstat6 snmp netstat; do
    tell "net/$file" "/proc/$1/net/$file"
done
# Control groups version 2 have all files in one folder, version 1 in a folder for each controller.
groups=/proc/$1/root/sys/fs/cgroup
for file in "$groups"/memory.* "$groups"/cpu.* "$groups"/io.* "$groups"/pids.* \
    "$groups"/memory/memory.* "$groups"/cpu/cpu.* "$groups"/cpuacct/cpuacct.* "$groups"/pids/pids.*; do
    [ -f "$file" ] && tell "cgroup/${file#"$groups/"}" "$file"
done
tell mountinfo "/proc/$1/mountinfo"

for process in /proc/[0-9]*; do
    [ "$(readlink "$process/ns/mnt")" = "$namespace" ] || continue
    name=processes/${process#/proc/}
    for file in cmdline environ maps smaps_rollup limits status stat io cgroup oom_score oom_score_adj; do
        tell "$name/$file" "$process/$file"
    done
    readlink "$process/exe" 2>/dev/null | frame "$name/exe"
    readlink "$process/cwd" 2>/dev/null | frame "$name/cwd"
    ls -l "$process/fd" 2>/dev/null | frame "$name/open-files"
    ls -l "$process/ns" 2>/dev/null | frame "$name/namespaces"
    for thread in "$process"/task/*; do
        id=${thread##*/}
        printf 'thread %s %s\n' "$id" "$(cat "$thread/comm")"
        grep -E '^(State|.*ctxt_switches)' "$thread/status"
        printf 'waits in %s\n' "$(cat "$thread/wchan")"
        cat "$thread/syscall" "$thread/stack"
        echo
    done 2>/dev/null | frame "$name/threads"
done
