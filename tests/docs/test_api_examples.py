"""docs/api.md shows every operation, and each of its examples is true."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from tests.server.api_server import Api
from ticketbot.connectwise import connectwise_client, webhook_signature
from ticketbot.database import db
from ticketbot.models import recipients, tickets
from ticketbot.pipeline import accept
from ticketbot.server import webhooks
from ticketbot.simulators import connectwise_api, webex_api
from ticketbot.simulators.connectwise import ConnectWise
from ticketbot.simulators.webex import Webex

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
OPEN = ("/healthcheck", "/readyz", "/hooks/cw/tickets")
VARIES = "…"


class Example(NamedTuple):
    """A request and the answer that the page promises."""

    line: int
    method: str
    path: str
    body: str
    status: int
    answer: str


RULE = {"code": "rule", "ids": [1]}
ASSIGNED = {"code": "assigned", "names": ["resource", "owner"]}


def examples() -> list[Example]:
    """Read the page."""
    page, found = PAGE.read_text(), []
    for block in re.finditer(r"```http\n(.*?)```", page, re.DOTALL):
        asked, _, answered = block[1].partition("\nHTTP/1.1 ")
        first, _, body = asked.partition("\n")
        method, path = first.split()
        status, _, answer = answered.partition("\n")
        line = page[: block.start()].count("\n") + 2
        found.append(Example(line, method, path, body.strip(), int(status.split()[0]), answer.strip()))
    return found


@pytest.fixture
def api(sqlite: str) -> Iterator[Api]:
    """Return the API over the rows that the examples speak of."""
    organization, site = Webex(), ConnectWise()
    with webex_api.serve(organization), connectwise_api.serve(site):
        api = Api(organization, site=_client(site))
        signing_keys = webhook_signature.SigningKeys(cw_url="https://cw.example.com", company="acme", key_hosts=())
        webhooks.add_routes(
            api.app, webhooks.WebhookServices(signing_keys, accept.Inbox(), lambda: None, api.clock.now)
        )
        _fill(api)
        yield api
        assert api.syncs.join(20)
        site.callbacks.sender.stop()


def _client(site: ConnectWise) -> connectwise_client.ConnectWise:
    return connectwise_client.ConnectWise(
        url=site.callbacks.url,
        company=site.company,
        public_key=site.public_key,
        private_key=site.private_key,
        client_id=site.client_id,
    )


def _fill(api: Api) -> None:
    services = api.recipient("Help Desk", room=True)
    ana, _ = api.recipient("Ana Alvarez"), api.recipient("Ben Bauer")
    with db.transaction("test"):
        tickets.Board.create(id=1, name="Service Desk")
        tickets.Member.create(id=7, identifier="ana", lookup="ana", name="Ana Alvarez", email="ana.alvarez@msp.example")
        recipients.Recipient.update(last_activity=api.clock.now()).where(recipients.Recipient.id == ana).execute()
    api.ticket(
        id=4711,
        board_id=1,
        board_name="Service Desk",
        status="New",
        company="Hanrahan Logistics",
        contact="Gus Hanrahan",
        owner="ana",
        resources=["ana"],
        updated_at=api.clock.now(),
    )
    decision = {"subject": "new:4711", "outcome": "told"}
    decisions = [
        decision | {"who": "Help Desk", "reasons": [RULE]},
        decision | {"who": "Ana Alvarez", "reasons": [ASSIGNED]},
    ]
    done = {"action": "added", "finished_at": api.clock.now(), "decisions": decisions}
    event = api.event(4711, correlation="5f2b8c3d9e0a4f61", **done)
    dead = {"action": "updated", "attempts": 41, "finished_at": api.clock.now(), "error": "ConnectWise: HTTP 503"}
    day_before = api.clock.now() - timedelta(days=1)
    times = dict.fromkeys(("first_received_at", "received_at", "due_at"), day_before)
    api.event(4712, "dead", correlation="0c9d1e7fab345678", **times, **dead)
    about = {"ticket_id": 4711, "event": event, "events": ["new"], "note_id": None, "attempts": 1}
    for recipient, name, state, more in (
        (
            services,
            "Help Desk",
            "sent",
            {"reasons": [RULE], "webex_message_id": "Y2lzY29zcGFyazov", "sent_at": api.clock.now()},
        ),
        (ana, "Ana Alvarez", "dead", {"reasons": [ASSIGNED], "error": "Webex: 400 No such person."}),
    ):
        api.notification(recipient, state, recipient_name=name, **about, **more)


def test_every_example_is_correct(api: Api) -> None:
    key = api.administrator()
    for example in examples():
        response = ask(api, example, key)
        where = f"docs/api.md:{example.line}: {example.method} {example.path}"
        assert response.status_code == example.status, f"{where}: {response.text}"
        if "json" in response.headers.get("Content-Type", ""):
            assert differences(json.loads(example.answer), response.json()) == [], where
        else:
            assert re.fullmatch(re.escape(example.answer).replace(VARIES, ".*"), response.text, re.DOTALL), where


def test_every_operation_has_an_example(api: Api) -> None:
    document = api.request("GET", "/openapi.json", key=api.administrator()).json()
    shown = {(example.method, example.path.partition("?")[0]) for example in examples() if example.status < 300}
    shown |= {(example.method, example.path) for example in examples() if example.path in (*OPEN, "/sync/cancel")}
    missing = [
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods
        if not any(each == method.upper() and re.fullmatch(re.sub("{.*?}", r"\\d+", path), at) for each, at in shown)
    ]
    assert missing == []


def ask(api: Api, example: Example, key: str) -> requests.Response:
    """Send the request of an example; a sync that it starts comes to its end."""
    path = example.path
    if "version=" in path:  # it differs with every release
        version = api.request("POST", "/plan", key=key).json()["version"]
        path = re.sub("version=[0-9a-f]+", f"version={version}", path)
    response = api.request(
        example.method,
        path,
        key="" if example.path in OPEN else key,
        data=example.body or None,
        headers={"Content-Type": "application/json"} if example.body else {},
    )
    assert api.syncs.join(20)
    return response


def differences(promised: Any, found: Any, at: str = "$") -> list[str]:
    """Return where an answer differs from what is promised."""
    if promised == VARIES:
        return []
    if isinstance(promised, dict) and isinstance(found, dict):
        names = promised.keys() if VARIES in promised else promised.keys() | found.keys()
        names = names - {VARIES}
        return [each for name in names for each in differences(promised.get(name), found.get(name), f"{at}.{name}")]
    if isinstance(promised, list) and isinstance(found, list) and len(promised) == len(found):
        pairs = zip(promised, found, strict=True)
        return [each for number, pair in enumerate(pairs) for each in differences(*pair, f"{at}[{number}]")]
    return [] if promised == found else [f"{at}: {promised!r} is {found!r}"]
