"""deploy/monitoring/ and its page against the real thing: what a server says, what a Prometheus makes of it (O13)."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from grafana_foundation_sdk.cog import encoder, plugins
from grafana_foundation_sdk.models import dashboard as grafana
from prometheus_client.parser import text_string_to_metric_families

from tests.deploy.test_check import ROOT
from tests.environment import World, wait_for
from tests.ports import free_port
from ticketbot.api import client
from ticketbot.database import db
from ticketbot.models import api_keys, users

MONITORING = ROOT / "deploy/monitoring"
PAGE = ROOT / "docs/monitoring.md"
DASHBOARD: dict[str, Any] = json.loads((MONITORING / "dashboard.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="no promtool here: apt-get install prometheus"
)
needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="no prometheus here: apt-get install prometheus"
)


class Busy:
    """A server that has done something of everything that it counts, and a key to scrape it with."""

    def __init__(self, world: World, url: str) -> None:
        self.world, self.url, self.key = world, url, _read_key()
        world.add_rule("Service Desk Room")
        self.announce_ticket()
        requests.get(f"{url}/users", headers={"Authorization": "Bearer wrong"}, timeout=5)
        requests.post(f"{url}/hooks/cw/tickets", json={}, timeout=5)
        admin = client.Client(url, self.key)
        requests.post(f"{url}/sync", json={"boards": True}, headers=self.headers, timeout=5).raise_for_status()
        assert wait_for(lambda: not admin.sync_status().syncing)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def announce_ticket(self) -> None:
        world = self.world
        world.connectwise.add_ticket(board=world.board, summary="Printer", contact=world.contact, company=world.company)
        world.settle()

    def scrape(self) -> str:
        response = requests.get(f"{self.url}/metrics", headers=self.headers, timeout=5)
        response.raise_for_status()
        return response.text


def _read_key() -> str:
    now = datetime.now(UTC)
    with db.transaction("test"):
        return api_keys.add_key(users.add_user("Pro", "pro@example.com", now), api_keys.new_key(), now).key


@pytest.fixture
def busy(sqlite: str) -> Iterator[Busy]:
    """Return a busy server that tells its figures only to whoever has a key."""
    with World(sqlite) as world, world.server(TBOT_TRUSTED_PROXIES="10.0.0.7") as server:
        yield Busy(world, server.url)


def _promtool(*arguments: str | Path, text: str | None = None) -> None:
    done = subprocess.run(
        ["promtool", *arguments], input=text, capture_output=True, text=True, check=False, cwd=MONITORING, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr, done.stderr


@needs_promtool
@pytest.mark.parametrize(
    "arguments",
    ["check rules alerts.yml", "test rules alerts.test.yml", "check config --syntax-only prometheus.yml"],
)
def test_promtool_accepts_what_is_shipped(arguments: str) -> None:
    """O13"""
    _promtool(*arguments.split())


def test_every_rule_has_a_unit_test_and_a_line_in_the_guide() -> None:
    """O13"""
    rules = re.findall(r"- alert: (\w+)", (MONITORING / "alerts.yml").read_text())
    assert set(rules) == set(re.findall(r"alertname: (\w+)", (MONITORING / "alerts.test.yml").read_text()))
    assert rules == re.findall(r"^\| `(Ticketbot\w+)` \|", PAGE.read_text(), re.M)


def test_metrics_pass_promtool_are_documented_and_are_all_that_others_name(busy: Busy) -> None:
    """O3, O13: in the rules, the dashboard and the guide; its table has type, labels and scope."""
    text = busy.scrape()
    if shutil.which("promtool"):
        _promtool("check", "metrics", text=text)
    families = {_written(family.name, family.type): family for family in text_string_to_metric_families(text)}
    ours = {name: family for name, family in families.items() if name.startswith("tbot_")}

    rows = re.findall(r"^\| `(tbot_\w+)` \| (\w+) \|([^|]*)\| (server|database) \|", PAGE.read_text(), re.M)
    documented = {name: (kind, set(re.findall(r"\w+", labels)), scope) for name, kind, labels, scope in rows}
    assert documented == {name: (family.type, _labels(family), _scope(family)) for name, family in ours.items()}
    for path in (MONITORING / "alerts.yml", MONITORING / "dashboard.json", PAGE, ROOT / "docs/operations.md"):
        named = re.findall(r"\b(?:tbot|process)_[a-z_]+(?=[^a-z_.]|$)", path.read_text())
        unknown = {name for name in named if re.sub("_(bucket|count|sum)$", "", name) not in families}
        assert not unknown, path


def _written(name: str, kind: str) -> str:
    return f"{name}_total" if kind == "counter" else name


def _labels(family: Any) -> set[str]:
    return {label for sample in family.samples for label in sample.labels} - {"le"}


def _scope(family: Any) -> str:
    return "database" if family.documentation.endswith("all servers on one database say the same") else "server"


def test_dashboard_is_what_the_schema_of_grafana_knows() -> None:
    """O13: every value survives Grafana's own types, which drop what they do not know."""
    assert list(_lost(DASHBOARD, _through_schema(DASHBOARD))) == []
    wrong = json.loads(json.dumps(DASHBOARD))
    wrong["panels"][0]["options"]["graphmode"] = "none"
    assert list(_lost(wrong, _through_schema(wrong))) == ["$.panels[0].options.graphmode"]


def _through_schema(document: Mapping[str, Any]) -> Any:
    plugins.register_default_plugins()
    return json.loads(encoder.JSONEncoder().encode(grafana.Dashboard.from_json(dict(document))))


def _lost(before: Any, after: Any, path: str = "$") -> Iterator[str]:
    """Yield where a document is no longer what it was; what was added are defaults."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            yield from _lost(value, after.get(name), f"{path}.{name}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _lost(one, other, f"{path}[{number}]")
    elif before != after:
        yield path


def test_every_panel_is_complete_and_has_a_place_of_its_own() -> None:
    """O13"""
    assert len({panel["id"] for panel in PANELS}) == len({panel["title"] for panel in PANELS}) == len(PANELS)
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert all(target["expr"] for target in panel["targets"])
        place = panel["gridPos"]
        columns, rows = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
        cells = {(column, row) for column in columns for row in rows}
        assert not cells & taken
        assert max(columns) < 24
        taken |= cells


class Prometheus:
    """A real Prometheus with the shipped configuration, faster."""

    def __init__(self, url: str) -> None:
        self.url = url

    def query(self, expression: str) -> list[float]:
        """Return the values of a query; raise where Prometheus does not understand it."""
        response = requests.get(f"{self.url}/api/v1/query", params={"query": expression}, timeout=10)
        answer = response.json()
        assert answer["status"] == "success", f"{answer}\n{expression}"
        return [float(each["value"][1]) for each in answer["data"]["result"]]

    def rules(self) -> list[dict[str, Any]]:
        (group,) = requests.get(f"{self.url}/api/v1/rules", timeout=10).json()["data"]["groups"]
        return list(group["rules"])

    def is_up(self) -> bool:
        try:
            return self.query("up") == [1]
        except requests.RequestException:
            return False


@contextmanager
def _prometheus(busy: Busy, folder: Path) -> Iterator[Prometheus]:
    shutil.copy(MONITORING / "alerts.yml", folder)
    (folder / "key").write_text(busy.key)
    config = (MONITORING / "prometheus.yml").read_text()
    for shipped, here in {
        "/etc/prometheus/ticketbot.key": str(folder / "key"),
        "localhost:8080": busy.url.partition("//")[2],
        "15s": "1s",
    }.items():
        assert shipped in config
        config = config.replace(shipped, here)
    (folder / "prometheus.yml").write_text(config)
    address = f"127.0.0.1:{free_port()}"
    options = {"config.file": folder / "prometheus.yml", "storage.tsdb.path": folder / "data"}
    command = ["prometheus", *(f"--{name}={value}" for name, value in options.items())]
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen([*command, f"--web.listen-address={address}"], stdout=log, stderr=log)
        try:
            prometheus = Prometheus(f"http://{address}")
            assert wait_for(prometheus.is_up), (folder / "log").read_text()
            yield prometheus
        finally:
            process.terminate()
            process.wait(20)


@needs_prometheus
def test_prometheus_scrapes_with_a_key_every_panel_has_data_and_a_healthy_server_raises_no_alert(
    busy: Busy, tmp_path: Path
) -> None:
    """O13"""
    with _prometheus(busy, tmp_path) as prometheus:
        busy.announce_ticket()
        rates = 'rate(tbot_webhook_to_message_seconds_count{job="ticketbot"}[1m])'
        assert wait_for(lambda: any(value > 0 for value in prometheus.query(rates)))
        for panel in PANELS:
            for target in panel["targets"]:
                query = target["expr"].replace("$job", "ticketbot").replace("$__rate_interval", "1m")
                values = prometheus.query(query)
                assert values, f"{panel['title']}: no data for {query}"
                assert not any(math.isnan(value) for value in values), f"{panel['title']}: {query}"
        (example,) = re.findall(r"^```promql\n(.*?)^```", PAGE.read_text(), re.M | re.S)
        assert prometheus.query(example)
        assert wait_for(lambda: all(rule["health"] != "unknown" for rule in prometheus.rules()))
        states = {rule["name"]: (rule["health"], rule["state"]) for rule in prometheus.rules()}
        assert set(states.values()) == {("ok", "inactive")}, states
