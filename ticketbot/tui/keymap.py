"""The table of all keys, from which dispatch, footer, help and documentation are generated."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, NamedTuple

Where = Literal[
    "anywhere", "list", "rules", "forwards", "silences", "quiet hours", "sync", "notifications", "filter", "text",
    "confirm", "secret", "form",
]  # fmt: skip


class Key(NamedTuple):
    """What a key does in one context. `keys` are urwid's names; letters work in either case."""

    where: Where
    action: str
    keys: tuple[str, ...]
    label: str
    short: str
    does: str


TABLE = (
    Key("anywhere", "quit", ("ctrl c",), "Ctrl+C", "quit", "Quit"),
    Key("anywhere", "theme", ("f2",), "F2", "", "Next color theme"),
    Key("list", "rules", ("ctrl r",), "Ctrl+R", "", "Rules: who is notified of what, beside the assigned people"),
    Key("list", "forwards", ("ctrl f",), "Ctrl+F", "", "Forwards: who gets whose notifications"),
    Key("list", "silences", ("ctrl e",), "Ctrl+E", "", "Silences: what is skipped for a while"),
    Key("list", "quiet hours", ("ctrl o",), "Ctrl+O", "", "Quiet hours: when notifications wait"),
    Key("list", "users", ("ctrl u",), "Ctrl+U", "", "Users: who may use Ticketbot"),
    Key("list", "keys", ("ctrl a",), "Ctrl+A", "", "Keys: the API keys of users"),
    Key("list", "sync", ("ctrl s",), "Ctrl+S", "", "Sync: boards, recipients and tickets from ConnectWise and Webex"),
    Key("list", "notifications", ("ctrl n",), "Ctrl+N", "", "Notifications: what was sent, what is dead, and why"),
    Key("list", "tickets", ("ctrl t",), "Ctrl+T", "", "Tickets: what happened to each"),
    Key("list", "next tab", ("tab", "right"), "Tab", "", "Next tab, also Recipients, Events and Audit"),
    Key("list", "previous tab", ("shift tab", "left"), "Shift+Tab", "", "Previous tab"),
    Key("list", "new", ("n",), "N", "new", "Add a row, or start a sync"),
    Key("list", "delete", ("x",), "X", "delete", "Delete the row, or end the silence; asks first"),
    Key("list", "toggle", ("e",), "E", "on/off", "Enable or disable the row"),
    Key("list", "why", ("w",), "W", "why", "Explain who was notified about the ticket, and why"),
    Key("list", "test", ("t",), "T", "test", "Send a test message to the recipient of the row"),
    Key("list", "retry", ("r",), "R", "retry", "Resend a dead notification, or process a dead event again"),
    Key("list", "details", ("enter",), "Enter", "details", "Show the row in full; of a ticket, what happened to it"),
    Key("list", "filter", ("/",), "/", "filter", "Show only rows that contain some words; asks the server if it can"),
    Key("list", "clear filter", ("esc",), "Esc", "show all", "Show all rows again"),
    Key("list", "sort", ("s",), "S", "sort", "Sort by the next column"),
    Key("list", "reverse", ("o",), "O", "", "Reverse the order"),
    Key("list", "copy", ("y",), "Y", "", "Copy the address, the ticket number or the id of the row"),
    Key("list", "go", ("g",), "G", "go to", "Go to a ticket by its number"),
    Key("list", "notify", ("!",), "!", "", "Turn all notifications off, or on again; asks first"),
    Key("list", "help", ("?",), "?", "help", "All keys"),
    Key("list", "up", ("up", "k"), "Up, K", "", "Previous row"),
    Key("list", "down", ("down", "j"), "Down, J", "", "Next row"),
    Key("list", "page up", ("page up",), "PgUp", "", "A page up"),
    Key("list", "page down", ("page down",), "PgDn", "", "A page down"),
    Key("list", "first", ("home",), "Home", "", "First row"),
    Key("list", "last", ("end",), "End", "", "Last row"),
    Key("rules", "change", ("c",), "C", "change", "Change the rule"),
    Key("forwards", "change", ("c",), "C", "change", "Change the forward"),
    Key("forwards", "preview", ("p",), "P", "preview", "Show who gets the source's notifications now"),
    Key("silences", "change", ("c",), "C", "change", "Change the silence"),
    Key("silences", "preview", ("p",), "P", "preview", "Show what the silence would have matched in the last 7 days"),
    Key("quiet hours", "change", ("c",), "C", "change", "Change the quiet hours"),
    Key("sync", "cancel sync", ("c",), "C", "cancel", "Cancel the running sync; asks first"),
    Key("notifications", "only dead", ("d",), "D", "dead only", "Show what is dead only, or all again"),
    Key("notifications", "retry all", ("a",), "A", "retry all", "Retry all that died in the last 24 hours; asks first"),
    Key("filter", "keep filter", ("enter", "down", "tab"), "Enter", "keep", "Back to the rows, filtered"),
    Key("filter", "drop filter", ("esc",), "Esc", "show all", "Show all rows again"),
    Key("text", "close", ("esc", "enter"), "Esc", "close", "Close; keys of the list that are shown work, too"),
    Key("text", "scroll", ("up", "down", "page up", "page down", "home", "end"), "Up/Down", "scroll", "Scroll"),
    Key("confirm", "yes", ("y",), "Y", "yes, do it", "Do it"),
    Key("confirm", "no", ("n", "esc"), "N", "no", "Do not"),
    Key("secret", "copy key", ("y",), "Y", "copy", "Copy the key"),
    Key("secret", "copied", ("enter",), "Enter", "I have copied it", "Close; the key is never shown again"),
    Key("form", "next field", ("tab",), "Tab", "next", "Next field"),
    Key("form", "previous field", ("shift tab",), "Shift+Tab", "back", "Previous field"),
    Key("form", "choose", ("up", "down"), "Up/Down", "choose", "Choose a matching name, or move between fields"),
    Key("form", "take", ("enter",), "Enter", "accept", "Accept and go to the next field; on the last line: save"),
    Key("form", "tick", (" ",), "Space", "check", "Check or uncheck a box"),
    Key("form", "try", ("f5",), "F5", "try", "Show what the rule of this form would do on a ticket"),
    Key("form", "backtest", ("f6",), "F6", "backtest", "Show what it would have done in the last 7 days"),
    Key("form", "leave", ("esc",), "Esc", "cancel", "Cancel without saving"),
)

TITLES: dict[Where, str] = {
    "anywhere": "Everywhere",
    "list": "In a list",
    "rules": "In Rules",
    "forwards": "In Forwards",
    "silences": "In Silences",
    "quiet hours": "In Quiet hours",
    "sync": "In Sync",
    "notifications": "In Notifications and Events",
    "filter": "While typing a filter",
    "text": "In a text window",
    "confirm": "When asked for confirmation",
    "secret": "When a new key is shown",
    "form": "In a form; in a text field, the editing keys of the shell (Ctrl+A, Ctrl+E, Ctrl+U, ...) work",
}

CLOSING = ("close", "yes", "no", "copied", "leave")
"""The actions that close a dialog."""
STAYING = ("copy", "copy key")
"""The actions that leave it open."""

TABS: tuple[Where, ...] = ("rules", "forwards", "silences", "quiet hours", "sync", "notifications")
_MOVEMENTS = {"k": "up", "j": "down"}
_ACTIONS: dict[tuple[Where, str], str] = {(row.where, key): row.action for row in TABLE for key in row.keys}


def action(where: Where, key: str) -> str | None:
    """Return the action of a key in a context, None if it has none; the keys of a list work in those of one tab."""
    wanted = key.lower() if len(key) == 1 else key
    contexts: tuple[Where, ...] = (where, "list", "anywhere") if where in TABS else (where, "anywhere")
    return next((_ACTIONS[at, wanted] for at in contexts if (at, wanted) in _ACTIONS), None)


def movement(key: str) -> str:
    """Return a key as a list of urwid knows it."""
    return _MOVEMENTS.get(key.lower(), key)


def footer(where: Where, actions: Collection[str] | None = None) -> list[tuple[str, str]]:
    """Return key and short label of what works in a context: everything, or only `actions`, also those of lists."""
    contexts: tuple[Where, ...] = (where, "list", *TABS) if actions is not None else (where,)
    shown = (row for row in TABLE if row.short and row.where in contexts and (actions is None or row.action in actions))
    return list(dict.fromkeys((row.label, row.short) for row in shown))


def label(wanted: str) -> str:
    """Return the label of an action's key."""
    return next(row.label for row in TABLE if row.action == wanted)
