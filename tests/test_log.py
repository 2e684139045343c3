"""What is logged: the fields, the two formats, the correlation id, and what never appears."""

from __future__ import annotations

import io
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from ticketbot import log

logger = logging.getLogger("ticketbot.tests")


@pytest.fixture(autouse=True)
def _root_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def logged(stream: io.StringIO) -> Callable[[], dict[str, Any]]:
    """Return the one JSON line that was logged."""
    log.configure("debug", "json", stream)
    return lambda: json.loads(stream.getvalue())


class TestJson:
    def test_a_line_has_time_level_logger_message_and_what_the_caller_adds(self, logged) -> None:
        before = datetime.now(UTC)
        logger.info("ticket %d was %s", 7, "added", extra={"ticket_id": 7, "at": "a lie"})
        line = logged()
        at = line.pop("at")
        assert line == {
            "level": "info",
            "logger": "ticketbot.tests",
            "message": "ticket 7 was added",
            "ticket_id": 7,
        }
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", at)
        assert abs((datetime.fromisoformat(at) - before).total_seconds()) < 60

    def test_an_exception_is_one_field(self, logged) -> None:
        try:
            int("odd")
        except ValueError:
            logger.exception("failed", stack_info=True)
        line = logged()
        assert line["exception"].startswith("Traceback (most recent call last):\n")
        assert line["exception"].endswith("ValueError: invalid literal for int() with base 10: 'odd'")
        assert "test_log.py" in line["stack"]

    def test_whatever_is_added_becomes_json(self, logged) -> None:
        loop: list[object] = []
        loop.append(loop)
        moment = datetime(2026, 1, 2, tzinfo=UTC)
        added = {
            "when": moment,
            "nan": float("nan"),
            "half": 0.5,
            "names": ("a", {1: b"x"}),
            "loop": loop,
            "none": None,
        }
        logger.info("x", extra=added)
        line = logged()
        assert line["when"] == "2026-01-02T00:00:00+00:00"
        assert (line["nan"], line["half"], line["none"]) == ("nan", 0.5, None)
        assert line["names"] == ["a", {"1": "b'x'"}]

    def test_arguments_that_do_not_fit_lose_no_line(self) -> None:
        record = logging.makeLogRecord({"msg": "%d tickets", "args": ("many",)})
        assert json.loads(log.JsonFormatter().format(record))["message"] == "%d tickets ('many',)"

    def test_lone_surrogate_is_logged(self) -> None:
        record = logging.makeLogRecord({"msg": "odd \udcff name"})
        assert json.loads(log.JsonFormatter().format(record))["message"] == "odd \udcff name"

    def test_a_message_cannot_forge_a_line(self, logged, stream: io.StringIO) -> None:
        logger.info('x\n{"level": "error"}')
        assert stream.getvalue().count("\n") == 1
        assert logged()["message"] == 'x\n{"level": "error"}'


class TestText:
    def test_a_line_reads_from_left_to_right(self, stream: io.StringIO) -> None:
        log.configure("info", "text", stream)
        with log.bound_correlation("c0ffee"):
            logger.warning("ticket %d", 7, extra={"ticket_id": 7, "who": "ana b", "state": "sent", "empty": ""})
        assert re.fullmatch(
            r"\S+Z WARNING ticketbot\.tests: ticket 7 "
            r'ticket_id=7 who="ana b" state=sent empty="" correlation=c0ffee\n',
            stream.getvalue(),
        )

    def test_a_message_can_neither_forge_a_line_nor_move_the_cursor(self, stream: io.StringIO) -> None:
        log.configure("info", "text", stream)
        logger.info("a\r\nb\x1b[2Jc\u2028d\x85e\u202ef\udcff", extra={"note": "g\nh"})
        assert len(stream.getvalue().splitlines()) == 1
        assert r"a\r\nb\x1b[2Jc\u2028d\x85e\u202ef\udcff note=g\nh" in stream.getvalue()

    def test_the_lines_of_an_exception_are_indented(self, stream: io.StringIO) -> None:
        log.configure("info", "text", stream)
        try:
            {}["odd"]
        except KeyError as error:
            error.add_note("odd\n2026-01-01T00:00:00.000Z INFO    forged: line\r\x1b[2J")
            logger.exception("failed")
        first, *others = stream.getvalue().splitlines()
        assert first.endswith("ERROR   ticketbot.tests: failed")
        assert all(line.startswith("    ") for line in others)
        assert others[-1] == r"    2026-01-01T00:00:00.000Z INFO    forged: line\r\x1b[2J"


class TestConfigure:
    @pytest.mark.parametrize(("is_terminal", "starts_with"), [(True, "2"), (False, "{")])
    def test_auto_is_text_on_a_terminal_and_json_elsewhere(self, is_terminal: bool, starts_with: str) -> None:
        """O1."""

        class Stream(io.StringIO):
            def isatty(self) -> bool:
                return is_terminal

        stream = Stream()
        log.configure("info", "auto", stream)
        logger.info("x")
        assert stream.getvalue().startswith(starts_with)

    def test_the_second_time_replaces_the_first(self, stream: io.StringIO) -> None:
        first = io.StringIO()
        log.configure("debug", "text", first)
        log.configure("warning", "text", stream)
        logger.info("unheard")
        logger.warning("received_notes")
        assert first.getvalue() == ""
        assert stream.getvalue().count("\n") == 1

    def test_default_stream_is_stderr(self, capsys: pytest.CaptureFixture[str]) -> None:
        log.configure(log_format="json")
        logger.info("x")
        assert json.loads(capsys.readouterr().err)["message"] == "x"

    def test_library_warnings_about_load_are_dropped(self, stream: io.StringIO) -> None:
        log.configure("debug", "text", stream)
        logging.getLogger("waitress.queue").warning("Task queue depth is 9")
        logging.getLogger("urllib3.connectionpool").warning("Connection pool is full")
        logging.getLogger("peewee").debug("SELECT")
        assert stream.getvalue() == ""
        logging.getLogger("waitress").error("Exception while serving /")
        assert "while serving" in stream.getvalue()


class TestWhatStrangersCause:
    """S: waitress logs what goes wrong on any connection, and anybody can open one."""

    def record(self, number: int, seconds: float, lineno: int = 1) -> None:
        logging.getLogger("waitress").handle(
            logging.makeLogRecord(
                {"name": "waitress", "levelno": logging.ERROR, "levelname": "ERROR", "pathname": "channel.py"}
                | {"lineno": lineno, "msg": "connection %d failed", "args": (number,), "created": 1e9 + seconds}
            )
        )

    def test_five_lines_a_minute_are_written_and_the_rest_is_counted(self, stream: io.StringIO) -> None:
        log.configure("info", "json", stream)
        for number in range(50):
            self.record(number, seconds=number)
        self.record(50, seconds=60)
        assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == [
            "connection 0 failed",
            "connection 1 failed",
            "connection 2 failed",
            "connection 3 failed",
            "connection 4 failed (further lines like this are left out for up to a minute)",
            "connection 50 failed (45 lines like this were left out)",
        ]

    def test_a_flood_hides_no_other_line(self, stream: io.StringIO) -> None:
        log.configure("info", "json", stream)
        for number in range(10):
            self.record(number, seconds=0)
        self.record(4711, seconds=0, lineno=2)
        assert json.loads(stream.getvalue().splitlines()[-1])["message"] == "connection 4711 failed"

    def test_a_clock_that_is_set_back_silences_nothing(self, stream: io.StringIO) -> None:
        log.configure("info", "json", stream)
        for number in range(10):
            self.record(number, seconds=0)
        self.record(4711, seconds=-3600)
        assert "connection 4711 failed" in stream.getvalue()


class TestCorrelation:
    def test_it_is_written_into_every_line_inside(self, stream: io.StringIO) -> None:
        """O1."""
        log.configure("info", "json", stream)
        with log.bound_correlation("outer"):
            with log.bound_correlation("inner"):
                logger.info("x")
            logger.info("x")
        logger.info("x")
        lines = [json.loads(line) for line in stream.getvalue().splitlines()]
        assert [line.get("correlation") for line in lines] == ["inner", "outer", None]
        assert log.current_correlation() == ""

    def test_it_belongs_to_one_thread(self) -> None:
        seen: list[str] = []
        with log.bound_correlation("here"):
            thread = threading.Thread(target=lambda: seen.append(log.current_correlation()))
            thread.start()
            thread.join()
            assert log.current_correlation() == "here"
        assert seen == [""]

    def test_correlation_ids_are_short_and_unique(self) -> None:
        ids = {log.new_correlation() for _ in range(1000)}
        assert len(ids) == 1000
        assert all(re.fullmatch("[0-9a-f]{16}", each) for each in ids)


class TestSecrets:
    """A6."""

    def test_a_hidden_secret_appears_nowhere_in_a_line(self, stream: io.StringIO) -> None:
        log.add_secrets("s3cr%t-token", "", "abc")
        for form in ("json", "text"):
            log.configure("debug", form, stream)
            try:
                {}["s3cr%t-token"]
            except KeyError:
                logger.exception(
                    "got %s",
                    "s3cr%t-token",
                    stack_info=True,
                    extra={"headers": {"s3cr%t-token": ["x s3cr%t-token"]}, "error": ValueError("s3cr%t-token")},
                )
            logger.info("abc %s", ("s3cr%t-token",))
        assert "s3cr" not in stream.getvalue()
        assert "abc" in stream.getvalue()

    def test_it_is_hidden_inside_an_address_too(self) -> None:
        log.add_secrets("to/ken+plus")
        assert log.redact("GET /x?key=to%2Fken%2Bplus") == f"GET /x?key={log.HIDDEN}"

    def test_the_longer_of_two_secrets_is_hidden_whole(self) -> None:
        log.add_secrets("key-of-ana", "key-of-ana-and-ben")
        assert log.redact("<key-of-ana-and-ben>") == f"<{log.HIDDEN}>"

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("Authorization: Bearer abc.DEF-1_2~3+4/5==", "Authorization: Bearer ***"),
            ("{'authorization': 'bearer x'}", "{'authorization': 'bearer ***'}"),
            ("Basic YWNtZStrZXk6c2VjcmV0== sent", "Basic *** sent"),
            ("postgresql://ana:pw@db:5432/tbot is down", "postgresql://***@db:5432/tbot is down"),
            ("https://ana@example.com/", "https://***@example.com/"),
            ("mail ana@example.com, see https://example.com/a", "mail ana@example.com, see https://example.com/a"),
            ("a basic set-up", "a basic set-up"),
        ],
    )
    def test_credentials_are_known_by_their_shape(self, text: str, shown: str) -> None:
        assert log.redact(text) == shown

    def test_a_long_message_takes_time_in_proportion(self) -> None:
        for text in (
            "Bearer " * 150_000,
            "://a" * 250_000,
            "a" * 1_000_000,
            "basic" + "\t" * 1_000_000,
            "://" + "a" * 1_000_000,
        ):
            started = time.process_time()
            log.redact(text)
            assert time.process_time() - started < 2
