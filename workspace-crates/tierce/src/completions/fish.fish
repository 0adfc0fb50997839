
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
        test -n "$folder"; or return
        set folder (string replace -r '/[^/]*$' '' -- $folder)
    end
end

function __tierce_complete
    set -l words (commandline -opc)
    while test (count $words) -gt 0 -a "$words[1]" != xtask
        set -e words[1]
    end
    complete -C (string join ' ' -- (string escape -- $words) (commandline -ct))
end

complete -c xtask -n '__fish_seen_subcommand_from @IMAGES@' -f -a '(__tierce_names)'
complete -c cargo -n '__fish_seen_subcommand_from xtask' -f -a '(__tierce_complete)'
