"""`tbot update`: a rule, a forward, a silence, quiet hours or the runtime configuration."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from msgspec import UNSET

from ticketbot import errors
from ticketbot.api import responses
from ticketbot.cli import calm_options, lookup
from ticketbot.cli.arguments import NONE
from ticketbot.cli.commands import create
from ticketbot.cli.context import Context

USAGE = """\
Update an object.

Usage:
  tbot update rule <id> [--enabled=<bool>]
            [--board-id=<id> | --board=<name> | --all-boards]
            [--recipient-id=<id> | --recipient=<name> | --assigned]
            [--name=<name>] [--events=<events>] [--when=<condition>]
            [--dry-run=<bool>] [options] [--json]
  tbot update forward <id> [--enabled=<bool>]
            [--source-id=<id> | --source=<name>]
            [--destination-id=<id> | --destination=<name>]
            [--start=<when>] [--end=<when>] [--keep-copy=<bool>]
            [--public-only=<bool>] [--only-if-sole=<bool>] [options] [--json]
  tbot update silence <id> [--board-id=<id> | --board=<name>]
            [--ticket-id=<id>] [--company=<name>]
            [--recipient-id=<id> | --recipient=<name>] [--rule-id=<id>]
            [--start=<when>] [--until=<when>] [--comment=<text>] [options]
            [--json]
  tbot update quiet-hours <id> [--enabled=<bool>]
            [--recipient-id=<id> | --recipient=<name> | --all-people]
            [--days=<days>] [--from=<hh:mm>] [--to=<hh:mm>]
            [--timezone=<zone>] [--urgent=<condition>] [options] [--json]
  tbot update config [--attempt-notify=<bool>] [--max-message-length=<n>]
            [--max-concurrent-syncs=<n>] [--require-board-rule=<bool>]
            [--catch-up-interval=<seconds>] [--retention-days=<days>]
            [--assigned-events=<events>] [--threads=<where>]
            [--panel=<bool>] [--sync-schedule=<hh:mm>]
            [--alert-recipient-id=<id> | --alert-recipient=<name>]
            [--alert-url=<url>] [--alert-silence-minutes=<minutes>]
            [--business-hours=<hours>] [--heartbeat-url=<url>] [options]
            [--json]

Options:
  --enabled=<bool>         Whether it is enabled: true or false
  --board-id=<id>          Board whose tickets are notified of
  --board=<name>           The same, by name
  --all-boards             All boards, those to come too
  --recipient-id=<id>      Room or person to notify
  --recipient=<name>       The same, by name or email address
  --assigned               Notify the assigned people: resources and owner
  --name=<name>            Name of the rule; `none` removes it
  --events=<events>        What to notify of, separated by commas, such as
                           new,customer_note; see `tbot help create rule`
  --when=<condition>       Only if this is true, see `tbot help create rule`;
                           `none` removes the condition
  --dry-run=<bool>         Decide and record, but send nothing: true or false
  --source-id=<id>         Recipient whose notifications are forwarded
  --source=<name>          The same, by name or email address
  --destination-id=<id>    Recipient that receives them instead
  --destination=<name>     The same, by name or email address
  --start=<when>           Start date or time, such as 2026-03-01 or
                           2026-03-01T08:00; `none`: immediately
  --end=<when>             End date (inclusive) or time; `none` removes the end
  --keep-copy=<bool>       Also deliver to the source: true or false
  --public-only=<bool>     Forward only public notes: true or false
  --only-if-sole=<bool>    Forward only tickets with no one else assigned
  --ticket-id=<id>         Silence this ticket; `none`: any
  --company=<name>         Silence tickets of this company; `none`: any
  --rule-id=<id>           Silence what this rule notifies of; `none`: anything
  --until=<when>           When the silence ends: a date (inclusive) or time
  --comment=<text>         Why; explanations show it
  --all-people             Every person without quiet hours of their own
  --days=<days>            On which they begin, such as mon-fri or sat,sun
  --from=<hh:mm>           When they begin
  --to=<hh:mm>             When they end, on the next day if that is not later
  --timezone=<zone>        Such as Europe/Berlin; `none`: that of the server
  --urgent=<condition>     What is sent all the same; `none`: nothing
  --attempt-notify=<bool>  Send notifications: true or false
  --max-message-length=<n>    Maximum note length, 50 to 4000 characters
  --max-concurrent-syncs=<n>  Parallel requests of a sync, 1 to 50
  --require-board-rule=<bool>  Notify only for boards with an enabled rule
  --catch-up-interval=<seconds>  Seconds between catch-ups; 0: never
  --retention-days=<days>  Days to keep finished rows; 0: forever
  --assigned-events=<events>  What the assigned people are notified of on every
                           board, separated by commas; `none`: of nothing
  --threads=<where>        Reply to the first message about a ticket: in rooms,
                           all, or off
  --panel=<bool>           Serve the web panel: true or false
  --sync-schedule=<hh:mm>  Sync boards and recipients every day at this time,
                           on Sundays tickets, too; `none`: never
  --alert-recipient-id=<id>  Room or person to tell of problems; `none`: nobody
  --alert-recipient=<name>  The same, by name or email address
  --alert-url=<url>        Address to post problems to, as JSON; `none`: none;
                           `-` reads it from stdin, as it is a secret
  --alert-silence-minutes=<minutes>  Alert without webhooks for so long within
                           business hours; 0: never
  --business-hours=<hours>  Such as 'mon-fri 08:00-18:00; sat 09:00-13:00'
  --heartbeat-url=<url>    Address to call every minute while all is well;
                           `none` and `-` as above

Examples:
  tbot update rule 1 --enabled=false
  tbot update rule 1 --events=new,reopened --when='severity == "High"'
  tbot update forward 1 --end=none
  tbot update silence 1 --until=2030-03-01T08:00
  tbot update quiet-hours 1 --to=07:30
  tbot update config --attempt-notify=false
  tbot update config --alert-recipient="Night Shift"
"""

_BOOLEANS = ("attempt_notify", "require_board_rule", "panel")
_NUMBERS = (
    *("max_message_length", "max_concurrent_syncs", "catch_up_interval", "retention_days"),
    "alert_silence_minutes",
)
_SECRETS = ("alert_url", "heartbeat_url")


def run(context: Context) -> int:
    """Change what was given and print the object."""
    arguments = context.arguments
    if arguments.has("config"):
        context.show(context.server.update_config(_config_changes(context)))
    elif arguments.has("forward"):
        _update_forward(context)
    elif arguments.has("silence"):
        changes = calm_options.silence(context)
        _require_an_option(changes.values(), "silence")
        context.show(context.server.update_silence(lookup.argument(context, "<id>", "silence"), **changes))
    elif arguments.has("quiet-hours"):
        changes = calm_options.quiet_hours(context) | _booleans(context, "enabled")
        _require_an_option(changes.values(), "quiet-hours")
        context.show(context.server.update_quiet_hour(lookup.argument(context, "<id>", "quiet-hours"), **changes))
    else:
        changes = create.rule_changes(context) | _booleans(context, "enabled", "dry_run")
        _require_an_option(changes.values(), "rule")
        context.show(context.server.update_rule(lookup.argument(context, "<id>", "rule"), **changes))
    return 0


def _update_forward(context: Context) -> None:
    arguments = context.arguments
    times = {"start": arguments.optional_date("--start"), "end": arguments.optional_date("--end")}
    changes = times | _booleans(context, "enabled", "keep_copy", "public_only", "only_if_sole")
    for end in ("source", "destination"):
        row_id = lookup.option(context, end, "recipient")
        changes[f"{end}_id"] = UNSET if row_id is None else row_id
    _require_an_option(changes.values(), "forward")
    row_id = lookup.argument(context, "<id>", "forward")
    create.show_forward(context, context.server.update_forward(row_id, **changes))


def _config_changes(context: Context) -> dict[str, object]:
    arguments = context.arguments
    found = _booleans(context, *_BOOLEANS)
    for name in _NUMBERS:
        number = arguments.number(create.option(name))
        found[name] = UNSET if number is None else number
    if arguments.text("--assigned-events") == NONE:
        found["assigned_events"] = []
    elif (events := arguments.choices("--assigned-events", get_args(responses.RuleEvent))) is not None:
        found["assigned_events"] = events
    found["threads"] = arguments.text("--threads") or UNSET
    schedule = arguments.text("--sync-schedule")
    found["sync_schedule"] = UNSET if schedule is None else None if schedule.lower() == NONE else schedule
    found["business_hours"] = (arguments.text("--business-hours") or "").lower() or UNSET
    found["alert_recipient_id"] = _alert_recipient(context)
    for name in _SECRETS:
        found[name] = _secret(context, create.option(name))
    _require_an_option(found.values(), "config")
    return {name: value for name, value in found.items() if value is not UNSET}


def _alert_recipient(context: Context) -> object:
    if (context.arguments.text("--alert-recipient-id") or "").lower() == NONE:
        return None
    row_id = lookup.option(context, "alert-recipient", "recipient")
    return UNSET if row_id is None else row_id


def _secret(context: Context, option: str) -> object:
    """Return an address, None for `none`, `UNSET` if it was not given; `-` stands for the next line of stdin."""
    text = context.arguments.text(option)
    if text == "-":
        text = context.output.streams.stdin.readline().strip()
    return UNSET if text is None else None if text.lower() == NONE else text


def _booleans(context: Context, *names: str) -> dict[str, object]:
    return {name: context.arguments.boolean(create.option(name)) for name in names}


def _require_an_option(values: Iterable[object], topic: str) -> None:
    if all(value is UNSET for value in values):
        raise errors.InvalidInput(f"Nothing to change: give at least one option. See `tbot help update {topic}`")
