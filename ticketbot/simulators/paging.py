"""ConnectWise lists: conditions, order, pages with `Link` headers, selected fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import quote_plus

from ticketbot.simulators import conditions

DEFAULT_PAGE = 25
MAX_PAGE = 1000

Row = dict[str, Any]


class Listed(NamedTuple):
    """One page of rows and its `Link` header, None without one."""

    rows: list[Row]
    link: str | None


def select(rows: Iterable[Row], text: str, fields: Mapping[str, str]) -> Iterable[Row]:
    """Yield the rows that match the conditions `text`."""
    if not text:
        return rows
    return filter(conditions.compile_conditions(text, fields), rows)


def page(rows: Iterable[Row], query: Mapping[str, str], url: str) -> Listed:
    """Sort the rows and return the page that `query` requests, with links to its neighbors."""
    size = _size(query)
    number = max(1, int(query.get("page") or 1))
    ordered = _ordered(rows, query.get("orderBy", ""))
    pages = max(1, -(-len(ordered) // size))
    targets = {"first": 1, "prev": number - 1, "next": number + 1, "last": pages}
    if number == 1:
        targets.pop("first")
        targets.pop("prev")
    if number >= pages:
        targets.pop("next")
        targets.pop("last")
    links = [f'<{_url(url, query, page=target)}>; rel="{rel}"' for rel, target in targets.items()]
    return Listed(ordered[(number - 1) * size : number * size], ", ".join(links) or None)


def forward_page(rows: Iterable[Row], query: Mapping[str, str], url: str) -> Listed:
    """Return the page after the id `pageId`; `rows` are sorted by id.

    There is always a `Link` header; it is empty on the last page.
    """
    size, after = _size(query), int(query.get("pageId") or 0)
    found = list(islice((row for row in rows if row["id"] > after), size + 1))
    if len(found) <= size:
        return Listed(found, "")
    found.pop()
    return Listed(found, f'<{_url(url, query, pageId=found[-1]["id"])}>; rel="next"')


def project(rows: Sequence[Row], fields: str) -> list[Row]:
    """Return only the `fields` (comma-separated, nested with /) of each row, and its `id`; empty means all."""
    if not fields:
        return list(rows)
    flat = ["id"]
    nested: dict[str, list[str]] = {}
    for name in filter(None, (part.strip() for part in fields.split(","))):
        parent, _, child = name.partition("/")
        if child:
            nested.setdefault(parent, []).append(child)
        else:
            flat.append(name)
    return [_projected(row, flat, nested) for row in rows]


def _projected(row: Row, flat: list[str], nested: dict[str, list[str]]) -> Row:
    kept = {name: row[name] for name in flat if name in row}
    for parent, children in nested.items():
        if parent in kept or parent not in row:
            continue
        value = row[parent]
        kept[parent] = {child: value[child] for child in children if child in value} if value else value
    return kept


def _size(query: Mapping[str, str]) -> int:
    return min(MAX_PAGE, max(1, int(query.get("pageSize") or DEFAULT_PAGE)))


def _ordered(rows: Iterable[Row], order_by: str) -> list[Row]:
    ordered = list(rows)
    for part in reversed([part.strip() for part in order_by.split(",") if part.strip()]):
        name, _, direction = part.partition(" ")
        ordered.sort(key=_sort_key(name), reverse=direction.strip().lower() == "desc")
    return ordered


def _sort_key(path: str) -> Callable[[Row], Any]:
    read = conditions.getter(path)

    def key(row: Row) -> tuple[bool, Any]:
        value = read(row)
        return (value is not None, value)  # missing values sort first, as NULL does in SQL Server

    return key


def _url(url: str, query: Mapping[str, str], **changed: int) -> str:
    """Return the address of another page as ConnectWise writes it: lower-case escapes, the page last."""
    kept = [(name, value) for name, value in query.items() if name not in changed]
    kept += [(name, str(value)) for name, value in changed.items()]
    encoded = "&".join(f"{name}={quote_plus(value)}" for name, value in kept)
    return f"{url}?{re.sub('%[0-9A-F]{2}', lambda found: found[0].lower(), encoded)}"
