"""Shell completion for bash, zsh and fish, made from the usage text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ticketbot.cli import usage

VALUE_CHOICES = {
    "<bool>": "true false",
    "<level>": "debug info warning error",
    "<type>": "room person",
    "<state>": "active upcoming expired disabled pending sending sent skipped dead",
}
"""What can follow an option, by how the usage text writes its value."""


class Position(NamedTuple):
    """What may follow the words typed so far, such as `list rules`; each with what it does, if that is known."""

    path: str
    words: dict[str, str]


def script(shell: str) -> str:
    """Return what makes one of `SHELLS` complete `tbot`."""
    return SHELLS[shell]()


def positions() -> Iterator[Position]:
    """Yield every place where something can be completed, the one after `tbot` first."""
    yield Position("", {entry.name: entry.summary for entry in usage.parse_section("Commands")})
    for command in usage.commands():
        objects: dict[str, dict[str, str]] = {}
        for pattern in _patterns(command):
            for name in _objects(pattern):
                objects.setdefault(name, {}).update(_options(pattern))
        if command == "help":
            yield Position("help", dict.fromkeys(usage.commands(), ""))
            continue
        words = dict.fromkeys((name for name in objects if name), "")
        yield Position(command, words | objects.get("", {} if words else _global_options()))
        for name, options in objects.items():
            if name:
                yield Position(f"{command} {name}", options)


def _patterns(command: str) -> list[str]:
    """Return the usage patterns of a command, each in one line, without program and command."""
    text = "\n".join(usage.patterns(command))
    return [" ".join(part.split()[1:]) for part in re.split(r"^  tbot ", text, flags=re.M) if part.strip()]


def _objects(pattern: str) -> list[str]:
    """Return the words that can follow the command, an empty one if there is none: `(a | b)`, `rule`."""
    first = pattern.strip()
    if first.startswith("("):
        return [word.strip() for word in first[1 : first.index(")")].split("|")]
    word = first.split(" ")[0]
    return [word] if re.fullmatch(r"[a-z]+", word) else [""]


def _options(pattern: str) -> dict[str, str]:
    found = re.findall(r"--[a-z-]+(?:=<[a-z-]+>)?", pattern)
    described = {entry.name: entry.summary for entry in usage.parse_section("Options of single commands")}
    return {_with_equals(name): described[name] for name in found} | _global_options()


def _global_options() -> dict[str, str]:
    named = {entry.name.split()[-1]: entry.summary for entry in usage.parse_section("Options")}
    return {_with_equals(name): summary for name, summary in named.items()}


def _with_equals(option: str) -> str:
    """Return an option as it is typed, with `=` where a value follows."""
    return re.sub(r"=<.*", "=", option)


def _values() -> dict[str, str]:
    """Return what can follow an option that takes one of a few words."""
    sections = (*usage.parse_section("Options"), *usage.parse_section("Options of single commands"))
    pairs = (entry.name.partition("=") for entry in sections)
    return {name: VALUE_CHOICES[value] for name, _, value in pairs if value in VALUE_CHOICES}


def _options_taking_values() -> str:
    sections = (*usage.parse_section("Options"), *usage.parse_section("Options of single commands"))
    return "|".join(sorted({entry.name.partition("=")[0] for entry in sections if "=" in entry.name} - {"--keep-copy"}))


def _bash() -> str:
    cases = "".join(f"        '{place.path}') words='{' '.join(place.words)}' ;;\n" for place in positions())
    values = "".join(f"        {name}=) words='{words}' ;;\n" for name, words in _values().items())
    return f"""\
# bash completion of tbot, made by `tbot completion bash`.
_tbot() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" path='' words='' i each
    if [[ $word == = ]]; then before="$before="; word=''
    elif [[ $before == = ]]; then before="${{COMP_WORDS[COMP_CWORD-2]}}="; fi
    case "$before" in {_options_taking_values()}) before="$before=" ;; esac
    for ((i = 1; i < COMP_CWORD; i++)); do
        each="${{COMP_WORDS[i]}}"
        case "$each" in
        =) i=$((i + 1)) ;;
        {_options_taking_values()}) if [[ ${{COMP_WORDS[i+1]}} != = ]]; then i=$((i + 1)); fi ;;
        -*) ;;
        *) if [[ $path != *' '* ]]; then path="${{path:+$path }}$each"; fi ;;
        esac
    done
    case "$before" in
{values}        --config=) COMPREPLY=($(compgen -f -- "$word")); return ;;
        --*=) ;;
        *)
            case "$path" in
{_indented(cases)}            esac
            if [[ -z $words ]]; then
                case "${{path%% *}}" in
{_indented(cases, 8)}                esac
            fi ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$word"))
    if [[ ${{COMPREPLY[0]}} == *= ]]; then compopt -o nospace; fi
}}
complete -F _tbot tbot
"""


def _indented(lines: str, more: int = 4) -> str:
    return "".join(f"{' ' * more}{line}\n" for line in lines.splitlines())


def _zsh() -> str:
    cases = "".join(f"    {_quoted(place.path)}) known=({_described(place)}) ;;\n" for place in positions())
    values = "".join(
        f"    {name}=*) compset -P '*='; compadd -- {words}; return ;;\n" for name, words in _values().items()
    )
    return f"""\
#compdef tbot
# zsh completion of tbot, made by `tbot completion zsh`.
_tbot() {{
    local each skip='' place=''
    local -a known
    case "$words[CURRENT]" in
{values}    esac
    for each in "${{(@)words[2,CURRENT-1]}}"; do
        if [[ -n $skip ]]; then skip=''; continue; fi
        case "$each" in
        {_options_taking_values()}) skip=1 ;;
        -*) ;;
        *) if [[ $place != *' '* ]]; then place="${{place:+$place }}$each"; fi ;;
        esac
    done
    _tbot_known "$place"
    if (( ! $#known )); then _tbot_known "${{place%% *}}"; fi
    _describe -o 'tbot' known -S ''
}}
_tbot_known() {{
    case "$1" in
{cases}    esac
}}
compdef _tbot tbot
"""


def _described(place: Position) -> str:
    escaped = (f"{word.replace(':', '')}:{summary.replace(':', '')}" for word, summary in place.words.items())
    return " ".join(_quoted(each) for each in escaped)


def _fish() -> str:
    lines = ["# fish completion of tbot, made by `tbot completion fish`.", "complete -c tbot -f"]
    for place in positions():
        for word, summary in place.words.items():
            lines.append(f"complete -c tbot -n {_quoted(_fish_condition(place.path))} {_fish_word(word, summary)}")
    return "\n".join(lines) + "\n"


def _fish_condition(path: str) -> str:
    if not path:
        return "__fish_use_subcommand"
    command, _, word = path.partition(" ")
    seen = f"__fish_seen_subcommand_from {command}"
    return f"{seen}; and __fish_seen_subcommand_from {word}" if word else seen


def _fish_word(word: str, summary: str) -> str:
    about = f" -d {_quoted(summary)}" if summary else ""
    if not word.startswith("--"):
        return f"-a {word}{about}"
    name = word.removeprefix("--").removesuffix("=")
    values = _values().get(f"--{name}")
    takes = f" -x -a {_quoted(values)}" if values else " -r" if word.endswith("=") else ""
    return f"-l {name}{takes}{about}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


SHELLS: dict[str, Callable[[], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
"""Every shell that can be asked for."""
