"""Call an external service over HTTP: pooled connections, bounded responses, every failure as one of our errors."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import msgspec
import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import parse_header_links

from ticketbot import errors, failpoints
from ticketbot.remote import json_values, retry_after

CONNECTIONS = 500  # kept open at most per service: 64 workers look up six people at once, and a sync reads beside
IDLE_PROBE_S = 60  # below the idle time after which NAT gateways forget a connection without a word (AWS: 350 s)
MAX_RESPONSE_BYTES = 64 * 1024 * 1024  # a thousand whole tickets are some 15 MB
MAX_RESPONSE_S = 120.0  # the read timeout restarts with every byte, so a slow trickle needs a limit of its own
LONGEST_MESSAGE = 300
SHORTEST_SECRET = 4  # blanking anything shorter would blank half of every text

DEFAULT_PORTS = {"http": 80, "https": 443}
NOT_CONNECTED = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    ssl.SSLCertVerificationError,
)

OnCall = Callable[[str, str, str, float], None]


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def ignore_call(service: str, operation: str, status: str, seconds: float) -> None:
    """Count nothing: the `on_call` of a service without metrics."""


class Problem(msgspec.Struct, frozen=True):
    """What a service says is wrong: its HTTP status, its own code where it has one, its words."""

    status: int
    code: str | None
    message: str | None


class HttpResponse(msgspec.Struct, frozen=True):
    """An answer as it came: `call` (method and path) that it belongs to, status, headers and parsed body."""

    call: str
    status: int
    headers: Mapping[str, str]
    body: Any = None

    @property
    def next_link(self) -> str | None:
        """Return the address of the next page, as the service names it."""
        links = parse_header_links(self.headers.get("Link", ""))
        return next((link["url"] for link in links if "next" in link.get("rel", "").lower().split()), None)

    @property
    def served_at(self) -> datetime | None:
        """Return the time on the service's clock."""
        return retry_after.http_date(self.headers.get("Date", ""))


class HttpService:
    """A client of one external service; any number of threads may share one.

    Keeps connections and nothing else: no cookies, no proxies or credentials from the environment, no
    redirects followed, no request to another host than that of `url`. `refusal` names the error for a
    4xx other than 401, 423 and 429. `on_call(service, operation, status, seconds)` is called once for
    every HTTP call; the status is `error` when there was no whole answer; `on_date` with the time on the service's
    clock, where a 2xx tells it. `secrets` are blanked in texts.
    Raises SettingsError for a `url` that is none.
    """

    def __init__(
        self,
        name: str,
        label: str,
        url: str,
        *,
        headers: Mapping[str, str],
        secrets: tuple[str, ...],
        refusal: Callable[[Problem], type[errors.RemoteError]],
        tracking_header: str,
        connect_timeout_s: float,
        read_timeout_s: float,
        on_call: OnCall,
        now: Callable[[], datetime],
        on_date: Callable[[datetime], object] = lambda _: None,
    ) -> None:
        self.name = name
        self.label = label
        self.url = url.rstrip("/")
        try:
            self._base, self._origin = urlsplit(self.url), _origin(self.url)
        except ValueError as error:
            raise errors.SettingsError(f"{label}: {url} is no address: {error}") from error
        self._secrets = tuple(secret for secret in secrets if len(secret) >= SHORTEST_SECRET)
        self._refusal = refusal
        self._tracking_header = tracking_header
        self._timeout = (connect_timeout_s, read_timeout_s)
        self._on_call = on_call
        self._now = now
        self._on_date = on_date
        self._session = new_session(headers)
        self._answered_s = time.monotonic()

    def call(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        query: Mapping[str, str | int] | None = None,
        body: object = None,
    ) -> HttpResponse:
        """Send one request and return its 2xx answer, whose body is None when it was empty.

        `path` is below `url`, or an address that the service itself named (a `Link`), which must lie on
        the same host. Raises a `RemoteError` for everything that is not a 2xx with JSON.
        """
        address = self._address(path)
        call = f"{method} {urlsplit(address).path.removeprefix(self._base.path)}"
        url = address + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        started = time.perf_counter()
        status = "error"
        failpoints.hit(f"{self.name}.before")
        try:
            response, content = self._exchange(method, url, body)
            failpoints.hit(f"{self.name}.after")
            status = str(response.status_code)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # No cause: a library's text may quote a header that it did not like.
            raise self._no_answer(call, error) from None
        finally:
            self._on_call(self.name, operation, status, time.perf_counter() - started)
        return self._to_response(call, response, content)

    def has_answered_within(self, seconds: float) -> bool:
        """Return whether the service has answered a request with 2xx lately, or we have just begun."""
        return time.monotonic() - self._answered_s < seconds

    def close(self) -> None:
        """Close the connections that are kept."""
        self._session.close()

    def unusable(self, answer: HttpResponse, why: str) -> errors.RemoteUnavailable:
        """Return the error for an unusable 2xx; the request may have taken effect."""
        return errors.RemoteUnavailable(
            self._one_line(f"{self.label}: {answer.call} answered {answer.status}, but {why}", answer),
            service=self.name,
            status=answer.status,
            tracking_id=self._tracking_id(answer),
            outcome_unknown=True,
        )

    def _address(self, path: str) -> str:
        if path.startswith("/"):
            return self.url + path
        try:
            theirs, same_host = urlsplit(path), _origin(path) == self._origin
        except ValueError:  # not an address at all
            same_host = False
        if not same_host:
            raise errors.RemoteUnavailable(
                f"{self.label}: the next page is said to be on another host, which is not asked", service=self.name
            )
        # Rebuilt from our own host: no trick of spelling can send our credentials elsewhere.
        return urlunsplit((self._base.scheme, self._base.netloc, theirs.path, theirs.query, ""))

    def _exchange(self, method: str, url: str, body: object) -> tuple[requests.Response, bytes]:
        response = self._session.request(
            method,
            url,
            data=None if body is None else json.dumps(body).encode(),
            headers=None if body is None else {"Content-Type": "application/json"},
            timeout=self._timeout,
            allow_redirects=False,
            stream=True,
        )
        with closing(response):
            return response, _read(response)

    def _to_response(self, call: str, response: requests.Response, content: bytes) -> HttpResponse:
        status = response.status_code
        try:
            # Replaced rather than refused: one broken character must not hide a whole ticket for ever.
            body = json.loads(content.decode("utf-8-sig", "replace")) if content.strip() else None
        except (ValueError, RecursionError):
            if 200 <= status < 300:
                raise self.unusable(HttpResponse(call, status, response.headers), "not with JSON") from None
            body = None
        answer = HttpResponse(call, status, response.headers, body)
        if 200 <= status < 300:
            self._answered_s = time.monotonic()
            if answer.served_at is not None:
                self._on_date(answer.served_at)
            return answer
        raise self._refused(answer)

    def _refused(self, answer: HttpResponse) -> errors.RemoteError:
        problem = _problem(answer)
        message = self._one_line(
            f"{self.label}: {answer.call} answered {answer.status}: {problem.message or 'no reason given'}", answer
        )
        kind = self._kind(problem)
        tracking_id = self._tracking_id(answer)
        if issubclass(kind, errors.RemoteThrottled):
            wait_s = retry_after.retry_after_s(answer.headers.get("Retry-After"), self._now())
            return kind(message, service=self.name, status=answer.status, tracking_id=tracking_id, retry_after_s=wait_s)
        return kind(message, service=self.name, status=answer.status, tracking_id=tracking_id)

    def _kind(self, problem: Problem) -> type[errors.RemoteError]:
        if problem.status in (423, 429):
            return errors.RemoteThrottled
        if problem.status == 401:
            return errors.RemoteDenied
        if 400 <= problem.status < 500:
            return self._refusal(problem)
        return errors.RemoteUnavailable

    def _no_answer(self, call: str, error: Exception) -> errors.RemoteUnavailable:
        return errors.RemoteUnavailable(
            f"{self.label}: {call} {what_broke(error)}", service=self.name, outcome_unknown=not _never_sent(error)
        )

    def _tracking_id(self, answer: HttpResponse) -> str | None:
        body = answer.body if isinstance(answer.body, Mapping) else {}
        found = json_values.text(answer.headers.get(self._tracking_header), body.get("trackingId"))
        return self._blank(_printable(found))[:100] if found else None

    def _one_line(self, message: str, answer: HttpResponse) -> str:
        tracking_id = self._tracking_id(answer)
        message = self._blank(_printable(message))
        if len(message) > LONGEST_MESSAGE:
            message = message[: LONGEST_MESSAGE - 1] + "…"
        return f"{message} ({tracking_id})" if tracking_id else message

    def _blank(self, message: str) -> str:
        for secret in self._secrets:
            message = message.replace(secret, "***")
        return message


class _Adapter(HTTPAdapter):
    """Keep idle connections alive, so that one the network has forgotten is noticed before it is used."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        options = [
            *urllib3.connection.HTTPConnection.default_socket_options,
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        ]
        if hasattr(socket, "TCP_KEEPIDLE"):
            options.append((socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, IDLE_PROBE_S))
        super().init_poolmanager(*args, socket_options=options, **kwargs)


def new_session(headers: Mapping[str, str]) -> requests.Session:
    """Return a session that takes nothing from the environment, and keeps no cookies."""
    session = requests.Session()
    session.trust_env = False  # no proxy, no .netrc: only the settings decide address and credentials
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.update({"User-Agent": "ticketbot", **headers})
    adapter = _Adapter(pool_maxsize=CONNECTIONS)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _read(response: requests.Response) -> bytes:
    deadline = time.monotonic() + MAX_RESPONSE_S
    content = bytearray()
    response.raw.decode_content = True
    while piece := response.raw.read1(65_536):
        content += piece
        if len(content) > MAX_RESPONSE_BYTES or time.monotonic() > deadline:
            raise requests.exceptions.ContentDecodingError("a response too large or too slow")
    return bytes(content)


def _never_sent(error: Exception) -> bool:
    """Return whether the request surely never left: it could not be written, or no connection came about."""
    return isinstance(error, ValueError) or any(isinstance(cause, NOT_CONNECTED) for cause in _causes(error))


def what_broke(error: Exception) -> str:
    """Return why a request has got no answer, without its address."""
    *_, root = _causes(error)
    reason = root.strerror if isinstance(root, OSError) and root.strerror else type(root).__name__
    if _never_sent(error):
        return f"could not be sent: {reason}"
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return "was not answered in time"
    return f"got no whole answer: {reason}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _origin(url: str) -> tuple[str, str | None, int | None, str | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or DEFAULT_PORTS.get(parts.scheme), parts.username


def _problem(answer: HttpResponse) -> Problem:
    """Read the errors of both: `{code | error, message, errors: [{message}]}`, `{message, errors: [{description}]}`."""
    if not isinstance(answer.body, Mapping):
        return Problem(answer.status, None, _describe_non_json(answer))
    body = answer.body
    details = body.get("errors")
    words = [json_values.text(body.get("message"))]
    for detail in details if isinstance(details, list) else []:
        words += (
            [json_values.text(detail.get("message"), detail.get("description"))] if isinstance(detail, Mapping) else []
        )
    message = "; ".join(dict.fromkeys(word for word in words if word))
    return Problem(answer.status, json_values.text(body.get("code"), body.get("error")), message or None)


def _describe_non_json(answer: HttpResponse) -> str | None:
    if 300 <= answer.status < 400:
        return "it points to another address, which is not followed"
    return "HTML" if "html" in answer.headers.get("Content-Type", "").lower() else None


def _printable(text: str) -> str:
    """Put a text on one line that no terminal obeys."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
