"""R6: the last days decided again, as it was and with another rule; nothing is sent or stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from tests.environment import ledger
from tests.simulated_time import Stepper, event_rows
from ticketbot.database import db
from ticketbot.decide import values
from ticketbot.models import events, forwards, notifications, policies, rules, runtime_config, schema
from ticketbot.pipeline import backtest, kept_facts, trials

RULE = {"events": ["new", "customer_note"]}
CHANGED_RULE = {"events": ["new", "team_note", "status"], "condition": "assigned_count < 3"}


def _live(stepper: Stepper, days: int = 4, rule: Mapping[str, object] = RULE) -> None:
    """Let some days pass in which everything happens that rules are about."""
    world = stepper.world
    world.add_rule("Help Desk", **rule)
    world.add_rule("Night Shift", events=["changed"], condition='"status" in changed', dry_run=True)
    world.add_rule("Managers", board=None, condition="priority_sort <= 3")
    ends = {"source": world.recipient("ana"), "destination": world.recipient("cora")}
    with db.transaction("test"):
        forwards.Forward.create(**ends, start="2026-03-03", public_only=True, created_at=stepper.clock())
    for day in range(days):
        urgent = stepper.announce("ana", "dan", "eve", note="zero", priority="Priority 1 - Emergency")
        stepper.note(urgent, "please", member="ben" if day % 2 else "ana", internal=day == 3)
        stepper.note(urgent, "help")
        stepper.accept_webhook(urgent)
        stepper.work()
        world.connectwise.update_ticket(urgent, status="In Progress", resources=["ben"], by="ben", notify=False)
        stepper.accept_webhook(urgent)
        stepper.accept_webhook(stepper.add_ticket("ben", entered_at=stepper.clock() - timedelta(days=30)))
        stepper.run(days=1)
        if day == 2:
            with db.transaction("test"):
                runtime_config.save({"assigned_events": ["new", "status"]})


def _sent_as_recorded() -> list[tuple[str, str, bool]]:
    return sorted((row.subject, row.target, row.state == notifications.SENT) for row in ledger())


def _run(stepper: Stepper, tried: trials.Proposal | None = None, days: int = 30) -> backtest.Outcome:
    return backtest.run(days, tried, UTC, stepper.clock())


def _proposed(recipient: int | None, **more: object) -> trials.Proposal:
    with db.session():
        return trials.proposal(rules.Rule(recipient=recipient, **more))


def test_a_backtest_of_the_present_rules_equals_the_ledger_row_for_row(
    stepper: Stepper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trial-is-true: what is decided again from the kept facts is what was decided."""
    _live(stepper)
    pairs: list[backtest.Pair] = []
    add = backtest.Outcome.add
    monkeypatch.setattr(
        backtest.Outcome, "add", lambda self, facts, found: (pairs.extend(found), add(self, facts, found))
    )
    monkeypatch.setattr(backtest, "EVENTS_PER_READ", 3)
    for tried in (None, _stored(1)):
        pairs.clear()
        found = _run(stepper, tried)
        for side in (1, 2):
            rows = [(pair[side].subject, pair[side].target, pair[side].send) for pair in pairs if pair[side]]  # type: ignore[union-attr]
            assert sorted(rows) == _sent_as_recorded()
        sent = sum(was_sent for _, _, was_sent in _sent_as_recorded())
        assert found.totals == {"decided": sent, "proposed": sent}
        assert (found.events, found.left_out) == (len(event_rows()), 0)
        assert (list(found.samples), found.cached_people) == ([], set())
    assert len(pairs) > 20


def test_with_another_rule_it_equals_a_fresh_run_of_the_month(tmp_path: Path) -> None:
    """R6: the same month, once tried afterwards, and once lived with the other rule."""
    with _fresh(tmp_path / "tried.db") as stepper:
        _live(stepper, days=30)
        found = _run(stepper, _proposed(1, id=1, board=stepper.world.board, **CHANGED_RULE), days=60)
    tried = {found.name_of(target): count["proposed"] for target, count in found.by_recipient.items()}
    with _fresh(tmp_path / "lived.db") as stepper:
        _live(stepper, days=30, rule=CHANGED_RULE)
        lived = Counter(row.recipient_name for row in ledger() if row.state == notifications.SENT)
    assert {name: count for name, count in tried.items() if count} == lived
    assert found.totals["proposed"] != found.totals["decided"]


@contextmanager
def _fresh(file: Path) -> Iterator[Stepper]:
    db.open_database(f"sqlite:///{file}")
    schema.migrate()
    with Stepper(f"sqlite:///{file}") as stepper:
        yield stepper
    db.close_database()


def _stored(rule_id: int) -> trials.Proposal:
    with db.session():
        return trials.proposal(rules.Rule.get_by_id(rule_id))


def test_a_dry_run_is_tried_as_if_it_were_live(stepper: Stepper) -> None:
    _live(stepper)
    before = _sent_as_recorded()
    found = _run(stepper, _stored(2))
    (night_shift,) = (target for target in found.by_recipient if found.name_of(target) == "Night Shift")
    assert found.by_recipient[night_shift] == {"decided": 0, "proposed": 4}
    assert found.totals["proposed"] == found.totals["decided"] + 4
    assert [(pair.draft.name, pair.was_sent) for pair in found.samples] == [("Night Shift", False)] * 4
    assert set(found.by_day) == {"2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05"}
    assert max(found.by_hour.values()) <= found.totals["proposed"]
    assert _sent_as_recorded() == before


def test_people_whom_nobody_had_looked_up_come_from_the_cache_and_are_counted(stepper: Stepper) -> None:
    _live(stepper)
    ticket = stepper.announce("ana", "ghost")
    stepper.world.connectwise.update_ticket(ticket, priority="Priority 1 - Emergency", notify=False)
    stepper.accept_webhook(ticket)
    stepper.work()
    tried = _proposed(None, events=["priority"])
    found = _run(stepper, tried)
    assert found.cached_people == {"ana", "ghost"}
    assert [(pair.draft.name, pair.draft.reasons[0].ids) for pair in found.samples] == [
        ("Ana Alvarez", (trials.PROPOSED_ID,))
    ]


def test_a_rule_of_another_board_changes_nothing(stepper: Stepper) -> None:
    _live(stepper)
    found = _run(stepper, _proposed(1, board=stepper.world.project_board, events=["changed"]))
    assert found.totals["proposed"] == found.totals["decided"]


def test_present_rules_are_those_of_the_database(stepper: Stepper) -> None:
    _live(stepper)
    with db.transaction("test"):
        rules.Rule.update(enabled=False).where(rules.Rule.id == 1).execute()
    found = _run(stepper)
    assert found.totals["proposed"] < found.totals["decided"]
    assert {(pair.was_sent, pair.would_be_sent) for pair in found.samples} == {(True, False)}
    assert len(found.samples) <= backtest.SAMPLES


def test_events_without_facts_are_left_out_and_counted(stepper: Stepper) -> None:
    """T9: too old, of a version before conditions, of another version, or removed meanwhile."""
    stepper.announce("ana", note="zero")
    facts = kept_facts.load(event_rows()[0])
    assert facts is not None
    for content, policies_id in (
        (None, 1),
        (kept_facts._pack(values.Facts(facts.now, facts.now, facts.ticket)), 1),
        (kept_facts._pack(facts.ticket), 1),
        (kept_facts._pack(facts), 4711),
        (kept_facts._pack(facts), 2),
    ):
        with db.transaction("test"):
            policies.Policies.insert(
                id=2, digest="x", content=kept_facts._pack(facts.ticket)
            ).on_conflict_ignore().execute()
            row = {"ticket_id": 7, "state": "done", "source": "hook", "correlation": "", "finished_at": stepper.clock()}
            times = dict.fromkeys(("first_received_at", "received_at", "due_at"), stepper.clock())
            events.Event.create(**row, **times, facts=content, policies_id=policies_id)
    found = _run(stepper)
    assert (found.events, found.left_out) == (6, 5)
    assert found.totals == {"decided": 1, "proposed": 1}


def test_only_the_last_days_count(stepper: Stepper) -> None:
    _live(stepper)
    assert _run(stepper, days=1).events < _run(stepper, days=3).events < len(event_rows())
