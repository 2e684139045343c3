"""The API keys: whose they are, and when they were last used."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from ticketbot.api import client, responses
from ticketbot.tui import dialogs, forms, pickers, table
from ticketbot.tui.app_context import moment
from ticketbot.tui.tabs import base


@dataclass(frozen=True)
class Key:
    """A key with the name of its user."""

    id: int
    key: responses.Key
    user: str


class Keys(base.Tab[Key]):
    """The keys tab."""

    action = "keys"
    title = "Keys"
    empty = "No keys. Press N to create one for a user."

    def columns(self) -> list[table.Column[Key]]:
        """Return user, last characters, and when the key was created and used."""
        return [
            table.Column("User", lambda row: row.user, share=1),
            table.Column("Key ends in", lambda row: f"…{row.key.hint}", columns=13),
            table.Column("Created", lambda row: moment(row.key.created_at, self.context.zone)[:10], columns=10),
            table.Column("Last used", lambda row: self._used(row)[:16], columns=16, order=_last_used),
            table.Column("Id", lambda row: str(row.id), columns=5, right=True, order=lambda row: row.id),
        ]

    def _used(self, row: Key) -> str:
        return moment(row.key.last_used_at, self.context.zone) or "never"

    def load(self, api: client.Client) -> list[Key]:
        """Load all keys and the names of their users."""
        names = {user.id: f"{user.name} ({user.email})" for user in api.users()}
        listed = api.keys()
        return [Key(key.id, key, names.get(key.user_id, f"user {key.user_id}")) for key in listed]

    def name(self, row: Key) -> str:
        """Return the last characters of the key, and its user."""
        return f"key …{row.key.hint} of {row.user}"

    def name_of_new(self, added: responses.CreatedKey) -> str:
        """Return the last characters of a new key."""
        return f"key …{added.hint}"

    def row_of_new(self, _added: responses.CreatedKey) -> None:
        """Return None: the response does not name the user."""

    def details(self, row: Key) -> list[dialogs.Entry]:
        """Return the details of the key; the key itself cannot be shown again."""
        return [
            *base.details_table(
                ("User", row.user),
                ("Ends in", row.key.hint),
                ("Created", moment(row.key.created_at, self.context.zone)),
                ("Last used", self._used(row)),
                ("Key", str(row.id)),
            ),
            ("", ""),
            (
                "",
                "It was shown once. A lost key cannot be recovered: press N to create a new one.",
            ),
        ]

    def actions(self) -> base.Actions:
        """Return the actions of the tab."""
        return {"new": self._new, **super().actions()}

    def row_actions(self, row: Key) -> base.Actions:
        """Return the actions on the selected key."""
        return {"delete": partial(self._delete, row)}

    def _new(self) -> None:
        user = pickers.user("user_id", "User")
        pickers.load_users_into(self.context, user)
        self.context.open(forms.Form("New key", [user], "Create key", self._save, self.context.close))

    def _save(self, form: forms.Form, values: base.Values) -> None:
        self.save(form, lambda api: api.create_key(values["user_id"]), self._show_once)

    def _show_once(self, created: responses.CreatedKey) -> None:
        self.context.open(dialogs.Secret("New key", created.key, self.context.close))

    def _delete(self, row: Key) -> None:
        description = f"the {self.name(row)}, last used: {self._used(row)}"
        self.ask_to_delete(row, description, lambda api: api.delete_key(row.id))


def _last_used(row: Key) -> float:
    return row.key.last_used_at.timestamp() if row.key.last_used_at else 0.0
