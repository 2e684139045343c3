"""Control a simulator in another process: its methods, called over HTTP below `/_sim/`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec
import requests

from ticketbot.simulators import faults, middleware, request_log, webhook_sender
from ticketbot.simulators.connectwise import ConnectWise
from ticketbot.simulators.webex import Webex

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Method = Callable[..., Any]

_CONNECTWISE = (
    "add_board", "remove_board", "add_company", "add_contact", "add_member", "change", "remove", "add_ticket",
    "add_many", "update_ticket", "delete_ticket", "restore_ticket", "merge", "bundle", "add_note", "edit_note",
    "ticket", "notes", "all_notes", "tickets", "wait_for_webhooks",
)  # fmt: skip
_WEBEX = (
    "add_person", "change_person", "remove_person", "add_room", "change_room", "break_title", "remove_room",
    "join", "leave", "accept_without_posting", "messages", "refused", "wait_for_messages", "clear_messages",
)  # fmt: skip


def of_connectwise(system: ConnectWise) -> WSGIApplication:
    """Return the control routes of a tenant: its methods, faults, log of calls, and webhooks."""
    sender = system.callbacks.sender

    def configure(
        latency_s: float | None = None,
        calls_per_minute: int | None = None,
        hooks_per_change: int | None = None,
        hook_time_scale: float | None = None,
        signing_key: str | None = None,
    ) -> None:
        _set(system, latency_s=latency_s)
        if calls_per_minute is not None:
            system.calls_per_minute = calls_per_minute or None  # 0 removes the limit
        _set(system.callbacks, per_change=hooks_per_change, signing_key=signing_key)
        _set(sender, time_scale=hook_time_scale)

    def inject_faults(faults: webhook_sender.NetworkFaults) -> None:
        sender.inject_faults(faults)

    def change_callback(callback_id: int, fields: dict[str, Any]) -> None:
        system.callbacks.change(callback_id, fields)

    methods = {name: getattr(system, name) for name in _CONNECTWISE}
    own = {
        "configure": configure,
        "inject_faults": inject_faults,
        "hooks": sender.log,
        "callbacks": lambda: list(system.callbacks.entries.values()),
        "change_callback": change_callback,
    }
    return _application(methods | own | _shared(system))


def of_webex(organization: Webex) -> WSGIApplication:
    """Return the control routes of an organization: its methods, faults and log of calls."""

    def configure(latency_s: float | None = None, messages_per_s: float | None = None) -> None:
        _set(organization, latency_s=latency_s)
        if messages_per_s is not None:
            organization.messages_per_s = messages_per_s or None  # 0 removes the limit

    methods = {name: getattr(organization, name) for name in _WEBEX}
    return _application(methods | {"configure": configure} | _shared(organization))


class SimulatorProxy:
    """Calls the methods of the simulator at `url`: `SimulatorProxy(url).call("add_ticket", board=1, summary="x")`.

    Raises RuntimeError with the simulator's message if the call fails.
    """

    def __init__(self, url: str, timeout_s: float = 60.0) -> None:
        self.url = url
        self._timeout_s = timeout_s
        self._session = requests.Session()
        self._session.trust_env = False

    def call(self, name: str, /, **arguments: Any) -> Any:
        """Call a method and return its result as decoded JSON."""
        body = msgspec.json.encode(arguments)
        response = self._session.post(f"{self.url}{middleware.CONTROL}{name}", data=body, timeout=self._timeout_s)
        if response.status_code != 200:
            raise RuntimeError(f"{name}: {response.text}")
        return msgspec.json.decode(response.content)

    def close(self) -> None:
        """Close the connection."""
        self._session.close()


def _shared(service: middleware.Service) -> dict[str, Method]:
    """Return the methods that both services have: faults and the log of calls."""

    def add_fault(fault: faults.Fault) -> int:
        return service.faults.add(fault)

    def log(after: int = 0) -> list[request_log.Call]:
        return [call for call in service.calls.log() if call.number > after]

    return {
        "add_fault": add_fault,
        "remove_fault": service.faults.remove,
        "clear_faults": service.faults.clear,
        "faults": service.faults.active,
        "calls": log,
        "call_counts": service.calls.counts,
        "clear_calls": service.calls.clear,
        "peak_calls": lambda: service.calls.peak,
    }


def _set(target: object, **values: Any) -> None:
    for name, value in values.items():
        if value is not None:
            setattr(target, name, value)


def _application(methods: Mapping[str, Method]) -> WSGIApplication:
    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        name = environ["PATH_INFO"].removeprefix(middleware.CONTROL)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        status, result = _call(methods.get(name), body)
        start_response(status, [("Content-Type", "application/json")])
        return [msgspec.json.encode(result)]

    return application


def _call(method: Method | None, body: bytes) -> tuple[str, Any]:
    if method is None:
        return "404 Not Found", "no such method"
    try:
        return "200 OK", method(**_arguments(method, body))
    except (TypeError, ValueError, LookupError) as error:  # msgspec's errors are ValueErrors
        return "400 Bad Request", f"{type(error).__name__}: {error}"


def _arguments(method: Method, body: bytes) -> dict[str, Any]:
    """Decode the arguments of `method`, each as the type of its annotation."""
    arguments = msgspec.json.decode(body, type=dict[str, Any]) if body else {}
    hints = get_type_hints(method) if inspect.isroutine(method) else {}
    return {name: msgspec.convert(value, hints.get(name, Any)) for name, value in arguments.items()}
