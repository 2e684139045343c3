"""What a command works with: what was typed, the server to ask, and the screen to answer on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from ticketbot.api.client import Client
from ticketbot.cli.arguments import Given
from ticketbot.cli.output import Screen


class Session(NamedTuple):
    """One command line."""

    given: Given
    server: Client
    screen: Screen

    def show(self, document: Any, pairs: Iterable[tuple[str, object]] | None = None) -> None:
        """Show one thing: the whole of it as JSON, else `pairs`, by default all its fields."""
        if self.screen.is_json:
            self.screen.document(document)
        else:
            fields = msgspec.structs.asdict(document).items()
            self.screen.record(pairs or [(name.replace("_", " "), value) for name, value in fields])

    def tell(self, document: Any, sentence: str) -> None:
        """Answer with a sentence, or with JSON."""
        if self.screen.is_json:
            self.screen.document(document)
        else:
            self.screen.say(sentence)
