"""The pictures of the README and of docs/tui.md are current, and load nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from docs import generate_pictures, webex_room
from tests.clock import START

README = ("explain.svg", "room.svg", "path.svg", "tui-notifications.svg")
PATHS = [
    generate_pictures.FOLDER / name
    for name in (*README, "tui-why.svg", "tui-rules.svg", "tui-form.svg", "tui-error.svg")
]


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_a_picture_is_current_and_complete_in_itself(path: Path) -> None:
    """Otherwise: `make pictures`."""
    drawn = generate_pictures.pictures()[path]
    assert (generate_pictures.ROOT / path).read_text(encoding="utf-8") == drawn
    ElementTree.fromstring(drawn)
    assert not re.search(r"url\(\s*[\"']?http|href=|@import", drawn)


def test_every_picture_is_tested_and_shown() -> None:
    assert list(generate_pictures.pictures()) == PATHS
    photographs = sorted(path for path in generate_pictures.FOLDER.iterdir() if path not in PATHS)
    named = ("README.md", "docs/panel.md", "docs/monitoring.md")
    pages = "".join(Path(page).read_text(encoding="utf-8") for page in named)
    assert all(f"pictures/{path.name})" in pages for path in photographs)
    for page, shown in (("README.md", PATHS[: len(README)]), ("docs/tui.md", PATHS[len(README) - 1 :])):
        text = (generate_pictures.ROOT / page).read_text(encoding="utf-8")
        for path in shown:
            address = path if page == "README.md" else path.relative_to("docs")
            assert re.search(rf"!\[[^\]]{{40,}}\]\({address}\)", text), (
                f"{path} is not shown with a text for those who cannot see it"
            )


def test_a_message_is_drawn_as_webex_shows_it() -> None:
    markdown = "**Ben <B>**: see [#7](https://cw.example/7)  \n_soon_\n\n> " + "word " * 20
    drawn = webex_room.svg("Help Desk", [webex_room.Post(START, markdown)])
    assert '<tspan class="strong">Ben &lt;B&gt;</tspan>: see ' in drawn
    assert '<tspan class="link">#7</tspan></text>' in drawn
    assert '<tspan class="em">soon</tspan></text>' in drawn
    assert drawn.count('class="bar"') == 2, "a long quote is wrapped"
    assert "cw.example" not in drawn
