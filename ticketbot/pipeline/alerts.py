"""Open, repeat and close alerts, each in one transaction with the message that tells of it (O10).

So a kill at any moment leaves either all of it or nothing, and of several servers only one tells.
"""

from __future__ import annotations

import logging
from datetime import datetime, tzinfo
from typing import Any

import msgspec

from ticketbot.database import db
from ticketbot.decide import alerts as decide_alerts
from ticketbot.decide import problems
from ticketbot.models import alerts, events, notifications, plain_messages, recipients, runtime_config
from ticketbot.pipeline.render import BREAK
from ticketbot.present import words
from ticketbot.webex import markdown

_HEADS = {"opened": "Alert", "reminder": "Still", "closed": "Over"}
_DETAIL_CHARS = 500

_logger = logging.getLogger(__name__)


class News(msgspec.Struct, frozen=True):
    """What is said of a problem: `waiting` are the most events and messages that have waited at any time."""

    state: decide_alerts.State
    key: str
    since: datetime
    detail: str
    events: int
    messages: int
    now: datetime

    @property
    def headline(self) -> str:
        """Return what is wrong, or what is right again."""
        row = problems.of(self.key)
        return row.over if self.state == "closed" else row.title

    @property
    def took(self) -> str:
        """Return for how long the problem has existed."""
        return words.roughly(self.since, max(self.now, self.since))

    @property
    def waited(self) -> str:
        """Return what has waited because of it; empty if nothing has."""
        return words.counts((self.events, "event"), (self.messages, "message"))

    def body(self) -> dict[str, Any]:
        """Return what is posted to `alert_url`."""
        ended = f" after {self.took}" if self.state == "closed" else ""
        return {
            "problem": self.key,
            "state": self.state,
            "since": self.since.isoformat(),
            "detail": f"{self.headline}{ended}: {self.detail}",
            "waiting": {"events": self.events, "messages": self.messages},
            "command": problems.of(self.key).command,
        }

    def markdown(self, zone: tzinfo) -> str:
        """Return the text for Webex."""
        is_over = self.state == "closed"
        when = f"after {self.took}" if is_over else f"since {words.moment(self.since, zone, '%Y-%m-%d %H:%M')}"
        detail = markdown.one_line(self.detail, _DETAIL_CHARS)
        lines = [f"**{_HEADS[self.state]}: {self.headline}**, {when}", f"It was: {detail}" if is_over else detail]
        if self.waited:
            lines.append(f"{'Up to' if is_over else 'Waiting:'} {self.waited}{' waited' if is_over else ''}")
        if not is_over:
            lines.append(f"This helps: `{problems.of(self.key).command}`")
        return BREAK.join(lines)


class Round(msgspec.Struct, frozen=True):
    """What one look at the problems goes by; `waiting` are events and messages."""

    config: runtime_config.Config
    waiting: tuple[int, int]
    now: datetime
    zone: tzinfo

    @property
    def has_audience(self) -> bool:
        """Return whether anybody is to be told."""
        return self.config.alert_recipient_id is not None or self.config.alert_url is not None


def update(facts: problems.Facts, config: runtime_config.Config, zone: tzinfo) -> list[News]:
    """Compare the problems that exist with the alerts that are open. Return what was said."""
    with db.session():
        rows = alerts.all_alerts()
        known = [decide_alerts.Alert(row.problem, row.since, row.detail, row.told_at) for row in rows]
        found = problems.find(facts, {alert.key: alert.since for alert in known})
        if not (known or found):
            return []
        waiting = events.open_counts()[events.WAITING], notifications.open_counts()[notifications.PENDING]
    _record_waiting(rows, *waiting)
    this = Round(config, waiting, facts.now, zone)
    told_at = {alert.key: alert.told_at for alert in known}
    said = []
    for step in decide_alerts.steps(found, known, this.now, has_audience=this.has_audience):
        with db.transaction("alert"):
            row = _take(step, told_at.get(step.finding.key), this)
            if row is not None:
                said.append(_say(step, row, this))
    for news in said:
        _logger.info("alert %s: %s", news.state, news.key, extra={"problem": news.key})
    return said


def _record_waiting(rows: list[alerts.Alert], event_count: int, message_count: int) -> None:
    if any(row.waiting_events < event_count or row.waiting_messages < message_count for row in rows):
        with db.transaction("alert-waiting"):
            alerts.record_waiting(event_count, message_count)


def _take(step: decide_alerts.Step, told_at: datetime | None, this: Round) -> alerts.Alert | None:
    """Change the row of an alert; return it if there is something to say, and no other server says it."""
    finding = step.finding
    if step.state == "closed":
        row = alerts.close(finding.key)
        return row if row is not None and row.told_at is not None else None
    alerts.open_alert(finding.key, finding.since, finding.detail)
    return alerts.mark_told(finding.key, this.now, before=told_at) if this.has_audience else None


def _say(step: decide_alerts.Step, row: alerts.Alert, this: Round) -> News:
    """Have a message and a post tell of a problem.

    What Webex has not taken yet is replaced by what is true now, so that nobody reads of a problem that is over.
    """
    seen = max(row.waiting_events, this.waiting[0]), max(row.waiting_messages, this.waiting[1])
    news = News(step.state, row.problem, row.since, step.finding.detail, *seen, this.now)
    if this.config.alert_url is not None:
        alerts.add_post(news.body(), this.now)
    to, text = this.config.alert_recipient_id, news.markdown(this.zone)
    if to is not None and not alerts.replace_message(row.message_id, to, text, this.now):
        recipient = recipients.recipient(to)
        message = plain_messages.add(recipient, text, this.now, place=0, may_be_overtaken=True)
        alerts.set_message(row.problem, message.id)
    return news
