"""O1, O3: what `/metrics` counts fits the ledger, and one id leads from the hook to the Webex message in the log."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.environment import World, is_idle, ledger, post_webhook, wait_for
from tests.servers import ServerProcess
from ticketbot.simulators import faults


def _numbers(server: ServerProcess) -> Callable[..., float]:
    """Return a function that adds up the samples of one name that carry these labels."""
    text = requests.get(f"{server.url}/metrics", timeout=5).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def total(name: str, **labels: str) -> float:
        return sum(each.value for each in samples if each.name == name and labels.items() <= each.labels.items())

    return total


def _log(server: ServerProcess) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]


def test_metrics_match_the_ledger_and_one_correlation_id_links_webhook_and_message(world: World) -> None:
    world.configure(catch_up_interval=0)  # what it finds at the start would be counted, too
    world.add_rule("Help Desk")
    refusal = faults.status(403, "No", destination=world.accounts["cora"], times=1)
    with ServerProcess(world.environ(TBOT_LOG_FORMAT="json")) as server:
        hooks: dict[int, str] = {}

        def tell(ticket: int, **headers: str) -> None:
            body = world.connectwise.webhook_body(ticket)
            response = post_webhook(server.url, world, body, **headers)
            hooks[ticket] = response.headers["X-Request-ID"]
            if response.ok:
                assert post_webhook(server.url, world, body).json() == {"status": "replayed"}

        def add(*resources: str) -> int:
            return world.connectwise.add_ticket(
                world.board, "Printer on fire", resources=resources, contact=world.contact, notify=False
            )

        first, second = add("ana", "dan"), add("ben", "cora")
        world.webex.faults.add(faults.html(502, path="/messages", times=1))
        world.webex.faults.add(refusal)
        tell(first)
        tell(second)
        assert wait_for(is_idle)
        world.configure(attempt_notify=False)
        third = add("ana")
        tell(third)
        assert wait_for(is_idle)
        tell(third, **{"x-content-signature": "forged"})
        total, rows, written = _numbers(server), ledger(), _log(server)

    fates = Counter(row.state for row in rows)
    assert fates == {"sent": 4, "dead": 1, "skipped": 3}
    assert {state: total("tbot_notifications_total", state=state) for state in fates} == fates
    assert total("tbot_notifications_total", state="skipped", reason="notifications_off") == 2
    assert total("tbot_notifications_total", state="skipped", reason="no_account") == 1
    assert total("tbot_notifications_total", state="dead", reason="assigned") == 1
    assert total("tbot_hooks_total") == 7
    assert total("tbot_hooks_total", outcome="accepted") == total("tbot_hooks_total", outcome="replayed") == 3
    assert total("tbot_events_total", outcome="done") == 3
    assert total("tbot_queue_rows") == total("tbot_queue_rows", queue="notification", state="dead") == 1
    assert total("tbot_queue_oldest_seconds") == 0
    assert total("tbot_api_call_seconds_count", service="webex", operation="send") == sum(row.attempts for row in rows)

    lines_by_message = {line["webex_message_id"]: line for line in written if "webex_message_id" in line}
    assert set(lines_by_message) == {message.id for message in world.webex.messages()}
    for row in rows:
        assert row.correlation == hooks[row.ticket_id] or row.ticket_id == third
        if row.state == "sent":
            assert lines_by_message[row.webex_message_id]["correlation"] == hooks[row.ticket_id]
    decided = {line["ticket_id"]: line["correlation"] for line in written if " decided: " in line["message"]}
    assert decided[first] == hooks[first]
    assert decided[second] == hooks[second]
