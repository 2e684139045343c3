"""The one table of keys: dispatch, the footer, the help and the documentation come from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Literal, NamedTuple

Where = Literal["anywhere", "list", "filter", "text", "confirm", "secret", "form"]


class Key(NamedTuple):
    """What one key does in one place. `keys` are urwid's names; letters work in either case."""

    where: Where
    action: str
    keys: tuple[str, ...]
    label: str
    short: str
    does: str


TABLE = (
    Key("anywhere", "quit", ("ctrl c",), "Ctrl+C", "quit", "Quit, from everywhere"),
    Key("anywhere", "theme", ("ctrl t",), "Ctrl+T", "", "Next colour theme"),
    Key("list", "rules", ("ctrl r",), "Ctrl+R", "", "Rules: who is notified of a board's new tickets"),
    Key("list", "forwards", ("ctrl f",), "Ctrl+F", "", "Forwards: who gets whose notifications"),
    Key("list", "users", ("ctrl u",), "Ctrl+U", "", "Users: who may use Ticketbot"),
    Key("list", "keys", ("ctrl a",), "Ctrl+A", "", "Keys: their API keys"),
    Key("list", "sync", ("ctrl s",), "Ctrl+S", "", "Sync: boards, recipients and tickets from ConnectWise and Webex"),
    Key("list", "notifications", ("ctrl n",), "Ctrl+N", "", "Notifications: what was sent, what is dead, and why"),
    Key("list", "next tab", ("tab", "right"), "Tab", "", "Next tab"),
    Key("list", "previous tab", ("shift tab", "left"), "Shift+Tab", "", "Previous tab"),
    Key("list", "new", ("n",), "N", "new", "Add a row, or start a sync"),
    Key("list", "delete", ("x",), "X", "delete", "Delete the row; asks first"),
    Key("list", "toggle", ("e",), "E", "on/off", "Enable or disable the row"),
    Key("list", "retry", ("r",), "R", "retry", "Send a dead notification again"),
    Key("list", "why", ("w",), "W", "why", "What was decided for the ticket, why, and what became of it"),
    Key("list", "cancel sync", ("c",), "C", "cancel", "Cancel the running sync"),
    Key("list", "preview", ("p",), "P", "preview", "Show who gets the source's notifications now"),
    Key("list", "details", ("enter",), "Enter", "details", "All about the row"),
    Key("list", "filter", ("/",), "/", "filter", "Show only rows that hold some words"),
    Key("list", "only dead", ("d",), "D", "dead only", "Show dead notifications only, or all again"),
    Key("list", "retry all", ("a",), "A", "retry all", "Retry all that died within the last 24 hours; asks first"),
    Key("list", "sort", ("s",), "S", "sort", "Sort by the next column"),
    Key("list", "reverse", ("o",), "O", "", "Turn the order around"),
    Key("list", "clear filter", ("esc",), "Esc", "show all", "Show all rows again"),
    Key("list", "help", ("?",), "?", "help", "All keys"),
    Key("list", "up", ("up",), "Up", "", "Previous row"),
    Key("list", "down", ("down",), "Down", "", "Next row"),
    Key("list", "page up", ("page up",), "PgUp", "", "A page up"),
    Key("list", "page down", ("page down",), "PgDn", "", "A page down"),
    Key("list", "first", ("home",), "Home", "", "First row"),
    Key("list", "last", ("end",), "End", "", "Last row"),
    Key("filter", "keep filter", ("enter", "down", "tab"), "Enter", "keep", "Back to the rows, filtered"),
    Key("filter", "drop filter", ("esc",), "Esc", "show all", "Show all rows again"),
    Key("text", "close", ("esc", "enter"), "Esc", "close", "Close"),
    Key("text", "scroll", ("up", "down", "page up", "page down", "home", "end"), "Up/Down", "scroll", "Scroll"),
    Key("confirm", "yes", ("y",), "Y", "yes, do it", "Do it"),
    Key("confirm", "no", ("n", "esc"), "N", "no", "Do not"),
    Key("secret", "copied", ("enter",), "Enter", "I have copied it", "Close; it is never shown again"),
    Key("form", "next field", ("tab",), "Tab", "next", "Next field"),
    Key("form", "previous field", ("shift tab",), "Shift+Tab", "back", "Previous field"),
    Key("form", "choose", ("up", "down"), "Up/Down", "choose", "Among the names that match; else between fields"),
    Key("form", "take", ("enter",), "Enter", "take", "Take it and go on; on the last line: save"),
    Key("form", "tick", (" ",), "Space", "tick", "Tick or untick a box"),
    Key("form", "leave", ("esc",), "Esc", "cancel", "Leave without saving"),
)

TITLES: dict[Where, str] = {
    "anywhere": "Everywhere",
    "list": "In a list",
    "filter": "While typing a filter",
    "text": "In a text",
    "confirm": "When asked",
    "secret": "When a new key is shown",
    "form": "In a form",
}

_ACTIONS: dict[tuple[Where, str], str] = {(row.where, key): row.action for row in TABLE for key in row.keys}


def action(where: Where, key: str) -> str | None:
    """Return what a key does in a place, None when it does nothing there."""
    wanted = key.lower() if len(key) == 1 else key
    return _ACTIONS.get((where, wanted)) or _ACTIONS.get(("anywhere", wanted))


def footer(where: Where, actions: Collection[str] | None = None) -> list[tuple[str, str]]:
    """Return label and short words of the keys that work now: of those of a place, the ones among `actions`."""
    return [
        (row.label, row.short)
        for row in TABLE
        if row.short and row.where == where and (actions is None or row.action in actions)
    ]


def label(wanted: str) -> str:
    """Return how people read the key of an action."""
    return next(row.label for row in TABLE if row.action == wanted)


def duplicates() -> list[tuple[Where, str]]:
    """Return what the table says twice: a key that means two things in one place."""
    counted = Counter((row.where, key) for row in TABLE for key in row.keys)
    shadowed = [at for at in counted if at[0] != "anywhere" and ("anywhere", at[1]) in counted]
    return [at for at, count in counted.items() if count > 1] + shadowed
