"""What holds for all operations: ids, bodies, queries, pages, problems, methods."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.server.api_server import Api, problem, wrong_fields
from ticketbot.api import client
from ticketbot.server import operations
from ticketbot.server.routes import all_routes

LISTS = [each for each in all_routes.all_operations() if each.listed]
WITH_ID = [each for each in all_routes.all_operations() if each.ids]
WITH_BODY = [
    each for each in all_routes.all_operations() if each.types.get("body", operations.Toml) is not operations.Toml
]


def test_the_table_of_the_api_is_complete() -> None:
    wanted = """
        GET /authtest, POST /sync, GET /sync/status, GET /sync/runs, GET /sync/runs/{run_id}, POST /sync/cancel,
        GET /users, GET /users/me, GET /users/{user_id}, POST /users, DELETE /users/{user_id},
        GET /users/keys, GET /users/keys/{key_id}, POST /users/keys, DELETE /users/keys/{key_id},
        GET /cw/boards, GET /cw/boards/{board_id}, GET /cw/members, GET /cw/tickets, GET /cw/tickets/{ticket_id},
        GET /cw/tickets/{ticket_id}/explain, GET /webex/rooms, GET /webex/rooms/{recipient_id},
        POST /webex/rooms/{recipient_id}/test, GET /notifiers/rules, GET /notifiers/rules/{rule_id},
        POST /notifiers/rules, PATCH /notifiers/rules/{rule_id}, DELETE /notifiers/rules/{rule_id},
        GET /notifiers/forwards, GET /notifiers/forwards/{forward_id}, POST /notifiers/forwards,
        PATCH /notifiers/forwards/{forward_id}, DELETE /notifiers/forwards/{forward_id},
        GET /notifiers/forwards/preview, GET /notifications, GET /notifications/{notification_id},
        POST /notifications/{notification_id}/retry, POST /notifications/retry, GET /config, PUT /config, GET /audit,
        GET /export, POST /plan, POST /apply,
        GET /openapi.json
    """
    operations = {f"{each.method} {each.path}" for each in all_routes.all_operations()}
    assert {" ".join(each.split()) for each in wanted.split(",")} <= operations


@pytest.mark.parametrize(
    "row_id", ["4711", "0", "x", "-1", "1.5", "%00", "٣", "9223372036854775807", "9223372036854775808", "9" * 400]
)
def test_an_id_that_is_no_number_or_not_known_is_not_found(row_id: str, api: Api, key: str) -> None:
    for operation in WITH_ID:
        body: dict[str, Any] = {"json": {}} if "body" in operation.types else {}
        response = api.request(operation.method, re.sub("{.*?}", row_id, operation.path), key=key, **body)
        assert problem(response)["status"] == 404, operation.name


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"null", "application/json", 400),
        (b'"text"', "application/json", 400),
        (b'{"name": "\xff"}', "application/json", 400),
        (b'{"name": "\\ud800"}', "application/json", 400),
        (b'{"name": ' + b"[" * 5000, "application/json", 400),
        (b'{"name": NaN}', "application/json", 400),
        (b'{"name": 1e999}', "application/json", 400),
        (b"name=x", "application/x-www-form-urlencoded", 400),
        (b"{}", "text/plain", 400),
        (b'{"no_such_field": ' + b"9" * 4000 + b"}", "application/json", 422),
        (b'{"no_such_field": 1}', "", 422),
        (b'{"no_such_field": 1}', "application/json; charset=utf-8", 422),
        (b" " * (1024 * 1024 + 1), "application/json", 413),
    ],
)
def test_invalid_body_is_refused_before_anything_happens(
    content: bytes, kind: str, status: int, api: Api, key: str
) -> None:
    for operation in WITH_BODY:
        path = re.sub("{.*?}", "1", operation.path)
        response = api.request(operation.method, path, key=key, data=content, headers={"Content-Type": kind})
        assert problem(response)["status"] == status, operation.name


def test_a_body_that_is_missing_is_not_json(api: Api, key: str) -> None:
    assert problem(api.request("POST", "/users", key=key))["status"] == 400


def test_a_body_of_one_mebibyte_is_read(api: Api, key: str) -> None:
    content = b'{"name": "' + b"x" * (1024 * 1024 - 30) + b'"}'
    assert wrong_fields(api.request("POST", "/users", key=key, data=content)) == {"name", "email"}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("limit=", "limit"),
        ("limit=1.5", "limit"),
        ("after=-1", "after"),
        ("after=9223372036854775808", "after"),
        ("order=up", "order"),
        ("order=desc%00", "order"),
        ("sate=dead", "sate"),
        ("%ff=1", "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_invalid_query_parameter_is_named(query: str, field: str, api: Api, key: str) -> None:
    for operation in LISTS:
        assert wrong_fields(api.request("GET", f"{operation.path}?{query}", key=key)) == {field}, operation.name


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/cw/tickets?board_id=null", "board_id"),
        ("/cw/tickets?open=null", "open"),
        ("/cw/tickets?after=NULL", "after"),
        ("/notifications?state=null", "state"),
        ("/notifications?since=null", "since"),
        ("/webex/rooms?type=null", "type"),
    ],
)
def test_null_in_a_query_is_not_the_same_as_leaving_it_out(path: str, field: str, api: Api, key: str) -> None:
    assert wrong_fields(api.request("GET", path, key=key)) == {field}


def test_null_can_be_searched_for(api: Api, key: str) -> None:
    room = api.recipient("Null island", room=True)
    api.recipient("Elsewhere", room=True)
    assert [each["id"] for each in api.request("GET", "/webex/rooms?q=null", key=key).json()] == [room]


def test_a_parameter_that_is_repeated_is_named(api: Api, key: str) -> None:
    for operation in LISTS:
        path = f"{operation.path}?limit=1&limit=2"
        assert wrong_fields(api.request("GET", path, key=key)) == {"limit"}, operation.name
    assert wrong_fields(api.request("GET", "/cw/tickets?board_id=1&board_id=1&x=1", key=key)) == {"board_id", "x"}


def test_an_empty_list_is_a_list(api: Api, key: str) -> None:
    for operation in LISTS:
        response = api.request("GET", f"{operation.path}?after=9223372036854775807&limit=1000&order=asc", key=key)
        assert (response.status_code, response.json(), response.links) == (200, [], {}), operation.name


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/notifications?state=gone", "state"),
        ("/notifications?ticket_id=0", "ticket_id"),
        ("/notifications?recipient_id=9223372036854775808", "recipient_id"),
        ("/notifications?since=yesterday", "since"),
        ("/notifications?since=2026-02-30", "since"),
        ("/webex/rooms?type=bot", "type"),
        ("/webex/rooms?q=%00", "q"),
        ("/webex/rooms?q=a%0Ab", "q"),
        ("/cw/tickets?open=perhaps", "open"),
        ("/notifiers/forwards?state=dead", "state"),
        ("/cw/tickets/1/explain?limit=0", "limit"),
    ],
)
def test_invalid_filter_is_named(path: str, field: str, api: Api, key: str) -> None:
    assert wrong_fields(api.request("GET", path, key=key)) == {field}


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_hold_every_row_once_in_order(order: str, api: Api, key: str, ana: client.Client) -> None:
    recipient_ids = [api.recipient(f"Room {number}", room=True) for number in range(7)]
    path, seen, pages = f"/webex/rooms?limit=3&order={order}", [], 0
    while path:
        response = api.request("GET", path, key=key)
        seen += [each["id"] for each in response.json()]
        path = response.links.get("next", {}).get("url", "").removeprefix("http://tbot.test")
        pages += 1
    assert seen == (recipient_ids if order == "asc" else recipient_ids[::-1])
    assert pages == 3
    assert [each.id for each in ana.recipients(limit=4, newest=order == "desc")] == seen[:4]


def test_no_link_leads_to_an_empty_page(api: Api, key: str) -> None:
    for number in range(4):
        api.recipient(f"Room {number}", room=True)
    first = api.request("GET", "/webex/rooms?limit=2&type=room", key=key)
    assert "type=room" in first.links["next"]["url"]
    second = api.request("GET", first.links["next"]["url"].removeprefix("http://tbot.test"), key=key)
    assert len(second.json()) == 2
    assert "next" not in second.links


def test_the_next_page_is_at_the_same_server_whatever_a_request_says_about_its_host(api: Api, key: str) -> None:
    for number in range(2):
        api.recipient(f"Room {number}", room=True)
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher"}
    response = api.request("GET", "/webex/rooms?limit=1&q=Room", key=key, headers=forged)
    assert re.fullmatch(r'</webex/rooms\?limit=1&q=Room&after=\d+>; rel="next"', response.headers["Link"])


def test_the_client_reads_all_pages(api: Api, ana: client.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    recipient_ids = [api.recipient(f"Room {number}", room=True) for number in range(5)]
    monkeypatch.setattr("ticketbot.api.requests.MAX_LIMIT", 2)
    assert [each.id for each in ana.recipients()] == recipient_ids
    assert [each.id for each in ana.recipients(limit=3, newest=True)] == recipient_ids[:1:-1]


def test_every_method_that_allow_names_is_possible(api: Api, key: str) -> None:
    for operation in all_routes.all_operations():
        path = re.sub("{.*?}", "1", operation.path)
        allowed = api.request("BREW", path, key=key).headers["Allow"].split(",")
        assert set(allowed) == {each.method for each in all_routes.all_operations() if each.path == operation.path}


def test_the_description_says_where_the_server_is(api: Api, key: str) -> None:
    assert api.request("GET", "/openapi.json", key=key).json()["servers"] == [{"url": "/"}]


def test_an_unknown_path_is_a_problem_too(api: Api, key: str) -> None:
    for path in ("/nothing", "/users/", "/users/1/2", "/x%ff", "/users/%2e%2e/config"):
        assert problem(api.request("GET", path, key=key))["status"] in (400, 404)


def test_a_method_that_is_not_possible_says_which_are(api: Api, key: str) -> None:
    for method, path, allowed in (
        ("DELETE", "/config", {"GET", "PUT"}),
        ("PUT", "/users", {"GET", "POST"}),
        ("OPTIONS", "/notifiers/rules/1", {"GET", "PATCH", "DELETE"}),
        ("BREW", "/users", {"GET", "POST"}),
        ("DELETE", "/users/me", {"GET"}),
        ("PUT", "/users/keys", {"GET", "POST"}),
        ("GET", "/notifications/retry", {"POST"}),
        ("PATCH", "/notifiers/forwards/preview", {"GET"}),
    ):
        response = api.request(method, path, key=key)
        assert problem(response)["status"] == 405
        assert set(response.headers["Allow"].split(",")) == allowed


def test_head_is_get_without_the_body(api: Api, key: str) -> None:
    head, get = (api.request(method, "/users", key=key) for method in ("HEAD", "GET"))
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == get.headers["Content-Length"] == str(len(get.content))
    assert api.request("HEAD", "/users").status_code == 401


def test_delete_has_an_empty_response(api: Api, key: str, ana: client.Client) -> None:
    user = ana.create_user("Ben", "ben@example.com")
    response = api.request("DELETE", f"/users/{user.id}", key=key)
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["X-Request-ID"]


def test_every_response_has_a_request_id(api: Api, key: str) -> None:
    seen = {api.request("GET", "/users", key=key).headers["X-Request-ID"] for _ in range(3)}
    assert len(seen) == 3


def test_bug_response_shows_only_the_request_id(
    api: Api, key: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """no-leaks: what went wrong is for the log."""

    def broken(*_: object) -> None:
        raise RuntimeError("SELECT secret FROM api_key")

    monkeypatch.setattr("ticketbot.models.runtime_config.load", broken)
    response = api.request("GET", "/config", key=key)
    assert problem(response)["status"] == 500
    assert "SELECT" not in response.text
    assert response.headers["X-Request-ID"] in response.text
    assert "SELECT secret" in caplog.text


def test_unavailable_database_is_reported_without_details(
    api: Api, key: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """no-leaks."""
    from ticketbot.database import db

    api.request("GET", "/users", key=key)
    db.close_database()
    db.open_database(f"sqlite:///{tmp_path}")  # a directory is no database
    response = api.request("GET", "/users", key=key)
    assert problem(response)["status"] == 503
    assert str(tmp_path) not in response.text
    assert "sqlite" not in response.text.lower()
