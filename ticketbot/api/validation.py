"""Read untrusted values into the structs of `requests`: every field that is wrong is named, in words for a person."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from ticketbot import errors
from ticketbot.api import requests

T = TypeVar("T")

_BOUND = re.compile(r"Expected `(?P<kind>int|str|array)`(?: of length)? (?P<side>>=|<=) (?P<limit>-?[0-9]+)")


def read(shape: type[T], given: Mapping[str, Any], *, is_text: bool = False) -> T:
    """Return what was sent as a struct; raises `InvalidInput` that names every field that is wrong.

    `is_text` says that all values are texts, as in a query, where null is no value.
    """
    try:
        result = msgspec.convert(given, shape, strict=not is_text)
        wrong = []
    except msgspec.ValidationError as error:
        wrong = [errors.FieldError("", str(error))]
    if wrong or (is_text and _has_null(result, given)):
        named = _wrong_fields(shape, given, strict=not is_text)
        raise errors.InvalidInput("The request is not valid", named or wrong)
    return result


def wrong_value(name: str, value: object, kind: Any, *, strict: bool = True) -> list[errors.FieldError]:
    """Return what is wrong with the value of a field of type `kind`."""
    if not strict and isinstance(value, list):
        return [errors.FieldError(name, "This is given more than once")]
    try:
        if msgspec.convert(value, kind, strict=strict) is None and not strict:
            return [errors.FieldError(name, "Give a value, or leave it out")]
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$")
        advice = (words for pattern, words in requests.PATTERN_HINTS.items() if repr(pattern) in message)
        return [errors.FieldError(f"{name}{place.rstrip('`')}", next(advice, _humanize(message)))]
    return []


def _has_null(result: Any, given: Mapping[str, Any]) -> bool:
    fields = msgspec.structs.fields(result)
    return any(getattr(result, field.name) is None for field in fields if field.encode_name in given)


def _wrong_fields(shape: Any, given: Mapping[str, Any], *, strict: bool) -> list[errors.FieldError]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(shape)}
    wrong = [errors.FieldError(name, "There is no such field") for name in given if name not in fields]
    for name, field in fields.items():
        if name in given:
            wrong += wrong_value(name, given[name], field.type, strict=strict)
        elif field.required:
            wrong.append(errors.FieldError(name, "This is missing"))
    return wrong


def _humanize(message: str) -> str:
    """Return what msgspec says of a number or text out of bounds as a person says it."""
    bound = _BOUND.fullmatch(message)
    if message == "Expected `int`, got `str`":
        return "Give a whole number"
    if not bound:
        return message
    counted = {"int": "", "str": " character", "array": " value"}[bound["kind"]]
    plural = "s" if counted and bound["limit"] != "1" else ""
    return f"Give at {'least' if bound['side'] == '>=' else 'most'} {bound['limit']}{counted}{plural}"
