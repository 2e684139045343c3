"""The fields of forms as widgets: a line of text, a checkbox, and a choice from a long list of names."""

from __future__ import annotations

from typing import Any

import urwid
import urwid_readline

from ticketbot.present import condition_completion, forms, name_filter, text

MATCHES_SHOWN = 6


class Line(urwid_readline.ReadlineEdit):  # type: ignore[misc]
    """A line of text with the editing keys of a shell; it takes only characters that are safe to show."""

    def __init__(self, value: str = "") -> None:
        super().__init__(edit_text=value, wrap="clip")

    def keypress(self, size: tuple[int], key: str) -> str | None:
        """Edit the line; keys that move between lines are left to the form."""
        if key in ("up", "down", "enter", "tab") or (len(key) == 1 and text.clean(key) != key):
            return key
        unhandled: str | None = super().keypress(size, key)
        return unhandled


class Input(urwid.Pile):
    """A field with its label, and below it what is wrong, or else the hint. `was_left` once the focus moved on."""

    def __init__(self, field: forms.Field, label_width: int, editor: urwid.Widget) -> None:
        self.field = field
        self.was_left = False
        self.error = ""
        self._note = urwid.Text("")
        label = (label_width, urwid.Text(("label", field.label)))
        super().__init__([urwid.Columns([label, editor])])
        self._below = (urwid.Padding(self._note, left=label_width), self.options(urwid.PACK))

    @property
    def value(self) -> Any:
        """Return the value, as `forms` wants it: a text, a boolean, an id or None, or a list of ids."""
        raise NotImplementedError

    def leave(self) -> None:
        """Handle the loss of the focus."""
        self.was_left = True

    def refresh(self, *, is_focused: bool) -> None:
        """Show what is wrong, or else the hint and what can be chosen."""
        lines = self._notes(is_focused=is_focused)
        self._note.set_text([part for line in lines for part in (line, "\n")][:-1] or "")
        self.contents[1:] = [self._below] if lines else []

    def _notes(self, *, is_focused: bool) -> list[tuple[str, str]]:
        if self.error:
            return [("bad", self.error)]
        return [("quiet", self.field.hint)] if self.field.hint and is_focused else []


class TextInput(Input):
    """A line of text, or a date."""

    def __init__(self, field: forms.Field, label_width: int, value: str) -> None:
        self.line = Line(value or "")
        super().__init__(field, label_width, urwid.AttrMap(self.line, "edit", "edit on"))

    @property
    def value(self) -> str:
        return str(self.line.edit_text)


class ConditionInput(TextInput):
    """A condition; what was begun at its end can be completed with the arrow keys and Enter."""

    def __init__(self, field: forms.Field, label_width: int, value: str) -> None:
        super().__init__(field, label_width, value)
        self.values: condition_completion.Values = {}
        self._marked: int | None = None

    def keypress(self, size: Any, key: str) -> str | None:
        offered = self._offered()
        if offered and (key == "down" or (key == "up" and self._marked is not None)):
            wanted = (-1 if self._marked is None else self._marked) + (1 if key == "down" else -1)
            self._marked = wanted if 0 <= wanted < len(offered) else None
            return None if wanted < len(offered) else key
        if key == "enter" and self._marked is not None:
            self.line.set_edit_text(offered[self._marked])
            self.line.set_edit_pos(len(self.line.edit_text))
            self._marked = None
            return None
        self._marked = None
        return super().keypress(size, key)

    def leave(self) -> None:
        super().leave()
        self._marked = None

    def _offered(self) -> list[str]:
        typed = self.value
        if not typed or typed.endswith(" "):
            return []
        found = condition_completion.continued(typed, lambda: self.values)
        return [each for each in found if text.clean(each) == each != typed][:MATCHES_SHOWN]

    def _notes(self, *, is_focused: bool) -> list[tuple[str, str]]:
        offered = self._offered() if is_focused and not self.error else []
        lines = [
            ("choice on" if number == self._marked else "plain", f" {each}") for number, each in enumerate(offered)
        ]
        return [*super()._notes(is_focused=is_focused), *lines]


class CheckInput(Input):
    """A checkbox."""

    def __init__(self, field: forms.Field, label_width: int, value: bool) -> None:
        self._box = urwid.CheckBox(field.hint, state=value)
        super().__init__(field._replace(hint=""), label_width, urwid.AttrMap(self._box, None, "edit on"))

    @property
    def value(self) -> bool:
        return bool(self._box.get_state())

    def keypress(self, size: Any, key: str) -> str | None:
        # Enter would check the box; it leads to the next field.
        return key if key == "enter" else super().keypress(size, key)


class ChoiceInput(Input):
    """A choice made by typing part of a name or with the arrow keys; several of them for `choices`.

    Nothing is chosen that was neither typed nor marked: merely passing the field chooses nothing.
    """

    def __init__(self, field: forms.Field, label_width: int, value: Any) -> None:
        self.line = Line()
        self.nothing = ""
        self._initial: list[int | str] = value if isinstance(value, list) else [] if value is None else [value]
        self._is_many = field.kind == "choices"
        self._options: name_filter.Options | None = None
        self._chosen: list[name_filter.Option] = []
        self._matches: list[name_filter.Option] = []
        self._marked: int | None = None
        super().__init__(field, label_width, urwid.AttrMap(self.line, "edit", "edit on"))
        self._show_empty()

    def fill(self, options: name_filter.Options, nothing: str) -> None:
        """Set the choices; `nothing` is what to say if there are none. What was chosen before stays, listed or not."""
        self._options = options
        self.nothing = nothing
        names = {option.id: option for option in options.all}
        for each in self._initial:
            self._choose(names.get(each) or name_filter.Option(each, f"{self.field.label} {each}"))
        self._initial = []
        self._update_matches()

    @property
    def value(self) -> Any:
        ids = [*self._initial, *(option.id for option in self._chosen)]
        return ids if self._is_many else next(iter(ids), None)

    @property
    def unknown(self) -> str:
        """Return what is wrong with a name that was typed, but not chosen; empty if it may still become one."""
        typed = self.line.edit_text
        if not typed or self._is_taken:
            return ""
        if self._options is None:
            return "Still loading names …" if self.was_left else ""
        return "" if self._matches and not self.was_left else f"No match for {typed!r}."

    def keypress(self, size: Any, key: str) -> str | None:
        """Type, mark another match, or accept the marked one."""
        if key in ("up", "down"):
            return None if self._mark(1 if key == "down" else -1) else key
        if key == "enter":
            is_early = self._options is None and self.line.edit_text  # the choices will arrive soon
            return None if is_early or (self._accept_match() and self._is_many) else key
        if key == "backspace" and self._is_many and not self.line.edit_text and self._chosen:
            self._chosen.pop()
            self._show_empty()
            return None
        before = self.line.edit_text
        unhandled = super().keypress(size, key)
        if self.line.edit_text != before:
            self._edited()
        return unhandled

    def leave(self) -> None:
        """Accept the marked match if something was typed."""
        super().leave()
        if self.line.edit_text:
            self._accept_match()
        self._marked = None

    @property
    def _is_taken(self) -> bool:
        return not self._is_many and bool(self._chosen)

    def _edited(self) -> None:
        self.was_left = False
        self._initial = []
        if not self._is_many:
            self._chosen = []
        self._update_matches()

    def _update_matches(self) -> None:
        self._marked = 0 if self.line.edit_text else None  # focusing the field chooses nothing
        self._matches = self._options.top_matches(self.line.edit_text, MATCHES_SHOWN) if self._options else []

    def _mark(self, step: int) -> bool:
        """Mark another match; False at the ends, where the key moves to another field."""
        if self._is_taken or not self._matches:
            return False
        wanted = (-1 if self._marked is None else self._marked) + step
        if wanted == -1 and self._marked == 0 and not self.line.edit_text:
            self._marked = None
            return True
        if not 0 <= wanted < len(self._matches):
            return False
        self._marked = wanted
        return True

    def _accept_match(self) -> bool:
        """Accept the marked match; False if there is none."""
        if self._is_taken or not self._matches or self._marked is None:
            return False
        self._choose(self._matches[self._marked])
        self._update_matches()
        return True

    def _choose(self, option: name_filter.Option) -> None:
        self._chosen = [*(each for each in self._chosen if each != option), option] if self._is_many else [option]
        self.line.set_edit_text("" if self._is_many else option.name)
        self.line.set_edit_pos(len(self.line.edit_text))
        self._show_empty()

    def _show_empty(self) -> None:
        """Say in the field what an empty choice means."""
        self.line.set_caption(("quiet", f"({self.field.empty}) ") if self.field.empty and not self._chosen else "")

    def _notes(self, *, is_focused: bool) -> list[tuple[str, str]]:
        chosen = [("good", f"+ {option.name}") for option in self._chosen if self._is_many]
        can_choose = is_focused and not self._is_taken and not self.error
        return [*chosen, *super()._notes(is_focused=is_focused), *(self._match_lines() if can_choose else [])]

    def _match_lines(self) -> list[tuple[str, str]]:
        if self._options is None:
            return [("quiet", "Loading…")]
        if not self._options.all:
            return [("waiting", self.nothing)]
        lines = [
            ("choice on" if number == self._marked else "plain", f" {option.name}")
            for number, option in enumerate(self._matches)
        ]
        is_more = len(self._options.all) > len(self._matches) == MATCHES_SHOWN
        return [*lines, ("quiet", " … type to narrow it down")] if is_more else lines


def new_input(field: forms.Field, label_width: int, value: Any) -> Input:
    """Return the widget of a field."""
    if field.kind in ("choice", "choices"):
        return ChoiceInput(field, label_width, value)
    inputs: dict[str, type[Input]] = {"check": CheckInput, "condition": ConditionInput}
    return inputs.get(field.kind, TextInput)(field, label_width, value)
