"""Text for terminals: nothing hostile passes, and nothing is wider than it is counted."""

from __future__ import annotations

import pytest
import wcwidth
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ticketbot.present import text


@settings(max_examples=300)
@given(st.text(), st.integers(2, 90))
def test_what_is_cut_or_folded_fits_and_holds_no_control_character(given_text: str, limit: int) -> None:
    shown = text.clean(given_text)
    for line in [text.cut(shown, limit), *text.fold(shown, limit)]:
        assert 0 <= wcwidth.wcswidth(line) <= text.width(line) <= limit


@given(st.text(), st.integers(2, 90))
@example("\N{NO-BREAK SPACE}", 2)
def test_folding_loses_nothing_but_spaces(given_text: str, limit: int) -> None:
    shown = text.clean(given_text)
    assert "".join(text.fold(shown, limit)).replace(" ", "") == shown.replace(" ", "")


def test_no_character_is_wider_for_a_terminal_than_for_us() -> None:
    every = (chr(code) for code in range(0x20, 0x30000) if not 0xD800 <= code < 0xE000)
    shown = [text.clean(character) for character in every]
    assert [each for each in shown if not 0 <= wcwidth.wcswidth(each) <= text.width(each)] == []


@pytest.mark.parametrize(
    ("given_text", "cells"),
    [("Help", 4), ("サポート", 8), ("🇩🇪", 4), ("👍🏽", 4), ("é", 1), ("हिन्दी", 5), ("", 0)],
)
def test_width_is_the_most_that_any_terminal_takes(given_text: str, cells: int) -> None:
    assert text.width(text.clean(given_text)) == cells


def test_padding_and_cutting_count_cells() -> None:
    assert text.pad("窓口", 6) == "窓口  "
    assert text.cut("窓口窓口", 6) == "窓口…"
