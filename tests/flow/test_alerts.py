"""O10: each problem is told of exactly once when it begins, and once when it is over, in Webex and at `alert_url`."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, timedelta
from typing import Any

import pytest

from tests.remote.rude_server import Rude, RudeServer, response
from tests.simulated_time import Stepper
from ticketbot import errors
from ticketbot.background import alerts, callbacks
from ticketbot.database import db
from ticketbot.decide import alerts as decide_alerts
from ticketbot.decide import problems
from ticketbot.models import alerts as alert_rows
from ticketbot.models import events, facts, messages, notifications, outages, recipients, rules, syncs
from ticketbot.pipeline import deliver, service_outages
from ticketbot.server import health
from ticketbot.simulators import faults

US = "https://tbot.example.com"
SECRET = "s3cr3t-path-of-the-pager"


class Watch:
    """A server that looks for problems every 30 s, with a room and an address that are told of them."""

    def __init__(self, stepper: Stepper, pager: RudeServer) -> None:
        self.stepper, self.world, self.pager = stepper, stepper.world, pager
        pager.always(response(b"", "204 No Content"))
        self.room = self.world.add_room("Ops")
        self.url = f"{pager.url}/{SECRET}"
        self.world.configure(alert_recipient_id=self.room, alert_url=self.url, alert_silence_minutes=0)
        remote = stepper.remote
        self.services = alerts.Services(
            remote.connectwise, remote.webex, UTC, is_public=True, now=stepper.clock, idle_s=0.0
        )

    def look(self) -> None:
        """Look for problems, and send what there is to send."""
        alerts.run(self.services, lambda: None)
        self.stepper.work()

    def run(self, minutes: float) -> None:
        """Go on for some minutes, looking every 30 s."""
        for _ in range(round(minutes * 2)):
            self.stepper.run(seconds=30)
            self.look()

    def said(self) -> list[str]:
        """Return the first line of each message in the room."""
        return [each.markdown.split("\n")[0].strip() for each in self.messages()]

    def messages(self) -> list[Any]:
        """Return the messages in the room."""
        return [each for each in self.world.webex.messages() if each.room_title == "Ops"]

    def bodies(self) -> list[dict[str, Any]]:
        """Return what was posted to the address."""
        return [json.loads(each.body) for each in self.pager.received]

    def posted(self) -> list[str]:
        """Return problem and state of each post."""
        return [f"{each['problem']} {each['state']}" for each in self.bodies()]


@pytest.fixture
def watch(sqlite: str, rude: RudeServer) -> Iterator[Watch]:
    with Stepper(sqlite) as stepper:
        yield Watch(stepper, rude)


class Trouble:
    """A problem that a test can begin and end."""

    def __init__(self, watch: Watch) -> None:
        self.watch, self.world, self.stepper = watch, watch.world, watch.stepper
        self.minutes = 1.0

    def service(self, name: str, fault: faults.Fault) -> Iterator[None]:
        """Have a service fail."""
        self.minutes = 6 if fault.status == 500 else 1
        service = getattr(self.world, name)
        service.faults.add(fault)
        yield
        service.faults.clear()

    def dead(self) -> Iterator[None]:
        """Have a message refused for good, and send it again."""
        self.world.webex.faults.add(faults.dead_destination(self.world.accounts["ana"]))
        self.stepper.announce("ana")
        yield
        self.world.webex.faults.clear()
        with db.transaction("test"):
            later = self.stepper.clock() + timedelta(hours=24)
            which = notifications.Notification.state == notifications.DEAD
            assert messages.retry_dead(which, now=self.stepper.clock(), give_up_at=later) == 1
        self.stepper.work()

    def no_webhook(self) -> Iterator[None]:
        """Have no webhook arrive for ten minutes of a Monday morning."""
        self.world.configure(alert_silence_minutes=10)
        self.minutes = 10
        yield
        with db.transaction("test"):
            events.ProcessedMessage.create(message_id="m", received_at=self.stepper.clock())

    def sync_failed(self) -> Iterator[None]:
        """Have a sync fail, and the next one succeed."""
        self._sync(syncs.FAILED)
        yield
        self._sync(syncs.DONE)

    def _sync(self, state: str) -> None:
        now, server_id = self.stepper.clock(), self.stepper.add_server()
        with db.transaction("test"):
            run = syncs.start({"boards": True}, requested_by=None, server_id=server_id, now=now)
            assert run is not None
            assert syncs.finish(run, state=state, now=now)

    def sync_overdue(self) -> Iterator[None]:
        """Have no sync for more than a day."""
        self.world.configure(sync_schedule="03:00")
        with db.transaction("test"):
            facts.write_time(facts.SCHEDULED_SYNC, self.stepper.clock())
        self.stepper.clock.advance(hours=26)
        yield
        self._sync(syncs.DONE)

    def callback_repaired(self) -> Iterator[None]:
        """Have somebody delete our callback."""
        self._watchdog()
        entries = self.world.connectwise.callbacks.entries
        del entries[max(entries)]
        self._watchdog()
        yield
        self._watchdog()

    def _watchdog(self) -> None:
        callbacks.run(self.stepper.remote.connectwise, US, self.stepper.clock, lambda: None)

    def notifications_off(self) -> Iterator[None]:
        """Turn notifications off, and on again."""
        self.world.configure(attempt_notify=False)
        yield
        self.world.configure(attempt_notify=True)

    def recipient_vanished(self) -> Iterator[None]:
        """Have the room of a rule vanish, and come back."""
        room = self.world.add_rule("Help Desk")
        self._set_active(room, is_active=False)
        yield
        self._set_active(room, is_active=True)

    def _set_active(self, room: int, *, is_active: bool) -> None:
        with db.transaction("test"):
            recipients.Recipient.update(active=is_active).where(recipients.Recipient.id == room).execute()


TROUBLES: dict[str, Callable[[Trouble], Iterator[None]]] = {
    "connectwise_unavailable": lambda each: each.service("connectwise", faults.status(500)),
    "connectwise_refused": lambda each: each.service("connectwise", faults.status(401)),
    "webex_unavailable": lambda each: each.service("webex", faults.status(500)),
    "webex_refused": lambda each: each.service("webex", faults.status(401)),
    "dead": Trouble.dead,
    "no_webhook": Trouble.no_webhook,
    "sync_failed": Trouble.sync_failed,
    "sync_overdue": Trouble.sync_overdue,
    "callback_repaired": Trouble.callback_repaired,
    "notifications_off": Trouble.notifications_off,
    "recipient_vanished": Trouble.recipient_vanished,
}


def test_each_problem_of_the_table_is_tried() -> None:
    assert set(TROUBLES) == set(problems.BY_NAME)


@pytest.mark.parametrize("name", TROUBLES)
def test_a_problem_is_told_of_once_when_it_begins_and_once_when_it_is_over(
    name: str, stepper: Stepper, rude: RudeServer
) -> None:
    """While Webex is the problem, nothing can be said there."""
    watch = Watch(stepper, rude)
    watch.look()
    trouble = Trouble(watch)
    course = TROUBLES[name](trouble)
    next(course)
    watch.run(trouble.minutes)
    assert len(watch.said()) == (0 if name.startswith("webex") else 1)
    next(course, None)
    watch.run(min(trouble.minutes, 6) + 1)
    row, (opened, closed) = problems.BY_NAME[name], watch.said()
    assert opened.startswith(f"**Alert: {row.title}**, since ")
    assert closed.startswith(f"**Over: {row.over}**, after ")
    key = "recipient_vanished:2" if name == "recipient_vanished" else name
    assert watch.posted() == [f"{key} opened", f"{key} closed"]
    with db.session():
        assert alert_rows.all_alerts() == []
        assert outages.all_outages() == []


def test_an_alert_names_since_when_why_what_waits_and_the_command_that_helps(watch: Watch) -> None:
    watch.look()
    watch.world.connectwise.faults.add(faults.status(503, "Maintenance *until* noon"))
    for _ in range(3):
        watch.stepper.accept_webhook(watch.stepper.add_ticket("ana"), "added")
    watch.run(6)
    watch.world.connectwise.faults.clear()
    watch.run(7)
    opened, closed = (each.markdown.split("  \n") for each in watch.messages())
    assert opened[0] == "**Alert: ConnectWise is unavailable**, since 2026-03-02 09:00Z"
    assert "Maintenance \\*until\\* noon" in opened[1]
    assert opened[2:] == ["Waiting: 3 events", "This helps: `tbot status`"]
    assert closed[0].startswith("**Over: ConnectWise is available again**, after ")
    assert closed[2] == "Up to 3 events waited"
    first, last = watch.bodies()
    assert first == {
        "problem": "connectwise_unavailable",
        "state": "opened",
        "since": "2026-03-02T09:00:30+00:00",
        "detail": first["detail"],
        "waiting": {"events": 3, "messages": 0},
        "command": "tbot status",
    } | {"since": first["since"]}
    assert first["detail"].startswith("ConnectWise is unavailable: ")
    assert last["detail"].startswith("ConnectWise is available again after ")


def test_an_alert_is_repeated_daily_until_the_problem_is_over(watch: Watch) -> None:
    watch.world.configure(attempt_notify=False)
    watch.look()
    for _ in range(3):
        watch.stepper.run(hours=12)
        watch.look()
    assert watch.posted() == ["notifications_off opened", "notifications_off reminder"]
    assert watch.said()[1].startswith("**Still: Notifications are turned off**, since 2026-03-02 09:00Z")


def test_who_is_configured_later_hears_of_what_is_wrong_already(watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    watch.world.configure(alert_recipient_id=None, alert_url=None, attempt_notify=False)
    watch.run(2)
    assert (watch.said(), watch.posted(), caplog.messages) == ([], [], [])
    watch.world.configure(alert_recipient_id=watch.room)
    watch.run(2)
    assert (len(watch.said()), watch.posted()) == (1, [])
    assert caplog.messages.count("alert opened: notifications_off") == 1


def test_a_problem_that_nobody_was_told_of_ends_in_silence(watch: Watch) -> None:
    watch.world.configure(alert_recipient_id=None, alert_url=None, attempt_notify=False)
    watch.look()
    watch.world.configure(alert_recipient_id=watch.room, attempt_notify=True)
    watch.look()
    assert watch.said() == []


def test_an_alert_that_webex_is_taking_at_this_moment_closes_later(watch: Watch) -> None:
    """Otherwise the end could overtake the start, if that has to be sent again."""
    watch.world.configure(attempt_notify=False)
    alerts.run(watch.services, lambda: None)
    claimed = messages.claim(watch.stepper.add_server(), watch.stepper.clock())
    assert claimed is not None
    watch.world.configure(attempt_notify=True)
    watch.look()
    assert (watch.said(), watch.posted()) == ([], ["notifications_off opened"])
    watch.stepper.mark_dead(claimed.message.server_id)
    watch.look()
    assert [text.partition(":")[0] for text in watch.said()] == ["**Over"]
    assert watch.posted()[1:] == ["notifications_off closed"]


def test_one_message_and_one_ticket_that_always_fail_are_no_outage(watch: Watch) -> None:
    """O10: the services answer everything else; what is given up after a day is another problem."""
    watch.world.webex.faults.add(faults.status(500, path="/messages", destination=watch.world.accounts["ana"]))
    bad = watch.stepper.add_ticket("ben")
    watch.world.connectwise.faults.add(faults.status(500, path=f"tickets/{bad}$"))
    watch.stepper.accept_webhook(bad)
    watch.stepper.announce("ana")
    watch.run(30)
    assert watch.said() == []
    with db.session():
        assert (messages.failing_recipients(), events.failing_tickets()) == (1, 1)


def test_a_service_that_answers_all_but_what_counts_is_unavailable(watch: Watch) -> None:
    """O10: no message gets through, although Webex says who we are."""
    watch.world.webex.faults.add(faults.status(500, path="/messages", times=200))
    watch.stepper.announce("ana", "ben")
    watch.run(7)
    with db.session():
        assert [row.problem for row in alert_rows.all_alerts()] == ["webex_unavailable"]


def test_alerts_do_not_wait_behind_what_the_room_is_still_to_get(watch: Watch) -> None:
    watch.world.add_rule(watch.room)
    watch.world.webex.faults.add(faults.poison(text="New ticket"))
    watch.stepper.announce()
    watch.world.configure(attempt_notify=False)
    watch.look()
    assert len(watch.said()) == 1


def test_of_two_servers_that_see_the_same_only_one_tells(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row of the alert decides: here another server is faster each time, after this one has seen what to do."""

    def other_server_first(decide: Callable[..., Any], act: Callable[..., object]) -> Callable[..., Any]:
        def decided(*arguments: Any, **more: Any) -> Any:
            steps = decide(*arguments, **more)
            monkeypatch.setattr(decide_alerts, "steps", decide)
            act()
            return steps

        return decided

    for is_on in (False, True):
        watch.world.configure(attempt_notify=is_on)
        monkeypatch.setattr(decide_alerts, "steps", other_server_first(decide_alerts.steps, watch.look))
        watch.look()
    assert len(watch.said()) == 2
    assert watch.posted() == ["notifications_off opened", "notifications_off closed"]


def test_what_the_address_does_not_take_is_posted_later_in_order(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    watch.pager.always(response({}, "503 Service Unavailable"))
    watch.world.configure(attempt_notify=False)
    watch.run(2)
    watch.world.configure(attempt_notify=True)
    watch.run(2)
    tries = len(watch.pager.received)
    watch.pager.always(response({"ok": True}))
    watch.run(6)
    assert watch.posted()[tries:] == ["notifications_off opened", "notifications_off closed"]
    assert SECRET not in caplog.text
    start, end = [text for text in caplog.messages if text.startswith("alert_url (alert_url)")]
    assert "away since" in start
    assert "answered 503" in start
    assert "back after" in end


@pytest.mark.parametrize("reply", [Rude(b"", "reset"), response({}, "401 Unauthorized"), response({}, "302 Found")])
def test_no_failure_of_the_address_shows_it(watch: Watch, reply: Rude, caplog: pytest.LogCaptureFixture) -> None:
    """A6."""
    caplog.set_level(logging.DEBUG, "ticketbot")  # others log errors at most, see ticketbot/log.py
    watch.pager.always(reply)
    watch.world.configure(attempt_notify=False)
    watch.run(1)
    assert "alert_url" in caplog.text
    assert SECRET not in caplog.text
    with db.session():
        (outage,) = outages.all_outages()
    assert SECRET not in outage.reason


def test_a_post_is_given_up_after_24_hours_or_without_an_address(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    watch.pager.always(response({}, "500 Oops"))
    watch.world.configure(attempt_notify=False)
    watch.look()
    watch.stepper.clock.advance(hours=24, minutes=1)
    watch.pager.always(response({}))
    watch.look()
    assert watch.posted()[1:] == ["notifications_off reminder"]
    assert (
        caplog.messages.count(
            "not posted, since alert_url was removed or failed for 24 hours: notifications_off opened"
        )
        == 1
    )
    watch.pager.always(response({}, "500 Oops"))
    watch.world.configure(attempt_notify=True)
    watch.look()
    watch.world.configure(alert_url=None)
    watch.look()
    assert "notifications_off closed" in caplog.messages[-1]


def test_a_lookup_that_webex_refuses_is_no_fault_of_connectwise(watch: Watch) -> None:
    """O2: also once other events, which need no lookup, have been processed."""
    watch.world.webex.faults.add(faults.status(500, path="/people$"))
    failing = watch.stepper.announce("ana")
    watch.stepper.announce()
    checks = watch.stepper.checks()
    assert (checks["connectwise"], checks["webex"]) == ("ok", "degraded")
    watch.world.webex.faults.clear()
    watch.stepper.run(minutes=10)
    checks = watch.stepper.checks()
    assert (checks["connectwise"], checks["webex"]) == ("ok", "ok")
    assert [row.ticket_id for row in notifications_sent()] == [failing]


def notifications_sent() -> list[notifications.Notification]:
    with db.session():
        return list(notifications.Notification.select())


def test_an_outage_ends_with_what_waited_for_it(watch: Watch) -> None:
    """O1: nothing else would end it, if the only event was given up."""
    with db.transaction("test"):
        for source in (service_outages.EVENTS, "catch-up"):
            outages.begin(source, "connectwise", denied=False, reason="503", now=watch.stepper.clock())
    watch.run(1)
    with db.session():
        assert [row.source for row in outages.all_outages()] == ["catch-up"]


def test_a_service_that_has_asked_us_to_wait_is_not_called(watch: Watch) -> None:
    watch.world.webex.faults.add(faults.throttled("600", path="/messages"))
    watch.stepper.announce("ana")
    before = watch.world.webex.calls.counts().get("GET people/me", 0)
    watch.run(1)
    assert watch.world.webex.calls.counts().get("GET people/me", 0) == before


def test_a_hold_for_a_message_that_is_not_retried_ends_once_webex_answers(watch: Watch) -> None:
    """L2, O2: nothing else is sent that would end the hold for a test message."""
    with db.transaction("test"):
        error = errors.RemoteThrottled("429", service="webex", status=429, retry_after_s=60)
        assert deliver.hold_after(error, watch.stepper.clock()) is error
    watch.look()
    with db.session():
        assert health.state_of("webex") == "degraded"
    watch.run(minutes=2)
    with db.session():
        assert health.state_of("webex") == "ok"


def test_services_that_have_just_answered_are_not_called(watch: Watch) -> None:
    idle = alerts.Services(
        watch.services.connectwise, watch.services.webex, UTC, is_public=False, now=watch.stepper.clock
    )
    watch.world.webex.faults.add(faults.status(401))
    alerts.run(idle, lambda: None)
    with db.session():
        assert outages.all_outages() == []


def test_a_rule_without_a_recipient_has_none_that_could_vanish(watch: Watch) -> None:
    watch.world.add_rule(None)
    with db.session():
        assert rules.of_inactive_recipients() == []
    watch.look()
    assert watch.posted() == []


def test_senders_are_woken_when_there_is_something_to_say(watch: Watch) -> None:
    woken: list[int] = []
    services = alerts.Services(
        watch.services.connectwise,
        watch.services.webex,
        UTC,
        is_public=True,
        now=watch.stepper.clock,
        wake_senders=lambda: woken.append(1),
        idle_s=0.0,
    )
    alerts.run(services, lambda: None)
    assert woken == []
    watch.world.configure(attempt_notify=False)
    alerts.run(services, lambda: None)
    assert woken == [1]
