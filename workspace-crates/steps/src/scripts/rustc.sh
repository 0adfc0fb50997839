#!/bin/sh
# Stands before rustc where flags of the user's name a linker or say how one is called: the builder has its own, linker.sh,
# which cargo names. Every other flag stays as it is.
#
#   rustc.sh RUSTC ARGUMENT...
set -eu

rustc=$1
shift
# A `-C` whose NAME=VALUE is the next word.
held=
for argument do
    shift
    if [ -n "$held" ]; then
        option=$argument
    else
        case $argument in
        -C | --codegen)
            held=$argument
            continue
            ;;
        -C*) option=${argument#-C} ;;
        --codegen=*) option=${argument#--codegen=} ;;
        *) option= ;;
        esac
    fi
    case $option in
    linker=/tierce/scripts/linker.sh) ;;
    linker=* | linker-flavor=*)
        held=
        continue
        ;;
    esac
    set -- "$@" ${held:+"$held"} "$argument"
    held=
done
exec "$rustc" "$@"
