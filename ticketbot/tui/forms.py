"""Forms: fields that are validated while the user types, and one button."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ticketbot import errors
from ticketbot.tui import keymap, table_cells
from ticketbot.tui.dialogs import Dialog
from ticketbot.tui.fields import Field
from ticketbot.tui.table_cells import Line

GAP = 2  # between labels and fields


class Form(Dialog):
    """Fields and a button, which calls `save` with the form and the values once all fields are valid.

    The form stays open until the caller closes it; `refuse` shows the errors that the server found.
    """

    where = "form"

    def __init__(
        self,
        title: str,
        fields: Sequence[Field],
        button: str,
        save: Callable[[Form, Mapping[str, Any]], None],
        close: Callable[[Dialog], None],
    ) -> None:
        super().__init__(title)
        self._fields = fields
        self._button = button
        self._save = save
        self.close = close
        self._at = 0
        self._is_saving = False
        self._cursor: tuple[int, int] | None = None
        self._beside = max(table_cells.width(field.label) for field in fields) + GAP
        for field in fields:
            field.changed = self._invalidate

    @property
    def _focused(self) -> Field | None:
        return self._fields[self._at] if self._at < len(self._fields) else None

    def lines(self, columns: int) -> list[Line]:
        """Return labels and fields side by side, each field with its error below it, and the button."""
        lines: list[Line] = []
        self._cursor = None
        for field in self._fields:
            is_focused = field is self._focused
            shown = field.lines(columns - self._beside, is_focused)
            if is_focused and field.cursor is not None:
                self._cursor = (self._beside + field.cursor, len(lines))
            for number, line in enumerate(shown):
                label = field.label if number == 0 else ""
                lines.append([("label", table_cells.fit(label, self._beside)), *line])
        button = "Saving…" if self._is_saving else self._button
        look = "button" if self._focused else "button on"
        return [*lines, [], [("dialog", " " * self._beside), (look, f"[ {button} ]")]]

    def footer(self) -> list[tuple[str, str]]:
        """Return the keys of the form, and those of the focused field."""
        own = self._focused.actions if self._focused else ()
        return keymap.footer(self.where, ("next field", "previous field", "take", "leave", *own))

    def cursor(self) -> tuple[int, int] | None:
        """Return the position of the text cursor."""
        return self._cursor

    def press(self, key: str) -> None:
        """Offer the key to the field first; otherwise move, save or cancel."""
        field = self._focused
        if field and field.press(key):
            self._check_fields()
        else:
            self._do(keymap.action(self.where, key), key)
        self._invalidate()

    def _do(self, action: str | None, key: str) -> None:
        if action == "leave":
            self.close(self)
        elif action == "previous field" or (action == "choose" and key == "up"):
            self._move(-1)
        elif action == "take" and self._focused is None:
            self._submit()
        elif action in ("next field", "take") or (action == "choose" and key == "down"):
            self._move(1)

    def _move(self, step: int) -> None:
        if self._focused:
            self._focused.on_blur()
        self._at = max(min(self._at + step, len(self._fields)), 0)

    def _submit(self) -> None:
        if self._is_saving:
            return
        for field in self._fields:
            field.on_blur()
        self._check_fields(is_whole=True)
        wrong = [number for number, field in enumerate(self._fields) if field.error]
        if wrong:
            self._at = wrong[0]
            return
        self._is_saving = True
        self._save(self, {field.name: field.value for field in self._fields})

    def _check_fields(self, *, is_whole: bool = False) -> None:
        """Validate every field; with `is_whole`, incomplete values are errors, too."""
        values = {field.name: field.value for field in self._fields}
        for field in self._fields:
            field.error = field.check() or (is_whole and field.required_error()) or field.cross_check(values)

    def refuse(self, error: errors.TicketbotError) -> bool:
        """End saving and show errors at their fields; False if the error names none of them."""
        self._is_saving = False
        named = {each.field: each.message for each in getattr(error, "errors", ())}
        for number, field in reversed(list(enumerate(self._fields))):
            if field.name in named:
                field.error = named[field.name]
                self._at = number
        self._invalidate()
        return any(field.name in named for field in self._fields)
