"""What a condition can go on with: fields, and known values between quotation marks (R4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from ticketbot.decide import condition_fields

Values = Mapping[str, Sequence[str]]

_BEGUN_VALUE = re.compile(r'([\w.]+)\s*(?:[=!]=|(?:not\s+)?in\s*\[(?:\s*"[^"]*"\s*,)*)\s*"([^"]*)$')


def continued(condition: str, values: Callable[[], Values]) -> list[str]:
    """Return what a condition becomes when what was begun at its end is completed.

    `values` returns those known of each field; it is called only if a value was begun.
    """
    if begun := _BEGUN_VALUE.search(condition):
        field = {"note.author": "owner"}.get(begun[1], begun[1].removeprefix("old."))
        known = condition_fields.CHOICES.get(field) or values().get(field, ())
        return [f'{condition[: begun.start(2)]}{value}"' for value in _matching(known, begun[2]) if '"' not in value]
    name = re.split(r"[^\w.]", condition)[-1]
    before = condition.removesuffix(name)
    if condition.count('"') % 2 or before[-1:] not in ("", " ", "("):
        return []
    return [before + each for each in _matching(condition_fields.names(), name)]


def _matching(words: Sequence[str], begun: str) -> list[str]:
    return [word for word in words if word.casefold().startswith(begun.casefold())]
