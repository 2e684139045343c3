"""The page of the terminal UI is current, complete, and shows what fits the terminal it promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs import generate_tui
from ticketbot.tui import keymap, table_cells

PAGE = Path("docs/tui.md")
TABS = ("rules", "forwards", "users", "keys", "sync", "notifications")


@pytest.mark.parametrize("path", generate_tui.pages(), ids=str)
def test_a_written_page_is_current(path: Path) -> None:
    """Otherwise: `make docs`."""
    assert (generate_tui.ROOT / path).read_text(encoding="utf-8") == generate_tui.pages()[path]


@pytest.mark.parametrize("picture", generate_tui.PICTURES, ids=lambda picture: picture.title)
def test_a_capture_is_a_whole_screen_of_80x24(picture: generate_tui.Picture) -> None:
    lines = generate_tui.capture(picture).split("\n")
    assert len(lines) == 24
    assert max(map(table_cells.width, lines)) <= 80
    assert "Loading…" not in lines


def test_every_tab_and_every_kind_of_dialog_has_its_capture() -> None:
    pressed = [picture.keys for picture in generate_tui.PICTURES]
    for action in TABS[1:]:
        assert (keymap.label(action).lower().replace("+", " "),) in pressed
    page = generate_tui.pages()[PAGE]
    for said in ("Board ▲", "New rule", "Are you sure?", "Copy this key now", "All keys", "─ Error ─"):
        assert said in page


def test_every_key_has_its_row() -> None:
    page = generate_tui.pages()[PAGE]
    for row in keymap.TABLE:
        section = page.partition(f"\n### {keymap.TITLES[row.where]}\n")[2].partition("\n### ")[0]
        assert f"| `{row.label}` | {row.does} |" in section


def test_every_key_that_the_text_names_is_a_key() -> None:
    text = re.sub(r"```text.*?```", "", generate_tui.pages()[PAGE].partition("## All keys")[0], flags=re.S)
    known = {part for row in keymap.TABLE for part in (row.label, *row.label.split("/"))}
    named = set(re.findall(r"`([A-Z]|Ctrl\+.|[A-Z][a-z]+|\?)`", text))
    assert len(named) > 10
    assert named <= known
