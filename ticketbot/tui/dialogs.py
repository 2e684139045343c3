"""Modal dialogs: texts, errors, questions, and a new API key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import urwid

from ticketbot import errors
from ticketbot.present import errors as descriptions
from ticketbot.present import text
from ticketbot.tui import keymap

WIDTH = 80
FROM_TOP = 2
_FRAME = 4  # a line and a space on each side

Entry = tuple[str, str]
"""A label and its text. Without a label: a paragraph; without text: a heading; without both: an empty line."""
Actions = dict[str, Callable[[], None]]
"""What can be done, by its name in the table of keys."""


class Dialog(urwid.WidgetWrap[Any]):
    """A framed list of widgets that scrolls. `where` is its context in the table of keys.

    A key whose action is among `actions`, also one of the list that is `behind`, closes the dialog and does it.
    """

    def __init__(
        self,
        title: str,
        widgets: Sequence[Any],
        actions: Actions | None = None,
        *,
        where: keymap.Where = "text",
        behind: keymap.Where = "list",
        style: str = "key",
        width: int | None = WIDTH,
    ) -> None:
        self.where = where
        self.close: Callable[[], None] = lambda: None  # set when it is opened
        self._behind = behind
        self.actions = actions or {}
        self._width = width
        self._widgets = widgets
        self.list = urwid.ListBox(urwid.SimpleFocusListWalker(list(widgets)))
        inside = urwid.Padding(self.list, left=1, right=1)
        shown = text.clean(title[:1].upper() + title[1:])
        super().__init__(urwid.LineBox(inside, shown, title_align="left", title_attr=style))

    def over(self, below: Any, size: tuple[int, int]) -> Any:
        """Return this dialog on top of a widget, as high as it needs to be."""
        columns = min(self._width or size[0], size[0])
        wanted = sum(widget.rows((max(columns - _FRAME, 1),)) for widget in self._widgets) + 2
        height = max(min(wanted, size[1] - FROM_TOP - 1), 3)
        return urwid.Overlay(self, below, urwid.CENTER, columns, urwid.TOP, height, top=FROM_TOP)

    def keypress(self, size: tuple[int, int], key: str) -> None:  # type: ignore[override]
        """Handle every key: none reaches the widget below."""
        action = keymap.action(self.where, key) or keymap.action(self._behind, key) or ""
        if action in self.actions or action in keymap.CLOSING:
            if action not in keymap.STAYING:
                self.close()
            self.actions.get(action, lambda: None)()
        else:
            super().keypress(size, keymap.movement(key))

    def footer(self) -> list[tuple[str, str]]:
        """Return the keys that work now."""
        return keymap.footer(self.where, {*self.actions, *keymap.CLOSING, "scroll"})


def entries(lines: Sequence[Entry]) -> list[urwid.Widget]:
    """Return labels in one column and texts in another, which gets at least two thirds of the width."""
    widest = max((text.width(text.clean(label)) for label, said in lines if said), default=0)
    return [widget for label, said in lines for widget in _entry(label, said, min(widest, WIDTH // 4))]


def _entry(label: str, said: str, indent: int) -> list[urwid.Widget]:
    paragraphs = [urwid.Text(text.clean(each)) for each in said.split("\n")]
    if not label:
        return list(paragraphs)
    heading = urwid.Text(("label", text.clean(label)))
    if not said:
        return [heading]
    return [urwid.Columns([(indent, heading), urwid.Pile(paragraphs)], dividechars=2)]


def message(title: str, lines: Sequence[Entry], actions: Actions, behind: keymap.Where = "list") -> Dialog:
    """Return a text to read, as wide as the screen; keys of the list whose action is given work in it, too."""
    return Dialog(title, entries(lines), actions, behind=behind, width=None)


def failure(said: str) -> Dialog:
    """Return an error message."""
    return Dialog("Error", [*entries([("", said)]), *_keys(("Esc", "close"))], style="bad")


def confirm(question: str, yes: Callable[[], None]) -> Dialog:
    """Return a question; only `y` means yes."""
    keys = _keys(("Y", "yes, do it"), ("N", "or Esc: no"))
    shown = [*entries([("", question)]), *keys]
    return Dialog("Are you sure?", shown, {"yes": yes}, where="confirm", style="waiting")


def secret(value: str, copy: Callable[[], None]) -> Dialog:
    """Return a new API key, shown once; pressing a key by accident does not close it."""
    advice = entries([("", "Copy this key now. It will not be shown again."), ("", "")])
    shown = urwid.Text(("secret", value), wrap="any")  # no spaces that would be copied with it
    keys = _keys(("Y", "copy"), ("Enter", "when you have copied it"))
    return Dialog("New key", [*advice, shown, *keys], {"copy key": copy}, where="secret", style="waiting")


def _keys(*keys: tuple[str, str]) -> list[urwid.Widget]:
    markup = [part for key, does in keys for part in (("key", key), f" {does}    ")]
    return [urwid.Divider(), urwid.Text(markup)]


def explain(error: errors.TicketbotError) -> str:
    """Return an error as sentences: what is wrong, in which fields, and what to do."""
    lines = [*descriptions.messages(error), descriptions.hint(error, descriptions.Origins())]
    if isinstance(error, errors.Unreachable):
        lines.append("Retrying every few seconds. The data shown may be out of date")
    return "\n".join(errors.sentence(line) for line in lines if line)
