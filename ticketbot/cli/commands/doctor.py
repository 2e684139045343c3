"""`tbot doctor`: the checks of an installation."""

from __future__ import annotations

from ticketbot import errors
from ticketbot.cli.context import Context

USAGE = """\
Check the installation.

Usage:
  tbot doctor [options] [--json]
"""


def run(context: Context) -> int:
    """Show each check as it finishes, with how to fix it; only what failed counts."""
    from ticketbot import doctor

    output, done = context.output, []
    try:
        checks = doctor.check_all(context.load_settings(warn=lambda _: None))
    except errors.SettingsError as error:
        checks = doctor.settings_failed(error)
    for check in checks:
        done.append(check)
        if not output.is_json:
            output.say(check.message, f"{check.state:<9}{check.check:<15}")
            if check.fix:
                output.say(check.fix, f"{'':<24}> ")
    if output.is_json:
        output.json(done)
    return 1 if any(check.state == "failed" for check in done) else 0
