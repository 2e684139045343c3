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
    """The conditions are invalid; the text is ConnectWise's message."""


def compile_conditions(text: str, fields: Mapping[str, str]) -> Predicate:
    """Compile `text` to a predicate; `fields` maps the recognized names in lower case to paths in the row.

    Raises ConditionError for an unknown field, as ConnectWise does, and for invalid syntax.
    """
    if not text.strip():
        return lambda _: True
    parser = _Parser(_tokens(text), fields)
    predicate = parser.any_of()
    if parser.kind:
        raise ConditionError(f"Unexpected {parser.text!r} in conditions.")
    return predicate


def getter(path: str) -> Getter:
    """Return a function that reads the value at `path` (nested with /) of a row; None if missing."""
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
            raise ConditionError(f"Cannot parse conditions at {text[position : position + 20]!r}.")
        kind = str(match.lastgroup)
        found.append((kind, match.group(kind)))
        position = match.end()
    return found


class _Parser:
    """Recursive descent over the tokens: any_of := all_of {OR all_of}; all_of := term {AND term}."""

    def __init__(self, tokens: list[tuple[str, str]], fields: Mapping[str, str]) -> None:
        self._tokens = iter(tokens)
        self._fields = fields
        self._step()

    def any_of(self) -> Predicate:
        """Parse alternatives joined by OR."""
        options = [self._all_of()]
        while self._accept("or"):
            options.append(self._all_of())
        return options[0] if len(options) == 1 else lambda row: any(option(row) for option in options)

    def _all_of(self) -> Predicate:
        terms = [self._term()]
        while self._accept("and"):
            terms.append(self._term())
        return terms[0] if len(terms) == 1 else lambda row: all(term(row) for term in terms)

    def _term(self) -> Predicate:
        if self._accept("not"):
            inner = self._term()
            return lambda row: not inner(row)
        if self._accept("("):
            inner = self.any_of()
            self._expect(")")
            return inner
        read = self._field()
        negated = self._accept("not")
        predicate = self._membership(read) or self._containment(read) or self._comparison(read)
        return (lambda row: not predicate(row)) if negated else predicate

    def _field(self) -> Getter:
        name = self._expect("word")
        if name.lower() not in self._fields:
            raise ConditionError(f"{name} is not a recognized name.")
        return getter(self._fields[name.lower()])

    def _membership(self, read: Getter) -> Predicate | None:
        if not self._accept("in"):
            return None
        self._expect("(")
        values = [_lowered(self._value())]
        while self._accept(","):
            values.append(_lowered(self._value()))
        self._expect(")")
        allowed = frozenset(values)
        return lambda row: _lowered(read(row)) in allowed

    def _containment(self, read: Getter) -> Predicate | None:
        if self._accept("contains"):
            part = str(self._value()).lower()
            return lambda row: part in str(read(row) or "").lower()
        if self._accept("like"):
            pieces = [re.escape(piece) for piece in re.split("[%*]", str(self._value()))]
            pattern = re.compile(".*".join(pieces), re.IGNORECASE | re.DOTALL)
            return lambda row: bool(pattern.fullmatch(str(read(row) or "")))
        return None

    def _comparison(self, read: Getter) -> Predicate:
        sign = self._expect("operator")
        wanted = _lowered(self._value())
        if sign == "=":
            return lambda row: bool(_lowered(read(row)) == wanted)
        if sign == "!=":
            return lambda row: bool(_lowered(read(row)) != wanted)
        compare, kind = _COMPARE[sign], str if isinstance(wanted, str) else (int, float)

        def ordered(row: Row) -> bool:
            value = _lowered(read(row))
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
        raise ConditionError(f"Expected a value instead of {text!r}.")

    def _step(self) -> None:
        self.kind, self.text = next(self._tokens, ("", ""))

    def _accept(self, word: str) -> bool:
        """Step over `word` (a keyword or a mark) if it is next; return whether it was."""
        if self.kind not in {"word", "mark"} or self.text.lower() != word:
            return False
        self._step()
        return True

    def _expect(self, what: str) -> str:
        """Step over a token of the kind `what`, or the mark `what`, and return its text."""
        if what not in {self.kind, self.text}:
            raise ConditionError(f"Expected {what!r} instead of {self.text!r}.")
        text = self.text
        self._step()
        return text


def _lowered(value: Any) -> Any:
    """Return text in lower case, because ConnectWise's database ignores case."""
    return value.lower() if isinstance(value, str) else value


def _date(text: str) -> str:
    """Return a date as rows hold it, `YYYY-MM-DDTHH:MM:SSZ`, which sorts as text.

    The real API misreads offsets other than Z (reference section 2), so they are refused here.
    """
    for form in _DATE_FORMATS:
        try:
            return datetime.strptime(text.strip(), form).replace(tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        except ValueError:
            continue
    raise ConditionError(f"[{text}] is not a date.")
