"""What keeps notifications from people, or for later: silences (N3) and quiet hours (N4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from ticketbot.decide import condition_fields, conditions
from ticketbot.decide.reasons import Reason
from ticketbot.decide.values import PERSON, Facts, QuietHours, Recipient, Silence

WEEKDAYS = condition_fields.CHOICES["weekday"]

_WEEK = timedelta(days=7)
_DAY = timedelta(days=1)
_WEEKS_CHECKED = 54  # a year, with all its changes of clocks
_MINUTE = timedelta(minutes=1)
_zone = lru_cache(maxsize=None)(ZoneInfo)


def is_active(silence: Silence, now: datetime) -> bool:
    """Return whether a silence applies at a moment: `start <= now < until`."""
    return silence.start <= now < silence.until


def silences_of_ticket(facts: Facts) -> list[Silence]:
    """Return the active silences that match the ticket, whatever they say of recipients and rules."""
    compared = facts.ticket.compared
    board, company = compared.get("board"), compared.get("company")
    name = (company.shown if company else None) or ""
    return [
        each
        for each in facts.silences
        if is_active(each, facts.now)
        and each.board_id in (None, board.key if board else None)
        and each.ticket_id in (None, facts.ticket.id)
        and (each.company is None or each.company.casefold() == name.casefold())
    ]


def unsilenced(
    reasons: tuple[Reason, ...], silences: Iterable[Silence]
) -> tuple[tuple[Reason, ...], tuple[Reason, ...]]:
    """Return the reasons that no silence removes; if none is left, also why: the silence that removed the last one."""
    left = reasons
    for silence in silences:
        removed = [each for each in left if _removes(silence, each)]
        left = tuple(each for each in left if each not in removed)
        if removed and not left:
            return (), (Reason("silenced", (silence.id,), (silence.comment,), because=reasons),)
    return left, ()


def silence_without_ticket(silences: Iterable[Silence], recipient_id: int, now: datetime) -> Silence | None:
    """Return the silence that keeps a message about no ticket from a recipient: one that names nothing else (L8)."""
    plain = (each for each in silences if (each.board_id, each.ticket_id, each.company, each.rule_id) == (None,) * 4)
    return next((each for each in plain if each.recipient_id == recipient_id and is_active(each, now)), None)


def _removes(silence: Silence, reason: Reason) -> bool:
    return silence.rule_id is None or (reason.code == "rule" and reason.ids[0] == silence.rule_id)


def hours_of(recipient: Recipient, all_hours: Iterable[QuietHours]) -> list[QuietHours]:
    """Return the quiet hours of a recipient: their own, or else, for a person, those for all people (N4)."""
    known = list(all_hours)
    own = [each for each in known if each.recipient_id == recipient.id]
    return own or [each for each in known if each.recipient_id is None and recipient.type == PERSON]


def holding(
    hours: Iterable[QuietHours], now: datetime, values: Mapping[str, Any]
) -> tuple[list[QuietHours], list[QuietHours]]:
    """Return the hours for which a notification is not urgent, and those of now for which it is.

    `values` are those of `matching.condition_values`.
    """
    calming: list[QuietHours] = []
    urgent: list[QuietHours] = []
    for each in hours:
        is_urgent = each.urgent is not None and conditions.evaluate(each.urgent, values).matches
        (urgent if is_urgent else calming).append(each)
    return calming, of_now(urgent, now)


def of_now(hours: Iterable[QuietHours], now: datetime) -> list[QuietHours]:
    """Return the quiet hours that a moment is in."""
    return [each for each in hours if _end_of(each, now) is not None]


def held_until(hours: Sequence[QuietHours], now: datetime) -> datetime | None:
    """Return when the clocks of none of these hours show a quiet time any more; None if none does now.

    What goes by is what a clock on the wall of each time zone shows: an hour that daylight saving skips is not missed,
    and one that it repeats is quiet both times.
    """
    moment = now
    while ends := [end for each in hours if (end := _end_of(each, moment)) is not None]:
        moment = max(ends)
        if moment - now > _WEEK:
            break  # refused when saved; never hold anything for good
    return moment if moment > now else None


def leave_no_time(hours: Sequence[QuietHours], now: datetime) -> bool:
    """Return whether there is a week, of those that follow, without any other time."""
    weeks = (now + number * _WEEK for number in range(_WEEKS_CHECKED))
    return any((end := held_until(hours, start)) is not None and end - start >= _WEEK for start in weeks)


def _end_of(hours: QuietHours, moment: datetime) -> datetime | None:
    """Return when quiet hours that a moment is in end, or when the clock is changed before; None outside of them."""
    local = moment.astimezone(_zone(hours.timezone))
    wall_end = _wall_end(hours, local.replace(tzinfo=None))
    if wall_end is None:
        return None
    end = moment + (wall_end - local.replace(tzinfo=None))
    return _clock_change(local, end) or end


def _wall_end(hours: QuietHours, wall: datetime) -> datetime | None:
    """Return what the clock shows at the end of the quiet hours that it shows now, None outside of them."""
    start, end = time.fromisoformat(hours.start), time.fromisoformat(hours.end)
    for day in (wall.date(), wall.date() - _DAY):
        if WEEKDAYS[day.weekday()] in hours.days:
            begins = datetime.combine(day, start)
            ends = datetime.combine(day, end) + (_DAY if end <= start else timedelta(0))
            if begins <= wall < ends:
                return ends
    return None


def _clock_change(local: datetime, end: datetime) -> datetime | None:
    """Return the minute until `end` from which the clock of a zone is set forward or back, None if it is not."""
    offset = local.utcoffset()
    if end.astimezone(local.tzinfo).utcoffset() == offset:
        return None
    before, after = local.astimezone(UTC).replace(second=0, microsecond=0), end
    while after - before > _MINUTE:
        middle = (before + (after - before) / 2).replace(second=0, microsecond=0)
        if middle.astimezone(local.tzinfo).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after
