"""Conditions of rules: read, check and evaluate them (R4).

The library rule-engine reads a condition and knows the types; evaluating is ours. That bounds its time, lets no
condition reach what it should not (the tree may hold only what `_evaluator` knows), and gives nulls the meaning of R4:
they spread like unknowns in SQL, so that `or` and `and` still work where the other side decides.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ticketbot.decide import condition_syntax
from ticketbot.decide.condition_syntax import Mistake, Refused

MAX_LENGTH = 1000
REMEMBERED = 2000  # more than an installation has rules

_SHOWN_CHARS = 60  # of a value in the trace

Values = Mapping[str, Any]
Evaluator = Callable[[Values], Any]

_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "tdiv": operator.truediv,
    "fdiv": operator.floordiv,
    "mod": operator.mod,
}
_ATTRIBUTES: dict[str, Callable[[Any], Any]] = {
    "as_lower": str.lower,
    "as_upper": str.upper,
    "length": len,
    "is_empty": operator.not_,
}
_FUNCTIONS: dict[str, Callable[[Any, Any], bool]] = {
    "starts_with": lambda value, start: value[: len(start)] == start,
    "ends_with": lambda value, end: value[len(value) - len(end) :] == end if len(end) <= len(value) else False,
}


class Result(msgspec.Struct, frozen=True):
    """Whether a condition matches, and if not, why: the values of its fields, as they are written in conditions.

    `nulls` are the fields that were null and would have been needed. A condition that failed matches (R4).
    """

    matches: bool
    values: tuple[tuple[str, str], ...] = ()
    nulls: tuple[str, ...] = ()
    failure: str | None = None


class _NullUsed(Exception):
    """A field is null, and used otherwise than in a comparison with null."""

    def __init__(self, *names: str) -> None:
        self.names = names


class _Compiled(msgspec.Struct, frozen=True):
    fields: tuple[tuple[str, Evaluator], ...]
    evaluate: Evaluator


def check(text: str) -> Mistake | None:
    """Return what is wrong with a condition, None if it can be used."""
    compiled = _compiled(text)
    return compiled if isinstance(compiled, Mistake) else None


def evaluate(text: str, values: Values) -> Result:
    """Return whether a condition matches; it never raises. `values` are those of `condition_values`."""
    compiled = _compiled(text)
    if isinstance(compiled, Mistake):
        return Result(True, failure=compiled.message)
    try:
        matches = bool(compiled.evaluate(values))
    except _NullUsed as null:
        return Result(False, nulls=tuple(dict.fromkeys(null.names)))
    except ZeroDivisionError:
        return Result(True, failure="division by zero")
    except Exception as error:  # noqa: BLE001  (whatever it is: notifying of too much is better than of nothing)
        return Result(True, failure=type(error).__name__)
    if matches:
        return Result(True)
    return Result(False, tuple((name, _written(read(values))) for name, read in compiled.fields))


def _compiled(text: str) -> _Compiled | Mistake:
    if len(text) > MAX_LENGTH:  # not worth remembering
        return Mistake(f"A condition has at most {MAX_LENGTH} characters", MAX_LENGTH)
    return _remembered(text)


@functools.lru_cache(maxsize=REMEMBERED)
def _remembered(text: str) -> _Compiled | Mistake:
    try:
        return _compile(text)
    except Refused as refused:
        mistake = refused.mistake
    except Exception as error:  # noqa: BLE001  (whatever the library stumbles over: no event fails of it)
        return Mistake(f"This cannot be read: {type(error).__name__}")
    return mistake if mistake.position is not None else msgspec.structs.replace(mistake, position=_position(text))


def _position(text: str) -> int:
    """Return where the first part between `and` and `or` begins that cannot be used on its own."""
    for start, end in condition_syntax.parts(text):
        part = text[start:end]
        try:
            _compile(part)
        except Refused as refused:
            return start + (refused.mistake.position or len(part) - len(part.lstrip()))
    return 0


def _compile(text: str) -> _Compiled:
    root = condition_syntax.parse(text)
    condition_syntax.expect_kind(root, "truth", "A condition is true or false")
    names = dict.fromkeys(condition_syntax.fields(root))
    return _Compiled(tuple((name, _reader(name, may_be_null=True)) for name in names), _evaluator(root))


def _evaluator(node: Any, *, may_be_null: bool = False) -> Evaluator:
    """Return the function that evaluates a part of a condition; what is not known here is refused."""
    name = condition_syntax.field_name(node)
    if name is not None:
        return _reader(name, may_be_null=may_be_null)
    match type(node).__name__:
        case "LogicExpression":
            sides = [_evaluator(each) for each in condition_syntax.truths(node)]
            return functools.partial(_logic, sides=sides, decides=node.type == "or")
        case "UnaryExpression":
            condition_syntax.expect_operand(node)
            return _applied(operator.not_ if node.type == "not" else operator.neg, node.right)
        case "ComparisonExpression":
            condition_syntax.expect_comparable(node.left, node.right)
            with_null = condition_syntax.is_null(node.left) or condition_syntax.is_null(node.right)
            return _binary(_OPERATIONS[node.type], node.left, node.right, may_be_null=with_null)
        case "ArithmeticComparisonExpression" | "ArithmeticExpression" | "SubtractExpression" | "AddExpression":
            condition_syntax.expect_operand(node)
            return _binary(_OPERATIONS[node.type], node.left, node.right)
        case "ContainsExpression":
            condition_syntax.expect_contained(node.member, node.container)
            return _binary(operator.contains, node.container, node.member)
        case "CoalesceExpression":
            first, second = _evaluator(node.left, may_be_null=True), _evaluator(node.right, may_be_null=may_be_null)
            return lambda values: second(values) if (found := first(values)) is None else found
        case "GetAttributeExpression" if node.name in _ATTRIBUTES:
            return _applied(_ATTRIBUTES[node.name], node.object)
        case "FunctionCallExpression" if node.function.name in _FUNCTIONS:
            return _binary(_FUNCTIONS[node.function.name], node.function.object, node.arguments[0])
        case "ArrayExpression":
            members = [_evaluator(each) for each in node.value]
            return lambda values: tuple(member(values) for member in members)
        case "NullExpression" if may_be_null:
            return lambda _: None
        case "StringExpression" | "FloatExpression" | "BooleanExpression":
            return functools.partial(_constant, value=node.value)
    raise Refused(condition_syntax.not_allowed(node))


def _binary(operation: Callable[[Any, Any], Any], left: Any, right: Any, *, may_be_null: bool = False) -> Evaluator:
    first, second = (_evaluator(each, may_be_null=may_be_null) for each in (left, right))
    if condition_syntax.is_identifier(left) or condition_syntax.is_identifier(right):
        return lambda values: operation(_lower(first(values)), _lower(second(values)))
    return lambda values: operation(first(values), second(values))


def _applied(operation: Callable[[Any], Any], operand: Any) -> Evaluator:
    inner = _evaluator(operand)
    return lambda values: operation(inner(values))


def _logic(values: Values, *, sides: list[Evaluator], decides: bool) -> bool:
    """Return whether one side (`or`) or both (`and`) are true; a null matters only where the other does not decide."""
    unknown: list[str] = []
    for side in sides:
        try:
            if bool(side(values)) is decides:
                return decides
        except _NullUsed as null:
            unknown += null.names
    if unknown:
        raise _NullUsed(*unknown)
    return not decides


def _constant(_: Values, *, value: Any) -> Any:
    return value


def _reader(name: str, *, may_be_null: bool) -> Evaluator:
    """Return the function that reads a field."""
    first, _, key = name.partition(".")

    def read(values: Values) -> Any:
        value = values[first][key] if key else values[first]
        if value is None and not may_be_null:
            raise _NullUsed(name)
        return value

    return read


def _lower(value: Any) -> Any:
    """Return identifiers of members in lower case: ConnectWise ignores their case."""
    if isinstance(value, str):
        return value.lower()
    return tuple(_lower(each) for each in value) if isinstance(value, tuple) else value


def _written(value: object) -> str:
    """Return a value as a condition writes it."""
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
