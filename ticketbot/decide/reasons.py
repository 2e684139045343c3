"""Why somebody is, or is not, notified: codes with their values. They become sentences only where they are shown."""

from __future__ import annotations

from typing import Literal

import msgspec

Code = Literal[
    # why somebody is notified
    "rule",  # ids: the rule; names: the event of it that happened, and its name if it has one
    "assigned",  # names: resource, owner
    "condition_failed",  # names: what failed; because of a rule, which matches then
    "forward",  # ids: the forwards on the way; names: everybody on the way, the recipient last
    # why it arrives when it does
    "quiet_hours",  # ids: those that hold it
    "urgent",  # ids: the quiet hours that do not hold it
    # why somebody is not
    "forwarded",  # ids: the forwards; names: the recipient, then those who are notified instead
    "author",  # names: change, unless it was a note
    "silenced",  # ids: the silence; names: its comment
    "notifications_off",
    "skipped_in_copy",
    "too_many_notes",
    "unknown_member",
    "no_account",  # names: the address
    "no_address",
    "excluded",  # names: why, such as "inactive member"
    "already_notified",
    "dry_run",  # ids: the rule
    # why a rule does not notify
    "rule_disabled",  # ids: the rule
    "condition",  # ids: the rule; names: each field of its condition, followed by its value
    "condition_null",  # ids: the rule; names: the fields that are null
    # what did not lead to somebody who was asked for
    "not_concerned",
    "no_rule",
    "not_for_assigned",
    "rule_elsewhere",  # ids: the rule
    "forward_inactive",  # ids: the forward; names: its source and destination
    "not_considered",
    # why nobody is
    "no_board_rule",
    "no_audience",
    "no_news",
    "history",  # names: the date
    "deleted",
    "recorded",  # names: the sentence that 1.x stored
    "imported",  # names: what became of it where it comes from
]


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """A code and its values; `because` are the reasons that it outweighs."""

    code: Code
    ids: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    because: tuple[Reason, ...] = ()


NOTIFICATIONS_OFF = Reason("notifications_off")
SKIPPED_IN_COPY = Reason("skipped_in_copy")
AUTHOR = Reason("author")
NO_NEWS = Reason("no_news")
