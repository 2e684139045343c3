"""What every call to a simulated service passes on its way in and out: the log, the latency, the faults."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Iterable
from http.client import responses
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote_plus

import msgspec

from ticketbot.simulators import faults, http_server, request_log

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CONTROL = "/_sim/"  # paths below it steer the simulator and pass the gate untouched

_DESTINATIONS = ("roomId", "toPersonId", "toPersonEmail")


class Service(Protocol):
    """What the gate reads of a simulated service on every call."""

    calls: request_log.Calls
    faults: faults.Faults
    latency_s: float


def guard(app: WSGIApplication, service: Service, control: WSGIApplication | None = None) -> WSGIApplication:
    """Let every call to `app` be logged, delayed and struck by faults as `service` says.

    `control` answers below `/_sim/`, undisturbed.
    """

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if control and environ["PATH_INFO"].startswith(CONTROL):
            return control(environ, start_response)
        request = _request(environ)
        call = service.calls.begin(request.method, request.path, request.query)
        fault = service.faults.apply(request)
        connection = environ.get(http_server.CONNECTION) or http_server.Connection(threading.Event())
        connection.pause(service.latency_s + (fault.delay_s if fault else 0))
        status, headers, body = _run(app, environ, fault)
        if fault:
            call.fault = fault.id
            status, headers, body = _spoil(fault, connection, status, headers, body)
        if fault or not status.startswith("2"):
            call.body, call.destination = request.body, request.destination
        call.handled = not fault or fault.runs_handler
        service.calls.end(call, 0 if connection.silent else int(status[:3]))
        start_response(status, headers)
        return [body]

    return guarded


def _request(environ: WSGIEnvironment) -> faults.Request:
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return faults.Request(
        method=environ["REQUEST_METHOD"],
        path=environ["PATH_INFO"],
        query=unquote_plus(environ["QUERY_STRING"]),
        body=body.decode("utf-8", "replace"),
        destination=_destination(body),
    )


def _destination(body: bytes) -> str:
    try:
        asked = msgspec.json.decode(body) if body else None
    except msgspec.DecodeError:
        return ""
    named = asked if isinstance(asked, dict) else {}
    return next((str(named[key]) for key in _DESTINATIONS if named.get(key)), "")


def _run(
    app: WSGIApplication, environ: WSGIEnvironment, fault: faults.Fault | None
) -> tuple[str, list[tuple[str, str]], bytes]:
    if fault and not fault.runs_handler:
        return "503 Service Unavailable", [], b""
    return http_server.call(app, environ)


def _spoil(
    fault: faults.Fault,
    connection: http_server.Connection,
    status: str,
    headers: list[tuple[str, str]],
    body: bytes,
) -> tuple[str, list[tuple[str, str]], bytes]:
    """Apply `fault` to an answer: to what it says, or to how it leaves."""
    match fault.effect:
        case "pass":
            headers = [*headers, *fault.headers.items()]
        case "answer":
            status = f"{fault.status} {responses.get(fault.status, 'Unknown')}"
            headers = [("Content-Type", fault.content_type), *fault.headers.items()]
            body = fault.content.encode()
        case "drop":
            connection.silent = True
        case "half":
            connection.body_limit = len(body) // 2
        case "drip":
            connection.drip_s = fault.drip_s
        case "hang_up":
            connection.hang_up = True
        case "strip" | "null":
            body = _without_keys(fault, body)
    return status, headers, body


def _without_keys(fault: faults.Fault, body: bytes) -> bytes:
    answer = msgspec.json.decode(body)
    rows = answer.get("items", [answer]) if isinstance(answer, dict) else answer
    for row in rows:
        for key in fault.keys:
            _blank(row, key.split("/"), delete=fault.effect == "strip")
    return msgspec.json.encode(answer)


def _blank(row: Any, path: list[str], *, delete: bool) -> None:
    *parents, last = path
    for parent in parents:
        row = row.get(parent) if isinstance(row, dict) else None
    if not isinstance(row, dict):
        return
    if delete:
        row.pop(last, None)
    else:
        row[last] = None


def with_tidy_paths(inner: WSGIApplication) -> WSGIApplication:
    """Let `//` and a trailing `/` mean what they mean to the real server: nothing."""

    def tidied(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = re.sub("/{2,}", "/", environ["PATH_INFO"])
        environ["PATH_INFO"] = path if path == "/" else path.rstrip("/")
        return inner(environ, start_response)

    return tidied
