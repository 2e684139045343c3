"""What becomes of answers no cassette can hold: cut, reset, silent, in HTML, or pointing elsewhere."""

from __future__ import annotations

import gzip
import socket
import traceback
from contextlib import ExitStack, closing

import pytest

from tests.remote.cassettes import TOKEN
from tests.remote.requesting import failure, send
from tests.remote.rude_server import Rude, RudeServer, response
from ticketbot import errors
from ticketbot.connectwise.connectwise_client import ConnectWise
from ticketbot.remote import http_service
from ticketbot.webex.webex_client import Webex

HTML = b"<!DOCTYPE html><html><body><h1>Bad Gateway</h1></body></html>"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class TestNothingWasSent:
    """L2: what surely never left is no possible duplicate."""

    def test_a_refused_connection(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with closing(Webex(url=f"http://127.0.0.1:{port}", token=TOKEN)) as webex:
            error = failure(lambda: send(webex))
        assert not error.outcome_unknown
        assert str(error) == "Webex: POST /messages could not be sent: Connection refused"

    def test_connect_timeout(self) -> None:
        with ExitStack() as stack:
            full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
            for _ in range(4):  # until the kernel takes no more
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(full.getsockname())
            url = f"http://127.0.0.1:{full.getsockname()[1]}"
            webex = stack.enter_context(closing(Webex(url=url, token=TOKEN, connect_timeout_s=0.05)))
            error = failure(lambda: send(webex))
        assert not error.outcome_unknown
        assert "could not be sent" in str(error)

    @pytest.mark.parametrize("url", ["http://", "nonsense", f"http://{'x' * 70}.example.com"])
    def test_invalid_address(self, url: str) -> None:
        with closing(Webex(url=url, token=TOKEN)) as webex:
            assert not failure(lambda: send(webex)).outcome_unknown

    @pytest.mark.parametrize("url", ["http://[::1", "http://localhost:port"])
    def test_unparsable_address(self, url: str) -> None:
        with pytest.raises(errors.SettingsError, match="is no address"):
            Webex(url=url, token=TOKEN)

    @pytest.mark.parametrize("token", ["secret\r\nX-Evil: 1", "secret-ключ"])
    def test_token_that_is_invalid_in_a_header_is_not_shown(self, rude: RudeServer, token: str) -> None:
        """A6"""
        with closing(Webex(url=rude.url, token=token)) as webex:
            error = failure(lambda: send(webex))
        assert not error.outcome_unknown
        assert "secret" not in "".join(traceback.format_exception(error))


class TestNobodyKnows:
    """L2: what was sent, and whose answer was lost, may have been done."""

    @pytest.mark.parametrize(
        "rude_answer",
        [
            pytest.param(Rude(), id="closed without a byte"),
            pytest.param(Rude(ending="reset"), id="reset"),
            pytest.param(Rude(b"HTTP/1."), id="half a status line"),
            pytest.param(Rude(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"), id="half a body"),
            pytest.param(Rude(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "reset"), id="reset in the body"),
            pytest.param(Rude(CHUNKED + b"f\r\n{"), id="half a chunk"),
            pytest.param(Rude(CHUNKED + b"rubbish\r\n{"), id="no chunk at all"),
            pytest.param(Rude(b"SSH-2.0-OpenSSH_9.6\r\n"), id="another protocol"),
            pytest.param(response(b"no gzip", Content_Encoding="gzip"), id="broken gzip"),
        ],
    )
    def test_truncated_response(self, rude: RudeServer, rude_webex: Webex, rude_answer: Rude) -> None:
        rude.always(rude_answer)
        error = failure(lambda: send(rude_webex))
        assert error.outcome_unknown
        assert error.status is None
        assert "got no whole answer" in str(error)

    def test_no_response(self, rude: RudeServer) -> None:
        rude.always(Rude(ending="silence"))
        with closing(Webex(url=rude.url, token=TOKEN, read_timeout_s=0.05)) as webex:
            error = failure(lambda: send(webex))
        assert error.outcome_unknown
        assert str(error) == "Webex: POST /messages was not answered in time"

    def test_stalled_body(self, rude: RudeServer) -> None:
        rude.always(Rude(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "silence"))
        with closing(Webex(url=rude.url, token=TOKEN, read_timeout_s=0.05)) as webex:
            error = failure(lambda: send(webex))
        assert error.outcome_unknown
        assert str(error) == "Webex: POST /messages was not answered in time"

    @pytest.mark.parametrize(
        "body", [HTML, b"", b'{"id": "x', {"text": "no id"}, {"id": None}, {"id": ""}, [], "id", 1]
    )
    def test_a_2xx_without_an_id(self, rude: RudeServer, rude_webex: Webex, body: object) -> None:
        """L1"""
        rude.always(response(body, trackingId="ROUTER_1"))
        error = failure(lambda: send(rude_webex))
        assert error.outcome_unknown
        assert (error.status, error.tracking_id) == (200, "ROUTER_1")
        assert str(error).startswith("Webex: POST /messages answered 200, but not with")

    def test_endless_response(self, rude: RudeServer, rude_webex: Webex, monkeypatch: pytest.MonkeyPatch) -> None:
        """overload"""
        monkeypatch.setattr(http_service, "MAX_RESPONSE_BYTES", 1000)
        rude.always(response(gzip.compress(b" " * 100_000), Content_Encoding="gzip"))
        assert failure(lambda: send(rude_webex)).outcome_unknown

    def test_trickling_response(self, rude: RudeServer, rude_webex: Webex, monkeypatch: pytest.MonkeyPatch) -> None:
        """overload"""
        monkeypatch.setattr(http_service, "MAX_RESPONSE_S", -1.0)
        rude.always(response({"id": "late"}))
        assert failure(lambda: send(rude_webex)).outcome_unknown


class TestUnusableAnswers:
    """T7: what comes from something in front of the service says nothing about the request."""

    @pytest.mark.parametrize("status", ["404 Not Found", "500 Internal Server Error", "502 Bad Gateway"])
    def test_html_error_is_transient(self, rude: RudeServer, rude_connectwise: ConnectWise, status: str) -> None:
        """W7: such a 404 is no sign that a ticket was deleted."""
        rude.always(response(HTML, status, Content_Type="text/html"))
        error = failure(lambda: rude_connectwise.ticket(69))
        assert not error.outcome_unknown
        assert str(error) == f"ConnectWise: GET /service/tickets/69 answered {status[:3]}: HTML"

    @pytest.mark.parametrize("body", [HTML, b'{"id": 69, "summ', b"", {"summary": "no id"}, {"id": "69"}, [], None])
    def test_response_that_is_no_ticket_is_an_error(
        self, rude: RudeServer, rude_connectwise: ConnectWise, body: object
    ) -> None:
        rude.always(response(body))
        assert failure(lambda: rude_connectwise.ticket(69)).status == 200

    @pytest.mark.parametrize("body", [HTML, b"", {"code": "odd"}, None, 5])
    def test_response_that_is_no_list_is_not_an_empty_list(
        self, rude: RudeServer, rude_connectwise: ConnectWise, body: object
    ) -> None:
        """S: nothing may be taken for deleted because of it."""
        rude.always(response(body))
        assert failure(rude_connectwise.boards).status == 200

    def test_rows_without_an_id_are_left_out(self, rude: RudeServer, rude_connectwise: ConnectWise) -> None:
        rude.always(response([None, 5, {}, {"id": True}, {"id": 2**40}, {"id": "7"}, {"id": 7, "name": "Left"}]))
        assert [board.name for board in rude_connectwise.boards()] == ["Left"]

    def test_pages_that_repeat_end(self, rude: RudeServer, rude_connectwise: ConnectWise) -> None:
        """overload"""
        rude.always(response([{"id": 1}], Link='<http://x/?page=2>; rel="next"'))
        assert "the same page" in str(failure(rude_connectwise.boards))

    def test_rooms_that_repeat_end(self, rude: RudeServer, rude_webex: Webex) -> None:
        """overload"""
        rude.always(response({"items": []}, Link=f'<{rude.url}/v1/rooms?after=x>; rel="next"'))
        assert "read already" in str(failure(rude_webex.rooms))

    def test_broken_characters_do_not_hide_a_ticket(self, rude: RudeServer, rude_connectwise: ConnectWise) -> None:
        rude.always(response(b'\xef\xbb\xbf{"id": 69, "summary": "a\\u0000b\\ud83d \xff!"}'))
        assert rude_connectwise.ticket(69).summary == "ab? \ufffd!"

    def test_compressed_response_is_read(self, rude: RudeServer, rude_connectwise: ConnectWise) -> None:
        rude.always(response(gzip.compress(b'{"id": 69, "summary": "small"}'), Content_Encoding="gzip"))
        assert rude_connectwise.ticket(69).summary == "small"
        assert "gzip" in rude.received[0].headers["accept-encoding"]
