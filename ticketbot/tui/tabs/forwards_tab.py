"""The forwards: who gets whose notifications, and for how long."""

from __future__ import annotations

from datetime import datetime, tzinfo
from functools import partial

from ticketbot.api import client, responses
from ticketbot.tui import dialogs, fields, forms, pickers, table
from ticketbot.tui.app_context import moment, yes_no
from ticketbot.tui.tabs import base

_TONES = {"active": "good", "upcoming": "row", "expired": "dim", "disabled": "dim"}
_MEANS = {
    "active": "The source's notifications go to the destination.",
    "upcoming": "It has not started yet.",
    "expired": "It has ended.",
    "disabled": "Disabled: it has no effect.",
}


class Forwards(base.Tab[responses.Forward]):
    """The forwards tab."""

    action = "forwards"
    title = "Forwards"
    empty = (
        "No forwards. A forward sends notifications to someone else, such as during a vacation.\nPress N to add one."
    )

    def columns(self) -> list[table.Column[responses.Forward]]:
        """Return source, destination, period and state."""
        zone = self.context.zone
        return [
            table.Column("From", lambda row: row.source_name, share=1),
            table.Column("To", lambda row: row.destination_name, share=1),
            table.Column("Start", self._start, columns=10, order=lambda row: _time(row.start, zone)),
            table.Column("End", self._end, columns=10, order=lambda row: _time(row.end, zone) or "open"),
            table.Column("Copy", lambda row: yes_no(row.keep_copy), columns=6),
            table.Column("State", lambda row: row.state, columns=8),
        ]

    def _start(self, row: responses.Forward) -> str:
        return _time(row.start, self.context.zone)[:10] or "open"

    def _end(self, row: responses.Forward) -> str:
        return _time(row.end, self.context.zone)[:10] or "open"

    def tone(self, row: responses.Forward) -> str:
        """Highlight active forwards."""
        return _TONES.get(row.state, "row")

    def load(self, api: client.Client) -> list[responses.Forward]:
        """Load all forwards."""
        return api.forwards()

    def name(self, row: responses.Forward) -> str:
        """Return source and destination."""
        return f"{row.source_name} > {row.destination_name}"

    def details(self, row: responses.Forward) -> list[dialogs.Entry]:
        """Return what the forward does."""
        return [
            *base.details_table(
                ("From", f"{row.source_name} ({row.source_id})"),
                ("To", f"{row.destination_name} ({row.destination_id})"),
                ("Start", _time(row.start, self.context.zone) or "immediately"),
                ("End", _time(row.end, self.context.zone) or "until deleted"),
                ("Keeps a copy", yes_no(row.keep_copy)),
                ("State", row.state),
                ("Forward", str(row.id)),
            ),
            ("", ""),
            ("", _MEANS.get(row.state, "")),
        ]

    def actions(self) -> base.Actions:
        """Return the actions of the tab."""
        return {"new": self._new, **super().actions()}

    def row_actions(self, row: responses.Forward) -> base.Actions:
        """Return the actions on the selected forward."""
        return {
            "delete": partial(self._delete, row),
            "toggle": partial(self._toggle, row),
            "preview": partial(self._preview, row),
        }

    def _new(self) -> None:
        source, destination = pickers.recipient("source_id", "From"), pickers.recipient("destination_id", "To")
        hint = "2026-03-01, or with a time: 2026-03-01T09:00"
        form = forms.Form(
            "New forward",
            [
                source,
                destination,
                fields.DateField("start", "Start", f"{hint}; empty: immediately."),
                fields.DateField("end", "End", f"{hint}; the end date is included; empty: no end.", after="start"),
                fields.Checkbox("keep_copy", "Keep a copy", "also deliver to the source"),
            ],
            "Add forward",
            self._save,
            self.context.close,
        )
        pickers.load_recipients_into(self.context, source, destination)
        self.context.open(form)

    def _save(self, form: forms.Form, values: base.Values) -> None:
        self.save(form, lambda api: api.create_forward(**values))

    def _delete(self, row: responses.Forward) -> None:
        start, end = _time(row.start, self.context.zone), _time(row.end, self.context.zone)
        time = f"from {start or 'now'} to {end}" if end else f"from {start}" if start else "without an end"
        description = f"the forward {row.id}, {self.name(row)}, {time}"
        self.ask_to_delete(row, description, lambda api: api.delete_forward(row.id))

    def _toggle(self, row: responses.Forward) -> None:
        word = "Disabled" if row.enabled else "Enabled"
        self.change(lambda api: api.update_forward(row.id, enabled=not row.enabled), f"{word}: {self.name(row)}.")

    def _preview(self, row: responses.Forward) -> None:
        self.context.call(lambda api: api.preview(row.source_id), self._show_preview)

    def _show_preview(self, preview: responses.Preview) -> None:
        chains = [(f"{' > '.join(map(str, each.chain))}", "") for each in preview.deliveries]
        at = moment(preview.at, self.context.zone)
        lines = [("", f"At {at}, notifications for {preview.recipient_name} go to:"), ("", ""), *chains]
        self.context.open(dialogs.Text("Preview", lines, self.context.close))


def _time(when: str | None, zone: tzinfo) -> str:
    """Return a date, or a time in the time zone; empty for None."""
    if when is None or len(when) == len("2026-03-01"):
        return when or ""
    return moment(datetime.fromisoformat(when), zone)
