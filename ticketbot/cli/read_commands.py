"""The commands that only look: ping, authcheck, list and get."""

from __future__ import annotations

from ticketbot.cli import entities
from ticketbot.cli.context import Session


def ping(session: Session) -> int:
    """Say whether the server lives."""
    session.tell(session.server.ping(), f"{session.server.base_url} answers")
    return 0


def authcheck(session: Session) -> int:
    """Say whose the key is."""
    user = session.server.authtest()
    session.tell(user, f"The key is good: it belongs to {user.name} <{user.email}>, user {user.id}")
    return 0


def show_list(session: Session) -> int:
    """List the rows of a kind."""
    word = session.given.chosen(*entities.LISTS)
    kind = entities.LISTS[word]
    found = entities.listed(kind, session.server, session.given)
    if session.screen.is_json:
        session.screen.document(found)
    elif found:
        session.screen.table(kind.columns, found)
    else:
        session.screen.note(f"No {word}")
    return 0


def get(session: Session) -> int:
    """Show one thing."""
    if session.given.has("config"):
        session.show(session.server.config())
        return 0
    kind = entities.THINGS[session.given.chosen(*entities.THINGS)]
    assert kind.row is not None
    session.show(kind.row(session.server, session.given.required_number("<id>")))
    return 0
