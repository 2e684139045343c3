"""`tbot serve`: the server."""

from __future__ import annotations

import gc

from ticketbot.cli.context import Context

USAGE = """\
Run the server.

Usage:
  tbot serve [options] [--host=<host>] [--port=<port>] [--skip-missed]

Options:
  --host=<host>            Address to listen on
  --port=<port>            Port to listen on
  --skip-missed            Do not notify of changes while the server was down

Examples:
  tbot serve --port=9000
"""


def run(context: Context) -> int:
    """Serve until a signal ends it."""
    import logging

    settings = context.load_settings(warn=logging.getLogger("ticketbot").warning)
    settings.require("serve")
    gc.disable()  # importing creates no garbage, and searching for it takes 5 % of the startup time
    from ticketbot.server import serve

    gc.enable()
    return serve.run(settings, skip_missed=context.arguments.has("--skip-missed"))
