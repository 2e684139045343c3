"""Filter rows by words while the user types; with 10,000 names, a keystroke takes less than 10 ms."""

from __future__ import annotations

import heapq
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ticketbot.present import text


def normalize(name: str) -> str:
    """Return text in the form used for comparison: without case, accents and repeated spaces."""
    folded = name.casefold()
    if not folded.isascii():
        apart = unicodedata.normalize("NFKD", folded)
        folded = "".join(char for char in apart if not unicodedata.combining(char))
    return " ".join(folded.split())


class Index:
    """The normalized texts of rows."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = [normalize(text) for text in texts]

    def __len__(self) -> int:
        return len(self._texts)

    def matches(self, wanted: str) -> list[int]:
        """Return the rows that contain every word, in order."""
        words = normalize(wanted).split()
        return [row for row, text in enumerate(self._texts) if all(word in text for word in words)]

    def top_matches(self, wanted: str, count: int) -> list[int]:
        """Return the best matches: first rows that start with `wanted`, then rows with such a word, then others."""
        start = normalize(wanted)

        def rank(row: int) -> tuple[int, int]:
            text = self._texts[row]
            return (0 if text.startswith(start) else 1 if f" {start}" in text else 2), row

        return heapq.nsmallest(count, self.matches(wanted), key=rank)


class Option(NamedTuple):
    """One choice."""

    id: int | str
    name: str


class Options:
    """All choices of a field, indexed. Create it in a background thread: indexing takes time."""

    def __init__(self, options: Iterable[tuple[int | str, str]]) -> None:
        clean = (Option(number, text.clean(name)) for number, name in options)
        self.all: Sequence[Option] = sorted(clean, key=lambda option: normalize(option.name))
        self._index = Index(option.name for option in self.all)

    def top_matches(self, wanted: str, count: int) -> list[Option]:
        """Return the best matches."""
        return [self.all[row] for row in self._index.top_matches(wanted, count)]
