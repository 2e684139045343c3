"""Rows of any entity as a table of a page, by `present.entities`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, tzinfo
from typing import Any, NamedTuple

from ticketbot.present import entities, states, words


class Cell(NamedTuple):
    """A text; with the exact time, the style of a state, or where it leads."""

    text: str
    exact: str = ""
    style: str = ""
    address: str = ""


class Action(NamedTuple):
    """What a button does: where its form is posted to."""

    label: str
    address: str


class Row(NamedTuple):
    """One row; `name` tells its button from those of others."""

    cells: list[Cell]
    name: str
    action: Action | None


class Table(NamedTuple):
    """A table of a page."""

    columns: list[str]
    rows: list[Row]

    @property
    def has_actions(self) -> bool:
        """Return whether any row has a button."""
        return any(row.action for row in self.rows)


def table(entity: entities.Entity, rows: Iterable[Any], zone: tzinfo, action: Callable[[Any], Action | None]) -> Table:
    """Return rows as a table; `action` says what can be done with one."""
    columns = [column for column in entity.columns if column.kind != "reference"]
    return Table(
        [column.title for column in columns],
        [Row(_cells(entity, columns, row, zone), entity.named(row), action(row)) for row in rows],
    )


def _cells(entity: entities.Entity, columns: Sequence[entities.Column], row: Any, zone: tzinfo) -> list[Cell]:
    return [_cell(entity, column, row, zone) for column in columns]


def _cell(entity: entities.Entity, column: entities.Column, row: Any, zone: tzinfo) -> Cell:
    value = column.read(row)
    text = entities.cell(column, row, lambda at: words.moment(at, zone, "%Y-%m-%d %H:%M"))
    if isinstance(value, datetime):
        return Cell(text, exact=value.isoformat())
    if column.kind == "state":
        return Cell(text, style=states.style(str(value)))
    is_ticket = column.title == "ticket" or (column.title in ("id", "summary") and entity.singular == "ticket")
    return Cell(text, address=f"/panel/tickets/{_ticket_id(entity, row)}" if is_ticket else "")


def _ticket_id(entity: entities.Entity, row: Any) -> int:
    number: int = row.id if entity.singular == "ticket" else row.ticket_id
    return number
