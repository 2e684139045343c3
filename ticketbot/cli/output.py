"""Output of a command: data on stdout as tables or one JSON document, messages on stderr."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from ticketbot import errors
from ticketbot.cli import formats
from ticketbot.present import documents

DEFAULT_WIDTH = 80
MIN_WIDTH = 40
GAP = 2
MIN_NAME_WIDTH = 10  # a shorter name is unreadable: rows are then printed field by field
EMPTY = "-"

_STYLES = {
    **dict.fromkeys(("ok", "sent", "done", "active", "enabled", "open"), "green"),
    **dict.fromkeys(("warning", "pending", "sending", "running", "upcoming", "waiting"), "yellow"),
    **dict.fromkeys(("failed", "dead"), "red"),
    **dict.fromkeys(("skipped", "disabled", "expired", "inactive", "closed", "cancelled"), "dim"),
}


class Column(NamedTuple):
    """A column of a table; only names may be truncated."""

    title: str
    value: Callable[[Any], object]
    is_name: bool = False


class Output:
    """The output of one command. Times are shown in `timezone`; with `is_json`, stdout contains JSON only."""

    def __init__(self, environ: Mapping[str, str], timezone: tzinfo, *, is_json: bool) -> None:
        self.is_json = is_json
        self.timezone = timezone
        self._environ = environ

    def print_json(self, value: Any) -> None:
        """Print the one JSON document."""
        sys.stdout.write(documents.to_json(value))

    def table(self, columns: Sequence[Column], rows: Sequence[Any]) -> None:
        """Print rows as a table, or field by field if ids and states leave no room for names."""
        texts = [[self.text(column.value(row)) for column in columns] for row in rows]
        widths = _widths(columns, texts, self.width(sys.stdout))
        if widths:
            self._print_table(columns, texts, widths)
            return
        for number, row in enumerate(texts):
            self.say("" if number else None)
            self.record([(column.title, text) for column, text in zip(columns, row, strict=True)])

    def record(self, pairs: Iterable[tuple[str, object]]) -> None:
        """Print one object field by field, untruncated."""
        shown = [(title, self.text(value)) for title, value in pairs]
        indent = max(len(title) for title, _ in shown) + GAP
        room = self.width(sys.stdout) - indent
        for title, text in shown:
            if " " not in text and formats.width(text) > room:  # an id, to be copied in one piece
                self.say(title)
                self.say(text)
                continue
            first, *rest = formats.fold(text, room)
            self._write(sys.stdout, "".join([f"{title:<{indent}}{first}\n", *(f"{'':<{indent}}{x}\n" for x in rest)]))

    def say(self, text: str | None, indent: str = "", more: str = "") -> None:
        """Print wrapped text on stdout; `indent` precedes the first line, as many spaces and `more` the others."""
        if text is not None:
            self._write(sys.stdout, self._folded(text, sys.stdout, indent, more))

    def note(self, text: str) -> None:
        """Print a message on stderr, wrapped on a terminal, on one line elsewhere."""
        is_folded = sys.stderr.isatty()
        self._write(sys.stderr, self._folded(text, sys.stderr) if is_folded else f"{formats.clean(text)}\n")

    @property
    def can_ask(self) -> bool:
        """Return whether stdin is a terminal, so that a user can answer a question."""
        return sys.stdin.isatty()

    def confirm(self, question: str) -> bool:
        """Ask for confirmation on a terminal; without one, the answer is yes."""
        if not self.can_ask:
            return True
        with _question_stream() as stream:
            self._write(stream, self._folded(f"{question} [y/N] ", stream).rstrip("\n") + " ")
            stream.flush()
            answer = sys.stdin.readline()
            if not answer:  # Ctrl+D does not move the cursor to the next line
                stream.write("\n")
        return answer.strip().lower() in ("y", "yes")

    def text(self, value: object) -> str:
        """Return any value in readable form."""
        if value is None or value in ("", []):
            return EMPTY
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, datetime):
            return self.moment(value)
        if isinstance(value, list):
            return formats.clean(", ".join(map(str, value)))
        return formats.clean(str(value))

    def moment(self, value: datetime, form: str = "%Y-%m-%d %H:%M") -> str:
        """Format a time in the time zone of this output."""
        return value.astimezone(self.timezone).strftime(form)

    def width(self, stream: TextIO) -> int:
        """Return the line width in cells: COLUMNS, else the terminal's, else 80."""
        columns = self._environ.get("COLUMNS", "")
        if columns.isdecimal() and int(columns):
            return max(int(columns), MIN_WIDTH)
        try:
            return max(os.get_terminal_size(stream.fileno()).columns, MIN_WIDTH)
        except (OSError, ValueError):  # not a terminal, or one of unknown size
            return DEFAULT_WIDTH

    def is_animated(self, stream: TextIO) -> bool:
        """Return whether a stream is a terminal whose cursor can be moved."""
        return stream.isatty() and self._environ.get("TERM") != "dumb"

    def has_colour(self, stream: TextIO) -> bool:
        """Return whether a stream is a terminal that may show color."""
        return self.is_animated(stream) and not self._environ.get("NO_COLOR")

    def _folded(self, text: str, stream: TextIO, indent: str = "", more: str = "") -> str:
        below = " " * len(indent) + more
        lines = formats.fold(formats.clean(text), self.width(stream) - len(below))
        return "".join(f"{below if number else indent}{line}".rstrip() + "\n" for number, line in enumerate(lines))

    def _print_table(self, columns: Sequence[Column], texts: list[list[str]], widths: list[int]) -> None:
        from rich.console import Console
        from rich.text import Text

        colour = self.has_colour(sys.stdout)
        console = Console(
            file=sys.stdout, color_system="standard" if colour else None, force_terminal=colour, emoji=False
        )
        heads = [column.title for column in columns]
        with console.capture() as captured:
            for row in (heads, *texts):
                # Not a rich table: it assumes other character widths than some terminals.
                line = Text(end="")
                for text, width in zip(row, widths, strict=True):
                    style = "bold" if row is heads else _STYLES.get(text, "")
                    line.append(formats.pad(formats.cut(text, width), width), style).append(" " * GAP)
                line.rstrip()
                console.print(line, soft_wrap=True)
        self._write(sys.stdout, captured.get())

    @staticmethod
    def _write(stream: TextIO, text: str) -> None:
        encoding = getattr(stream, "encoding", None) or "utf-8"
        stream.write(text.encode(encoding, "replace").decode(encoding))


def _question_stream() -> contextlib.AbstractContextManager[TextIO]:
    """Return a stream that the user sees: stderr, or the terminal itself if stderr is redirected."""
    if sys.stderr.isatty():
        return contextlib.nullcontext(sys.stderr)
    try:
        return Path(os.ttyname(sys.stdin.fileno())).open("w")
    except OSError as error:
        raise errors.TicketbotError("Cannot ask for confirmation because stderr is redirected. Add --yes") from error


def _widths(columns: Sequence[Column], texts: list[list[str]], room: int) -> list[int] | None:
    """Return the width of each column: names share what the others leave. None if that is too little."""
    wanted = [max([len(c.title), *(formats.width(row[n]) for row in texts)]) for n, c in enumerate(columns)]
    excess = sum(wanted) + GAP * (len(columns) - 1) - room
    while excess > 0:
        names = [n for n, column in enumerate(columns) if column.is_name]
        widest = max(names, key=lambda n: wanted[n], default=None)
        if widest is None or wanted[widest] <= MIN_NAME_WIDTH:
            return None
        wanted[widest] -= 1
        excess -= 1
    return wanted
