"""Output of a command: data on stdout as tables or one JSON document, messages on stderr."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from ticketbot import errors

if TYPE_CHECKING:
    from rich.console import Console

    from ticketbot.present.entities import Column

DEFAULT_WIDTH = 80
MIN_WIDTH = 40
GAP = 2
_STYLES = {"good": "\x1b[32m", "waiting": "\x1b[33m", "bad": "\x1b[31m", "quiet": "\x1b[2m", "heading": "\x1b[1m"}
_RESET = "\x1b[0m"


class Streams(NamedTuple):
    """Where a command reads and writes."""

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO


class Output:
    """The output of one command. Times are shown in `zone`; with `is_json`, stdout contains JSON only."""

    def __init__(self, env: Mapping[str, str], streams: Streams, *, is_json: bool = False) -> None:
        self.is_json = is_json
        self.zone: tzinfo = UTC
        self.streams = streams
        self._env = env

    def json(self, document: Any) -> None:
        """Print the one JSON document."""
        from ticketbot.present import documents

        self.streams.stdout.write(documents.to_json(document))

    def table(self, columns: Sequence[Column], rows: Sequence[Any]) -> None:
        """Print rows as a table; on a terminal too narrow for the columns, field by field."""
        from ticketbot.present import entities, layout

        def moment(at: datetime) -> str:
            return self.text(at, "%Y-%m-%d %H:%M")

        room = self.width(self.streams.stdout)
        texts = [[entities.cell(column, row, moment) for column in columns] for row in rows]
        if room and layout.least(columns) > room:
            for number, row in enumerate(texts):
                self.say("") if number else None
                self.record(zip((column.title for column in columns), row, strict=True))
            return
        widths = layout.wanted(columns, texts)
        self._print_table(columns, texts, layout.fit(columns, widths, room) if room else widths)

    def record(self, pairs: Iterable[tuple[str, object]]) -> None:
        """Print one object field by field, in full."""
        from ticketbot.present import text

        shown = [(title, self.text(value)) for title, value in pairs]
        indent = max(len(title) for title, _ in shown) + GAP
        room = (self.width(self.streams.stdout) or indent) - indent
        for title, value in shown:
            if room and " " not in value and text.width(value) > room:  # an id, to be copied in one piece
                self._write(self.streams.stdout, f"{title}\n" + "\n".join(text.fold(value, room + indent)) + "\n")
            else:
                self.say(value, f"{title:<{indent}}")

    def say(self, message: str, indent: str = "", more: str = "") -> None:
        """Print text on stdout; on a terminal, it is wrapped below `indent` and `more`."""
        self._write(self.streams.stdout, self._folded(message, self.streams.stdout, indent, more))

    def note(self, message: str) -> None:
        """Print a message on stderr."""
        self._write(self.streams.stderr, self._folded(message, self.streams.stderr))

    def warn(self, message: str) -> None:
        """Print a warning on stderr, on one line."""
        self._write(self.streams.stderr, f"tbot: warning: {message}\n")

    def progress_console(self) -> Console:
        """Return the console that draws progress on stderr, a terminal."""
        from rich.console import Console

        stderr = self.streams.stderr
        return Console(
            file=stderr,
            width=self.width(stderr),
            color_system="standard" if self.has_color(stderr) else None,
            force_terminal=True,
            emoji=False,
        )

    @property
    def can_ask(self) -> bool:
        """Return whether stdin is a terminal, so that a user can answer a question."""
        return self.streams.stdin.isatty()

    def confirm(self, question: str) -> bool:
        """Ask for confirmation on a terminal; without one, the answer is yes."""
        if not self.can_ask:
            return True
        with self._question_stream() as stream:
            self._write(stream, self._folded(f"{question} [y/N] ", stream).rstrip("\n") + " ")
            stream.flush()
            answer = self.streams.stdin.readline()
            if not answer:  # Ctrl+D does not move the cursor to the next line
                stream.write("\n")
        return answer.strip().lower() in ("y", "yes")

    def text(self, value: object, time_form: str = "%Y-%m-%d %H:%M:%S") -> str:
        """Return any value in readable form."""
        from ticketbot.present import text, words

        if isinstance(value, datetime):
            return words.moment(value, self.zone, time_form)
        return text.clean(words.value(value, self.zone))

    def width(self, stream: TextIO) -> int:
        """Return the line width of a terminal in cells; 0, which means no limit, if the stream is none."""
        if not stream.isatty():
            return 0
        columns = self._env.get("COLUMNS", "")
        if columns.isdecimal() and int(columns):
            return max(int(columns), MIN_WIDTH)
        try:
            return max(os.get_terminal_size(stream.fileno()).columns, MIN_WIDTH)
        except (OSError, ValueError):  # a terminal of unknown size
            return DEFAULT_WIDTH

    def is_animated(self, stream: TextIO) -> bool:
        """Return whether a stream is a terminal whose cursor can be moved."""
        return stream.isatty() and self._env.get("TERM") != "dumb"

    def has_color(self, stream: TextIO) -> bool:
        """Return whether a stream is a terminal that may show color."""
        return self.is_animated(stream) and not self._env.get("NO_COLOR")

    def _folded(self, message: str, stream: TextIO, indent: str = "", more: str = "") -> str:
        from ticketbot.present import text

        width, below = self.width(stream), " " * len(indent) + more
        shown = text.clean(message)
        lines = text.fold(shown, width - len(below)) if width else [shown]
        return "".join(f"{below if number else indent}{line}".rstrip() + "\n" for number, line in enumerate(lines))

    def _print_table(self, columns: Sequence[Column], texts: list[list[str]], widths: list[int]) -> None:
        has_color = self.has_color(self.streams.stdout)
        for number, row in enumerate([[column.title for column in columns], *texts]):
            cells = [
                _cell(value, width, _style(column, value, number == 0) if has_color else "")
                for column, value, width in zip(columns, row, widths, strict=True)
            ]
            self._write(self.streams.stdout, (" " * GAP).join(cells).rstrip() + "\n")

    @contextlib.contextmanager
    def _question_stream(self) -> Iterator[TextIO]:
        """Yield a stream that the user sees: stderr, or the terminal itself if stderr is redirected."""
        if self.streams.stderr.isatty():
            yield self.streams.stderr
            return
        try:
            terminal = Path(os.ttyname(self.streams.stdin.fileno()))
        except OSError as error:
            raise errors.TicketbotError(
                "Cannot ask for confirmation because stderr is redirected. Add --yes"
            ) from error
        with terminal.open("w") as stream:
            yield stream

    @staticmethod
    def _write(stream: TextIO, shown: str) -> None:
        encoding = getattr(stream, "encoding", None) or "utf-8"
        stream.write(shown.encode(encoding, "replace").decode(encoding))


def _style(column: Column, value: str, is_heading: bool) -> str:
    from ticketbot.present import states

    if is_heading:
        return _STYLES["heading"]
    return _STYLES.get(states.style(value), "") if column.kind == "state" else ""


def _cell(value: str, width: int, style: str) -> str:
    from ticketbot.present import text

    shown = text.pad(text.cut(value, width), width)
    return f"{style}{shown}{_RESET}" if style else shown
