"""Say what is wrong with a command line: the word, what was expected instead, and the nearest match."""

from __future__ import annotations

import re
from collections.abc import Sequence

import docopt

from ticketbot.cli import usage
from ticketbot.present import words


def before_command(argv: Sequence[str]) -> list[str]:
    """Return what is wrong with the options before a command."""
    return [_option_problem("", "", "tbot", argv) or f"Cannot read {argv[0]!a}.", "See: tbot help"]


def problem(command: str, argv: Sequence[str]) -> list[str]:
    """Return what is wrong with a command line that does not fit the usage text of its command."""
    if not usage.exists(command):
        return [f"There is no command {command!a}.{words.did_you_mean(command, usage.names())}", "See: tbot help"]
    topic = usage.topic_of(command, argv)
    typed = f"tbot {command} {topic}".rstrip()
    shown = "tbot help" if command.startswith("_") else f"tbot help {typed.removeprefix('tbot ')}"
    return [
        _option_problem(command, topic, typed, argv)
        or _topic_problem(command, topic, argv)
        or _missing_or_unexpected(command, topic, typed, argv),
        f"See: {shown}",
    ]


def _options(command: str, topic: str = "") -> dict[str, bool]:
    """Return the options of a command, and whether each takes a value."""
    return {name.partition("=")[0]: "=" in name for name in usage.options(command, topic)}


def _option_problem(command: str, topic: str, typed: str, argv: Sequence[str]) -> str:
    options, anywhere, skip = _options(command, topic), _options(command), False
    for position, word in enumerate(argv):
        if word == "--":
            break
        if skip or not word.startswith("-") or word in ("-", "-h") or re.fullmatch(r"-\d+", word):
            skip = False
            continue
        matches, name = usage.meant_by(word, options), word.partition("=")[0]
        if not matches:
            known = usage.meant_by(word, anywhere) and f"`{typed}` does not take {name}."
            return known or f"There is no option {name!a}.{words.did_you_mean(name, options)}"
        if len(matches) > 1:
            return f"{name} can mean {' or '.join(matches)}."
        takes_value = options[matches[0]]
        if "=" in word and not takes_value:
            return f"{matches[0]} takes no value."
        if takes_value and "=" not in word and argv[position + 1 : position + 2] in ([], ["--"]):
            shown = next(each for each in usage.options(command, topic) if each.startswith(f"{matches[0]}="))
            return f"{matches[0]} needs a value: {shown}."
        skip = takes_value and "=" not in word
    return ""


def _topic_problem(command: str, topic: str, argv: Sequence[str]) -> str:
    topics, plain = usage.topics(command), usage.positional(usage.options(command), argv)
    if topic or not usage.needs_topic(command):
        return ""
    expected = f"one of {', '.join(topics)}" if len(topics) > 1 else topics[0]
    if not plain:
        return f"`tbot {command}` needs {expected}."
    return f"{plain[0]!a} is not {expected}.{words.did_you_mean(plain[0], topics)}"


def _missing_or_unexpected(command: str, topic: str, typed: str, argv: Sequence[str]) -> str:
    """Return the first part of the nearest usage pattern that is missing, else the first word that is too much."""
    text = usage.grammar(command, topic)
    sections = docopt.parse_docstring_sections(text)
    options = docopt.parse_options(sections.after_usage)
    pattern = docopt.parse_pattern(docopt.formal_usage(sections.usage_body), options).fix()
    named = set(pattern.flat(docopt.Option))
    for shortcut in pattern.flat(docopt.OptionsShortcut):
        shortcut.children = [option for option in options if option not in named]
    given = docopt.parse_argv(docopt.Tokens([command, *argv]), list(options))
    inside = pattern.children[0]
    branches = inside.children if isinstance(inside, docopt.Either) else [pattern]
    _, found = max((_compared(branch, given) for branch in branches), key=lambda each: each[0])
    if isinstance(found, str):
        return found
    return f"`{typed}` needs {_shown(found, text)}."


def _compared(branch: docopt.BranchPattern, given: list[docopt.Pattern]) -> tuple[int, docopt.Pattern | str]:
    """Return how many parts of a pattern match, and the part that is missing, or what is too much."""
    left, collected = list(given), list[docopt.Pattern]()
    children = branch.children if len(branch.children) > 1 else branch.children[0].children
    for position, child in enumerate(children):
        matched, left, collected = child.match(left, collected)
        if not matched:
            return position, child
    extra = left[0] if left else docopt.Argument("", "")
    if isinstance(extra, docopt.Option):
        return len(children), f"{extra.longer} does not go with the other options, or is given twice."
    return len(children), f"Unexpected word {extra.value!a}."


def _shown(part: docopt.Pattern, text: str) -> str:
    if isinstance(part, docopt.Option):
        found = re.search(rf"{part.longer}(?![\w-])(=<[\w:-]+>)?", text)
        return found[0] if found else str(part.longer)
    if isinstance(part, docopt.BranchPattern):
        return (" or " if isinstance(part, docopt.Either) else " ").join(_shown(each, text) for each in part.children)
    return str(part.name)
