"""Draw the dashboard with what a real Prometheus scraped from a busy server: part of `make pictures`.

Grafana itself is in no package registry that we use. What is drawn are its panels, in their places, with the results of
their queries. Needs the program `prometheus`.
"""

from __future__ import annotations

import math
import re
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

import requests

from tests.deploy import test_monitoring as monitoring
from tests.environment import World
from ticketbot.database import db
from ticketbot.models import schema

PICTURE = Path("docs/pictures/dashboard.svg")
MINUTES = 2
COLUMN, ROW, GAP, TITLE = 50, 30, 6, 26
COLORS = ("#2f7d4f", "#b8741a", "#2f6fb0", "#a8324a", "#7a4fb0", "#5b6470")
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1c1e21 }
.title { font-weight: bold } .stat { font-size: 28px; font-weight: bold }
.back { fill: #fff } .panel { fill: #f4f5f7; stroke: #c8ccd0 }"""


class Series(NamedTuple):
    """The values of one line, by time, and what the legend calls it."""

    name: str
    points: list[tuple[float, float]]


def main() -> None:
    """Write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/tbot.sqlite3"
        db.open_database(url)
        schema.migrate()
        with World(url) as world, world.server(TBOT_TRUSTED_PROXIES="10.0.0.7") as server:
            busy = monitoring.Busy(world, server.url)
            with monitoring._prometheus(busy, Path(folder)) as prometheus:
                until = time.monotonic() + 60 * MINUTES
                while time.monotonic() < until:
                    busy.announce_ticket()
                    time.sleep(3)
                PICTURE.write_text(svg(prometheus.url), encoding="utf-8")
        db.close_database()


def svg(prometheus: str) -> str:
    """Return the picture of every panel."""
    bottom = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in monitoring.PANELS)
    width, height = 24 * COLUMN, bottom * ROW
    parts = [_panel(panel, _series(panel, prometheus)) for panel in monitoring.PANELS]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">\n'
        f'<style>{_STYLE}\n</style>\n<rect class="back" width="{width}" height="{height}"/>\n{"".join(parts)}</svg>\n'
    )


def _series(panel: dict[str, Any], prometheus: str) -> list[Series]:
    found = []
    for target in panel["targets"]:
        query = target["expr"].replace("$job", "ticketbot").replace("$__rate_interval", "1m")
        span = {"query": query, "start": time.time() - 60 * MINUTES, "end": time.time(), "step": 2}
        answer = requests.get(f"{prometheus}/api/v1/query_range", params=span, timeout=10).json()
        for each in answer["data"]["result"]:
            points = [(float(at), float(value)) for at, value in each["values"] if not math.isnan(float(value))]
            found.append(Series(_legend(target.get("legendFormat", ""), each["metric"]), points))
    return [each for each in found if each.points]


def _legend(form: str, labels: dict[str, str]) -> str:
    return re.sub(r"{{(\w+)}}", lambda name: labels.get(name[1], ""), form)


def _panel(panel: dict[str, Any], series: list[Series]) -> str:
    place = panel["gridPos"]
    x, y = place["x"] * COLUMN + GAP / 2, place["y"] * ROW + GAP / 2
    width, height = place["w"] * COLUMN - GAP, place["h"] * ROW - GAP
    draw = {"stat": _stat, "state-timeline": _states}.get(panel["type"], _lines)
    title = f'<text class="title" x="10" y="18">{escape(panel["title"])}</text>\n'
    frame = f'<rect class="panel" width="{width}" height="{height}" rx="4"/>\n'
    return f'<g transform="translate({x} {y})">\n{frame}{title}{draw(panel, series, width, height)}</g>\n'


def _stat(panel: dict[str, Any], series: list[Series], width: float, height: float) -> str:
    defaults = panel["fieldConfig"]["defaults"]
    name, value = series[0].name, series[0].points[-1][1]
    shown = _mapped(defaults, value) or name or (f"{value:.0f} s" if defaults.get("unit") == "s" else f"{value:g}")
    return f'<text class="stat" x="{width / 2}" y="{height / 2 + 20}" text-anchor="middle">{escape(shown)}</text>\n'


def _states(panel: dict[str, Any], series: list[Series], width: float, height: float) -> str:
    defaults, step = panel["fieldConfig"]["defaults"], (height - TITLE - 8) / max(len(series), 1)
    rows = []
    for number, each in enumerate(series):
        top, state = TITLE + number * step, _mapped(defaults, each.points[-1][1])
        color = COLORS[0] if each.points[-1][1] == 0 else COLORS[1]
        rows.append(f'<text x="10" y="{top + step / 2 + 4}">{escape(each.name)}</text>\n')
        bar = f'x="110" y="{top + 2}" width="{width - 180}" height="{step - 4}"'
        rows.append(f'<rect {bar} fill="{color}"/>\n<text x="{width - 62}" y="{top + step / 2 + 4}">{state}</text>\n')
    return "".join(rows)


def _lines(_panel: dict[str, Any], series: list[Series], width: float, height: float) -> str:
    left, top, bottom = 52.0, TITLE + 6.0, height - 26
    highest = max((value for each in series for _, value in each.points), default=0) or 1
    start = min((at for each in series for at, _ in each.points), default=0)
    span = 60 * MINUTES
    parts = [f'<text x="8" y="{top + 8}">{highest:.3g}</text>\n<text x="8" y="{bottom}">0</text>\n']
    names = []
    for number, each in enumerate(series):
        color = COLORS[number % len(COLORS)]
        points = " ".join(
            f"{left + (at - start) / span * (width - left - 12):.1f},{bottom - value / highest * (bottom - top):.1f}"
            for at, value in each.points
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>\n')
        names.append(f'<tspan fill="{color}">{escape(each.name)}  </tspan>')
    return "".join(parts) + f'<text x="{left}" y="{height - 8}">{"".join(names[:5])}</text>\n'


def _mapped(defaults: dict[str, Any], value: float) -> str:
    options = {key: each for mapping in defaults.get("mappings", []) for key, each in mapping["options"].items()}
    return str(options.get(f"{value:g}", {}).get("text", ""))


if __name__ == "__main__":
    main()
