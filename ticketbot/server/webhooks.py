"""Accept webhooks: verify, commit, respond (W1 to W6). Nothing here waits for anything but our own database."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import bottle
import msgspec
import peewee

from ticketbot import errors, log, metrics
from ticketbot.connectwise import webhook_signature
from ticketbot.pipeline import accept
from ticketbot.server import application, client_address, refusals
from ticketbot.settings import types

MAX_BODY = 1024 * 1024
LARGEST_ID = 2**63 - 1
PATH = "/hooks/cw/tickets"

_ACTIONS = ("added", "updated", "deleted")
_MAX_MESSAGE_ID = 200
_RETRY_AFTER_S = 2  # ConnectWise tries again after 2 s and after 4 s more, whatever we say

_logger = logging.getLogger(__name__)


class _Metadata(msgspec.Struct):
    key_url: str


class _Hook(msgspec.Struct, rename="pascal"):
    """The fields of a webhook that are read; the signature covers the rest of it, too."""

    metadata: _Metadata
    company_id: Any = None
    action: Any = None
    type: Any = None
    id: Any = msgspec.field(default=None, name="ID")
    entity: Any = None
    message_id: Any = None


class _Entity(msgspec.Struct):
    record_type: Any = msgspec.field(default=None, name="recordType")


_T = TypeVar("_T")
# Every escape of a JSON string: a surrogate pair, a lone surrogate, or another one (so that `\\ud800` is text).
_ESCAPES = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)

_read_hook = msgspec.json.Decoder(_Hook).decode
_read_entity = msgspec.json.Decoder(_Entity).decode


class WebhookServices(msgspec.Struct, frozen=True):
    """What accepting webhooks needs; `notify` wakes a worker after the commit."""

    signing_keys: webhook_signature.SigningKeys
    inbox: accept.Inbox
    notify: Callable[[], None]
    now: Callable[[], datetime]
    trusted_proxies: Sequence[types.Network] = ()
    refusals: refusals.Refusals = msgspec.field(
        default_factory=lambda: refusals.Refusals(time.monotonic, metrics.HOOKS_REFUSED)
    )


def add_routes(app: bottle.Bottle, intake: WebhookServices) -> None:
    """Serve `POST /hooks/cw/tickets`."""

    def ticket_hook() -> bottle.HTTPResponse:
        outcome = "refused"
        try:
            outcome = _accept(intake)
        except errors.TooMany:
            outcome = "put off"
            raise
        except (errors.NotAllowed, errors.InvalidInput, errors.TooLarge) as error:
            address = client_address.throttled_client(bottle.request.environ, intake.trusted_proxies)
            intake.refusals.note(address, _reason(error), f"POST {PATH}")
            raise
        finally:
            metrics.HOOKS.labels(outcome).inc()
        return application.json_answer({"status": outcome})

    app.route(PATH, "POST", ticket_hook)


def _reason(error: errors.TicketbotError) -> str:
    """Return the label under which a refused webhook is counted; each of W1's checks has its own."""
    if isinstance(error, errors.NotAllowed):
        return error.reason
    return "too_large" if isinstance(error, errors.TooLarge) else "malformed"


def _accept(intake: WebhookServices) -> str:
    """Check in the order of W1: nothing of a webhook is trusted, looked up or logged before its signature verified."""
    length = bottle.request.content_length
    if length > MAX_BODY:
        raise errors.TooLarge("A webhook has at most 1 MiB")
    # Not `get_header`, which fails on what is no UTF-8.
    signature = bottle.request.environ.get("HTTP_X_CONTENT_SIGNATURE")
    if not signature:
        raise errors.NotAllowed("A webhook carries x-content-signature", reason="no_signature")
    body = bottle.request.environ["wsgi.input"].read(max(length, 0))
    hook = _read(body)
    intake.signing_keys.verify(
        body=body,
        signature=signature,
        key_url=hook.metadata.key_url,
        company=str(hook.company_id or ""),
        client=partial(client_address.throttled_client, bottle.request.environ, intake.trusted_proxies),
    )
    return _queue(hook, intake)


def _read(body: bytes) -> _Hook:
    try:
        return _decode_leniently(_read_hook, body)
    except msgspec.ValidationError:
        raise errors.Unreadable("The body is not a JSON object with Metadata.key_url") from None
    except (msgspec.DecodeError, RecursionError):
        raise errors.Unreadable("The body is not JSON") from None


def _decode_leniently(read: Callable[[bytes | str], _T], content: bytes | str) -> _T:
    """Read JSON; only where that fails, read it with replacement characters for what is not clean UTF-8 (W1)."""
    try:
        return read(content)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeError):
        text = content if isinstance(content, str) else content.decode("utf-8", "replace")
        return read(_ESCAPES.sub(_without_lone_surrogate, text.removeprefix("\ufeff")))


def _without_lone_surrogate(escape: re.Match[str]) -> str:
    return r"\ufffd" if escape["lone"] else escape[0]


def _queue(hook: _Hook, intake: WebhookServices) -> str:
    action, kind = str(hook.action).lower(), str(hook.type).lower()
    if kind != "ticket" or action not in _ACTIONS:
        _logger.info("ignored a webhook of an unsupported type", extra={"type": kind[:40], "action": action[:40]})
        return "ignored"
    ticket_id = hook.id
    if type(ticket_id) is not int or not 0 < ticket_id <= LARGEST_ID:
        raise errors.Unreadable("The webhook has no integer ID")
    arrival = accept.PendingWebhook(
        ticket_id=ticket_id,
        action=action,
        kind_hint=_kind_hint(hook.entity),
        message_id=_message_id(hook.message_id),
        correlation=log.current_correlation(),
        at=intake.now(),
    )
    try:
        outcome = intake.inbox.accept(arrival)
    except (errors.Unreachable, peewee.DatabaseError) as error:
        # Whatever the failure (gone, full, read-only, broken): ConnectWise drops a webhook that is answered with a 5xx.
        _logger.error("answered a webhook with 429, the database cannot store it: %s", error)  # noqa: TRY400  (the text says it all)
        raise errors.TooMany("The webhook cannot be stored now", retry_after_s=_RETRY_AFTER_S) from error
    if outcome == "accepted":
        intake.notify()
    # The worker logs the correlation id of the event; a line per webhook of a burst would add nothing.
    _logger.debug("ticket %d was %s: %s", ticket_id, action, outcome)
    return outcome


def _message_id(value: object) -> str | None:
    """Return the id that identifies replays, as any database can store it; a webhook without one is never a replay."""
    return value.replace("\0", "")[:_MAX_MESSAGE_ID] if isinstance(value, str) else None


def _kind_hint(entity: object) -> str | None:
    """Return the path the ticket probably lives under; the entity is a hint, like all of the webhook."""
    if not isinstance(entity, str):
        return None
    try:
        record_type = _decode_leniently(_read_entity, entity).record_type
    except (msgspec.MsgspecError, RecursionError):
        return None
    return "project" if str(record_type).startswith("Project") else None
