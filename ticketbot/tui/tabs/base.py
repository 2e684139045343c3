"""The base class of tabs: a table that refreshes itself, a filter, details, and actions on the selected row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Generic

import urwid

from ticketbot import errors
from ticketbot.api import client
from ticketbot.tui import dialogs, forms, keymap, table
from ticketbot.tui.app_context import AppContext, explain
from ticketbot.tui.table import Row

REFRESH_S = 5.0

Actions = dict[str, Callable[[], None]]
"""The available actions, by their name in the table of keys."""


class Tab(Generic[Row]):
    """One tab. All methods except `load` run in the main loop's thread."""

    action: ClassVar[str]
    """The action of the table of keys that opens this tab."""
    title: ClassVar[str]
    added_verb: ClassVar[str] = "Added"
    empty: ClassVar[str]
    """Shown when there are no rows: what to do."""
    newest_first: ClassVar[bool] = False
    most: ClassVar[int | None] = None
    """Load only this many rows, the newest; None: all."""

    def __init__(self, context: AppContext) -> None:
        self.context = context
        self.table = table.Table(self.columns(), self.tone, is_reversed=self.newest_first)
        self.table.say("Loading…")
        self.widget: urwid.Widget = self.table
        self.filter_line: urwid.Edit | None = None
        self.count: int | None = None
        self.failure: errors.TicketbotError | None = None
        self._reading = 0
        self._is_reading = False
        self._since_read_s = REFRESH_S

    def columns(self) -> Sequence[table.Column[Row]]:
        """Return the columns of the table."""
        raise NotImplementedError

    def tone(self, _row: Row) -> str:
        """Return the display attribute of a row."""
        return "row"

    def load(self, api: client.Client) -> list[Row]:
        """Load the rows from the server; runs in a background thread."""
        raise NotImplementedError

    def nothing(self) -> str:
        """Return the text to show when there are no rows."""
        return self.empty

    @property
    def kind(self) -> str:
        """Return which rows are loaded, empty for all."""
        return " newest" if self.most is not None and self.table.total >= self.most else ""

    def details(self, row: Row) -> list[dialogs.Entry]:
        """Return the details of a row."""
        raise NotImplementedError

    def name(self, row: Row) -> str:
        """Return the name of a row in a sentence."""
        raise NotImplementedError

    def actions(self) -> Actions:
        """Return the available actions; tabs add their own."""
        actions: Actions = {
            "filter": self._start_filter,
            "sort": partial(self.table.sort, 1),
            "reverse": partial(self.table.sort, turn=True),
        }
        if self.table.wanted:
            actions["clear filter"] = partial(self._set_filter, "")
        row = self.table.selected
        return actions | ({"details": partial(self.show, row)} | self.row_actions(row) if row else {})

    def row_actions(self, _row: Row) -> Actions:
        """Return the actions on the selected row."""
        return {}

    def show(self, row: Row) -> None:
        """Show the details of a row; the keys of its actions work there, too."""
        title = self.name(row)
        actions = list(self.row_actions(row))
        self.context.open(
            dialogs.Text(
                title, self.details(row), self.context.close, hand_on=partial(self._press_for, row), actions=actions
            )
        )

    def _press_for(self, row: Row, key: str) -> None:
        run = self.row_actions(row).get(keymap.action("list", key) or "")
        if run:
            run()

    def ask_to_delete(self, row: Row, description: str, delete: Callable[[client.Client], None]) -> None:
        """Delete a row after confirmation; `description` names it in the question."""

        def yes() -> None:
            self.context.call(delete, deleted)

        def deleted(_: None) -> None:
            self.table.drop(row.id)
            self._done(f"Deleted: {self.name(row)}.")

        self.context.open(dialogs.Confirm(f"Delete {description}?", yes, self.context.close))

    def change(self, work: Callable[[client.Client], Row], notice: str) -> None:
        """Change a row, show it as the server returns it with a notice, and reload all rows."""

        def done(row: Row) -> None:
            self.table.put(row)
            self._done(notice)

        self.context.call(work, done)

    def save(
        self, form: forms.Form, work: Callable[[client.Client], Any], then: Callable[[Any], None] | None = None
    ) -> None:
        """Save a form: close it and select the new row, or show the errors and leave it open."""

        def done(added: Any) -> None:
            form.close(form)
            row = self.row_of_new(added)
            if row is not None:
                self.table.put(row)
                self.table.select(row.id)
            self._done(f"{self.added_verb}: {self.name_of_new(added)}.", select=added.id)
            if then:
                then(added)

        def failed(error: errors.TicketbotError) -> None:
            if not form.refuse(error):
                self.context.open(dialogs.Failure(explain(error), self.context.close))

        self.context.call(work, done, failed)

    def name_of_new(self, added: Any) -> str:
        """Return the name of a new object; the response of the server need not be a row."""
        return self.name(added)

    def row_of_new(self, added: Any) -> Row | None:
        """Return the row of a new object, None if it must be loaded from the server."""
        row: Row = added
        return row

    def _done(self, notice: str, *, select: int | None = None) -> None:
        self.context.say(notice)
        self.read(select)

    def read(self, select: int | None = None) -> None:
        """Reload the rows, and optionally select one; the result of an earlier reload is then ignored."""
        self._reading += 1
        self._is_reading = True

        def work(api: client.Client) -> table.Content[Row]:
            return self.table.content(self.load(api))

        self.context.call(work, partial(self._on_rows, self._reading, select), partial(self._on_error, self._reading))

    def _on_rows(self, reading: int, select: int | None, content: table.Content[Row]) -> None:
        if reading != self._reading:
            return
        self._is_reading, self._since_read_s = False, 0.0
        self.failure = None
        self.table.say(self.nothing())
        self.table.fill(content)
        self.count = None
        if select is not None:
            self.table.select(select)

    def _on_error(self, reading: int, error: errors.TicketbotError) -> None:
        if reading != self._reading:
            return
        self._is_reading, self._since_read_s = False, 0.0
        self.failure = error
        self.table.say(explain(error))

    def tick(self, passed_s: float, *, is_idle: bool) -> None:
        """Reload the rows when they are old, and count the rows that match the filter."""
        self._since_read_s += passed_s
        if is_idle and not self._is_reading and self._since_read_s >= REFRESH_S:
            self.read()
        if self.count is None:
            self.count = self.table.count()

    def _start_filter(self) -> None:
        self.filter_line = urwid.Edit(edit_text=self.table.wanted)

    def _set_filter(self, wanted: str) -> None:
        self.table.filter(wanted)
        self.count = None

    def type(self, key: str) -> None:
        """Type into the filter, which applies immediately."""
        line = self.filter_line
        if line is None:
            return
        action = keymap.action("filter", key)
        if action == "drop filter":
            self._set_filter("")
        if action:
            self.filter_line = None
        elif line.keypress((10**6,), key) is None:
            self._set_filter(line.edit_text)


def details_table(*pairs: tuple[str, str | None]) -> list[dialogs.Entry]:
    """Return the labels whose text is known."""
    return [(label, text) for label, text in pairs if text]


Values = Mapping[str, Any]
