"""`tbot` alone: the terminal UI."""

from __future__ import annotations

from ticketbot.cli.context import Context


def run(context: Context) -> int:
    """Run the terminal UI until it is quit."""
    context.require_client_settings("tui")
    from ticketbot.tui import app

    return app.run(context.settings)
