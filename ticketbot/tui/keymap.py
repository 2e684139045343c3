"""The table of all keys, from which dispatch, footer, help and documentation are generated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Literal, NamedTuple

Where = Literal["anywhere", "list", "filter", "text", "confirm", "secret", "form"]


class Key(NamedTuple):
    """What a key does in one context. `keys` are urwid's names; letters work in either case."""

    where: Where
    action: str
    keys: tuple[str, ...]
    label: str
    short: str
    does: str


TABLE = (
    Key("anywhere", "quit", ("ctrl c",), "Ctrl+C", "quit", "Quit, from anywhere"),
    Key("anywhere", "theme", ("ctrl t",), "Ctrl+T", "", "Next color theme"),
    Key("list", "rules", ("ctrl r",), "Ctrl+R", "", "Rules: who is notified of a board's new tickets"),
    Key("list", "forwards", ("ctrl f",), "Ctrl+F", "", "Forwards: who gets whose notifications"),
    Key("list", "users", ("ctrl u",), "Ctrl+U", "", "Users: who may use Ticketbot"),
    Key("list", "keys", ("ctrl a",), "Ctrl+A", "", "Keys: the API keys of users"),
    Key("list", "sync", ("ctrl s",), "Ctrl+S", "", "Sync: boards, recipients and tickets from ConnectWise and Webex"),
    Key("list", "notifications", ("ctrl n",), "Ctrl+N", "", "Notifications: what was sent, what is dead, and why"),
    Key("list", "next tab", ("tab", "right"), "Tab", "", "Next tab"),
    Key("list", "previous tab", ("shift tab", "left"), "Shift+Tab", "", "Previous tab"),
    Key("list", "new", ("n",), "N", "new", "Add a row, or start a sync"),
    Key("list", "delete", ("x",), "X", "delete", "Delete the row; asks first"),
    Key("list", "toggle", ("e",), "E", "on/off", "Enable or disable the row"),
    Key("list", "retry", ("r",), "R", "retry", "Resend a dead notification"),
    Key("list", "why", ("w",), "W", "why", "Explain who was notified about the ticket, and why"),
    Key("list", "cancel sync", ("c",), "C", "cancel", "Cancel the running sync"),
    Key("list", "preview", ("p",), "P", "preview", "Show who gets the source's notifications now"),
    Key("list", "details", ("enter",), "Enter", "details", "Show the details of the row"),
    Key("list", "filter", ("/",), "/", "filter", "Show only rows that contain some words"),
    Key("list", "only dead", ("d",), "D", "dead only", "Show dead notifications only, or all again"),
    Key("list", "retry all", ("a",), "A", "retry all", "Retry all that died within the last 24 hours; asks first"),
    Key("list", "sort", ("s",), "S", "sort", "Sort by the next column"),
    Key("list", "reverse", ("o",), "O", "", "Reverse the order"),
    Key("list", "clear filter", ("esc",), "Esc", "show all", "Show all rows again"),
    Key("list", "help", ("?",), "?", "help", "All keys"),
    Key("list", "up", ("up", "k"), "Up, K", "", "Previous row"),
    Key("list", "down", ("down", "j"), "Down, J", "", "Next row"),
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
    Key("secret", "copied", ("enter",), "Enter", "I have copied it", "Close; the key is never shown again"),
    Key("form", "next field", ("tab",), "Tab", "next", "Next field"),
    Key("form", "previous field", ("shift tab",), "Shift+Tab", "back", "Previous field"),
    Key("form", "choose", ("up", "down"), "Up/Down", "choose", "Choose a matching name, or move between fields"),
    Key("form", "take", ("enter",), "Enter", "accept", "Accept and go to the next field; on the last line: save"),
    Key("form", "tick", (" ",), "Space", "check", "Check or uncheck a box"),
    Key("form", "leave", ("esc",), "Esc", "cancel", "Cancel without saving"),
)

TITLES: dict[Where, str] = {
    "anywhere": "Everywhere",
    "list": "In a list",
    "filter": "While typing a filter",
    "text": "In a text window",
    "confirm": "When asked for confirmation",
    "secret": "When a new key is shown",
    "form": "In a form",
}

_ACTIONS: dict[tuple[Where, str], str] = {(row.where, key): row.action for row in TABLE for key in row.keys}


def action(where: Where, key: str) -> str | None:
    """Return the action of a key in a context, None if it has none."""
    wanted = key.lower() if len(key) == 1 else key
    return _ACTIONS.get((where, wanted)) or _ACTIONS.get(("anywhere", wanted))


def footer(where: Where, actions: Collection[str] | None = None) -> list[tuple[str, str]]:
    """Return key and short label of what works in a context: everything, or only `actions`."""
    return [
        (row.label, row.short)
        for row in TABLE
        if row.short and row.where == where and (actions is None or row.action in actions)
    ]


def label(wanted: str) -> str:
    """Return the label of an action's key."""
    return next(row.label for row in TABLE if row.action == wanted)


def duplicates() -> list[tuple[Where, str]]:
    """Return the keys that have two meanings in one context."""
    counted = Counter((row.where, key) for row in TABLE for key in row.keys)
    shadowed = [at for at in counted if at[0] != "anywhere" and ("anywhere", at[1]) in counted]
    return [at for at, count in counted.items() if count > 1] + shadowed
