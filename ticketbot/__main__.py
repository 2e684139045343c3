"""The entry point: parses the command line, calls a front end, and maps errors to exit statuses."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import docopt

from ticketbot import __version__, errors
from ticketbot.cli import usage

if TYPE_CHECKING:
    from pathlib import Path

    from ticketbot.cli.output import Output
    from ticketbot.settings.table import Settings

Arguments = Mapping[str, Any]
Environ = Mapping[str, str]

INTERNAL_ERROR = 1
USAGE_ERROR = 2
INTERRUPTED = 130
BROKEN_PIPE_STATUS = 141  # what a shell reports for a program killed by SIGPIPE


def run() -> int:
    """Run the command line this process was started with."""
    sys.unraisablehook = _unraisable
    try:
        status = main(sys.argv[1:], os.environ)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # from here on, Ctrl+C would only change the exit status
    except KeyboardInterrupt:  # just before or after `main` could catch it
        return INTERRUPTED
    return status


def _unraisable(about: sys.UnraisableHookArgs) -> None:
    """Exit on a Ctrl+C that Python would ignore, such as one in a finalizer."""
    if about.exc_type is KeyboardInterrupt:
        os._exit(INTERRUPTED)
    sys.__unraisablehook__(about)


def main(argv: Sequence[str], environ: Environ) -> int:
    """Run one command line. Returns the exit status; an error is printed as one line on stderr."""
    try:
        status = _run(argv, environ)
        sys.stdout.flush()
    except errors.TicketbotError as error:
        _print_error(*_error_lines(error), is_debug=_is_debug(environ))
        return error.exit_status
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _detach_stdout()
        return BROKEN_PIPE_STATUS
    except OSError as error:
        _print_error(_file_error(error), is_debug=_is_debug(environ))
        return errors.TicketbotError.exit_status
    except Exception as bug:  # noqa: BLE001  (the last place where it can be reported)
        if _follows_interrupt(bug):
            return INTERRUPTED
        more = "Please report it" if _is_debug(environ) else "Run again with TBOT_DEBUG=1 and report the output"
        _print_error(f"Internal error: {type(bug).__name__}: {bug}. {more}", is_debug=_is_debug(environ))
        return INTERNAL_ERROR
    return status


def _follows_interrupt(error: BaseException | None) -> bool:
    """Return whether Ctrl+C caused an error: Python 3.11 wraps a KeyboardInterrupt raised while it creates a class."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _run(argv: Sequence[str], environ: Environ) -> int:
    if "--version" in argv and usage.command_of(argv) is None:
        argv = ["version" if word == "--version" else word for word in argv]
    command = usage.command_of(argv)
    page = usage.help_page(command) if command else usage.overview()
    if "-h" in argv or "--help" in argv:
        return _print(page)
    try:
        arguments = docopt.docopt(usage.grammar(command), list(argv), default_help=False)
    except docopt.DocoptExit as refusal:
        return _usage_error(_usage_problem(argv, refusal), page)
    return _COMMANDS[command](arguments, environ)


def _usage_problem(argv: Sequence[str], refusal: docopt.DocoptExit) -> str:
    import shlex

    problem = str(refusal).partition("\n")[0]
    return problem if problem.startswith("-") else f"invalid command line {shlex.join(['tbot', *argv])!a}"


def _serve(arguments: Arguments, environ: Environ) -> int:
    import gc
    import logging

    settings = _settings(arguments, environ, warn=logging.getLogger("ticketbot").warning)
    settings.require("serve")
    gc.disable()  # importing creates no garbage, and searching for it takes 5 % of the startup time
    from ticketbot.server import serve

    gc.enable()
    return serve.run(settings, skip_missed=arguments["--skip-missed"])


def _demo(arguments: Arguments, _environ: Environ) -> int:
    # The demo must not depend on the settings of this machine: it reads none, and logs only warnings.
    from pathlib import Path

    flags = {"--log-level": arguments["--log-level"] or "warning"}
    _settings(flags, {}, warn=_warn, config_dir=Path(os.devnull))
    from ticketbot import demo

    return demo.run(once=arguments["--once"])


def _tui(arguments: Arguments, environ: Environ) -> int:
    settings = _settings(arguments, environ, warn=_warn)
    settings.require("tui")
    _warn_of_readable_key(settings)
    from ticketbot.tui import app

    return app.run(settings)


def _init(arguments: Arguments, environ: Environ) -> int:
    settings = _settings(arguments, environ, warn=_warn)
    from ticketbot import admin_commands

    made = admin_commands.init(settings, arguments["--name"], arguments["--email"])
    _print(f"{made.key}\n")
    _output(arguments, environ, settings).note(made.words)
    return 0


def _migrate(arguments: Arguments, environ: Environ) -> int:
    settings = _settings(arguments, environ, warn=_warn)
    from ticketbot import admin_commands
    from ticketbot.cli import admin_output

    admin_output.show_migrations(
        _output(arguments, environ, settings), admin_commands.migrate(settings, status=arguments["--status"])
    )
    return 0


def _doctor(arguments: Arguments, environ: Environ) -> int:
    from ticketbot import doctor
    from ticketbot.cli import admin_output

    try:
        settings = _settings(arguments, environ, warn=lambda _: None)
    except errors.SettingsError as error:
        return admin_output.show_checks(_output(arguments, environ, None), doctor.settings_failed(error))
    return admin_output.show_checks(_output(arguments, environ, settings), doctor.check_all(settings))


def _config(arguments: Arguments, environ: Environ) -> int:
    settings = _settings(arguments, environ, warn=_warn)
    from ticketbot.cli import admin_output
    from ticketbot.present import documents

    rows = [
        documents.Setting(setting=row.name, value=row.value or None, origin=row.origin, secret=row.is_secret)
        for row in settings.describe()
    ]
    admin_output.show_settings(_output(arguments, environ, settings), rows)
    return 0


def _client_command(command: str, arguments: Arguments, environ: Environ) -> int:
    settings = _settings(arguments, environ, warn=_warn)
    settings.require(command)
    _warn_of_readable_key(settings)
    from ticketbot.cli import commands

    return commands.run(command, arguments, settings, environ)


def _version(arguments: Arguments, _environ: Environ) -> int:
    if arguments["--json"]:
        import json

        return _print(json.dumps({"version": __version__, "built_from": _built_from()}, indent=2) + "\n")
    built_from = _built_from()
    return _print(f"tbot {__version__} ({built_from})\n" if built_from else f"tbot {__version__}\n")


def _built_from() -> str | None:
    try:
        import ticketbot_built  # written by pyinstaller.spec: commit and date of a packed program
    except ImportError:
        return None
    return str(ticketbot_built.BUILT_FROM)


def _completion(arguments: Arguments, _environ: Environ) -> int:
    from ticketbot.cli import completion

    return _print(completion.script(next(shell for shell in completion.SHELLS if arguments[shell])))


def _help(arguments: Arguments, _environ: Environ) -> int:
    command = arguments["<command>"]
    if command and command not in usage.commands():
        return _usage_error(f"unknown command {command!a}", usage.overview())
    return _print(usage.help_page(command) if command else usage.overview())


_COMMANDS: dict[str | None, Callable[[Arguments, Environ], int]] = {
    None: _tui,
    "serve": _serve,
    "demo": _demo,
    "init": _init,
    "migrate": _migrate,
    "doctor": _doctor,
    "config": _config,
    "version": _version,
    "completion": _completion,
    "help": _help,
    **{
        name: functools.partial(_client_command, name)
        for name in (
            *("ping", "authcheck", "sync", "list", "get", "create"),
            *("update", "delete", "explain", "retry", "test"),
        )
    },
}


def _settings(
    arguments: Arguments, environ: Environ, *, warn: Callable[[str], None], config_dir: Path | None = None
) -> Settings:
    """Load the settings, configure logging, and pass suspicious values to `warn`."""
    from ticketbot import log
    from ticketbot.settings import table

    given = {flag: arguments[flag] for flag in table.FLAGS if arguments.get(flag) is not None}
    writes_config = bool(arguments.get("init"))
    settings = table.load(given, environ, config_dir=config_dir, writes_config=writes_config)
    log.add_secrets(*settings.secrets())
    log.configure(settings.log_level, settings.log_format, sys.stderr)
    for warning in settings.warnings:
        warn(warning)
    return settings


def _output(arguments: Arguments, environ: Environ, settings: Settings | None) -> Output:
    """Return the output of a command; without settings, times are shown in UTC."""
    from datetime import UTC

    from ticketbot.cli.output import Output

    return Output(environ, settings.timezone if settings else UTC, is_json=bool(arguments.get("--json")))


def _print(text: str) -> int:
    sys.stdout.write(text)
    return 0


def _usage_error(why: str, page: str) -> int:
    sys.stderr.write(f"tbot: {errors.sentence(why)}\n\n{page}")
    return USAGE_ERROR


def _warn(text: str) -> None:
    sys.stderr.write(f"tbot: warning: {text}\n")


def _warn_of_readable_key(settings: Settings) -> None:
    from ticketbot.settings import types

    url = settings.base_url
    if settings.api_key and not types.is_encrypted(url) and not types.is_loopback(url):
        _warn(f"{url} is plain http: anyone on the network can read the API key. Use an https address")


def _file_error(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}. Fix its permissions, or use another file or directory"


def _is_debug(environ: Environ) -> bool:
    return environ.get("TBOT_DEBUG", "") not in ("", "0")


def _error_lines(error: errors.TicketbotError) -> list[str]:
    if isinstance(error, errors.SettingsError):
        return str(error).split("\n")
    if isinstance(error, errors.InvalidInput) and error.errors:
        return [f"{error}: {'; '.join(map(_field_error, error.errors))}"]
    return [str(error)]


def _field_error(error: errors.FieldError) -> str:
    message = error.message[:1].lower() + error.message[1:].rstrip(".")
    return f"{error.field}: {message}" if error.field else message


def _print_error(*lines: str, is_debug: bool) -> None:
    """Write lines to stderr; with `is_debug`, below the traceback of the exception being handled."""
    import traceback

    from ticketbot import log

    trace = log.redact(traceback.format_exc()) if is_debug else ""
    sys.stderr.write(trace + "".join(f"tbot: {errors.sentence(log.one_line(log.redact(line)))}\n" for line in lines))


def _detach_stdout() -> None:
    """Keep the interpreter from failing again when it flushes the closed pipe."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(run())
