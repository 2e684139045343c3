"""`tbot sync`: start a sync, wait until it ends, and report its result to cron by the exit status."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from ticketbot import errors
from ticketbot.api import sync_responses
from ticketbot.cli.context import Context
from ticketbot.present import states, text, words

USAGE = """\
Sync external data.

Usage:
  tbot sync [options] [--all] [--boards] [--recipients] [--tickets]
            [--sync-boards=<ids>] [--force] [--no-wait] [--quiet] [--json]
  tbot sync (status | cancel) [options] [--json]

Options:
  --all                    Sync everything; with --tickets, of all boards
  --boards                 Sync boards and their statuses
  --recipients             Sync Webex rooms and people
  --tickets                Sync open tickets
  --sync-boards=<ids>      Only tickets of these boards, such as 1,2,3
  --force                  Continue even if more than half would be removed
  --no-wait                Return as soon as the sync has started
  --quiet                  Print only errors

Examples:
  tbot sync --all
  tbot sync --boards --recipients --quiet
  tbot sync --tickets --sync-boards=1,2,3
"""

POLL_S = 0.5  # the server writes progress this often
MAX_UNREACHABLE_S = 60.0  # long enough for a server restart, and for the lease of the run to expire

Show = Callable[[sync_responses.SyncRun], None]


def run(context: Context) -> int:
    """Start, watch or cancel a sync."""
    if context.arguments.has("status"):
        return _status(context)
    if context.arguments.has("cancel"):
        canceled = context.server.cancel_sync()
        context.tell(canceled, f"Sync {canceled.id} is being canceled")
        return 0
    started = _start(context)
    if context.arguments.has("--no-wait"):
        if context.output.is_json or not context.arguments.has("--quiet"):
            context.tell(started, f"Sync {started.id} has started; `tbot sync status` shows its progress")
        return 0
    try:
        return _report(context, _wait_until_finished(context, started))
    except KeyboardInterrupt:
        context.output.note(f"Sync {started.id} continues on the server; `tbot sync cancel` stops it")
        raise


def _start(context: Context) -> sync_responses.SyncRun:
    arguments = context.arguments
    parts = {name: arguments.has(f"--{name}") for name in ("boards", "recipients", "tickets")}
    if not any(parts.values()):
        parts = dict.fromkeys(parts, arguments.has("--all"))
    board_ids = arguments.numbers("--sync-boards")
    if board_ids and not parts["tickets"]:
        raise errors.InvalidInput("--sync-boards requires --tickets")
    if not any(parts.values()):
        raise errors.InvalidInput("Nothing to sync: give --all, --boards, --recipients or --tickets")
    if board_ids and arguments.has("--all") and arguments.has("--tickets"):
        raise errors.InvalidInput("--all means all boards. Leave out either --all or --sync-boards")
    try:
        return context.server.start_sync(**parts, board_ids=board_ids, force=arguments.has("--force"))
    except errors.Conflict as conflict:
        raise errors.Conflict(
            f"{errors.sentence(str(conflict))} `tbot sync status` shows it, `tbot sync cancel` stops it"
        ) from conflict


def _wait_until_finished(context: Context, run: sync_responses.SyncRun) -> sync_responses.SyncRun:
    """Show the progress of a run until it ends, and return its result."""
    with _progress(context, run) as show:
        show(run)
        last_response_at = time.monotonic()
        while run.state == "running":
            time.sleep(POLL_S)
            try:
                run = context.server.sync_run(run.id)
                last_response_at = time.monotonic()
            except errors.Unreachable as error:
                if time.monotonic() - last_response_at > MAX_UNREACHABLE_S:
                    raise errors.Unreachable(f"{error}; sync {run.id} may still be running there") from error
            show(run)
    return run


def _report(context: Context, run: sync_responses.SyncRun) -> int:
    if context.output.is_json:
        context.output.json(run)
    elif run.state == "done" and not context.arguments.has("--quiet"):
        context.output.say(f"Sync {run.id} is done: {words.progress(run)}")
    first = f": {run.errors[0]}" if run.errors else ""
    if run.state == "done":
        if run.error_count:
            context.output.note(f"Sync {run.id} is done with {words.count(run.error_count, 'error')}{first}")
        return 0
    if run.state == "cancelled":
        raise errors.TicketbotError(f"Sync {run.id} was canceled. `tbot sync` starts another")
    raise errors.TicketbotError(f"Sync {run.id} failed{first}")


def _status(context: Context) -> int:
    status = context.server.sync_status()
    if context.output.is_json:
        context.output.json(status)
    elif status.run is None:
        context.output.note("No sync has run yet. `tbot sync --all` starts one")
    else:
        run = status.run
        pairs: list[tuple[str, object]] = [("sync", run.id), ("state", states.label(run.state))]
        pairs += [("requested by", run.requested_by), ("started", run.started_at), ("finished", run.finished_at)]
        pairs += [(phase.name, words.phase(phase)) for phase in run.phases]
        context.output.record([*pairs, *(("error", error) for error in run.errors)])
    return 0


@contextlib.contextmanager
def _progress(context: Context, run: sync_responses.SyncRun) -> Iterator[Show]:
    """Yield a function that shows progress: bars on a terminal, elsewhere a line for each finished phase."""
    if context.arguments.has("--quiet"):
        yield lambda _: None
    elif context.output.is_animated(context.output.streams.stderr):
        with _bars(context) as show:
            yield show
    else:
        context.output.note(f"Sync {run.id} has started")
        reported: set[str] = set()
        yield lambda newer: _print_phases(context, newer, reported)


def _print_phases(context: Context, run: sync_responses.SyncRun, reported: set[str]) -> None:
    """Print each phase once it has finished."""
    for phase in run.phases:
        if phase.name not in reported and (run.state != "running" or phase.done == phase.total):
            reported.add(phase.name)
            context.output.note(f"{phase.name}: {words.phase(phase)}")


@contextlib.contextmanager
def _bars(context: Context) -> Iterator[Show]:
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[counts]}"))
    with Progress(*columns, console=context.output.progress_console(), transient=True) as progress:
        tasks = {}

        def show(run: sync_responses.SyncRun) -> None:
            for phase in run.phases:
                name = text.clean(phase.name)
                if name not in tasks:
                    tasks[name] = progress.add_task(name, total=None, counts="")
                progress.update(tasks[name], total=phase.total, completed=phase.done, counts=words.phase(phase))

        yield show
