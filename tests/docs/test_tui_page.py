"""The page of the terminal UI is current, complete, and shows what fits the terminal it promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs import generate_tui
from ticketbot.present import text
from ticketbot.tui import keymap

PAGE = Path("docs/tui.md")


@pytest.fixture(scope="module")
def page() -> str:
    return generate_tui.pages()[PAGE]


def test_the_page_is_current(page: str) -> None:
    """Otherwise: `make docs`."""
    assert (generate_tui.ROOT / PAGE).read_text(encoding="utf-8") == page


def test_a_capture_is_a_whole_screen(page: str) -> None:
    captures = re.findall(r"```text\n(.*?)\n```", page, re.S)
    assert len(captures) == len(generate_tui.PICTURES)
    for picture, capture in zip(generate_tui.PICTURES, captures, strict=True):
        assert len(capture.split("\n")) == picture.size[1]
        assert max(map(text.width, capture.split("\n"))) <= picture.size[0]
        assert "Loading…" not in capture


def test_every_kind_of_dialog_has_its_capture(page: str) -> None:
    for said in ("board ", "New rule", "Are you sure?", "┌ Error", "Ticket 4711: Printer on fire"):
        assert said in page


def test_every_key_has_its_row(page: str) -> None:
    for row in keymap.TABLE:
        section = page.partition(f"\n### {keymap.TITLES[row.where]}\n")[2].partition("\n### ")[0]
        assert f"| `{row.label}` | {row.does} |" in section


def test_every_key_that_the_text_names_is_a_key(page: str) -> None:
    prose = re.sub(r"```text.*?```", "", page.partition("## All keys")[0], flags=re.S)
    known = {part for row in keymap.TABLE for part in (row.label, *row.label.split("/"))}
    named = set(re.findall(r"`([A-Z]|Ctrl\+.|[A-Z][a-z]+|F\d|\?|!)`", prose))
    assert len(named) > 10
    assert named - {"Ctrl+U"} <= known
