"""The path of a webhook as a picture: boxes in two columns, in the colors of the reader's theme."""

from __future__ import annotations

from xml.sax.saxutils import escape

WIDTH, STEP, BOX = 720, 74, 50
STEPS = (
    ("ConnectWise", "sends a signed webhook"),
    ("accept", "verify, commit as an event, then answer"),
    ("fetch", "ticket and newest notes, anew: the webhook is a hint"),
    ("decide", "who, of what, and why or why not: no I/O"),
    ("commit", "one transaction: ticket, notes, decisions, messages"),
    ("render", "when its turn comes, from the newest stored ticket"),
    ("Webex", "gets the message, at most as fast as it allows"),
)
_STYLE = """
text { font: 15px system-ui, sans-serif; fill: #1c1e21 }
.name { font-weight: bold }
rect { fill: #f4f5f7; stroke: #8a9097 }
.outside { fill: #dbe9f8 }
path { stroke: #8a9097; stroke-width: 2; fill: none }
@media (prefers-color-scheme: dark) {
text { fill: #e8eaed } rect { fill: #1f2226 } .outside { fill: #17324d }
}"""


def svg() -> str:
    """Return the picture."""
    height = STEP * len(STEPS)
    parts = [_step(number, name, what) for number, (name, what) in enumerate(STEPS)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img">\n'
        f"<style>{_STYLE}\n</style>\n{''.join(parts)}</svg>\n"
    )


def _step(number: int, name: str, what: str) -> str:
    top = number * STEP + 12
    kind = ' class="outside"' if number in (0, len(STEPS) - 1) else ""
    arrow = f'<path d="M 90 {top - 24} V {top - 4} m -5 -6 l 5 6 l 5 -6"/>\n' if number else ""
    return (
        f'{arrow}<rect{kind} x="10" y="{top}" width="160" height="{BOX}" rx="6"/>\n'
        f'<text class="name" x="90" y="{top + 30}" text-anchor="middle">{escape(name)}</text>\n'
        f'<text x="190" y="{top + 30}">{escape(what)}</text>\n'
    )
