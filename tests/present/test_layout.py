"""Columns share the width of a terminal; names give way first."""

from __future__ import annotations

import pytest

from ticketbot.present import entities, layout, text

NOTIFICATIONS = entities.BY_PLURAL["notifications"].columns
ROW = ["4711", "5 min ago", "4712", "new", "Hanrahan Logistics Help Desk", "skipped", "author of the note " * 9]


def test_a_column_is_as_wide_as_its_title_and_cells() -> None:
    assert layout.wanted(NOTIFICATIONS, [ROW])[:4] == [4, 9, 6, 4]
    assert layout.wanted(NOTIFICATIONS, [])[4] == len("recipient")


@pytest.mark.parametrize("room", [80, 100, 120])
def test_names_give_way_until_all_columns_fit(room: int) -> None:
    wanted = layout.wanted(NOTIFICATIONS, [ROW])
    widths = layout.fit(NOTIFICATIONS, wanted, room)
    assert sum(widths) + layout.GAP * (len(widths) - 1) == room
    assert widths[:4] == wanted[:4]


def test_no_column_becomes_unreadable() -> None:
    widths = layout.fit(NOTIFICATIONS, layout.wanted(NOTIFICATIONS, [ROW]), 20)
    assert widths[4] == len("recipient")
    assert widths[6] == 8
    assert text.cut(ROW[6], widths[6]) == "author …"


@pytest.mark.parametrize("plural", ["rules", "forwards", "notifications", "tickets", "recipients", "events", "audit"])
def test_what_the_terminal_ui_shows_fits_80_columns(plural: str) -> None:
    columns = [each for each in entities.BY_PLURAL[plural].columns if each.kind != "reference"]
    assert layout.least(columns) <= 78
