"""The page of the terminal UI is current and has every key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs import generate_tui
from ticketbot.tui import keymap

PAGE = Path("docs/tui.md")


@pytest.fixture(scope="module")
def page() -> str:
    return generate_tui.pages()[PAGE]


def test_the_page_is_current(page: str) -> None:
    """Otherwise: `make docs`."""
    assert (generate_tui.ROOT / PAGE).read_text(encoding="utf-8") == page


def test_every_key_has_its_row(page: str) -> None:
    rows = [line.split(" | ", 1)[1] for line in page.partition("## All keys")[2].splitlines() if " | " in line]
    assert rows[2:] == [f"`{row.label}` | {row.does} |" for row in keymap.TABLE]
    for title in keymap.TITLES.values():
        assert page.count(f"| {title} | ") == 1


def test_every_key_that_the_text_names_is_a_key(page: str) -> None:
    prose = page.partition("## All keys")[0]
    known = {part for row in keymap.TABLE for part in (row.label, *row.label.split("/"))}
    named = set(re.findall(r"`([A-Z]|Ctrl\+.|[A-Z][a-z]+|F\d|\?|!)`", prose))
    assert len(named) > 10
    assert named - {"Ctrl+U"} <= known
