"""Users and keys over HTTP (A1)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.server.api_server import Api, wrong_fields
from ticketbot import errors
from ticketbot.api import client
from ticketbot.database import db
from ticketbot.models import api_keys


def test_a_user_is_added_listed_shown_and_deleted(api: Api, ana: client.Client) -> None:
    """A1."""
    ben = ana.create_user("Ben Bauer", "Ben@Example.com")
    assert (ben.name, ben.email, ben.created_at) == ("Ben Bauer", "Ben@Example.com", api.clock.now())
    assert ana.users() == [ana.me(), ben]
    assert ana.user(ben.id) == ben
    ana.delete_user(ben.id)
    with pytest.raises(errors.NotFound, match=f"There is no user {ben.id}"):
        ana.user(ben.id)


def test_addresses_are_unique_ignoring_case(ana: client.Client) -> None:
    """A1."""
    with pytest.raises(errors.Conflict, match="ANA@example"):
        ana.create_user("Another Ana", "ANA@example.com")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"name", "email"}),
        ({"name": "", "email": "nobody"}, {"name", "email"}),
        ({"name": "   ", "email": "a@b\n"}, {"name", "email"}),
        ({"name": "a\x00b", "email": "a\x00@b"}, {"name", "email"}),
        ({"name": 7, "email": None}, {"name", "email"}),
        ({"name": "x" * 201, "email": f"{'x' * 300}@y"}, {"name", "email"}),
        ({"name": "Ben", "email": "ben@example.com", "admin": True}, {"admin"}),
    ],
)
def test_every_field_that_is_wrong_is_named(body: object, fields: set[str], api: Api, key: str) -> None:
    assert wrong_fields(api.request("POST", "/users", key=key, json=body)) == fields


@pytest.mark.parametrize("character", ["\x85", "\x9b", "\u061c", "\u200e", "\u200f", "\u2028", "\u202e", "\u2069"])
def test_a_name_or_address_cannot_hold_what_controls_a_terminal_or_the_direction_of_text(
    character: str, api: Api, key: str
) -> None:
    body = {"name": f"Ben{character}neB", "email": f"b{character}n@example.com"}
    assert wrong_fields(api.request("POST", "/users", key=key, json=body)) == {"name", "email"}


def test_a_name_may_be_written_in_any_script(ana: client.Client) -> None:
    for number, name in enumerate(("Zoë Ångström", "יעל כהן", "محمد علي", "李雷", "نرگس\u200cبانو")):
        assert ana.create_user(name, f"{number}@example.com").name == name


def test_key_is_shown_once_and_authenticates(api: Api, ana: client.Client) -> None:
    """A1: only a prefix, a hash and a hint are kept."""
    ben = ana.create_user("Ben", "ben@example.com")
    created = ana.create_key(ben.id)
    assert created.user_id == ben.id
    assert created.key.endswith(created.hint)
    assert len(created.hint) == 4
    assert api.client(created.key).me() == ben
    shown = api.request("GET", f"/users/keys/{created.id}", key=created.key).text
    listed = api.request("GET", "/users/keys", key=created.key).text
    assert created.key not in shown + listed
    with db.session():
        row = api_keys.ApiKey.get_by_id(created.id)
    assert created.key[len(row.prefix) :] not in f"{row.prefix}{row.hash}{row.hint}"


def test_key_for_an_unknown_user_is_invalid(api: Api, key: str) -> None:
    assert wrong_fields(api.request("POST", "/users/keys", key=key, json={"user_id": 999})) == {"user_id"}


def test_a_deleted_key_is_gone(api: Api, ana: client.Client) -> None:
    created = ana.create_key(ana.me().id)
    ana.delete_key(created.id)
    for again in (ana.key, ana.delete_key):
        with pytest.raises(errors.NotFound):
            again(created.id)


def test_a_key_is_admin_and_never_expires_unless_said_otherwise(ana: client.Client) -> None:
    """A7."""
    user = ana.create_user("Ben", "ben@example.com")
    plain = ana.create_key(user.id)
    assert (plain.scope, plain.expires_at) == ("admin", None)
    limited = ana.create_key(user.id, scope="read", expires_at="2030-12-31")
    assert limited.scope == "read"
    assert str(limited.expires_at) == "2030-12-31 23:00:00+00:00"  # the end of that day in TBOT_TIMEZONE
    _, *made = ana.keys()
    assert [(each.scope, each.expires_at) for each in made] == [
        ("admin", None),
        ("read", limited.expires_at),
    ]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"scope": "root"}, "scope"),
        ({"scope": None}, "scope"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"expires_at": "2001-01-01"}, "expires_at"),
    ],
)
def test_a_scope_or_expiry_that_makes_no_sense_is_named(
    more: dict[str, object], field: str, api: Api, key: str
) -> None:
    """A7."""
    assert wrong_fields(api.request("POST", "/users/keys", key=key, json={"user_id": 1, **more})) == {field}


def test_an_expired_key_is_refused_with_words_at_once_and_does_not_count_as_wrong(api: Api, ana: client.Client) -> None:
    """A7: also while the server still believes it, to read and to change."""
    end = api.clock.now() + timedelta(seconds=1)
    limited = ana.create_key(ana.me().id, expires_at=end.isoformat())
    bens = api.client(limited.key)
    assert bens.me() == ana.me()
    api.clock.advance(1)
    for _ in range(12):
        with pytest.raises(errors.NotAllowed, match="expired at"):
            bens.me()
    with pytest.raises(errors.NotAllowed, match="expired at"):
        bens.create_user("Eve", "eve@example.com")


def test_a_key_that_may_only_read_is_told_what_it_lacks(api: Api, ana: client.Client) -> None:
    """A7."""
    reader = api.client(ana.create_key(ana.me().id, scope="read").key)
    assert reader.users() == [ana.me()]
    with pytest.raises(errors.ScopeTooNarrow, match="needs a key with the scope admin; this one has read"):
        reader.create_user("Eve", "eve@example.com")
