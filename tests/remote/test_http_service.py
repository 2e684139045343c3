"""What is sent, where to, and what is said when it fails: headers, hosts, pages, secrets, waiting times."""

from __future__ import annotations

import base64
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.remote.cassettes import CREDENTIALS, TOKEN
from tests.remote.requesting import failure, send
from tests.remote.rude_server import Received, Rude, RudeServer, response
from ticketbot import errors
from ticketbot.connectwise.connectwise_client import ConnectWise
from ticketbot.connectwise.rate_limit import RateLimiter
from ticketbot.remote import http_service, retry_after
from ticketbot.webex.webex_client import Webex

NOW = datetime(2026, 3, 4, 10, tzinfo=UTC)


class TestElsewhere:
    """no-stray-requests: no request, and no credential, goes to a host that is not configured."""

    @pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
    def test_redirects_are_not_followed(
        self, rude: RudeServer, elsewhere: RudeServer, rude_connectwise: ConnectWise, status: str
    ) -> None:
        rude.always(response(b"", status, Location=elsewhere.url))
        assert "not followed" in str(failure(lambda: rude_connectwise.ticket(69)))

    @pytest.mark.parametrize(
        "link",
        [
            "{elsewhere}/v1/rooms?after=x",
            "http://{host}@{other}/v1/rooms",
            "http://{host}:80@{other}/v1/rooms",
            "http://user:pass@{host}/v1/rooms",
            "https://{host}/v1/rooms",
            "http://[::ffff:127.0.0.1]:{port}/v1/rooms",
            "http://{host}.example.com/v1/rooms",
            "http://{other}\\@{host}/v1/rooms",
            "http://{host}:99999/v1/rooms",
            "http://[::1/v1/rooms",
            "ftp://{host}/v1/rooms",
            "file:///etc/passwd",
            "rooms?after=x",
            "",
        ],
    )
    def test_a_next_page_on_another_host_is_refused(
        self, rude: RudeServer, elsewhere: RudeServer, rude_webex: Webex, link: str
    ) -> None:
        host, other = rude.url.removeprefix("http://"), elsewhere.url.removeprefix("http://")
        link = link.format(elsewhere=elsewhere.url, host=host, other=other, port=other.partition(":")[2])
        rude.always(response({"items": [{"id": "a"}]}, Link=f'<{link}>; rel="next"'))
        assert "another host" in str(failure(rude_webex.rooms))
        assert len(rude.received) == 1

    @pytest.mark.parametrize("link", ["//{other}/v1/rooms", "/\\{other}/v1/rooms", "/@{other}/v1/rooms"])
    def test_a_next_page_without_a_host_stays_on_ours(
        self, rude: RudeServer, elsewhere: RudeServer, rude_webex: Webex, link: str
    ) -> None:
        link = link.format(other=elsewhere.url.removeprefix("http://"))
        rude.reply = lambda request: response(
            {"items": [{"id": request.line}]}, **({} if len(rude.received) > 1 else {"Link": f'<{link}>; rel="next"'})
        )
        assert len(rude_webex.rooms()) == 2

    def test_the_environment_names_no_proxy_and_no_credentials(
        self,
        rude: RudeServer,
        elsewhere: RudeServer,
        rude_webex: Webex,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path_factory: pytest.TempPathFactory,
    ) -> None:
        netrc = tmp_path_factory.mktemp("home") / "netrc"
        netrc.write_text("machine 127.0.0.1 login somebody password else\n")
        monkeypatch.setenv("NETRC", str(netrc))
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, elsewhere.url)
        rude.always(response({"id": "message"}))
        assert send(rude_webex) == "message"
        assert rude.received[0].headers["authorization"] == f"Bearer {TOKEN}"


class TestRequests:
    """What every request carries, and what is kept between two of them."""

    def test_connectwise_request_has_client_id_and_version(
        self, rude: RudeServer, rude_connectwise: ConnectWise
    ) -> None:
        rude.always(response({"id": 69}))
        rude_connectwise.ticket(69)
        (request,) = rude.received
        assert request.line == "GET /v4_6_release/apis/3.0/service/tickets/69 HTTP/1.1"
        scheme, _, credentials = request.headers["authorization"].partition(" ")
        assert scheme == "Basic"
        assert base64.b64decode(credentials) == b"examplemsp+cassette-public-key:cassette-private-key"
        assert request.headers["clientid"] == CREDENTIALS["client_id"]
        assert request.headers["accept"] == "application/vnd.connectwise.com+json; version=2025.1"

    @pytest.mark.parametrize(("recipient_type", "field"), [("room", b"roomId"), ("person", b"toPersonId")])
    def test_message_request_has_no_empty_fields(
        self, rude: RudeServer, rude_webex: Webex, recipient_type: str, field: bytes
    ) -> None:
        rude.always(response({"id": "message"}))
        rude_webex.send(recipient_type, "abc", "*hi*")
        (request,) = rude.received
        assert request.body == b'{"' + field + b'": "abc", "markdown": "*hi*"}'
        assert request.headers["content-type"] == "application/json"

    def test_empty_lookups_send_no_request(self, rude: RudeServer, rude_webex: Webex) -> None:
        """An empty address is answered with 404, and no ids at all with 400."""
        assert rude_webex.people_by_email(" ") == rude_webex.people_by_ids([]) == []
        assert rude.received == []

    def test_no_boards_have_no_tickets(self, rude: RudeServer, rude_connectwise: ConnectWise) -> None:
        assert list(rude_connectwise.tickets(board_ids=[])) == []
        assert rude.received == []

    def test_tickets_of_very_many_boards_fit_into_an_address(
        self, rude: RudeServer, rude_connectwise: ConnectWise
    ) -> None:
        rude.always(response([{"id": n, "board": {"id": n}} for n in (1, 1999, 2000)]))
        pages = list(rude_connectwise.tickets(board_ids=range(2000), open_only=True))
        assert [ticket.id for page in pages for ticket in page.items] == [1, 1999]
        assert len(rude.received[0].line) < 2000

    def test_members_of_very_many_identifiers_fit_into_addresses(
        self, rude: RudeServer, rude_connectwise: ConnectWise
    ) -> None:
        rude.always(response([{"id": 1, "identifier": "ÄÖÜ"}, {"id": 2, "identifier": "unasked"}]))
        found = rude_connectwise.members_by_identifier(["äöü", *(f"Ünnamed{n}" for n in range(300)), "", "x" * 61])
        assert {member.identifier for member in found} == {"ÄÖÜ"}
        assert len(rude.received) > 1
        assert max(len(request.line) for request in rude.received) < 2000

    def test_changed_since_is_sent_in_utc(self, rude: RudeServer, rude_connectwise: ConnectWise) -> None:
        rude.always(response([]))
        since = NOW.astimezone(datetime.fromisoformat("2026-01-01T00:00+05:30").tzinfo) + timedelta(microseconds=9)
        list(rude_connectwise.tickets(updated_after=since))
        assert "conditions=lastUpdated%3E%3D%5B2026-03-04T10%3A00%3A00Z%5D" in rude.received[0].line

    def test_a_connection_serves_many_calls_good_and_bad(self, rude: RudeServer, rude_connectwise: ConnectWise) -> None:
        rude.always(response({"code": "NotFound"}, "404 Not Found"))
        for _ in range(3):
            with pytest.raises(errors.RemoteGone):
                rude_connectwise.ticket(69)
        rude.always(response([]))
        assert rude_connectwise.boards() == []
        assert (rude.connections, len(rude.received)) == (1, 4)

    def test_cookies_are_not_kept(self, rude: RudeServer, rude_connectwise: ConnectWise) -> None:
        rude.always(response([], Set_Cookie="session=1; Path=/"))
        for _ in range(2):
            rude_connectwise.boards()
        assert "cookie" not in rude.received[1].headers

    def test_threads_share_a_client_and_get_their_own_responses(
        self, rude: RudeServer, rude_connectwise: ConnectWise
    ) -> None:
        def reply(request: Received) -> Rude:
            return response({"id": int(request.line.split()[1].rpartition("/")[2])})

        rude.reply = reply
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda number: rude_connectwise.ticket(number).id, range(200)))
        assert found == list(range(200))
        assert rude.connections <= 8

    def test_only_background_calls_yield_to_events(self, rude: RudeServer) -> None:
        """S"""
        questions: list[str] = []
        limit = RateLimiter(100, busy=lambda: bool(questions.append("who waits?")))
        rude.always(response([]))
        with closing(ConnectWise(url=rude.url, **CREDENTIALS, limit=limit)) as client:
            client.boards()
            assert questions == []
            client.in_background().boards()
            assert questions == ["who waits?"]
        assert rude.connections == 1

    def test_every_call_is_counted_once_with_its_outcome(self, rude: RudeServer) -> None:
        """O3"""
        counted: list[tuple[str, str, str]] = []

        def count(service: str, operation: str, status: str, seconds: float) -> None:
            assert 0 <= seconds < 60
            counted.append((service, operation, status))

        replies = iter(
            [response([]), response({}, "429 Too Many"), Rude(), Rude(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")]
        )
        rude.reply = lambda _: next(replies)
        with closing(ConnectWise(url=rude.url, **CREDENTIALS, on_call=count)) as client:
            client.boards()
            for _ in range(3):
                with pytest.raises(errors.RemoteUnavailable):
                    client.ticket(69)
        assert counted == [
            ("connectwise", "boards", "200"),
            ("connectwise", "ticket", "429"),
            ("connectwise", "ticket", "error"),
            ("connectwise", "ticket", "error"),
        ]


class TestTexts:
    """A6: one line for a person, and no secret in it."""

    def test_secrets_that_a_service_repeats_are_blanked(self, rude: RudeServer, rude_connectwise: ConnectWise) -> None:
        def repeat(request: Received) -> Rude:
            secrets = [*CREDENTIALS.values(), request.headers["authorization"]]
            return response({"message": f"{'x' * 100} {secrets}"}, "400 Bad", x_cw_request_id=secrets[2])

        rude.reply = repeat
        with pytest.raises(errors.RemoteRefused) as caught:
            rude_connectwise.ticket(69)
        output = "".join(traceback.format_exception(caught.value)) + str(caught.value.tracking_id)
        assert "***" in output
        for secret in ("cassette-", "Basic Z", "Basic ZX"):
            assert secret not in output

    def test_a_long_message_of_many_lines_becomes_one_short_one(
        self, rude: RudeServer, rude_connectwise: ConnectWise
    ) -> None:
        rude.always(response({"code": "NotFound", "message": "\x1b[31mred\r\n" + "long " * 500}, "404 Gone"))
        with pytest.raises(errors.RemoteGone) as caught:
            rude_connectwise.ticket(69)
        assert str(caught.value).startswith("ConnectWise: GET /service/tickets/69 answered 404: [31mred long long")
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) == http_service.LONGEST_MESSAGE


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30.0),
        (" 0 ", 0.0),
        ("900", 900.0),
        ("901", 900.0),
        ("9" * 5000, 900.0),
        ("Wed, 04 Mar 2026 10:01:30 GMT", 90.0),
        ("Wed, 04 Mar 2026 12:01:30 +0200", 90.0),
        ("Wed, 04 Mar 2026 10:01:30 -0000", 90.0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 900.0),
        ("Wed, 04 Mar 2026 09:59:59 GMT", None),
        ("rand(30),add(30)", None),
        ("-1", None),
        ("1.5", None),
        ("٣٠", None),
        ("", None),
        (None, None),
        ("Wed, 99 Mar 99999999999999 10:01:30 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_or_nothing(value: str | None, seconds: float | None) -> None:
    """L2"""
    assert retry_after.retry_after_s(value, NOW) == seconds


@given(st.text() | st.from_regex(r"\A\w+, \d+ \w+ \d+ \d+:\d+:\d+ [-+\w]*\Z"))
def test_any_retry_after_is_handled(value: str) -> None:
    """L2"""
    wait_s = retry_after.retry_after_s(value, NOW)
    assert wait_s is None or 0 <= wait_s <= 900


def test_the_date_of_a_retry_after_is_compared_with_the_given_time(rude: RudeServer) -> None:
    rude.always(response({}, "429 Too Many", Retry_After="Wed, 04 Mar 2026 10:00:07 GMT"))
    client = Webex(url=rude.url, token=TOKEN, now=lambda: NOW)
    with closing(client) as webex, pytest.raises(errors.RemoteThrottled) as caught:
        send(webex)
    assert caught.value.retry_after_s == 7.0
