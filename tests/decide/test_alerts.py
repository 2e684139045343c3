"""O10: an alert opens once, is repeated daily, and closes once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ticketbot.decide import alerts
from ticketbot.decide.problems import Finding

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
AWAY = Finding("webex_unavailable", NOON, "503")
OPEN = alerts.Alert(AWAY.key, NOON, AWAY.detail, told_at=NOON)


def states(found: list[Finding], known: list[alerts.Alert], now: datetime = NOON, *, heard: bool = True) -> list[str]:
    return [each.state for each in alerts.steps(found, known, now, has_audience=heard)]


def test_a_problem_opens_once_and_closes_once() -> None:
    assert states([AWAY], []) == ["opened"]
    assert states([AWAY], [OPEN]) == []
    assert states([], [OPEN]) == ["closed"]
    assert states([], []) == []


def test_a_reminder_comes_every_24_hours() -> None:
    assert states([AWAY], [OPEN], NOON + DAY - timedelta(seconds=1)) == []
    assert states([AWAY], [OPEN], NOON + DAY) == ["reminder"]
    assert states([AWAY], [OPEN], NOON + DAY, heard=False) == []


def test_without_an_audience_alerts_open_and_who_comes_later_hears_of_them() -> None:
    untold = replace(OPEN, told_at=None)
    assert states([AWAY], [], heard=False) == ["opened"]
    assert states([AWAY], [untold], NOON + DAY, heard=False) == []
    assert states([AWAY], [untold]) == ["opened"]


def test_what_is_over_is_said_first() -> None:
    other = Finding("dead", NOON, "1 event")
    assert [(each.state, each.finding.key) for each in alerts.steps([other], [OPEN], NOON, has_audience=True)] == [
        ("closed", "webex_unavailable"),
        ("opened", "dead"),
    ]


_KEYS = ("dead", "no_webhook", "webex_refused")


@given(st.lists(st.tuples(st.sets(st.sampled_from(_KEYS)), st.integers(1, 30 * 60), st.booleans()), max_size=60))
def test_openings_and_closings_alternate_whatever_happens(history: list[tuple[set[str], int, bool]]) -> None:
    """Also when nobody is to be told for a while: who was told of a beginning is told of the end, and only they."""
    now, known = NOON, dict[str, alerts.Alert]()
    told: dict[str, list[alerts.State]] = {key: [] for key in _KEYS}
    for present, minutes, heard in history:
        now += timedelta(minutes=minutes)
        found = [Finding(key, now, "") for key in sorted(present)]
        for step in alerts.steps(found, list(known.values()), now, has_audience=heard):
            key = step.finding.key
            if step.state == "closed":
                told[key] += ["closed"] if known.pop(key).told_at else []
                continue
            told[key] += [step.state] if heard else []
            before = known.get(key) or alerts.Alert(key, now, "")
            assert before.told_at is None or now - before.told_at >= DAY
            known[key] = replace(before, told_at=now if heard else before.told_at)
        assert set(known) == present
    for states_of in told.values():
        turns = [each for each in states_of if each != "reminder"]
        assert turns == (["opened", "closed"] * len(turns))[: len(turns)]
