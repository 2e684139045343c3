"""Look up the people of a ticket: members, and their Webex accounts (T2, D7).

Results are cached for 15 minutes; an older copy is used if the external service does not respond.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ticketbot import errors
from ticketbot.connectwise import connectwise_client, records
from ticketbot.database import db
from ticketbot.decide import audience, values
from ticketbot.models import outages, recipients, tickets
from ticketbot.pipeline import service_outages
from ticketbot.webex import webex_client

FRESH_FOR = timedelta(minutes=15)  # T2
MAX_REMEMBERED = 10_000

_logger = logging.getLogger(__name__)


class NotFound:
    """Keys whose lookup found nothing, cached as long as found rows (T2). Bounded and thread-safe."""

    def __init__(self) -> None:
        self._looked_up_at: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def add(self, keys: Iterable[str], now: datetime) -> None:
        """Remember that lookups of these keys found nothing."""
        with self._lock:
            for key in keys:
                self._looked_up_at.pop(key, None)
                self._looked_up_at[key] = now
            for key in list(self._looked_up_at)[:-MAX_REMEMBERED]:
                del self._looked_up_at[key]

    def unless_recent(self, keys: Iterable[str], now: datetime) -> list[str]:
        """Return the keys without a recent failed lookup."""
        with self._lock:
            return [key for key in keys if now - self._looked_up_at.get(key, now - FRESH_FOR) >= FRESH_FOR]


class RemoteServices(msgspec.Struct, frozen=True):
    """Both services, threads for parallel calls, and the identifiers and addresses they do not know."""

    connectwise: connectwise_client.ConnectWise
    webex: webex_client.Webex
    pool: Executor
    not_found: NotFound = msgspec.field(default_factory=NotFound)


def member_row(member: records.Member) -> dict[str, Any]:
    """Convert a member to a database row."""
    return {
        "id": member.id,
        "identifier": member.identifier,
        "lookup": member.identifier.lower(),
        "name": member.name,
        "email": member.email,
        "inactive": member.inactive,
        "license_class": member.license_class,
    }


def find_members(identifiers: Sequence[str], remote: RemoteServices, now: datetime) -> dict[str, tickets.Member]:
    """Return members by lower-case identifier; identifiers unknown to ConnectWise are missing.

    Raises `RemoteError` if the lookup of a member we have never seen fails: not notifying them would be final.
    """
    with db.session():
        known = tickets.members_by_identifier(identifiers)
    stale = [each.lower() for each in identifiers if not _is_fresh(known.get(each.lower()), now)]
    wanted = remote.not_found.unless_recent(stale, now)
    if not wanted:
        return known
    try:
        found = remote.connectwise.members_by_identifier(wanted)
    except errors.RemoteError as error:
        if any(each not in known for each in wanted):
            raise
        _logger.info("member lookup failed, using cached members: %s", error)
        return known
    missing = set(wanted) - {each.identifier.lower() for each in found}
    # A member found under a new identifier is the same row and still exists.
    gone = {known[each].id for each in missing if each in known} - {each.id for each in found}
    remote.not_found.add(missing, now)
    with db.transaction("lookups"):
        tickets.upsert(tickets.Member, [member_row(each) | {"fetched_at": now, "deleted_at": None} for each in found])
        tickets.soft_delete(tickets.Member, gone, now)
    with db.session():
        return tickets.members_by_identifier(identifiers)


def find_accounts(emails: Iterable[str], remote: RemoteServices, now: datetime) -> dict[str, recipients.Recipient]:
    """Return the Webex account of each address (lower case), the most recently active of several (D7).

    Raises `RemoteError` if the lookup of an address without a known account fails.
    """
    wanted = sorted(set(emails))
    with db.session():
        known = recipients.people_by_email(wanted)
    stale = [email for email in wanted if not any(_is_fresh(each, now) for each in known.get(email, ()))]
    needed = remote.not_found.unless_recent(stale, now)
    futures = {email: remote.pool.submit(remote.webex.people_by_email, email) for email in needed}
    found = {
        email: people for email, future in futures.items() if (people := _people(email, future, known)) is not None
    }
    if found:
        _end_outage(now)
    remote.not_found.add([email for email, people in found.items() if not people], now)
    if any(people or email in known for email, people in found.items()):
        with db.transaction("lookups"):
            for email, people in sorted(found.items()):  # the order of all servers, so that they cannot deadlock
                recipients.store_people(email, [_account(person) for person in people], now)
        with db.session():
            known = recipients.people_by_email(wanted)
    return most_recently_active(known)


def _end_outage(now: datetime) -> None:
    """Record that Webex answers lookups, if it has failed to (O1)."""
    with db.session():
        has_failed = any(outage.source == service_outages.LOOKUPS for outage in outages.of("webex"))
    if has_failed:
        with db.transaction("lookups"):
            ended = service_outages.record_success(service_outages.LOOKUPS, now)
        service_outages.log_end(ended, now)


def find_account(remote: RemoteServices, now: Callable[[], datetime], email: str) -> recipients.Recipient | None:
    """Return the Webex account of one address (lower case)."""
    return find_accounts([email], remote, now()).get(email)


def most_recently_active(known: Mapping[str, Sequence[recipients.Recipient]]) -> dict[str, recipients.Recipient]:
    """Return one account of each address: of several, the most recently active (D7)."""
    chosen = {email: audience.most_recently_active(accounts) for email, accounts in known.items()}
    return {email: account for email, account in chosen.items() if account is not None}


def _people(
    email: str, future: Future[list[webex_client.Person]], known: Mapping[str, Sequence[recipients.Recipient]]
) -> list[webex_client.Person] | None:
    """Return the people Webex lists, or None if the known accounts have to be used."""
    try:
        return [person for person in future.result() if person.type != "bot"]
    except (errors.RemoteRefused, errors.RemoteGone) as error:
        _logger.info("no Webex account for %s: %s", email, error)
        return []
    except errors.RemoteError as error:
        if email not in known:
            raise
        _logger.info("Webex lookup of %s failed, using the known account: %s", email, error)
        return None


def _account(person: webex_client.Person) -> recipients.WebexPerson:
    return recipients.WebexPerson(person.id, person.name, person.emails, person.last_activity)


def recipient(row: recipients.Recipient) -> values.Recipient:
    """Convert a recipient to the value that decisions use."""
    return values.Recipient(row.id, row.type, row.name)


def _is_fresh(row: Any, now: datetime) -> bool:
    return row is not None and row.fetched_at is not None and now - row.fetched_at < FRESH_FOR
