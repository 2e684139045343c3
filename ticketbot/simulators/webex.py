"""A Webex organization in memory: rooms, people, and every message it accepted."""

from __future__ import annotations

import base64
import itertools
import math
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from ticketbot.simulators import clock, faults, request_log, webex_payloads

Row = dict[str, Any]

MAX_MESSAGE_BYTES = 7439  # of text and of markdown, each (public-spec/webex-messaging.json)
TOO_LONG = (
    "Unable to post message to room: Message length limited to 7439 characters before encryption and "
    "10000 characters after encryption."
)
NO_ROOM = "Could not find a room with provided ID."
NOT_FOUND = "The requested resource could not be found."
NO_PARENT = "Unable to post message to room: the parent message does not exist or cannot be replied to."
MAX_EDITS = 10

_NAMES = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")
_CIPHERTEXT = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..c2VjcmV0"
_DESTINATIONS = ("roomId", "toPersonId", "toPersonEmail")


class Refusal(Exception):
    """An error response; `retry_after_s` belongs to a 429."""

    def __init__(self, status: int, message: str, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s


class Message(msgspec.Struct, kw_only=True, frozen=True):
    """A message that Webex accepted and delivered."""

    id: str
    destination: str  # as given in the request
    room_id: str
    room_title: str
    person_id: str = ""  # of a direct message
    person_email: str = ""
    markdown: str
    text: str
    at: datetime
    parent_id: str = ""
    edits: int = 0


class Webex:
    """One organization, its bot, and the bot's messages; ids are sequential, so the same calls give the same ids."""

    def __init__(
        self,
        *,
        now: Callable[[], datetime] = clock.utc_now,
        token: str = "bot-token",  # noqa: S107 - valid for the simulator only
        seed: int = 0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.now = now
        self.token = token
        self.url = ""  # set by webex_api.serve
        self.latency_s = 0.0
        self.messages_per_s: float | None = None  # above it: 429 with Retry-After; None: no limit
        self.forgetful_links = False  # next links with `max=null` and without the filters, as seen in the real API
        self.calls = request_log.Calls(now)
        self.faults = faults.Faults(seed)
        self.people: dict[str, Row] = {}
        self.rooms: dict[str, Row] = {}
        self._members: dict[str, dict[str, Row]] = {}  # room -> person -> membership
        self._direct: dict[str, str] = {}  # person -> room
        self.refuses_replies_to_replies = False  # otherwise they become replies to the root; both were seen
        self._messages: list[Message] = []
        self._existing: dict[str, Message] = {}  # by id, all that were not deleted
        self._to_drop = 0
        self._monotonic = monotonic
        self._tokens, self._filled_at = math.inf, monotonic()
        self._changed = threading.Condition(threading.RLock())
        self._ids = itertools.count(1)
        self._org = self._id("ORGANIZATION")
        self.bot_id = self.add_person("ticketbot@webex.bot", "Ticketbot", kind="bot")

    # Rooms and people

    def add_person(
        self,
        email: str,
        name: str,
        *,
        emails: Sequence[str] = (),
        kind: Literal["person", "bot", "appuser"] = "person",
        last_activity: datetime | None = None,
    ) -> str:
        """Add an account and return its id; several may share an email address."""
        with self._changed:
            person_id, at = self._id("PEOPLE"), self._stamp()
            active_at = clock.in_milliseconds(last_activity) if last_activity else at
            self.people[person_id] = webex_payloads.person(
                person_id, name, [email, *emails], self._org, kind=kind, at=at, active_at=active_at
            )
            return person_id

    def change_person(self, person_id: str, fields: Row) -> None:
        """Set keys of an account; None removes the key."""
        with self._changed:
            changed = self.people[person_id] | fields
            self.people[person_id] = {key: value for key, value in changed.items() if value is not None}

    def remove_person(self, person_id: str) -> None:
        """Delete an account and its memberships."""
        with self._changed:
            del self.people[person_id]
            for members in self._members.values():
                members.pop(person_id, None)

    def add_room(
        self,
        title: str,
        members: Sequence[str] = (),
        *,
        kind: Literal["group", "direct"] = "group",
        with_bot: bool = True,
    ) -> str:
        """Add a room with these people and the bot in it, and return its id."""
        with self._changed:
            room_id, creator = self._id("ROOM"), [*members, self.bot_id][0]
            self.rooms[room_id] = webex_payloads.room(room_id, title, self._org, creator, kind=kind, at=self._stamp())
            self._members[room_id] = {}
            for person_id in [*members, *([self.bot_id] if with_bot else [])]:
                self.join(room_id, person_id)
            return room_id

    def change_room(self, room_id: str, fields: Row) -> None:
        """Set keys of a room; None removes the key."""
        with self._changed:
            changed = self.rooms[room_id] | fields
            self.rooms[room_id] = {key: value for key, value in changed.items() if value is not None}

    def break_title(self, room_id: str, *, ciphertext: bool = False) -> None:
        """Make the title of a room undecryptable: missing, or as ciphertext."""
        reason = "Key management server failed to respond appropriately."
        errors = {"title": {"code": "kms_failure", "reason": reason}}
        self.change_room(room_id, {"title": _CIPHERTEXT if ciphertext else None, "errors": errors})

    def remove_room(self, room_id: str) -> None:
        """Delete a room."""
        with self._changed:
            del self.rooms[room_id], self._members[room_id]

    def join(self, room_id: str, person_id: str) -> None:
        """Add a person to a room."""
        with self._changed:
            person, room = self.people[person_id], self.rooms[room_id]
            row = webex_payloads.membership(self._id("MEMBERSHIP"), room, person, self._stamp())
            self._members[room_id][person_id] = row

    def leave(self, room_id: str, person_id: str = "") -> None:
        """Remove a person from a room, by default the bot, which then no longer sees the room."""
        with self._changed:
            del self._members[room_id][person_id or self.bot_id]

    # Read by the API

    def visible_rooms(self) -> list[Row]:
        """Return the rooms the bot is in."""
        with self._changed:
            return [room for key, room in self.rooms.items() if self.bot_id in self._members[key]]

    def memberships(self, room_id: str) -> list[Row]:
        """Return the memberships of a room; raises Refusal for a room that the bot is not in."""
        with self._changed:
            self._room(room_id)
            return list(self._members[room_id].values())

    def own_memberships(self) -> list[Row]:
        """Return the memberships of the bot."""
        with self._changed:
            return [members[self.bot_id] for members in self._members.values() if self.bot_id in members]

    def people_with(self, email: str) -> list[Row]:
        """Return the accounts with this email address, ignoring case."""
        wanted = email.lower()
        with self._changed:
            everybody = list(self.people.values())
        return [row for row in everybody if wanted in (address.lower() for address in row["emails"])]

    # Messages

    def post(self, fields: Mapping[str, Any]) -> Row:
        """Accept a message and return its full object; raises Refusal with Webex's message."""
        keys = [key for key in _DESTINATIONS if fields.get(key)]
        if len(keys) != 1:
            raise Refusal(400, "Exactly one of the destination fields must be specified.")
        text, markdown = str(fields.get("text") or ""), str(fields.get("markdown") or "")
        if not text and not markdown and not fields.get("files"):
            raise Refusal(400, "Both text and file cannot be empty.")
        if max(len(text.encode()), len(markdown.encode())) > MAX_MESSAGE_BYTES:
            raise Refusal(400, TOO_LONG)
        with self._changed:
            self._take_token()
            destination = str(fields[keys[0]])
            room, person = self._destination(keys[0], destination)
            message = Message(
                id=self._id("MESSAGE"),
                destination=destination,
                room_id=room["id"],
                room_title=room.get("title", ""),
                person_id=person["id"] if person else "",
                person_email=person["emails"][0] if person else "",
                markdown=markdown,
                text=text or webex_payloads.plain(markdown),
                at=self.now(),
                parent_id=self._root(str(fields["parentId"]), room["id"]) if fields.get("parentId") else "",
            )
            self._keep(message)
            return self._shown(message, fields)

    def edit(self, message_id: str, fields: Mapping[str, Any]) -> Row:
        """Replace the text of a message, at most ten times; raises Refusal with Webex's message."""
        with self._changed:
            kept = self._existing.get(message_id)
            if kept is None or fields.get("roomId") != kept.room_id:
                raise Refusal(404, NOT_FOUND)
            text, markdown = str(fields.get("text") or ""), str(fields.get("markdown") or "")
            if "html" in fields or not (text or markdown) or kept.edits >= MAX_EDITS:
                raise Refusal(400, "The message cannot be edited.")
            changes = {"markdown": markdown, "text": text or webex_payloads.plain(markdown), "edits": kept.edits + 1}
            edited = msgspec.structs.replace(kept, **changes)
            self._existing[message_id] = edited
            self._messages = [edited if each.id == message_id else each for each in self._messages]
            return self._shown(edited, {"parentId": edited.parent_id})

    def delete(self, message_id: str) -> None:
        """Delete a message: it can no longer be replied to. Raises Refusal if there is none."""
        with self._changed:
            if self._existing.pop(message_id, None) is None:
                raise Refusal(404, NOT_FOUND)

    def accept_without_posting(self, count: int = 1) -> None:
        """Answer the next `count` messages with success, but drop them."""
        with self._changed:
            self._to_drop += count

    def messages(self) -> list[Message]:
        """Return every accepted message, oldest first."""
        with self._changed:
            return list(self._messages)

    def refused(self) -> list[request_log.Call]:
        """Return every call to post a message that was not carried out or failed."""
        posts = [call for call in self.calls.log() if call.operation == "POST messages"]
        return [call for call in posts if not call.handled or call.status >= 400]

    def wait_for_messages(self, count: int, timeout_s: float = 10.0) -> list[Message]:
        """Wait until `count` messages were accepted, or for the timeout; return all accepted messages."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._messages) >= count, timeout_s)
            return list(self._messages)

    def clear_messages(self) -> None:
        """Remove the messages so far; their ids are not reused."""
        with self._changed:
            self._messages.clear()

    # Called with the lock held

    def _shown(self, message: Message, fields: Mapping[str, Any]) -> Row:
        return webex_payloads.message(
            message.id, self.rooms[message.room_id], self.people[self.bot_id], fields,
            text=message.text, markdown=message.markdown, at=clock.in_milliseconds(message.at),
        )  # fmt: skip

    def _root(self, parent_id: str, room_id: str) -> str:
        """Return the root of the thread that a reply belongs to; raises Refusal if it cannot."""
        parent = self._existing.get(parent_id)
        if parent is None or parent.room_id != room_id or (parent.parent_id and self.refuses_replies_to_replies):
            raise Refusal(400, NO_PARENT)
        return parent.parent_id or parent.id

    def _id(self, kind: str) -> str:
        number = uuid.uuid5(_NAMES, f"{kind}-{next(self._ids)}")
        return base64.b64encode(f"ciscospark://us/{kind}/{number}".encode()).decode().rstrip("=")

    def _stamp(self) -> str:
        return clock.in_milliseconds(self.now())

    def _room(self, room_id: str) -> Row:
        if not webex_payloads.is_webex_id(room_id):
            raise Refusal(404, NOT_FOUND)
        if self.bot_id not in self._members.get(room_id, {}):
            raise Refusal(404, NO_ROOM)
        return self.rooms[room_id]

    def _destination(self, key: str, value: str) -> tuple[Row, Row | None]:
        if key == "roomId":
            room = self._room(value)
            others = [other for other in self._members[value] if other != self.bot_id]
            return room, self.people[others[0]] if room["type"] == "direct" and others else None
        found = self.people_with(value) if key == "toPersonEmail" else [self.people.get(value)]
        person = next(iter(found), None)
        if not person:
            raise Refusal(404, "Failed to get one on one conversation")
        return self.rooms[self._direct_room(person)], person

    def _direct_room(self, person: Row) -> str:
        """Return the direct room with a person, and create it for the first message."""
        room_id = self._direct.get(person["id"])
        if room_id not in self.rooms:
            room_id = self.add_room(person["displayName"], [person["id"]], kind="direct")
            self._direct[person["id"]] = room_id
        return str(room_id)

    def _take_token(self) -> None:
        """Take a token from a bucket that holds the messages of one second; raises Refusal if it is empty."""
        limit = self.messages_per_s
        if limit is None:
            return
        now = self._monotonic()
        self._tokens = min(max(1.0, limit), self._tokens + (now - self._filled_at) * limit)
        self._filled_at = now
        if self._tokens < 1:
            wait_s = math.ceil((1 - self._tokens) / limit)
            raise Refusal(429, "Too Many Requests", retry_after_s=max(1, wait_s))
        self._tokens -= 1

    def _keep(self, message: Message) -> None:
        if self._to_drop:
            self._to_drop -= 1
            return
        self._messages.append(message)
        self._existing[message.id] = message
        self._changed.notify_all()
