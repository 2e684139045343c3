"""The options of silences and quiet hours, which `create` and `update` read alike."""

from __future__ import annotations

import re
from typing import Any

from msgspec import UNSET

from ticketbot.cli import lookup
from ticketbot.cli.arguments import NONE, number
from ticketbot.cli.context import Context

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def silence(context: Context) -> dict[str, Any]:
    """Return the fields of a silence that were given, by name; `none` removes one."""
    found: dict[str, Any] = {"company": _text(context, "--company"), "comment": context.arguments.text("--comment")}
    found["comment"] = UNSET if found["comment"] is None else found["comment"]
    for name in ("board", "recipient"):
        is_removed = (context.arguments.text(f"--{name}-id") or "").lower() == NONE
        given = None if is_removed else lookup.option(context, name, name)
        found[f"{name}_id"] = UNSET if given is None and not is_removed else given
    for name in ("ticket_id", "rule_id"):
        option = f"--{name.replace('_', '-')}"
        text = _text(context, option)
        found[name] = number(option, text.removeprefix("#")) if isinstance(text, str) else text
    for name in ("start", "until"):
        when = context.arguments.when(f"--{name}")
        found[name] = UNSET if when is None else when
    return {name: value for name, value in found.items() if value is not UNSET}


def quiet_hours(context: Context) -> dict[str, Any]:
    """Return the fields of quiet hours that were given, by name."""
    arguments = context.arguments
    found: dict[str, Any] = {"timezone": _text(context, "--timezone"), "urgent": _text(context, "--urgent")}
    for name, option in (("from_", "--from"), ("to", "--to")):
        found[name] = _time(arguments.text(option))
    row_id = lookup.option(context, "recipient", "recipient")
    found["recipient_id"] = row_id if row_id is not None or arguments.has("--all-people") else UNSET
    days = arguments.text("--days")
    found["days"] = UNSET if days is None else _days(context, days)
    return {name: value for name, value in found.items() if value is not UNSET}


def _text(context: Context, option: str) -> Any:
    """Return a text, None for `none`, `UNSET` if it was not given."""
    text = context.arguments.text(option)
    return UNSET if text is None else None if text.lower() == NONE else text


def _time(text: str | None) -> Any:
    """Return a time of day with two digits each: `8:00` is 08:00."""
    return UNSET if text is None else f"0{text}" if re.fullmatch(r"\d:\d\d", text) else text


def _days(context: Context, text: str) -> list[str]:
    """Return weekdays in their order; `mon-fri` is a range, `fri-mon` goes over the weekend."""
    wanted = []
    for part in re.split(r"[,\s]+", text.lower().strip(", ")):
        first, dash, last = part.partition("-")
        if dash and first in _DAYS and last in _DAYS:
            begin, end = _DAYS.index(first), _DAYS.index(last)
            wanted += [_DAYS[at % 7] for at in range(begin, end + 1 + 7 * (end < begin))]
        else:
            wanted.append(context.arguments.one_of("--days", part, _DAYS))
    return [day for day in _DAYS if day in wanted]
