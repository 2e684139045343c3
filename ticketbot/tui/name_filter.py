"""Find rows by words while somebody types; the cost of a keypress does not grow with the rows.

All texts lie in one run of bytes, in which the interpreter searches at memory speed, and only as many rows are looked
for as are shown. What few rows matched is remembered, since the next key narrows it down, or takes a key back.
"""

from __future__ import annotations

import itertools
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

_CACHE_RESULTS_UP_TO = 500
_CACHE_SIZE = 200


def normalize(text: str) -> str:
    """Return a text as it is compared: without case, accents and double spaces."""
    folded = text.casefold()
    if not folded.isascii():
        apart = unicodedata.normalize("NFKD", folded)
        folded = "".join(char for char in apart if not unicodedata.combining(char))
    return " ".join(folded.split())


class Index:
    """The texts of rows, ready to be searched. Building it is the slow part."""

    def __init__(self, texts: Iterable[str]) -> None:
        lines = [b"\n" + _encoded(text) for text in texts]
        self._starts = list(itertools.accumulate(map(len, lines), initial=0))
        self._text = b"".join(lines)
        self._by_beginning = sorted((line, row) for row, line in enumerate(lines))
        self._known: dict[bytes, tuple[int, ...]] = {}

    def __len__(self) -> int:
        return len(self._starts) - 1

    def matches(self, wanted: str) -> Iterator[int]:
        """Return the rows that hold every word, in order, as they are found."""
        text = _encoded(wanted)
        if not text:
            return iter(range(len(self)))
        return iter(self._known[text]) if text in self._known else self._search(text)

    def top_matches(self, wanted: str, count: int) -> list[int]:
        """Return some rows that match: first those that begin so, then those with a word that does, then others."""
        text = _encoded(wanted)
        some = list(itertools.islice(self.matches(wanted), count + 1))
        if len(some) <= count:
            return sorted(some, key=lambda row: self._rank(row, text))
        better = itertools.chain(self._beginning_with(text), self._rows_with(b" " + text), some)
        return list(itertools.islice(_distinct(better), count))

    def _search(self, text: bytes) -> Iterator[int]:
        words, found = text.split(), []
        for row in self._candidates(text, words):
            line = self._line(row)
            if all(word in line for word in words):
                found.append(row)
                yield row
        if len(found) <= _CACHE_RESULTS_UP_TO:
            if len(self._known) >= _CACHE_SIZE:
                self._known.clear()
            self._known[text] = tuple(found)

    def _candidates(self, text: bytes, words: Sequence[bytes]) -> Iterable[int]:
        """Return rows among which all matches are: what matched the beginning of the text, when that was little."""
        beginnings = (text[:end].rstrip() for end in range(len(text) - 1, 0, -1))
        known = next((self._known[each] for each in beginnings if each in self._known), None)
        return self._rows_with(max(words, key=len)) if known is None else known

    def _rows_with(self, part: bytes) -> Iterator[int]:
        at = self._text.find(part)
        while at >= 0:
            row = bisect_right(self._starts, at) - 1
            yield row
            at = self._text.find(part, self._starts[row + 1])

    def _beginning_with(self, text: bytes) -> Iterator[int]:
        beginning = b"\n" + text
        for at in range(bisect_left(self._by_beginning, (beginning, 0)), len(self)):
            line, row = self._by_beginning[at]
            if not line.startswith(beginning):
                return
            yield row

    def _line(self, row: int) -> bytes:
        return self._text[self._starts[row] : self._starts[row + 1]]

    def _rank(self, row: int, text: bytes) -> int:
        line = self._line(row)
        return 0 if line.startswith(b"\n" + text) else 1 if b" " + text in line else 2


class LazyMatches(Sequence[int]):
    """The rows that match, looked for no further than somebody asks."""

    def __init__(self, rows: Iterator[int]) -> None:
        self._found: list[int] = []
        self._rest = rows

    def load_up_to(self, count: int) -> int:
        """Look for as many rows; returns how many there are up to there."""
        required_error = count - len(self._found)
        if required_error > 0:
            self._found += itertools.islice(self._rest, required_error)
        return len(self._found)

    def __len__(self) -> int:
        self._found += self._rest
        return len(self._found)

    def __getitem__(self, at: int) -> int:  # type: ignore[override]
        self.load_up_to(at + 1)
        return self._found[at]


def _distinct(rows: Iterable[int]) -> Iterator[int]:
    seen: set[int] = set()
    for row in rows:
        if row not in seen:
            seen.add(row)
            yield row


def _encoded(text: str) -> bytes:
    return normalize(text).encode("utf-8", "replace")
