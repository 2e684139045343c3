"""The entry point: parses the command line, runs a command, and maps errors to exit statuses."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence

import docopt

from ticketbot import errors
from ticketbot.cli import usage
from ticketbot.cli.context import Context
from ticketbot.cli.output import Streams

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


def main(argv: Sequence[str], env: Mapping[str, str], streams: Streams | None = None) -> int:
    """Run one command line. Returns the exit status; an error is one line on stderr, a usage error two."""
    streams = streams or Streams(sys.stdin, sys.stdout, sys.stderr)
    context = None
    try:
        context = _context(argv, env, streams)
        status: int = usage.module(context.command).run(context)
        streams.stdout.flush()
    except usage.UsageError as error:
        problem, *more = error.lines
        streams.stderr.write("".join(f"{line}\n" for line in (f"tbot: {problem}", *more)))
        return USAGE_ERROR
    except BrokenPipeError:
        _detach(streams)
        return BROKEN_PIPE_STATUS
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  (the last place to report it)
        return INTERRUPTED if _follows_interrupt(error) else _report(error, context, env, streams)
    finally:
        if context:
            context.close()
    return status


def _unraisable(about: sys.UnraisableHookArgs) -> None:
    """Exit on a Ctrl+C that Python would ignore, such as one in a finalizer."""
    if about.exc_type is KeyboardInterrupt:
        os._exit(INTERRUPTED)
    sys.__unraisablehook__(about)


def _context(argv: Sequence[str], env: Mapping[str, str], streams: Streams) -> Context:
    """Return the context of a command line. Raises `UsageError`."""
    argv = ["version" if (position, word) == (0, "--version") else word for position, word in enumerate(argv)]
    try:
        before, command, words = usage.split(argv)
    except docopt.DocoptExit:
        from ticketbot.cli import usage_errors

        raise usage.UsageError(*usage_errors.before_command(argv)) from None
    if command is None and not before["--help"]:
        return Context(usage.TERMINAL_UI, before, env, streams)
    if before["--help"] or (command != usage.COMPLETE and {"-h", "--help"} & set(words)):
        topic = usage.topic_of(command, words) if command and usage.exists(command) else ""
        return Context("help", {"<command>": command, "<topic>": topic}, env, streams)
    try:
        return Context(str(command), usage.parse(str(command), words, before), env, streams)
    except docopt.DocoptExit:
        from ticketbot.cli import usage_errors

        raise usage.UsageError(*usage_errors.problem(str(command), words)) from None


def _follows_interrupt(error: BaseException | None) -> bool:
    """Return whether Ctrl+C caused an error: Python 3.11 wraps a KeyboardInterrupt raised while it creates a class."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _report(error: BaseException, context: Context | None, env: Mapping[str, str], streams: Streams) -> int:
    """Print what is wrong and what to do about it, with TBOT_DEBUG below the traceback. Returns the exit status."""
    import traceback

    from ticketbot import log
    from ticketbot.present import errors as descriptions

    is_debug, status = env.get("TBOT_DEBUG", "") not in ("", "0"), errors.TicketbotError.exit_status
    if isinstance(error, errors.TicketbotError):
        lines, status = descriptions.messages(error), error.exit_status
        if context and (hint := context.hint(error)):
            lines[-1] = f"{errors.sentence(lines[-1])} {hint}"
    elif isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        lines = [f"{where}{error.strerror or error}. Fix its permissions, or use another file or directory"]
    else:
        more = "Please report it" if is_debug else "Run again with TBOT_DEBUG=1 and report the output"
        lines = [f"Internal error: {type(error).__name__}: {error}. {more}"]
    trace = log.redact("".join(traceback.format_exception(error))) if is_debug else ""
    shown = (f"tbot: {errors.sentence(log.one_line(log.redact(line)))}\n" for line in lines)
    streams.stderr.write(trace + "".join(shown))
    return status


def _detach(streams: Streams) -> None:
    """Keep the interpreter from failing again when it flushes the closed pipe."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), streams.stdout.fileno())


if __name__ == "__main__":
    sys.exit(run())
