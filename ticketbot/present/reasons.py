"""Reasons in words: the only place where they become sentences."""

from __future__ import annotations

from collections.abc import Sequence

from ticketbot.decide.reasons import Reason

_NEWS_OF_EVENTS = {
    "new": "new tickets",
    "customer_note": "customer notes",
    "team_note": "team notes",
    "internal_note": "internal notes",
    "assigned": "assignments",
    "status": "changes of status",
    "priority": "changes of priority",
    "moved": "tickets moved here",
    "closed": "closed tickets",
    "reopened": "reopened tickets",
    "changed": "changes",
}
_SIMPLE = {
    "condition_failed": "its condition failed: {name}",
    "dry_run": "dry run of {rule}",
    "silenced": "silence {id}: {name}",
    "quiet_hours": "held by quiet hours {id}",
    "urgent": "urgent in quiet hours {id}",
    "rule_disabled": "{rule} is disabled",
    "notifications_off": "notifications off",
    "skipped_in_copy": "it waited in a backup that was started with --skip-missed",
    "too_many_notes": "more than 5 new notes at once",
    "unknown_member": "not a member ConnectWise knows",
    "no_account": "not on Webex: nobody found for {name}",
    "no_address": "no e-mail address in ConnectWise",
    "already_notified": "already notified",
    "not_concerned": "not assigned, and no rule names them",
    "no_rule": "no rule names it",
    "not_for_assigned": "assigned, but assigned people are not notified of this",
    "rule_elsewhere": "{rule} does not apply to this",
    "not_considered": "no assignment, rule or forward led to them",
    "no_board_rule": "the board has no enabled rule, and require_board_rule is on",
    "no_audience": "no rule names it, and it concerns no one who is assigned",
    "no_news": "no new note, and no change that somebody is notified of",
    "history": "history: entered {name}, before we watched, or over 7 days ago",
    "deleted": "deleted in ConnectWise",
    "excluded": "{name}",
    "recorded": "{name}",
    "imported": "imported: {name}",
}
"""Of each code, the sentence; `{rule}` stands for its first id as that of a rule, `{id}` and `{name}` for its first."""


def text(reasons: Sequence[Reason]) -> str:
    """Return reasons as the ledger and explanations show them, such as `rule 3, assigned (owner)`."""
    return ", ".join(map(_text, reasons))


def message_line(reasons: Sequence[Reason], board: str | None) -> str:
    """Return the line of a message that says why its recipient gets it (B7)."""
    return " ".join(_sentence(reason, board) for reason in reasons)


def _text(reason: Reason) -> str:
    match reason.code:
        case "rule":
            words = f"{_rule(reason)}{_in_brackets(reason.names[1:])}"
        case "condition":
            words = f"the condition of {_rule(reason)} does not match{_values(reason.names)}"
        case "condition_null":
            words = f"the condition of {_rule(reason)} does not match: {', '.join(reason.names)} is null"
        case "author":
            words = f"author of the {reason.names[0] if reason.names else 'note'}"
        case "assigned":
            words = f"assigned ({' and '.join(reason.names)})"
        case "forward":
            words = f"{_numbered(reason.ids)} ({' > '.join(reason.names)})"
        case "forwarded":
            words = f"{_numbered(reason.ids)} ({reason.names[0]} > {', '.join(reason.names[1:])})"
        case "forward_inactive":
            words = f"{_numbered(reason.ids)} ({' > '.join(reason.names)}) was not active"
        case code:
            number, name = next(iter(reason.ids), ""), next(iter(reason.names), "")
            words = _SIMPLE[code].format(rule=_rule(reason), id=number, name=name)
    if not reason.because:
        return words
    return (
        f"{words}, through {text(reason.because)}" if reason.code == "author" else f"{words} ({text(reason.because)})"
    )


def _sentence(reason: Reason, board: str | None) -> str:
    match reason.code:
        case "assigned":
            return "You are assigned."
        case "rule":
            return _rule_sentence(reason, board)
        case "forward":
            return f"{_numbered(reason.ids).capitalize()} brings you this."
        case "urgent":
            return "Urgent, in spite of quiet hours."
        case "quiet_hours":
            return "It waited for the end of quiet hours."
        case _:
            return f"{_text(reason).capitalize()}."


def _rule(reason: Reason) -> str:
    return f"rule {reason.ids[0]}" if any(reason.ids) else "the proposed rule"  # R6: it has no id yet


def _rule_sentence(reason: Reason, board: str | None) -> str:
    event, *name = reason.names or ("new",)
    title = f"Rule {reason.ids[0]}{_in_brackets(name)}"
    about = f"{title}: {_NEWS_OF_EVENTS[event]} on {board}" if board else title
    return f"{about}{_in_brackets([_text(each) for each in reason.because])}."


def _in_brackets(words: Sequence[str]) -> str:
    return f" ({', '.join(words)})" if words else ""


def _values(names: Sequence[str]) -> str:
    pairs = zip(names[::2], names[1::2], strict=True)
    return f": {', '.join(f'{name} is {value}' for name, value in pairs)}" if names else ""


def _numbered(ids: Sequence[int]) -> str:
    return f"forward{'s' if len(ids) > 1 else ''} {', '.join(map(str, ids))}"
