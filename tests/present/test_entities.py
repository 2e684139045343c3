"""Each entity of the API is described, completely and consistently."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ticketbot.api import client, responses, sync_responses
from ticketbot.present import entities, states

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("entity", entities.ALL, ids=lambda entity: entity.plural)
def test_an_entity_starts_with_its_id_and_no_two_columns_have_one_title(entity: entities.Entity) -> None:
    titles = [column.title for column in entity.columns]
    assert titles[0] == "id"
    assert len(set(titles)) == len(titles)
    assert entity.empty.startswith("No ")


@pytest.mark.parametrize("entity", entities.ALL, ids=lambda entity: entity.plural)
def test_the_client_has_a_list_of_every_entity(entity: entities.Entity) -> None:
    assert callable(getattr(client.Client, entity.list_method))


def test_keys_get_the_names_of_their_users() -> None:
    key = responses.Key(id=1, user_id=7, hint="abcd", scope="admin", expires_at=None, created_at=NOW, last_used_at=None)
    user = responses.User(id=7, name="Ana", email="ana@example.com", created_at=NOW)
    assert [each.user_name for each in entities.owned_keys([key], [user])] == ["Ana"]
    assert [each.user_name for each in entities.owned_keys([key], [])] == [""]


def test_details_are_all_fields_in_order() -> None:
    board = responses.Board(id=1, name="Help", inactive=False, project=True, deleted=False)
    assert list(entities.details(board)) == [
        ("id", 1),
        ("name", "Help"),
        ("inactive", False),
        ("project", True),
        ("deleted", False),
    ]


@pytest.mark.parametrize(
    "state",
    [
        *responses.ForwardState.__args__,
        *responses.NotificationState.__args__,
        *responses.EventState.__args__,
        *sync_responses.SyncState.__args__,
    ],
)
def test_every_state_of_the_api_has_a_style(state: str) -> None:
    assert states.style(state) != "plain"


def test_states_are_spelled_as_in_american_english() -> None:
    assert states.label("cancelled") == "canceled"
    assert states.label("dead") == "dead"


def test_for_people_names_come_with_their_ids_and_what_is_not_known_is_left_out() -> None:
    rule = responses.Rule(
        id=1,
        board_id=7,
        board_name="Help",
        recipient_id=2,
        recipient_name="Ana",
        recipient_type="person",
        enabled=False,
    )
    assert list(entities.known(rule)) == [
        ("id", 1),
        ("board", "Help (7)"),
        ("recipient", "Ana (2)"),
        ("recipient type", "person"),
        ("events", ["new"]),
        ("target", "recipient"),
    ]
    phases = [sync_responses.SyncPhase(name="boards", total=3, done=3, errors=0)]
    run = sync_responses.SyncRun(
        id=1, state="done", phases=phases, error_count=0, errors=[], requested_by=None, started_at=NOW, finished_at=None
    )
    assert list(entities.known(run))[2:] == [("boards", "3"), ("started", NOW)]


def test_a_question_names_a_row_with_all_that_goes_with_it() -> None:
    user = responses.User(id=7, name="Ana", email="ana@example.com", created_at=NOW)
    assert entities.BY_PLURAL["users"].named(user) == "user 7 (Ana <ana@example.com>)"
    assert entities.BY_PLURAL["users"].named(user, with_dependents=True).endswith(", including all keys)")
