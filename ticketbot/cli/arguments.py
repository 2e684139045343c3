"""Typed access to the arguments of a command; invalid ones are rejected with their name and an example."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET, UnsetType

from ticketbot import errors
from ticketbot.api import requests
from ticketbot.present import words

NONE = "none"  # removes the start or the end of a forward

_EXPECTED = dict.fromkeys(("--start", "--end"), f"Give a date such as 2026-03-01, or `{NONE}` to leave it open")
_MAX_DIGITS = 40  # more than any id has; Python refuses to parse thousands of digits
_BOOLEANS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


class Arguments:
    """The arguments of one command line, as parsed by docopt. Every method raises `InvalidInput` for a bad value."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self._arguments = arguments

    def which(self, *candidates: str) -> str:
        """Return the one of these words that was given."""
        return next(word for word in candidates if self._arguments.get(word))

    def has(self, name: str) -> bool:
        """Return whether an option or a word was given."""
        return bool(self._arguments.get(name))

    def text(self, name: str) -> str | None:
        """Return a text as it was typed; an empty one is rejected, so that it changes nothing by accident."""
        text: str | None = self._arguments.get(name)
        if text is not None and not text.strip():
            raise errors.InvalidInput(f"{name} is empty. {_EXPECTED.get(name, 'Give a value')}")
        return text

    def required(self, name: str) -> str:
        """Return a text that the usage text makes mandatory."""
        return self.text(name) or ""

    def number(self, name: str, *, least: int = 0) -> int | None:
        """Return a whole number, None if it was not given."""
        text = self.text(name)
        return None if text is None else number(name, text, least=least)

    def required_number(self, name: str) -> int:
        """Return a whole number that the usage text makes mandatory; `#4711`, as Webex writes tickets, is 4711."""
        return number(name, self.required(name).removeprefix("#"))

    def numbers(self, name: str) -> list[int]:
        """Return the numbers of a list such as `1,2,3`."""
        text = self.text(name)
        parts = [] if text is None else re.split(r"[,\s]+", text.strip(", "))
        return [number(name, part, "Give numbers such as 1,2,3") for part in parts]

    def boolean(self, name: str) -> bool | UnsetType:
        """Return a boolean in any of its spellings, `UNSET` if it was not given."""
        text = self.text(name)
        if text is None:
            return UNSET
        if text.lower() not in _BOOLEANS:
            raise errors.InvalidInput(f"{name} is {text!a}. Give true or false")
        return _BOOLEANS[text.lower()]

    def when(self, name: str) -> str | None:
        """Return a date or time as given, in the server's time zone if it names none."""
        text = self.text(name)
        if text is None:
            return None
        if problem := words.date_problem(text):
            raise errors.InvalidInput(f"{name} is {text!a}. {problem}")
        return text

    def optional_date(self, name: str) -> str | UnsetType | None:
        """Return the start or end of a forward: `UNSET` if it was not given, None for `none`, else a date or time."""
        text = self.text(name)
        if text is None:
            return UNSET
        return None if text.lower() == NONE else self.when(name)

    def choice(self, name: str, choices: Sequence[str]) -> str | None:
        """Return text that must be one of `choices`."""
        text = self.text(name)
        if text is not None and text not in choices:
            more = words.did_you_mean(text, choices)
            raise errors.InvalidInput(f"{name} is {text!a}. Give one of {', '.join(choices)}.{more}")
        return text

    def choices(self, name: str, choices: Sequence[str]) -> list[str] | None:
        """Return the words of a list such as `new,closed`, None if it was not given; each must be one of `choices`."""
        text = self.text(name)
        found = None if text is None else re.split(r"[,\s]+", text.strip(", "))
        for word in found or ():
            self.one_of(name, word, choices)
        return found

    def one_of(self, name: str, word: str, choices: Sequence[str]) -> str:
        """Return a word of a list, which must be one of `choices`."""
        if word not in choices:
            more = words.did_you_mean(word, choices)
            raise errors.InvalidInput(f"{name} names {word!a}. Give some of {', '.join(choices)}.{more}")
        return word


def number(name: str, text: str, advice: str = "Give a whole number", least: int = 0) -> int:
    """Return the whole number that an argument must be."""
    if not re.fullmatch(r"-?[0-9]+", text):
        raise errors.InvalidInput(f"{name} is {text!a}. {advice}")
    found = int(text[:_MAX_DIGITS])
    if found < least:
        raise errors.InvalidInput(f"{name} is {text!a}. Give a positive number")
    if found > requests.LARGEST_ID:
        if name.startswith("<"):  # a positional argument: the id of something that should exist
            raise errors.NotFound(f"There is no id as large as {text}")
        raise errors.InvalidInput(f"{name} is {text!a}. Give a smaller number")
    return found
