"""Rows of any entity as a table of a page, by `present.entities`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ticketbot.panel import names
from ticketbot.present import entities, states

Moment = Callable[[datetime], str]


class Cell(NamedTuple):
    """A text; with the style of a state, or where it leads."""

    text: str
    style: str = ""
    address: str = ""


class Action(NamedTuple):
    """What a link leads to, or a button posts to. `operation` is the one it needs; `ask` is asked before."""

    label: str
    address: str
    operation: str = ""
    ask: str = ""
    is_link: bool = False


class Row(NamedTuple):
    """One row; `name` tells its button from those of others."""

    cells: list[Cell]
    name: str
    actions: list[Action]


class Table(NamedTuple):
    """A table of a page."""

    columns: list[str]
    rows: list[Row]


def table(
    entity: entities.Entity, rows: Iterable[Any], moment: Moment, actions: Callable[[Any], list[Action]]
) -> Table:
    """Return rows as a table; `actions` says what can be done with one. Ids and tickets lead to their pages."""
    columns = [column for column in entity.columns if column.kind != "reference"]
    page = f"{names.HOME}{entity.plural}" if names.has_pages(entity.plural) else ""

    def cells(row: Any) -> list[Cell]:
        return [_cell(column, row, moment, page) for column in columns]

    return Table(
        [column.title for column in columns], [Row(cells(row), entity.named(row), actions(row)) for row in rows]
    )


def plain(columns: Sequence[entities.Column], rows: Iterable[Any], moment: Moment) -> Table:
    """Return the rows of a trial as a table."""
    cells = ([_cell(column, row, moment, "") for column in columns] for row in rows)
    return Table([column.title for column in columns], [Row(each, "", []) for each in cells])


def _cell(column: entities.Column, row: Any, moment: Moment, page: str) -> Cell:
    text = entities.cell(column, row, moment)
    if column.kind == "state":
        return Cell(text, style=states.style(str(column.read(row))))
    if column.title == "ticket":
        return Cell(text, address=f"{names.HOME}tickets/{row.ticket_id}")
    return Cell(text, address=f"{page}/{row.id}" if page and column.title in ("id", "summary") else "")
