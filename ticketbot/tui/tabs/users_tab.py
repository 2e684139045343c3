"""The users: who may use Ticketbot through its API."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial

from ticketbot.api import client, requests, responses
from ticketbot.tui import dialogs, fields, forms, table
from ticketbot.tui.app_context import moment
from ticketbot.tui.tabs import base


@dataclass(frozen=True)
class User:
    """A user with the number of their keys."""

    id: int
    user: responses.User
    keys: int


class Users(base.Tab[User]):
    """The users tab."""

    action = "users"
    title = "Users"
    empty = "No users. Press N to add one."

    def columns(self) -> list[table.Column[User]]:
        """Return the user and the number of keys."""
        return [
            table.Column("Name", lambda row: row.user.name, share=2),
            table.Column("E-mail", lambda row: row.user.email, share=3),
            table.Column("Keys", lambda row: str(row.keys), columns=6, right=True, order=lambda row: row.keys),
            table.Column("Since", lambda row: moment(row.user.created_at, self.context.zone)[:10], columns=10),
            table.Column("Id", lambda row: str(row.id), columns=5, right=True, order=lambda row: row.id),
        ]

    def load(self, api: client.Client) -> list[User]:
        """Load all users, and count their keys."""
        listed = api.keys()
        counted = Counter(key.user_id for key in listed)
        return [User(user.id, user, counted[user.id]) for user in api.users()]

    def name(self, row: User) -> str:
        """Return the user's name and address."""
        return f"{row.user.name} ({row.user.email})"

    def name_of_new(self, added: responses.User) -> str:
        """Return the name and address of a user that the server has just added."""
        return f"{added.name} ({added.email})"

    def row_of_new(self, added: responses.User) -> User:
        """Return the row of a new user, who has no keys."""
        return User(added.id, added, 0)

    def details(self, row: User) -> list[dialogs.Entry]:
        """Return the details of the user."""
        return [
            *base.details_table(
                ("Name", row.user.name),
                ("E-mail", row.user.email),
                ("Keys", str(row.keys)),
                ("Since", moment(row.user.created_at, self.context.zone)),
                ("User", str(row.id)),
            ),
            ("", ""),
            ("", f"Ctrl+A shows the keys. {'' if row.keys else 'Without a key the user cannot do anything.'}"),
        ]

    def actions(self) -> base.Actions:
        """Return the actions of the tab."""
        return {"new": self._new, **super().actions()}

    def row_actions(self, row: User) -> base.Actions:
        """Return the actions on the selected user."""
        return {"delete": partial(self._delete, row)}

    def _new(self) -> None:
        lines = [
            fields.TextField("name", "Name"),
            fields.TextField(
                "email", "E-mail", "Used to identify the user; no e-mail is sent.", pattern=requests.EMAIL
            ),
        ]
        self.context.open(forms.Form("New user", lines, "Add user", self._save, self.context.close))

    def _save(self, form: forms.Form, values: base.Values) -> None:
        self.save(form, lambda api: api.create_user(values["name"], values["email"]))

    def _delete(self, row: User) -> None:
        keys = {0: "who has no keys", 1: "and their key"}.get(row.keys, f"and their {row.keys} keys")
        description = f"the user {self.name(row)} {keys}"
        self.ask_to_delete(row, description, lambda api: api.delete_user(row.id))
