"""What the webhook endpoint refuses, over real HTTP: in which order, how, and without a trace (W1, W2, W6)."""

from __future__ import annotations

import http.client
import json
import logging
import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import hypothesis
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from tests.databases import fresh_sqlite
from tests.environment import World
from ticketbot import metrics
from ticketbot.database import db
from ticketbot.models import events
from ticketbot.server import webhooks
from ticketbot.simulators import webhook_sender as signing

MARKER = "text-of-the-customer"
TICKET = 990_099
MIB = 1024 * 1024


class WebhookEndpoint:
    """A server with a cached signing key, and a client that posts webhooks."""

    def __init__(self, world: World, url: str) -> None:
        self.world, self.url = world, f"{url}{webhooks.PATH}"
        self.session = requests.Session()
        self.ignored = self.body(Type="company")
        assert self.post(self.ignored).json() == {"status": "ignored"}
        assert self.key_fetches() == 1

    def key_fetches(self) -> int:
        """Return the number of signing key fetches."""
        return sum("/system/callbackkey/" in call.path for call in self.world.connectwise.calls.log())

    def body(self, **changes: Any) -> bytes:
        """Return the body of a webhook about a ticket, with some fields changed or (...) omitted."""
        fields = {
            "MessageId": "6f1d3c1e-0000-4000-8000-000000000001",
            "CompanyId": self.world.connectwise.company,
            "Action": "updated",
            "Type": "ticket",
            "ID": TICKET,
            "Entity": json.dumps({"summary": MARKER}),
            "Metadata": {"key_url": self.world.connectwise.callbacks.key_url},
            **changes,
        }
        return json.dumps({name: value for name, value in fields.items() if value is not ...}).encode()

    def sign(self, body: bytes) -> str:
        return str(self.world.connectwise.sign(body))

    def post(self, body: bytes, signature: str | None = None, **headers: str) -> requests.Response:
        """Post a body, by default signed as ConnectWise does; an empty signature is omitted."""
        signature = self.sign(body) if signature is None else signature
        signed = {"x-content-signature": signature} if signature else {}
        response = self.session.post(self.url, data=body, headers={**signed, **headers}, timeout=10)
        if not response.ok:
            _assert_problem(response)
        return response

    def status(self, body: bytes, signature: str | None = None) -> int:
        return self.post(body, signature).status_code

    def raw(self, *lines: str, body: bytes = b"") -> bytes:
        """Send a raw request and return everything until the server closes the connection or stops sending."""
        parts = urlsplit(self.url)
        head = [
            f"POST {webhooks.PATH} HTTP/1.1",
            f"Host: {parts.netloc}",
            f"x-content-signature: {self.sign(body)}",
            *lines,
        ]
        with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
            connection.sendall("\r\n".join([*head, "Connection: close", "", ""]).encode() + body)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65_536), b""))


@pytest.fixture(scope="module")
def shared_server(migrated_sqlite: bytes) -> Iterator[WebhookEndpoint]:
    """Start one server for all tests of this module; none of them leaves anything behind."""
    with tempfile.TemporaryDirectory() as folder:
        url = fresh_sqlite(Path(folder), migrated_sqlite)
        with World(url) as world, world.server() as server:
            yield WebhookEndpoint(world, server.url)


@pytest.fixture
def endpoint(shared_server: WebhookEndpoint, caplog: pytest.LogCaptureFixture) -> Iterator[WebhookEndpoint]:
    """Return the endpoint; afterwards check for no row, no lookup, and no log line with the body."""
    caplog.set_level(logging.DEBUG)
    yield shared_server
    with db.session():
        assert events.Event.select().count() == 0
        assert events.ProcessedMessage.select().count() == 0
    paths = [call.path + call.query for call in shared_server.world.connectwise.calls.log()]
    assert not [path for path in paths if str(TICKET) in path]
    assert shared_server.key_fetches() == 1, "the one at the start"
    assert MARKER not in caplog.text


def _assert_problem(response: requests.Response) -> None:
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["X-Request-ID"]
    assert response.json()["status"] == response.status_code
    assert MARKER not in response.text
    assert "Traceback" not in response.text


class TestOrder:
    """W1: which check comes first."""

    def test_a_body_over_one_mebibyte_is_too_large_whatever_else_is_wrong(self, endpoint: WebhookEndpoint) -> None:
        assert endpoint.status(b"x" * (MIB + 1), signature="") == 413
        assert endpoint.status(b"x" * (MIB + 1), signature="forged") == 413
        assert endpoint.status(endpoint.ignored.ljust(MIB + 1)) == 413

    def test_one_mebibyte_is_read(self, endpoint: WebhookEndpoint) -> None:
        assert endpoint.post(endpoint.ignored.ljust(MIB)).json() == {"status": "ignored"}

    @pytest.mark.parametrize("body", [b"", b"not JSON", b"[]"])
    def test_body_without_a_signature_is_not_read(self, endpoint: WebhookEndpoint, body: bytes) -> None:
        assert endpoint.status(body, signature="") == 401

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"not JSON",
            b"{",
            b"[]",
            b"null",
            b"7",
            b'"text"',
            b"{}",
            b"\xff\xfe",
            b'{"Metadata": "\xff"}',
            b'{"Metadata": "\\ud800"}',
            b"NaN",
            b'{"Metadata": null}',
            b'{"Metadata": []}',
            b'{"Metadata": "https://na.myconnectwise.net"}',
            b'{"Metadata": {}}',
            b'{"Metadata": {"key_url": null}}',
            b'{"Metadata": {"key_url": ["x"]}}',
            b'{"metadata": {"key_url": "x"}}',
            b'{"Metadata": {"KEY_URL": "x"}}',
            b"[" * MIB,
            b'{"a":' * 200_000,
            b'\xef\xbb\xbf{"Metadata": {}}',
            b'\xef\xbb\xbf\xef\xbb\xbf{"Metadata": {"key_url": "x"}}',
            b'{"Metadata": {"key_url": "x"}}\xff',
            b'{"Metadata": {"key_url": "x"}, "ID": \xff}',
            b'{"Metadata": {"key_url": "x"}, "ID": "\\ud80"}',
        ],
    )
    def test_body_without_a_key_url_is_400_signed_or_not(self, endpoint: WebhookEndpoint, body: bytes) -> None:
        assert [endpoint.status(body), endpoint.status(body, signature="forged")] == [400, 400]

    @pytest.mark.parametrize(
        "body",
        [
            b'\xef\xbb\xbf{"Metadata": {"key_url": "x"}}',
            b'{"Metadata": {"key_url": "x\xff"}}',
            b'{"Metadata": {"key_url": "x\\udc00"}}',
        ],
    )
    def test_a_body_that_is_not_clean_utf_8_is_checked_like_any_other(
        self, endpoint: WebhookEndpoint, body: bytes
    ) -> None:
        assert [endpoint.status(body), endpoint.status(body, signature="forged")] == [401, 401]

    def test_signature_is_checked_before_the_rest(self, endpoint: WebhookEndpoint) -> None:
        for body in (endpoint.body(ID="x"), endpoint.body(Action="odd"), endpoint.body(Type=7)):
            assert endpoint.status(body, signature="forged") == 401

    def test_other_types_are_ignored_before_the_id_is_checked(self, endpoint: WebhookEndpoint) -> None:
        """W6."""
        assert endpoint.post(endpoint.body(Type="company", ID=None)).json() == {"status": "ignored"}


class TestForged:
    """W1, W2: without ConnectWise's signature everything is refused."""

    def test_a_signature_that_is_not_of_this_body_is_refused(self, endpoint: WebhookEndpoint) -> None:
        body = endpoint.body()
        right = endpoint.sign(body)
        other = signing.sign("another-key", body)
        for signature in (
            "x",
            right[:-1],
            right + "=",
            right.swapcase(),
            endpoint.sign(body + b" "),
            other,
            "é",
            "0" * 9000,
        ):
            assert endpoint.status(body, signature) == 401, signature

    def test_modified_or_truncated_body_is_refused(self, endpoint: WebhookEndpoint) -> None:
        body = endpoint.body()
        cut_off = body[:-20]
        assert endpoint.status(body.replace(b"990099", b"990098"), endpoint.sign(body)) == 401
        assert endpoint.status(cut_off, endpoint.sign(body)) == 400
        assert endpoint.status(body + b"\n", endpoint.sign(body)) == 401

    @pytest.mark.parametrize("company", [None, ..., "", "other", 7, 0, True, [], {}, ["examplemsp"], "examplemsp\0"])
    def test_a_webhook_of_another_company_is_refused(self, endpoint: WebhookEndpoint, company: object) -> None:
        assert endpoint.status(endpoint.body(CompanyId=company)) == 401

    def test_key_url_of_a_stranger_is_not_fetched(self, endpoint: WebhookEndpoint) -> None:
        """no-stray-requests: the signature is valid for a key that the attacker serves."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(0.05)
            port = listener.getsockname()[1]
            for authority in (f"127.0.0.1:{port}", f"localhost:{port}", f"[::ffff:127.0.0.1]:{port}"):
                key_url = f"http://{authority}/v2025_1//system/callbackkey/index.rails?companyName=examplemsp"
                body = endpoint.body(Metadata={"key_url": key_url})
                assert endpoint.status(body, signing.sign("his-key", body)) == 401
            with pytest.raises(TimeoutError):
                listener.accept()

    def test_key_url_of_another_tenant_is_not_fetched(self, endpoint: WebhookEndpoint) -> None:
        """W2: other tenants have keys, too."""
        callbacks = endpoint.world.connectwise.callbacks
        callbacks.other_tenants["evil"] = "their-key"
        for query in (
            "companyName=evil",
            "companyName=evil&companyName=examplemsp",
            "companyName=examplemsp&CompanyName=evil",
        ):
            key_url = callbacks.key_url.replace("companyName=examplemsp", query)
            body = endpoint.body(Metadata={"key_url": key_url})
            assert endpoint.status(body, signing.sign("their-key", body)) == 401

    @pytest.mark.parametrize(
        "key_url",
        ["", "x", "file:///etc/passwd", "http://169.254.169.254/system/callbackkey/", "http://[", "\0", "é" * 5000],
    )
    def test_key_url_on_another_host_is_refused(self, endpoint: WebhookEndpoint, key_url: str) -> None:
        """no-stray-requests."""
        assert endpoint.status(endpoint.body(Metadata={"key_url": key_url})) == 401


class TestTrace:
    """A2: what is refused is counted by reason, and logged once per address and minute, without its body (W1)."""

    def test_each_reason_is_counted(self, endpoint: WebhookEndpoint) -> None:
        body = endpoint.body()
        refused = {
            "no_signature": (body, ""),
            "malformed": (b"{", "x"),
            "foreign_key_url": (endpoint.body(Metadata={"key_url": "https://keys.example"}), "x"),
            "other_company": (endpoint.body(CompanyId="other"), "x"),
            "wrong_signature": (body, "x"),
            "too_large": (b" " * (MIB + 1), "x"),
        }
        for reason, (content, signature) in refused.items():
            before = _refused(reason)
            assert endpoint.status(content, signature) in (400, 401, 413)
            assert _refused(reason) == before + 1, reason

    def test_an_address_is_logged_once_a_minute(self, sqlite: str, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        with World(sqlite) as world, world.server(TBOT_WORKERS="1") as server:
            endpoint = WebhookEndpoint(world, server.url)
            for _ in range(3):
                assert endpoint.status(endpoint.body(), "x") == 401
        (line,) = [line for record in caplog.records if "refused" in (line := record.getMessage())]
        assert line.startswith("refused POST /hooks/cw/tickets from 127.0.0.1: wrong signature; further refusals of")
        assert MARKER not in caplog.text


def _refused(reason: str) -> float:
    return metrics.REGISTRY.get_sample_value("tbot_hooks_refused_total", {"reason": reason}) or 0.0


class TestContent:
    """W6: signed bodies that are no webhook about a ticket."""

    @pytest.mark.parametrize("ticket_id", [
        None, ..., "", "990099", 990099.0, 1e30, 1.5, True, False, 0, -1, 2**63, 10**30, [], [990099], {}, {"id": 1},
    ])  # fmt: skip
    def test_non_integer_id_is_400(self, endpoint: WebhookEndpoint, ticket_id: object) -> None:
        assert endpoint.status(endpoint.body(ID=ticket_id)) == 400

    @pytest.mark.parametrize("field", ["Action", "Type"])
    @pytest.mark.parametrize("value", [None, ..., "", "odd", "tickets", 7, True, [], ["ticket"], {}, {"a": [[[[]]]]}])
    def test_another_action_or_type_is_ignored_and_logged(
        self, endpoint: WebhookEndpoint, field: str, value: object, caplog: pytest.LogCaptureFixture
    ) -> None:
        response = endpoint.post(endpoint.body(**{field: value}))

        assert (response.status_code, response.json()) == (200, {"status": "ignored"})
        assert "ignored a webhook of an unsupported type" in caplog.text

    def test_an_action_nested_as_deep_as_json_is_read_is_ignored(self, endpoint: WebhookEndpoint) -> None:
        """no-leaks."""
        for depth in (400, 900, 990):
            body = endpoint.body(Action="ACTION").replace(b'"ACTION"', b"[" * depth + b"]" * depth)
            assert endpoint.status(body) in (200, 400)


class TestTransport:
    """W1: wrong lengths, chunks, other methods."""

    @pytest.mark.parametrize(
        ("size", "status"),
        [(None, 200), (MIB, 200), (MIB + 1, 413), (3 * MIB, 413)],
        ids=["short", "most", "more", "much"],
    )
    def test_chunked_body_is_limited_as_a_whole(self, endpoint: WebhookEndpoint, size: int | None, status: int) -> None:
        """W1: without a Content-Length."""
        body, parts = endpoint.ignored.ljust(size or 0), urlsplit(endpoint.url)
        with closing(http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)) as connection:
            headers = {"x-content-signature": endpoint.sign(body), "Transfer-Encoding": "chunked"}
            pieces = (body[start : start + 50_000] for start in range(0, len(body), 50_000))
            connection.request("POST", webhooks.PATH, pieces, headers, encode_chunked=True)
            assert connection.getresponse().status == status

    @pytest.mark.parametrize(
        ("lines", "status"),
        [
            (["Content-Length: 99999999999"], b"413"),
            (["Content-Length: -1"], b"400"),
            (["Content-Length: +5"], b"400"),
            (["Content-Length: 0x10"], b"400"),
            (["Content-Length: 1", "Content-Length: 2"], b"400"),
            (["Transfer-Encoding: gzip"], b"501"),
            ([], b"400"),
            (["Content-Length: 0"], b"400"),
        ],
    )
    def test_invalid_content_length_is_refused(
        self, endpoint: WebhookEndpoint, lines: list[str], status: bytes
    ) -> None:
        """W1: without a length the body is empty, which is no JSON."""
        assert endpoint.raw(*lines, body=endpoint.ignored).split()[1] == status

    def test_too_short_content_length_truncates_the_body(self, endpoint: WebhookEndpoint) -> None:
        """W1: the rest is no webhook either."""
        body = endpoint.body()
        response = endpoint.raw(f"Content-Length: {len(body) - 5}", body=body)
        assert response.split()[1] == b"400"
        assert b" 200 " not in response

    def test_body_shorter_than_its_content_length_is_not_accepted(self, endpoint: WebhookEndpoint) -> None:
        """W1: the sender has disconnected."""
        body = endpoint.body()
        assert b" 200 " not in endpoint.raw(f"Content-Length: {len(body) + 5}", body=body)

    @pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "ODD"])
    def test_any_other_method_is_refused(self, endpoint: WebhookEndpoint, method: str) -> None:
        response = requests.request(method, endpoint.url, timeout=10)
        assert response.status_code == 405
        assert response.headers["Allow"] == "POST"
        _assert_problem(response)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
signatures = st.one_of(st.just("signed"), st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60))
FUZZ = hypothesis.settings(max_examples=150, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])


@FUZZ
@given(
    body=st.one_of(st.binary(max_size=300), json_values.map(lambda value: json.dumps(value).encode())),
    signature=signatures,
)
def test_random_bodies_are_never_accepted_and_break_nothing(
    endpoint: WebhookEndpoint, body: bytes, signature: str
) -> None:
    """W1, no-leaks: neither 2xx nor 5xx."""
    status = endpoint.status(body, None if signature == "signed" else signature)

    assert status in (400, 401)


@FUZZ
@given(at=st.integers(min_value=0), junk=st.binary(max_size=6))
def test_bytes_put_anywhere_into_a_signed_webhook_break_nothing(
    endpoint: WebhookEndpoint, at: int, junk: bytes
) -> None:
    """W1: not about a ticket, so that it is not accepted."""
    body = endpoint.ignored
    at %= len(body) + 1

    assert endpoint.status(body[:at] + b"\xff" + junk + body[at:]) in (200, 400, 401)


FIELDS = ("MessageId", "CompanyId", "MemberId", "Action", "Type", "ID", "Entity", "CallbackObjectRecId", "Metadata")


@FUZZ
@given(field=st.sampled_from(FIELDS), value=json_values)
def test_no_value_of_any_field_breaks_anything(endpoint: WebhookEndpoint, field: str, value: Any) -> None:
    """no-leaks: correctly signed, and not about a ticket, so that it is not accepted."""
    status = endpoint.status(
        endpoint.body(**{"Type": "company", field: value}) if field != "Type" else endpoint.body(Type=value)
    )

    assert status in (200, 400, 401)
