"""Logging: JSON lines or text, one correlation id from hook to message, and never a secret (A6, O1)."""

from __future__ import annotations

import contextlib
import contextvars
import json
import logging
import math
import random
import re
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TextIO
from urllib.parse import quote

HIDDEN = "***"
# Shorter secrets occur inside ordinary words; redacting them would only garble the log.
SHORTEST_HIDDEN = 6

_MAX_DEPTH = 4
_OWN_FIELDS = ("at", "level", "logger", "message", "correlation", "exception", "stack")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# What libraries say too loudly: waitress's queue under load, urllib3's full pool, peewee's every statement.
_LOGGER_LEVELS = {"waitress.queue": logging.ERROR, "urllib3": logging.ERROR, "peewee": logging.INFO}

# What waitress logs, strangers can cause: without a limit, 2 MB a second.
STRANGERS_LINES = 5
STRANGERS_LINES_WITHIN_S = 60.0

# Every alternative starts at a literal, so that a scan stays linear in the length of the text.
_CREDENTIALS = re.compile(
    r"\b(?P<scheme>bearer[ \t]+)[\w.~+/=-]+|\b(?P<basic>basic[ \t]+)[A-Za-z0-9+/]{8,}={0,2}|(?P<url>://)[^\s/@]+@",
    re.IGNORECASE,
)
# What could start a new line, move the cursor, or turn the reading direction of a terminal.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

# Nothing secret. The system's own source would let go of the interpreter's lock for every request.
_random = random.Random()  # noqa: S311

_correlation: contextvars.ContextVar[str] = contextvars.ContextVar("correlation", default="")
_lock = threading.Lock()
_hidden: set[str] = set()
_hidden_pattern: re.Pattern[str] | None = None


def configure(level: str = "info", log_format: str = "auto", stream: TextIO | None = None) -> None:
    """Send everything that is logged to `stream` (default: stderr), in place of what was configured before.

    `level` is the name of a level in either case; `log_format` is `text`, `json` or `auto`: text on a terminal.
    """
    stream = stream or sys.stderr
    is_text = stream.isatty() if log_format == "auto" else log_format == "text"
    handler = _Handler(stream)
    handler.setFormatter(TextFormatter() if is_text else JsonFormatter())
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name, least in _LOGGER_LEVELS.items():
        logging.getLogger(name).setLevel(max(least, root.level))
    waitress = logging.getLogger("waitress")
    for limit in [each for each in waitress.filters if isinstance(each, _RateLimit)]:
        waitress.removeFilter(limit)
    waitress.addFilter(_RateLimit())


class _Handler(logging.StreamHandler[TextIO]):
    """Our own handler on the root logger, told from those of others by its class."""


class _RateLimit(logging.Filter):
    """Let five lines a minute through from each place in the code; the next one says how many were left out."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._windows: dict[tuple[str, int], tuple[float, int]] = {}
        """By file and line: when the minute began, and how many there have been."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to write the record, and say in its text what is left out."""
        place = (record.pathname, record.lineno)
        with self._lock:
            since, count = self._windows.get(place, (record.created, 0))
            left_out = 0
            if not 0 <= record.created - since < STRANGERS_LINES_WITHIN_S:  # also after the clock has been set back
                since, left_out, count = record.created, max(count - STRANGERS_LINES, 0), 0
            self._windows[place] = (since, count + 1)
        if left_out:
            _append(record, f" ({left_out} lines like this were left out)")
        if count + 1 == STRANGERS_LINES:
            _append(record, " (further lines like this are left out for up to a minute)")
        return count < STRANGERS_LINES


def _append(record: logging.LogRecord, words: str) -> None:
    record.msg, record.args = _message(record) + words, ()


def new_correlation() -> str:
    """Return a new id, short enough to read aloud and unique for all practical purposes."""
    return f"{_random.getrandbits(64):016x}"


def current_correlation() -> str:
    """Return the correlation id in force, or an empty text."""
    return _correlation.get()


@contextlib.contextmanager
def bound_correlation(correlation_id: str) -> Iterator[None]:
    """Write `correlation_id` into every line logged inside, by this thread."""
    token = _correlation.set(correlation_id)
    try:
        yield
    finally:
        _correlation.reset(token)


def add_secrets(*known: str) -> None:
    """Blank these secrets wherever they would be logged from now on; very short ones are not looked for."""
    global _hidden_pattern  # noqa: PLW0603  (secrets are known per process, like the loggers themselves)
    with _lock:
        _hidden.update(form for secret in known for form in (secret, quote(secret, safe="")) if _is_hideable(form))
        longest_first = sorted(_hidden, key=len, reverse=True)
        _hidden_pattern = re.compile("|".join(map(re.escape, longest_first))) if _hidden else None


def _is_hideable(secret: str) -> bool:
    return len(secret) >= SHORTEST_HIDDEN


def redact(text: str) -> str:
    """Return `text` with known secrets, `Bearer` and `Basic` credentials and userinfo in addresses blanked."""
    if _hidden_pattern:
        text = _hidden_pattern.sub(HIDDEN, text)
    return _CREDENTIALS.sub(_blank_credential, text)


def _blank_credential(match: re.Match[str]) -> str:
    return f"{match['url']}{HIDDEN}@" if match["url"] else f"{match['scheme'] or match['basic']}{HIDDEN}"


def one_line(text: str) -> str:
    """Return `text` with control characters escaped: it stays one line and does nothing to a terminal."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `at`, `level`, `logger`, `message`, what the caller added, `correlation`, `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of ASCII."""
        return json.dumps(_fields(record))


class TextFormatter(logging.Formatter):
    """One line for a person; a traceback follows, indented, so that no line can be forged from inside."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line, and an indented one for each line of a traceback."""
        fields = _fields(record)
        below = [fields.pop(name) for name in ("exception", "stack") if name in fields]
        at, level, logger, message = (fields.pop(name) for name in ("at", "level", "logger", "message"))
        extra = "".join(f" {name}={_shown(value)}" for name, value in fields.items())
        head = one_line(f"{at} {str(level).upper():<7} {logger}: {message}{extra}")
        return "\n    ".join([head, *(one_line(line) for each in below for line in str(each).split("\n"))])


def _shown(value: object) -> str:
    return value if isinstance(value, str) and value and " " not in value else json.dumps(value, ensure_ascii=False)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    extra = {name: value for name, value in vars(record).items() if name not in _STANDARD and name not in _OWN_FIELDS}
    moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    fields: dict[str, object] = {
        "at": moment.replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": _message(record),
        **extra,
    }
    if _correlation.get():
        fields["correlation"] = _correlation.get()
    if record.exc_info and record.exc_info[1]:
        fields["exception"] = "".join(traceback.format_exception(record.exc_info[1])).rstrip("\n")
    if record.stack_info:
        fields["stack"] = record.stack_info
    return {redact(name): _to_json_value(value) for name, value in fields.items()}


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):  # arguments that do not fit their text are no reason to lose the line
        return f"{record.msg} {record.args!r}"


def _to_json_value(value: object, depth: int = 0) -> object:
    """Return `value` as JSON can hold it, with secrets blanked at any depth."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if depth < _MAX_DEPTH and isinstance(value, Mapping):
        return {redact(str(name)): _to_json_value(each, depth + 1) for name, each in value.items()}
    if depth < _MAX_DEPTH and isinstance(value, (list, tuple, set, frozenset)):
        return [_to_json_value(each, depth + 1) for each in value]
    return redact(str(value))
