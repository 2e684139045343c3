"""Rows are sorted by any column, and found by words of any of them."""

from __future__ import annotations

from datetime import timedelta

from tests.clock import START
from ticketbot.api import responses
from ticketbot.present import entities, table_content

RECIPIENTS = entities.BY_PLURAL["recipients"].columns


def content(by: int = 0, *, is_reversed: bool = False, search: str = "") -> table_content.Content:
    def row(number: int, name: str, days: int | None) -> responses.Recipient:
        at = None if days is None else START - timedelta(days=days)
        return responses.Recipient(id=number, type="room", name=name, email=None, active=True, last_activity=at)

    rows = [row(2, "Żak", 9), row(10, "ana", None), row(1, "Ben", 40)]
    order = table_content.Order(by, is_reversed)
    return table_content.Content(RECIPIENTS, rows, order, lambda at: at.isoformat(), search)


def ids(shown: table_content.Content) -> list[int]:
    return [row.id for row in shown.rows]


def test_numbers_names_and_times_are_sorted_as_what_they_are_nothing_first() -> None:
    assert ids(content(0)) == [1, 2, 10]
    assert ids(content(2)) == [10, 1, 2]
    assert ids(content(5)) == [10, 1, 2]
    assert ids(content(5, is_reversed=True)) == [2, 1, 10]


def test_rows_are_found_by_words_without_case_and_accents() -> None:
    shown = content(2)
    assert [shown.rows[number].id for number in shown.matches("ROOM zak")] == [2]
    assert shown.matches("nobody") == []


def test_what_the_server_has_found_is_not_filtered_again() -> None:
    assert len(content(search="hanrahan").matches("hanrahan")) == 3
    assert content(search="hanrahan").matches("hanrahan x") == []


def test_the_sorted_column_has_an_arrow_and_room_for_it() -> None:
    shown = content(0, is_reversed=True)
    assert shown.titles()[0] == "id ▼"
    assert shown.widths[0] == len("id ▼")
