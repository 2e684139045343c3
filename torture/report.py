"""Write results as tables: on the terminal, and as the page `docs/reliability.md`."""

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
        "twice only when a post's outcome is unknown, and flagged",
        ("at-least-once-flagged", "W4"),
    ),
    ("order", "order per recipient", ("order",)),
    ("sent-means-id", "sent means that Webex gave an id", ("sent-means-id", "no-webhook-lost/sent-means-id")),
    ("dead-is-visible", "what died is visible, and nothing else died", ("dead-is-visible",)),
    ("forwards", "forwards: nobody lost, nobody away disturbed", ("one-decision/forwards",)),
    ("harmless-text", "outside text does nothing", ("harmless-text", "B1")),
    ("no-stray-requests", "no request to a stranger, nothing believed that is not signed", ("no-stray-requests", "W1")),
    ("no-leaks", "no 5xx and no leak on the hook route", ("no-leaks", "W6")),
    ("trial-is-true", "deciding again on the facts kept gives what was decided", ("trial-is-true",)),
    ("O4", "SIGTERM ends a server in time, with status 0", ("O4", "server")),
    ("-", "no traceback in any server's log", ("bug",)),
)


def table(results: Sequence[Any]) -> str:
    """Return the closing table of a run."""
    return _tables([vars(result) for result in results])


def page(files: Sequence[Path], note: str = "") -> str:
    """Return `docs/reliability.md` from the results of one or several runs, with a note about them."""
    documents = [json.loads(file.read_text()) for file in files]
    campaigns = [campaign for document in documents for campaign in document["campaigns"]]
    first = documents[0]
    program = first.get("program") or "`python -m ticketbot serve`"
    return (
        "# Reliability\n\n"
        "What `make torture` found. It runs the real program as separate processes against simulated services, kills\n"
        "and starves it on a timeline drawn from a seed, and after every round compares three sources: what the\n"
        "generator did and saw acknowledged, what the database says, and what the simulated Webex received. What\n"
        "must have happened is said by an oracle of its own (`torture/oracle.py`), which shares no code with\n"
        "`ticketbot/decide`. In two rounds of three catch-up is off, so that a hook lost by us could not go\n"
        "unnoticed; in the third, hooks are lost on their way and catch-up has to find everything. A seed replays\n"
        "choices and timeline; threads still race as they like.\n\n"
        f"{first['machine']}, {first['at']}, {program}.\n\n"
        f"{_tables(campaigns)}\n"
        "A *hook* is a distinct post that was answered 200; ConnectWise sends several for one change, here some\n"
        "sixteen. Duplicates are messages that Webex received more than once; each was flagged in the ledger unless\n"
        "said otherwise.\n" + (f"\n{textwrap.fill(note, 110)}\n" if note else "")
    )


def _tables(campaigns: Sequence[Mapping[str, Any]]) -> str:
    names = [each["database"] for each in campaigns]
    parts = [
        _grid(["", *names], [[label, *(str(value(each)) for each in campaigns)] for label, value in _FIGURES]),
        _grid(
            ["promise", "", *names],
            [[promise, text, *(_found(each, marks) for each in campaigns)] for promise, text, marks in PROMISES],
        ),
        _grid(["what went wrong, so many times", *names], _counted(campaigns, "troubles")),
        _grid(["what happened in ConnectWise", *names], _counted(campaigns, "changes")),
        _grid(["killed at the step", *names], _counted(campaigns, "kills")),
    ]
    violations = [
        f"- {each['database']}, {promise}: {what[:300]}" for each in campaigns for promise, what in each["violations"]
    ]
    return "\n".join([*parts, *(["Violations:\n", *violations, ""] if violations else [])])


_FIGURES = (
    ("seed", lambda each: each["seed"]),
    ("minutes", lambda each: f"{each['seconds'] / 60:.1f}"),
    ("rounds", lambda each: each["rounds"]),
    ("hooks acknowledged", lambda each: f"{each['hooks']:,}"),
    ("SIGKILLs", lambda each: each["kills"]),
    ("of them at a named step", lambda each: each["kills"] - each["counts"]["kills"].get("random", 0)),
    ("changes in ConnectWise", lambda each: f"{each['changes']:,}"),
    ("(subject, target) decided and checked", lambda each: f"{_checked(each, 'notifications checked'):,}"),
    ("messages received by Webex", lambda each: f"{_checked(each, 'messages received'):,}"),
    ("lost", lambda each: _found(each, ("no-webhook-lost", "no-webhook-lost/sent-means-id"))),
    ("undecided", lambda each: _found(each, ("no-webhook-lost/no-change-missed",))),
    ("duplicates, flagged", lambda each: _checked(each, "duplicates, flagged")),
    ("duplicates, not flagged", lambda each: _checked(each, "duplicates, NOT flagged")),
    ("violations", lambda each: len(each["violations"])),
    ("server starts", lambda each: each["counts"]["starts"]),
    ("starts refused for want of a database", lambda each: each["counts"]["starts without a database"]),
    ("peak memory of a server, MB", lambda each: each["counts"]["peak memory of a server, MB"]),
)  # fmt: skip


def _checked(campaign: Mapping[str, Any], what: str) -> int:
    found: int = campaign["counts"]["checked"].get(what, 0)
    return found


def _found(campaign: Mapping[str, Any], marks: Sequence[str]) -> str:
    return str(sum(promise in marks for promise, _ in campaign["violations"]))


def _counted(campaigns: Sequence[Mapping[str, Any]], what: str) -> list[list[str]]:
    total: Counter[str] = sum((Counter(each["counts"][what]) for each in campaigns), Counter())
    return [[name, *(str(each["counts"][what].get(name, 0)) for each in campaigns)] for name in sorted(total)]


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
