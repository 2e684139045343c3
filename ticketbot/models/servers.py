"""The servers on this database: each beats its heartbeat, and nothing else decides whether one lives (L7)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime
from typing import Literal, NamedTuple

import msgspec
import peewee

from ticketbot.database import fields, sql


class Server(fields.Model):
    """A running server. `beats` grows as long as it lives; `seen_at` is for people: clocks differ and jump."""

    id = fields.IdField()
    identity = peewee.TextField()  # host and boot, process id, start of the process
    version = peewee.TextField()
    beats = peewee.IntegerField(default=0)
    started_at = fields.UtcField()
    seen_at = fields.UtcField()


class Claim(NamedTuple):
    """An event or a message that a server has claimed."""

    kind: Literal["event", "message"]
    row_id: int


class Current(msgspec.Struct):
    """The row of this process; its id changes when others have declared it dead and it goes on.

    `in_hand` are the claims that a thread of this process is working on.
    """

    id: int = 0
    in_hand: set[Claim] = msgspec.field(default_factory=set)

    @contextlib.contextmanager
    def working_on(self, kind: Literal["event", "message"], row_id: int) -> Iterator[None]:
        """Have a claim in hand while the block runs; what no thread has in hand is released."""
        claim = Claim(kind, row_id)
        self.in_hand.add(claim)
        try:
            yield
        finally:
            self.in_hand.discard(claim)


class Job(fields.Model):
    """A periodic job that a server runs at this moment; no other may run it meanwhile."""

    name = peewee.TextField(primary_key=True)
    server_id = peewee.BigIntegerField()


_CLAIMS = """
    SELECT 'event', id FROM event WHERE state = 'running' AND server_id = ?
    UNION ALL SELECT 'message', id FROM message WHERE state = 'sending' AND server_id = ?
"""
_CLAIM_JOB = """
    INSERT INTO job (name, server_id) SELECT ?, id FROM server WHERE id = ?
    ON CONFLICT (name) DO UPDATE SET server_id = excluded.server_id WHERE job.server_id = excluded.server_id
    RETURNING name
"""


def add(identity: str, version: str, now: datetime) -> int:
    """Register a server and return its id, which is never used again."""
    return int(Server.insert(identity=identity, version=version, started_at=now, seen_at=now).execute())


def beat(server_id: int, now: datetime) -> bool:
    """Beat the heartbeat of a server; return False if others have declared it dead."""
    return bool(sql.execute("UPDATE server SET beats = beats + 1, seen_at = ? WHERE id = ?", now, server_id).rowcount)


def all_servers() -> list[Server]:
    """Return all servers that no one has declared dead, ordered by id."""
    return sql.select(Server, "SELECT * FROM server ORDER BY id")


def claims(server_id: int) -> set[Claim]:
    """Return all events and messages that a server has claimed."""
    return {Claim(kind, row_id) for kind, row_id in sql.execute(_CLAIMS, server_id, server_id).fetchall()}


def remove(server_id: int) -> None:
    """Remove a server that has stopped or is dead, and the claims on its jobs."""
    Job.delete().where(Job.server_id == server_id).execute()
    Server.delete().where(Server.id == server_id).execute()


def claim_job(name: str, server_id: int) -> bool:
    """Claim a job, or confirm the claim; return False while another server runs it, or if this one counts as dead."""
    return sql.exists(_CLAIM_JOB, name, server_id)


def release_job(name: str, server_id: int) -> None:
    """Let any server run the job again."""
    Job.delete().where(Job.name == name, Job.server_id == server_id).execute()
