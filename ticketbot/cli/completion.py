"""What can follow the words of a command line: commands, topics, options, values, and ids with names."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, get_args

from ticketbot.cli import usage

if TYPE_CHECKING:
    from ticketbot.api import client

_T = TypeVar("_T")

TIMEOUT_S = 1.0  # a user is waiting for the Tab key
MAX_ROWS = 200

_PLURALS = {"alert-recipient": "recipients", "source": "recipients", "destination": "recipients", "for": "recipients"}


class Line(NamedTuple):
    """A command line up to the cursor: the words before it, and those of them that follow the command."""

    before: Sequence[str]
    env: Mapping[str, str]
    command: str
    topic: str
    rest: Sequence[str]

    @property
    def options(self) -> dict[str, str]:
        """Return the options that are possible here."""
        return usage.options(self.command, self.topic)


def candidates(words: Sequence[str], env: Mapping[str, str]) -> dict[str, str]:
    """Return what the last of some words can become, each with its meaning, empty if it has none.

    A server that does not respond at once has no ids and names.
    """
    *before, last = _joined(words) or [""]
    current = _unquoted(last)
    line = _line(before, env)
    name, equals, value = current.partition("=")
    if line is None:
        return {}
    if name.startswith("--") and equals:
        return {f"{name}={word}": meaning for word, meaning in _values(line, name, value).items()}
    if before and f"{before[-1]}=" in _option_words(line.options):
        return _values(line, before[-1], current)
    typed = [word.partition("=")[0] for word in line.rest]
    options = _matching(_option_words(line.options, typed), current)
    return options if current.startswith("-") else _positional(line, current) or options


def _line(before: Sequence[str], env: Mapping[str, str]) -> Line | None:
    """Return what was typed before the cursor, None if it is no command of ours."""
    plain = usage.positional(usage.options(""), before)
    if not plain:
        return Line(before, env, "", "", before)
    if plain[0] not in usage.names():
        return None
    rest = before[list(before).index(plain[0]) + 1 :]
    return Line(before, env, plain[0], usage.topic_of(plain[0], rest), rest)


def _positional(line: Line, current: str) -> dict[str, str]:
    """Return commands, topics, or the ids that an argument can be."""
    plain = usage.positional(line.options, line.rest)
    if not line.command or (line.command == "help" and not plain):
        return _matching({name: usage.summary(name).rstrip(".") for name in usage.names()}, current)
    if line.command == "help":
        found = usage.topics(plain[0]) if len(plain) == 1 and usage.exists(plain[0]) else []
        return _matching(dict.fromkeys(found, ""), current)
    if not plain and usage.topics(line.command):
        return _matching(dict.fromkeys(usage.topics(line.command), ""), current)
    argument = re.search(r"(?<!=)<([a-z-]+)>", usage.grammar(line.command, line.topic).partition("\n\n")[0])
    if argument is None or len(plain) > bool(line.topic):
        return {}
    subject = line.topic if argument[1] == "id" else argument[1].removesuffix("-id")
    return _ids(line, f"{subject.removesuffix('s')}s", current)


def _values(line: Line, option: str, current: str) -> dict[str, str]:
    """Return the values of an option."""
    from ticketbot.api import calm_responses, responses

    placeholder = next((name.partition("=")[2] for name in line.options if name.startswith(f"{option}=")), "")
    choices: dict[str, Sequence[str]] = {
        "<bool>": ("true", "false"),
        "<scope>": get_args(responses.Scope),
        "<level>": ("debug", "info", "warning", "error"),
        "<event>": get_args(responses.RuleEvent),
        "<where>": get_args(responses.Threads),
        "<type>": get_args(responses.RecipientType),
        "<forward-state>": get_args(responses.ForwardState),
        "<silence-state>": get_args(calm_responses.SilenceState),
        "<event-state>": get_args(responses.EventState),
        "<state>": get_args(responses.NotificationState),
    }
    subject = option.removeprefix("--").removesuffix("-id")
    plural = _PLURALS.get(subject, f"{subject}s")
    if placeholder == "<file>":
        folder, slash, start = current.rpartition("/")
        names = sorted(path.name for path in Path(f"{folder}{slash}" or ".").glob("*"))
        return {f"{folder}{slash}{name}": "" for name in names if name.startswith(start)}
    if placeholder == "<events>":
        listed, comma, _ = current.rpartition(",")
        return _matching({f"{listed}{comma}{name}": "" for name in get_args(responses.RuleEvent)}, current)
    if placeholder == "<condition>":
        return _matching(dict.fromkeys(_continued(line, current), ""), current)
    if placeholder == "<id>":
        return _ids(line, plural, current)
    if placeholder == "<name>" and plural in ("boards", "recipients"):
        return _matching(_names(line, plural), current)
    return _matching(dict.fromkeys(choices.get(placeholder, ()), ""), current)


def _continued(line: Line, condition: str) -> list[str]:
    import msgspec

    from ticketbot.present import condition_completion

    def known() -> condition_completion.Values:
        return _of_server(line, lambda server: msgspec.structs.asdict(server.condition_values()), {})

    return condition_completion.continued(condition, known)


def _ids(line: Line, plural: str, current: str) -> dict[str, str]:
    """Return ids with what they stand for; if a name was begun, names with their ids."""
    from ticketbot.cli import lookup
    from ticketbot.present import entities

    entity = entities.BY_PLURAL[plural]
    if current and not current.isdecimal() and entity.singular in lookup.NAMED:
        return _matching(_names(line, plural), current)
    return _matching({str(row.id): entity.title(row) for row in _rows(line, plural)}, current)


def _names(line: Line, plural: str) -> dict[str, str]:
    return {row.name: f"{plural[:-1]} {row.id}" for row in _rows(line, plural)}


def _rows(line: Line, plural: str) -> list[Any]:
    from ticketbot.present import entities

    only = {"state": "dead"} if plural == "notifications" and line.command == "retry" else {}
    method = entities.BY_PLURAL[plural].list_method
    return _of_server(line, lambda server: list(getattr(server, method)(limit=MAX_ROWS, newest=True, **only)), [])


def _of_server(line: Line, read: Callable[[client.Client], _T], otherwise: _T) -> _T:
    """Return what the server says; `otherwise` if it does not respond at once, or does not allow it."""
    from requests.adapters import HTTPAdapter

    from ticketbot import errors
    from ticketbot.api import client
    from ticketbot.settings import table

    class Impatient(HTTPAdapter):
        def send(self, *args: Any, **options: Any) -> Any:
            return super().send(*args, **{**options, "timeout": TIMEOUT_S})

    parts = (word.partition("=") for word in line.before)
    flags = {name: value for name, _, value in parts if name in table.FLAGS and value}
    try:
        settings = table.load(flags, line.env)
        server = client.Client(settings.base_url, settings.api_key, transport=Impatient())
        with contextlib.closing(server):
            return read(server)
    except errors.TicketbotError:
        return otherwise


def _option_words(known: Mapping[str, str], without: Sequence[str] = ()) -> dict[str, str]:
    """Return options as they are typed: with `=` if they take a value."""
    return {re.sub("=.*", "=", name): text for name, text in known.items() if name.partition("=")[0] not in without}


def _matching(words: Mapping[str, str], current: str) -> dict[str, str]:
    """Return the words that start with what was typed, in upper or lower case, with meanings safe for a terminal."""
    from ticketbot.present import text

    return {
        word: text.clean(meaning)
        for word, meaning in words.items()
        if word.casefold().startswith(current.casefold()) and word == text.clean(word)
    }


def _joined(words: Sequence[str]) -> list[str]:
    """Return words whose options have their values again: bash splits at `=`."""
    found: list[str] = []
    for position, word in enumerate(words):
        after_equals = position > 1 and words[position - 1] == "=" and words[position - 2].startswith("--")
        if found and ((word == "=" and found[-1].startswith("--")) or after_equals):
            found[-1] += word
        else:
            found.append(word)
    return found


def _unquoted(word: str) -> str:
    """Return what a word means that may hold quotes and backslashes, and may not be complete."""
    for end in ("", "'", '"'):
        with contextlib.suppress(ValueError):
            return "".join(shlex.split(word.removesuffix("\\") + end))
    return word
