"""The themes know every look, and the terminal's environment picks one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from urwid import testing

from tests.tui.fake_server import FakeServer
from tests.tui.pilot import Pilot
from ticketbot import tui
from ticketbot.tui import themes


@pytest.mark.parametrize(
    ("environ", "theme"),
    [
        ({"TERM": "xterm"}, themes.DEFAULT),
        ({"TERM": "xterm-256color"}, themes.COLOURS_256),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, themes.COLOURS_256),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, themes.MONO),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, themes.COLOURS_256),
        ({"TERM": "vt100"}, themes.MONO),
        ({"TERM": "xterm-256color", "COLORFGBG": "0;15"}, themes.LIGHT),
        ({"TERM": "rxvt", "COLORFGBG": "15;default;0"}, themes.DEFAULT),
    ],
)
def test_the_environment_picks_the_theme(environ: Mapping[str, str], theme: themes.Theme) -> None:
    assert themes.default_theme(environ) is theme


@pytest.mark.parametrize("theme", themes.ALL, ids=lambda theme: theme.name)
def test_every_look_on_the_screen_is_in_every_theme(theme: themes.Theme) -> None:
    known = {entry[0] for entry in theme.palette()}
    office = FakeServer()
    office.runs[-1].state = "running"
    office.runs[-1].phases[0].done = 1
    office.fault = None
    pilot = Pilot(office).start()
    for keys in (["n"], ["esc", "enter"], ["esc", "x"], ["n", "/", "h"], ["esc", "ctrl s"], ["ctrl n"], ["?"]):
        pilot.press(*keys).pass_time(0.2)
        runs = testing.render_runs(pilot.window, (80, 24))
        assert {attr for line in runs for attr, _ in line} <= known
        assert len(testing.resolve_runs(runs, theme.palette(), colors=theme.colors)) == 24


def test_the_themes_know_what_the_code_names() -> None:
    code = "".join(path.read_text() for path in Path(tui.__path__[0]).rglob("*.py") if path.name != "themes.py")
    named = set(
        re.findall(r'\("(title|bar|dim|good|warning|bad|key|footer|secret|dialog|label|row|done|to do)", ', code)
    )
    assert named <= set(themes.DEFAULT.looks)


def test_mono_has_no_colours() -> None:
    for entry in themes.MONO.palette():
        attr = testing.resolve_attr(entry[0], themes.MONO.palette(), colors=1)
        assert (attr.foreground_basic, attr.background_basic) == (False, False)


def test_control_t_turns_to_the_next_theme_everywhere(pilot: Pilot) -> None:
    seen = []
    for _ in themes.ALL:
        pilot.press("ctrl t")
        seen.append(pilot.theme)
        assert f"Theme: {pilot.theme.name}" in pilot.screen
    assert [theme.name for theme in seen] == ["light", "256", "mono", "default"]
