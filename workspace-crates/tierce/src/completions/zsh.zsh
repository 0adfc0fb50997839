
# What completes cargo knows nothing of the words after its alias: this stands before it, and asks it for all others.
_tierce_names() {
    local folder=$PWD program
    while :; do
        program=${CARGO_TARGET_DIR:-$folder/target}/xtask/xtask
        # Nothing is compiled for a completion.
        if [[ -f $folder/Cargo.toml && -x $program ]]; then
            $program list --format names --offline --locked 2>/dev/null
            return
        fi
        [[ -n $folder ]] || break
        folder=${folder%/*}
    done
    if (( $+commands[cargo-tierce] )); then
        cargo-tierce tierce list --format names --offline --locked 2>/dev/null
    fi
}

_tierce_cargo() {
    local at=2
    [[ $words[2] == +* ]] && at=3
    if [[ $words[at] != (xtask|tierce) ]] || (( CURRENT <= at )); then
        [[ -n $_tierce_before ]] && $_tierce_before "$@"
        return
    fi
    shift $(( at - 1 )) words
    (( CURRENT -= at - 1 ))
    words[1]=xtask
    local images=(@IMAGES@)
    # The word after an option may be its value.
    if (( CURRENT > 2 && ${images[(Ie)$words[2]]} )) && [[ $PREFIX != -* && $words[CURRENT-1] != -* ]]; then
        compadd -- ${(f)"$(_tierce_names)"}
        return
    fi
    _xtask
}

if [[ $_comps[cargo] != _tierce_cargo ]]; then
    _tierce_before=$_comps[cargo]
fi
compdef _tierce_cargo cargo
