"""Find the id of what was named: a number is an id, anything else a name or an e-mail address."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ticketbot import errors
from ticketbot.cli import arguments
from ticketbot.cli.context import Context
from ticketbot.present import entities, words

NAMED = ("board", "recipient", "user")
"""The entities that can be named instead of numbered."""


def option(context: Context, prefix: str, singular: str) -> int | None:
    """Return the id given as `--<prefix>-id=<id>` or `--<prefix>=<name>`, None if neither is."""
    name = context.arguments.text(f"--{prefix}")
    if name is None:
        return context.arguments.number(f"--{prefix}-id")
    return by_name(context, singular, name)


def argument(context: Context, name: str, singular: str) -> int:
    """Return the id given as an argument; boards, recipients and users can be named."""
    context.list_command = f"tbot list {entities.BY_SINGULAR[singular].plural}"
    text = context.arguments.required(name).removeprefix("#")
    if singular not in NAMED or re.fullmatch(r"-?[0-9]+", text):
        return arguments.number(name, text)
    return by_name(context, singular, text)


def by_name(context: Context, singular: str, name: str) -> int:
    """Return the id of the one object of this name, in upper or lower case. Raises `NotFound` or `Conflict`."""
    entity = entities.BY_SINGULAR[singular]
    context.list_command = f"tbot list {entity.plural}"
    rows: Sequence[Any] = getattr(context.server, entity.list_method)()
    wanted = name.strip().casefold()
    found = [row for row in rows if wanted in (row.name.casefold(), (getattr(row, "email", "") or "").casefold())]
    if len(found) > 1:
        ids = ", ".join(str(row.id) for row in found)
        raise errors.Conflict(f"{len(found)} {entity.plural} are named {name!a}: {ids}. Give the id instead")
    if not found:
        nearest = words.did_you_mean(name, [row.name for row in rows])
        raise errors.NotFound(f"There is no {singular} named {name!a}.{nearest}")
    return int(found[0].id)
