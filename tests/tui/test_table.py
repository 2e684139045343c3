"""The table keeps its selection, sorts, filters and scrolls."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from urwid import testing

from ticketbot.tui import table, table_cells


@dataclass(frozen=True)
class Row:
    id: int
    name: str


COLUMNS = [
    table.Column[Row]("Name", lambda row: row.name, share=1),
    table.Column[Row]("Id", lambda row: str(row.id), columns=5, right=True, order=lambda row: row.id),
]


def filled(*names: str) -> table.Table[Row]:
    shown = table.Table(COLUMNS, lambda _: "row")
    shown.fill(shown.content([Row(number, name) for number, name in enumerate(names, 1)]))
    return shown


def selected(shown: table.Table[Row]) -> str | None:
    return shown.selected.name if shown.selected else None


def test_a_table_draws_in_every_size() -> None:
    testing.check_box_sizing(filled("Ana", "客户支持"), cols=40, rows=10)
    testing.check_box_sizing(filled(), cols=40, rows=10)


def test_rows_line_up_whatever_they_hold() -> None:
    canvas = filled("Ana", "客户支持", "👩\u200d💻 Zoë", "x" * 80).render((30, 6), focus=True)
    for line in canvas.decoded_text:
        assert table_cells.width(line) == 30
    assert {table_cells.width(line.rstrip()) for line in canvas.decoded_text[1:5]} == {29}


def test_the_selection_survives_new_rows_and_stays_where_it_is_on_the_screen() -> None:
    shown = filled(*(f"row {number:02}" for number in range(1, 31)))
    for _ in range(15):
        shown.move("down")
    shown.render((30, 8))
    before = [line for line in shown.render((30, 8)).decoded_text if "row 16" in line]
    rows = [Row(100 + number, f"row 00 {number}") for number in range(5)]
    rows += [Row(number, f"row {number:02}") for number in range(1, 31)]
    shown.fill(shown.content(rows))
    assert selected(shown) == "row 16"
    after = shown.render((30, 8)).decoded_text
    assert before[0] in after
    assert after.index(before[0]) == 7


def test_when_the_selected_row_is_gone_the_next_one_is_selected() -> None:
    shown = filled("a", "b", "c")
    shown.move("down")
    shown.fill(shown.content([Row(1, "a"), Row(3, "c")]))
    assert selected(shown) == "c"
    shown.fill(shown.content([Row(1, "a")]))
    assert selected(shown) == "a"
    shown.fill(shown.content([]))
    assert selected(shown) is None


def test_moving_stops_at_both_ends() -> None:
    shown = filled(*"abcdefghij")
    shown.render((20, 5))
    seen = []
    for action in ("up", "page down", "page down", "page down", "page down", "down", "page up", "first", "last"):
        assert shown.move(action)
        seen.append(selected(shown))
    assert seen == ["a", "d", "g", "j", "j", "j", "g", "a", "j"]
    assert not shown.move("delete")


def test_sorting_goes_through_the_columns_and_turns_around() -> None:
    shown = filled("b", "C", "a")
    orders = []
    for step, turn in ((0, False), (1, False), (0, True), (1, True)):
        shown.sort(step, turn=turn)
        shown.move("first")
        names = []
        for _ in range(3):
            names.append(selected(shown))
            shown.move("down")
        orders.append("".join(map(str, names)))
    assert orders == ["abC", "bCa", "aCb", "abC"]
    assert shown.sorted_by == "Name"


def test_rows_that_were_on_their_way_while_the_order_changed_are_sorted_anew() -> None:
    shown = filled("b", "a")
    late = shown.content([Row(1, "b"), Row(2, "a"), Row(3, "0")])
    shown.sort(1)
    shown.fill(late)
    shown.move("first")
    assert selected(shown) == "b"


@pytest.mark.parametrize(("wanted", "count", "first"), [("an", 2, "Ana"), ("an x", 1, "Anx"), ("zzz", 0, None)])
def test_a_filter_shows_rows_with_all_words(wanted: str, count: int, first: str | None) -> None:
    shown = filled("Ben", "Ana", "Anx")
    shown.filter(wanted)
    assert shown.count() == count
    assert selected(shown) == first
    assert shown.total == 3
