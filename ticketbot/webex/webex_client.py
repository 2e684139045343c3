"""Send messages to Webex, and read the rooms and people there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from urllib.parse import quote

import msgspec

from ticketbot import errors
from ticketbot.remote import http_service, json_values

LABEL = "Webex"
NAME = "webex"
PEOPLE_PER_CALL = 85  # the most ids that one GET /people takes
ROOMS_PER_PAGE = 500  # 1000 is allowed, but large lists are slow and a 504 is answered by asking for less
DESTINATIONS = {"room": "roomId", "person": "toPersonId"}


class Person(msgspec.Struct, frozen=True):
    """An account; `last_activity` is known only for people looked up by e-mail, and not for all of them."""

    id: str
    name: str
    emails: tuple[str, ...]
    type: str
    last_activity: datetime | None


class Room(msgspec.Struct, frozen=True):
    """A room; the title is None when Webex could not decrypt it."""

    id: str
    title: str | None
    type: str
    last_activity: datetime | None


class Membership(msgspec.Struct, frozen=True):
    """A person's place in a room; unlike `/people` it names people of other organisations, too."""

    person_id: str
    email: str | None
    name: str | None
    room_id: str


class Webex:
    """A client of Webex with one bot's token; any number of threads may share one.

    Every method raises a `RemoteError` and nothing else, never tries again and never sleeps. Timeouts
    are seconds; `now` is for a Retry-After that is a date.
    """

    def __init__(
        self,
        *,
        token: str,
        url: str = "https://webexapis.com/v1",
        connect_timeout_s: float = 5.0,
        read_timeout_s: float = 15.0,
        on_call: http_service.OnCall = http_service.ignore_call,
        now: Callable[[], datetime] = http_service.utc_now,
    ) -> None:
        self._service = http_service.HttpService(
            NAME,
            LABEL,
            url,
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            secrets=(token,),
            refusal=_refusal,
            tracking_header="trackingId",
            connect_timeout_s=connect_timeout_s,
            read_timeout_s=read_timeout_s,
            on_call=on_call,
            now=now,
        )

    def close(self) -> None:
        """Close the connections that are kept."""
        self._service.close()

    def has_answered_within(self, seconds: float) -> bool:
        """Return whether a call has succeeded lately, or the client is new."""
        return self._service.has_answered_within(seconds)

    def send(self, recipient_type: str, webex_id: str, markdown: str, parent_id: str | None = None) -> str:
        """Send a message to a `room` or a `person`, perhaps as a reply to the root of a thread, and return its id.

        Webex knows no idempotency key: after a RemoteUnavailable whose `outcome_unknown` is true the
        message may have arrived. Raises MessageTooLong when shortening it helps.
        """
        body = {DESTINATIONS[recipient_type]: webex_id, "markdown": markdown}
        if parent_id is not None:
            body["parentId"] = parent_id
        answer = self._service.call("POST", "/messages", operation="send", body=body)
        message_id = json_values.text(answer.body.get("id")) if isinstance(answer.body, Mapping) else None
        if message_id is None:
            raise self._service.unusable(answer, "not with the id of a message")
        return message_id

    def me(self) -> Person:
        """Return the bot itself."""
        answer = self._service.call("GET", "/people/me", operation="me")
        for row in _rows([answer.body]):
            return _person(row)
        raise self._service.unusable(answer, "not with a person")

    def people_by_email(self, email: str) -> list[Person]:
        """Return the accounts with this address, with their last activity; mostly one or none."""
        if not email.strip():
            return []
        return [_person(row) for row in self._get_all("people_by_email", "/people", {"email": email.strip()})]

    def people_by_ids(self, ids: Iterable[str]) -> list[Person]:
        """Return the accounts with these ids, as far as they exist."""
        rest = iter(dict.fromkeys(ids))
        batches = iter(lambda: tuple(islice(rest, PEOPLE_PER_CALL)), ())
        return [
            _person(row)
            for batch in batches
            for row in self._get_all("people_by_ids", "/people", {"id": ",".join(batch)})
        ]

    def rooms(self, room_type: str = "group") -> list[Room]:
        """Return the rooms that the bot is in."""
        query: dict[str, str | int] = {"type": room_type, "max": ROOMS_PER_PAGE}
        return [_room(row) for row in self._get_all("rooms", "/rooms", query)]

    def memberships(self, room_id: str) -> list[Membership]:
        """Return who is in a room; RemoteGone when the bot is not, although the room may have been listed."""
        query: dict[str, str | int] = {"roomId": room_id, "max": ROOMS_PER_PAGE}
        found = (_membership(row, room_id) for row in self._get_all("memberships", "/memberships", query))
        return [membership for membership in found if membership.person_id]

    def _get_all(self, operation: str, path: str, query: Mapping[str, str | int]) -> Iterator[json_values.JsonObject]:
        """Yield the items of all pages: a list ends where no next page is named, not with an empty page."""
        answer = self._service.call("GET", path, operation=operation, query=query)
        followed: set[str] = set()
        while True:
            items = answer.body.get("items") if isinstance(answer.body, Mapping) else None
            if not isinstance(items, list):
                raise self._service.unusable(answer, "not with a list of items")
            yield from _rows(items)
            link = answer.next_link
            if link is None:
                return
            if link in followed:
                raise self._service.unusable(answer, "with a next page that was read already")
            followed.add(link)
            answer = self._service.call("GET", _repaired(link, query), operation=operation)


def _refusal(problem: http_service.Problem) -> type[errors.RemoteError]:
    if problem.status == 413 or "message length" in (problem.message or "").lower():
        return errors.MessageTooLong
    return errors.RemoteGone if problem.status == 404 else errors.RemoteRefused


def _repaired(link: str, query: Mapping[str, str | int]) -> str:
    """Return a next link without the faults Webex is known for: `max=null`, and missing filters.

    Otherwise it is kept as it is, down to parameters without a value (WebexPythonSDK#168).
    """
    base, _, given = link.partition("?")
    parts = [part for part in given.split("&") if part and part != "max=null"]
    names = {part.partition("=")[0] for part in parts}
    parts += [f"{name}={quote(str(value), safe='')}" for name, value in query.items() if name not in names]
    return f"{base}?{'&'.join(parts)}"


def _rows(items: list[object]) -> Iterator[json_values.JsonObject]:
    return (row for row in items if isinstance(row, Mapping) and json_values.text(row.get("id")))


def _person(row: json_values.JsonObject) -> Person:
    emails = row.get("emails")
    found = (json_values.text(email) for email in emails) if isinstance(emails, list) else ()
    addresses = tuple(email.lower() for email in found if email)
    id_ = json_values.text(row.get("id")) or ""
    full_name = f"{json_values.text(row.get('firstName')) or ''} {json_values.text(row.get('lastName')) or ''}"
    return Person(
        id=id_,
        name=json_values.text(row.get("displayName"), full_name, row.get("nickName"), *addresses) or id_,
        emails=addresses,
        type=json_values.text(row.get("type")) or "person",
        last_activity=json_values.timestamp(row.get("lastActivity")),
    )


def _room(row: json_values.JsonObject) -> Room:
    return Room(
        id=json_values.text(row.get("id")) or "",
        title=None if _title_is_broken(row) else json_values.text(row.get("title")),
        type=json_values.text(row.get("type")) or "group",
        last_activity=json_values.timestamp(row.get("lastActivity")),
    )


def _title_is_broken(row: json_values.JsonObject) -> bool:
    """Return whether Webex could not decrypt the title: it says so, or gives the ciphertext (a JWE) instead."""
    faults, title = row.get("errors"), json_values.text(row.get("title")) or ""
    return (bool(faults) and (not isinstance(faults, Mapping) or "title" in faults)) or (
        title.startswith("eyJ") and " " not in title
    )


def _membership(row: json_values.JsonObject, room_id: str) -> Membership:
    email = json_values.text(row.get("personEmail"))
    return Membership(
        person_id=json_values.text(row.get("personId")) or "",
        email=email.lower() if email else None,
        name=json_values.text(row.get("personDisplayName")),
        room_id=json_values.text(row.get("roomId")) or room_id,
    )
