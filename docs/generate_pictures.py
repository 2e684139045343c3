"""Draw the pictures of the README and of docs/tui.md from the real program: `make pictures`."""

from __future__ import annotations

import functools
import io
import logging
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import urwid
from rich import color, console, style, text
from rich._export_format import CONSOLE_SVG_FORMAT

from docs import generate_tui, path_svg, webex_room
from tests.server.api_server import Api
from tests.simulated_time import Stepper
from tests.tui import pilot
from ticketbot.cli.commands import explain
from ticketbot.cli.context import Context
from ticketbot.cli.output import Streams
from ticketbot.database import db
from ticketbot.models import schema
from ticketbot.simulators import faults
from ticketbot.tui import main_view, themes

FOLDER = Path("docs/pictures")
ROOT = Path(__file__).parent.parent
COLUMNS = 88

# Nothing is loaded from other hosts: the fonts are those of the reader's machine.
_FORMAT = re.sub(r"\s*@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.S).replace(
    "Fira Code, monospace", "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Story(NamedTuple):
    """What the pictures show: the output of `tbot explain`, and what one person reads in Webex."""

    explained: str
    posts: list[webex_room.Post]


def pictures() -> Mapping[Path, str]:
    """Return the text of every picture, by its path in the repository."""
    told = story()
    return {
        FOLDER / "explain.svg": terminal_svg("tbot explain", text.Text.from_ansi(told.explained), COLUMNS),
        FOLDER / "room.svg": webex_room.svg("Ticketbot", told.posts),
        FOLDER / "path.svg": path_svg.svg(),
        **{FOLDER / f"{picture.name}.svg": _screen_svg(picture) for picture in generate_tui.PICTURES},
    }


def _screen_svg(picture: generate_tui.Picture) -> str:
    with pilot.sample(picture.size) as shown:
        shown.press(*picture.keys)
        shown.server.is_down = not picture.is_up
        canvas = shown.pass_time(main_view.NOTICE_S).view.render(picture.size, focus=True)
        return terminal_svg("tbot", screen_text(canvas, themes.COLORS_256.looks), picture.size[0])


def screen_text(canvas: urwid.Canvas, looks: Mapping[str, themes.Look]) -> text.Text:
    """Return what a canvas shows, in the colors of a theme."""
    styles = {name: _style(*look) for name, look in looks.items()}
    shown = text.Text()
    for row in canvas.content():
        for attribute, _, cells in row:
            shown.append(cells.decode(), styles.get(attribute))
        shown.append("\n")
    return shown


def _style(foreground: str, background: str) -> style.Style:
    spec = urwid.AttrSpec(foreground, background, 256)
    rgb = spec.get_rgb_values()
    front, back = (
        None if None in part else color.Color.from_rgb(*part)  # type: ignore[arg-type]
        for part in (rgb[:3], rgb[3:])
    )
    return style.Style.from_color(front, back) + style.Style(bold=spec.bold, underline=spec.underline)


def terminal_svg(title: str, shown: text.Text, columns: int) -> str:
    """Return the picture of a terminal that shows some text."""
    recorder = console.Console(
        record=True, width=columns, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    recorder.print(shown, end="")
    drawn = recorder.export_svg(title=title, code_format=_FORMAT, unique_id="tbot")
    return "\n".join(line.rstrip() for line in drawn.splitlines()) + "\n"


@functools.cache
def story() -> Story:
    """Let the story happen, in simulated time."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/tbot.sqlite3"
        db.open_database(url)
        schema.migrate()
        try:
            with Stepper(url) as stepper:
                ticket = _happen(stepper)
                ana = stepper.world.accounts["ana"]
                sent = [each for each in stepper.world.webex.messages() if each.person_id == ana]
                posts = [webex_room.Post(each.at, each.markdown) for each in sent]
                return Story(_explained(stepper, ticket), posts)
        finally:
            db.close_database()


def _happen(stepper: Stepper) -> int:
    world = stepper.world
    world.add_rule("Help Desk")
    world.add_rule("Old War Room")
    gone = next(room["id"] for room in world.webex.rooms.values() if room["title"] == "Old War Room")
    world.webex.faults.add(faults.dead_destination(gone))
    ticket = stepper.announce(
        "ana", "dan", owner="ana", company=world.company, note="Smoke comes out of the tray. Please hurry!"
    )
    stepper.clock.advance(minutes=12)
    stepper.note(ticket, "It stopped smoking, but it still smells. Is it safe to print the payroll?")
    stepper.accept_webhook(ticket)
    stepper.work()
    stepper.clock.advance(minutes=7)
    stepper.note(ticket, "Replaced the fuser.", member="ana", kind="TimeEntryNote")
    stepper.accept_webhook(ticket)
    stepper.work()
    return ticket


def _explained(stepper: Stepper, ticket: int) -> str:
    """Return what `tbot explain` prints on a terminal, below its command line."""
    api, shown = Api(stepper.world.webex, stepper.clock), _Terminal(f"$ tbot explain {ticket}\n")
    shown.seek(0, io.SEEK_END)
    raw = {"<ticket-id>": str(ticket), "--for": None}
    context = Context("explain", raw, {"COLUMNS": str(COLUMNS)}, Streams(io.StringIO(), shown, io.StringIO()))
    context.server = api.client(api.administrator())
    explain.run(context)
    return shown.getvalue()


if __name__ == "__main__":
    logging.disable()  # the story has a room that is gone
    (ROOT / FOLDER).mkdir(exist_ok=True)
    for path, drawn in pictures().items():
        (ROOT / path).write_text(drawn, encoding="utf-8")
