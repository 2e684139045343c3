"""The main view: header, footer, the current tab and the dialogs on top of it; it dispatches all keys."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from functools import partial
from typing import Any, Protocol

import urwid

from ticketbot import errors
from ticketbot.api import client
from ticketbot.present import words
from ticketbot.tui import actions, dialogs, header_footer, keymap, server_status, tabs
from ticketbot.tui.background_calls import BackgroundCalls, OnError, Work
from ticketbot.tui.tab import Tab

NOTICE_S = 6.0
SLOW_S = 2.0
BESIDE_FROM = 120
"""From this width on, the details of the selected row are shown beside the table."""
_DETAILS_WIDTH = 46
_LEAST_SIZE = (24, 8)


class Terminal(Protocol):
    """What the main view needs of the program around it.

    Any thread may call `wake` to have `deliver` called; `copy` fills the clipboard; `next_theme` returns its name.
    """

    def wake(self) -> None: ...
    def copy(self, text: str) -> None: ...
    def next_theme(self) -> str: ...
    def now(self) -> datetime: ...


class MainView(urwid.WidgetWrap[Any]):
    """The top widget, and what tabs and dialogs call. Only the main loop's thread may use it."""

    no_cache = ("render",)  # its parts cache what they draw

    def __init__(
        self, connect: Callable[[], client.Client], *, base_url: str, zone: tzinfo, terminal: Terminal
    ) -> None:
        self.calls = BackgroundCalls(connect, terminal.wake)
        self._base_url = base_url
        self._zone = zone
        self._terminal = terminal
        self._notice, self._notice_s = "", 0.0
        self._is_pasting = False
        self._dialogs: list[dialogs.Dialog] = []
        self._problem_dialog: dialogs.Dialog | None = None
        self._has_complained = False
        self._status = server_status.StatusPoller(self)
        self._tabs = [Tab(self, each) for each in tabs.ALL]
        self.tab = self._tabs[0]
        super().__init__(urwid.SolidFill())

    def call(self, work: Work[Any], done: Callable[[Any], None], failed: OnError | None = None) -> None:
        """Call the server in the background; without `failed`, an error opens a dialog."""
        self.calls.submit(work, done, failed or self.show_error)

    def open(self, dialog: dialogs.Dialog) -> None:
        """Show a dialog on top; it receives all keys until it is closed."""
        dialog.close = partial(self._close, dialog)
        self._dialogs.append(dialog)

    def _close(self, dialog: dialogs.Dialog) -> None:
        if dialog in self._dialogs:
            self._dialogs.remove(dialog)

    def say(self, text: str) -> None:
        """Show a notice for a few seconds."""
        self._notice, self._notice_s = text, NOTICE_S

    def copy(self, text: str) -> None:
        """Put a text into the clipboard of the terminal."""
        self._terminal.copy(text)

    def moment(self, at: datetime) -> str:
        """Return a time with its zone."""
        return words.moment(at, self._zone)

    def ago(self, at: datetime) -> str:
        """Return a time relative to now."""
        return words.ago(at, self._terminal.now(), self._zone)

    def show_error(self, error: errors.TicketbotError) -> None:
        """Show an error in a dialog."""
        self.open(dialogs.failure(dialogs.explain(error)))

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
        self.tab.tick(passed_s, is_idle=self.dialog in (None, self._problem_dialog))
        self._notice_s -= passed_s
        if self._notice_s <= 0:
            self._notice = ""

    def deliver(self) -> None:
        """Process the results of background calls, and report once that the server fails."""
        self.calls.deliver()
        if self.failure is None:
            self._has_complained = False
            if self._problem_dialog:
                self._problem_dialog.close()
        elif not self._has_complained and self.dialog is None:
            self._has_complained = True
            self.show_error(self.failure)
            self._problem_dialog = self.dialog

    @property
    def _where(self) -> keymap.Where:
        if self.dialog:
            return self.dialog.where
        return "filter" if self.tab.filter_line else self.tab.about.where

    def keypress(self, size: tuple[int, int], key: str) -> str | None:  # type: ignore[override]
        """Handle a key in the current context."""
        if key in ("begin paste", "end paste"):
            self._is_pasting = key == "begin paste"
        elif self._is_pasting and (self._where not in ("form", "filter") or len(key) > 1):
            pass  # text pasted by mistake must not act as commands
        elif self._is_pasting or not self._press_anywhere(key):
            self._press(size, key)
        return None

    def _press_anywhere(self, key: str) -> bool:
        """Handle a key that works everywhere, or leads to a tab from where nothing can be lost."""
        action = keymap.action("anywhere", key)
        if action == "quit":
            raise urwid.ExitMainLoop
        if action == "theme":
            self.say(f"Theme: {self._terminal.next_theme()}")
        tab_action = keymap.action("list", key)
        chosen = next((each for each in self._tabs if each.about.key and each.about.key == tab_action), None)
        if chosen and self._where in (self.tab.about.where, "text") and len(self._dialogs) < 2:
            self._dialogs.clear()
            self._switch(chosen)
            return True
        return action is not None

    def _press(self, size: tuple[int, int], key: str) -> None:
        if self.dialog:
            self._arrange(size)
            super().keypress(size, key)
        elif self.tab.filter_line:
            self.tab.type(key)
        else:
            run = self._actions().get(keymap.action(self._where, key) or "")
            if run:
                run()
            else:
                self._arrange(size)
                super().keypress(size, keymap.movement(key))

    def _actions(self) -> dialogs.Actions:
        at = self._tabs.index(self.tab)
        return {
            "next tab": lambda: self._switch(self._tabs[(at + 1) % len(self._tabs)]),
            "previous tab": lambda: self._switch(self._tabs[at - 1]),
            "go": lambda: actions.go_to_ticket(self.tab),
            "notify": self._ask_to_notify,
            "help": self._help,
            **self.tab.actions(),
        }

    def _switch(self, chosen: Tab) -> None:
        self.say("")  # the notice was about the other tab
        self.tab.filter_line = None
        self.tab = chosen
        chosen.load()

    def _help(self) -> None:
        lines: list[dialogs.Entry] = []
        for where, title in keymap.TITLES.items():
            keys = [(f"  {row.label}", row.does) for row in keymap.TABLE if row.where == where]
            lines += [(title, ""), *keys, ("", "")]
        self.open(dialogs.message("All keys", lines[:-1], {}))

    def _ask_to_notify(self) -> None:
        if self._status.latest is None:
            return
        turn_on = not self._status.latest.notifies
        off = "No one is notified of anything until they are on again; what happens meanwhile is not sent later."
        on = "Rooms and people are notified again of what happens from now on."
        question = f"Turn notifications {'on' if turn_on else 'off'}, for everyone?\n{on if turn_on else off}"
        self.tab.ask(question, partial(self._notify, turn_on))

    def _notify(self, turn_on: bool) -> None:
        def done(_: object) -> None:
            self.say(f"Notifications are {'on' if turn_on else 'off'}.")
            self._status.tick(server_status.POLL_EVERY_S)

        self.call(lambda api: api.update_config({"attempt_notify": turn_on}), done)

    def render(self, size: tuple[int, int], focus: bool = False) -> urwid.Canvas:  # type: ignore[override]  # noqa: ARG002
        """Draw everything."""
        self._arrange(size)
        return super().render(size, focus=True)

    def _arrange(self, size: tuple[int, int]) -> None:
        """Lay out the widgets for a size."""
        if size < _LEAST_SIZE or size[1] < _LEAST_SIZE[1]:
            self._w = urwid.Filler(urwid.Text("Too small", wrap="clip"), "top")
            return
        top: urwid.Widget = urwid.Frame(self._body(size[0]), self._header(size[0]), self._footer(size[0]))
        for dialog in self._dialogs:
            top = dialog.over(top, size)
        self._w = top

    def _body(self, columns: int) -> Any:
        body: Any = self.tab.table
        if banner := self.tab.banner:
            above: list[Any] = [(urwid.PACK, each) for each in banner]
            body = urwid.Pile([*above, body])
        if columns < BESIDE_FROM or self.tab.table.selected is None:
            return body
        lines: list[Any] = dialogs.entries(actions.entries(self.tab, self.tab.table.selected))
        details = urwid.ListBox(urwid.SimpleListWalker([urwid.Divider(), *lines]))
        return urwid.Columns([body, (1, urwid.SolidFill("│")), (_DETAILS_WIDTH, details)], dividechars=1)

    def _header(self, columns: int) -> Any:
        user = self._status.latest.user.name if self._status.latest else ""
        waiting = header_footer.spinner(self.calls.waiting_s())
        names = header_footer.tabs(self._tabs, self.tab, self._status.counts(), columns)
        right = [("bar", "  "), *self._status.markup(self.failure), ("bar", f"{waiting} ")]
        first = header_footer.line([("title", " Ticketbot "), ("bar", f" {self._base_url}  {user}")], right, "bar")
        summary = urwid.Text(("quiet", f" {self._status.summary(self.ago)}"), wrap="ellipsis")
        return urwid.Pile([first, names, summary])

    def _footer(self, columns: int) -> Any:
        return urwid.Pile([self._line_below(), header_footer.footer(self._keys_shown(), columns)])

    def _line_below(self) -> urwid.Widget:
        counted = [("quiet", f"  {self.tab.counted()} ")]
        if self.tab.filter_line:
            line = urwid.AttrMap(self.tab.filter_line, "edit on")
            return urwid.Columns([(3, urwid.Text(("key", " / "))), line, (urwid.PACK, urwid.Text(counted))])
        notice, style = self._notice, "waiting"
        if self.failure and not notice:
            notice, style = dialogs.explain(self.failure).partition("\n")[0], "bad"
        elif self.calls.waiting_s() >= SLOW_S and not notice:
            notice = f"Waiting for the server ({self.calls.waiting_s():.0f} s)"
        return header_footer.line([(style, f" {notice}")], [] if notice else counted, "quiet")

    def _keys_shown(self) -> list[tuple[str, str]]:
        always = keymap.footer("anywhere")
        if self.dialog:
            return [*self.dialog.footer(), *always]
        if self.tab.filter_line:
            return [*keymap.footer("filter"), *always]
        return [*keymap.footer(self._where, self._actions()), *always]
