"""The message by example; its laws are in tests/property (B1 to B7, N1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ticketbot.models import messages, tickets
from ticketbot.models.notifications import Notification
from ticketbot.pipeline import render
from ticketbot.webex import markdown

URL = "https://na.myconnectwise.net/v4_6_release/x?service_recid=4711"
ASSIGNED = {"code": "assigned", "names": ["owner"]}
WHY = "_You are assigned._"


def _ticket(summary: str = "Printer on fire", **more: Any) -> tickets.Ticket:
    return tickets.Ticket(id=4711, summary=summary, **more)


def _note(text: str = "Smoke", **more: Any) -> tickets.Note:
    return tickets.Note(kind="TicketNote", note_id=1, text=text, **{"author": "Gus Hanrahan", **more})


def _row(*events: str, changes: Sequence[dict[str, str]] = (), reasons: Sequence[Any] = (ASSIGNED,)) -> Notification:
    return Notification(events=list(events), changes=list(changes), reasons=list(reasons))


def _render(
    *notes: tickets.Note, ticket: tickets.Ticket | None = None, carried: Sequence[Notification] = (), **more: Any
) -> str:
    content = render.Content(
        ticket=ticket or _ticket(),
        url=URL,
        carried=carried or [_row("customer_note")],
        notes=notes,
        **{"hidden_notes": 0, "is_for_room": False, "forwarded_from": (), "is_repeat": False, **more},
    )
    return render.fit(content, 300)


@pytest.mark.parametrize(
    ("cw_url", "url"),
    [
        ("https://api-eu.myconnectwise.net", "https://eu.myconnectwise.net/v4_6_release"),
        ("https://cw.example.com:8443/", "https://cw.example.com:8443/v4_6_release"),
    ],
)
def test_a_ticket_is_linked_on_the_host_of_the_ui(cw_url: str, url: str) -> None:
    """B1."""
    assert render.ticket_url(cw_url, "/v4_6_release/", "example msp", 69) == (
        f"{url}/services/system_io/Service/fv_sr100_request.rails?service_recid=69&companyName=example%20msp"
    )


def test_message_shows_every_known_part_in_its_place() -> None:
    """B1: what, whose, where, and what was said; two spaces make the line breaks that Webex shows."""
    known = {"company": "Hanrahan Logistics", "contact": "Gus", "board_name": "Service Desk", "status": "New"}
    reasons = [{"code": "rule", "ids": [3]}, ASSIGNED]

    text = _render(
        _note("It smokes.\nBadly."), ticket=_ticket(priority="High", **known), carried=[_row("new", reasons=reasons)]
    )

    assert text == (
        f"**New ticket** [#4711]({URL}) Printer on fire  \n"
        "**Company:** Hanrahan Logistics · **Contact:** Gus  \n"
        "**Board:** Service Desk · **Status:** New · **Priority:** High\n\n"
        "**Gus Hanrahan**:\n\n"
        "> It smokes.  \n"
        "> Badly.\n\n"
        "_Rule 3: new tickets on Service Desk. You are assigned._"
    )


def test_unknown_parts_are_left_out() -> None:
    """B1."""
    assert _render(ticket=_ticket(" ")) == f"**Customer replied** [#4711]({URL}) (no summary)\n\n{WHY}"
    assert f"(no summary)\n\n**Somebody**:\n\n> _(no text)_\n\n{WHY}" in _render(
        _note("", author=None), ticket=_ticket(" ")
    )


@pytest.mark.parametrize(
    ("events", "header"),
    [
        (["customer_note"], "Customer replied"),
        (["team_note"], "Note added"),
        (["internal_note"], "Internal note"),
        (["assigned", "status", "changed"], "Assigned to you"),
        (["reopened", "status", "changed"], "Reopened"),
        (["changed"], "Ticket changed"),
    ],
)
def test_header_names_the_topic(events: list[str], header: str) -> None:
    """B1."""
    assert _render(carried=[_row(*events)]).startswith(f"**{header}** [#4711]")


def test_header_names_the_most_important_of_several_topics() -> None:
    """B1, N1."""
    carried = [_row("team_note"), _row("status", "changed"), _row("customer_note")]
    assert _render(carried=carried).startswith("**Customer replied**")


def test_changes_are_listed_from_their_oldest_to_their_newest_value() -> None:
    """B1, N1: two changes of one field that wait for the same message are one line."""
    first = _row("changed", changes=[{"field": "status", "old": "New", "new": "Assigned"}])
    second = _row("changed", changes=[{"field": "status", "old": "Assigned", "new": "Done"}])

    text = _render(carried=[first, second])

    assert "Printer on fire  \n**Status:** New → Done\n\n" in text


def test_shared_reason_is_shown_once() -> None:
    """B7, N1."""
    assert _render(carried=[_row("team_note"), _row("team_note")]).endswith(f"\n\n{WHY}")


def test_a_possible_repeat_says_so_in_its_last_line() -> None:
    """L2."""
    assert _render(is_repeat=True).endswith(f"{WHY}  \n_Possible repeat: an earlier attempt may have arrived._")


def test_pictures_in_a_note_show_as_a_word() -> None:
    """B5."""
    text = _render(_note("See ![x](https://cw/inlineimages/1) and https://cw.example/inlineimages/2?a=b here"))
    assert "> See \\[image\\] and \\[image\\] here" in text


def test_escapes_of_a_note_that_is_markdown_are_undone_before_ours() -> None:
    """B5: what was written shows, and still does nothing."""
    assert "> 1\\. a\\*b \\\\ c:\\\\x" in _render(_note(r"1\. a\*b \\ c:\x", is_markdown=True))


def test_a_message_without_a_ticket_has_its_text_already() -> None:
    """L8."""
    message = messages.Message(ticket_id=None, markdown="**Test**")
    assert render.render(messages.Claimed(message, []), lambda _: URL).text == "**Test**"


def test_a_blank_line_stays_in_the_quote() -> None:
    """B1, B3."""
    assert "> one\n>\n> two\n\n" in _render(_note("\n\none\n\ntwo\n"))


@pytest.mark.parametrize(
    ("more", "head"),
    [
        ({"internal": True}, "**Gus Hanrahan** (internal):"),
        ({"resolution": True}, "**Gus Hanrahan** (resolution):"),
        ({"internal": True, "resolution": True}, "**Gus Hanrahan** (internal, resolution):"),
    ],
)
def test_internal_and_resolution_notes_are_marked(more: dict[str, bool], head: str) -> None:
    """B1."""
    assert f"{head}\n\n> Smoke" in _render(_note(**more))


def test_the_text_of_an_internal_note_goes_to_people_only() -> None:
    """B1."""
    hidden = "\n\n> _Internal note: its text is shown to people only, never in a room._\n\n"
    assert hidden in _render(_note("the password", internal=True), is_for_room=True)
    assert "\n\n> the password\n\n" in _render(_note("the password"), is_for_room=True)


@pytest.mark.parametrize(("earlier", "line"), [(1, "_1 earlier note not shown_"), (3, "_3 earlier notes not shown_")])
def test_notes_that_are_not_shown_are_counted(earlier: int, line: str) -> None:
    """D5."""
    assert f"Printer on fire  \n{line}\n\n**Gus" in _render(_note(), hidden_notes=earlier)


def test_a_forwarded_message_starts_with_its_chain() -> None:
    """B4, F2."""
    assert _render(forwarded_from=("Ana Alvarez", "Ben <b>Bauer")).startswith(
        "Forwarded: Ana Alvarez &gt; Ben &lt;b&gt;Bauer &gt; you  \n**Customer replied**"
    )


@pytest.mark.parametrize(
    ("text", "max_chars", "shown"),
    [
        ("Smoke", 5, "Smoke"),
        ("Smoke and fire", 6, "Smoke…"),
        ("cafe\u0301s", 4, "caf…"),
        ("ok \U0001f44d\U0001f3fd!", 4, "ok…"),
        ("ok \U0001f469\u200d\U0001f4bb!", 5, "ok…"),
        ("1 2\ufe0f\u20e3!", 4, "1…"),
        ("\u0301" * 9, 4, "\u0301" * 4 + "…"),
    ],
)
def test_a_note_is_cut_between_characters(text: str, max_chars: int, shown: str) -> None:
    """B2: what a person sees as one is left out whole, unless nothing else is there."""
    assert markdown.truncate_markdown(text, max_chars) == shown


@pytest.mark.parametrize(
    ("typed", "escaped"),
    [
        ("<@all>", "&lt;@all&gt;"),
        ("[a](b) ![c](d)", r"\[a\](b) \!\[c\](d)"),
        ("&lt; `x` *y* _z_ ~w~ a|b c\\d #e", r"&amp;lt; \`x\` \*y\* \_z\_ \~w\~ a\|b c\\d \#e"),
        ("- a\n + b\n=== c\n12. d\n3) e\n:- f", "\\- a\n \\+ b\n\\=== c\n12\\. d\n3\\) e\n\\:- f"),
        ("5 - 3 = 2: on 2026-03-01", "5 - 3 = 2: on 2026-03-01"),
        ("one\r\ntwo\rthree\u2028four\x0bfive\0\x1b\u202e\u2067", "one\ntwo\nthree\nfour\nfive"),
    ],
)
def test_typed_text_is_shown_and_harmless(typed: str, escaped: str) -> None:
    """B3."""
    assert markdown.escape(typed) == escaped


def test_a_message_that_would_be_too_long_shows_as_much_of_its_notes_as_fits() -> None:
    """B2: five notes of 300 characters of four bytes each are nearly more than Webex takes."""
    content = render.Content(_ticket(), URL, [_row("team_note")], [_note("\U0001f525" * 5000)] * 5, 0, False, (), False)

    text = render.fit(content, 4000)

    assert markdown.MAX_BYTES - 40 <= len(text.encode()) <= markdown.MAX_BYTES
    assert text.endswith(f"\U0001f525…\n\n{WHY}")


def test_a_header_that_is_too_long_is_cut_itself() -> None:
    """B2: whatever the ticket holds."""
    text = _render(_note(), forwarded_from=("\U0001f525" * 250,) * 10)

    assert len(text.encode()) <= markdown.MAX_BYTES
    assert text.startswith("Forwarded: \U0001f525")
    assert text.endswith("…")


@pytest.mark.parametrize(
    ("text", "max_bytes", "short"),
    [
        ("all of it", 9, "all of it"),
        ("one two three", 12, "one two…"),
        ("**Ana Alvarez von Hohenberg**: hello", 25, "**Ana Alvarez von…**"),
        ("> _Internal note: never shown here_", 27, "> _Internal note:…_"),
        ("> one\n> two three four", 15, "> one…"),
        ("> aaaaaaaaaaaa&lt;bbbbbbbb", 20, "> aaaaaaaaaaaa…"),
        ("> aaaaaaaaaaaaaa\\\\bbbbbbbb", 22, "> aaaaaaaaaaaaaa…"),
        ("**New** [#12](https://cw.example/12) Fire", 30, "**New**…"),
    ],
)
def test_rendered_message_is_cut_without_leaving_markup_open(text: str, max_bytes: int, short: str) -> None:
    """B2, B3: between words; inside a long one not in an entity, an escape or a link; bold and italics are closed."""
    assert markdown.truncate_text(text, max_bytes) == short


def test_half_of_a_message_is_at_most_half_as_long() -> None:
    """B2."""
    text = _render(_note("word " * 60))

    assert len(text.encode()) // 2 - 10 <= len(markdown.halve(text).encode()) <= len(text.encode()) // 2
    assert markdown.halve("") == ""
