"""The main view: header, footer, the current tab and the dialogs on top of it; it dispatches all keys."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import tzinfo
from typing import Any, TypeVar

import urwid

from ticketbot import errors
from ticketbot.api import client
from ticketbot.tui import background_calls, dialogs, header_footer, keymap, server_status, table_cells
from ticketbot.tui.app_context import OnError, explain
from ticketbot.tui.table_cells import Line
from ticketbot.tui.tabs import api_keys_tab, base, forwards_tab, notifications_tab, rules_tab, syncs_tab, users_tab

NOTICE_S = 6.0
SLOW_S = 2.0

T = TypeVar("T")

_TABS: tuple[type[base.Tab[Any]], ...] = (
    rules_tab.Rules,
    forwards_tab.Forwards,
    users_tab.Users,
    api_keys_tab.Keys,
    syncs_tab.Syncs,
    notifications_tab.Notifications,
)


class MainView(urwid.Widget):
    """The top widget, and the `AppContext` of its tabs and dialogs.

    Any thread calls `wake` to make the main loop call `deliver`; `next_theme` returns the theme's name.
    """

    _sizing = frozenset([urwid.BOX])
    _selectable = True
    no_cache = ("render",)  # its parts cache what they draw

    def __init__(
        self,
        connect: Callable[[], client.Client],
        *,
        base_url: str,
        zone: tzinfo,
        wake: Callable[[], None],
        next_theme: Callable[[], str],
    ) -> None:
        super().__init__()
        self.zone = zone
        self.calls = background_calls.BackgroundCalls(connect, wake)
        self._base_url = base_url
        self._status = server_status.StatusPoller(self)
        self._next_theme = next_theme
        self._notice, self._notice_s = "", 0.0
        self._is_pasting = False
        self._dialogs: list[dialogs.Dialog] = []
        self._complaint: dialogs.Failure | None = None
        self._has_complained = False
        self._tabs = [make(self) for make in _TABS]
        self.tab = self._tabs[0]
        self._header, self._footer = header_footer.TextBar(), header_footer.TextBar()

    # What tabs and dialogs call (`AppContext`).

    def call(
        self, work: Callable[[client.Client], T], done: Callable[[T], None], failed: OnError | None = None
    ) -> None:
        """Call the server in the background; without `failed`, an error opens a dialog."""
        self.calls.submit(work, done, failed or self._show_error)

    def open(self, dialog: dialogs.Dialog) -> None:
        """Show a dialog on top; it receives all keys until it is closed."""
        self._dialogs.append(dialog)

    def close(self, dialog: dialogs.Dialog) -> None:
        """Close a dialog, if it is still open."""
        if dialog in self._dialogs:
            self._dialogs.remove(dialog)

    def say(self, text: str) -> None:
        """Show a notice for a few seconds."""
        self._notice, self._notice_s = text, NOTICE_S

    def _show_error(self, error: errors.TicketbotError) -> None:
        self.open(dialogs.Failure(explain(error), self.close))

    # What the main loop calls.

    @property
    def dialog(self) -> dialogs.Dialog | None:
        """Return the top dialog, which receives the keys."""
        return self._dialogs[-1] if self._dialogs else None

    @property
    def failure(self) -> errors.TicketbotError | None:
        """Return the error that keeps the screen from being up to date."""
        return self.tab.failure or self._status.failure

    def tick(self, passed_s: float) -> None:
        """Do what is due: reload rows, follow a sync, remove a notice."""
        self._status.tick(passed_s)
        self.tab.tick(passed_s, is_idle=self.dialog in (None, self._complaint))
        self._notice_s -= passed_s
        if self._notice_s <= 0:
            self._notice = ""

    def deliver(self) -> None:
        """Process the results of background calls, and report once that the server fails."""
        self.calls.deliver()
        if self.failure is None:
            self._has_complained = False
            if self._complaint:
                self.close(self._complaint)
        elif not self._has_complained and self.dialog is None:
            self._has_complained = True
            self._complaint = dialogs.Failure(explain(self.failure), self.close)
            self.open(self._complaint)

    # Keys.

    @property
    def _where(self) -> keymap.Where:
        if self.dialog:
            return self.dialog.where
        return "filter" if self.tab.filter_line else "list"

    def keypress(self, _size: tuple[int, ...], key: str) -> str | None:
        """Handle a key in the current context."""
        if key in ("begin paste", "end paste"):
            self._is_pasting = key == "begin paste"
        elif self._is_pasting and (self._where not in ("form", "filter") or len(key) > 1):
            pass  # text pasted by mistake must not act as commands
        elif keymap.action("anywhere", key):
            self._do_anywhere(keymap.action("anywhere", key))
        elif self._is_tab_key(key):
            self._go_to_tab(key)
        elif self.dialog:
            self.dialog.press(key)
        elif self.tab.filter_line:
            self.tab.type(key)
        else:
            self._do(keymap.action("list", key) or "")
        return None

    def _is_tab_key(self, key: str) -> bool:
        """Return whether a key switches tabs here: also in a text or a filter, where nothing can be lost."""
        is_text = self._where == "text" and len(self._dialogs) == 1
        is_tab = keymap.action("list", key) in [each.action for each in self._tabs]
        return is_tab and (is_text or self._where in ("list", "filter"))

    def _go_to_tab(self, key: str) -> None:
        self._dialogs.clear()
        self.tab.filter_line = None
        self._do(keymap.action("list", key) or "")

    def _do_anywhere(self, action: str | None) -> None:
        if action == "quit":
            raise urwid.ExitMainLoop
        self.say(f"Theme: {self._next_theme()}")

    def _do(self, action: str) -> None:
        if self.tab.table.move(action):
            return
        run = {**self._actions(), **self.tab.actions()}.get(action)
        if run:
            run()

    def _actions(self) -> base.Actions:
        at = self._tabs.index(self.tab)
        steps: base.Actions = {
            "next tab": lambda: self._switch(self._tabs[(at + 1) % len(self._tabs)]),
            "previous tab": lambda: self._switch(self._tabs[at - 1]),
            "help": self._help,
        }
        return steps | {each.action: lambda each=each: self._switch(each) for each in self._tabs}

    def _switch(self, chosen: base.Tab[Any]) -> None:
        self.say("")  # the notice was about the other tab
        self.tab = chosen
        chosen.read()

    def _help(self) -> None:
        entries: list[dialogs.Entry] = []
        for where, title in keymap.TITLES.items():
            entries += [
                (title, ""),
                *((f"  {row.label}", row.does) for row in keymap.TABLE if row.where == where),
                ("", ""),
            ]
        self.open(dialogs.Text("All keys", entries[:-1], self.close))

    # Rendering.

    def render(self, size: tuple[int, int], focus: bool = False) -> urwid.Canvas:  # type: ignore[override]  # noqa: ARG002
        """Draw everything."""
        self._header.show(self._header_lines(size[0]))
        top: urwid.Widget = urwid.Frame(self.tab.widget, self._header, self._footer)
        for dialog in self._dialogs:
            top = dialog.over(top, size)
        self._footer.show([self._line_below(size[0]), *header_footer.footer(self._keys_shown(), size[0])])
        return top.render(size, focus=True)

    def _header_lines(self, columns: int) -> list[Line]:
        left: Line = [("title", " Ticketbot "), ("bar", f" {self._base_url}  {self._status.user}")]
        waiting = header_footer.spinner(self.calls.waiting_s())
        right = [("bar", "  "), *self._status.header_text(self.failure), ("bar", f"{waiting} ")]
        chosen = header_footer.tabs([(each.action, each.title) for each in self._tabs], self.tab.action)
        return [header_footer.justify(left, right, columns, "bar"), chosen, []]

    def _line_below(self, columns: int) -> Line:
        line = self.tab.filter_line
        if line:
            before, after = line.edit_text[: line.edit_pos], line.edit_text[line.edit_pos :]
            return [("key", " / "), ("edit on", f"{before}▏{after} "), ("dim", f"  {self._counted()}")]
        notice: Line = [("warning", f" {self._notice}")]
        if self.failure and not self._notice:
            notice = [("bad", f" {explain(self.failure).partition(chr(10))[0]}")]
        elif self.calls.waiting_s() >= SLOW_S and not self._notice:
            notice = [("warning", f" Waiting for the server ({self.calls.waiting_s():.0f} s)")]
        order = f"  {self._counted()}, sorted by {self.tab.table.sorted_by.lower()} "
        is_crowded = table_cells.width(table_cells.clean(notice[0][1] + order)) > columns and notice[0][1].strip()
        return header_footer.justify(notice, [] if is_crowded else [("dim", order)], columns, "dim")

    def _counted(self) -> str:
        table, kind = self.tab.table, self.tab.kind
        if table.wanted:
            count = "…" if self.tab.count is None else self.tab.count
            return f'{count} of {table.total}{kind} match "{table.wanted}"'
        return f"{table.total}{kind} {'row' if table.total == 1 else 'rows'}"

    def _keys_shown(self) -> list[tuple[str, str]]:
        always = keymap.footer("anywhere")
        if self.dialog:
            return [*self.dialog.footer(), *always]
        actions: Collection[str] | None = [*self._actions(), *self.tab.actions()] if self._where == "list" else None
        return [*keymap.footer(self._where, actions), *always]
