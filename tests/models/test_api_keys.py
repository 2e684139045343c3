"""What the database keeps of an API key (A1, A3)."""

from __future__ import annotations

import bcrypt
import pytest

from tests.server.api_server import Api
from ticketbot.database import db
from ticketbot.models import api_keys, users

SHORT = "correct-horse-batter"
LONG = "correct-horse-battery-staple-and-so-on-64"


@pytest.mark.parametrize("key", [SHORT, LONG, "tbot_" + SHORT[:15], "tbot_" + LONG], ids=len)
def test_a_key_of_the_operator_is_stored_without_any_of_its_first_characters(key: str, api: Api) -> None:
    with db.transaction("test"):
        api_keys.add_first_administrator("ana@example.com", key, api.clock.now())
        row = api_keys.ApiKey.get()
    assert key[:4] not in row.prefix.removeprefix("given_")
    assert len(row.prefix.removeprefix("given_")) == 4
    assert api.client(key).me().name == "ana"


@pytest.mark.parametrize(("key", "hint"), [(SHORT, ""), (LONG, LONG[-4:])], ids=len)
def test_only_a_long_key_has_a_hint(key: str, hint: str, api: Api) -> None:
    with db.transaction("test"):
        api_keys.add_first_administrator("ana@example.com", key, api.clock.now())
    assert api.client(key).keys()[0].hint == hint


def test_a_key_made_here_is_found_by_its_first_random_characters(api: Api) -> None:
    key = api.administrator()
    with db.session():
        row = api_keys.ApiKey.get()
    assert (row.prefix, row.hint) == (key[:13], key[-4:])


@pytest.mark.parametrize(("key", "prefix"), [(SHORT, SHORT[:8]), ("tbot_" + SHORT[:15], "tbot_" + SHORT[:8])])
def test_a_key_that_1_0_0_stored_still_opens(key: str, prefix: str, api: Api) -> None:
    api.administrator("ben@example.com")
    with db.transaction("test"):
        user = users.add_user("Ana", "ana@example.com", api.clock.now())
        made = api_keys.add_key(user, key, api.clock.now())
        api_keys.ApiKey.update(prefix=prefix, hint=key[-4:]).where(api_keys.ApiKey.id == made.row.id).execute()
        assert bcrypt.checkpw(api_keys._digest(key), made.row.hash.encode())
    assert api.client(key).me().name == "Ana"
