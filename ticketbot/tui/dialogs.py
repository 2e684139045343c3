"""Modal dialogs: texts, errors, confirmations, and a new API key."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import urwid

from ticketbot.tui import keymap, table_cells
from ticketbot.tui.table_cells import Line

WIDTH = 80
WIDE = 120
_FRAME = 6  # a line, a space and a blank column on each side
FROM_TOP = 2

Entry = tuple[str, str]
"""A label and its text. Without a label: a paragraph; without text: a heading; without both: an empty line."""


class Dialog(urwid.Widget):
    """A framed box that scrolls; `where` is its context in the table of keys."""

    where: keymap.Where = "text"
    tone = "dialog title"
    width = WIDTH
    """Maximum width, including the frame."""
    _sizing = frozenset([urwid.BOX])
    _selectable = True

    def __init__(self, title: str) -> None:
        super().__init__()
        self.title = title
        self._top = 0
        self._page = 1
        self._columns = self.width - _FRAME

    def lines(self, columns: int) -> list[Line]:
        """Return its lines for a width of `columns`."""
        raise NotImplementedError

    def cursor(self) -> tuple[int, int] | None:
        """Return the position of the cursor in its lines, if it shows one; called after `lines`."""
        return None

    def press(self, key: str) -> None:
        """Handle a key."""
        raise NotImplementedError

    def footer(self) -> list[tuple[str, str]]:
        """Return the keys that work now."""
        return keymap.footer(self.where)

    def over(self, below: urwid.Widget, size: tuple[int, int]) -> urwid.Overlay[Dialog, urwid.Widget]:
        """Return this dialog on top of a widget."""
        self._columns = max(min(self.width, size[0]) - _FRAME, 1)
        wanted = len(self.lines(self._columns)) + 2
        height = max(min(wanted, size[1] - FROM_TOP - 1), 3)
        self._page = height - 2
        return urwid.Overlay(self, below, urwid.CENTER, self._columns + _FRAME, urwid.TOP, height, top=FROM_TOP)

    def scroll(self, key: str) -> None:
        """Scroll up or down."""
        steps = {"up": -1, "down": 1, "page up": -self._page, "page down": self._page, "home": -(10**6), "end": 10**6}
        last = max(len(self.lines(self._columns)) - self._page, 0)
        self._top = max(min(self._top + steps[key], last), 0)
        self._invalidate()

    def keypress(self, _size: tuple[int, ...], key: str) -> str | None:
        """Handle every key: none reaches the widget below."""
        self.press(key)
        return None

    def render(self, size: tuple[int, int], focus: bool = False) -> urwid.Canvas:  # type: ignore[override]
        """Draw the frame and the visible lines."""
        columns, height = size
        inside, self._page = max(columns - _FRAME, 1), max(height - 2, 1)
        lines, cursor = self.lines(inside), self.cursor()
        if cursor:
            self._top = max(min(self._top, cursor[1]), cursor[1] - self._page + 1)
        self._top = max(min(self._top, len(lines) - self._page), 0)
        shown = lines[self._top : self._top + self._page]
        shown += [[] for _ in range(self._page - len(shown))]
        title = f" {table_cells.fit(self.title, min(table_cells.width(table_cells.clean(self.title)), inside - 1))} "
        rest = "─" * (inside - table_cells.width(title) + 1)
        mark = "─" if self._top + self._page >= len(lines) else "▼"
        drawn: list[Line] = [[("dialog", " ┌─"), (self.tone, title), ("dialog", f"{rest}┐ ")]]
        drawn += [_framed(line, inside) for line in shown]
        drawn.append([("dialog", f" └{'─' * inside}{mark}─┘ ")])
        at = (cursor[0] + _FRAME // 2, cursor[1] - self._top + 1) if cursor and focus else None
        return table_cells.canvas(drawn[:height], columns, at)


def _framed(line: Line, columns: int) -> Line:
    return [("dialog", " │ "), *table_cells.exactly(line, columns, "dialog"), ("dialog", " │ ")]


class Text(Dialog):
    """Entries to read. Keys of the list whose action is in `actions` close it and are passed on."""

    def __init__(
        self,
        title: str,
        entries: Sequence[Entry],
        close: Callable[[Dialog], None],
        *,
        hand_on: Callable[[str], None] | None = None,
        actions: Sequence[str] = (),
        width: int = WIDTH,
    ) -> None:
        self.width = width
        super().__init__(title)
        self._entries = entries
        self._close = close
        self._hand_on = hand_on
        self._actions = actions

    def lines(self, columns: int) -> list[Line]:
        """Return the labels in one column and the texts in another, which gets at least two thirds of the width."""
        widest = max((table_cells.width(table_cells.clean(label)) for label, text in self._entries if text), default=0)
        indent = min(widest + 2, columns // 3)
        return [line for entry in self._entries for line in _lines(entry, indent, columns)]

    def footer(self) -> list[tuple[str, str]]:
        """Return the keys of a text, and those that are passed on."""
        own = ("close", "scroll") if len(self.lines(self._columns)) > self._page else ("close",)
        return [*keymap.footer(self.where, own), *keymap.footer("list", self._actions)]

    def press(self, key: str) -> None:
        """Close, scroll, or pass the key on."""
        action = keymap.action(self.where, key)
        if action == "close":
            self._close(self)
        elif action == "scroll":
            self.scroll(key)
        elif self._hand_on and keymap.action("list", key) in self._actions:
            self._close(self)
            self._hand_on(key)


def _lines(entry: Entry, indent: int, columns: int) -> list[Line]:
    label, text = entry
    if not text:
        return [[("label", line)] for line in table_cells.wrap(label, columns)]
    if not label:
        return [[("dialog", line)] for part in text.split("\n") for line in table_cells.wrap(part, columns)]
    texts = [line for part in text.split("\n") for line in table_cells.wrap(part, max(columns - indent, 1))]
    above: list[Line] = []
    if table_cells.width(table_cells.clean(label)) > indent - 1:
        above, label = [[("label", line)] for line in table_cells.wrap(label, columns)], ""
    return above + [
        [("label", table_cells.fit(label if number == 0 else "", indent)), ("dialog", line)]
        for number, line in enumerate(texts)
    ]


class Failure(Text):
    """An error message."""

    tone = "bad"

    def __init__(self, text: str, close: Callable[[Dialog], None]) -> None:
        super().__init__("Error", [("", text)], close)
        self.text = text

    def lines(self, columns: int) -> list[Line]:
        """Return the message, and how to close it."""
        return [*super().lines(columns), [], [("key", "Esc"), ("dialog", " close")]]


class Confirm(Dialog):
    """A question; only `y` means yes."""

    where = "confirm"
    tone = "warning"

    def __init__(self, question: str, yes: Callable[[], None], close: Callable[[Dialog], None]) -> None:
        super().__init__("Are you sure?")
        self._question = question
        self._yes = yes
        self._close = close

    def lines(self, columns: int) -> list[Line]:
        """Return the question and its possible answers."""
        question: list[Line] = [
            [("dialog", line)] for text in self._question.split("\n") for line in table_cells.wrap(text, columns)
        ]
        return [
            *question,
            [],
            [
                ("key", "Y"),
                ("dialog", " yes, do it     "),
                ("key", "N"),
                ("dialog", " or "),
                ("key", "Esc"),
                ("dialog", " no"),
            ],
        ]

    def press(self, key: str) -> None:
        """Confirm or cancel; other keys do nothing."""
        action = keymap.action(self.where, key)
        if action in ("yes", "no"):
            self._close(self)
        if action == "yes":
            self._yes()


class Secret(Dialog):
    """A new API key, shown once; pressing a key by accident does not close it."""

    where = "secret"
    tone = "warning"

    def __init__(self, title: str, secret: str, close: Callable[[Dialog], None]) -> None:
        super().__init__(title)
        self._secret = secret
        self._close = close

    def lines(self, columns: int) -> list[Line]:
        """Return the API key on its own lines, without spaces that would be copied with it."""
        pieces = [self._secret[start : start + columns] for start in range(0, len(self._secret), columns)]
        return [
            *(
                [("dialog", line)]
                for line in table_cells.wrap("Copy this key now. It will not be shown again.", columns)
            ),
            [],
            *([("secret", piece)] for piece in pieces),
            [],
            [("key", "Enter"), ("dialog", " when you have copied it")],
        ]

    def press(self, key: str) -> None:
        """Close once the user has copied it."""
        if keymap.action(self.where, key) == "copied":
            self._close(self)
