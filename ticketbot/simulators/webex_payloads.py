"""The rows that Webex sends, with exactly the keys of the payload files."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

Row = dict[str, Any]


def person(person_id: str, name: str, emails: Sequence[str], org_id: str, *, kind: str, at: str, active_at: str) -> Row:
    """Return an account as a search by email shows it."""
    first, _, last = name.partition(" ")
    return {
        "id": person_id,
        "emails": list(emails),
        "displayName": name,
        "nickName": first,
        "firstName": first,
        "lastName": last,
        "orgId": org_id,
        "created": at,
        "lastModified": at,
        "lastActivity": active_at,
        "status": "active",
        "type": kind,
    }


def room(room_id: str, title: str, org_id: str, creator_id: str, *, kind: str, at: str) -> Row:
    """Return a room."""
    return {
        "id": room_id,
        "title": title,
        "type": kind,
        "isLocked": False,
        "lastActivity": at,
        "creatorId": creator_id,
        "created": at,
        "ownerId": org_id,
        "isAnnouncementOnly": False,
        "isReadOnly": False,
        "isPublic": False,
    }


def membership(membership_id: str, room: Row, person: Row, at: str) -> Row:
    """Return the membership of a person in a room."""
    row = {
        "id": membership_id,
        "roomId": room["id"],
        "personId": person["id"],
        "personEmail": person["emails"][0],
        "personDisplayName": person["displayName"],
        "personOrgId": person["orgId"],
        "isModerator": False,
        "isMonitor": False,
        "roomType": room["type"],
        "created": at,
    }
    return row | {"isRoomHidden": False} if room["type"] == "direct" else row


def message(
    message_id: str, room: Row, sender: Row, fields: Mapping[str, Any], *, text: str, markdown: str, at: str
) -> Row:
    """Return a message as the response to its creation shows it."""
    destination = {key: fields[key] for key in ("parentId", "toPersonId", "toPersonEmail") if fields.get(key)}
    content = {"markdown": markdown, "html": f"<p>{html.escape(markdown)}</p>"} if markdown else {}
    return {
        "id": message_id,
        "roomId": room["id"],
        "roomType": room["type"],
        **destination,
        "text": text,
        **content,
        "personId": sender["id"],
        "personEmail": sender["emails"][0],
        "created": at,
    }


def is_webex_id(value: str) -> bool:
    """Return whether a text has the form of an id."""
    try:
        return base64.b64decode(value + "=" * (-len(value) % 4), validate=True).startswith(b"ciscospark://")
    except ValueError:
        return False


def plain(markdown: str) -> str:
    """Return markdown as clients without rich text show it."""
    return html.unescape(re.sub(r"[*_`>#]|\\(?=\W)", "", markdown)).strip()
