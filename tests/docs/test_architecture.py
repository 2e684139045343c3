"""The page about the architecture shows the layers and files that there are."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")


def test_layers_on_the_page_are_the_enforced_ones() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    enforced = config["importlinter:contract:layers"]["layers"].replace("ticketbot.", "").split("\n")[1:]
    shown = re.search(r"## Layers\n.*?```\n(.*?)```", PAGE, re.S)
    assert shown
    assert shown.group(1).splitlines() == enforced


def test_every_file_and_folder_that_is_named_exists() -> None:
    named = set(re.findall(r"`([a-z_]+(?:/[a-z_]+)*(?:\.py|/))`", PAGE))
    decide = {"topics.py", "audience.py", "forwarding.py", "reasons.py"}  # named after decide/plan.py
    places = [
        ROOT / "ticketbot",
        ROOT / "ticketbot/decide",
        ROOT / "ticketbot/server",
        ROOT / "ticketbot/pipeline",
        ROOT,
    ]
    assert decide <= named
    assert {name for name in named if not any((place / name).exists() for place in places)} == set()


def test_every_package_of_the_program_is_described() -> None:
    packages = {path.parent.name for path in (ROOT / "ticketbot").glob("*/__init__.py")}
    assert {name for name in packages - {"simulators"} if f"`{name}/`" not in PAGE} == set()
