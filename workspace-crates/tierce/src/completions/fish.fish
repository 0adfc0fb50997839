
# What completes cargo knows nothing of the words after its alias.
function __tierce_names
    set -l folder $PWD
    while true
        set -l program $folder/target/xtask/xtask
        set -q CARGO_TARGET_DIR; and set program $CARGO_TARGET_DIR/xtask/xtask
        # Nothing is compiled for a completion.
        if test -f $folder/Cargo.toml -a -x $program
            $program list --format names --offline --locked 2>/dev/null
            return
        end
        test -n "$folder"; or break
        set folder (string replace -r '/[^/]*$' '' -- $folder)
    end
    if command -q cargo-tierce
        cargo-tierce tierce list --format names --offline --locked 2>/dev/null
    end
end

function __tierce_complete
    set -l words (commandline -opc)
    while test (count $words) -gt 0; and not contains -- "$words[1]" xtask tierce
        set -e words[1]
    end
    # One definition serves both names.
    test (count $words) -gt 0; and set words[1] xtask
    complete -C (string join ' ' -- (string escape -- $words) (commandline -ct))
end

complete -c xtask -n '__fish_seen_subcommand_from @IMAGES@' -f -a '(__tierce_names)'
complete -c cargo -n '__fish_seen_subcommand_from xtask tierce' -f -a '(__tierce_complete)'
