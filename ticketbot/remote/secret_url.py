"""Call an address that is itself a secret, as `alert_url` is: no error, log line or metric holds any part of it."""

from __future__ import annotations

import json
from contextlib import closing

import requests
import urllib3

from ticketbot import errors, failpoints
from ticketbot.remote import http_service

TIMEOUT_S = (5.0, 10.0)  # to connect, to answer


def call(name: str, url: str, body: object = None) -> None:
    """Post a body as JSON, or get the address if there is none; what is answered besides the status is not read.

    Raises `RemoteError` with `name` as its service for everything but a 2xx: `RemoteDenied` for 401 and 403, else
    `RemoteUnavailable`. Redirects are not followed.
    """
    method, content = ("GET", None) if body is None else ("POST", json.dumps(body).encode())
    failpoints.hit(f"{name}.before")
    try:
        status = _status(method, url, content)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        # No cause: its text holds the address.
        raise errors.RemoteUnavailable(f"{name}: {http_service.what_broke(error)}", service=name) from None
    failpoints.hit(f"{name}.after")
    if not 200 <= status < 300:
        kind = errors.RemoteDenied if status in (401, 403) else errors.RemoteUnavailable
        raise kind(f"{name}: answered {status}", service=name, status=status)


def _status(method: str, url: str, content: bytes | None) -> int:
    headers = {} if content is None else {"Content-Type": "application/json"}
    with (
        http_service.new_session(headers) as session,
        closing(
            session.request(method, url, data=content, timeout=TIMEOUT_S, allow_redirects=False, stream=True)
        ) as response,
    ):
        return int(response.status_code)
