"""The simulators as a separate process, controlled over HTTP."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from ticketbot.simulators import connectwise_api, http_server, remote_control, webex_api
from ticketbot.simulators.connectwise import ConnectWise
from ticketbot.simulators.webex import Webex

ROOT = Path(__file__).parents[2]


@pytest.fixture
def system() -> ConnectWise:
    return ConnectWise()


@pytest.fixture
def remote(system: ConnectWise) -> Iterator[remote_control.SimulatorProxy]:
    """Control a tenant over HTTP."""
    app = connectwise_api.app(system, remote_control.of_connectwise(system))
    with http_server.serve(app) as running, closing(remote_control.SimulatorProxy(running.url)) as remote:
        system.serve_at(running.url)
        yield remote


@pytest.fixture
def organization() -> Webex:
    return Webex()


@pytest.fixture
def webex(organization: Webex) -> Iterator[remote_control.SimulatorProxy]:
    """Control an organization over HTTP."""
    app = webex_api.app(organization, remote_control.of_webex(organization))
    with http_server.serve(app) as running, closing(remote_control.SimulatorProxy(running.url)) as remote:
        yield remote


def test_arguments_are_converted_to_their_annotated_types(
    system: ConnectWise, remote: remote_control.SimulatorProxy
) -> None:
    board = remote.call("add_board", name="Help Desk", statuses=["Open", ">Done"])
    entered = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    (ticket,) = remote.call("add_many", count=1, board=board, entered_at=entered.isoformat(), notes=1)
    note = remote.call("add_note", ticket_id=ticket, text="Hello", kind="TimeEntryNote", entered_at=entered)
    assert system.ticket(ticket)["_info"]["dateEntered"] == "2026-01-02T03:04:05Z"
    assert remote.call("ticket", ticket_id=ticket) == system.ticket(ticket)
    assert [row["id"] for row in remote.call("notes", ticket_id=ticket)][1] == note
    remote.call("update_ticket", ticket_id=ticket, status=">Done", by="ana")
    assert remote.call("tickets", module="service")[0]["closedBy"] == "ana"


def test_failed_call_raises_with_the_reason(remote: remote_control.SimulatorProxy) -> None:
    for name, arguments, why in (
        ("no_such_method", {}, "no such method"),
        ("__init__", {}, "no such method"),
        ("ticket", {"ticket_id": 1}, "KeyError: 'no ticket 1'"),
        ("ticket", {"ticket_id": "one"}, "ValidationError: Expected `int`"),
        ("ticket", {}, "TypeError: .* missing"),
        ("add_fault", {"fault": {"effect": "explode"}}, "ValidationError: Invalid enum value"),
    ):
        with pytest.raises(RuntimeError, match=why):
            remote.call(name, **arguments)


def test_faults_apply_to_the_service_but_not_to_its_control(
    system: ConnectWise, remote: remote_control.SimulatorProxy
) -> None:
    fault = remote.call("add_fault", fault={"effect": "answer", "status": 503})
    assert requests.get(f"{remote.url}/login/companyinfo/examplemsp", timeout=10).status_code == 503
    assert remote.call("faults")[0]["id"] == fault
    remote.call("remove_fault", fault_id=fault)
    remote.call("clear_faults")
    assert requests.get(f"{remote.url}/login/companyinfo/examplemsp", timeout=10).status_code == 200
    first, second = remote.call("calls")
    assert (first["status"], first["fault"], second["status"]) == (503, fault, 200)
    assert remote.call("calls", after=first["number"]) == [second]
    assert remote.call("call_counts") == {"GET login/companyinfo/examplemsp": 2}
    assert remote.call("peak_calls") == 1
    remote.call("clear_calls")
    assert remote.call("calls") == []


def test_settings_change_while_it_runs(system: ConnectWise, remote: remote_control.SimulatorProxy) -> None:
    remote.call("configure", latency_s=0.01, hooks_per_change=2, hook_time_scale=0.5, signing_key="other")
    assert (system.latency_s, system.callbacks.per_change) == (0.01, 2)
    assert (system.callbacks.sender.time_scale, system.callbacks.signing_key) == (0.5, "other")
    remote.call("inject_faults", faults={"drop": 1})
    system.callbacks.add(1, {"url": "http://127.0.0.1:9/?id=", "type": "ticket", "level": "owner"}, 1)
    remote.call("add_ticket", board=remote.call("add_board", name="Help Desk"), summary="Printer")
    assert remote.call("wait_for_webhooks", timeout_s=10) is True
    assert {sent["error"] for sent in remote.call("hooks")} == {"dropped on purpose"}
    system.callbacks.sender.stop()


def test_webex_can_be_controlled(organization: Webex, webex: remote_control.SimulatorProxy) -> None:
    ana = webex.call("add_person", email="ana@msp.example", name="Ana Alvarez")
    room = webex.call("add_room", title="Help Desk", members=[ana])
    organization.post({"roomId": room, "markdown": "hello"})
    (message,) = webex.call("wait_for_messages", count=1)
    assert (message["room_id"], message["markdown"]) == (room, "hello")
    assert webex.call("messages") == [message]
    assert webex.call("refused") == []
    webex.call("configure", messages_per_s=50, latency_s=0.01)
    assert (organization.messages_per_s, organization.latency_s) == (50, 0.01)
    webex.call("configure", messages_per_s=0)
    assert (organization.messages_per_s, organization.latency_s) == (None, 0.01)


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run both simulators as a process."""
    command = [sys.executable, "-m", "ticketbot.simulators", "--port-file", str(tmp_path / "ports.json")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as child:
        yield child
        child.kill()


def test_process_serves_both_and_stops_on_sigterm(process: subprocess.Popen[bytes], tmp_path: Path) -> None:
    assert process.stdout is not None
    known = json.loads(process.stdout.readline())
    assert known == json.loads((tmp_path / "ports.json").read_text())
    assert known["pid"] == process.pid
    settings = known["settings"]
    with closing(remote_control.SimulatorProxy(known["connectwise"])) as remote:
        assert remote.call("add_board", name="Help Desk") == 1
    user = f"{settings['TBOT_CW_COMPANY']}+{settings['TBOT_CW_PUBLIC_KEY']}"
    response = requests.get(
        f"{settings['TBOT_CW_URL']}/v4_6_release/apis/3.0/service/boards",
        auth=(user, settings["TBOT_CW_PRIVATE_KEY"]),
        headers={"clientId": settings["TBOT_CW_CLIENT_ID"]},
        timeout=10,
    )
    assert [row["name"] for row in response.json()] == ["Help Desk"]
    bearer = {"Authorization": f"Bearer {settings['TBOT_WEBEX_TOKEN']}"}
    me = requests.get(f"{settings['TBOT_WEBEX_URL']}/people/me", headers=bearer, timeout=10)
    assert me.json()["type"] == "bot"
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
