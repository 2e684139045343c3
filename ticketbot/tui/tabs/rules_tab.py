"""The rules: who is notified of a board's new tickets."""

from __future__ import annotations

from functools import partial

from ticketbot.api import client, responses
from ticketbot.present import entities
from ticketbot.tui import dialogs, forms, pickers, table
from ticketbot.tui.app_context import yes_no
from ticketbot.tui.tabs import base


class Rules(base.Tab[responses.Rule]):
    """The rules tab."""

    action = "rules"
    title = "Rules"
    empty = (
        "No rules yet. A rule notifies a room or a person of new tickets on a board.\n"
        "Press N to add one. To load boards and recipients, start a sync: Ctrl+S."
    )

    def columns(self) -> list[table.Column[responses.Rule]]:
        """Return board, recipient and whether the rule is enabled."""
        return [
            table.Column("Board", entities.board_of, share=1),
            table.Column("Recipient", entities.recipient_of, share=1),
            table.Column("Type", lambda rule: rule.recipient_type or "", columns=8),
            table.Column("Enabled", lambda rule: yes_no(rule.enabled), columns=9),
            table.Column("Id", lambda rule: str(rule.id), columns=6, right=True, order=lambda rule: rule.id),
        ]

    def tone(self, row: responses.Rule) -> str:
        """Dim disabled rules."""
        return "row" if row.enabled else "dim"

    def load(self, api: client.Client) -> list[responses.Rule]:
        """Load all rules."""
        return api.rules()

    def name(self, row: responses.Rule) -> str:
        """Return board and recipient."""
        return f"{row.board_name} > {row.recipient_name}"

    def details(self, row: responses.Rule) -> list[dialogs.Entry]:
        """Return what the rule does."""
        does = (
            "The recipient is notified of every new ticket on this board."
            if row.enabled
            else "Disabled: it notifies no one."
        )
        return [
            *base.details_table(
                ("Board", f"{row.board_name} ({row.board_id})"),
                ("Recipient", f"{row.recipient_name} ({row.recipient_type} {row.recipient_id})"),
                ("Enabled", yes_no(row.enabled)),
                ("Rule", str(row.id)),
            ),
            ("", ""),
            ("", does),
        ]

    def actions(self) -> base.Actions:
        """Return the actions of the tab."""
        return {"new": self._new, **super().actions()}

    def row_actions(self, row: responses.Rule) -> base.Actions:
        """Return the actions on the selected rule."""
        return {"delete": partial(self._delete, row), "toggle": partial(self._toggle, row)}

    def _new(self) -> None:
        board, recipient = pickers.board("board_id", "Board"), pickers.recipient("recipient_id", "Recipient")
        form = forms.Form("New rule", [board, recipient], "Add rule", self._save, self.context.close)
        pickers.load_boards_into(self.context, board)
        pickers.load_recipients_into(self.context, recipient)
        self.context.open(form)

    def _save(self, form: forms.Form, values: base.Values) -> None:
        self.save(form, lambda api: api.create_rule(values["board_id"], values["recipient_id"]))

    def _delete(self, row: responses.Rule) -> None:
        description = f"the rule {row.id}, {row.board_name} > {row.recipient_name}"
        self.ask_to_delete(row, description, lambda api: api.delete_rule(row.id))

    def _toggle(self, row: responses.Rule) -> None:
        word = "Disabled" if row.enabled else "Enabled"
        self.change(lambda api: api.update_rule(row.id, enabled=not row.enabled), f"{word}: {self.name(row)}.")
