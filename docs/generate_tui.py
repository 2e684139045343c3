"""Write the page of the terminal UI: `make docs`. Its pictures are drawn by `make pictures`.

The screens are those of the real program on the rows of tests/tui/seed.py. For other pictures:

    with pilot.sample((120, 40)) as shown:
        shown.press("ctrl n", "w")
        print(shown.screen)  # or draw the canvas of shown.view.render(shown.size), with its attributes
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ticketbot.tui import keymap, main_view, tab

ROOT = Path(__file__).parent.parent
MADE_BY = "Written by `make docs` from docs/generate_tui.py and ticketbot/tui/keymap.py"


class Picture(NamedTuple):
    """A screen, what it shows, and the keys that lead there from the start. `is_up`: the server answers."""

    name: str
    alternative: str
    title: str
    text: str
    keys: tuple[str, ...] = ()
    size: tuple[int, int] = (80, 24)
    is_up: bool = True


PICTURES = (
    Picture(
        "tui-notifications",
        "The terminal UI: a table of notifications with their states, and beside it all of the selected one",
        "See what was sent, and what was not",
        f"""\
The newest {tab.NEWEST}; the filter (`/`) also finds older ones, since it asks the server. `D` leaves the dead ones
only, `R` retries one of them, `A` all of the last 24 hours; it says how many before it asks. `Y` copies the ticket
number. From {main_view.BESIDE_FROM} columns on, details stand beside the table; on a narrower terminal, `Enter` shows
them.""",
        ("ctrl n",),
        (120, 24),
    ),
    Picture(
        "tui-why",
        "The terminal UI explains ticket 4711: who was notified of it by which rule, and why a room could not be",
        "Explain what happened to a ticket",
        """\
`W` on a notification or event, `Enter` on a ticket, or `G` and its number: everything that was decided, and what became
of each message.""",
        ("ctrl n", "down", "w"),
    ),
    Picture(
        "tui-rules",
        "The first tab of the terminal UI: three rules with board, recipient and events, one of them disabled",
        "See and switch rules",
        f"""\
The first tab. `E` switches the selected rule off and on again, `T` sends a test message to its recipient, `S` sorts by
the next column, and `X` deletes it, which only a `Y` confirms. The header says which server this is, who you are,
whether notifications are on (`!` turns them off and on), and what is wrong, if anything is. A number beside a tab
counts what is dead or running there. Lists are reloaded every {tab.REFRESH_S:.0f} seconds and keep your selection.""",
    ),
    Picture(
        "tui-form",
        "The form of a new rule in the terminal UI, with the recipients that match what was typed so far",
        "Add something: a form",
        """\
`N` in a list. Type a part of a name; `Up` and `Down` mark one of those that match, `Enter` takes it and goes on to the
next field. Nothing is chosen that was neither typed nor marked. What cannot be right is said at its field while you
type. A line of text knows the editing keys of the shell, such as `Ctrl+U`. `C` changes a row in the same way.""",
        ("n", *"desk", "enter", *"n"),
    ),
    Picture(
        "tui-error",
        "The terminal UI says that it cannot reach its server, and that what it shows may be out of date",
        "When something is wrong",
        f"""\
It is said in words, once, and then stays in the header and above the footer until it is over. You can go on meanwhile:
what you see stays, and what you typed into a form is not lost when it cannot be saved. A server that takes more than
{main_view.SLOW_S:.0f} seconds is told of as well.""",
        is_up=False,
    ),
)

PAGE = f"""\
<!-- {MADE_BY}; edit those. -->

# The terminal UI

`tbot` without a command opens it. It needs `TBOT_BASE_URL` and `TBOT_API_KEY`, as the command line does, a terminal of
at least 80 columns and 24 lines to be comfortable, and no mouse. `Ctrl+C` quits, from everywhere.

The last lines always show the keys that work right now. Control keys lead to the tabs (`^R` is `Ctrl+R`), `Tab` to
the next one, also to Recipients, Events and Audit; letters do something with the selected row. `F2` turns to
another color theme; the first one follows what the terminal says of itself, and with `NO_COLOR` there are no colors.
Times are relative in lists and exact in details, in `TBOT_TIMEZONE`.
"""


def pages() -> Mapping[Path, str]:
    """Return the text of every file that follows from the terminal UI, by its path in the repository."""
    parts = [
        f"\n## {each.title}\n\n{each.text}\n\n![{each.alternative}](pictures/{each.name}.svg)\n" for each in PICTURES
    ]
    return {Path("docs/tui.md"): f"{PAGE}{''.join(parts)}\n## All keys\n\nLetters work in either case.\n\n{_table()}"}


def _table() -> str:
    rows, shown = ["| where | key | does |", "| --- | --- | --- |"], ""
    for row in keymap.TABLE:
        where = keymap.TITLES[row.where]
        rows.append(f"| {'' if where == shown else where} | `{row.label}` | {row.does} |")
        shown = where
    return "\n".join((*rows, ""))


if __name__ == "__main__":
    for path, text in pages().items():
        (ROOT / path).write_text(text, encoding="utf-8")
