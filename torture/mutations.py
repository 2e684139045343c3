"""Break the program in a copy, and see which check catches it: `python -m torture.mutations [name]...`"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
COPIED = ("ticketbot", "torture", "benchmarks")
MINUTES = 3  # one minute catches most; some need a kill between two particular commits


@dataclass(frozen=True)
class Mutation:
    """Text replacements that break one promise: (file, old, new)."""

    name: str
    database: str
    changes: tuple[tuple[str, str, str], ...]


_SHORT_SETTLE = ("torture/runner.py", "SETTLE_TIMEOUT_S = 340.0", "SETTLE_TIMEOUT_S = 50.0")
_MESSAGES = "ticketbot/models/messages.py"

MUTATIONS = (
    Mutation(
        "webhooks are acknowledged before they are committed",
        "sqlite",
        (
            (
                "ticketbot/pipeline/accept.py",
                "                outcomes = _commit(batch)\n            except errors.Unreachable:",
                "                outcomes = ['accepted'] * len(batch)\n"
                "                threading.Timer(0.2, _commit, [list(batch)]).start()\n"
                "            except errors.Unreachable:",
            ),
        ),
    ),
    Mutation(
        "a message is recorded as sent before it is posted",
        "sqlite",
        (
            (
                "ticketbot/pipeline/deliver.py",
                "            message_id = post(claimed.message, services.webex)",
                "            _record_sent(claimed, 'id', claimed_at, services)\n            message_id = post(claimed.message, services.webex)",
            ),
        ),
    ),
    Mutation(
        "the claims of dead servers are never freed",
        "sqlite",
        (
            ("ticketbot/background/heartbeat.py", "            if row.id != self._server.id and self._is_dead(row):", "            if False:"),
        ),
    ),
    Mutation(
        "a message reclaimed from a dead server is not flagged",
        "sqlite",
        ((_MESSAGES, '"possible_duplicate": True, "server_id"', '"possible_duplicate": False, "server_id"'),),
    ),
    Mutation(
        "a lost response counts as an ordinary failure",
        "sqlite",
        (("ticketbot/decide/retry.py", "errors.RemoteUnavailable) and error.outcome_unknown", "errors.Conflict)"),),
    ),
    Mutation(
        "notes are marked as decided in a separate transaction, before the event",
        "sqlite",
        (
            (
                "ticketbot/pipeline/process_event.py",
                '    with db.transaction("finish-event"):\n        if not events.finish(event, now=now, '
                "decisions=decided.decisions",
                "    with db.transaction('early'):\n        tickets.store_tickets([ticket_row(ticket, now)])\n"
                "        tickets.store_notes([note_row(note, now) for note in reading.notes])\n"
                "        tickets.mark_decided(decided.decided, now)\n"
                '    with db.transaction("finish-event"):\n        if not events.finish(event, now=now, '
                "decisions=decided.decisions",
            ),
        ),
    ),
    Mutation(
        "no unique index on (subject, target), and a claim that needs no lock",
        "postgres",
        (
            ("ticketbot/models/notifications.py", '((("subject", "target"), True),)', '((("subject", "target"), False),)'),
            ("ticketbot/database/sql.py", "_INDEXED_BY.sub(\"\", sql)", "_INDEXED_BY.sub(\"\", sql).replace(_SKIP_LOCKED, \"\")"),
        ),
    ),
    Mutation(
        "a replayed webhook is accepted as a new one",
        "sqlite",
        (("ticketbot/pipeline/accept.py", "accepted = [not each.message_id or _is_first(new, each.message_id) for", "accepted = [True for"),),
    ),
    Mutation(
        "signatures are not verified",
        "sqlite",
        (("ticketbot/server/webhooks.py", "    intake.signing_keys.verify(", "    str(dict)if True else intake.signing_keys.verify("),),
    ),
    Mutation(
        "the catch-up watermark moves without events",
        "sqlite",
        (("ticketbot/background/catch_up.py", "            enqueue(chunk, services.now())\n", "            pass\n"),),
    ),
    Mutation(
        "messages do not wait for older ones of the same recipient",
        "sqlite",
        ((_MESSAGES, "    ), 0) = 0\n", "    ), 0) >= 0\n"),),
    ),
    Mutation(
        "a notification that joins a message is not shown in it",
        "sqlite",
        (("ticketbot/pipeline/render.py", "    notes = _notes(carried)\n", "    notes = _notes(carried[:1])\n"),),
    ),
    Mutation(
        "a notification joins a message that is already being sent",
        "postgres",
        ((_MESSAGES, "AND COALESCE(state, NULL) = 'pending' AND possible_", "AND state <> 'dead' AND possible_"),),
    ),
    Mutation(
        "a message does not wait for the root of its thread",
        "sqlite",
        (("ticketbot/models/threads.py", "CASE\n        WHEN thread.root_id IS NULL AND NOT EXISTS", "CASE\n        WHEN FALSE AND NOT EXISTS"),
         ("ticketbot/models/threads.py", "return root_id is not None or claimed_by == message_id, root_id", "return True, root_id")),
    ),
    Mutation(
        "a refused reply is not sent on its own",
        "sqlite",
        (("ticketbot/pipeline/deliver.py", "if message.parent_id is None or not is_refused:", "if True:"),),
    ),
    Mutation(
        "the root of a thread is not recorded",
        "postgres",
        ((_MESSAGES, "    if is_root and message.ticket_id is not None:", "    if is_root and message.ticket_id is not None and message.id % 3:"),),
    ),
    Mutation(
        "a server takes all other servers for dead",
        "postgres",
        (("ticketbot/background/heartbeat.py", "return has_stopped or process_is_gone(row.identity)", "return True"),),
    ),
    Mutation(
        "the facts of an event are stored without its notes",
        "sqlite",
        (("ticketbot/pipeline/kept_facts.py", "for note in facts.notes if note in shown)", "for note in facts.notes if not shown)"),),
    ),
    Mutation(
        "the notes of tickets in a mass change are not read",
        "sqlite",
        (("ticketbot/pipeline/fetch.py", "    if decided_at is not None and ticket.updated_at is not None and ticket", "    if decided_at is not None or ticket"),),
    ),
    Mutation(
        "what quiet hours hold is sent at once",
        "sqlite",
        (("ticketbot/pipeline/process_event.py", ' and row["held_until"] is None]', "]"),),
    ),
    Mutation(
        "what does not fit into a digest is forgotten",
        "sqlite",
        (("ticketbot/pipeline/digest.py", "return _written(claimed, paragraphs, hidden, of_tickets[place:])", "return _written(claimed, paragraphs, hidden, ())"),),
    ),
    Mutation(
        "authors are notified of their own notes",
        "sqlite",
        (
            ("ticketbot/decide/audience.py", "        return topic.note.author_recipient_ids", "        return frozenset()"),
            ("ticketbot/decide/audience.py", "name is not None and name.lower() ==", "name is not None and name =="),
            ("ticketbot/decide/audience.py", "person.identifier.lower()", "None"),
        ),
    ),
)  # fmt: skip


def main(names: list[str]) -> int:
    """Try the mutations whose name contains one of `names`, or all; return 1 if one is not caught."""
    uncaught = 0
    for mutation in MUTATIONS:
        if names and not any(name in mutation.name for name in names):
            continue
        caught = _violations(mutation)
        uncaught += not caught
        print(f"{mutation.name} ({mutation.database}): {caught or 'NOT CAUGHT'}", flush=True)
    return 1 if uncaught else 0


def _violations(mutation: Mutation) -> str:
    with tempfile.TemporaryDirectory(prefix="tbot-mutant-") as folder:
        for name in COPIED:
            shutil.copytree(ROOT / name, Path(folder) / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name, old, new in (*mutation.changes, _SHORT_SETTLE):
            file = Path(folder) / name
            text = file.read_text()
            if old not in text:
                raise SystemExit(f"{mutation.name}: does not apply: {name} has changed")
            file.write_text(text.replace(old, new, 1))
        options = [f"--minutes={MINUTES}", f"--database={mutation.database}", "--seed=7", "--json=result.json"]
        subprocess.run(
            [sys.executable, "-m", "torture", *options], cwd=folder, check=False, capture_output=True, timeout=900
        )
        result = Path(folder) / "result.json"
        if not result.exists():
            raise SystemExit(f"{mutation.name}: the run itself failed")
        violations = json.loads(result.read_text())["campaigns"][0]["violations"]
        return ", ".join(
            f"{name} x {count}" for name, count in Counter(promise for promise, _ in violations).most_common()
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
