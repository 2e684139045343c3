"""Run both simulators as one process: `python -m ticketbot.simulators`."""

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

USAGE = """Simulated ConnectWise and Webex, each controlled below its /_sim/; run with python -m ticketbot.simulators.

Usage:
  simulators [options]

Options:
  --port-file=<file>          Where to write addresses and credentials; stdout gets them too, as a line of JSON.
  --host=<host>               Address to listen on [default: 127.0.0.1].
  --connectwise-port=<port>   0 picks a free port [default: 0].
  --webex-port=<port>         0 picks a free port [default: 0].
  --connectwise-latency=<s>   Seconds before each response of ConnectWise [default: 0].
  --webex-latency=<s>         Seconds before each response of Webex [default: 0].
  --seed=<n>                  Seed of faults with a probability [default: 0].
"""


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM or SIGINT, then exit 0."""
    options = docopt.docopt(USAGE, arguments)
    seed = int(options["--seed"])
    tenant, organization = ConnectWise(seed=seed), Webex(seed=seed)
    tenant.latency_s = float(options["--connectwise-latency"])
    organization.latency_s = float(options["--webex-latency"])
    signal.pthread_sigmask(signal.SIG_BLOCK, _SHUTDOWN)  # before any thread starts
    with (
        _serve(options, "connectwise", connectwise_api.app(tenant, remote_control.of_connectwise(tenant))) as first,
        _serve(options, "webex", webex_api.app(organization, remote_control.of_webex(organization))) as second,
    ):
        tenant.serve_at(first.url)
        organization.url = f"{second.url}/v1"
        _publish(options["--port-file"], addresses(tenant, first, organization, second))
        signal.sigwait(_SHUTDOWN)
    return 0


def addresses(
    tenant: ConnectWise, first: http_server.Running, organization: Webex, second: http_server.Running
) -> dict[str, Any]:
    """Return the settings with which Ticketbot reaches both, and the addresses to control them."""
    return {
        "pid": os.getpid(),
        "connectwise": first.url,  # TBOT_CW_URL; controlled below its /_sim/
        "webex": second.url,  # controlled below its /_sim/
        "settings": {
            "TBOT_CW_URL": first.url,
            "TBOT_CW_COMPANY": tenant.company,
            "TBOT_CW_PUBLIC_KEY": tenant.public_key,
            "TBOT_CW_PRIVATE_KEY": tenant.private_key,
            "TBOT_CW_CLIENT_ID": tenant.client_id,
            "TBOT_WEBEX_URL": organization.url,
            "TBOT_WEBEX_TOKEN": organization.token,
        },
    }


def _serve(options: dict[str, Any], name: str, app: Any) -> http_server.Running:
    return http_server.serve(app, options["--host"], int(options[f"--{name}-port"]))


def _publish(port_file: str | None, document: dict[str, Any]) -> None:
    text = msgspec.json.encode(document)
    if port_file:
        unfinished = Path(f"{port_file}.part")
        unfinished.write_bytes(text)
        unfinished.rename(port_file)  # whoever waits for the file never reads half of it
    sys.stdout.write(text.decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
