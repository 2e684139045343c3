"""The notifications: what was sent, what was skipped, what is dead, and why; retried from here."""

from __future__ import annotations

from functools import partial

from ticketbot.api import client, responses
from ticketbot.present import explain
from ticketbot.tui import dialogs, table
from ticketbot.tui.app_context import AppContext, moment
from ticketbot.tui.tabs import base

_TONES = {"dead": "bad", "pending": "warning", "sending": "warning", "skipped": "dim"}


class Notifications(base.Tab[responses.Notification]):
    """The notifications tab."""

    action = "notifications"
    title = "Notifications"
    empty = "No notifications yet. They appear here as soon as tickets change; rules define who is notified."
    newest_first = True
    most = 500

    def __init__(self, context: AppContext) -> None:
        self._only_dead = False
        super().__init__(context)

    def columns(self) -> list[table.Column[responses.Notification]]:
        """Return time, ticket, recipient and result."""
        return [
            table.Column("Id", lambda row: str(row.id), columns=6, right=True, order=lambda row: row.id),
            table.Column("Time", self._time, columns=11, order=lambda row: row.created_at),
            table.Column("State", lambda row: row.state, columns=7),
            table.Column(
                "Ticket", lambda row: f"{row.ticket_id} {row.kind}", columns=12, order=lambda row: row.ticket_id
            ),
            table.Column("Recipient", lambda row: row.recipient_name, share=2),
            table.Column("Why", _why, share=3),
        ]

    def _time(self, row: responses.Notification) -> str:
        return moment(row.created_at, self.context.zone)[5:16]

    def tone(self, row: responses.Notification) -> str:
        """Highlight dead notifications."""
        return _TONES.get(row.state, "row")

    def load(self, api: client.Client) -> list[responses.Notification]:
        """Load the newest notifications."""
        return api.notifications(state="dead" if self._only_dead else None, limit=self.most, newest=True)

    @property
    def kind(self) -> str:
        """Return which notifications are loaded."""
        return f"{super().kind}{' dead' if self._only_dead else ''}"

    def nothing(self) -> str:
        """Return a text that depends on which notifications are shown."""
        return "No dead notifications. Press D to show all." if self._only_dead else self.empty

    def name(self, row: responses.Notification) -> str:
        """Return ticket and recipient."""
        return f"Ticket {row.ticket_id} to {row.recipient_name}"

    def details(self, row: responses.Notification) -> list[dialogs.Entry]:
        """Return the details, and what to do about a dead notification."""
        zone = self.context.zone
        return [
            *base.details_table(
                ("State", row.state),
                ("Reason", row.reason),
                ("Error", row.error),
                ("Forwarded", " > ".join([*row.forwarded_from, row.recipient_name]) if row.forwarded_from else None),
                ("Recipient", f"{row.recipient_name} ({row.recipient_type or 'not on Webex'})"),
                ("Ticket", f"{row.ticket_id}, {'new' if row.kind == 'new' else f'note {row.note_id}'}"),
                ("Attempts", str(row.attempts)),
                ("Decided", moment(row.created_at, zone)),
                ("Next attempt", moment(row.next_try_at, zone)),
                ("Sent", moment(row.sent_at, zone)),
                ("Died", moment(row.died_at, zone)),
                ("Duplicate", "possibly: an earlier response was lost" if row.possible_duplicate else None),
                ("Overtaken", "later messages were sent before it" if row.overtaken else None),
                ("Webex message", row.webex_message_id),
                ("Tracking id", row.tracking_id),
                ("Notification", str(row.id)),
            ),
            *([("", ""), ("", _what_to_do(row))] if _is_dead(row) else []),
        ]

    def actions(self) -> base.Actions:
        """Return the actions of the tab."""
        return {"only dead": self._turn_only_dead, "retry all": self._ask_to_retry_all, **super().actions()}

    def row_actions(self, row: responses.Notification) -> base.Actions:
        """Return the actions on the selected notification."""
        retry: base.Actions = {"retry": partial(self._retry, row)} if _is_dead(row) else {}
        return {"why": partial(self._explain, row), **retry}

    def _turn_only_dead(self) -> None:
        self._only_dead = not self._only_dead
        self.context.say("Showing dead ones only. Press D to show all." if self._only_dead else "Showing all.")
        self.read()

    def _retry(self, row: responses.Notification) -> None:
        self.change(lambda api: api.retry_notification(row.id), f"Resending: {self.name(row)}.")

    def _ask_to_retry_all(self) -> None:
        self.context.call(lambda api: api.retry_dead(dry_run=True), self._confirm_retry_of)

    def _confirm_retry_of(self, dead: responses.RetryResult) -> None:
        amount = explain.amount(dead)
        if not amount:
            self.context.say("Nothing died within the last 24 hours.")
            return
        question = f"Retry {amount} that died within the last 24 hours?"
        self.context.open(dialogs.Confirm(question, self._retry_all, self.context.close))

    def _retry_all(self) -> None:
        def done(retried: responses.RetryResult) -> None:
            self._done(f"Retrying {explain.amount(retried) or 'nothing: all were retried in the meantime'}.")

        self.context.call(lambda api: api.retry_dead(), done)

    def _explain(self, row: responses.Notification) -> None:
        self.context.call(lambda api: api.explain(row.ticket_id), partial(self._show_explanation, row))

    def _show_explanation(self, row: responses.Notification, explanation: responses.Explanation) -> None:
        style = explain.Style(
            moment=lambda at: moment(at, self.context.zone),
            retry_notification="to retry, select {id} and press R",
            retry_event="To retry, press A in the list",
        )
        row = next((each for each in explanation.notifications if each.id == row.id), row)  # its current state
        outcome = explain.delivery_text(row, style._replace(retry_notification="press R to retry"))
        entries: list[dialogs.Entry] = [("", outcome), ("", "")]
        for section in explain.sections(explanation, style):
            entries += [(section.heading, "")]
            for topic in section.topics:
                entries += [(topic.title, "")] if topic.title else []
                entries += [("-", sentence) for sentence in topic.sentences]
            entries += [("", "")]
        summary = f": {explanation.ticket.summary}" if explanation.ticket else ""
        self.context.open(
            dialogs.Text(
                f"Ticket {explanation.ticket_id}{summary}",
                entries[:-1],
                self.context.close,
                hand_on=partial(self._press_for, row),
                actions=[action for action in self.row_actions(row) if action != "why"],
                width=dialogs.WIDE,
            )
        )


def _why(row: responses.Notification) -> str:
    """Return the error while it is not sent, otherwise the reason of the decision."""
    return row.error if row.error and row.state in ("dead", "pending", "sending") else row.reason


def _what_to_do(row: responses.Notification) -> str:
    return f"Press R to resend it.{' Webex support needs the tracking id.' if row.tracking_id else ''}"


def _is_dead(row: responses.Notification) -> bool:
    return row.state == "dead"
