"""Write results as tables, for the terminal and for the page `docs/reliability.md`."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PROMISES = (
    (
        "no-webhook-lost",
        "an acknowledged webhook is never lost",
        ("no-webhook-lost", "no-webhook-lost/no-change-missed", "no-webhook-lost/sent-means-id"),
    ),
    ("no-change-missed", "a change is noticed even without its webhook", ("no-webhook-lost/no-change-missed",)),
    ("one-decision", "one decision per (note, recipient), with a reason", ("one-decision", "one-decision/forwards")),
    (
        "at-least-once-flagged",
        "twice only if the outcome of a post is unknown, and flagged",
        ("at-least-once-flagged", "W4"),
    ),
    ("order", "order per recipient", ("order",)),
    ("calm-exactly-once", "what quiet hours held arrives exactly once, when they are over", ("calm-exactly-once",)),
    ("sent-means-id", "sent means that Webex returned an id", ("sent-means-id", "no-webhook-lost/sent-means-id")),
    ("dead-is-visible", "dead messages are visible, and nothing else died", ("dead-is-visible",)),
    ("forwards", "forwards: nobody is missed, nobody away is notified", ("one-decision/forwards",)),
    ("harmless-text", "text from outside is harmless", ("harmless-text", "B1")),
    ("no-stray-requests", "no request to unknown hosts, no unsigned webhook accepted", ("no-stray-requests", "W1")),
    ("no-leaks", "no 5xx and no leak on the webhook route", ("no-leaks", "W6")),
    ("threads", "one message about a ticket begins a thread, all later ones are replies to it", ("threads",)),
    ("trial-is-true", "deciding again on the stored facts gives the stored decisions", ("trial-is-true",)),
    ("O4", "SIGTERM stops a server in time, with status 0", ("O4", "server")),
    ("-", "no traceback in the log of any server", ("bug",)),
)


def table(results: Sequence[Any]) -> str:
    """Return the summary of a run for the terminal."""
    return _tables([vars(result) for result in results])


def page(files: Sequence[Path], note: str = "") -> str:
    """Return `docs/reliability.md` for the results of one or more runs, with a note about them."""
    documents = [json.loads(file.read_text()) for file in files]
    runs = [run for document in documents for run in document["campaigns"]]
    first = documents[0]
    program = first.get("program") or "`python -m ticketbot serve`"
    return (
        "# Reliability\n\n"
        "Results of `make torture`. It runs the real program as separate processes against simulated services and\n"
        "injects faults on a schedule drawn from a seed. After every round it compares three sources: what the\n"
        "generator sent and saw acknowledged, what the database says, and what the simulated Webex received. The\n"
        "expected decisions come from an oracle (`torture/oracle.py`) that shares no code with `ticketbot/decide`. In\n"
        "two rounds of three catch-up is off, so that a lost webhook cannot go unnoticed; in the third, webhooks are\n"
        "dropped and catch-up has to find everything. A seed repeats the choices and the schedule, but not the timing\n"
        "of threads.\n\n"
        f"{first['machine']}, {first['at']}, {program}.\n\n"
        f"{_tables(runs)}\n"
        "A webhook counts as acknowledged when it is answered with 200; ConnectWise sends several for one change,\n"
        "here about 16. Duplicates are messages that Webex received more than once.\n"
        + (f"\n{textwrap.fill(note, 110)}\n" if note else "")
    )


def _tables(runs: Sequence[Mapping[str, Any]]) -> str:
    names = [each["database"] for each in runs]
    parts = [
        _grid(["", *names], [[label, *(str(value(each)) for each in runs)] for label, value in _FIGURES]),
        _grid(
            ["promise", "", *names],
            [[promise, text, *(_violations(each, codes) for each in runs)] for promise, text, codes in PROMISES],
        ),
        _grid(["faults injected", *names], _counted(runs, "troubles")),
        _grid(["changes in ConnectWise", *names], _counted(runs, "changes")),
        _grid(["kills at a fail point, or at random", *names], _counted(runs, "kills")),
    ]
    violations = [
        f"- {each['database']}, {promise}: {what[:300]}" for each in runs for promise, what in each["violations"]
    ]
    return "\n".join([*parts, *(["Violations:\n", *violations, ""] if violations else [])])


_FIGURES = (
    ("seed", lambda each: each["seed"]),
    ("minutes", lambda each: f"{each['seconds'] / 60:.1f}"),
    ("rounds", lambda each: each["rounds"]),
    ("webhooks acknowledged", lambda each: f"{each['hooks']:,}"),
    ("SIGKILLs", lambda each: each["kills"]),
    ("of them at a fail point", lambda each: each["kills"] - each["counts"]["kills"].get("random", 0)),
    ("changes in ConnectWise", lambda each: f"{each['changes']:,}"),
    ("(subject, target) decided and checked", lambda each: f"{_checked(each, 'notifications checked'):,}"),
    ("messages received by Webex", lambda each: f"{_checked(each, 'messages received'):,}"),
    ("lost", lambda each: _violations(each, ("no-webhook-lost", "no-webhook-lost/sent-means-id"))),
    ("undecided", lambda each: _violations(each, ("no-webhook-lost/no-change-missed",))),
    ("duplicates, flagged", lambda each: _checked(each, "duplicates, flagged")),
    ("duplicates, not flagged", lambda each: _checked(each, "duplicates, NOT flagged")),
    ("violations", lambda each: len(each["violations"])),
    ("server starts", lambda each: each["counts"]["starts"]),
    ("failed starts without a database", lambda each: each["counts"]["starts without a database"]),
    ("peak memory of a server, MB", lambda each: each["counts"]["peak memory of a server, MB"]),
)  # fmt: skip


def _checked(run: Mapping[str, Any], what: str) -> int:
    count: int = run["counts"]["checked"].get(what, 0)
    return count


def _violations(run: Mapping[str, Any], codes: Sequence[str]) -> str:
    return str(sum(promise in codes for promise, _ in run["violations"]))


def _counted(runs: Sequence[Mapping[str, Any]], what: str) -> list[list[str]]:
    total: Counter[str] = sum((Counter(each["counts"][what]) for each in runs), Counter())
    return [[name, *(str(each["counts"][what].get(name, 0)) for each in runs)] for name in sorted(total)]


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
