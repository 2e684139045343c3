"""A form of `present.forms` as a dialog, which shows what is wrong while the user types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import urwid

from ticketbot import errors
from ticketbot.present import condition_completion, forms, name_filter, text
from ticketbot.tui import dialogs, fields, keymap

GAP = 2  # between labels and fields


Save = Callable[[Mapping[str, Any]], None]


class FormDialog(dialogs.Dialog):
    """Fields and a button, which calls `save` with the values of the request once all are valid.

    It stays open until the caller closes it; `refuse` shows the errors that the server found. `trials` are other keys
    that do something with valid values, by their actions in the table of keys.
    """

    def __init__(
        self,
        form: forms.Form,
        save: Save,
        trials: Mapping[str, Save],
        *,
        row: Any = None,
        title: str = "",
    ) -> None:
        self._form = form
        self._save = save
        self._trials = trials
        self._is_saving = False
        self._refused: dict[str, tuple[object, str]] = {}  # by field: the value, and what the server said of it
        width = max(text.width(field.label) for field in form.fields) + GAP
        self.inputs = [fields.new_input(field, width, forms.initial(field, row)) for field in form.fields]
        self._button = urwid.Button(form.button, lambda _: self._submit())
        last = urwid.Padding(urwid.AttrMap(self._button, None, "choice on"), left=width, width=len(form.button) + 4)
        widgets = [*self.inputs, urwid.Divider(), last]
        super().__init__(title or form.title, widgets, where="form")
        for each in self.inputs:
            if isinstance(each, fields.ChoiceInput) and each.field.options:
                each.fill(name_filter.Options((name, name) for name in each.field.options), "")
        self.refresh()

    @property
    def focused(self) -> fields.Input | None:
        """Return the field with the focus, None for the button."""
        widget = self.list.focus
        return widget if isinstance(widget, fields.Input) else None

    def fill(self, plural: str, options: name_filter.Options, nothing: str) -> None:
        """Set what the fields choose from that want an entity; `nothing` is what to say if there is none."""
        for each in self.inputs:
            if isinstance(each, fields.ChoiceInput) and each.field.choose_from == plural:
                each.fill(options, nothing)
        self.refresh()

    def fill_conditions(self, values: condition_completion.Values) -> None:
        """Set the values that conditions can be completed with."""
        for each in self.inputs:
            if isinstance(each, fields.ConditionInput):
                each.values = values
        self.refresh()

    def keypress(self, size: tuple[int, int], key: str) -> None:  # type: ignore[override]
        """Offer the key to the field first; otherwise move, save or cancel."""
        before = self.focused
        unhandled = urwid.WidgetWrap.keypress(self, size, key)
        if before is not self.focused and before is not None:
            before.leave()  # the list has moved the focus
        if unhandled is not None:
            self._do(keymap.action(self.where, key))
        self.refresh()

    def _do(self, action: str | None) -> None:
        if action == "leave":
            self.close()
        elif action == "previous field":
            self._move(-1)
        elif action == "take" and [type(each) for each in self.inputs] == [fields.TextInput]:
            self._submit()
        elif action in ("next field", "take"):
            self._move(1)
        elif (run := self._trials.get(action or "")) and (values := self._valid_values()) is not None:
            run(values)

    def footer(self) -> list[tuple[str, str]]:
        """Return the keys of the form, and those of the focused field."""
        own = {fields.ChoiceInput: "choose", fields.CheckInput: "tick"}.get(type(self.focused), "")  # type: ignore[arg-type]
        return keymap.footer(self.where, ("next field", "previous field", "take", "leave", own, *self._trials))

    def refuse(self, error: errors.TicketbotError) -> bool:
        """End saving and show errors at their fields; False if the error names none of them."""
        self._is_saving = False
        messages = {each.field: errors.sentence(each.message) for each in getattr(error, "errors", ())}
        wrong = [each for each in self.inputs if each.field.name in messages]
        self._refused = {each.field.name: (each.value, messages[each.field.name]) for each in wrong}
        self.refresh()
        if wrong:
            self.list.set_focus(self.inputs.index(wrong[0]))
        return bool(wrong)

    def _move(self, step: int) -> None:
        if self.focused:
            self.focused.leave()
        at = self.list.focus_position if self.focused else len(self.inputs)
        wanted = max(min(at + step, len(self.inputs)), 0)
        self.list.set_focus(wanted if wanted < len(self.inputs) else wanted + 1)  # past the empty line

    def _submit(self) -> None:
        if not self._is_saving and (values := self._valid_values()) is not None:
            self._is_saving = True
            self._save(values)

    def _valid_values(self) -> Mapping[str, Any] | None:
        """Return the values of the request, or go to the first field that is wrong and return None."""
        for each in self.inputs:
            each.leave()
        values = {each.field.name: each.value for each in self.inputs}
        self.refresh()
        wrong = next((number for number, each in enumerate(self.inputs) if each.error), None)
        if wrong is not None:
            self.list.set_focus(wrong)
            return None
        return forms.read(self._form, values)

    def refresh(self) -> None:
        """Show what is wrong now, and what can be chosen."""
        values = {each.field.name: each.value for each in self.inputs}
        complete = {each.field.name for each in self.inputs if each.was_left}
        wrong = {each.field: each.message for each in forms.problems(self._form, values, complete=complete)}
        for each in self.inputs:
            name = each.field.name
            value, refusal = self._refused.get(name, (None, ""))
            unknown = each.unknown if isinstance(each, fields.ChoiceInput) else ""
            each.error = unknown or wrong.get(name, "") or (refusal if value == each.value else "")
            each.refresh(is_focused=each is self.focused)
        self._button.set_label("Saving…" if self._is_saving else self._form.button)
