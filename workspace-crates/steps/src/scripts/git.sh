#!/bin/sh
# The `git` of a builder. It answers questions about the revision from the lines of /tierce/revision, `KEY VALUE` each, and
# leaves a file for the package that asked. Every other command fails, as git does outside of a repository.
file=/tierce/revision
asked=/tierce/target/asked-revision

fail() {
    echo "fatal: $1" >&2
    exit 128
}

value() {
    while read -r key text; do
        if [ "$key" = "$1" ]; then
            printf '%s' "$text"
            return 0
        fi
    done <"$file"
    return 1
}

# The first digits of the commit, as many as $1; as many as git itself shows without it.
short() {
    if [ -n "${1-}" ]; then value commit | cut -c "1-$1" | tr -d '\n'; else value short; fi
}

is_modified() {
    [ "$(value modified)" = true ]
}

rev_parse() {
    length='' how=commit rest=
    while [ $# -gt 0 ]; do
        case $1 in
        --short) how=short ;;
        --short=*) how=short length=${1#--short=} ;;
        --abbrev-ref | --symbolic-full-name) how=branch ;;
        --is-inside-work-tree) echo true; return ;;
        --show-toplevel | --show-cdup) pwd; return ;;
        --git-dir | --git-common-dir | --absolute-git-dir) echo /tierce/git; return ;;
        --verify | -q | --quiet | --) ;;
        HEAD | @ | 'HEAD^{commit}' | 'HEAD^0') rest=HEAD ;;
        *) fail "the builder's git does not know \`rev-parse $1\`" ;;
        esac
        shift
    done
    [ -n "$rest" ] || fail 'the builder knows HEAD alone'
    case $how in
    commit) value commit ;;
    short) short "$length" ;;
    branch) value branch || printf HEAD ;;
    esac
    echo
}

describe() {
    tags=annotated always= long= mark= length='' exact= match='*'
    while [ $# -gt 0 ]; do
        case $1 in
        --tags | --all) tags=tags ;;
        --always) always=1 ;;
        --long) long=1 ;;
        --dirty | --broken) mark=-dirty ;;
        --dirty=*) mark=${1#--dirty=} ;;
        --abbrev=*) length=${1#--abbrev=} ;;
        --exact-match) exact=1 ;;
        --match) match=$2; shift ;;
        --match=*) match=${1#--match=} ;;
        --first-parent | --candidates=* | HEAD) ;;
        *) fail "the builder's git does not know \`describe $1\`" ;;
        esac
        shift
    done
    is_modified || mark=
    # TAG-COUNT-gCOMMIT
    whole=$(value "$tags") || whole=
    name=${whole%-*-g*}
    count=${whole#"$name-"} count=${count%-g*}
    # shellcheck disable=SC2254 # It is a pattern.
    case $name in $match) ;; *) whole= ;; esac
    if [ -n "$exact" ] && [ "$count" != 0 ]; then whole=; fi
    if [ -z "$whole" ]; then
        [ -n "$always" ] || fail 'No names found, cannot describe anything.'
        [ "$length" != 0 ] || length=
        echo "$(short "$length")$mark"
    elif [ "$length" = 0 ] || { [ "$count" = 0 ] && [ -z "$long" ]; }; then
        echo "$name$mark"
    else
        echo "$name-$count-g$(short "$length")$mark"
    fi
}

# The commit in the format of an option: `--format=%h`, `--pretty=format:%h`.
show() {
    format=
    while [ $# -gt 0 ]; do
        case $1 in
        --format=* | --pretty=*) format=${1#*=} ;;
        --pretty | --format) format=$2; shift ;;
        -1 | -n1 | -s | --no-patch | --max-count=1 | HEAD | --date=* | --no-show-signature | --abbrev-commit) ;;
        -n) shift ;;
        *) fail "the builder's git does not know the option \`$1\`" ;;
        esac
        shift
    done
    format=${format#format:} format=${format#tformat:}
    text=
    while [ -n "$format" ]; do
        case $format in
        %H*) text=$text$(value commit) format=${format#??} ;;
        %h*) text=$text$(value short) format=${format#??} ;;
        %ct*) text=$text$(value time) format=${format#???} ;;
        %at*) text=$text$(value author-time) format=${format#???} ;;
        %cI*) text=$text$(value date) format=${format#???} ;;
        %aI*) text=$text$(value author-date) format=${format#???} ;;
        %ci*) text=$text$(value iso-date) format=${format#???} ;;
        %cd* | %cD*) text=$text$(value date) format=${format#???} ;;
        %ad* | %aD*) text=$text$(value author-date) format=${format#???} ;;
        %cs*) text=$text$(value day) format=${format#???} ;;
        %as*) text=$text$(value author-day) format=${format#???} ;;
        %an*) text=$text$(value author) format=${format#???} ;;
        %ae*) text=$text$(value email) format=${format#???} ;;
        %s*) text=$text$(value subject) format=${format#??} ;;
        %n*)
            text="$text
"
            format=${format#??}
            ;;
        %*) fail "the builder's git does not know the format \`$format\`" ;;
        *) text=$text${format%"${format#?}"} format=${format#?} ;;
        esac
    done
    printf '%s\n' "$text"
}

while [ $# -gt 0 ]; do
    case $1 in
    -C | -c | --git-dir | --work-tree) shift 2 ;;
    --git-dir=* | --work-tree=* | --no-pager | --no-optional-locks | -P) shift ;;
    --version | version) echo 'git version 2.0.0 (tierce)'; exit ;;
    *) break ;;
    esac
done
if ! [ -s "$file" ]; then fail 'not a git repository (or any of the parent directories): .git'; fi
mkdir -p "$asked"
: >"$asked/${CARGO_PKG_NAME-unknown}"
command=${1-}
[ $# -eq 0 ] || shift
case $command in
rev-parse) rev_parse "$@" ;;
describe) describe "$@" ;;
log | show) show "$@" ;;
rev-list) value count; echo ;;
branch | symbolic-ref) value branch || exit 1; echo ;;
status) if is_modified; then echo ' M .'; fi ;;
diff | diff-index | diff-files) if is_modified; then exit 1; fi ;;
tag) case " $* " in *" --points-at "*) value tag && echo || : ;; *) fail 'the builder knows the tags of HEAD alone' ;; esac ;;
update-index) ;;
config) exit 1 ;;
*) fail "the builder's git does not know \`$command\`" ;;
esac
