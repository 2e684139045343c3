"""The command line in words: the usage text is its specification, and every help page is a part of it."""

from __future__ import annotations

import re

# A constant and not a docstring: docstrings are gone from the packed program.
USAGE = """\
Ticketbot tells people in Webex what happens to their ConnectWise tickets.

Usage:
  tbot [options]
  tbot serve [options] [--host=<host>] [--port=<port>] [--skip-missed]
  tbot demo [options] [--once]
  tbot init [options] [--name=<name>] [--email=<email>]
  tbot migrate [options] [--status]
  tbot config [options] [--json]
  tbot version [options]
  tbot help [options] [<command>]

Commands:
  serve    Run the server
  demo     Play everything through on simulated services, without credentials
  init     Add the first administrator and write the client's configuration
  migrate  Bring the database up to date; `serve` does so, too
  config   Show the settings and where each comes from, secrets hidden
  version  Show the version
  help     Show this text, or all about one command

Options:
  --config=<file>      Read settings from this file
  --log-level=<level>  Least level to log: debug, info, warning or error
  -h --help            Show help

Options of single commands:
  --host=<host>        Address to listen on
  --port=<port>        Port to listen on
  --skip-missed        Tell nobody what happened since the server last ran
  --once               Stop after one round
  --name=<name>        Name of the administrator
  --email=<email>      E-mail address of the administrator
  --status             Only show which migrations are applied and which wait
  --json               Print one JSON document
"""


def overview() -> str:
    """Return what fits a screen: all commands, and the options that all of them take."""
    title = USAGE.partition("\n")[0]
    commands, options = ("\n".join(_section(name)) for name in ("Commands", "Options"))
    return (
        f"{title}\n\nUsage: tbot [<command>] [options]\n\nCommands:\n{commands}\n\nOptions:\n{options}\n\n"
        "`tbot help <command>` shows one command.\n"
    )


def commands() -> tuple[str, ...]:
    """Return the names of all commands, in the order of the overview."""
    return tuple(line.split()[0] for line in _section("Commands"))


def of(command: str) -> str:
    """Return the help page of one of `commands()`: what it does, its usage, its options."""
    does = next(line.split(maxsplit=1)[1] for line in _section("Commands") if line.split()[0] == command)
    usage = [line for line in _section("Usage") if line.split()[1] == command]
    named = set(re.findall(r"--[a-z-]+", " ".join(usage)))
    own = [line for line in _section("Options of single commands") if re.split("[ =]", line.strip())[0] in named]
    return "\n".join([f"{does}.", "", "Usage:", *usage, "", "Options:", *own, *_section("Options"), ""])


def _section(title: str) -> list[str]:
    return USAGE.partition(f"\n{title}:\n")[2].partition("\n\n")[0].rstrip("\n").split("\n")
