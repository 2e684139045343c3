"""S: a run waits for a database that is away, but not forever."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.databases import Outage
from tests.environment import wait_for
from ticketbot import errors
from ticketbot.background import heartbeat
from ticketbot.connectwise import connectwise_client
from ticketbot.database import db
from ticketbot.models import facts, servers, syncs
from ticketbot.sync import sync_run, sync_service
from ticketbot.webex import webex_client

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
OWNER = 7
NOWHERE = "http://127.0.0.1:9"  # nobody is asked


class Patience(threading.Event):
    """Says when a server stops; instead of a wait for that, something happens at once: by default it stops."""

    def __init__(self, meanwhile: Callable[[], object] | None = None) -> None:
        super().__init__()
        self.waited: list[float | None] = []
        self._meanwhile = meanwhile or self.set

    def wait(self, timeout: float | None = None) -> bool:
        """Let time pass."""
        self.waited.append(timeout)
        self._meanwhile()
        return self.is_set()


def _services(now: Callable[[], datetime] = lambda: NOW) -> sync_run.Services:
    asked = connectwise_client.ConnectWise(url=NOWHERE, company="c", public_key="k", private_key="k", client_id="i")
    return sync_run.Services(asked, webex_client.Webex(url=NOWHERE, token="t"), servers.Current(OWNER), now)


def _start(stopping: threading.Event) -> sync_run.Run:
    with db.transaction("test"):
        row = syncs.start({}, requested_by=None, server_id=OWNER, now=NOW)
    assert row is not None
    return sync_run.Run(row, _services(), stopping, force=False)


def _row() -> syncs.SyncRun:
    with db.session():
        found: syncs.SyncRun = syncs.SyncRun.get()
    return found


def _set_fact() -> None:
    facts.write_time("tests", NOW)


def _phase() -> dict[str, object]:
    phases = _row().phases
    return dict(phases[0]) if phases else {}


def test_results_are_stored_as_soon_as_the_database_is_back(outage: Outage) -> None:
    """S"""
    patience = Patience(outage.end)
    run = _start(patience)
    outage.begin()
    run.commit("sync-tickets", _set_fact)
    with db.session():
        assert facts.read_time("tests") == NOW
    assert patience.waited == [1.0]


def test_a_database_that_stays_away_ends_a_run(outage: Outage, monkeypatch: pytest.MonkeyPatch) -> None:
    """S"""
    monkeypatch.setattr(sync_run, "DATABASE_RETRY_S", -1.0)
    run = _start(threading.Event())
    outage.begin()
    with pytest.raises(errors.Unreachable):
        run.commit("sync-tickets", _set_fact)


def test_a_server_that_stops_does_not_wait_for_the_database(outage: Outage) -> None:
    """O4"""
    run = _start(Patience())
    outage.begin()
    with pytest.raises(sync_run.SyncStopped):
        run.commit("sync-tickets", _set_fact)


def test_end_of_a_run_is_stored_as_soon_as_the_database_is_back(outage: Outage) -> None:
    """S"""
    run = _start(Patience(outage.end))
    run.report(run.phase("boards", 3), "board 7: no")
    outage.begin()
    run.finish(syncs.DONE)
    row = _row()
    assert (row.state, row.errors, row.finished_at) == ("done", ["board 7: no"], NOW)


@pytest.mark.parametrize("stops", [True, False], ids=["the server stops", "patience is over"])
def test_an_end_that_cannot_be_written_fails_once_its_server_counts_as_dead(
    outage: Outage, monkeypatch: pytest.MonkeyPatch, stops: bool
) -> None:
    """S, O4"""
    stopping = threading.Event()
    run = _start(stopping)
    if stops:
        stopping.set()
    else:
        monkeypatch.setattr(sync_run, "DATABASE_RETRY_S", -1.0)
    outage.begin()
    with pytest.raises(errors.Unreachable):
        run.finish(syncs.DONE)
    outage.end()
    heartbeat.release(OWNER, NOW)
    assert (_row().state, _row().errors) == ("failed", [syncs.VANISHED])


def test_run_taken_for_abandoned_cannot_change_its_result(sqlite: str) -> None:
    """S"""
    run = _start(threading.Event())
    heartbeat.release(OWNER, NOW)
    run.finish(syncs.DONE)
    assert _row().state == "failed"


def test_progress_goes_on_after_an_outage_of_the_database(
    outage: Outage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """S"""
    monkeypatch.setattr(sync_run, "REPORT_EVERY_S", 0.01)
    run = _start(threading.Event())
    with run.reporting():
        outage.begin()
        run.phase("boards", 3)
        assert wait_for(lambda: "The database is unavailable" in caplog.text)
        outage.end()
        assert wait_for(lambda: _phase().get("total") == 3)
    run.check()


def test_progress_goes_on_after_a_bug(
    sqlite: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """S: what cannot be shown ends no run."""
    monkeypatch.setattr(sync_run, "REPORT_EVERY_S", 0.01)
    run = _start(threading.Event())
    with run.reporting():
        phase = run.phase("boards", object())  # type: ignore[arg-type]
        assert wait_for(lambda: "a bug in tbot; sync 1 continues" in caplog.text)
        phase.total = 3
        assert wait_for(lambda: _phase().get("total") == 3)
    run.check()


def test_a_bug_at_the_end_of_a_sync_is_logged_and_the_run_fails_with_its_server(
    sqlite: str, caplog: pytest.LogCaptureFixture
) -> None:
    """S"""
    looks: list[datetime] = []

    def now() -> datetime:
        looks.append(NOW)
        if len(looks) == 2:  # the first look at the clock is for the start, the second for the end
            raise ZeroDivisionError("on purpose")
        return NOW

    ours = sync_service.Syncs(_services(now))
    ours.start(sync_service.Request())
    assert ours.join(10)
    assert "sync 1 crashed without a recorded result" in caplog.text
    assert _row().state == "running"
    heartbeat.release(OWNER, NOW)
    assert _row().state == "failed"
