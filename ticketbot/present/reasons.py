"""Reasons in words: the only place where they become sentences."""

from __future__ import annotations

from collections.abc import Sequence

from ticketbot.decide.reasons import Reason

_FIXED = {
    "notifications_off": "notifications off",
    "too_many_notes": "more than 5 new notes at once",
    "unknown_member": "not a member ConnectWise knows",
    "no_address": "no e-mail address in ConnectWise",
    "already_notified": "already notified",
    "not_concerned": "not assigned, and no rule names them",
    "no_rule": "no rule names it",
    "not_for_assigned": "assigned, but assigned people are not notified of this",
    "not_considered": "no assignment, rule or forward led to them",
    "no_board_rule": "the board has no enabled rule, and require_board_rule is on",
    "no_audience": "no rule names it, and it concerns no one who is assigned",
    "no_news": "no new note, and no change that somebody is notified of",
    "deleted": "deleted in ConnectWise",
}


def text(reasons: Sequence[Reason]) -> str:
    """Return reasons as the ledger and explanations show them, such as `rule 3, assigned (owner)`."""
    return ", ".join(map(_text, reasons))


def message_line(reasons: Sequence[Reason], board: str | None) -> str:
    """Return the line of a message that says why its recipient gets it (B7)."""
    return " ".join(_sentence(reason, board) for reason in reasons)


def _text(reason: Reason) -> str:
    match reason.code:
        case "rule":
            words = f"rule {reason.ids[0]}"
        case "author":
            words = f"author of the {reason.names[0] if reason.names else 'note'}"
        case "assigned":
            words = f"assigned ({' and '.join(reason.names)})"
        case "forward":
            words = f"{_numbered(reason.ids)} ({' > '.join(reason.names)})"
        case "forwarded":
            words = f"{_numbered(reason.ids)} ({reason.names[0]} > {', '.join(reason.names[1:])})"
        case "rule_elsewhere":
            words = f"rule {reason.ids[0]} does not apply to this"
        case "forward_inactive":
            words = f"{_numbered(reason.ids)} ({' > '.join(reason.names)}) was not active"
        case "no_account":
            words = f"not on Webex: nobody found for {reason.names[0]}"
        case "history":
            words = f"history: entered {reason.names[0]}, before we watched, or over 7 days ago"
        case "excluded" | "recorded":
            words = reason.names[0]
        case code:
            words = _FIXED[code]
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
            return f"Rule {reason.ids[0]}: new tickets on {board}." if board else f"Rule {reason.ids[0]}."
        case "forward":
            return f"{_numbered(reason.ids).capitalize()} brings you this."
        case _:
            return f"{_text(reason).capitalize()}."


def _numbered(ids: Sequence[int]) -> str:
    return f"forward{'s' if len(ids) > 1 else ''} {', '.join(map(str, ids))}"
