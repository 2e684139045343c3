"""The label and the style of each state; what a style looks like is up to the interface."""

from __future__ import annotations

from typing import Literal

Style = Literal["good", "waiting", "bad", "quiet", "plain"]

_STYLES: dict[str, Style] = {
    **dict.fromkeys(("ok", "sent", "done", "active", "enabled", "open"), "good"),
    **dict.fromkeys(
        ("warning", "attention", "degraded", "pending", "sending", "running", "upcoming", "waiting", "held", "dry run"),
        "waiting",
    ),
    **dict.fromkeys(("failed", "dead"), "bad"),
    **dict.fromkeys(
        ("skipped", "disabled", "expired", "ended", "inactive", "closed", "cancelled", "canceled", "deleted"), "quiet"
    ),
}
_LABELS = {"cancelled": "canceled"}


def label(state: str) -> str:
    """Return how a state is written for people."""
    return _LABELS.get(state, state)


def style(state: str) -> Style:
    """Return the style of a state; an unknown one is plain."""
    return _STYLES.get(state, "plain")
