"""The fields of forms: a line of text, a date, a checkbox, and a picker for long lists of names."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, ClassVar, NamedTuple

import urwid

from ticketbot.api import requests
from ticketbot.tui import name_filter, table_cells
from ticketbot.tui.table_cells import Line

MATCHES_SHOWN = 6

_DATE = ("[0-9]",) * 4 + ("-", "[01]", "[0-9]", "-", "[0-3]", "[0-9]")


class Field:
    """One value of a form. `error` is its error message, `cursor` the column of the text cursor."""

    actions: ClassVar[Collection[str]] = ()
    """The actions of the table of keys that only this type of field has."""

    def __init__(self, name: str, label: str, hint: str = "") -> None:
        self.name = name
        self.label = label
        self.hint = hint
        self.error = ""
        self.cursor: int | None = None
        self.changed: Callable[[], None] = lambda: None

    @property
    def value(self) -> Any:
        """Return the value."""
        raise NotImplementedError

    def lines(self, columns: int, is_focused: bool) -> list[Line]:
        """Return its lines for a width of `columns`."""
        raise NotImplementedError

    def press(self, key: str) -> bool:
        """Handle a key; False if it has no meaning here."""
        raise NotImplementedError

    def check(self) -> str:
        """Return the error in what was typed so far, if any."""
        return ""

    def required_error(self) -> str:
        """Return the error if the value is missing or incomplete."""
        return ""

    def cross_check(self, _values: Mapping[str, Any]) -> str:
        """Return the error in combination with the other fields, if any."""
        return ""

    def on_blur(self) -> None:
        """Handle the loss of the focus."""

    def help_lines(self, columns: int, is_focused: bool) -> list[Line]:
        """Return the error, or else the hint if the field is focused."""
        if self.error:
            return [[("bad", line)] for line in table_cells.wrap(self.error, columns)]
        return [[("dim", line)] for line in table_cells.wrap(self.hint, columns)] if is_focused and self.hint else []


class TextField(Field):
    """A line of text that must match a pattern of the API."""

    def __init__(self, name: str, label: str, hint: str = "", *, pattern: str = requests.NAME) -> None:
        super().__init__(name, label, hint)
        self._edit = urwid.Edit()
        self._pattern = pattern

    @property
    def value(self) -> Any:
        """Return the text without surrounding spaces."""
        return self._edit.edit_text.strip()

    def lines(self, columns: int, is_focused: bool) -> list[Line]:
        """Return the part of the line around the cursor, and the error or hint."""
        text, self.cursor = _visible_part(self._edit.edit_text, self._edit.edit_pos, columns)
        look = "edit on" if is_focused else "edit"
        return [[(look, table_cells.fit(text, columns))], *self.help_lines(columns, is_focused)]

    def press(self, key: str) -> bool:
        """Edit the line; keys that move between lines are left to the form."""
        return key not in ("up", "down", "enter", "tab") and self._edit.keypress((10**6,), key) is None

    def required_error(self) -> str:
        """Return the hint of the pattern if the text does not match it."""
        return "" if re.search(self._pattern, self.value) else f"{requests.PATTERN_HINTS[self._pattern]}."


class DateField(TextField):
    """A date, a time or nothing; `after` names the field that must not be later."""

    def __init__(self, name: str, label: str, hint: str, *, after: str = "") -> None:
        super().__init__(name, label, hint, pattern=requests.DATE_OR_TIME)
        self._after = after

    @property
    def value(self) -> str | None:
        """Return the text, None if it is empty."""
        return super().value or None

    def check(self) -> str:
        """Return an error unless the text is, or may become, an existing date."""
        text = super().value
        if not text or _may_become_a_date(text):
            return ""
        return self.required_error() or ("" if _moment(text) else f"There is no such date: {text}.")

    def required_error(self) -> str:
        """Return an error if there is text, but not a date."""
        if self.value is None:
            return ""
        return super().required_error() or ("" if _moment(self.value) else f"There is no such date: {self.value}.")

    def cross_check(self, values: Mapping[str, Any]) -> str:
        """Reject an end before the start."""
        start, end = _moment(values.get(self._after) or ""), _moment(self.value or "")
        return "The end is before the start." if start and end and end.date() < start.date() else ""


class Checkbox(Field):
    """A checkbox."""

    actions = ("tick",)

    def __init__(self, name: str, label: str, hint: str = "", *, is_ticked: bool = False) -> None:
        super().__init__(name, label, hint)
        self._is_ticked = is_ticked

    @property
    def value(self) -> bool:
        """Return whether it is checked."""
        return self._is_ticked

    def lines(self, columns: int, is_focused: bool) -> list[Line]:
        """Return the box and the hint."""
        self.cursor = 1 if is_focused else None
        mark = "x" if self._is_ticked else " "
        line: Line = [("edit on" if is_focused else "dialog", f"[{mark}]"), ("dim", f" {self.hint}")]
        return [line, *([("bad", text)] for text in table_cells.wrap(self.error, columns) if text)]

    def press(self, key: str) -> bool:
        """Check or uncheck the box."""
        if key != " ":
            return False
        self._is_ticked = not self._is_ticked
        return True


class Option(NamedTuple):
    """One choice of a picker."""

    id: int
    name: str


class Options:
    """All choices of a picker, indexed. Create it in a background thread: indexing takes time."""

    def __init__(self, options: Iterable[Option]) -> None:
        self.all: Sequence[Option] = sorted(options, key=lambda option: name_filter.normalize(option.name))
        self._index = name_filter.Index(option.name for option in self.all)

    def top_matches(self, wanted: str) -> list[Option]:
        """Return the best matches."""
        return [self.all[row] for row in self._index.top_matches(wanted, MATCHES_SHOWN)]


class PickerField(Field):
    """A choice made by typing part of a name or with the arrow keys; several with `is_many`.

    `none` is shown when there is nothing to choose from; `empty` is the meaning of an empty choice.
    """

    actions = ("choose",)

    def __init__(
        self, name: str, label: str, hint: str = "", *, none: str, empty: str = "", is_many: bool = False
    ) -> None:
        super().__init__(name, label, hint)
        self._edit = urwid.Edit()
        self._none = none
        self._empty = empty
        self._is_many = is_many
        self._options: Options | None = None
        self._chosen: list[Option] = []
        self._matches: list[Option] = []
        self._marked: int | None = None

    def fill(self, options: Options) -> None:
        """Set the choices."""
        self._options = options
        self.error = ""
        self._update_matches()
        self.changed()

    def set_error(self, why: str) -> None:
        """Show why the choices could not be loaded."""
        self._none = why
        self.fill(Options([]))

    @property
    def value(self) -> Any:
        """Return the id of the choice, None if there is none; a list of ids with `is_many`."""
        ids = [option.id for option in self._chosen]
        return ids if self._is_many else next(iter(ids), None)

    def lines(self, columns: int, is_focused: bool) -> list[Line]:
        """Return what was typed or chosen, and the best matches below it if the field is focused."""
        text, self.cursor = _visible_part(self._edit.edit_text, self._edit.edit_pos, columns)
        if self._empty and not text and not self._chosen:
            text = f"({self._empty})"
        lines: list[Line] = [[("edit on" if is_focused else "edit", table_cells.fit(text, columns))]]
        if self._is_many:
            lines += [[("good", f"+ {option.name}")] for option in self._chosen]
        help_lines = self.help_lines(columns, is_focused)
        return lines + help_lines + (self._match_lines(columns) if is_focused else [])

    def _match_lines(self, columns: int) -> list[Line]:
        if self._options is None:
            return [[("dim", "Loading…")]]
        if not self._options.all:
            return [[("warning", line)] for line in table_cells.wrap(self._none, columns)]
        if self._is_taken:
            return []
        if not self._matches:
            return [] if self.error else [[("warning", self._unknown())]]
        lines: list[Line] = [
            [("match on" if number == self._marked else "dialog", table_cells.fit(f" {option.name}", columns))]
            for number, option in enumerate(self._matches)
        ]
        more = len(self._options.all) > len(self._matches) == MATCHES_SHOWN
        return [*lines, [("dim", " … type to narrow it down")]] if more else lines

    @property
    def _is_taken(self) -> bool:
        return not self._is_many and bool(self._chosen)

    def press(self, key: str) -> bool:
        """Type, mark another match, or accept the marked one."""
        if key in ("up", "down") and self._matches and not self._is_taken:
            return self._mark(1 if key == "down" else -1)
        if key == "enter" and self._options is None and self._edit.edit_text:
            return True  # the choices will arrive soon
        if key == "enter":
            return self._accept_match() and self._is_many
        if key == "backspace" and self._is_many and not self._edit.edit_text and self._chosen:
            self._chosen.pop()
            return True
        if key in ("up", "down", "tab") or self._edit.keypress((10**6,), key) is not None:
            return False
        if not self._is_many:
            self._chosen = []
        self._update_matches()
        return True

    def on_blur(self) -> None:
        """Accept the marked match if something was typed; merely passing the field accepts nothing."""
        if self._edit.edit_text:
            self._accept_match()
        else:
            self._marked = None

    def check(self) -> str:
        """Reject text that matches nothing."""
        is_lost = self._options and self._options.all and self._edit.edit_text and not self._is_taken
        return self._unknown() if is_lost and not self._matches else ""

    def _unknown(self) -> str:
        return f"No match for {self._edit.edit_text!r}."

    def required_error(self) -> str:
        """Require a choice."""
        if self._edit.edit_text and self._options is None:
            return "Still loading names …"
        if self._edit.edit_text and not self._is_taken:
            return self._unknown()
        return "" if self._chosen or self._is_many else "Required. Type part of the name."

    def _update_matches(self) -> None:
        self._marked = 0 if self._edit.edit_text else None  # focusing the field chooses nothing
        self._matches = self._options.top_matches(self._edit.edit_text) if self._options else []

    def _mark(self, step: int) -> bool:
        """Mark another match; False at the ends, where the key moves to another field."""
        if self._marked == 0 and step < 0 and not self._edit.edit_text:
            self._marked = None
            return True
        wanted = (-1 if self._marked is None else self._marked) + step
        if not 0 <= wanted < len(self._matches):
            return False
        self._marked = wanted
        return True

    def _accept_match(self) -> bool:
        """Accept the marked match; False if there is none."""
        if self._is_taken or not self._matches or self._marked is None:
            return False
        option = self._matches[self._marked]
        if self._is_many:
            self._chosen += [option] if option not in self._chosen else []
            self._edit.set_edit_text("")
            self._update_matches()
        else:
            self._chosen = [option]
            self._edit.set_edit_text(option.name)
            self._edit.set_edit_pos(len(option.name))
        self.error = ""
        return True


def _visible_part(text: str, at: int, columns: int) -> tuple[str, int]:
    """Return the part of a line around the cursor, and the column of the cursor in it."""
    before = table_cells.clean(text[:at])
    while before and table_cells.width(before) >= columns:
        before = before[1:]
    return before + table_cells.clean(text[at:]), table_cells.width(before)


def _may_become_a_date(text: str) -> bool:
    """Return whether a date can begin with this text, such as `2026-0`."""
    if len(text) >= len(_DATE) or not re.fullmatch("".join(_DATE[: len(text)]), text):
        return False
    return len(text) < len("2026-13") or 1 <= int(text[5:7]) <= 12


def _moment(text: str) -> datetime | None:
    """Parse a date or time, None if it does not exist."""
    if not text or not re.search(requests.DATE_OR_TIME, text):
        return None
    try:
        if len(text) == 10:
            return datetime.combine(date.fromisoformat(text), datetime.min.time())
        return datetime.fromisoformat(text)
    except ValueError:
        return None
