"""Run syncs in processes that can be killed: `python -m tests.sync_subprocess`, one line of JSON for each.

Everything is imported once, and each sync runs in a fork. For each line with a database, settings and a fail point, the
process id of the fork is printed, and then its exit status.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from datetime import UTC, datetime
from typing import Any

from ticketbot import failpoints
from ticketbot.background import heartbeat
from ticketbot.connectwise import connectwise_client
from ticketbot.database import db
from ticketbot.models import servers, syncs
from ticketbot.sync import sync_run, sync_service, tickets
from ticketbot.webex import webex_client


def main() -> int:
    """Fork for each line until the input ends."""
    tickets.PAGE_SIZES = (20, 10)
    tickets.NOTES_PER_COMMIT = 5
    sync_run.REPORT_EVERY_S = 0.05
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            os._exit(_child(json.loads(line)))
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()
    return 0


def _child(options: dict[str, Any]) -> int:
    try:
        return _sync(options)
    except BaseException as error:  # noqa: BLE001  (a fork must not return into the code of its parent)
        sys.stderr.write(f"{error!r}\n")
        return 9


def _sync(options: dict[str, Any]) -> int:
    os.environ["TBOT_FAIL_AT"] = options["fail_at"]
    importlib.reload(failpoints)
    db.open_database(options["database"])
    row = servers.Current()
    heartbeat.Heartbeat(row, lambda: datetime.now(UTC)).start()
    services = sync_run.Services(
        connectwise_client.ConnectWise(**options["connectwise"]).in_background(),
        webex_client.Webex(**options["webex"]),
        row,
        lambda: datetime.now(UTC),
    )
    runs = sync_service.Syncs(services)
    run = runs.start(sync_service.Request(boards=True, recipients=True, tickets=True))
    runs.join()
    with db.session():
        row = syncs.SyncRun.get_by_id(run.id)
    return 0 if (row.state, row.error_count) == (syncs.DONE, 0) else 1


if __name__ == "__main__":
    sys.exit(main())
