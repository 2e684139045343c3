"""Explain in sentences what happened to a ticket's notifications, the same in the CLI and the TUI (D8)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from ticketbot import errors
from ticketbot.api import responses
from ticketbot.decide import values
from ticketbot.present import entities, titles, words

_SOURCES = {
    "hook": "ConnectWise sent a webhook",
    "catch-up": "catch-up found a change",
    "retry": "a user requested a retry",
}
_NOTHING_HAPPENED = (
    "Nothing was decided: a sync found the ticket and it has not changed since, or its events were removed (retention)"
)
_KINDS = {"TimeEntryNote": "time entry", "MeetingNote": "meeting note"}
RULE_WITHOUT_EFFECT = {"rule_disabled", "condition", "condition_null"}
"""The codes of lines about a rule; whether another one notified its recipient is another line."""


class Style(NamedTuple):
    """What differs between the CLI and the TUI: the format of times, and how to retry."""

    moment: Callable[[datetime], str]
    retry_notification: str
    """What to do about a dead notification; `{id}` stands for its id."""
    retry_event: str


class Topic(NamedTuple):
    """Sentences about one topic, such as a note; without a title, about the event as a whole."""

    title: str | None
    sentences: list[str]


class Section(NamedTuple):
    """One event: when it came and from where, and everything that followed from it."""

    heading: str
    topics: list[Topic]


def sections(explanation: responses.Explanation, style: Style) -> Iterator[Section]:
    """Yield a section for each event, newest first, and one for the notifications whose event was removed."""
    if not (explanation.events or explanation.notifications):
        yield Section(_NOTHING_HAPPENED, [])
    unclaimed = {row.id: row for row in explanation.notifications}
    for event in explanation.events:
        heading = f"{style.moment(event.first_received_at)}  {_trigger_text(event)}"
        yield Section(heading, list(_topics(event, unclaimed, style)))
    if unclaimed:
        texts = [delivery_text(row, style) for row in unclaimed.values()]
        yield Section("From events already removed (retention):", [Topic(None, texts)])


def ticket_text(ticket: responses.Ticket) -> str:
    """Return the state of a ticket and what else is known of it, on one line."""
    known = {
        "board": ticket.board_name,
        "status": ticket.status,
        "company": ticket.company,
        "contact": ticket.contact,
        "owner": ticket.owner,
        "resources": ", ".join(ticket.resources),
    }
    facts = [f"{name} {value}" for name, value in known.items() if value]
    return "; ".join([entities.ticket_state(ticket), *facts])


def lines(section: Section) -> Iterator[tuple[str, str]]:
    """Yield each line of a section after its indent."""
    yield "", section.heading
    for topic in section.topics:
        if topic.title:
            yield "  ", f"{topic.title}:"
        for sentence in topic.sentences:
            yield "    - " if topic.title else "  - ", sentence


def shell_style(moment: Callable[[datetime], str]) -> Style:
    """Return the style of the command line."""
    return Style(moment, "`tbot retry {id}` resends it", "`tbot retry --dead` reprocesses it")


def delivery_text(row: responses.Notification, style: Style) -> str:
    """Return the outcome of a notification, with its reason and error."""
    who, error = row.recipient_name, f": {row.error}" if row.error else ""
    tries = f" after {words.count(row.attempts, 'try', 'tries')}" if row.attempts else ""
    if row.state == "sent":
        sent_at = f" on {style.moment(row.sent_at)}" if row.sent_at else ""
        twice = ", possibly twice" if row.possible_duplicate else ""
        overtaken = ", overtaken by later messages" if row.overtaken else ""
        retried = tries if row.attempts > 1 else ""
        return f"{who} was notified{sent_at}{_carried_by(row)}{retried}{twice}{overtaken}: {row.reason}"
    if row.state == "skipped":
        return f"{who} was not notified: {row.reason}"
    if row.state == "dead":
        failed = errors.sentence(f"{who} could not be notified ({row.reason}){error}")
        died_at = f" on {style.moment(row.died_at)}" if row.died_at else ""
        return f"{failed} Given up{died_at}{tries}; {style.retry_notification.format(id=row.id)}"
    if row.state == "sending":
        return f"{who} is being notified ({row.reason}){error}"
    if titles.is_held(row) and row.held_until:
        return f"{who} is not notified yet: held until {style.moment(row.held_until)} ({row.reason})"
    if not row.attempts or row.next_try_at is None:
        return f"{who} is not notified yet: the message is waiting to be sent ({row.reason}){error}"
    return f"{who} is not notified yet, will retry on {style.moment(row.next_try_at)}{tries} ({row.reason}){error}"


def _carried_by(row: responses.Notification) -> str:
    """Return which message carried a notification, whether it shows it (N5), and how it stands to the thread (N2)."""
    if row.message_id is None:
        return ""
    thread = " in the thread" if row.thread_root_id else ""
    refused = ", outside the thread because Webex refused the reply" if row.thread_refused else ""
    hidden = "" if row.shown else ", which does not show it"
    return f" by message {row.message_id}{thread}{refused}{hidden}"


def amount(retried: responses.RetryResult) -> str:
    """Return how much is retried, such as "1 notification and 2 events"; empty for nothing."""
    return words.counts((retried.notifications, "notification"), (retried.events, "event"))


def _trigger_text(event: responses.Event) -> str:
    cause = _SOURCES.get(event.source, event.source)
    action = f" ({event.action})" if event.action else ""
    more = f", and {event.hooks - 1} more for the same change" if event.hooks > 1 else ""
    return f"{cause}{action}{more} [event {event.id}]"


def _topics(event: responses.Event, unclaimed: dict[int, responses.Notification], style: Style) -> Iterator[Topic]:
    """Yield the topics of an event; the notifications they mention are removed from `unclaimed`."""
    if event.state != "done":
        yield Topic(None, [_event_problem(event, style)])
    if [each.codes for each in event.decisions] == [["no_news"]]:
        yield Topic(None, ["nothing new"])
        return
    for subject, decisions in groupby(event.decisions, key=lambda each: each.subject):
        yield Topic(_about(subject), [_outcome(each, unclaimed, style) for each in decisions])


def _event_problem(event: responses.Event, style: Style) -> str:
    error = f": {event.error}" if event.error else ""
    tries = words.count(event.attempts, "try", "tries") if event.attempts else ""
    if event.state == "dead":
        given_up = f"Processing failed{f' after {tries}' if tries else ''}{error}"
        return f"{errors.sentence(given_up)} {style.retry_event}"
    if event.state == "running":
        return f"Being processed{error}"
    return f"Waiting until {style.moment(event.due_at)}{f', after {tries}' if tries else ''}{error}"


def _outcome(decision: responses.Decision, unclaimed: dict[int, responses.Notification], style: Style) -> str:
    row = _notification(decision, unclaimed)
    if row is not None:
        return delivery_text(row, style)
    if decision.who == values.EVERYBODY:
        return f"no one was notified: {decision.reason}"
    if RULE_WITHOUT_EFFECT & set(decision.codes):
        return f"{decision.who}: {decision.reason}"
    if decision.outcome == "told":
        return f"{decision.who} was to be notified ({decision.reason}); the outcome is not shown"
    return f"{decision.who} was not notified: {decision.reason}"


def _notification(
    decision: responses.Decision, unclaimed: dict[int, responses.Notification]
) -> responses.Notification | None:
    """Return the notification that a decision led to, and remove it from `unclaimed`."""
    if decision.outcome == "not told":
        return None
    about = (row for row in unclaimed.values() if _is_about(row, decision.subject))
    found = next((row for row in about if row.recipient_name == decision.who), None)
    return unclaimed.pop(found.id) if found else None


def _about(subject: str) -> str:
    what, _, rest = subject.partition(":")
    kind, _, number = rest.partition(":")
    if what == "change":
        return "changes"
    return f"{_KINDS.get(kind, 'note')} {number}" if what == "note" else "new ticket"


def _is_about(row: responses.Notification, subject: str) -> bool:
    if subject.startswith("new:"):
        return row.kind == "new"
    if subject.startswith("change:"):
        return "changed" in row.events
    return row.kind == "update" and subject.endswith(f"{row.note_kind or ''}:{row.note_id}")
