"""Output of the commands that call no server: config, doctor and migrate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ticketbot.cli.output import Output
from ticketbot.present import documents

_UNSET = "(not set)"


def show_settings(output: Output, settings: Sequence[documents.Setting]) -> None:
    """Print every setting with its origin."""
    if output.is_json:
        output.print_json(settings)
    else:
        output.record((row.setting, f"{row.value or _UNSET}  {row.origin}") for row in settings)


def show_checks(output: Output, checks: Iterable[documents.Check]) -> int:
    """Show each check as it finishes, with how to fix it. Returns the exit status: only what failed counts."""
    made = []
    for check in checks:
        made.append(check)
        if not output.is_json:
            output.say(check.message, f"{check.state:<9}{check.check:<13}")
            if check.fix:
                output.say(check.fix, f"{'':<22}> ")
    if output.is_json:
        output.print_json(made)
    return 1 if any(check.state == "failed" for check in made) else 0


def show_migrations(output: Output, steps: Sequence[documents.Migration]) -> None:
    """Print migrations, applied or pending."""
    if output.is_json:
        output.print_json(steps)
    elif steps:
        output.record(
            (row.name, f"applied {output.text(row.applied_at)}" if row.applied_at else "pending") for row in steps
        )
    else:
        output.say("Nothing to do")
