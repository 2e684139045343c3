"""Laws of the message: whatever the ticket holds, it does nothing, shows as typed, and fits (B1 to B4)."""

from __future__ import annotations

import re

import hypothesis
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.property.markdown_reader import render, words
from ticketbot.models import tickets
from ticketbot.models.notifications import Notification
from ticketbot.pipeline import render as rendering
from ticketbot.webex import markdown as md

URL = rendering.ticket_url("https://api-na.myconnectwise.net", "v4_6_release", "example_msp", 4711)
STORY = "https://tbot.example.com/panel/tickets/4711"
LINKS = [(URL, "#4711"), (STORY, "Explain")]
OURS = {"paragraph", "inline", "text", "text_special", "strong", "em", "link", "softbreak", "hardbreak", "blockquote"}

_NASTY = [
    *("<@all>", "<@personEmail:a@b.c|A>", "[a](http://x.y)", "![a](b)", "](", "[a]: http://x.y", "<http://x.y>", "<b>"),
    *("```", "~~~", "`", "**", "__", "_", "*", "~~", "\\", "\\\\", "&lt;", "&amp;", "&#62;", "|", "a|b\n:-", "a\n---"),
    *("a\n===", "# ", "#", "> ", ">", "1. ", "23) ", "- ", "+ ", "* ", "- - -", "    code", "\tcode", "\n", "\n\n"),
    *(
        "\r\n",
        "\r",
        "\v",
        "\x1c",
        "\u2028",
        "\x85",
        "\0",
        "\x1b[31m",
        "\ud800",
        "\u202e",
        "\u2066",
        "\u200b",
        "\xa0",
        "\U000e0041",
    ),
    *("e\u0301", "\U0001f469\u200d\U0001f4bb", "\U0001f44d\U0001f3fd", "1\ufe0f\u20e3", "\U0001f1e9\U0001f1ea", "…"),
    *(
        "שלום",
        "مرحبا",
        "日本語",
        "word",
        " ",
        "  ",
        "<!-- x -->",
        "&copy",
        "---",
        "===",
        ":-",
        ":",
        "|-|",
        "%",
        "{",
        "!",
    ),
]
texts = st.lists(st.one_of(st.sampled_from(_NASTY), st.text(max_size=8)), max_size=14).map("".join)
names = st.one_of(st.none(), texts)


@st.composite
def contents(draw: st.DrawFn, note_texts: st.SearchStrategy[str] = texts) -> rendering.Content:
    """Draw a message about anything."""
    ticket = tickets.Ticket(
        id=4711,
        summary=draw(texts),
        company=draw(names),
        contact=draw(names),
        board_name=draw(names),
        status=draw(names),
        priority=draw(names),
    )
    note = tickets.Note(
        kind="TicketNote",
        note_id=1,
        text=draw(note_texts),
        author=draw(names),
        internal=draw(st.booleans()),
        resolution=draw(st.booleans()),
    )
    event = draw(st.sampled_from(["new", "customer_note", "changed"]))
    change = {"field": "status", "old": draw(names), "new": draw(names)}
    changes = draw(st.sampled_from([[], [change]]))
    reasons = [{"code": "rule", "ids": [3]}]
    return rendering.Content(
        ticket=ticket,
        url=URL,
        carried=[Notification(events=[event], changes=changes, reasons=reasons)],
        notes=draw(st.sampled_from([[note], []])),
        hidden_notes=draw(st.integers(0, 9)),
        is_for_room=False,
        forwarded_from=draw(st.lists(texts, max_size=3)),
        is_repeat=draw(st.booleans()),
        explanation=draw(st.sampled_from([STORY, ""])),
    )


def _assert_tame(markdown: str) -> None:
    """Look at the raw text: nothing of what came from outside is left to mean anything."""
    bare = re.sub(r"\\.", "", markdown, flags=re.DOTALL)
    assert bare.count(f"[#4711]({URL})") <= 1
    assert bare.count(f"[Explain]({STORY})") <= 1
    assert bare.count("](") == bare.count(f"]({URL})") + bare.count(f"]({STORY})")
    assert "<" not in markdown
    assert "`" not in bare
    assert "~" not in bare
    assert "*" not in bare.replace("**", ""), "we write bold only"
    assert not any(">" in re.sub("^>( |$)", "", line) for line in bare.split("\n"))
    assert not set("\0\r\x1b\u202e\u2028\ud800") & set(markdown)


@given(contents(), st.integers(50, 4000))
def test_text_from_outside_has_no_markup(content: rendering.Content, chars: int) -> None:
    """B3: no mention, link, heading, fence, list, table, or end of the quote."""
    markdown = rendering.fit(content, chars)

    _assert_tame(markdown)
    rendered = render(markdown)
    assert rendered.kinds <= OURS
    assert rendered.links == LINKS[: 1 + bool(content.explanation)]


@given(contents())
def test_everything_is_shown_as_typed(content: rendering.Content) -> None:
    """B1, B3: what a person reads is what somebody wrote."""
    rendered = render(rendering.fit(content, 4000))

    ticket, note = content.ticket, next(iter(content.notes), None)
    shown = " ".join(words(rendered.remote))
    expected_texts = [
        ticket.summary,
        ticket.company,
        ticket.contact,
        ticket.board_name,
        ticket.status,
        ticket.priority,
        *content.forwarded_from,
    ]
    for text in [*expected_texts, *([note.author] if note else [])]:
        assert len(text or "") > 100 or " ".join(words(text or "")) in shown
    if note and "![" not in note.text:  # B5
        assert words(rendered.quoted) == (words(note.text) or ["(no", "text)"])
        assert markdown_lines_of_note_are_quoted(rendering.fit(content, 4000), note)


def markdown_lines_of_note_are_quoted(markdown: str, note: tickets.Note) -> bool:
    """Return whether all that follows the author's line stands in the quote."""
    _, _, quoted = markdown.rpartition("\n\n")[0].rpartition(":\n\n")
    return all(line.startswith(">") for line in quoted.split("\n"))


@given(contents(), st.integers(50, 4000))
def test_a_room_never_sees_an_internal_note(content: rendering.Content, chars: int) -> None:
    """B1: an internal note goes to people only."""
    rendered = render(rendering.fit(replace(content, is_for_room=True), chars))

    if content.notes and content.notes[0].internal:
        assert rendered.quoted.strip() == "Internal note: its text is shown to people only, never in a room."


huge = st.builds(lambda text, times: (text or "x") * times, texts, st.integers(1, 30_000)).map(
    lambda text: text[:100_000]
)


@given(contents(note_texts=huge), st.integers(50, 4000))
@hypothesis.settings(max_examples=60)
def test_a_message_always_fits(content: rendering.Content, chars: int) -> None:
    """B2: 7,439 bytes of UTF-8, and a note of so many characters."""
    markdown = rendering.fit(content, chars)

    assert len(markdown.encode()) <= md.MAX_BYTES
    _assert_tame(markdown)
    rendered = render(markdown)
    assert rendered.kinds <= OURS
    if content.notes:
        assert len(" ".join(words(rendered.quoted))) <= chars + len(md.ELLIPSIS)


@given(contents(note_texts=huge), st.integers(50, 4000), st.integers(1, 3))
@hypothesis.settings(max_examples=60)
def test_a_message_cut_by_half_keeps_the_laws(content: rendering.Content, chars: int, times: int) -> None:
    """B2, B3: cutting a finished message leaves no mark half, and closes no quote."""
    markdown = rendering.fit(content, chars)
    for _ in range(times):
        before, markdown = markdown, md.halve(markdown)
        assert len(markdown.encode()) <= len(before.encode()) // 2

    _assert_tame(markdown)
    rendered = render(markdown)
    assert rendered.kinds <= OURS
    marks = [re.sub(r"\\.", "", line).count("**") for line in markdown.split("\n")]
    assert [count for count in marks if count % 2] == []
    assert rendered.links in (LINKS, LINKS[:1], [])
    assert markdown.endswith((md.ELLIPSIS, f"{md.ELLIPSIS}**", f"{md.ELLIPSIS}_"))


@given(texts, st.integers(1, 40))
def test_a_cut_is_a_beginning_and_an_ellipsis(text: str, chars: int) -> None:
    """B2: on a character boundary, which a combining mark, a skin tone or a joiner is not."""
    shown = md.truncate_markdown(text, chars)

    if len(text) <= chars:
        assert shown == text
    else:
        kept = shown.removesuffix(md.ELLIPSIS)
        assert shown.endswith(md.ELLIPSIS)
        assert text.startswith(kept)
        assert len(kept) <= chars


@given(texts)
def test_escaping_leaves_no_character_out(text: str) -> None:
    """B3: escaped text, read back by the rules of CommonMark, is the text."""
    unescaped = re.sub(r"\\(.)", r"\1", md.escape(text), flags=re.DOTALL)
    for entity, char in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        unescaped = unescaped.replace(entity, char)

    assert words(unescaped) == words(text)
