"""Typed access to the arguments of a command; invalid ones are rejected with their name and an example."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ticketbot import errors
from ticketbot.api import requests

OPEN = "none"  # removes the start or the end of a forward
_EXPECTED = dict.fromkeys(("--start", "--end"), f"Give a date such as 2026-03-01; `{OPEN}` leaves it open")

_MAX_DIGITS = 40  # more than any id has; Python refuses to parse thousands of digits

_BOOLEANS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


class Arguments:
    """The arguments of one command line, as parsed by docopt. Every method raises `InvalidInput` for a bad value."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self._arguments = arguments

    def which(self, *words: str) -> str:
        """Return the one of these words that was given."""
        return next(word for word in words if self._arguments.get(word))

    def has(self, name: str) -> bool:
        """Return whether an option or a word was given."""
        return bool(self._arguments.get(name))

    def text(self, name: str) -> str | None:
        """Return a text as it was typed; an empty one is refused, so that it changes nothing by accident."""
        text: str | None = self._arguments.get(name)
        if text is not None and not text.strip():
            raise errors.InvalidInput(f"{name} is empty. {_EXPECTED.get(name, 'Give a value')}")
        return text

    def number(self, name: str, *, least: int = 0) -> int | None:
        """Return a whole number, None if it was not given."""
        text = self.text(name)
        return None if text is None else _number(name, text, least=least)

    def required_number(self, name: str) -> int:
        """Return a whole number that the usage text makes mandatory."""
        return _number(name, self._arguments[name])

    def numbers(self, name: str) -> list[int]:
        """Return the numbers of a list such as `1,2,3`."""
        text = self.text(name)
        if text is None:
            return []
        return [_number(name, part, "Give numbers such as 1,2,3") for part in re.split(r"[,\s]+", text.strip(", "))]

    def boolean(self, name: str) -> bool | UnsetType:
        """Return a boolean in any of its spellings, `UNSET` if it was not given."""
        text = self.text(name)
        if text is None:
            return UNSET
        if text.lower() not in _BOOLEANS:
            raise errors.InvalidInput(f"{name} is {text!a}. Give true or false")
        return _BOOLEANS[text.lower()]

    def when(self, name: str) -> str | None:
        """Return a date or time as given; the server parses it."""
        text = self.text(name)
        if text is not None and not _is_when(text):
            raise errors.InvalidInput(
                f"{name} is {text!a}. Give a date such as 2026-03-01, or a time such as 2026-03-01T08:00"
            )
        return text

    def optional_date(self, name: str) -> str | UnsetType | None:
        """Return the start or end of a forward: `UNSET` if it was not given, None for `none`, else a date or time."""
        text = self.text(name)
        if text is None:
            return UNSET
        return None if text.lower() == OPEN else self.when(name)

    def choice(self, name: str, words: tuple[str, ...]) -> str | None:
        """Return text that must be one of `words`."""
        text = self.text(name)
        if text is not None and text not in words:
            raise errors.InvalidInput(f"{name} is {text!a}. Give one of {', '.join(words)}")
        return text


def _number(name: str, text: str, advice: str = "Give a whole number", least: int = 0) -> int:
    if not re.fullmatch(r"-?[0-9]+", text):
        raise errors.InvalidInput(f"{name} is {text!a}. {advice}")
    number = int(text[:_MAX_DIGITS])
    if number < least:
        raise errors.InvalidInput(f"{name} is {text!a}. Give a positive number")
    if number > requests.LARGEST_ID:
        if name.startswith("<"):  # a positional argument: the id of something that should exist
            raise errors.NotFound(f"There is no id as large as {text}")
        raise errors.InvalidInput(f"{name} is {text!a}. Give a smaller number")
    return number


def _is_when(text: str) -> bool:
    try:
        msgspec.convert(text, requests.DateOrTime)
        datetime.fromisoformat(text)
    except (msgspec.ValidationError, ValueError):
        return False
    return True
