"""Forwards over HTTP: times, states, circles, the preview (F1 to F7)."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from tests.server.api_server import Api, problem, wrong_fields
from ticketbot import errors
from ticketbot.api import client, responses
from ticketbot.database import db
from ticketbot.models import alerts, forwards, messages, plain_messages, recipients


@pytest.fixture
def people(api: Api) -> dict[str, int]:
    """Return the ids of four recipients."""
    return {name: api.recipient(f"{name} {name}son") for name in ("Ana", "Ben", "Cora", "Dan")}


def test_a_forward_is_added_changed_and_deleted(people: dict[str, int], ana: client.Client) -> None:
    """F1."""
    forward = ana.create_forward(people["Ana"], people["Ben"], start="2026-03-01", end="2026-03-14", keep_copy=True)
    assert (forward.source_id, forward.source_name) == (people["Ana"], "Ana Anason")
    assert (forward.destination_id, forward.destination_name) == (people["Ben"], "Ben Benson")
    assert (forward.start, forward.end) == ("2026-03-01", "2026-03-14")
    assert (forward.keep_copy, forward.enabled, forward.state) == (True, True, "active")
    assert ana.forwards() == [forward]
    changed = ana.update_forward(forward.id, end=None, keep_copy=False)
    assert (changed.start, changed.end, changed.keep_copy) == ("2026-03-01", None, False)
    assert ana.update_forward(forward.id, enabled=False).state == "disabled"
    ana.delete_forward(forward.id)
    for again in (ana.forward, ana.delete_forward):
        with pytest.raises(errors.NotFound):
            again(forward.id)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2026-03-01", "2026-03-01"),
        ("2026-03-01T09:30:00Z", "2026-03-01T09:30:00Z"),
        ("2026-03-01T09:30:00.5-05:00", "2026-03-01T09:30:00.5-05:00"),
        ("2026-03-01T09:30", "2026-03-01T09:30:00+01:00"),
        ("2026-07-01 09:30:00", "2026-07-01T09:30:00+02:00"),
    ],
)
def test_dates_come_back_as_dates_and_moments_with_their_offset(
    given: str, shown: str, people: dict[str, int], ana: client.Client
) -> None:
    assert ana.create_forward(people["Ana"], people["Ben"], start=given).start == shown


def test_states_follow_the_clock_in_the_zone_of_the_settings(
    api: Api, people: dict[str, int], ana: client.Client
) -> None:
    """It is 10 o'clock on 2 March in Berlin."""
    day = {"start": "2026-03-02", "end": "2026-03-02"}
    created = {
        "today": ana.create_forward(people["Ana"], people["Ben"], **day),
        "yesterday": ana.create_forward(people["Ana"], people["Cora"], end="2026-03-01"),
        "tomorrow": ana.create_forward(people["Ana"], people["Dan"], start="2026-03-03"),
        "off": ana.create_forward(people["Ben"], people["Dan"], enabled=False),
        "soon": ana.create_forward(people["Ben"], people["Cora"], start="2026-03-02T10:00:01"),
    }
    assert {name: each.state for name, each in created.items()} == {
        "today": "active",
        "yesterday": "expired",
        "tomorrow": "upcoming",
        "off": "disabled",
        "soon": "upcoming",
    }
    for state, names in (
        ("active", ["today"]),
        ("expired", ["yesterday"]),
        ("upcoming", ["tomorrow", "soon"]),
        ("disabled", ["off"]),
    ):
        assert [each.id for each in ana.forwards(state=state)] == [created[name].id for name in names]
    api.clock.advance(14 * 3600 - 1)  # a second before midnight in Berlin
    assert ana.forward(created["today"].id).state == "active"
    assert ana.forward(created["soon"].id).state == "active"
    api.clock.advance(1)
    assert ana.forward(created["today"].id).state == "expired"
    assert ana.forward(created["tomorrow"].id).state == "active"


@pytest.mark.parametrize(
    ("times", "field"),
    [
        ({"start": "2026-03-02", "end": "2026-03-01"}, "end"),
        ({"start": "2026-03-01T10:00:00Z", "end": "2026-03-01T10:00:00Z"}, "end"),
        ({"start": "2026-03-01T10:00:00+01:00", "end": "2026-03-01T09:30:00Z"}, None),
        ({"start": "2026-02-30"}, "start"),
        ({"start": "0001-01-01"}, "start"),
        ({"end": "9999-12-31"}, "end"),
        ({"end": "2026-03-01T10:00:00+99:00"}, "end"),
        ({"end": "2026-03-01\n"}, "end"),
        ({"end": "tomorrow"}, "end"),
        ({"end": "٢٠٢٦-٠٣-٠١"}, "end"),
        ({"end": 1772000000}, "end"),
    ],
)
def test_invalid_times_are_named(
    times: dict[str, object], field: str | None, api: Api, people: dict[str, int], key: str
) -> None:
    """F4."""
    body = {"source_id": people["Ana"], "destination_id": people["Ben"], **times}
    response = api.request("POST", "/notifiers/forwards", key=key, json=body)
    if field is None:
        assert response.status_code == 201
    else:
        assert wrong_fields(response) == {field}


def test_change_cannot_move_the_end_before_the_start(
    api: Api, people: dict[str, int], ana: client.Client, key: str
) -> None:
    """F4."""
    forward = ana.create_forward(people["Ana"], people["Ben"], start="2026-03-10")
    response = api.request("PATCH", f"/notifiers/forwards/{forward.id}", key=key, json={"end": "2026-03-09"})
    assert wrong_fields(response) == {"end"}
    assert ana.forward(forward.id) == forward


def test_forward_to_its_own_source_is_refused(api: Api, people: dict[str, int], key: str) -> None:
    """F4."""
    body = {"source_id": people["Ana"], "destination_id": people["Ana"]}
    assert wrong_fields(api.request("POST", "/notifiers/forwards", key=key, json=body)) == {"destination_id"}


def test_unknown_recipients_are_named(api: Api, people: dict[str, int], key: str) -> None:
    for body, field in (
        ({"source_id": people["Ana"], "destination_id": 999}, "destination_id"),
        ({"source_id": 999, "destination_id": people["Ana"]}, "source_id"),
    ):
        assert wrong_fields(api.request("POST", "/notifiers/forwards", key=key, json=body)) == {field}


def test_cycle_cannot_be_created_and_is_spelled_out(api: Api, people: dict[str, int], ana: client.Client) -> None:
    """F4."""
    first = ana.create_forward(people["Ana"], people["Ben"])
    second = ana.create_forward(people["Ben"], people["Cora"])
    with pytest.raises(errors.Conflict) as refused:
        ana.create_forward(people["Cora"], people["Ana"])
    assert "Cora Corason > Ana Anason > Ben Benson > Cora Corason" in str(refused.value)
    assert f"forward {first.id}, forward {second.id}" in str(refused.value)
    assert len(ana.forwards()) == 2


def test_cycle_cannot_be_created_by_enabling_or_moving(people: dict[str, int], ana: client.Client) -> None:
    """F4."""
    ana.create_forward(people["Ana"], people["Ben"], start="2026-04-01", end="2026-04-30")
    off = ana.create_forward(people["Ben"], people["Ana"], enabled=False)
    may = ana.create_forward(people["Ben"], people["Ana"], start="2026-05-01")
    with pytest.raises(errors.Conflict, match="Ben Benson > Ana Anason > Ben Benson"):
        ana.update_forward(off.id, enabled=True)
    with pytest.raises(errors.Conflict, match="cycle"):
        ana.update_forward(may.id, start="2026-04-30")
    assert ana.forward(off.id) == off
    assert ana.forward(may.id) == may


def test_forwards_never_active_together_are_no_cycle(people: dict[str, int], ana: client.Client) -> None:
    """F4."""
    ana.create_forward(people["Ana"], people["Ben"], end="2026-03-31")
    ana.create_forward(people["Ben"], people["Ana"], start="2026-04-01")
    ana.create_forward(people["Cora"], people["Dan"], end="2026-02-01")  # is over
    ana.create_forward(people["Dan"], people["Cora"])
    assert len(ana.forwards()) == 4


def test_concurrent_requests_cannot_create_a_cycle(api: Api, people: dict[str, int], key: str) -> None:
    """F4: each alone would be fine."""
    pairs = [("Ana", "Ben"), ("Ben", "Cora"), ("Cora", "Dan"), ("Dan", "Ana")]
    start, statuses = threading.Barrier(len(pairs)), []

    def create(source: str, destination: str) -> None:
        body = {"source_id": people[source], "destination_id": people[destination]}
        api.request("GET", "/authtest", key=key)
        start.wait(10)
        statuses.append(api.request("POST", "/notifiers/forwards", key=key, json=body).status_code)

    threads = [threading.Thread(target=create, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(statuses) == [201, 201, 201, 409]
    with db.session():
        assert forwards.Forward.select().count() == 3


def test_concurrent_requests_cannot_enable_a_cycle(api: Api, people: dict[str, int], ana: client.Client) -> None:
    """F4."""
    created = [
        ana.create_forward(people["Ana"], people["Ben"], enabled=False),
        ana.create_forward(people["Ben"], people["Ana"], enabled=False),
    ]
    start, outcomes = threading.Barrier(2), []
    clients = [api.client(api.administrator(f"{number}@example.com")) for number in range(2)]
    for each in clients:
        each.me()

    def enable(who: client.Client, forward: responses.Forward) -> None:
        start.wait(10)
        try:
            outcomes.append(who.update_forward(forward.id, enabled=True).state)
        except errors.Conflict:
            outcomes.append("conflict")

    threads = [threading.Thread(target=enable, args=each) for each in zip(clients, created, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["active", "conflict"]


def test_the_preview_shows_the_chain(people: dict[str, int], ana: client.Client) -> None:
    """F7."""
    first = ana.create_forward(people["Ana"], people["Ben"], end="2026-03-31")
    second = ana.create_forward(people["Ben"], people["Cora"], start="2026-03-10")
    now = ana.preview(people["Ana"])
    assert [each.chain for each in now.deliveries] == [["Ana Anason", "Ben Benson"]]
    later = ana.preview(people["Ana"], at="2026-03-10")
    (cora,) = later.deliveries
    assert (cora.recipient_id, cora.recipient_type) == (people["Cora"], "person")
    assert cora.chain == ["Ana Anason", "Ben Benson", "Cora Corason"]
    assert cora.forward_ids == [first.id, second.id]
    assert later.at.isoformat() == "2026-03-09T23:00:00+00:00"
    in_april = ana.preview(people["Ana"], at="2026-04-01T00:00:00+02:00")
    assert [each.chain for each in in_april.deliveries] == [["Ana Anason"]]


def test_unescaped_plus_means_plus(api: Api, people: dict[str, int], key: str) -> None:
    path = f"/notifiers/forwards/preview?recipient_id={people['Ana']}&at=2026-04-01T00:00:00+02:00"
    response = api.request("GET", path, key=key)
    assert response.json()["at"] == "2026-03-31T22:00:00Z"


def test_the_preview_needs_a_known_recipient(api: Api, key: str) -> None:
    path = "/notifiers/forwards/preview"
    assert wrong_fields(api.request("GET", path, key=key)) == {"recipient_id"}
    assert wrong_fields(api.request("GET", f"{path}?recipient_id=99&at=", key=key)) == {"at"}
    assert wrong_fields(api.request("GET", f"{path}?recipient_id=99", key=key)) == {"recipient_id"}
    assert problem(api.request("GET", f"{path}?recipient_id=99", key=key))["status"] == 422


def _stored_for(source: int) -> list[messages.Message]:
    with db.session():
        theirs = messages.Message.recipient == source
        return list(messages.Message.select().where(theirs).order_by(messages.Message.id))


def _told(source: int) -> list[str]:
    return [row.markdown for row in _stored_for(source)]


def test_the_source_is_told_once_when_somebody_else_sets_up_or_changes_a_forward(
    api: Api, people: dict[str, int], ana: client.Client
) -> None:
    """F8, L8."""
    forward = ana.create_forward(people["Ben"], people["Cora"], start="2026-03-01", end="2026-03-14", keep_copy=True)
    ana.update_forward(forward.id, end="2026-03-14")
    ana.update_forward(forward.id, enabled=False)
    assert _told(people["Ben"]) == [
        "**Forward set up** by Ana: notifications for Ben Benson go to Cora Corason from 2026\\-03\\-01 until"
        " 2026\\-03\\-14. You get them, too.".replace("\\", ""),
        "**Forward changed** by Ana: notifications for Ben Benson no longer go to Cora Corason.",
    ]
    assert _told(people["Cora"]) == []
    assert api.woken["messages"] == 3


def test_who_sets_up_their_own_forward_is_not_told(api: Api, people: dict[str, int]) -> None:
    """F8: of several addresses any one is theirs, whatever its case."""
    ben = api.client(api.administrator("Ben.Benson@msp.example"))
    ben.create_forward(people["Ben"], people["Cora"])
    assert _told(people["Ben"]) == []


def test_with_notifications_off_the_source_is_not_told(people: dict[str, int], ana: client.Client) -> None:
    """L8: F8 respects the kill switch."""
    ana.update_config({"attempt_notify": False})
    ana.create_forward(people["Ben"], people["Cora"])
    assert _told(people["Ben"]) == []


def test_what_quiet_hours_held_of_it_follows_them_and_the_kill_switch(
    api: Api, people: dict[str, int], ana: client.Client
) -> None:
    """L8, N4, D1"""
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    hours = ana.create_quiet_hour(recipient_id=people["Ben"], days=days, from_="00:00", to="23:00")
    forward = ana.create_forward(people["Ben"], people["Cora"])
    first = _stored_for(people["Ben"])[0]
    ana.update_quiet_hour(hours.id, to="13:00")
    assert api.clock.now() < _stored_for(people["Ben"])[0].not_before < first.not_before
    ana.delete_quiet_hour(hours.id)
    assert _stored_for(people["Ben"])[0].not_before == api.clock.now()
    ana.create_quiet_hour(recipient_id=people["Ben"], days=days, from_="00:00", to="23:00")
    ana.update_forward(forward.id, enabled=False)
    ana.update_config({"attempt_notify": False})
    assert [(row.state, row.error) for row in _stored_for(people["Ben"])][1:] == [("dead", "notifications are off")]


def test_source_and_destination_can_be_changed(people: dict[str, int], ana: client.Client) -> None:
    """F1, F4"""
    forward = ana.create_forward(people["Ben"], people["Cora"])
    changed = ana.update_forward(forward.id, source_id=people["Dan"], destination_id=people["Ben"])
    assert (changed.source_name, changed.destination_name) == ("Dan Danson", "Ben Benson")
    for wrong in ({"destination_id": people["Dan"]}, {"source_id": 99}):
        with pytest.raises(errors.InvalidInput) as refused:
            ana.update_forward(forward.id, **wrong)
        assert [each.field for each in refused.value.errors] == list(wrong)
    other = ana.create_forward(people["Ben"], people["Cora"])
    with pytest.raises(errors.Conflict, match="cycle"):
        ana.update_forward(other.id, destination_id=people["Dan"])
    assert (ana.forward(forward.id), ana.forward(other.id)) == (changed, other)


def test_the_kill_switch_ends_what_is_on_its_way_to_a_source_but_no_alert(
    api: Api, people: dict[str, int], ana: client.Client
) -> None:
    """L8, D1: whether quiet hours held it or not; an alert got another text while it waited."""
    ana.create_forward(people["Ben"], people["Cora"])
    with db.transaction("test"):
        alert = plain_messages.add(recipients.recipient(people["Ben"]), "alert", api.clock.now())
        alerts.replace_message(alert.id, people["Ben"], "alert", api.clock.now() + timedelta(minutes=1))
    ana.update_config({"attempt_notify": False})
    assert [row.state for row in _stored_for(people["Ben"])] == ["dead", "pending"]


def test_a_forward_can_be_limited(people: dict[str, int], ana: client.Client) -> None:
    """F9; a limited forward counts as always active in a cycle (F4)."""
    forward = ana.create_forward(people["Ana"], people["Ben"], public_only=True)
    assert (forward.public_only, forward.only_if_sole) == (True, False)
    assert ana.update_forward(forward.id, only_if_sole=True).only_if_sole
    with pytest.raises(errors.Conflict, match="cycle"):
        ana.create_forward(people["Ben"], people["Ana"])
