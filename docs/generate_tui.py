"""Write the page of the terminal UI, with a text capture of each screen: `make docs`."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from typing import NamedTuple

import urwid

from docs.sample_desk import URL, Desk
from ticketbot.tui import keymap, main_view
from ticketbot.tui.tabs import base, notifications_tab

ROOT = Path(__file__).parent.parent
MADE_BY = "Written by `make docs` from docs/generate_tui.py and ticketbot/tui/keymap.py"
SIZE = (80, 24)
_ANSWERS_WITHIN_S = 20.0


class Picture(NamedTuple):
    """One screen: what it is good for, and the keys that lead there from the start. `is_up`: the server answers."""

    title: str
    text: str
    keys: tuple[str, ...]
    is_up: bool = True


PICTURES = (
    Picture(
        "See and switch what rooms are told: Rules",
        f"""\
The first tab. The row that is selected is shown inverted; `E` switches its rule off and on again, `S` sorts by the next
column. The header says which server this is, who you are, whether notifications are on, and what is wrong, if anything
is. Lists follow the server every {base.REFRESH_S:.0f} seconds and keep your row selected.""",
        (),
    ),
    Picture(
        "Add something: a form",
        """\
`N` in a list. Type a part of a name; `Up` and `Down` mark one of those that match, `Enter` takes it and goes on to the
next field. Nothing is taken that was neither typed nor marked. `Enter` on the button saves. What cannot be right is
said at its field while you type.""",
        ("n", *"desk", "enter", *"n"),
    ),
    Picture(
        "Delete something: a question",
        "`X` in a list. The question names what will be gone; only `Y` does it.",
        ("x",),
    ),
    Picture(
        "Let somebody stand in: Forwards",
        """\
What is meant for one goes to the other, from the first to the last day, both included. `P` shows who gets what is meant
for the selected one at this moment, over all forwards.""",
        ("ctrl f",),
    ),
    Picture(
        "Let somebody in: Users",
        "A user without a key cannot do anything yet. Deleting a user deletes the keys as well.",
        ("ctrl u",),
    ),
    Picture("Look after the keys: Keys", "Who has which key, and which are not used by anybody.", ("ctrl a",)),
    Picture(
        "Hand out a key: the only sight of it",
        """\
`N` among the keys. No other key than `Enter` closes it, so that nothing you type by chance takes it away. Whoever loses
a key gets a new one.""",
        ("ctrl a", "n", *"ben", "enter", "enter"),
    ),
    Picture(
        "Fetch boards, recipients and tickets: Sync",
        """\
`N` starts one, `C` cancels the one that runs, also when the command line has started it. `Enter` on a sync that is over
shows what went wrong.""",
        ("ctrl s",),
    ),
    Picture(
        "See what was sent, and what was not: Notifications",
        f"""\
The newest {notifications_tab.Notifications.most}. `D` leaves the dead ones only. `W` shows everything that was decided
for the ticket of the selected row and what became of each message: the answer to "why did I (not) get that?".""",
        ("ctrl n",),
    ),
    Picture(
        "Send a dead one again: its details",
        """\
`Enter` on a dead notification says what Webex answered. Once that is mended, such as by letting the bot into the room
again, `R` sends it again. `A` in the list does so for all that died within the last 24 hours; it says how
many before it asks.""",
        ("ctrl n", "down", "down", "enter"),
    ),
    Picture("Find a key: Help", "`?` in a list. The tables below say the same.", ("?",)),
    Picture(
        "When something is wrong",
        f"""\
It is said in words, once, and then stays in the header and above the footer until it is over. You can go on meanwhile:
what you see stays, and what you typed into a form is not lost when it cannot be saved. A server that takes more than
{main_view.SLOW_S:.0f} seconds is told of as well.""",
        (),
        is_up=False,
    ),
)

PAGE = f"""\
<!-- {MADE_BY}; edit those. -->

# The terminal UI

`tbot` without a command opens it. It needs `TBOT_BASE_URL` and `TBOT_API_KEY`, as the command line does, a terminal of
at least 80 columns and 24 lines to be comfortable, and no mouse. `Ctrl+C` quits, from everywhere.

The last lines always show the keys that work right now. Control keys lead to the tabs, letters do something with the
selected row. `Ctrl+T` turns to another colour theme; the first one follows what the terminal says of itself, and with
`NO_COLOR` there are no colours. Times are those of `TBOT_TIMEZONE`.
"""


def pages() -> Mapping[Path, str]:
    """Return the text of every file that follows from the terminal UI, by its path in the repository."""
    parts = [f"\n## {each.title}\n\n{each.text}\n\n```text\n{capture(each)}\n```\n" for each in PICTURES]
    return {Path("docs/tui.md"): f"{PAGE}{''.join(parts)}\n## All keys\n\nLetters work in either case.\n{_tables()}"}


def _tables() -> str:
    return "".join(
        f"\n### {title}\n\n| key | does |\n| --- | --- |\n{_rows(where)}" for where, title in keymap.TITLES.items()
    )


def _rows(where: keymap.Where) -> str:
    return "".join(f"| `{row.label}` | {row.does} |\n" for row in keymap.TABLE if row.where == where)


def capture(picture: Picture) -> str:
    """Return what the screen shows after some keys, as text; no terminal, network or clock is involved."""
    urwid.set_encoding("utf8")
    context, bell = Desk(), threading.Event()
    shown = main_view.MainView(context.connect, base_url=URL, zone=UTC, wake=bell.set, next_theme=str)
    _pass_time(shown, bell, 0.2)
    for key in picture.keys:
        shown.keypress(SIZE, key)
        _pass_time(shown, bell, 0.2)
    context.is_up = picture.is_up
    _pass_time(shown, bell, main_view.NOTICE_S)
    return "\n".join(line.rstrip() for line in shown.render(SIZE, focus=True).decoded_text)


def _pass_time(shown: main_view.MainView, bell: threading.Event, seconds: float) -> None:
    """Let time pass, and take what is answered meanwhile until nothing is under way."""
    shown.tick(seconds)
    while shown.calls.are_under_way:
        if not bell.wait(_ANSWERS_WITHIN_S):
            raise TimeoutError("the sample desk does not answer")
        bell.clear()
        shown.deliver()


if __name__ == "__main__":
    for path, text in pages().items():
        (ROOT / path).write_text(text, encoding="utf-8")
