"""The themes know every attribute on the screen, and the terminal's environment picks one."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from urwid import testing

from tests.tui import seed
from tests.tui.pilot import Pilot, Server
from ticketbot.database import db
from ticketbot.tui import themes


@pytest.mark.parametrize(
    ("environ", "theme"),
    [
        ({"TERM": "xterm"}, themes.DEFAULT),
        ({"TERM": "xterm-256color"}, themes.COLORS_256),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, themes.COLORS_256),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, themes.MONO),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, themes.COLORS_256),
        ({"TERM": "vt100"}, themes.MONO),
        ({"TERM": "xterm-256color", "COLORFGBG": "0;15"}, themes.LIGHT),
        ({"TERM": "rxvt", "COLORFGBG": "15;default;0"}, themes.DEFAULT),
    ],
)
def test_the_environment_picks_the_theme(environ: Mapping[str, str], theme: themes.Theme) -> None:
    assert themes.default_theme(environ) is theme


def test_every_attribute_on_any_screen_is_in_every_theme_and_every_one_of_a_theme_is_used(server: Server) -> None:
    """Defect 83: this was asserted of the source text."""
    with db.transaction("test"):
        seed.sync_run(server.api.clock.now(), "running", boards=(1, 3))
    pilot, seen = Pilot(server, (120, 40)).start(), set()
    screens: list[list[str]] = [[], ["enter"], ["esc", "x"], ["n", "n"], ["down"], ["esc", "/", "h"], ["esc", "ctrl s"]]
    screens += [["ctrl n"], ["up"], ["/", "q"], ["esc", "?"], ["esc", "!", "y"], ["ctrl a", "n", "b", *["enter"] * 4]]
    screens += [
        ["enter", "ctrl u", "n", "enter"],
        ["esc", "ctrl s", "c", "y", "n"],
        [*["down"] * 3, "p", "enter"],
    ]
    for keys in screens:
        pilot.press(*keys).pass_time(0.2)
        for theme in themes.ALL:
            runs = testing.render_runs(pilot.view, pilot.size)
            assert len(testing.resolve_runs(runs, theme.palette(), colors=theme.colors)) == pilot.size[1]
        seen |= {layer for line in runs for attr, _ in line for layer in getattr(attr, "layers", (attr,))}
    assert seen - {None} == set(themes.DEFAULT.looks)


def test_mono_has_no_colors() -> None:
    for entry in themes.MONO.palette():
        attr = testing.resolve_attr(entry[0], themes.MONO.palette(), colors=1)
        assert (attr.foreground_basic, attr.background_basic) == (False, False)


def test_f2_turns_to_the_next_theme_everywhere(pilot: Pilot) -> None:
    seen = []
    for _ in themes.ALL:
        pilot.press("n", "f2")
        seen.append(pilot.theme.name)
        assert f"Theme: {pilot.theme.name}" in pilot.screen
    assert seen == ["light", "256", "mono", "default"]
