"""The callbacks of a simulated ConnectWise, and the webhooks they get when a ticket changes."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ticketbot.simulators import clock, connectwise_payloads, webhook_sender

Row = dict[str, Any]

DISABLED_AFTER = timedelta(days=3)  # Developer Guide: three days of failures disable a callback
TYPES = frozenset(
    {"activity", "agreement", "company", "contact", "configuration", "invoice", "expense", "member",
     "opportunity", "productcatalog", "project", "purchaseorder", "schedule", "site", "ticket", "time"}
)  # fmt: skip
LEVELS = frozenset({"owner", "board", "project", "phase", "status", "ticket", "integratortag"})


class Callbacks:
    """The callback entries of one tenant, its signing key, and the sender of its webhooks."""

    def __init__(self, company: str, now: Callable[[], datetime]) -> None:
        self.company = company
        self.url = "https://na.myconnectwise.net"  # of the site; set by connectwise_api.serve
        self.codebase = "v2025_1"
        self.key_id = "11111111-2222-4333-8444-555555555555"
        self.signing_key = "test-signing-key"
        self.earlier_keys: dict[str, str] = {}  # key id -> signing key, still served after a rotation
        self.other_tenants: dict[str, str] = {}  # company -> signing key, served by the same host
        self.per_change = 1  # webhooks per change and callback
        self.entries: dict[int, Row] = {}
        self.sender = webhook_sender.Sender(now, self._disable_if_failing)
        self._now = now
        self._failing_since: dict[int, datetime] = {}
        self._lock = threading.Lock()

    @property
    def key_url(self) -> str:
        """Return the `key_url` of webhooks; the double slash is as in the real one."""
        site = f"{self.url}/{self.codebase}//system/callbackkey/index.rails"
        return f"{site}?companyName={self.company}&id={self.key_id}"

    def key_of(self, company: str, key_id: str) -> str | None:
        """Return the signing key of any tenant on this host."""
        if company.lower() == self.company.lower():
            return self.signing_key if key_id == self.key_id else self.earlier_keys.get(key_id)
        return self.other_tenants.get(company)

    def rotate_key(self, key_id: str, signing_key: str) -> None:
        """Sign with another key from now on; the previous one stays valid."""
        self.earlier_keys[self.key_id] = self.signing_key
        self.key_id, self.signing_key = key_id, signing_key

    def add(self, callback_id: int, fields: Row, member_id: int) -> Row:
        """Register a callback and return its entry."""
        self.entries[callback_id] = connectwise_payloads.callback(
            callback_id, fields, clock.in_seconds(self._now()), member_id
        )
        return self.entries[callback_id]

    def change(self, callback_id: int, fields: Row) -> Row:
        """Set keys of an entry, and reset its failures."""
        with self._lock:
            self._failing_since.pop(callback_id, None)
            self.entries[callback_id] = self.entries[callback_id] | fields
            return self.entries[callback_id]

    def sign(self, body: bytes) -> str:
        """Return the signature ConnectWise would send with `body`."""
        return webhook_sender.sign(self.signing_key, body)

    def body(
        self, ticket_id: int, entity: Row | None, action: str, by: str, *, callback: int, message_id: str = ""
    ) -> bytes:
        """Return the body of a webhook; the entity is JSON inside a string (reference section 4.2)."""
        return msgspec.json.encode(
            {
                "MessageId": message_id or str(uuid.uuid4()),
                "FromUrl": urlsplit(self.url).netloc,
                "CompanyId": self.company,
                "MemberId": by,
                "Action": action,
                "Type": "ticket",
                "ID": ticket_id,
                "ProductInstanceId": None,
                "PartnerId": None,
                "Entity": None if entity is None else msgspec.json.encode(entity).decode(),
                "Metadata": {"key_url": self.key_url},
                "CallbackObjectRecId": callback,
            }
        )

    def send_webhooks(self, ticket: Row, entity: Row | None, action: str, by: str) -> None:
        """Send the webhooks of one change to every active callback that covers the ticket."""
        for entry in list(self.entries.values()):
            if entry["inactiveFlag"] or not _covers(entry, ticket):
                continue
            for number in range(self.per_change):
                named_action = "updated" if number and action == "added" else action
                self.sender.post(self._webhook(entry, ticket["id"], entity, named_action, by))

    def _webhook(self, entry: Row, ticket_id: int, entity: Row | None, action: str, by: str) -> webhook_sender.Webhook:
        message_id = str(uuid.uuid4())
        body = self.body(ticket_id, entity, action, by, callback=entry["id"], message_id=message_id)
        return webhook_sender.Webhook(
            callback_id=entry["id"],
            url=f"{entry['url']}{ticket_id}&action={action}",
            ticket_id=ticket_id,
            action=action,
            message_id=message_id,
            body=body,
            signature=self.sign(body),
        )

    def _disable_if_failing(self, delivery: webhook_sender.Delivery) -> None:
        """Disable a callback whose deliveries have all failed for three days."""
        with self._lock:
            entry = self.entries.get(delivery.callback_id)
            if delivery.ok or not entry:
                self._failing_since.pop(delivery.callback_id, None)
            elif delivery.at - self._failing_since.setdefault(entry["id"], delivery.at) >= DISABLED_AFTER:
                self.entries[entry["id"]] = entry | {"inactiveFlag": True}


def _covers(entry: Row, ticket: Row) -> bool:
    """Return whether a callback of type ticket covers this ticket, by its level and object."""
    if entry["type"].lower() != "ticket":
        return False
    level, wanted = entry["level"].lower(), entry["objectId"]
    if level == "owner":
        return True
    if level == "ticket":
        return bool(ticket["id"] == wanted)
    return bool((ticket.get(level) or {}).get("id") == wanted)
