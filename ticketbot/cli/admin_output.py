"""Show what the commands found out that ask no server: config, doctor and migrate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ticketbot.cli.output import Screen
from ticketbot.present import documents

_UNSET = "(not set)"


def show_settings(screen: Screen, settings: Sequence[documents.Setting]) -> None:
    """Show every setting with where it came from."""
    if screen.is_json:
        screen.document(settings)
    else:
        screen.record((row.setting, f"{row.value or _UNSET}  {row.origin}") for row in settings)


def show_checks(screen: Screen, checks: Iterable[documents.Check]) -> int:
    """Show each check as it is made, with how to mend it. Returns the exit status: only what failed counts."""
    made = []
    for check in checks:
        made.append(check)
        if not screen.is_json:
            screen.say(check.message, f"{check.state:<9}{check.check:<13}")
            if check.fix:
                screen.say(check.fix, f"{'':<22}> ")
    if screen.is_json:
        screen.document(made)
    return 1 if any(check.state == "failed" for check in made) else 0


def show_migrations(screen: Screen, steps: Sequence[documents.Migration]) -> None:
    """Show migrations, applied or waiting."""
    if screen.is_json:
        screen.document(steps)
    elif steps:
        screen.record(
            (row.name, f"applied {screen.text(row.applied_at)}" if row.applied_at else "waits") for row in steps
        )
    else:
        screen.say("Nothing to do")
