"""The message by example; its laws are in tests/property (B1 to B4)."""

from __future__ import annotations

from typing import Any

import pytest

from ticketbot.decide import message, values

URL = "https://na.myconnectwise.net/v4_6_release/x?service_recid=4711"
PERSON, ROOM = values.Recipient(1, "person", "Ana Alvarez"), values.Recipient(2, "room", "Help Desk")
TICKET = values.Ticket(4711, "Printer on fire", URL)


def _render(
    note: values.Note | None = None, ticket: values.Ticket = TICKET, *, to: values.Recipient = PERSON, **more: Any
) -> str:
    content = message.MessageContent(ticket, **{"is_new": False, "note": note, **more})
    return message.render(content, to, max_note_chars=300)


def _note(text: str = "Smoke", **more: Any) -> values.Note:
    return values.Note("TicketNote", 1, text, **{"author": "Gus Hanrahan", **more})


@pytest.mark.parametrize(
    ("cw_url", "url"),
    [
        ("https://api-eu.myconnectwise.net", "https://eu.myconnectwise.net/v4_6_release"),
        ("https://cw.example.com:8443/", "https://cw.example.com:8443/v4_6_release"),
    ],
)
def test_a_ticket_is_linked_on_the_host_of_the_ui(cw_url: str, url: str) -> None:
    """B1."""
    assert message.ticket_url(cw_url, "/v4_6_release/", "example msp", 69) == (
        f"{url}/services/system_io/Service/fv_sr100_request.rails?service_recid=69&companyName=example%20msp"
    )


def test_all_that_is_known_is_said_in_its_place() -> None:
    """B1: what, whose, where, and what was said; two spaces make the line breaks that Webex shows."""
    ticket = values.Ticket(4711, "Printer on fire", URL, "Hanrahan Logistics", "Gus", "Service Desk", "New", "High")

    assert _render(_note("It smokes.\nBadly."), ticket, is_new=True) == (
        f"**New ticket** [#4711]({URL}) Printer on fire  \n"
        "**Company:** Hanrahan Logistics · **Contact:** Gus  \n"
        "**Board:** Service Desk · **Status:** New · **Priority:** High\n\n"
        "**Gus Hanrahan**:\n\n"
        "> It smokes.  \n"
        "> Badly."
    )


def test_what_is_unknown_is_left_out() -> None:
    """B1."""
    bare = values.Ticket(4711, " ", URL)

    assert _render(ticket=bare) == f"**Ticket updated** [#4711]({URL}) (no summary)"
    assert _render(_note("", author=None), bare).endswith("(no summary)\n\n**Somebody**:\n\n> _(no text)_")


def test_a_blank_line_stays_in_the_quote() -> None:
    """B1, B3."""
    assert _render(_note("\n\none\n\ntwo\n")).endswith("> one\n>\n> two")


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
    assert _render(_note("the password", internal=True), to=ROOM).endswith(
        "\n\n> _Internal note: its text is shown to people only, never in a room._"
    )
    assert _render(_note("the password"), to=ROOM).endswith("> the password")


@pytest.mark.parametrize(("earlier", "line"), [(1, "_1 earlier note not shown_"), (3, "_3 earlier notes not shown_")])
def test_notes_that_are_not_shown_are_counted(earlier: int, line: str) -> None:
    """D5."""
    assert f"Printer on fire  \n{line}\n\n**Gus" in _render(_note(), earlier_notes=earlier)


def test_a_forwarded_message_starts_with_its_chain() -> None:
    """B4, F2."""
    assert _render(chain=("Ana Alvarez", "Ben <b>Bauer")).startswith(
        "Forwarded: Ana Alvarez &gt; Ben &lt;b&gt;Bauer &gt; you  \n**Ticket updated**"
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
    assert message.truncate_markdown(text, max_chars) == shown


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
def test_what_somebody_typed_shows_and_does_nothing(typed: str, escaped: str) -> None:
    """B3."""
    assert message.escape(typed) == escaped


def test_a_message_that_would_be_too_long_shows_as_much_of_the_note_as_fits() -> None:
    """B2: 4,000 characters of four bytes each are more than Webex takes."""
    content = message.MessageContent(TICKET, is_new=False, note=_note("\U0001f525" * 5000))

    text = message.render(content, PERSON, max_note_chars=4000)

    assert message.MAX_BYTES - 8 <= len(text.encode()) <= message.MAX_BYTES
    assert text.endswith("\U0001f525…")


def test_a_header_that_is_too_long_is_cut_itself() -> None:
    """B2: whatever the ticket holds."""
    text = _render(_note(), chain=("\U0001f525" * 250,) * 10)

    assert len(text.encode()) <= message.MAX_BYTES
    assert text.startswith("Forwarded: \U0001f525")
    assert text.endswith("…")


@pytest.mark.parametrize(
    ("markdown", "max_bytes", "short"),
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
def test_a_finished_message_is_cut_where_nothing_is_left_half(markdown: str, max_bytes: int, short: str) -> None:
    """B2, B3: between words; inside a long one not in an entity, an escape or a link; bold and italics are closed."""
    assert message.truncate_text(markdown, max_bytes) == short


def test_half_of_a_message_is_at_most_half_as_long() -> None:
    """B2."""
    text = _render(_note("word " * 60))

    assert len(text.encode()) // 2 - 10 <= len(message.halve(text).encode()) <= len(text.encode()) // 2
    assert message.halve("") == ""
