"""Find the commands, parse command lines by their usage texts, and show these texts as help."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

import docopt

from ticketbot.cli import commands

TITLE = "Ticketbot notifies people in Webex about their ConnectWise tickets."
OPTIONS = """\
  --config=<file>          Read settings from this file
  --base-url=<url>         Talk to the server at this address
  --log-level=<level>      Log level: debug, info, warning or error
  -h --help                Show help
"""
JSON_OPTION = "  --json                   Print one JSON document\n"
"""Described here once for all commands whose patterns have it."""

EXIT_STATUSES = {
    0: "Done",
    1: "Failed",
    2: "Invalid command line, or an invalid or missing setting",
    3: "Invalid input",
    4: "Not found",
    5: "Conflicts with existing data",
    6: "Not authorized: API key unknown, expired or of too narrow a scope",
    7: "The database belongs to a newer version",
    8: "The server, ConnectWise or Webex cannot be reached",
    9: "`tbot plan` found differences",
    130: "Interrupted",
}
TERMINAL_UI = "_tui"
COMPLETE = "__complete"
"""The command that runs when none is given, and the one that shells call; help does not show either."""

_TOP = f"Usage:\n  tbot [options] [<command> [<argument>...]]\n\nOptions:\n{OPTIONS}"


class UsageError(Exception):
    """A command line that no usage text allows; `lines` say what is wrong and where to look."""

    def __init__(self, *lines: str) -> None:
        super().__init__(*lines)
        self.lines = lines


def names() -> list[str]:
    """Return the names of all commands that help shows."""
    return sorted(found.name for found in pkgutil.iter_modules(commands.__path__) if not found.name.startswith("_"))


def exists(command: str) -> bool:
    """Return whether a word is a command."""
    return command == COMPLETE or command in names()


def module(command: str) -> ModuleType:
    """Return the module of a command of `names()`, or of a hidden one."""
    return importlib.import_module(f"{commands.__name__}.{command}")


def split(argv: Sequence[str]) -> tuple[dict[str, Any], str | None, list[str]]:
    """Return the options before the command, the command as typed, and the words after it. Raises `DocoptExit`."""
    found = docopt.docopt(_TOP, list(argv), default_help=False, options_first=True)
    return found, found.pop("<command>"), found.pop("<argument>")


def parse(command: str, words: Sequence[str], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a command, and the options `before` it that are not repeated. Raises `DocoptExit`."""
    if not exists(command) or (needs_topic(command) and not topic_of(command, words)):
        raise docopt.DocoptExit
    found = docopt.docopt(grammar(command, topic_of(command, words)), [command, *words], default_help=False)
    return {**found, **{name: value for name, value in before.items() if found.get(name) is None}}


def topic_of(command: str, words: Sequence[str]) -> str:
    """Return the topic in the words after a command, empty if there is none."""
    plain = positional(options(command), words)
    return plain[0] if plain and plain[0] in topics(command) else ""


def needs_topic(command: str) -> bool:
    """Return whether a command has to be followed by one of its topics."""
    return bool(topics(command)) and not any("" in _topics(pattern) for pattern in patterns(command))


def positional(known: Iterable[str], words: Sequence[str]) -> list[str]:
    """Return the words that are neither options nor their values. `known` options that take one end in `=<value>`."""
    takes_value = {name.partition("=")[0]: "=" in name for name in known}
    found: list[str] = []
    is_value = False
    for word in words:
        if word.startswith("-") and not is_value:
            matches = meant_by(word, takes_value)
            is_value = "=" not in word and len(matches) == 1 and takes_value[matches[0]]
        else:
            found += [] if is_value else [word]
            is_value = False
    return found


def meant_by(word: str, known: Iterable[str]) -> list[str]:
    """Return the options that a typed one can mean: docopt takes unambiguous beginnings."""
    name = word.partition("=")[0]
    return [name] if name in known else [each for each in known if each.startswith(name)]


def grammar(command: str, topic: str = "") -> str:
    """Return the usage text of a command for docopt, perhaps narrowed to one topic, such as `rule`."""
    usage = "\n".join(["Usage:", *(pattern for pattern in patterns(command) if _is_about(pattern, topic))])
    return f"{usage}\n\nOptions:\n{''.join(_entries(command, usage))}{OPTIONS}"


def patterns(command: str) -> list[str]:
    """Return the usage patterns of a command, with their line breaks."""
    return re.findall(r"^  tbot .*(?:\n    +.*)*", _section(command, "Usage"), re.M)


def topics(command: str) -> list[str]:
    """Return the words that can follow a command, such as `rule` after `create`; empty if there are none."""
    found = [topic for pattern in patterns(command) for topic in _topics(pattern)]
    return list(dict.fromkeys(topic for topic in found if topic))


def options(command: str, topic: str = "") -> dict[str, str]:
    """Return the options of a command, without one those of all, with their meaning; `--port=<port>` takes a value."""
    text = grammar(command, topic).partition("\nOptions:\n")[2] if command else OPTIONS
    entries = re.findall(r"^  (?:-h )?(--\S+) +(.*(?:\n {9,}.*)*)", text, re.M)
    return {name: " ".join(meaning.split()) for name, meaning in entries}


def page(command: str, topic: str = "") -> str:
    """Return the help page of a command, or of one of its topics."""
    head = re.split(r"\n(?:Options|Examples):\n", module(command).USAGE)[0]
    lines = examples(command)
    usage, _, options = grammar(command, topic).partition("\nOptions:\n")
    if topic in topics(command):
        head = f"{summary(command)}\n\n{usage}"
        lines = "".join(f"{line}\n" for line in lines.splitlines() if f" {topic} " in f"{line} ")
    return f"{head}\nOptions:\n{options}" + (f"\nExamples:\n{lines}" if lines.strip() else "")


def examples(command: str) -> str:
    """Return the examples of a command, a line each."""
    return f"{_section(command, 'Examples').rstrip()}\n"


def summary(command: str) -> str:
    """Return the first line of a usage text."""
    return str(module(command).USAGE.partition("\n")[0])


def overview() -> str:
    """Return a page that fits a screen: all commands, and the options common to all of them."""
    lines = [f"{name:<12}{summary(name).rstrip('.')}" for name in names()]
    half = (len(lines) + 1) // 2
    pairs = zip(lines[:half], [*lines[half:], ""], strict=False)
    shown = re.findall(r"^  (?:-h )?(--\S+)", OPTIONS, re.M)  # described with each command: a screen has 24 lines
    table = "".join(f"  {first:<39}{second}".rstrip() + "\n" for first, second in pairs)
    return (
        f"{TITLE}\n\nUsage: tbot [<command>] [options]        Without a command: the terminal UI\n\n"
        f"Commands (for details: `tbot help <command>`):\n{table}\nOptions: {' '.join(shown)}\n"
    )


def _section(command: str, heading: str) -> str:
    return str(module(command).USAGE.partition(f"\n{heading}:\n")[2].partition("\n\n")[0])


def _topics(pattern: str) -> list[str]:
    """Return the words that can stand first in a pattern; an empty one if it starts with something else."""
    rest = " ".join(pattern.split()[2:])
    if found := re.match(r"\(([a-z][a-z |-]*)\)", rest):
        return [word.strip() for word in found[1].split("|")]
    found = re.match(r"[a-z][a-z-]*", rest)
    return [found[0] if found else ""]


def _is_about(pattern: str, topic: str) -> bool:
    return not topic or topic in _topics(pattern)


def _entries(command: str, used: str) -> list[str]:
    """Return the entries of a command's options that occur in some patterns."""
    entries = re.findall(r"^  --.*\n(?:   +.*\n?)*", f"{_section(command, 'Options')}\n{JSON_OPTION}", re.M)
    named = set(re.findall(r"--[a-z-]+(?:=<[a-z:-]+>)?", used))
    return [entry for entry in entries if entry.split()[0] in named]
