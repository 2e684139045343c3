"""Text is exactly as wide as it is meant to be, whatever it holds."""

from __future__ import annotations

import hypothesis
import pytest
import urwid
from hypothesis import strategies as st

from ticketbot.tui import table_cells

TEXTS = st.text(st.characters() | st.sampled_from("漢字👍🏽👩\u200d💻🇩🇪é\u0301\u202e\x1b\n\t"))


@hypothesis.given(TEXTS, st.integers(0, 40), st.booleans())
def test_a_fitted_text_takes_exactly_its_columns(text: str, columns: int, right: bool) -> None:
    fitted = table_cells.fit(text, columns, right=right)
    assert urwid.calc_width(fitted, 0, len(fitted)) == columns


@hypothesis.given(TEXTS)
def test_nothing_in_a_text_moves_the_cursor(text: str) -> None:
    assert all(char.isprintable() for char in table_cells.clean(text))


@hypothesis.given(TEXTS, st.integers(2, 40))
def test_wrapped_lines_are_no_wider_than_they_may_be(text: str, columns: int) -> None:
    lines = table_cells.wrap(text, columns)
    assert all(table_cells.width(line) <= columns for line in lines)
    assert "".join(lines).replace(" ", "") == table_cells.clean(text).replace(" ", "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Help Desk", "Help Desk "),
        ("Help Desk London", "Help Desk…"),
        ("客户支持部门", "客户支持… "),
        ("a\nb\x1b[2Jc", "a b [2Jc  "),
        ("👩\u200d💻 ok", "👩💻 ok   "),
        ("❤\ufe0f 🇩🇪", "❤ DE      "),
        ("\u202eevil", "evil      "),
    ],
)
def test_what_terminals_dispute_is_drawn_in_parts_they_agree_on(text: str, shown: str) -> None:
    assert table_cells.fit(text, 10) == shown


def test_a_line_of_pieces_is_cut_where_the_room_ends() -> None:
    canvas = table_cells.canvas([[("a", "12345"), ("b", "67890")], []], 8)
    assert canvas.decoded_text == ("1234567…", "        ")
