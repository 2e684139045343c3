"""ConnectWise's `conditions` language as a predicate over rows (Developer Guide; reference section 2)."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

Row = Mapping[str, Any]
Predicate = Callable[[Row], bool]
Getter = Callable[[Row], Any]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"[^"]*"|'[^']*')
      | \[(?P<date>[^\]]*)\]
      | (?P<number>-?\d+(?:\.\d+)?)(?![\w/])
      | (?P<operator><=|>=|!=|=|<|>)
      | (?P<mark>[(),])
      | (?P<word>[A-Za-z_][\w/]*)
    )""",
    re.VERBOSE,
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_WORDS = {"true": True, "false": False, "null": None}
_DATE_FORMATS = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d")


class ConditionError(Exception):
    """The conditions cannot be understood; the text is ConnectWise's message."""


def compile_conditions(text: str, fields: Mapping[str, str]) -> Predicate:
    """Turn `text` into a predicate; `fields` maps the recognised names in lower case to paths in the row.

    Raises ConditionError for an unknown field, as ConnectWise does, and for what does not parse.
    """
    if not text.strip():
        return lambda _: True
    parser = _Parser(_tokens(text), fields)
    predicate = parser.either()
    if parser.kind:
        raise ConditionError(f"Unexpected {parser.text!r} in conditions.")
    return predicate


def getter(path: str) -> Getter:
    """Return a function that reads the value at `path` (nested with /) of a row, None when missing."""
    first, *rest = path.split("/")
    if not rest:
        return lambda row: row.get(first)
    if len(rest) == 1:
        second = rest[0]
        return lambda row: (row.get(first) or {}).get(second)

    def deep(row: Row) -> Any:
        value: Any = row
        for name in path.split("/"):
            value = value.get(name) if isinstance(value, dict) else None
        return value

    return deep


def _tokens(text: str) -> list[tuple[str, str]]:
    found, position, text = [], 0, text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if not match:
            raise ConditionError(f"Cannot read conditions at {text[position : position + 20]!r}.")
        kind = str(match.lastgroup)
        found.append((kind, match.group(kind)))
        position = match.end()
    return found


class _Parser:
    """Recursive descent over the tokens: either := all {OR all}; all := one {AND one}."""

    def __init__(self, tokens: list[tuple[str, str]], fields: Mapping[str, str]) -> None:
        self._tokens = iter(tokens)
        self._fields = fields
        self._step()

    def either(self) -> Predicate:
        """Read alternatives joined by OR."""
        options = [self._every()]
        while self._took("or"):
            options.append(self._every())
        return options[0] if len(options) == 1 else lambda row: any(option(row) for option in options)

    def _every(self) -> Predicate:
        needs = [self._one()]
        while self._took("and"):
            needs.append(self._one())
        return needs[0] if len(needs) == 1 else lambda row: all(need(row) for need in needs)

    def _one(self) -> Predicate:
        if self._took("not"):
            inner = self._one()
            return lambda row: not inner(row)
        if self._took("("):
            inner = self.either()
            self._expect(")")
            return inner
        read = self._field()
        negated = self._took("not")
        predicate = self._membership(read) or self._containment(read) or self._comparison(read)
        return (lambda row: not predicate(row)) if negated else predicate

    def _field(self) -> Getter:
        name = self._expect("word")
        if name.lower() not in self._fields:
            raise ConditionError(f"{name} is not a recognized name.")
        return getter(self._fields[name.lower()])

    def _membership(self, read: Getter) -> Predicate | None:
        if not self._took("in"):
            return None
        self._expect("(")
        values = [_folded(self._value())]
        while self._took(","):
            values.append(_folded(self._value()))
        self._expect(")")
        allowed = frozenset(values)
        return lambda row: _folded(read(row)) in allowed

    def _containment(self, read: Getter) -> Predicate | None:
        if self._took("contains"):
            part = str(self._value()).lower()
            return lambda row: part in str(read(row) or "").lower()
        if self._took("like"):
            pieces = [re.escape(piece) for piece in re.split("[%*]", str(self._value()))]
            pattern = re.compile(".*".join(pieces), re.IGNORECASE | re.DOTALL)
            return lambda row: bool(pattern.fullmatch(str(read(row) or "")))
        return None

    def _comparison(self, read: Getter) -> Predicate:
        sign = self._expect("operator")
        wanted = _folded(self._value())
        if sign == "=":
            return lambda row: bool(_folded(read(row)) == wanted)
        if sign == "!=":
            return lambda row: bool(_folded(read(row)) != wanted)
        compare, kind = _COMPARE[sign], str if isinstance(wanted, str) else (int, float)

        def ordered(row: Row) -> bool:
            value = _folded(read(row))
            return isinstance(value, kind) and compare(value, wanted)

        return ordered

    def _value(self) -> Any:
        kind, text = self.kind, self.text
        self._step()
        match kind:
            case "string":
                return text[1:-1]
            case "date":
                return _date(text)
            case "number":
                return float(text) if "." in text else int(text)
            case "word" if text.lower() in _WORDS:
                return _WORDS[text.lower()]
        raise ConditionError(f"A value is expected instead of {text!r}.")

    def _step(self) -> None:
        self.kind, self.text = next(self._tokens, ("", ""))

    def _took(self, word: str) -> bool:
        """Step over `word` (a keyword or a mark) and say so, or stay."""
        if self.kind not in {"word", "mark"} or self.text.lower() != word:
            return False
        self._step()
        return True

    def _expect(self, what: str) -> str:
        """Step over a token of the kind `what`, or over that very mark, and return its text."""
        if what not in {self.kind, self.text}:
            raise ConditionError(f"{what!r} is expected instead of {self.text!r}.")
        text = self.text
        self._step()
        return text


def _folded(value: Any) -> Any:
    """ConnectWise's database compares text without regard to case."""
    return value.lower() if isinstance(value, str) else value


def _date(text: str) -> str:
    """Rows hold dates as `YYYY-MM-DDTHH:MM:SSZ`, which sort as text; offsets other than Z are misread by
    the real API (reference section 2), so they are refused here."""
    for form in _DATE_FORMATS:
        try:
            return datetime.strptime(text.strip(), form).replace(tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        except ValueError:
            continue
    raise ConditionError(f"[{text}] is not a date.")
