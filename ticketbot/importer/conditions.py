"""Translate conditions of the Go implementation's workflows into ours (R4).

There, texts are compared ignoring case, and what a ticket does not have equals null, false, 0 and the empty text. Our
conditions are written so that they mean the same: `(company ?? "").as_lower == "contoso"`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from ticketbot.decide import conditions

NOTES = ("customer_note", "team_note", "internal_note")
NEW_NOTE = 'event in ["customer_note", "team_note", "internal_note"]'
NEVER = "id < 0"

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<date>\[[^\]]*\])|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<sign>!=|<=|>=|[=<>(),])|(?P<word>[A-Za-z_][\w/]*))"
)
_KINDS = {
    **dict.fromkeys(("summary", "status", "board"), "text"),
    **dict.fromkeys(("priority", "type", "subtype", "item", "source", "company", "contact", "owner"), "optional text"),
    **dict.fromkeys(("severity", "impact", "note.text", "note.author"), "optional text"),
    **dict.fromkeys(("old.summary", "old.status", "old.board", "old.priority", "old.company"), "optional text"),
    **dict.fromkeys(("old.type", "old.owner"), "optional text"),
    **dict.fromkeys(("closed", "note.internal", "old.closed"), "truth"),
    **dict.fromkeys(("company_id", "priority_sort"), "optional number"),
    "id": "number",
    "resources": "list",
}
_FIELDS = {
    **{name: name for name in ("id", "summary", "severity", "impact", "resources")},
    **{
        f"{name}/name": name for name in ("status", "board", "priority", "type", "subtype", "item", "source", "company")
    },
    **{f"old/{name}": f"old.{name}" for name in ("summary", "status", "board", "priority", "company", "type", "owner")},
    **{f"old/{name}/name": f"old.{name}" for name in ("status", "board", "priority", "company", "type")},
    "contact/name": "contact",
    "owner/identifier": "owner",
    "company/id": "company_id",
    "priority/sort": "priority_sort",
    "closedflag": "closed",
    "old/closedflag": "old.closed",
    "latestnote/text": "note.text",
    "latestnote/internalanalysisflag": "note.internal",
    "latestnote/internal": "note.internal",
    "latestnote/member/identifier": "note.author",
}
_BY_ID = {f"{old}{name}/id": name for name in ("status", "board", "priority") for old in ("", "old/")}
_CHANGED = ("summary", "status", "board", "owner", "resources", "priority", "type", "company", "closedflag")


class Untranslatable(Exception):
    """A condition that has no counterpart here; the text says why."""


class Context(NamedTuple):
    """What ids in conditions stand for: names of statuses, boards and priorities, identifiers of companies, lists."""

    names: Mapping[str, Mapping[int, str]]
    companies: Mapping[str, int]
    lists: Mapping[int, tuple[str, Sequence[int]]]


def translate(text: str, context: Context) -> str | None:
    """Return a condition of ours, None if it always holds. Raises `Untranslatable`."""
    if not text.strip():
        return None
    parser = _Parser(_tokens(text), context)
    found = parser.either()
    parser.expect_end()
    return checked(found)


def checked(condition: str) -> str:
    """Return a condition if it can be used here; raises `Untranslatable`."""
    mistake = conditions.check(condition)
    if mistake is not None:
        raise Untranslatable(f"it would be {condition[:200]!a} here: {mistake.message}")
    return condition


def both(first: str | None, second: str | None) -> str | None:
    """Return the condition that both hold; None always holds."""
    return " and ".join(f"({each})" for each in (first, second)) if first and second else first or second


def negated(condition: str | None) -> str:
    """Return the condition that one does not hold."""
    return NEVER if condition is None else f"not ({condition})"


class _Token(NamedTuple):
    kind: str
    text: str


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise Untranslatable(f"{text[at:].strip()[:20]!a} cannot be read")
        found.append(_Token(str(match.lastgroup), match[str(match.lastgroup)]))
        at = match.end()
    return found


class _Parser:
    """Reads a condition from left to right, and writes ours."""

    def __init__(self, tokens: Sequence[_Token], context: Context) -> None:
        self._tokens = [*tokens, _Token("end", "")]
        self._context = context
        self._depth = 0

    def either(self) -> str:
        parts = [self._all()]
        while self._take("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else " or ".join(f"({part})" for part in parts)

    def expect_end(self) -> None:
        if self._tokens[0].kind != "end":
            raise Untranslatable(f"{self._tokens[0].text[:20]!a} is not expected there")

    def _all(self) -> str:
        parts = [self._one()]
        while self._take("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else " and ".join(f"({part})" for part in parts)

    def _one(self) -> str:
        self._depth += 1
        if self._depth > 100:
            raise Untranslatable("it is nested too deeply")
        if self._take("not"):
            return negated(self._one())
        if self._take("("):
            found = self.either()
            self._need(")")
            return found
        path = self._tokens.pop(0)
        if path.kind != "word":
            raise Untranslatable(f"{path.text[:20]!a} is not expected there")
        return self._comparison(path.text.lower())

    def _comparison(self, path: str) -> str:
        is_negated = self._take("not")
        if self._take("in"):
            found = self._listed(path)
        elif self._take("like"):
            found = _like(path, self._text())
        elif self._take("contains"):
            found = _like(path, f"*{self._text()}*", is_literal=True)
        elif self._tokens[0].text in ("=", "!=", "<", ">", "<=", ">="):
            sign = self._tokens.pop(0).text
            found = self._compared(path, sign, self._value())
        else:
            found = self._compared(path, "=", True)
        return negated(found) if is_negated else found

    def _listed(self, path: str) -> str:
        if self._take("list"):
            number = int(self._value())
            kind, ids = self._context.lists.get(number, ("", ()))
            if path != "company/id" or kind != "company":
                raise Untranslatable(f"list {number} of {kind or 'unknown'}s has no counterpart for {path}")
            return f"(company_id ?? 0) in {_written(ids)}" if ids else NEVER
        self._need("(")
        values = [self._value()]
        while self._take(","):
            values.append(self._value())
        self._need(")")
        return " or ".join(f"({self._compared(path, '=', value)})" for value in values)

    def _compared(self, path: str, sign: str, value: Any) -> str:
        """Return the comparison of a path with a value."""
        if path in ("isnew", "newnote") or path.startswith("changed/"):
            return _happened(path, is_wanted=(sign == "=") == bool(value))
        if path in ("latestnote/contact/id", "latestnote/contact") and value is None:
            return f"(note.by_customer ?? false) == {_written(sign != '=')}"
        if path in _BY_ID:
            name = self._context.names[_BY_ID[path]].get(value)
            if name is None:
                raise Untranslatable(f"{path} {value} is not known")
            return self._compared(f"{path.removesuffix('id')}name", sign, name)
        if path == "company/identifier":
            company = self._context.companies.get(str(value).lower())
            if company is None:
                raise Untranslatable(f"the id of company {value!a} is not known")
            return self._compared("company/id", sign, company)
        return _plain(path, sign, value)

    def _value(self) -> Any:
        kind, text = self._tokens.pop(0)
        if kind == "text":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return float(text) if "." in text else int(text)
        if text.lower() in ("true", "false", "null"):
            return {"true": True, "false": False}.get(text.lower())
        raise Untranslatable("dates have no counterpart" if kind == "date" else f"{text[:20]!a} is no value")

    def _text(self) -> str:
        value = self._value()
        if not isinstance(value, str):
            raise Untranslatable("`like` and `contains` need a text")
        return value

    def _take(self, word: str) -> bool:
        is_next = self._tokens[0].kind in ("word", "sign") and self._tokens[0].text.lower() == word
        if is_next:
            self._tokens.pop(0)
        return is_next

    def _need(self, word: str) -> None:
        if not self._take(word):
            raise Untranslatable(f"`{word}` is missing")


def _happened(path: str, *, is_wanted: bool) -> str:
    field = path.removeprefix("changed/")
    if path == "isnew":
        found = 'event == "new"'
    elif path == "newnote":
        found = NEW_NOTE
    elif field in _CHANGED:
        found = f"{_written(field.removesuffix('flag'))} in changed"
    else:
        raise Untranslatable(f"{path} has no counterpart")
    return found if is_wanted else negated(found)


def _field(path: str) -> tuple[str, str]:
    """Return our field for a path, and its kind."""
    if path not in _FIELDS:
        raise Untranslatable(f"{path} has no counterpart")
    return _FIELDS[path], _KINDS[_FIELDS[path]]


def _plain(path: str, sign: str, value: Any) -> str:
    field, kind = _field(path)
    ours = "==" if sign == "=" else sign
    if kind == "truth" and sign in ("=", "!="):
        return f"({field} ?? false) == {_written((sign == '=') == bool(value))}"
    if kind.endswith("text") and sign in ("=", "!=") and (value is None or isinstance(value, str)):
        return f"{_lower(field, kind)} {ours} {_written((value or '').lower())}"
    if kind.endswith("number") and (value is None or isinstance(value, (int, float))):
        number = _written(value or 0)
        if sign in ("<", ">", "<=", ">="):  # of what a ticket does not have, nothing is smaller or larger
            return f"{field} != null and {field} {sign} {number}"
        return f"{field if kind == 'number' else f'({field} ?? 0)'} {ours} {number}"
    raise Untranslatable(f"{path} {sign} {value!a} has no counterpart")


def _like(path: str, pattern: str, *, is_literal: bool = False) -> str:
    """Return the comparison with a pattern that has wildcards at its ends at most."""
    field, kind = _field(path)
    inner = pattern[1:-1] if is_literal else pattern.strip("*%")
    if not is_literal and re.search(r"[*%_]", inner):
        raise Untranslatable(f"{path} like {pattern!a}: only * at the ends has a counterpart")
    at_start, at_end = (pattern[:1] in ("*", "%"), pattern[-1:] in ("*", "%"))
    text = _written(inner.lower())
    if kind == "list" and at_start and at_end:
        return f"{text} in resources"
    if not kind.endswith("text"):
        raise Untranslatable(f"{path} is no text")
    lower = _lower(field, kind)
    if at_start and at_end:
        return f"{text} in {lower}"
    if at_start or at_end:
        return f"{lower}.{'ends' if at_start else 'starts'}_with({text})"
    return f"{lower} == {text}"


def _lower(field: str, kind: str) -> str:
    return f'({field} ?? "").as_lower' if kind == "optional text" else f"{field}.as_lower"


def _written(value: Any) -> str:
    return msgspec.json.encode(value).decode().replace(",", ", ") if not isinstance(value, str) else _quoted(value)


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()
