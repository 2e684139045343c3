"""The usage text, which specifies the command line: help, manual and completion are generated from it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

# A constant, not a docstring: the packed program has no docstrings.
USAGE = """\
Ticketbot notifies people in Webex about their ConnectWise tickets.

Usage:
  tbot [options]
  tbot serve [options] [--host=<host>] [--port=<port>] [--skip-missed]
  tbot demo [options] [--once]
  tbot init [options] [--name=<name>] [--email=<email>]
  tbot migrate [options] [--status] [--json]
  tbot doctor [options] [--json]
  tbot config [options] [--json]
  tbot version [options] [--json]
  tbot ping [options] [--json]
  tbot authcheck [options] [--json]
  tbot sync [options] [--all] [--boards] [--recipients] [--tickets]
            [--sync-boards=<ids>] [--force] [--no-wait] [--quiet] [--json]
  tbot sync (status | cancel) [options] [--json]
  tbot list (boards | members | rules | users | keys | audit | syncs)
            [options] [--limit=<n>] [--json]
  tbot list recipients [options] [--type=<type>] [--search=<text>]
            [--limit=<n>] [--json]
  tbot list forwards [options] [--state=<state>] [--limit=<n>] [--json]
  tbot list tickets [options] [--board-id=<id>] [--open] [--limit=<n>] [--json]
  tbot list notifications [options] [--state=<state>] [--ticket-id=<id>]
            [--recipient-id=<id>] [--since=<when>] [--limit=<n>] [--json]
  tbot get (board | recipient | rule | forward | user | key | ticket |
            notification) <id> [options] [--json]
  tbot get config [options] [--json]
  tbot create rule --board-id=<id> --recipient-id=<id> [options] [--json]
  tbot create forward --source-id=<id> --destination-id=<id> [--start=<when>]
            [--end=<when>] [--keep-copy] [options] [--json]
  tbot create user --name=<name> --email=<email> [options] [--json]
  tbot create key --user-id=<id> [options] [--json]
  tbot update rule <id> --enabled=<bool> [options] [--json]
  tbot update forward <id> [--enabled=<bool>] [--start=<when>] [--end=<when>]
            [--keep-copy=<bool>] [options] [--json]
  tbot update config [--attempt-notify=<bool>] [--max-message-length=<n>]
            [--max-concurrent-syncs=<n>] [--require-board-rule=<bool>]
            [--catch-up-interval=<seconds>] [--retention-days=<days>]
            [options] [--json]
  tbot delete (rule | forward | user | key) <id> [options] [--yes] [--json]
  tbot explain <ticket-id> [options] [--json]
  tbot retry <notification-id> [options] [--json]
  tbot retry --dead [--since=<when>] [options] [--yes] [--json]
  tbot test <recipient-id> [options] [--json]
  tbot completion (bash | zsh | fish) [options]
  tbot help [options] [<command>]

Commands:
  serve       Run the server
  demo        Run a simulated demo
  init        Create the first user
  migrate     Update the database
  doctor      Check the installation
  config      Show the settings
  version     Show the version
  ping        Check if the server is up
  authcheck   Show whose key this is
  sync        Sync external data
  list        List objects
  get         Show one object
  create      Create an object
  update      Update an object
  delete      Delete an object
  explain     Explain who was notified
  retry       Resend failed notifications
  test        Send a test message
  completion  Print shell completion
  help        Show help

Options:
  --config=<file>          Read settings from this file
  --base-url=<url>         Talk to the server at this address
  --log-level=<level>      Log level: debug, info, warning or error
  -h --help                Show help

Options of single commands:
  --host=<host>            Address to listen on
  --port=<port>            Port to listen on
  --skip-missed            Do not notify of changes while the server was down
  --once                   Stop after one round
  --name=<name>            Name of the user
  --email=<email>          E-mail address of the user
  --status                 Show applied and pending migrations
  --all                    Sync everything; with --tickets, of all boards
  --boards                 Sync boards and their statuses
  --recipients             Sync Webex rooms and people
  --tickets                Sync open tickets
  --sync-boards=<ids>      Only tickets of these boards, such as 1,2,3
  --force                  Continue even if more than half would be removed
  --no-wait                Return as soon as the sync has started
  --quiet                  Print only errors
  --limit=<n>              Maximum number of rows (default: all; the newest 100
                           of notifications, audit and syncs)
  --type=<type>            Only recipients of this type: room or person
  --search=<text>          Only those whose name or e-mail address contains this
  --state=<state>          Only those in this state. Forwards: active, upcoming,
                           expired, disabled. Notifications: pending, sending,
                           sent, skipped, dead
  --open                   Only open tickets
  --board-id=<id>          Board id, see `tbot list boards`
  --recipient-id=<id>      Recipient id, see `tbot list recipients`
  --ticket-id=<id>         Ticket number, as in ConnectWise
  --user-id=<id>           User id, see `tbot list users`
  --source-id=<id>         Recipient whose notifications are forwarded
  --destination-id=<id>    Recipient that receives them instead
  --start=<when>           Start date or time; `none`: immediately
  --end=<when>             End date (inclusive) or time; `none`: until deleted
  --since=<when>           Only notifications created since this date or time;
                           with `retry`, what died since then
  --keep-copy              Also deliver to the source
  --keep-copy=<bool>       Also deliver to the source: true or false
  --enabled=<bool>         Whether it is enabled: true or false
  --attempt-notify=<bool>  Send notifications: true or false
  --max-message-length=<n>    Maximum note length, 50 to 4000 characters
  --max-concurrent-syncs=<n>  Parallel requests of a sync, 1 to 50
  --require-board-rule=<bool>  Notify only for boards with an enabled rule
  --catch-up-interval=<seconds>  Seconds between catch-ups; 0: never
  --retention-days=<days>  Days to keep finished rows; 0: forever
  --dead                   Everything that died in the last 24 hours, or since
                           the date given with --since
  --yes                    Do not ask for confirmation
  --json                   Print one JSON document

Arguments:
  <id>               Id, see `tbot list`
  <ticket-id>        Ticket number, as in ConnectWise
  <notification-id>  Notification id, see `tbot list notifications`
  <recipient-id>     Recipient id, see `tbot list recipients`
  <when>             2026-03-01, 2026-03-01T08:00 or 2026-03-01T08:00:00+01:00;
                     without an offset, the server's TBOT_TIMEZONE applies

Examples:
  tbot serve --port=9000
  tbot init --name="Ana Alvarez" --email=ana@example.com
  tbot init --email=ana@example.com
  tbot sync --all
  tbot sync --boards --recipients --quiet
  tbot sync --tickets --sync-boards=1,2,3
  tbot list notifications --state=dead
  tbot list recipients --search=help
  tbot create rule --board-id=1 --recipient-id=2
  tbot create forward --source-id=3 --destination-id=4 --end=2030-12-31
  tbot create user --name="Service Account" --email=service@example.com
  tbot create key --user-id=1
  tbot update rule 1 --enabled=false
  tbot update forward 1 --end=none
  tbot update config --attempt-notify=false
  tbot delete rule 1 --yes
  tbot explain 1234
  tbot retry --dead --since=2026-03-01
  tbot completion bash > /etc/bash_completion.d/tbot

Exit status:
  0    Done
  1    Failed
  2    Invalid command line, or an invalid or missing setting
  3    Invalid input
  4    Not found
  5    Conflicts with existing data
  6    Not authorized: unknown API key
  7    The database belongs to a newer version
  8    The server, ConnectWise or Webex cannot be reached
  130  Interrupted
"""
_CONTINUATION = " " * 12


class Entry(NamedTuple):
    """One entry of a section."""

    name: str
    summary: str


def overview() -> str:
    """Return an overview that fits a screen: all commands, and the options common to all of them."""
    left, right = _two_columns([f"{each.name:<12}{each.summary}" for each in parse_section("Commands")])
    table = "".join(f"  {first:<39}{second}".rstrip() + "\n" for first, second in zip(left, right, strict=True))
    options = "\n".join(section("Options"))
    return (
        f"{title()}\n\nUsage: tbot [<command>] [options]        Without a command: the terminal UI\n\n"
        f"Commands (for details: `tbot help <command>`):\n{table}\nOptions:\n{options}\n"
    )


def title() -> str:
    """Return the one-line description of the program."""
    return USAGE.partition("\n")[0]


def commands() -> tuple[str, ...]:
    """Return the names of all commands, in the order of the overview."""
    return tuple(each.name for each in parse_section("Commands"))


def command_of(argv: Sequence[str]) -> str | None:
    """Return the command in a command line: the first word that is neither an option nor its value."""
    takes_value = [name for name, value in _options(section("Options")) if value]
    before = ""
    for word in argv:
        is_value = before.startswith("--") and any(name.startswith(before) for name in takes_value)
        if not (word.startswith("-") or is_value):
            return word if word in commands() else None
        before = word
    return None


def grammar(command: str | None) -> str:
    """Return the usage text for docopt, narrowed to one command; None is `tbot` alone.

    An option may take a value in one command and none in another, and a short text is parsed faster.
    """
    lines = patterns(command) if command else section("Usage")[:1]
    options = [*(entries_used_by("Options of single commands", command) if command else ()), *section("Options")]
    return "\n".join(["Usage:", *lines, "", "Options:", *options, ""])


def help_page(command: str) -> str:
    """Return the help page of one of `commands()`: summary, usage, arguments, options and examples."""
    summary = next(each.summary for each in parse_section("Commands") if each.name == command)
    parts = {
        "Usage": patterns(command),
        "Arguments": entries_used_by("Arguments", command),
        "Options": [*entries_used_by("Options of single commands", command), *section("Options")],
        "Examples": examples(command),
    }
    shown = (f"{heading}:\n" + "\n".join(lines) + "\n" for heading, lines in parts.items() if lines)
    return "\n".join([f"{summary}.\n", *shown])


def patterns(command: str) -> list[str]:
    """Return the usage lines of a command; a long pattern continues on indented lines."""
    found: list[str] = []
    is_wanted = False
    for line in section("Usage"):
        if not line.startswith(_CONTINUATION):
            is_wanted = line.split()[1:2] == [command]
        if is_wanted:
            found.append(line)
    return found


def entries_used_by(heading: str, command: str) -> list[str]:
    """Return the lines of a section that describe the options or arguments of a command."""
    used = " ".join(patterns(command))
    options = _options([used])
    named = {f"{name}{value}" for name, value in options} | set(re.findall(r"(?<!=)<[a-z-]+>", used))
    named |= {value[1:] for _, value in options} - {"<id>"}  # the options say which ids they take
    found: list[str] = []
    is_wanted = False
    for line in section(heading):
        if re.match(r"  [-<]", line):
            is_wanted = line.split()[0] in named
        if is_wanted:
            found.append(line)
    return found


def examples(command: str) -> list[str]:
    """Return the examples of a command."""
    return [line for line in section("Examples") if line.split()[1] == command]


def parse_section(heading: str) -> list[Entry]:
    """Return the entries of a section, each with its continuation lines joined."""
    found: list[Entry] = []
    for line in section(heading):
        name, _, summary = line.strip().partition("  ")
        if re.match(r"  \S", line):
            found.append(Entry(name, summary.strip()))
        else:
            found[-1] = found[-1]._replace(summary=f"{found[-1].summary} {line.strip()}")
    return found


def section(heading: str) -> list[str]:
    """Return the lines of a section unchanged."""
    return USAGE.partition(f"\n{heading}:\n")[2].partition("\n\n")[0].rstrip("\n").split("\n")


def _two_columns(lines: list[str]) -> tuple[list[str], list[str]]:
    middle = (len(lines) + 1) // 2
    return lines[:middle], lines[middle:] + [""] * (len(lines) % 2)


def _options(lines: Iterable[str]) -> list[tuple[str, str]]:
    """Return the long options in some lines, each with the placeholder of its value: `=<id>`, or empty."""
    return re.findall(r"(--[a-z-]+)((?:=<[a-z-]+>)?)", " ".join(lines))
