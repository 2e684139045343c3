"""Record the cassettes anew from the replay server, or take some of real accounts to compare them with.

Without credentials in the environment every cassette is made from the payloads. With TBOT_CW_COMPANY,
TBOT_CW_PUBLIC_KEY, TBOT_CW_PRIVATE_KEY and TBOT_CW_CLIENT_ID (and TBOT_CW_URL), or with TBOT_WEBEX_TOKEN,
what those accounts answer to reading calls goes to `tests/cassettes/live`, which is never committed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path

import pytest

from tests.remote.cassettes import CASSETTES, CONNECTWISE_URL, RECORD, WEBEX_URL, recording
from ticketbot import errors
from ticketbot.connectwise.connectwise_client import ConnectWise
from ticketbot.webex.webex_client import Webex

LIVE = CASSETTES / "live"
_OF_CONNECTWISE = ("TBOT_CW_COMPANY", "TBOT_CW_PUBLIC_KEY", "TBOT_CW_PRIVATE_KEY", "TBOT_CW_CLIENT_ID")


CLIENT_TESTS = ("tests/connectwise/test_connectwise_client.py", "tests/webex/test_webex_client.py")


def main() -> int:
    """Record and return an exit status."""
    missing = [name for name in _OF_CONNECTWISE if not os.environ.get(name)]
    has_connectwise, has_webex = not missing, bool(os.environ.get("TBOT_WEBEX_TOKEN"))
    if missing and len(missing) < len(_OF_CONNECTWISE):
        return _refuse(f"Not set: {', '.join(missing)}. Set all of them to ask ConnectWise, or none", 2)
    try:
        if has_connectwise:
            _record_connectwise(os.environ)
        if has_webex:
            _record_webex(os.environ["TBOT_WEBEX_TOKEN"])
    except errors.RemoteError as error:
        return _refuse(str(error), error.exit_status)
    return 0 if has_connectwise or has_webex else _record_payloads()


def _refuse(why: str, status: int) -> int:
    sys.stderr.write(f"record_cassettes: {errors.sentence(why)}\n")
    return status


def _record_payloads() -> int:
    os.environ[RECORD] = "1"
    for old in [*CASSETTES.glob("connectwise/*.yaml"), *CASSETTES.glob("webex/*.yaml")]:
        old.unlink()
    return pytest.main([*CLIENT_TESTS, "-k", "not Simulator"])


def _record_connectwise(environ: Mapping[str, str]) -> None:
    url = environ.get("TBOT_CW_URL", CONNECTWISE_URL).rstrip("/")
    client = ConnectWise(
        url=url,
        company=environ["TBOT_CW_COMPANY"],
        public_key=environ["TBOT_CW_PUBLIC_KEY"],
        private_key=environ["TBOT_CW_PRIVATE_KEY"],
        client_id=environ["TBOT_CW_CLIENT_ID"],
        codebase=environ.get("TBOT_CW_CODEBASE", "v4_6_release"),
    )
    with closing(client):
        boards = client.boards()
        tickets = next(iter(client.tickets(page_size=5)), None)
        calls: dict[str, Callable[[], object]] = {
            "info": client.info,
            "boards": client.boards,
            "members": client.members,
            "callbacks": client.callbacks,
            "missing_ticket": partial(client.ticket, 2**31 - 1),
            "tickets": lambda: list(islice(client.tickets(page_size=5), 2)),
            "project_tickets": lambda: list(islice(client.tickets(page_size=5, project=True), 2)),
        }
        for board in boards[:1]:
            calls["statuses"] = partial(client.statuses, board.id)
        for ticket in tickets.items[:1] if tickets else ():
            calls["ticket"] = partial(client.ticket, ticket.id)
            calls["notes"] = partial(client.notes, ticket.id, page_size=5)
        for name, call in calls.items():
            _record(LIVE / "connectwise" / f"{name}.yaml", CONNECTWISE_URL, url, call)


def _record_webex(token: str) -> None:
    with closing(Webex(token=token)) as client:
        rooms = client.rooms()
        me = client.me()
        calls: dict[str, Callable[[], object]] = {
            "me": client.me,
            "rooms": client.rooms,
            "people_by_ids": partial(client.people_by_ids, [me.id]),
            "people_by_email": partial(client.people_by_email, me.emails[0] if me.emails else ""),
        }
        for room in rooms[:1]:
            calls["memberships"] = partial(client.memberships, room.id)
        for name, call in calls.items():
            _record(LIVE / "webex" / f"{name}.yaml", WEBEX_URL, WEBEX_URL, call)


def _record(path: Path, real: str, called: str, call: Callable[[], object]) -> None:
    try:
        with recording(path, real, called):
            call()
    except errors.RemoteError as error:
        print(error)  # noqa: T201 - the person at the terminal wants to know; the answer is on the cassette


if __name__ == "__main__":
    sys.exit(main())
