"""`tbot completion`: what makes a shell ask this program what can follow."""

from __future__ import annotations

from ticketbot.cli.context import Context

USAGE = """\
Print shell completion.

Usage:
  tbot completion (bash | zsh | fish) [options]

Examples:
  tbot completion bash > /etc/bash_completion.d/tbot
  tbot completion zsh > /usr/local/share/zsh/site-functions/_tbot
  tbot completion fish > ~/.config/fish/completions/tbot.fish
"""

# `tbot __complete` gets the words of the line up to the cursor, and prints a candidate per line: word, tab, meaning.
_BASH = r"""# bash completion for tbot, printed by `tbot completion bash`.
_tbot() {
    local word current="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD - 1]}"
    COMPREPLY=()
    while IFS=$'\t' read -r word _; do
        # bash splits words at "=", and completes only what is behind it.
        if [[ $current == = || $before == = ]]; then word="${word#*=}"; fi
        case "$word" in *=) compopt -o nospace ;; *) printf -v word '%q' "$word" ;; esac
        COMPREPLY+=("$word")
    done < <("${COMP_WORDS[0]}" __complete -- "${COMP_WORDS[@]:0:COMP_CWORD+1}" 2>/dev/null)
}
complete -F _tbot tbot
"""
_ZSH = r"""#compdef tbot
# zsh completion for tbot, printed by `tbot completion zsh`.
_tbot() {
    local line word
    local -a found shown open
    for line in "${(@f)$("${words[1]}" __complete -- "${(@)words[1,CURRENT]}" 2>/dev/null)}"; do
        word="${line%%$'\t'*}"
        [[ -z $word ]] && continue
        if [[ $word == *= ]]; then open+=("$word"); continue; fi
        found+=("$word")
        shown+=("$word  ${line#*$'\t'}")
    done
    (( $#open )) && compadd -S '' -- "${(@)open}"
    (( $#found )) && compadd -l -d shown -- "${(@)found}"
}
if [[ $funcstack[1] == _tbot ]]; then _tbot "$@"; else compdef _tbot tbot; fi
"""
_FISH = r"""# fish completion for tbot, printed by `tbot completion fish`.
complete -c tbot -f -a '(tbot __complete -- (commandline -opc) (commandline -ct) 2>/dev/null)'
"""
SHELLS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def run(context: Context) -> int:
    """Print the stub of a shell."""
    context.output.streams.stdout.write(next(stub for shell, stub in SHELLS.items() if context.raw[shell]))
    return 0
