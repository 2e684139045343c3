"""What a command works with: its arguments, the server and the output."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from ticketbot.api.client import Client
from ticketbot.cli.arguments import Arguments
from ticketbot.cli.output import Output


class Context(NamedTuple):
    """The context of one command."""

    arguments: Arguments
    server: Client
    output: Output

    def print_record(self, document: Any, pairs: Iterable[tuple[str, object]] | None = None) -> None:
        """Print one object: all of it as JSON, else `pairs`, by default all its fields."""
        if self.output.is_json:
            self.output.print_json(document)
        else:
            fields = msgspec.structs.asdict(document).items()
            self.output.record(pairs or [(name.replace("_", " "), value) for name, value in fields])

    def print_result(self, document: Any, sentence: str) -> None:
        """Print a sentence, or the document as JSON."""
        if self.output.is_json:
            self.output.print_json(document)
        else:
            self.output.say(sentence)
