"""WSGI middleware of both simulators: the log of calls, the latency, the faults."""

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

CONTROL = "/_sim/"  # paths below it control the simulator, and are neither logged nor subject to faults

_DESTINATIONS = ("roomId", "toPersonId", "toPersonEmail")


class Service(Protocol):
    """What the middleware needs of a simulated service."""

    calls: request_log.Calls
    faults: faults.Faults
    latency_s: float


def guard(app: WSGIApplication, service: Service, control: WSGIApplication | None = None) -> WSGIApplication:
    """Log every call to `app`, delay it, and apply the faults of `service`; `control` serves paths below `/_sim/`."""

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
            status, headers, body = _apply(fault, connection, status, headers, body)
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
        message = msgspec.json.decode(body) if body else None
    except msgspec.DecodeError:
        return ""
    fields = message if isinstance(message, dict) else {}
    return next((str(fields[key]) for key in _DESTINATIONS if fields.get(key)), "")


def _run(
    app: WSGIApplication, environ: WSGIEnvironment, fault: faults.Fault | None
) -> tuple[str, list[tuple[str, str]], bytes]:
    if fault and not fault.runs_handler:
        return "503 Service Unavailable", [], b""
    return http_server.call(app, environ)


def _apply(
    fault: faults.Fault,
    connection: http_server.Connection,
    status: str,
    headers: list[tuple[str, str]],
    body: bytes,
) -> tuple[str, list[tuple[str, str]], bytes]:
    """Apply `fault` to a response: to its content, or to how it is sent."""
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
    response = msgspec.json.decode(body)
    rows = response.get("items", [response]) if isinstance(response, dict) else response
    for row in rows:
        for key in fault.keys:
            _blank(row, key.split("/"), delete=fault.effect == "strip")
    return msgspec.json.encode(response)


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


def with_normalized_paths(inner: WSGIApplication) -> WSGIApplication:
    """Ignore double and trailing slashes, as the real server does."""

    def normalized(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = re.sub("/{2,}", "/", environ["PATH_INFO"])
        environ["PATH_INFO"] = path if path == "/" else path.rstrip("/")
        return inner(environ, start_response)

    return normalized
