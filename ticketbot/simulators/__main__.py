"""Both simulators as a process of their own: `python -m ticketbot.simulators`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import docopt
import msgspec

from ticketbot.simulators import connectwise_api, http_server, remote_control, webex_api
from ticketbot.simulators.connectwise import ConnectWise
from ticketbot.simulators.webex import Webex

_SHUTDOWN = frozenset({signal.SIGTERM, signal.SIGINT})

USAGE = """Simulated ConnectWise and Webex, steered below /_sim/ of each; run with python -m ticketbot.simulators.

Usage:
  simulators [options]

Options:
  --port-file=<file>          Write addresses and credentials there, too; stdout gets them as a line of JSON.
  --host=<host>               Where to listen [default: 127.0.0.1].
  --connectwise-port=<port>   0 takes a free port [default: 0].
  --webex-port=<port>         0 takes a free port [default: 0].
  --connectwise-latency=<s>   Seconds before each answer of ConnectWise [default: 0].
  --webex-latency=<s>         Seconds before each answer of Webex [default: 0].
  --seed=<n>                  Seed of faults that strike by chance [default: 0].
"""


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM or SIGINT, then exit 0."""
    options = docopt.docopt(USAGE, arguments)
    seed = int(options["--seed"])
    system, organisation = ConnectWise(seed=seed), Webex(seed=seed)
    system.latency_s = float(options["--connectwise-latency"])
    organisation.latency_s = float(options["--webex-latency"])
    signal.pthread_sigmask(signal.SIG_BLOCK, _SHUTDOWN)  # before any thread starts
    with (
        _serve(options, "connectwise", connectwise_api.app(system, remote_control.of_connectwise(system))) as first,
        _serve(options, "webex", webex_api.app(organisation, remote_control.of_webex(organisation))) as second,
    ):
        system.serve_at(first.url)
        organisation.url = f"{second.url}/v1"
        _announce(options["--port-file"], addresses(system, first, organisation, second))
        signal.sigwait(_SHUTDOWN)
    return 0


def addresses(
    system: ConnectWise, first: http_server.Running, organisation: Webex, second: http_server.Running
) -> dict[str, Any]:
    """Return what a Ticketbot needs to know to talk to both, and where each is steered."""
    return {
        "pid": os.getpid(),
        "connectwise": first.url,  # TBOT_CW_URL; steered at /_sim/ below it
        "webex": second.url,  # steered at /_sim/ below it
        "settings": {
            "TBOT_CW_URL": first.url,
            "TBOT_CW_COMPANY": system.company,
            "TBOT_CW_PUBLIC_KEY": system.public_key,
            "TBOT_CW_PRIVATE_KEY": system.private_key,
            "TBOT_CW_CLIENT_ID": system.client_id,
            "TBOT_WEBEX_URL": organisation.url,
            "TBOT_WEBEX_TOKEN": organisation.token,
        },
    }


def _serve(options: dict[str, Any], name: str, app: Any) -> http_server.Running:
    return http_server.serve(app, options["--host"], int(options[f"--{name}-port"]))


def _announce(port_file: str | None, known: dict[str, Any]) -> None:
    text = msgspec.json.encode(known)
    if port_file:
        unfinished = Path(f"{port_file}.part")
        unfinished.write_bytes(text)
        unfinished.rename(port_file)  # whoever waits for the file finds it whole
    sys.stdout.write(text.decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
