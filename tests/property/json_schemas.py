"""JSON Schema as far as our OpenAPI document uses it: does a value fit, and which values would."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from hypothesis import strategies as st

from ticketbot.api import requests

Schema = Mapping[str, Any]

_KINDS: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}
_MOST_TEXT = 40

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(2**64)
    | st.just(10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
"""Any JSON value."""

_DAYS = st.dates(date(1970, 1, 1), date(2999, 12, 30)).map(date.isoformat)
_WHEN = _DAYS | st.tuples(_DAYS, st.times()).map(lambda parts: f"{parts[0]}T{parts[1].isoformat()}Z")


def misfits(schema: Schema, value: Any, components: Mapping[str, Schema], at: str = "$") -> list[str]:
    """Return in words where a value does not fit a schema."""
    if "$ref" in schema:
        return misfits(components[schema["$ref"].rpartition("/")[2]], value, components, at)
    wrong: list[str] = []
    if "anyOf" in schema and all(misfits(each, value, components, at) for each in schema["anyOf"]):
        wrong.append(f"{at}: {value!r} fits none of {schema['anyOf']}")
    if "enum" in schema and value not in schema["enum"]:
        wrong.append(f"{at}: {value!r} is none of {schema['enum']}")
    if "const" in schema and value != schema["const"]:
        wrong.append(f"{at}: {value!r} is not {schema['const']!r}")
    kind = schema.get("type")
    if kind and (not isinstance(value, _KINDS[kind]) or (kind == "integer" and isinstance(value, bool))):
        return [*wrong, f"{at}: {value!r} is no {kind}"]
    if kind == "object":
        wrong += _misfits_of_object(schema, value, components, at)
    if kind == "array":
        wrong += [each for item in value for each in misfits(schema.get("items", {}), item, components, f"{at}[]")]
    if kind == "string":
        wrong += _misfits_of_text(schema, value, at)
    if kind == "integer" and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        wrong.append(f"{at}: {value!r} is out of range")
    return wrong


def _misfits_of_object(
    schema: Schema, value: Mapping[str, Any], components: Mapping[str, Schema], at: str
) -> list[str]:
    known, more = schema.get("properties", {}), schema.get("additionalProperties", {})
    wrong = [f"{at}: {name} is missing" for name in schema.get("required", []) if name not in value]
    for name, each in value.items():
        if name not in known and more is False:
            wrong.append(f"{at}: {name} is unknown")
        wrong += misfits(known.get(name, more or {}), each, components, f"{at}.{name}")
    return wrong


def _misfits_of_text(schema: Schema, value: str, at: str) -> list[str]:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        return [f"{at}: {value!r} is too short or too long"]
    if not re.search(schema.get("pattern", ""), value):
        return [f"{at}: {value!r} is not like {schema['pattern']}"]
    if schema.get("format") == "date-time" and datetime.fromisoformat(value).tzinfo is None:
        return [f"{at}: {value!r} has no offset"]
    return []


def fitting(schema: Schema, components: Mapping[str, Schema], ids: Mapping[str, st.SearchStrategy[int]]) -> Any:
    """Return the strategy for values that fit a schema; fields named in `ids` are drawn from there."""
    if "$ref" in schema:
        return fitting(components[schema["$ref"].rpartition("/")[2]], components, ids)
    if "anyOf" in schema:
        rest = {name: each for name, each in schema.items() if name not in ("anyOf", "default")}
        return st.one_of(*(fitting({**rest, **each}, components, ids) for each in schema["anyOf"]))
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    return _PLAIN[schema["type"]](schema, components, ids)


def _object(schema: Schema, components: Mapping[str, Schema], ids: Mapping[str, st.SearchStrategy[int]]) -> Any:
    fields = {name: _field(name, each, components, ids) for name, each in schema.get("properties", {}).items()}
    required = set(schema.get("required", []))
    return st.fixed_dictionaries(
        {name: each for name, each in fields.items() if name in required},
        optional={name: each for name, each in fields.items() if name not in required},
    )


def _field(
    name: str, schema: Schema, components: Mapping[str, Schema], ids: Mapping[str, st.SearchStrategy[int]]
) -> Any:
    if schema.get("type") == "array" and name in ids:
        return st.lists(ids[name], max_size=3)
    return ids[name] if name in ids else fitting(schema, components, ids)


def _text(schema: Schema, *_: Any) -> Any:
    most = min(schema.get("maxLength", _MOST_TEXT), _MOST_TEXT)
    if schema.get("pattern") == requests.DATE_OR_TIME:
        return _WHEN
    if "pattern" not in schema:
        return st.text(min_size=schema.get("minLength", 0), max_size=most)
    return (
        st.from_regex(schema["pattern"])
        .map(lambda text: text[:most])
        .filter(lambda text: not _misfits_of_text(schema, text, ""))
    )


_PLAIN: dict[str, Any] = {
    "object": _object,
    "string": _text,
    "array": lambda schema, *more: st.lists(fitting(schema["items"], *more), max_size=3),
    "integer": lambda schema, *_: st.integers(schema.get("minimum"), schema.get("maximum")),
    "boolean": lambda *_: st.booleans(),
    "null": lambda *_: st.none(),
}
