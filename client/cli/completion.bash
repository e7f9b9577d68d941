# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion of the orfa command in bash: `source` it, or install it where bash-completion looks. What can
# be completed is asked of `orfa ... --help`, so this file knows no command and no option itself.

# The names of the block "Subcommands:" of a help text on standard input.
_orfa_subcommands() { sed -n '/^Subcommands:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p'; }

# The long options of the block "Options:".
_orfa_options() { sed -n '/^Options:/,/^$/s/^  \(-[A-Za-z],\)\{0,1\}\(--[a-z][a-z-]*\).*/\2/p'; }

_orfa() {
    local current="${COMP_WORDS[COMP_CWORD]}" help subcommands words i
    local -a command=("${COMP_WORDS[0]}")
    help="$("${command[@]}" --help 2>/dev/null)"
    subcommands="$(_orfa_subcommands <<<"$help")"
    for ((i = 1; i < COMP_CWORD && ${#subcommands} > 0; i++)); do
        # Words that are no subcommands are options.
        if [[ $'\n'"$subcommands"$'\n' == *$'\n'"${COMP_WORDS[i]}"$'\n'* ]]; then
            command+=("${COMP_WORDS[i]}")
            help="$("${command[@]}" --help 2>/dev/null)"
            subcommands="$(_orfa_subcommands <<<"$help")"
        fi
    done
    words="$subcommands"
    if [[ "$current" == -* ]]; then
        words="$(_orfa_options <<<"$help")"
    fi
    # Nothing to offer, as after `orfa cp`: bash completes file names.
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -o bashdefault -o default -F _orfa orfa
