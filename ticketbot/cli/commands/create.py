"""`tbot create`: a rule, forward, silence, user or key, or quiet hours."""

from __future__ import annotations

from typing import Any, get_args

from ticketbot.api import requests, responses
from ticketbot.cli import calm_options, lookup
from ticketbot.cli.arguments import NONE
from ticketbot.cli.context import Context
from ticketbot.present import trials

USAGE = """\
Create an object.

Usage:
  tbot create rule (--board-id=<id> | --board=<name> | --all-boards)
            (--recipient-id=<id> | --recipient=<name> | --assigned)
            [--name=<name>] [--events=<events>] [--when=<condition>]
            [--dry-run] [options] [--json]
  tbot create forward (--source-id=<id> | --source=<name>)
            (--destination-id=<id> | --destination=<name>) [--start=<when>]
            [--end=<when>] [--keep-copy] [--public-only] [--only-if-sole]
            [options] [--json]
  tbot create silence [--board-id=<id> | --board=<name>] [--ticket-id=<id>]
            [--company=<name>] [--recipient-id=<id> | --recipient=<name>]
            [--rule-id=<id>] [--start=<when>] --until=<when> --comment=<text>
            [--preview] [options] [--json]
  tbot create quiet-hours
            (--recipient-id=<id> | --recipient=<name> | --all-people)
            --days=<days> --from=<hh:mm> --to=<hh:mm> [--timezone=<zone>]
            [--urgent=<condition>] [options] [--json]
  tbot create user --name=<name> --email=<email> [options] [--json]
  tbot create key --user-id=<id> [--scope=<scope>] [--expires=<when>]
            [options] [--json]

Options:
  --board-id=<id>          Board whose tickets are notified of
  --board=<name>           The same, by name
  --all-boards             All boards, those to come too
  --recipient-id=<id>      Room or person to notify
  --recipient=<name>       The same, by name or email address
  --assigned               Notify the assigned people: resources and owner
  --events=<events>        What to notify of, separated by commas: new (the
                           default), customer_note, team_note, internal_note,
                           assigned, status, priority, moved, closed, reopened,
                           or changed (any change)
  --when=<condition>       Only if this is true, such as
                           'priority_sort <= 3 and company == "Contoso"'.
                           Fields: id summary board status closed priority
                           priority_sort severity impact type subtype item
                           source company company_id contact owner resources
                           assigned_count is_project event changed hour weekday,
                           old.status (and so on, before a change), note.text
                           note.author note.by_customer note.internal note.kind.
                           Between them: == != < <= > >= in, and or not, ??
                           (if null). Of text: .as_lower .as_upper
                           .starts_with("x") .ends_with("x") .length .is_empty
  --dry-run                Decide and record, but send nothing
  --source-id=<id>         Recipient whose notifications are forwarded
  --source=<name>          The same, by name or email address
  --destination-id=<id>    Recipient that receives them instead
  --destination=<name>     The same, by name or email address
  --start=<when>           Start date or time (default: immediately), such as
                           2026-03-01, 2026-03-01T08:00 or
                           2026-03-01T08:00:00+01:00; without an offset, the
                           server's TBOT_TIMEZONE applies
  --end=<when>             End date (inclusive) or time (default: none)
  --keep-copy              Also deliver to the source
  --public-only            Forward only public notes, and new tickets unless
                           their description is internal
  --only-if-sole           Forward only tickets with no one else assigned
  --ticket-id=<id>         Silence this ticket
  --company=<name>         Silence tickets of this company
  --rule-id=<id>           Silence what this rule notifies of; of several such
                           options, all must match
  --until=<when>           When the silence ends: a date (inclusive) or time
  --comment=<text>         Why; explanations show it
  --preview                Create nothing; show what the silence would have
                           matched in the last 7 days
  --all-people             Every person without quiet hours of their own
  --days=<days>            On which they begin, such as mon-fri or sat,sun
  --from=<hh:mm>           When they begin
  --to=<hh:mm>             When they end, on the next day if that is not later;
                           the same time means the whole day
  --timezone=<zone>        Such as Europe/Berlin (default: TBOT_TIMEZONE of the
                           server)
  --urgent=<condition>     What is sent all the same, a condition as of --when
  --name=<name>            Name of the rule or the user
  --email=<email>          Email address of the user
  --user-id=<id>           User, see `tbot list users`
  --scope=<scope>          What the key allows: read; operate (also rules,
                           forwards, silences, quiet hours, retries, syncs,
                           test messages); admin (everything, the default)
  --expires=<when>         Date (inclusive) or time at which the key stops
                           working (default: never)

Examples:
  tbot create rule --board="Help Desk" --recipient="Night Shift"
  tbot create rule --board-id=1 --recipient-id=2
  tbot create rule --all-boards --recipient-id=2 --when='priority_sort <= 2'
  tbot create rule --board-id=1 --recipient=Night --when='hour >= 18'
  tbot create rule --board-id=1 --assigned --events=closed,reopened --dry-run
  tbot create forward --source-id=3 --destination-id=4 --end=2030-12-31
  tbot create silence --board-id=1 --until=2030-03-01T06:00 --comment="Patches"
  tbot create quiet-hours --all-people --days=mon-fri --from=18:00 --to=08:00
  tbot create user --name="Service Account" --email=service@example.com
  tbot create key --user-id=1 --scope=read --expires=2030-12-31
"""


PROPOSED_PATTERN = """\
            [--board-id=<id> | --board=<name> | --all-boards]
            [--recipient-id=<id> | --recipient=<name> | --assigned]
            [--name=<name>] [--events=<events>] [--when=<condition>]
"""
PROPOSED_OPTIONS = """\
  --rule-id=<id>           A stored rule, with the changes that follow
  --board-id=<id>          Board of the proposed rule (default: all boards)
  --board=<name>           The same, by name
  --all-boards             All boards
  --recipient-id=<id>      Room or person it notifies
  --recipient=<name>       The same, by name or email address
  --assigned               It notifies the assigned people
  --name=<name>            Its name
  --events=<events>        Its events (default: new), as of `tbot create rule`
  --when=<condition>       Its condition, see `tbot help create rule`
"""
"""The part of a usage text that names a rule to try; `proposed_rule` reads it."""


def run(context: Context) -> int:
    """Create the object and print it."""
    arguments = context.arguments
    if arguments.has("key"):
        return _create_key(context)
    if arguments.has("user"):
        context.show(context.server.create_user(arguments.required("--name"), arguments.required("--email")))
    elif arguments.has("rule"):
        context.show(_create_rule(context))
    elif arguments.has("silence"):
        _create_silence(context)
    elif arguments.has("quiet-hours"):
        fields = {"recipient_id": None, **calm_options.quiet_hours(context)}
        context.show(context.server.create_quiet_hour(**fields))
    else:
        show_forward(context, _create_forward(context))
    return 0


def show_forward(context: Context, forward: responses.Forward) -> None:
    """Print a new or changed forward; warn if it has no effect: its year may be mistyped."""
    context.show(forward)
    if forward.state == "expired":
        context.output.note(f"Forward {forward.id} has already ended ({forward.end})")


def rule_changes(context: Context) -> dict[str, Any]:
    """Return the fields of a rule that were given, by name."""
    arguments = context.arguments
    found: dict[str, Any] = {}
    for prefix, nobody, field in (("board", "--all-boards", "board_id"), ("recipient", "--assigned", "recipient_id")):
        row_id = lookup.option(context, prefix, prefix)
        if row_id is not None or arguments.has(nobody):
            found[field] = row_id
    if arguments.has("--assigned"):
        found["target"] = "assigned"
    if (events := arguments.choices("--events", get_args(responses.RuleEvent))) is not None:
        found["events"] = events
    for name, text in (("condition", "--when"), ("name", "--name")):
        given = arguments.text(text)
        if given is not None:
            found[name] = None if given.lower() == NONE else given
    return found


def proposed_rule(context: Context) -> tuple[int | None, requests.NewRule | None]:
    """Return the rule to try: the id of a stored one, and the rule as it would be if other options were given."""
    rule_id, changes = context.arguments.number("--rule-id"), rule_changes(context)
    if not changes:
        return rule_id, None
    fields: dict[str, Any] = {"board_id": None}
    if rule_id is not None:
        stored = context.server.rule(rule_id)
        fields = {name: getattr(stored, name) for name in requests.NewRule.__struct_fields__}
    if "recipient_id" in changes and "target" not in changes:
        fields["target"] = "recipient"
    return rule_id, requests.NewRule(**fields | changes)


def option(name: str) -> str:
    """Return the option that a field is given by."""
    return f"--{name.replace('_', '-')}"


def _create_rule(context: Context) -> responses.Rule:
    fields = {"recipient_id": None, **rule_changes(context), "dry_run": context.arguments.has("--dry-run")}
    return context.server.create_rule(fields.pop("board_id"), fields.pop("recipient_id"), **fields)


def _create_silence(context: Context) -> None:
    fields = calm_options.silence(context)
    if not context.arguments.has("--preview"):
        context.show(context.server.create_silence(**fields))
        return
    found = context.server.preview_silence(**fields)
    if context.output.is_json:
        context.output.json(found)
        return
    for sentence in trials.matched(found):
        context.output.say(sentence)
    for columns, rows in ((trials.MATCHED, found.by_recipient), (trials.MATCHED_SAMPLES, found.samples)):
        if rows:
            context.output.say("")
            context.output.table(columns, rows)


def _create_forward(context: Context) -> responses.Forward:
    arguments = context.arguments
    return context.server.create_forward(
        _required(context, "source", "recipient"),
        _required(context, "destination", "recipient"),
        start=arguments.optional_date("--start") or None,
        end=arguments.optional_date("--end") or None,
        **{name: arguments.has(option(name)) for name in ("keep_copy", "public_only", "only_if_sole")},
    )


def _required(context: Context, prefix: str, singular: str) -> int:
    found: Any = lookup.option(context, prefix, singular)  # the usage text makes one of the two options mandatory
    return int(found)


def _create_key(context: Context) -> int:
    arguments = context.arguments
    scope = arguments.choice("--scope", get_args(responses.Scope)) or "admin"
    user_id = arguments.required_number("--user-id")
    created = context.server.create_key(user_id, scope=scope, expires_at=arguments.when("--expires"))
    context.tell(created, created.key)
    context.output.note(f"Save key {created.id} now. It will not be shown again")
    return 0
