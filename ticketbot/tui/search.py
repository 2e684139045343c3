"""Find rows by words while somebody types; the cost of a keypress does not grow with the rows.

All texts lie in one run of bytes, in which the interpreter searches at memory speed, and only as many rows are looked
for as are shown.
"""

from __future__ import annotations

import itertools
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence


def fold(text: str) -> str:
    """Return a text as it is compared: without case, accents and double spaces."""
    folded = text.casefold()
    if not folded.isascii():
        apart = unicodedata.normalize("NFKD", folded)
        folded = "".join(char for char in apart if not unicodedata.combining(char))
    return " ".join(folded.split())


class Index:
    """The texts of rows, ready to be searched. Building it is the slow part."""

    def __init__(self, texts: Iterable[str]) -> None:
        lines = [b"\n" + fold(text).encode("utf-8", "replace") for text in texts]
        self._starts = list(itertools.accumulate(map(len, lines), initial=0))
        self._text = b"".join(lines)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def matches(self, wanted: str) -> Iterator[int]:
        """Return the rows that hold every word, in order, as they are found."""
        first, *others = sorted(_words(wanted), key=len, reverse=True) or [b""]
        if not first:
            return iter(range(len(self)))
        return (row for row in self._rows_with(first) if all(word in self._line(row) for word in others))

    def best(self, wanted: str, count: int) -> list[int]:
        """Return some rows that match: first those that begin so, then those with a word that does, then others."""
        some = list(itertools.islice(self.matches(wanted), count + 1))
        text = fold(wanted).encode("utf-8", "replace")
        if len(some) <= count:
            return sorted(some, key=lambda row: self._rank(row, text))
        better = itertools.chain(self._rows_with(b"\n" + text), self._rows_with(b" " + text), some)
        return list(itertools.islice(dict.fromkeys(itertools.islice(better, 3 * count)), count))

    def _rows_with(self, part: bytes) -> Iterator[int]:
        at = self._text.find(part)
        while at >= 0:
            row = bisect_right(self._starts, at) - 1
            yield row
            at = self._text.find(part, self._starts[row + 1])

    def _line(self, row: int) -> bytes:
        return self._text[self._starts[row] : self._starts[row + 1]]

    def _rank(self, row: int, text: bytes) -> int:
        line = self._line(row)
        return 0 if line.startswith(b"\n" + text) else 1 if b" " + text in line else 2


class Found(Sequence[int]):
    """The rows that match, looked for no further than somebody asks."""

    def __init__(self, rows: Iterator[int]) -> None:
        self._found: list[int] = []
        self._rest = rows

    def reach(self, count: int) -> int:
        """Look for as many rows; returns how many there are up to there."""
        missing = count - len(self._found)
        if missing > 0:
            self._found += itertools.islice(self._rest, missing)
        return len(self._found)

    def __len__(self) -> int:
        self._found += self._rest
        return len(self._found)

    def __getitem__(self, at: int) -> int:  # type: ignore[override]
        self.reach(at + 1)
        return self._found[at]


def _words(text: str) -> list[bytes]:
    return [word.encode("utf-8", "replace") for word in fold(text).split()]
