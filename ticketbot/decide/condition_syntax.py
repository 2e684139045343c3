"""The language of conditions: which fields there are, what may be written, and what is said of a mistake (R4)."""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from ticketbot.decide import condition_fields

MAX_TOKENS = 250  # a long list has fewer; it bounds the depth of what is evaluated
MAX_DEPTH = 20  # of brackets

_REGULAR_EXPRESSION = 'Regular expressions are not allowed. Write `"x" in summary`, `.as_lower` or `.starts_with("x")`'
_HINTS = {
    **dict.fromkeys(("EQ_FZM", "EQ_FZS", "NE_FZM", "NE_FZS"), _REGULAR_EXPRESSION),
    "BWAND": "Write `and`",
    "BWOR": "Write `or`",
    "QMARK": "Choices with `?` are not allowed. Write `and`, `or` and `??`",
    "LBRACE": 'Write a list in square brackets: ["a", "b"]',
    "POW": "Powers are not allowed",
    "COMMENT": "Comments are not allowed. Give the rule a name",
    "DATETIME": "Dates are not allowed. There are `hour` and `weekday`",
    "TIMEDELTA": "Durations are not allowed",
}
_ALLOWED = {
    *("STRING", "FLOAT", "SYMBOL", "LPAREN", "RPAREN", "LBRACKET", "RBRACKET", "COMMA", "ATTR", "EQ", "NE", "GT"),
    *("GE", "LT", "LE", "AND", "OR", "NOT", "IN", "TRUE", "FALSE", "NULL", "ADD", "SUB", "MUL", "TDIV", "FDIV"),
    *("MOD", "COALESCE"),
}
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?")  # larger ones take long to calculate with
_ESCAPES = re.compile(r"""\\(?![\\"'nt]|u[0-9a-fA-F]{4})""")  # others are warnings or errors of Python
_KINDS = {"text": "text", "number": "a number", "truth": "true or false", "list": "a list"}
_LIBRARY_KINDS = {"STRING": "text", "FLOAT": "number", "BOOLEAN": "truth", "ARRAY": "list"}


class Mistake(msgspec.Struct, frozen=True):
    """What is wrong with a condition; `position` counts its characters from 0, `suggestion` is the nearest name."""

    message: str
    position: int | None = None
    suggestion: str | None = None


class Refused(Exception):
    """A condition that cannot be used."""

    def __init__(self, message: str, position: int | None = None, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.mistake = Mistake(message, position, suggestion)


def parse(text: str) -> Any:
    """Return the tree of a condition, or raise `Refused`."""
    found = _tokens(text)
    if not found:
        raise Refused("A condition is empty", 0)
    library = _library()
    context = library.Context(type_resolver=_types(), default_timezone="utc")
    try:
        return library.Rule(text, context).statement.expression
    except library.errors.SymbolResolutionError as error:
        raise _unknown_name(error.symbol_name, found) from None
    except library.errors.AttributeResolutionError as error:
        raise _unknown_attribute(error, found) from None
    except library.errors.RuleSyntaxError as error:
        at = error.token.lexpos if error.token else len(text)
        what = (
            f"`{text[at:].split(maxsplit=1)[0][:20]}` is not expected here"
            if error.token
            else "The condition ends too early"
        )
        raise Refused(what, at) from None
    except library.EngineError as error:
        raise Refused(f"This does not fit together: {error.message}") from None


def parts(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of what stands between `and` and `or` outside of brackets."""
    try:
        found = _tokens(text)
    except Refused:
        return
    depth, start = 0, 0
    for token in found:
        depth += (token.type in ("LPAREN", "LBRACKET")) - (token.type in ("RPAREN", "RBRACKET"))
        if token.type in ("AND", "OR") and depth == 0:
            yield start, token.lexpos
            start = token.lexpos + len(token.value)
    yield start, len(text)


def field_name(node: Any) -> str | None:
    """Return the field that a part of a condition is, such as `note.text`; None if it is something else."""
    if type(node).__name__ == "SymbolExpression":
        if isinstance(condition_fields.FIELDS[node.name], dict):
            keys = ", ".join(f"{node.name}.{key}" for key in condition_fields.FIELDS[node.name])
            raise Refused(f"`{node.name}` is used by its parts: {keys}")
        return str(node.name)
    is_part = type(node).__name__ == "GetAttributeExpression" and getattr(node.object, "name", None) in ("old", "note")
    return f"{node.object.name}.{node.name}" if is_part and not hasattr(node.object, "object") else None


def fields(node: Any) -> Iterator[str]:
    """Yield the fields that a part of a condition uses."""
    name = field_name(node)
    if name is not None:
        yield name
        return
    below = [getattr(node, part, None) for part in ("left", "right", "container", "member", "object", "function")]
    lists = [getattr(node, part, None) for part in ("arguments", "value")]
    members = itertools.chain.from_iterable(each for each in lists if isinstance(each, (list, tuple)))
    for each in (*(part for part in below if part is not None), *members):
        yield from fields(each)


def truths(node: Any) -> tuple[Any, Any]:
    """Return both sides of `and` or `or`, which must be true or false."""
    for side in (node.left, node.right):
        expect_kind(side, "truth", f"Both sides of `{node.type}` are true or false. Repeat the comparison, or use `in`")
    return node.left, node.right


def expect_kind(node: Any, wanted: condition_fields.Kind, rule: str) -> None:
    """Raise `Refused` unless a part of a condition is of a kind."""
    kind = _kind(node)
    if kind != wanted:
        raise Refused(f"{rule}; {_shown(node)} is {_KINDS.get(kind or '', 'neither')}")


def expect_operand(node: Any) -> None:
    """Raise `Refused` if `not` or `+` is used otherwise than for what is true or false, and for numbers."""
    if node.type == "not":
        expect_kind(node.right, "truth", "`not` turns true and false around")
    if node.type == "add":
        expect_kind(node, "number", "`+` adds numbers")


def expect_comparable(left: Any, right: Any) -> None:
    """Raise `Refused` if two parts can never be equal: they differ in kind, or a field never has that value."""
    kinds = _kind(left), _kind(right)
    if None not in kinds and kinds[0] != kinds[1]:
        what = [f"{_shown(node)} is {_KINDS[str(kind)]}" for node, kind in zip((left, right), kinds, strict=True)]
        raise Refused(f"{' and '.join(what)}: they are never equal")
    for field, value in ((left, right), (right, left)):
        _expect_choice(field, value)


def expect_contained(member: Any, container: Any) -> None:
    """Raise `Refused` if a list or text can never contain something."""
    if type(container).__name__ == "ArrayExpression":
        for each in container.value:
            expect_comparable(member, each)
    elif _kind(container) == "list" and _kind(member) not in ("text", None):
        raise Refused(f"{_shown(container)} is a list of texts, {_shown(member)} is {_KINDS[str(_kind(member))]}")
    else:
        _expect_choice(container, member)


def is_null(node: Any) -> bool:
    """Return whether a part of a condition is the word `null`."""
    return type(node).__name__ == "NullExpression"


def is_identifier(node: Any) -> bool:
    """Return whether a part of a condition is the identifier of a member, or a list of them."""
    return field_name(node) in condition_fields.IDENTIFIERS


def not_allowed(node: Any) -> str:
    """Return what is said of something that conditions must not hold."""
    if is_null(node):
        return "Compare with null by `== null` or `!= null`"
    name = getattr(node, "name", None)
    known = ", ".join(condition_fields.TEXT_ATTRIBUTES)
    return f"`.{name}` is not allowed here, only {known}" if name else "This is not allowed in a condition"


def _expect_choice(field: Any, value: Any) -> None:
    choices = condition_fields.CHOICES.get(field_name(field) or "")
    if choices and type(value).__name__ == "StringExpression" and value.value not in choices:
        suggestion = condition_fields.nearest(value.value, choices)
        raise Refused(f"{field_name(field)} is never {_shown(value)}, only {', '.join(choices)}", None, suggestion)


def _kind(node: Any) -> str | None:
    return _LIBRARY_KINDS.get(node.result_type.name)


def _shown(node: Any) -> str:
    if type(node).__name__ in ("StringExpression", "BooleanExpression"):
        return json.dumps(node.value, ensure_ascii=False)
    if type(node).__name__ == "GetAttributeExpression":
        return f"{_shown(node.object)}.{node.name}"
    return str(getattr(node, "name", None) or getattr(node, "value", None) or "this")


def _tokens(text: str) -> list[Any]:
    """Return the words of a condition, or raise `Refused` for one that is not allowed."""
    library = _library()
    lexer = library.Rule.parser._lexer.clone()  # the parser's own is not for several threads
    lexer.input(text)
    found, depth = [], 0
    try:
        for token in lexer:
            depth += (token.type in ("LPAREN", "LBRACKET")) - (token.type in ("RPAREN", "RBRACKET"))
            _refuse_token(token, depth)
            found.append(token)
    except library.errors.RuleSyntaxError as error:
        raise _illegal_character(text, error) from None
    if len(found) > MAX_TOKENS:
        raise Refused(f"A condition has at most {MAX_TOKENS} words and signs", found[MAX_TOKENS].lexpos)
    return found


def _refuse_token(token: Any, depth: int) -> None:
    at, value = token.lexpos, token.value
    if depth > MAX_DEPTH:
        raise Refused(f"Brackets are nested deeper than {MAX_DEPTH}", at)
    if token.type not in _ALLOWED or value in ("&[",):
        raise Refused(_HINTS.get(token.type, f"`{str(value)[:20]}` is not allowed in a condition"), at)
    if value.startswith("$"):
        raise Refused(f"`{value[:20]}` is not allowed: conditions have fields only", at)
    if token.type == "FLOAT" and not _NUMBER.fullmatch(value):
        raise Refused("Give a number of at most 15 digits, without an exponent", at)
    if token.type == "STRING" and (value[0] in "rs" or _ESCAPES.search(value.replace("\\\\", ""))):
        raise Refused(r"In text, a backslash stands before \, a quote, n, t or u and four digits only", at)


def _illegal_character(text: str, error: Any) -> Refused:
    if error.token is None:  # a word that the language keeps for later
        return Refused(error.message.partition(" at:")[0])
    at = error.token.lexpos
    if text[at] in "\"'":
        return Refused("The text that begins here has no closing quote", at)
    if text[at] == "=":
        return Refused("Compare with `==`", at, "==")
    if text[at] in "“”„‘’‚«»":
        return Refused('Put text in straight quotes: "text"', at)
    return Refused(f"{text[at]!a} is not allowed in a condition", at)


def _unknown_name(name: str, tokens: list[Any]) -> Refused:
    suggestion = condition_fields.nearest(name, [*condition_fields.FIELDS, "true", "false", "null"])
    at = next((token.lexpos for token in tokens if token.type == "SYMBOL" and token.value == name), None)
    more = f". Did you mean {suggestion}?" if suggestion else ""
    return Refused(f"There is no field {name[:40]}{more}", at, suggestion)


def _unknown_attribute(error: Any, tokens: list[Any]) -> Refused:
    name, owner = error.attribute_name, getattr(error.object, "name", "")
    known = condition_fields.FIELDS[owner] if owner in ("old", "note") else condition_fields.TEXT_ATTRIBUTES
    suggestion = condition_fields.nearest(name, list(known))
    pairs = itertools.pairwise(tokens)
    at = next((after.lexpos for dot, after in pairs if dot.type == "ATTR" and after.value == name), None)
    more = f". Did you mean {suggestion}?" if suggestion else f". There are {', '.join(known)}"
    return Refused(f"There is no `.{name[:40]}` here{more}", at, suggestion)


@functools.cache
def _library() -> Any:
    """Return the library; it builds its grammar on import, which takes some tenths of a second."""
    import rule_engine

    return rule_engine


@functools.cache
def _types() -> dict[str, Any]:
    data_type = _library().DataType
    plain = {
        "text": data_type.STRING,
        "number": data_type.FLOAT,
        "truth": data_type.BOOLEAN,
        "list": data_type.ARRAY(data_type.STRING),
    }
    return {
        name: plain[kind]
        if isinstance(kind, str)
        else data_type.OBJECT(name, {key: plain[of] for key, of in kind.items()})
        for name, kind in condition_fields.FIELDS.items()
    }
