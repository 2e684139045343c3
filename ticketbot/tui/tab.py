"""A tab: the table of one entity that refreshes itself, a filter, and the actions of its description."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from ticketbot import errors
from ticketbot.api import client
from ticketbot.present import entities, states, table_content, words
from ticketbot.tui import dialogs, fields, keymap, table

if TYPE_CHECKING:
    from ticketbot.tui.main_view import MainView

REFRESH_S = 5.0
FOLLOW_S = 0.5
"""How often rows are reloaded while something is running: a sync writes its progress that often (S)."""
SEARCH_AFTER_S = 0.3
"""How long to wait for another letter before the server is searched."""
NEWEST = 500
"""How many rows to load of what only grows."""

Row = Any


class RowAction(NamedTuple):
    """What a key does to the selected row, if it `applies` to it."""

    run: Callable[[Tab, Row], None]
    applies: Callable[[Row], bool] = lambda _: True


class Description(NamedTuple):
    """What is special about a tab. `key` is the action of the table of keys that opens it; `where` has its own keys.

    `load` gets the filters of the query by name. `is_newest`: of many rows, only the newest are loaded. `searches`: the
    server can search, so that the filter finds rows that are not loaded, too. With a `banner`, which is shown above the
    table, a running row is followed.
    """

    entity: entities.Entity
    title: str
    short: str
    key: str = ""
    where: keymap.Where = "list"
    load: Callable[..., list[Row]] | None = None
    is_newest: bool = False
    searches: bool = False
    actions: Mapping[str, Callable[[Tab], None]] = {}
    row_actions: Mapping[str, RowAction] = {}
    banner: Callable[[Row], list[Any]] | None = None


class Tab:
    """One tab. Only `_load` runs in a background thread."""

    def __init__(self, app: MainView, description: Description) -> None:
        self.app = app
        self.about = description
        self.entity = description.entity
        self._is_newest = self.entity.newest_first or description.is_newest
        self.table = table.Table(self.entity, app.ago, table_content.Order(0, self._is_newest))
        self.filter_line: fields.Line | None = None
        self.only_dead = False
        self.failure: errors.TicketbotError | None = None
        self._loads = 0
        self._is_loading = False
        self._since_loaded_s = REFRESH_S
        self._search_in_s: float | None = None

    @property
    def running(self) -> Row:
        """Return the running sync, None if there is none."""
        rows = self.table.content.rows if self.about.banner else ()
        return next((row for row in rows if row.state == "running"), None)

    @property
    def banner(self) -> list[Any]:
        """Return what is shown above the table."""
        running = self.running
        return self.about.banner(running) if self.about.banner and running else []

    def counted(self) -> str:
        """Return how many rows there are, which of them are shown, and in which order."""
        total = len(self.table.content.rows)
        dead = " dead" if self.only_dead else ""
        newest = " newest" if self._is_newest and total >= NEWEST else ""
        if self.table.wanted:
            return f'{self.table.count} of {total}{newest}{dead} match "{self.table.wanted}"'
        rows = "row" if total == 1 else "rows"
        return f"{total}{newest}{dead} {rows}, sorted by {self.table.sorted_by}"

    def actions(self) -> dialogs.Actions:
        """Return the actions that are possible now."""
        actions: dialogs.Actions = {
            "filter": self._start_filter,
            "sort": partial(self.table.sort, 1),
            "reverse": partial(self.table.sort, reverse=True),
            **{name: partial(run, self) for name, run in self.about.actions.items()},
        }
        actions.pop("new" if self.running else "cancel sync", None)
        if self.table.wanted:
            actions["clear filter"] = partial(self.set_filter, "")
        return actions | self.row_actions(self.table.selected)

    def row_actions(self, row: Row) -> dialogs.Actions:
        """Return the actions on a row."""
        if row is None:
            return {}
        chosen = {name: each for name, each in self.about.row_actions.items() if each.applies(row)}
        return {name: partial(each.run, self, row) for name, each in chosen.items()}

    def show(self, title: str, lines: list[dialogs.Entry], row: Row, *without: str) -> None:
        """Show a text about a row, in which the keys of its actions work, too, but those in `without`."""
        own = {name: run for name, run in self.row_actions(row).items() if name not in ("details", *without)}
        self.app.open(dialogs.message(title, lines, own, self.about.where))

    def ask(self, question: str, yes: Callable[[], None]) -> None:
        """Do something after confirmation."""
        self.app.open(dialogs.confirm(question, yes))

    def change(self, work: Callable[[client.Client], Row], notice: str) -> None:
        """Change a row, show it as the server returns it with a notice, and reload all rows."""

        def done(row: Row) -> None:
            self.table.put(row)
            self.done(notice)

        self.app.call(work, done)

    def done(self, notice: str, *, select: int | None = None) -> None:
        """Say what was done, and reload the rows."""
        self.app.say(notice)
        self.load(select)

    def load(self, select: int | None = None) -> None:
        """Reload the rows, and optionally select one; the result of an earlier call is then ignored."""
        self._loads += 1
        self._is_loading = True
        self._search_in_s = None
        on_rows, on_error = partial(self._on_rows, self._loads, select), partial(self._on_error, self._loads)
        self.app.call(partial(self._load, self._filters()), on_rows, on_error)

    def _filters(self) -> dict[str, Any]:
        filters: dict[str, Any] = {"state": "dead"} if self.only_dead else {}
        return filters | ({"search": self.table.wanted} if self.about.searches and self.table.wanted else {})

    def _load(self, filters: dict[str, Any], api: client.Client) -> table_content.Content:
        read = partial(self.about.load, api) if self.about.load else getattr(api, self.entity.list_method)
        paging = {"limit": NEWEST, "newest": True} if self._is_newest else {}
        return self.table.new_content(read(**paging, **filters), filters.get("search", ""))

    def _on_rows(self, number: int, select: int | None, content: table_content.Content) -> None:
        if number != self._loads:
            return
        self._is_loading, self._since_loaded_s, self.failure = False, 0.0, None
        ran = self.running
        self.table.fill(content)
        self.table.say(self._nothing())
        if select is not None:
            self.table.select(select)
        if ran is not None and self.running is None:
            self._say_how_it_ended(ran)

    def _say_how_it_ended(self, ran: Row) -> None:
        row = next((each for each in self.table.content.rows if each.id == ran.id), None)
        if row is not None:
            wrong = f" with {words.count(row.error_count, 'error')}: Enter shows them" if row.error_count else ""
            self.app.say(f"Sync {row.id} is {states.label(row.state)}{wrong}.")
            self.table.select(row.id)

    def _nothing(self) -> str:
        if self.only_dead:
            return "Nothing is dead. Press D to show all."
        hint = "Press N to add one." if "new" in self.about.actions else ""
        return "\n".join(filter(None, (errors.sentence(self.entity.empty), self.entity.about, hint)))

    def _on_error(self, number: int, error: errors.TicketbotError) -> None:
        if number == self._loads:
            self._is_loading, self._since_loaded_s, self.failure = False, 0.0, error
            self.table.say(dialogs.explain(error))

    def tick(self, passed_s: float, *, is_idle: bool) -> None:
        """Reload the rows when they are old, and search the server once the user stops typing."""
        self._since_loaded_s += passed_s
        every_s = FOLLOW_S if self.running else REFRESH_S
        if is_idle and not self._is_loading and self._since_loaded_s >= every_s:
            self.load()
        if self._search_in_s is not None:
            self._search_in_s -= passed_s
            if self._search_in_s <= 0:
                self.load()

    def _start_filter(self) -> None:
        self.filter_line = fields.Line(self.table.wanted)

    def set_filter(self, wanted: str) -> None:
        """Show only the rows that contain these words; the server is searched for them a moment later."""
        if wanted != self.table.wanted:
            self.table.filter(wanted)
            self._search_in_s = SEARCH_AFTER_S if self.about.searches else None

    def type(self, key: str) -> None:
        """Type into the filter, which applies immediately."""
        line = self.filter_line
        if line is None:
            return
        action = keymap.action("filter", key)
        if action == "drop filter":
            self.set_filter("")
        if action in ("drop filter", "keep filter"):
            self.filter_line = None
        else:
            line.keypress((10**6,), key)
            self.set_filter(line.edit_text)
