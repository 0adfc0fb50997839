# Compiles the probe from standard input to standard output: the same bytes wherever the compiler is the same.
set -eu
gcc -x c - -o /tmp/tierce-probe -std=c11 -Os -Wall -Wextra -ffreestanding -nostdlib -static -fno-pie -no-pie \
    -fno-stack-protector -fno-asynchronous-unwind-tables -fno-tree-loop-distribute-patterns -fno-ident \
    -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,norelro -Wl,-z,noseparate-code -s "$@"
cat /tmp/tierce-probe
