"""Speak HTTP with a Ticketbot server; what it refuses becomes our errors in the server's own words.

    Unreadable, InvalidInput    400 and 422, fields named        TooLarge           413
    NotAllowed, ScopeTooNarrow  401 and 403                      TooMany            429
    NotFound                    404                              RemoteUnavailable  502: ConnectWise or Webex failed it
    Conflict                    409                              Unreachable        503, no answer, or not a Ticketbot's

Anything else is a bug of the server: a plain `TicketbotError` that names the request.
"""

from __future__ import annotations

import ssl
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

import msgspec
import requests

from ticketbot import errors
from ticketbot.api import responses
from ticketbot.api.requests import MAX_LIMIT
from ticketbot.settings import types

TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 5.0

T = TypeVar("T")
Query = Mapping[str, str | int | None]

_REFUSALS: tuple[type[errors.TicketbotError], ...] = (
    errors.NotAllowed,
    errors.ScopeTooNarrow,
    errors.NotFound,
    errors.Conflict,
    errors.TooLarge,
)


class Connection:
    """One server and one API key, over connections that are kept. `transport` takes the place of the network.

    Proxies named in the environment are used only for https to another host.
    """

    def __init__(
        self, base_url: str, api_key: str, *, timeout_s: float, transport: requests.adapters.BaseAdapter | None = None
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._timeout_s = timeout_s
        self._session = requests.Session()
        # A proxy of the environment may only ever see an encrypted tunnel: plain http would show it the key.
        self._session.trust_env = _may_use_proxy(self.base_url)
        self._session.auth = _Bearer(api_key)
        if transport is not None:
            self._session.mount(self.base_url, transport)

    def close(self) -> None:
        """Close the connections that are kept."""
        self._session.close()

    def get(self, path: str, model: type[T], query: Query | None = None) -> T:
        """Return what is at a path."""
        return self._read(self._send("GET", path, query), model)

    def call(
        self,
        method: str,
        path: str,
        model: type[T],
        *,
        query: Query | None = None,
        body: object = None,
        expect: Collection[int] = (),
        timeout_s: float | None = None,
    ) -> T:
        """Send a request and return the answer, which any status of `expect` may carry; a text is sent as TOML."""
        return self._read(self._send(method, path, query, body=body, expect=expect, timeout_s=timeout_s), model)

    def text(self, path: str) -> str:
        """Return what is at a path and is no JSON."""
        return self._send("GET", path).content.decode(errors="replace")

    def delete(self, path: str) -> None:
        """Delete what is at a path."""
        self._send("DELETE", path)

    def rows(self, path: str, model: type[T], limit: int | None, newest: bool, query: Query | None = None) -> list[T]:
        """Return the rows of a list, page after page until there are `limit`, or no more."""
        found: list[T] = []
        page: dict[str, str | int | None] = {**(query or {}), "order": "desc" if newest else None}
        while limit is None or len(found) < limit:
            page["limit"] = MAX_LIMIT if limit is None else min(limit - len(found), MAX_LIMIT)
            response = self._send("GET", path, page)
            more: Any = self._read(response, list[model])  # type: ignore[valid-type]
            found += more
            if "next" not in response.links or not more:
                break
            page["after"] = more[-1].id
        return found

    def _send(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        *,
        body: object = None,
        expect: Collection[int] = (),
        timeout_s: float | None = None,
    ) -> requests.Response:
        try:
            response = self._session.request(
                method,
                f"{self.base_url}{path}",
                params={name: _query_value(value) for name, value in (query or {}).items() if value is not None},
                data=None if body is None else _encoded(body),
                headers=None if body is None else {"Content-Type": _content_type(body)},
                timeout=(CONNECT_TIMEOUT_S, timeout_s or self._timeout_s),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            if _is_about_certificate(error):
                raise errors.Unreachable(
                    f"This machine does not trust the certificate of {self.base_url}. Install one that it trusts, or "
                    "set REQUESTS_CA_BUNDLE to the file of whoever signed it"
                ) from error
            raise errors.NoServer(f"Cannot reach {self.base_url}") from error
        if not 200 <= response.status_code < 300 and response.status_code not in expect:
            raise _to_error(response, self.base_url)
        return response

    def _read(self, response: requests.Response, model: type[T]) -> T:
        try:
            return msgspec.json.decode(response.content, type=model)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise errors.NoServer(f"{self.base_url} runs an incompatible version of Ticketbot") from error


def _is_about_certificate(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__context__
    return error is not None


def _encoded(body: object) -> bytes:
    return body.encode() if isinstance(body, str) else msgspec.json.encode(body)


def _content_type(body: object) -> str:
    return "application/toml" if isinstance(body, str) else "application/json"


def _may_use_proxy(url: str) -> bool:
    try:
        return types.is_encrypted(url) and not types.is_loopback(url)
    except ValueError:  # not an address: the request will say so
        return False


class _Bearer(requests.auth.AuthBase):
    """Send our key and nothing else: without this requests would prefer what a .netrc says about the host."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._key:
            request.headers["Authorization"] = f"Bearer {self._key}"
        return request


def _query_value(value: str | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _to_error(response: requests.Response, base_url: str) -> errors.TicketbotError:
    """Return the error that a response describes, in the words of its problem document."""
    try:
        problem = msgspec.json.decode(response.content, type=responses.Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return errors.NoServer(f"{base_url} is not a Ticketbot server (HTTP {response.status_code})")
    status, detail = response.status_code, problem.detail or problem.title
    if status in (400, 422):
        field_errors = [errors.FieldError(each.field, each.message) for each in problem.errors]
        return (errors.Unreadable if status == 400 else errors.InvalidInput)(detail, field_errors)
    if status == 429:
        return errors.TooMany(detail, _retry_after_s(response.headers.get("Retry-After")))
    if status == 502:
        return errors.RemoteUnavailable(detail, service="remote", tracking_id=problem.tracking_id)
    if status == 503:
        return errors.Unreachable(f"{base_url} is unavailable: {detail}")
    for refusal in _REFUSALS:
        if refusal.http_status == status:
            return refusal(detail)
    request_id = response.headers.get("X-Request-ID", "without an id")
    return errors.TicketbotError(f"{base_url}: {problem.title}: {detail} (HTTP {status}, request {request_id})")


def _retry_after_s(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 5
