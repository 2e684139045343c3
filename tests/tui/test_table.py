"""The table keeps its selection, and makes widgets only for visible rows."""

from __future__ import annotations

import pytest
from urwid import testing

from tests.clock import START
from ticketbot.api import responses
from ticketbot.present import entities, table_content, text
from ticketbot.tui import table


def row(number: int, name: str) -> responses.User:
    return responses.User(id=number, name=name, email="", created_at=START)


def filled(*names: str) -> table.Table:
    users = entities.BY_PLURAL["users"]
    shown = table.Table(users, lambda at: at.isoformat(), table_content.Order())
    shown.fill(shown.new_content(row(number, name) for number, name in enumerate(names, 1)))
    return shown


def selected(shown: table.Table) -> str | None:
    return shown.selected.name if shown.selected else None


def press(shown: table.Table, *keys: str) -> list[str | None]:
    seen = []
    for key in keys:
        shown.keypress((60, 6), key)
        shown.render((60, 6), focus=True)
        seen.append(selected(shown))
    return seen


def test_a_table_draws_in_every_size() -> None:
    testing.check_box_sizing(filled("Ana", "客户支持"), cols=40, rows=10)
    testing.check_box_sizing(filled(), cols=40, rows=10)


def test_rows_line_up_whatever_they_hold() -> None:
    lines = filled("Ana", "客户支持", "👩\u200d💻 Zoë", "x" * 80).render((60, 6), focus=True).decoded_text
    places = {text.width(line[: line.rindex("2026")]) for line in lines[1:5]}
    assert len(places) == 1


def test_the_selection_survives_new_rows_and_stays_where_it_is_on_the_screen() -> None:
    shown = filled(*(f"row {number:02}" for number in range(1, 31)))
    press(shown, *["down"] * 15)
    before = shown.render((60, 6), focus=True).decoded_text
    rows = [row(number, f"row {number:02}") for number in range(-4, 31)]
    shown.fill(shown.new_content(rows))
    after = shown.render((60, 6), focus=True).decoded_text
    assert selected(shown) == "row 16"
    place = next(number for number, line in enumerate(before) if "row 16" in line)
    assert "row 16" in after[place]


def test_when_the_selected_row_is_gone_the_next_one_is_selected() -> None:
    shown = filled("a", "b", "c")
    press(shown, "down")
    for left, wanted in (([1, 3], "c"), ([1], "a"), ([], None)):
        shown.fill(shown.new_content(row(number, "abc"[number - 1]) for number in left))
        assert selected(shown) == wanted


def test_moving_stops_at_both_ends() -> None:
    shown = filled(*"abcdefghij")
    shown.render((60, 6), focus=True)
    assert press(shown, "end", "down", "home", "up") == ["j", "j", "a", "a"]


def test_rows_that_were_on_their_way_while_the_order_changed_are_sorted_anew() -> None:
    shown = filled("b", "a")
    late = shown.new_content([row(1, "b"), row(2, "a"), row(3, "0")])
    shown.sort(1)
    shown.fill(late)
    assert press(shown, "home", "down", "down") == ["0", "a", "b"]


def test_only_visible_rows_become_widgets(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = filled(*(f"row {number}" for number in range(5000)))
    made: list[int] = []
    make = shown._walker._make
    monkeypatch.setattr(shown._walker, "_make", lambda number, on: made.append(number) or make(number, on))
    shown.render((60, 6), focus=True)
    assert set(made) == set(range(5))


def test_a_row_is_replaced_or_added() -> None:
    shown = filled("a", "b")
    shown.put(row(2, "c"))
    shown.put(row(3, "d"))
    shown.select(3)
    assert [each.name for each in shown.content.rows] == ["a", "c", "d"]
    assert selected(shown) == "d"
