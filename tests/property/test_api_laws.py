"""no-leaks: whatever is asked, the API answers as its own OpenAPI document says, and nothing leaks or breaks."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import quote, unquote_plus, urlencode

import hypothesis
import pytest
import requests
from hypothesis import strategies as st

from tests.property import json_schemas
from tests.server.api_server import Api
from ticketbot.connectwise import webhook_signature
from ticketbot.database import db
from ticketbot.models import (
    api_keys,
    events,
    forwards,
    notifications,
    quiet_hours,
    recipients,
    rules,
    runtime_config,
    schema,
    silences,
    syncs,
    tickets,
    users,
)
from ticketbot.pipeline import accept
from ticketbot.server import application, webhooks
from ticketbot.simulators import webex_api
from ticketbot.simulators.webex import Webex

EACH = {"sqlite": 36, "postgresql": 12}  # requests for each operation: with all of them more than 2,000
LEAKS = re.compile(r"(?i:traceback|peewee|psycopg|sqlite)|line \d+, in |SELECT |INSERT |UPDATE |\$2b\$")
ODD_IDS = ("0", "-1", "1.0", "x", "é", "%", "\0", "+1", " 1", "٣", str(2**31), str(2**63 - 1), str(2**63), "9" * 99)

Notification = notifications.Notification

_MODELS = {
    "board": tickets.Board,
    "ticket": tickets.Ticket,
    "recipient": recipients.Recipient,
    "rule": rules.Rule,
    "forward": forwards.Forward,
    "silence": silences.Silence,
    "quiet_hours": quiet_hours.QuietHours,
    "user": users.User,
    "key": api_keys.ApiKey,
    "notification": Notification,
    "event": events.Event,
    "run": syncs.SyncRun,
}
_CALLED = {
    "quiet_hour": "quiet_hours",
    "source": "recipient",
    "destination": "recipient",
    "alert_recipient": "recipient",
}
_FIELDS = (
    "board_id",
    "recipient_id",
    "rule_id",
    "source_id",
    "destination_id",
    "user_id",
    "ticket_id",
    "board_ids",
    "alert_recipient_id",
    "version",
)
_FILES = st.sampled_from(
    [b"", b"[configuration]\nretention_days = 7\n", b"[[rules]]\nall_boards = true\nassigned = true\n"]
)
_CONDITIONS = ("closed", "priority_sort <= 3", 'severity == "High"', 'summary =~ "x"')


class Operation(NamedTuple):
    """One operation as the document describes it."""

    method: str
    path: str
    described: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Return its name, unique in the document."""
        return str(self.described["operationId"])


class Request(NamedTuple):
    """What one operation is asked. `key` is `good`, `none` or `wrong`."""

    path: str
    content: bytes | None
    kind: str
    key: str


@pytest.fixture
def api(database: str) -> Iterator[Api]:
    """Return the API with some of everything in its database."""
    organization = Webex()
    with webex_api.serve(organization):
        api = Api(organization)
        yield api
        api.stop_syncs()


def _fill(api: Api) -> None:
    """Let there be rows for every operation, also for those that need a row of a certain state or use rows up."""
    with db.transaction("test"):
        syncs.SyncRun.update(state=syncs.FAILED).where(syncs.SyncRun.state == syncs.RUNNING).execute()
        missing = {name: 12 - model.select().count() for name, model in _MODELS.items()}
    everybody = [api.recipient(f"Person {api_keys.new_key()}") for _ in range(missing["recipient"])]
    boards = [api.board() for _ in range(missing["board"])]
    for _ in range(missing["user"]):
        api.administrator(f"{api_keys.new_key()}@example.com")
    for _ in range(missing["ticket"]):
        api.ticket(resources=["ana"], owner="ben")
    with db.transaction("test"):
        for board in boards:
            for recipient in everybody[:2]:
                rules.Rule.create(board=board, recipient=recipient, created_at=api.clock.now())
        everybody = list(recipients.Recipient.select())
        for source, destination in itertools.pairwise(everybody):
            if forwards.Forward.select().where(forwards.Forward.source == source).count() < 1:
                forwards.Forward.create(source=source, destination=destination, created_at=api.clock.now())
        now = api.clock.now()
        for _ in range(missing["silence"]):
            period = {"start": now, "until": now + timedelta(days=1), "comment": "Patches"}
            silences.Silence.create(company="Contoso", created_at=now, **period)
        for each in everybody[: missing["quiet_hours"]]:
            hours = {"days": ["sun"], "start": "00:00", "end": "00:01", "timezone": "UTC"}
            quiet_hours.QuietHours.create(recipient=each, created_at=now, **hours)
    for number in range(missing["notification"]):
        api.notification(None, ("pending", "sending", "sent", "skipped")[number % 4])
    for _ in range(8):
        api.notification(everybody[0].id, "dead")
    with db.transaction("test"):
        events.Event.delete().where(events.Event.state == events.WAITING).execute()
    for number in range(12 - _dead_events()):
        api.event(5000 + number, "dead")


def _dead_events() -> int:
    with db.session():
        return events.open_counts()[events.DEAD]


def _ids(api: Api, key: str) -> dict[str, list[Any]]:
    version = api.request("POST", "/plan", key=key).json()["version"]
    with db.session():
        return {"version": [version]} | {
            name: [row.id for row in model.select(model.id).order_by(model.id.desc()).limit(40)]
            for name, model in _MODELS.items()
        }


def _model_of(name: str) -> str:
    word = re.sub("_ids?$", "", name)
    return _CALLED.get(word, word)


def _requests(
    operation: Operation, ids: Mapping[str, list[int]], components: Mapping[str, Any], *, makes_sense: bool
) -> Any:
    """Return the strategy for requests of one operation: such that make sense, or such that make none."""
    from_rows: dict[str, Any] = {name: st.sampled_from(ids[_model_of(name)]) for name in _FIELDS}
    from_rows["condition"] = st.sampled_from(_CONDITIONS)
    from_rows["target"] = st.just("recipient")
    from_rows["urgent"] = st.sampled_from(_CONDITIONS)
    from_rows["timezone"] = st.sampled_from(["UTC", "Europe/Berlin", "Nowhere"])

    def request(draw: Any) -> Request:
        path = operation.path
        for name in re.findall("{(.*?)}", path):
            known = st.sampled_from(ids[_model_of(name)])
            odd = st.sampled_from(ODD_IDS) | st.text(min_size=1).filter(lambda text: "/" not in text)
            value = str(draw(known)) if makes_sense else draw(known | odd | st.integers().map(str))
            path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
        query = _query(draw, operation, from_rows, makes_sense=makes_sense)
        content, kind = _body(draw, operation, components, from_rows, makes_sense=makes_sense)
        key = "good" if makes_sense else draw(st.sampled_from(["good", "none", "wrong"]))
        return Request(f"{path}?{query}" if query else path, content, kind, key)

    return st.composite(request)()


def _query(draw: Any, operation: Operation, from_rows: Mapping[str, Any], *, makes_sense: bool) -> str:
    arguments: dict[str, Any] = {}
    for each in operation.described.get("parameters", []):
        if each["in"] == "query" and (each["required"] or draw(st.booleans())):
            name = each["name"]
            fits = from_rows[name] if name in from_rows else json_schemas.fitting(each["schema"], {}, {})
            arguments[name] = draw(fits if makes_sense else fits | st.text() | st.integers())
    if not makes_sense and draw(st.booleans()):
        arguments |= draw(st.dictionaries(st.text(), st.text(), max_size=2))
    return urlencode(
        {name: str(value).lower() if value in (True, False) else value for name, value in arguments.items()}
    )


def _body(
    draw: Any, operation: Operation, components: Mapping[str, Any], from_rows: Mapping[str, Any], *, makes_sense: bool
) -> tuple[bytes | None, str]:
    if "requestBody" not in operation.described:
        return None, "application/json"
    ((media_type, content),) = operation.described["requestBody"]["content"].items()
    described = content["schema"]
    if media_type == application.TOML:
        return draw(_FILES if makes_sense else _FILES | st.text().map(str.encode) | st.binary()), media_type
    if makes_sense:
        return draw(json_schemas.fitting(described, components, from_rows).map(_encoded)), "application/json"
    kind = draw(st.sampled_from(["application/json", "application/json", "", "text/plain", "a/b; c"]))
    fits = json_schemas.fitting(described, components, {})
    return draw((fits | json_schemas.anything).map(_encoded) | st.binary(max_size=60)), kind


def _encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def _check(operation: Operation, response: requests.Response, components: Mapping[str, Any]) -> None:
    where = f"{operation.name}: {response.request.method} {response.request.url} {response.status_code} {response.text}"
    assert response.status_code < 500 or response.status_code == 502, where  # 502: an outside service failed
    assert str(response.status_code) in operation.described["responses"], where
    described = operation.described["responses"][str(response.status_code)]
    assert all(name in response.headers for name in described["headers"] if name != "Link"), where
    leak = LEAKS.search(response.text)
    assert leak is None or leak[0].lower() in _sent(response.request).lower(), where  # a request may name anything
    if "content" not in described:
        assert response.content == b"", where
        return
    ((kind, content),) = described["content"].items()
    assert response.headers["Content-Type"] == kind, where
    if kind != application.TOML:
        assert json_schemas.misfits(content["schema"], response.json(), components) == [], where


def _sent(request: requests.PreparedRequest) -> str:
    body = request.body or b""
    return unquote_plus(request.url or "") + (body if isinstance(body, str) else body.decode(errors="replace"))


def test_no_request_breaks_the_api(api: Api, database: str) -> None:
    """no-leaks: no 5xx, every answer fits its schema; and the requests are worth something: 30 % of them succeed."""
    each = EACH[database.partition(":")[0]]
    key = api.administrator()
    document = api.request("GET", "/openapi.json", key=key).json()
    components = document["components"]["schemas"]
    operations = [
        Operation(method.upper(), path, described)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
        if described.get("security") != []
    ]
    seen: dict[str, Counter[int]] = {}
    for operation in operations:
        _fill(api)
        if operation.name == "send_test_alert":
            with db.transaction("test"):  # to nobody outside, whatever address an earlier request has set
                room = recipients.Recipient.select(recipients.Recipient.id).scalar()
                runtime_config.save({"alert_url": None, "alert_recipient_id": room})
        if operation.name == "cancel_sync":
            with db.transaction("test"):
                syncs.start({}, requested_by=None, server_id=99, now=api.clock.now())
        sensible = _attack(api, operation, key, components, each * 7 // 10, makes_sense=True)
        seen[operation.name] = sensible + _attack(api, operation, key, components, each * 3 // 10, makes_sense=False)
    total = sum(sum(counts.values()) for counts in seen.values())
    good = sum(count for counts in seen.values() for status, count in counts.items() if status < 300)
    never_good = [name for name, counts in seen.items() if not any(200 <= status < 300 for status in counts)]
    never_bad = [name for name, counts in seen.items() if not any(400 <= status < 500 for status in counts)]
    if each == max(EACH.values()):  # fewer may miss one by chance
        assert (never_good, never_bad) == ([], [])
    assert total >= 40 * each
    assert good / total >= 0.3, f"{good} of {total}"


def _attack(
    api: Api, operation: Operation, key: str, components: Mapping[str, Any], count: int, *, makes_sense: bool
) -> Counter[int]:
    """Send requests to one operation and count the statuses."""
    counts: Counter[int] = Counter()
    key_of = {"good": key, "none": "", "wrong": "tbot_wrong"}

    @hypothesis.settings(
        max_examples=count,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(
        _requests(operation, _ids(api, key), components, makes_sense=makes_sense), st.integers(0, 2**24 - 1)
    )
    def attack(request: Request, number: int) -> None:
        address = f"10.{number >> 16}.{(number >> 8) & 255}.{number & 255}"  # nobody gets throttled
        response = api.request(
            operation.method,
            request.path,
            key=key_of[request.key],
            data=request.content,
            headers={"Content-Type": request.kind},
            environ={"REMOTE_ADDR": address},
        )
        _check(operation, response, components)
        counts[response.status_code] += 1

    attack()
    return counts


@pytest.mark.parametrize("path", ["/healthcheck", "/readyz"])
def test_routes_without_a_key_respond_as_documented(path: str, api: Api) -> None:
    """O2."""
    document = api.request("GET", "/openapi.json", key=api.administrator()).json()
    operation = Operation("GET", path, document["paths"][path]["get"])
    _check(operation, api.request("GET", path), document["components"]["schemas"])


_HOOKS = st.fixed_dictionaries(
    {},
    optional={
        "Metadata": st.fixed_dictionaries({"key_url": st.text() | st.just("http://127.0.0.1:9/x")})
        | json_schemas.anything,
        "ID": st.integers() | json_schemas.anything,
        "Type": st.sampled_from(["ticket", "company"]) | json_schemas.anything,
        "Action": st.sampled_from(["added", "updated", "deleted"]) | json_schemas.anything,
        "CompanyId": json_schemas.anything,
        "Entity": json_schemas.anything,
    },
)


def test_no_stranger_breaks_the_webhook_route(api: Api) -> None:
    """no-leaks, W1: whatever is posted, with whatever signature, is refused as described and leaves no row."""
    signing_keys = webhook_signature.SigningKeys(cw_url="http://127.0.0.1:9", company="acme", key_hosts=())
    webhooks.add_routes(api.app, webhooks.WebhookServices(signing_keys, accept.Inbox(), lambda: None, api.clock.now))
    document = api.request("GET", "/openapi.json", key=api.administrator()).json()
    operation = Operation("POST", webhooks.PATH, document["paths"][webhooks.PATH]["post"])
    bodies = _HOOKS.map(_encoded) | st.binary(max_size=200)

    @hypothesis.settings(max_examples=150, database=None, suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(bodies, st.none() | st.from_regex(r"[!-~]{0,60}", fullmatch=True))
    def post(body: bytes, signature: str | None) -> None:
        headers = {} if signature is None else {"x-content-signature": signature}
        response = api.request("POST", webhooks.PATH, data=body, headers=headers)
        _check(operation, response, document["components"]["schemas"])
        assert response.status_code in (400, 401, 429)

    post()
    with db.session():
        assert not events.Event.select().exists()
        assert not events.ProcessedMessage.select().exists()
        assert schema.is_current()
