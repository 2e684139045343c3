"""The syncs: start one, follow it, and see the results of earlier ones."""

from __future__ import annotations

from functools import partial

import urwid

from ticketbot import errors
from ticketbot.api import client, responses
from ticketbot.tui import dialogs, fields, forms, pickers, table, table_cells, widgets
from ticketbot.tui.app_context import AppContext, moment
from ticketbot.tui.tabs import base

NAME = len("project tickets")
WATCH_S = 0.5  # a run writes its progress at least that often (S)

_TONES = {"running": "good", "failed": "bad", "cancelled": "warning"}


class Syncs(base.Tab[responses.SyncRun]):
    """The sync tab: the progress of the running sync above the history."""

    action = "sync"
    title = "Sync"
    empty = (
        "No sync has run yet. A sync fetches boards, recipients and tickets from ConnectWise and Webex.\n"
        "Press N to start one."
    )
    newest_first = True
    most = 100
    added_verb = "Started"

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        self._progress = Progress()
        self._running: responses.SyncRun | None = None
        self._asking = 0
        self._is_asking = False
        self._since_asked_s = base.REFRESH_S
        self.widget = urwid.Pile([("pack", self._progress), self.table])

    def columns(self) -> list[table.Column[responses.SyncRun]]:
        """Return time, result and progress."""
        return [
            table.Column("Id", lambda run: str(run.id), columns=5, right=True, order=lambda run: run.id),
            table.Column("Started", lambda run: moment(run.started_at, self.context.zone)[:16], columns=16),
            table.Column("Took", _took, columns=8, right=True, order=_took_s),
            table.Column("State", lambda run: run.state, columns=9),
            table.Column("Errors", lambda run: str(run.error_count), columns=7, right=True, order=_error_count),
            table.Column("Progress", _progress, share=1),
        ]

    def tone(self, row: responses.SyncRun) -> str:
        """Highlight failures."""
        return _TONES.get(row.state, "warning" if row.error_count else "row")

    def load(self, api: client.Client) -> list[responses.SyncRun]:
        """Load the newest runs."""
        return api.sync_runs(limit=self.most, newest=True)

    def name(self, row: responses.SyncRun) -> str:
        """Return the run by its id."""
        return f"sync {row.id}"

    def details(self, row: responses.SyncRun) -> list[dialogs.Entry]:
        """Return the result of each phase, and the errors."""
        phases = [(phase.name, _counts(phase)) for phase in row.phases]
        wrong = [("", ""), ("Errors", ""), *(("", line) for line in row.errors)] if row.errors else []
        more = row.error_count - len(row.errors)
        return [
            *base.details_table(
                ("State", row.state),
                ("Requested by", row.requested_by),
                ("Started", moment(row.started_at, self.context.zone)),
                ("Finished", moment(row.finished_at, self.context.zone)),
                ("Took", _took(row)),
            ),
            ("", ""),
            *phases,
            *wrong,
            *([("", f"… and {more} more.")] if row.errors and more > 0 else []),
        ]

    def actions(self) -> base.Actions:
        """Return the actions of the tab."""
        own: base.Actions = {"cancel sync": self._ask_to_cancel} if self._running else {"new": self._new}
        return own | super().actions()

    def _new(self) -> None:
        boards = pickers.boards("board_ids", "Ticket boards", "Only tickets of these boards.")
        form = forms.Form(
            "New sync",
            [
                fields.Checkbox("boards", "Boards", "all boards and their statuses", is_ticked=True),
                fields.Checkbox("recipients", "Recipients", "Webex rooms and people", is_ticked=True),
                fields.Checkbox("tickets", "Tickets", "open tickets and their notes", is_ticked=True),
                boards,
                fields.Checkbox("force", "Force", "even if most stored rows would be removed"),
            ],
            "Start sync",
            self._save,
            self.context.close,
        )
        pickers.load_boards_into(self.context, boards)
        self.context.open(form)

    def _save(self, form: forms.Form, values: base.Values) -> None:
        if not (values["boards"] or values["recipients"] or values["tickets"]):
            nothing = [errors.FieldError("boards", "Check at least one of the three.")]
            form.refuse(errors.InvalidInput("Nothing is checked", nothing))
            return
        chosen = {**values, "board_ids": values["board_ids"] if values["tickets"] else []}
        self.save(form, lambda api: api.start_sync(**chosen), self._watch)

    def _watch(self, run: responses.SyncRun) -> None:
        self._asking += 1  # a response still in flight may not include this run
        self._on_status(self._asking, responses.SyncStatus(syncing=True, run=run))

    def _ask_to_cancel(self) -> None:
        if self._running:
            question = f"Cancel the running {self.name(self._running)}?\nWhat it has stored so far is kept."
            self.context.open(dialogs.Confirm(question, self._cancel, self.context.close))

    def _cancel(self) -> None:
        self.change(lambda api: api.cancel_sync(), "Canceling the sync.")

    def read(self, select: int | None = None) -> None:
        """Reload the rows, and check at the next tick whether a sync is running."""
        super().read(select)
        self._since_asked_s = base.REFRESH_S

    def tick(self, passed_s: float, *, is_idle: bool) -> None:
        """Poll the progress of a running sync; otherwise check for one as often as the rows are reloaded."""
        super().tick(passed_s, is_idle=is_idle)
        self._since_asked_s += passed_s
        every_s = WATCH_S if self._running else base.REFRESH_S
        if not self._is_asking and self._since_asked_s >= every_s:
            self._asking += 1
            self._is_asking = True
            on_status = partial(self._on_status, self._asking)
            self.context.call(lambda api: api.sync_status(), on_status, partial(self._on_status_error, self._asking))

    def _on_status(self, asking: int, status: responses.SyncStatus) -> None:
        if asking != self._asking:
            return
        self._is_asking, self._since_asked_s = False, 0.0
        was_running = self._running
        self._running = status.run if status.syncing else None
        self._progress.show(self._running)
        if was_running and not self._running:
            self._say_how_it_ended(status.run)

    def _say_how_it_ended(self, run: responses.SyncRun | None) -> None:
        if run:
            wrong = f" with {_errors(run.error_count)}: Enter shows them" if run.error_count else ""
            self.context.say(f"Sync {run.id} is {run.state}{wrong}.")
        self.read(run.id if run else None)

    def _on_status_error(self, asking: int, _error: errors.TicketbotError) -> None:
        """Ignore the error: loading the rows from the same server reports it."""
        if asking == self._asking:
            self._is_asking, self._since_asked_s = False, 0.0


class Progress(widgets.Lines):
    """A bar for each phase of the running sync; it takes no room without one."""

    def __init__(self) -> None:
        super().__init__()
        self._run: responses.SyncRun | None = None

    def show(self, run: responses.SyncRun | None) -> None:
        """Show the progress of a run, or nothing."""
        if run != self._run:
            self._run = run
            self._invalidate()

    def lines(self, columns: int) -> list[table_cells.Line]:
        """Return a title, a line for each phase and a blank one."""
        if self._run is None:
            return []
        requested_by = f", requested by {self._run.requested_by}" if self._run.requested_by else ""
        title: table_cells.Line = [("good", f" Sync {self._run.id} is running{requested_by}")]
        return [title, *(_bar(phase, columns) for phase in self._run.phases), []]


def _bar(phase: responses.SyncPhase, columns: int) -> table_cells.Line:
    counts = _counts(phase)
    room = max(columns - NAME - 2 - max(table_cells.width(counts), 20) - 2, 4)
    done = phase.done / phase.total if phase.total else float(phase.total == 0)
    filled = min(int(room * done), room)
    return [
        ("row", f" {table_cells.fit(phase.name, NAME)} "),
        ("done", "=" * filled),
        ("to do", "·" * (room - filled)),
        ("warning" if phase.errors else "row", f"  {counts}"),
    ]


def _counts(phase: responses.SyncPhase) -> str:
    wrong = f", {_errors(phase.errors)}" if phase.errors else ""
    return f"{phase.done} of {'?' if phase.total is None else phase.total}{wrong}"


def _progress(run: responses.SyncRun) -> str:
    return ", ".join(f"{phase.name} {phase.done}" for phase in run.phases)


def _took(run: responses.SyncRun) -> str:
    if run.finished_at is None:
        return ""
    seconds = round(_took_s(run))
    return f"{seconds // 60}:{seconds % 60:02} min" if seconds >= 60 else f"{seconds} s"


def _took_s(run: responses.SyncRun) -> float:
    """Return the duration; a running sync sorts first."""
    return (run.finished_at - run.started_at).total_seconds() if run.finished_at else -1.0


def _error_count(run: responses.SyncRun) -> int:
    return run.error_count


def _errors(count: int) -> str:
    return "1 error" if count == 1 else f"{count} errors"
