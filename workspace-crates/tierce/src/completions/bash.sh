
# cargo's completion does not know the words after its alias. This function completes them and delegates all others.
_tierce_names() {
    local folder=$PWD program
    while :; do
        program=${CARGO_TARGET_DIR:-$folder/target}/xtask/xtask
        # Nothing is compiled for a completion.
        if [[ -f $folder/Cargo.toml && -x $program ]]; then
            "$program" list --format names --offline --locked 2>/dev/null
            return
        fi
        [[ -n $folder ]] || break
        folder=${folder%/*}
    done
    if type -P cargo-tierce >/dev/null; then
        cargo-tierce tierce list --format names --offline --locked 2>/dev/null
    fi
}

_tierce_cargo() {
    local at=1
    [[ ${COMP_WORDS[1]} == +* ]] && at=2
    if [[ ( ${COMP_WORDS[at]} != xtask && ${COMP_WORDS[at]} != tierce ) || $COMP_CWORD -le $at ]]; then
        [[ -n $_tierce_before ]] && "$_tierce_before" "$@"
        return
    fi
    COMP_WORDS=(xtask "${COMP_WORDS[@]:at+1}")
    COMP_CWORD=$((COMP_CWORD - at))
    _xtask xtask "$2" "$3"
    local word kept=()
    for word in "${COMPREPLY[@]}"; do
        # Names of arguments are no words to type.
        [[ $word == [\<\[]* ]] || kept+=("$word")
    done
    case " @IMAGES@ " in
    *" ${COMP_WORDS[1]} "*)
        if [[ $COMP_CWORD -gt 1 && ( $2 != -* ) ]]; then
            kept+=($(compgen -W "$(_tierce_names)" -- "$2"))
        fi
        ;;
    esac
    COMPREPLY=("${kept[@]}")
}

_tierce_before=
if ! complete -p cargo &>/dev/null; then
    # bash-completion loads what completes cargo when it is first asked for.
    if declare -F _comp_load >/dev/null; then
        _comp_load -- cargo
    elif declare -F _completion_loader >/dev/null; then
        _completion_loader cargo
    fi
fi
if [[ $(complete -p cargo 2>/dev/null) =~ -F\ ([^ ]+) && ${BASH_REMATCH[1]} != _tierce_cargo ]]; then
    _tierce_before=${BASH_REMATCH[1]}
fi
complete -o bashdefault -o default -F _tierce_cargo cargo
