"""The fixtures of a run: members and their Webex accounts, rooms, boards, rules and forwards."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from ticketbot.simulators import remote_control

ADMIN_KEY = "torture-administrator-key-0123456789"

# identifier -> what is special about the member
MEMBERS = {
    "ana": "", "ben": "", "cora": "", "dan": "two accounts", "eve": "", "fay": "", "gus": "", "ida": "",
    "gil": "not on Webex", "hal": "inactive", "ivy": "API",
}  # fmt: skip
ROOMS = ("Help Desk", "Night Shift", "Projects", "Old War Room", "Unused")
DEAD_ROOM = "Old War Room"  # the bot was removed from it: messages to it become dead, and nothing else does
BOARDS = {
    "Service Desk": ("Help Desk", "Night Shift", "fay"),
    "Projects": ("Projects",),
    "Quiet": (),  # no rule: assigned people are notified all the same
    "Attic": ("Old War Room", "Help Desk"),
}
# source, destination, keep_copy, days from now until start and end
FORWARDS = (
    ("cora", "dan", False, None, None),
    ("fay", "eve", True, None, None),
    ("eve", "ben", False, None, None),
    ("gus", "Unused", False, -1, 30),
    ("ana", "ida", False, -9, -3),  # ended
    ("ida", "ana", False, 20, 30),  # upcoming
)


@dataclass(frozen=True)
class Forward:
    """An active forward; source and destination are names."""

    id: int
    source: str
    destination: str
    keep_copy: bool


@dataclass
class Setup:
    """The fixtures as the oracle sees them: recipients go by name, `webex_ids` and `recipient_names` map those."""

    connectwise: remote_control.SimulatorProxy
    webex: remote_control.SimulatorProxy
    contact: int = 0
    company: int = 0
    boards: dict[str, int] = field(default_factory=dict)
    webex_ids: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # display names
    recipient_names: dict[int, str] = field(default_factory=dict)  # Ticketbot's recipient id -> name
    forwards: list[Forward] = field(default_factory=list)
    rules: dict[str, list[str]] = field(default_factory=dict)

    def populate(self) -> None:
        """Add the fixtures to both simulated services."""
        connectwise, webex = self.connectwise.call, self.webex.call
        self.company = connectwise("add_company", name="Hanrahan Logistics")
        self.contact = connectwise("add_contact", first="Gus", last="Hanrahan", company=self.company)
        for name in BOARDS:
            self.boards[name] = connectwise("add_board", name=name, project=name == "Projects")
        for identifier, special in MEMBERS.items():
            self._member(identifier, special)
        for name in ROOMS:
            self.webex_ids[name] = webex("add_room", title=name)
            self.names[name] = name

    def _member(self, identifier: str, special: str) -> None:
        first, last, email = identifier.title(), f"{identifier[0].upper()}son", f"{identifier}@msp.example"
        more: dict[str, Any] = {"inactive": special == "inactive", "license_class": "A" if special == "API" else "F"}
        self.connectwise.call("add_member", identifier=identifier, first=first, last=last, email=email, **more)
        self.names[identifier] = f"{first} {last}"
        if special == "not on Webex":
            return
        if special == "two accounts":
            long_ago = (datetime.now(UTC) - timedelta(days=400)).isoformat()
            self.webex.call("add_person", email=email, name="Somebody Else", last_activity=long_ago)
        self.webex_ids[identifier] = self.webex.call("add_person", email=email, name=self.names[identifier])

    def configure(self, url: str) -> None:
        """Sync, add rules and forwards through the API of a server, then remove the bot from a room."""
        api = Api(url)
        run = api("POST", "/sync", boards=True, recipients=True)
        while api("GET", f"/sync/runs/{run['id']}")["state"] == "running":
            time.sleep(0.1)
        by_webex_name = {row["name"]: row["id"] for row in api("GET", "/webex/rooms?limit=1000")}
        ids = {name: by_webex_name[self.names[name]] for name in self.webex_ids if self.names[name] in by_webex_name}
        self.recipient_names = {number: name for name, number in ids.items()}
        for board, names in BOARDS.items():
            self.rules[board] = list(names)
            for name in names:
                api("POST", "/notifiers/rules", board_id=self.boards[board], recipient_id=ids[name])
        today = datetime.now(UTC).date()
        for source, destination, keep_copy, start, end in FORWARDS:
            dates = {"start": start, "end": end}
            period = {key: str(today + timedelta(days=days)) for key, days in dates.items() if days is not None}
            created = api(
                "POST", "/notifiers/forwards", source_id=ids[source], destination_id=ids[destination],
                keep_copy=keep_copy, **period,
            )  # fmt: skip
            if (start is None or start <= 0) and (end is None or end >= 0):
                self.forwards.append(Forward(created["id"], source, destination, keep_copy))
        self.webex.call("leave", room_id=self.webex_ids[DEAD_ROOM])


class Api:
    """A client of Ticketbot's HTTP API with an administrator's key."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self, method: str, path: str, **body: Any) -> Any:
        """Send a request; raises RuntimeError with the server's message if it is refused."""
        headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
        response = requests.request(method, self.url + path, json=body or None, headers=headers, timeout=30)
        if not response.ok:
            raise RuntimeError(f"{method} {path}: {response.text}")
        return response.json()
