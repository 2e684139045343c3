"""Who gets in, and who does not any more (A1, A2, A4)."""

from __future__ import annotations

import contextlib
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import bcrypt
import pytest

from tests.server.api_server import TRUSTED_PROXY, Api, problem
from ticketbot import errors
from ticketbot.api import client
from ticketbot.database import db
from ticketbot.models import api_keys, users
from ticketbot.server import operations
from ticketbot.server.routes import all_routes

OPEN = {"/healthcheck", "/readyz"}


@pytest.fixture
def bcrypts(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Record every bcrypt, which goes on doing its work."""
    real, seen = bcrypt.checkpw, []

    def counted(password: bytes, hashed: bytes) -> bool:
        seen.append(hashed)
        return real(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", counted)
    return seen


def test_every_operation_needs_a_key(api: Api) -> None:
    """A2."""
    every = all_routes.all_operations()
    assert len(every) > 30
    for operation in every:
        response = api.request(operation.method, re.sub("{.*?}", "1", operation.path))
        assert (operation.name, response.status_code) == (operation.name, 401)
        assert problem(response)["title"] == "Not allowed"
        assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", sorted(OPEN))
def test_health_routes_need_no_key(path: str, api: Api) -> None:
    """A2."""
    assert api.request("GET", path).status_code in (200, 503)


def test_a_good_key_shows_whose_it_is(api: Api, ana: client.Client) -> None:
    """A1."""
    user = ana.authtest()
    assert (user.name, user.email, user.created_at) == ("Ana", "ana@example.com", api.clock.now())
    assert ana.me() == user == ana.user(user.id)


@pytest.mark.parametrize(
    "header",
    [
        "Basic YTpi",
        "Bearer",
        "Bearer ",
        "",
    ],
)
def test_request_without_a_key_does_not_count_as_an_attempt(header: str, api: Api) -> None:
    """A2."""
    for _ in range(15):
        response = api.request("GET", "/users", headers={"Authorization": header})
        assert response.status_code == 401


@pytest.mark.parametrize("key", ["x", "tbot_" + "a" * 48, "ä" * 20, "a b", "tbot_\x7f" + "a" * 40, "k" * 5000])
def test_a_key_with_an_unknown_prefix_costs_no_bcrypt(key: str, api: Api, bcrypts: list[bytes]) -> None:
    """A1."""
    response = api.request("GET", "/users", headers={"Authorization": b"Bearer " + key.encode("utf-8")})
    assert response.status_code == 401
    assert bcrypts == []


def test_a_wrong_secret_behind_a_known_prefix_costs_one_bcrypt_too(api: Api, key: str, bcrypts: list[bytes]) -> None:
    """A1."""
    assert api.request("GET", "/users", key=key[:-1] + "?").status_code == 401
    assert len(bcrypts) == 1


def test_a_key_that_was_verified_costs_no_bcrypt_for_five_minutes(
    api: Api, ana: client.Client, bcrypts: list[bytes]
) -> None:
    """A1."""
    for _ in range(60):
        ana.authtest()
        api.clock.advance(4.9)
    assert len(bcrypts) == 1
    api.clock.advance(10)
    ana.authtest()
    assert len(bcrypts) == 2


def test_a_thousand_keys_cost_no_more_than_one(api: Api, bcrypts: list[bytes]) -> None:
    """A1: one row look-up, at most one bcrypt."""
    with db.transaction("test"):
        user = users.add_user("Many", "many@example.com", api.clock.now())
        new_keys = [api_keys.new_key() for _ in range(200)]
        for each in new_keys:
            api_keys.add_key(user, each, api.clock.now())
    assert api.client(new_keys[77]).me().name == "Many"
    assert len(bcrypts) == 1


def test_a_deleted_key_ends_at_once(api: Api, ana: client.Client) -> None:
    """A1."""
    ben = api.administrator("ben@example.com")
    assert api.client(ben).me().name == "Ben"
    ana.delete_key(ana.keys(newest=True)[0].id)
    with pytest.raises(errors.NotAllowed):
        api.client(ben).me()


def test_the_keys_of_a_deleted_user_end_at_once(api: Api, ana: client.Client) -> None:
    """A1."""
    ben = api.administrator("ben@example.com")
    user = api.client(ben).me()
    ana.delete_user(user.id)
    with pytest.raises(errors.NotAllowed):
        api.client(ben).me()
    left = ana.keys()
    assert user.id not in [each.user_id for each in left]


def test_a_deleted_key_ends_within_five_seconds_on_another_server(api: Api, ana: client.Client) -> None:
    """A1."""
    other = Api(api.webex, api.clock)
    ben = other.client(api.administrator("ben@example.com"))
    assert ben.me().name == "Ben"
    ana.delete_key(ana.keys(newest=True)[0].id)
    api.clock.advance(4.99)
    with pytest.raises(errors.NotAllowed):
        ben.me()


def test_a_key_that_is_deleted_while_it_is_verified_is_not_remembered(
    api: Api, ana: client.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A1: at once means at once, whatever runs side by side."""
    ana.me()
    ben = api.administrator("ben@example.com")
    ben_id, real = ana.keys(newest=True)[0].id, bcrypt.checkpw

    def slow(password: bytes, hashed: bytes) -> bool:
        found = real(password, hashed)
        monkeypatch.setattr(bcrypt, "checkpw", real)
        deleting = threading.Thread(target=ana.delete_key, args=(ben_id,))
        deleting.start()
        deleting.join(10)
        return found

    monkeypatch.setattr(bcrypt, "checkpw", slow)
    api.client(ben).me()  # was looked up before the deletion
    with pytest.raises(errors.NotAllowed):
        api.client(ben).me()


CHANGES = [each for each in all_routes.all_operations() if each.method != "GET"]


@pytest.mark.parametrize("operation", CHANGES, ids=lambda each: each.name)
def test_a_key_deleted_on_another_server_changes_nothing_from_then_on(
    operation: operations.Operation, api: Api, ana: client.Client
) -> None:
    """A1: reading may go on for a few seconds, changes end at once."""
    other = Api(api.webex, api.clock)
    ben = api.administrator("ben@example.com")
    assert other.client(ben).me().name == "Ben"
    ana.delete_key(ana.keys(newest=True)[0].id)
    body: dict[str, Any] = {"json": {}} if "body" in operation.types else {}
    response = other.request(operation.method, re.sub("{.*?}", "1", operation.path), key=ben, **body)
    assert response.status_code == 401


def test_a_change_under_way_while_its_key_is_deleted_is_undone(
    api: Api, ana: client.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A1: the key is looked up in the transaction of the change, so a deleted key cannot leave another one behind."""
    other = Api(api.webex, api.clock)
    ben = api.administrator("ben@example.com")
    ben_id, real = ana.keys(newest=True)[0].id, db.transaction

    def delayed(name: str) -> contextlib.AbstractContextManager[None]:
        monkeypatch.setattr(db, "transaction", real)
        ana.delete_key(ben_id)
        return real(name)

    other.client(ben).me()
    monkeypatch.setattr(db, "transaction", delayed)
    with pytest.raises(errors.NotAllowed):
        other.client(ben).create_key(ana.me().id)
    assert len(ana.keys()) == 1


def test_the_eleventh_wrong_key_within_a_minute_is_throttled(api: Api, key: str) -> None:
    """A2."""
    for number in range(10):
        assert api.request("GET", "/users", key=f"wrong{number}").status_code == 401
        api.clock.advance(1)
    throttled = api.request("GET", "/users", key="wrong again")
    assert problem(throttled)["status"] == 429
    assert throttled.headers["Retry-After"] == "50"
    assert api.request("GET", "/users", key=key).status_code == 200, "a good key is never throttled"
    assert api.request("GET", "/users").status_code == 401, "no key is no try"
    assert api.request("GET", "/users", key="wrong", environ={"REMOTE_ADDR": "192.0.2.99"}).status_code == 401
    api.clock.advance(50)
    assert api.request("GET", "/users", key="wrong again").status_code == 401


def test_a_throttled_address_gets_one_bcrypt_at_a_time(api: Api, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A1: wrong keys with a known prefix cannot occupy every thread's processor time."""
    for number in range(10):
        api.request("GET", "/users", key=f"wrong{number}")
    running, most = [], []
    real, together = bcrypt.checkpw, threading.Barrier(2)

    def watched(password: bytes, hashed: bytes) -> bool:
        running.append(hashed)
        most.append(len(running))
        with contextlib.suppress(threading.BrokenBarrierError):
            together.wait(0.1)  # passes at once if a second check starts while this one runs
        running.pop()
        return real(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", watched)
    with ThreadPoolExecutor(4) as pool:
        wrong = list(pool.map(lambda _: api.request("GET", "/users", key=key[:-1] + "?").status_code, range(4)))
    assert wrong == [429] * 4
    assert most == [1] * 4


def test_a_good_key_seen_for_the_first_time_gets_in_from_a_throttled_address(api: Api, key: str) -> None:
    """A2."""
    for number in range(11):
        api.request("GET", "/users", key=f"wrong{number}")
    assert api.request("GET", "/users", key=key).status_code == 200


def test_wrong_keys_from_one_ipv6_network_count_together(api: Api) -> None:
    """A /64 is what one customer of a provider gets: 2**64 addresses to guess from."""
    for number in range(10):
        near = {"REMOTE_ADDR": f"2001:db8:0:1::{number:x}"}
        assert api.request("GET", "/users", key=f"wrong{number}", environ=near).status_code == 401
    near, far = {"REMOTE_ADDR": "2001:db8:0:1:ffff::1"}, {"REMOTE_ADDR": "2001:db8:0:2::1"}
    assert api.request("GET", "/users", key="wrong", environ=near).status_code == 429
    assert api.request("GET", "/users", key="wrong", environ=far).status_code == 401


def test_guesses_behind_a_trusted_proxy_count_for_the_client_it_names(api: Api) -> None:
    """A2."""
    proxy = {"REMOTE_ADDR": TRUSTED_PROXY, "HTTP_X_FORWARDED_FOR": "6.6.6.6, 198.51.100.1"}
    for number in range(10):
        assert api.request("GET", "/users", key=f"wrong{number}", environ=proxy).status_code == 401
    forged = proxy | {"HTTP_X_FORWARDED_FOR": f"1.2.3.4, 198.51.100.1, {TRUSTED_PROXY}"}
    assert api.request("GET", "/users", key="wrong", environ=forged).status_code == 429
    another = proxy | {"HTTP_X_FORWARDED_FOR": "198.51.100.1, 198.51.100.2"}
    assert api.request("GET", "/users", key="wrong", environ=another).status_code == 401


def test_forged_forwarding_header_does_not_avoid_throttling(api: Api) -> None:
    """A2: whoever is no trusted proxy may say what he likes."""
    for number in range(10):
        forged = {"HTTP_X_FORWARDED_FOR": f"203.0.113.{number}"}
        assert api.request("GET", "/users", key=f"wrong{number}", environ=forged).status_code == 401
    forged = {"HTTP_X_FORWARDED_FOR": "203.0.113.77"}
    assert api.request("GET", "/users", key="wrong", environ=forged).status_code == 429


@pytest.mark.parametrize("local", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
def test_metrics_are_for_this_machine(local: str, api: Api) -> None:
    """A2."""
    response = api.request("GET", "/metrics", environ={"REMOTE_ADDR": local})
    assert response.status_code == 200
    assert "tbot_queue_rows" in response.text


@pytest.mark.parametrize(
    "environ",
    [
        {"REMOTE_ADDR": "192.0.2.1"},
        {"REMOTE_ADDR": "localhost"},
        {"REMOTE_ADDR": ""},
        {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"REMOTE_ADDR": TRUSTED_PROXY, "HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": ""},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_HOST": "tbot.example.com"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_FORWARDED": "for=127.0.0.1"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_REAL_IP": "127.0.0.1"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_VIA": "1.1 proxy"},
    ],
)
def test_metrics_need_a_key_from_elsewhere_and_through_any_proxy(environ: dict[str, str], api: Api, key: str) -> None:
    """A2: a forwarded request is never loopback."""
    assert api.request("GET", "/metrics", environ=environ).status_code == 401
    assert api.request("GET", "/metrics", key=key, environ=environ).status_code == 200


def test_deleting_the_key_or_user_of_the_request_is_a_conflict(ana: client.Client) -> None:
    """A4."""
    me, my_key = ana.me(), ana.keys()[0]
    with pytest.raises(errors.Conflict, match="came with that key"):
        ana.delete_key(my_key.id)
    with pytest.raises(errors.Conflict, match="You are signed in"):
        ana.delete_user(me.id)
    assert ana.keys() == [ana.key(my_key.id)]


def test_two_who_delete_each_other_at_once_do_not_lock_everybody_out(api: Api, ana: client.Client) -> None:
    """A4: of two users who delete each other at the same moment one stays."""
    ben = api.client(api.administrator("ben@example.com"))
    ids = {"Ana": ana.me().id, "Ben": ben.me().id}
    outcomes: list[Any] = []
    start = threading.Barrier(2)

    def delete(who: client.Client, whom: int) -> None:
        start.wait(10)
        try:
            who.delete_user(whom)
            outcomes.append("deleted")
        except (errors.NotAllowed, errors.NotFound) as error:
            outcomes.append(type(error).__name__)

    threads = [
        threading.Thread(target=delete, args=(ana, ids["Ben"])),
        threading.Thread(target=delete, args=(ben, ids["Ana"])),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    with db.session():
        assert users.User.select().count() == 1
    assert sorted(outcomes) == ["NotAllowed", "deleted"]


def test_when_a_key_was_last_used_is_known_to_the_minute(api: Api, ana: client.Client) -> None:
    """A1: no write for every request."""
    ana.me()
    first = api.clock.now()
    api.clock.advance(30)
    assert ana.keys()[0].last_used_at == first
    api.clock.advance(40)
    ana.me()
    assert ana.keys()[0].last_used_at == api.clock.now()
