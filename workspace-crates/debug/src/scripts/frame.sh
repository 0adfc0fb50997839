# Writes its input to stdout as a frame for `frames.rs`: a line with the length in bytes and a name, then the bytes. A file in
# the session's container holds the input, since a pipe's length is known too late.
frame() {
    cat >/.tierce-frame 2>/dev/null
    printf '%d %s\n' "$(wc -c </.tierce-frame)" "$1"
    cat /.tierce-frame
}
