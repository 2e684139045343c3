"""One run on one database: set everything up, then inject faults and check the results, round after round."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from benchmarks import harness
from ticketbot.simulators import faults, remote_control
from torture import calm, checks, databases, fault_schedule, fixtures, generator, ledger, servers, webhooks

CHANGES_PER_S = 11.0
WEBHOOKS_PER_CHANGE = 16.0
MAX_BACKLOG = 1500  # webhooks in flight; beyond it the generator waits, which bounds its memory
SETTLE_TIMEOUT_S = 340.0  # after the last fault: the longest backoff (T7), and the work after it
CATCH_UP_S = 30
SLOW_CALL_S, MASS_CHANGE_S = 0.2, 6.0
MAX_VIOLATIONS = 20  # then stop: the traces so far are worth more than further violations

_BUG_MARKS = ('"exception"', "a bug in tbot")


@dataclass
class RunOptions:
    """The options of one run."""

    kind: str  # sqlite | postgres
    seed: int
    minutes: float
    binary: str | None = None
    changes_per_s: float = CHANGES_PER_S
    keep_log: str | None = None


@dataclass
class Result:
    """The result of one run; a column of the report. The field names are the keys of the JSON file."""

    database: str
    seed: int
    seconds: float = 0.0
    rounds: int = 0
    hooks: int = 0  # acknowledged
    changes: int = 0
    kills: int = 0
    counts: dict[str, Any] = field(default_factory=dict)
    violations: list[tuple[str, str]] = field(default_factory=list)


class Runner:
    """Runs rounds on one database until the time is up."""

    def __init__(self, options: RunOptions) -> None:
        self.options = options
        self.result = Result("", options.seed)
        self._log_offset = 0

    def run(self) -> Result:
        """Run all rounds, fewer if they find too many violations."""
        with contextlib.ExitStack() as stack:
            self._set_up(stack)
            started = time.monotonic()
            ends = started + self.options.minutes * 60
            while time.monotonic() < ends - 10 and len(self._checker.violations) < MAX_VIOLATIONS:
                self._run_round(ends - time.monotonic())
                self._print_progress(time.monotonic() - started)
            self._fill_result(time.monotonic() - started)
        return self.result

    def _set_up(self, stack: contextlib.ExitStack) -> None:
        options = self.options
        self._folder = Path(options.keep_log or tempfile.mkdtemp(prefix="tbot-torture-log-"))
        self._folder.mkdir(parents=True, exist_ok=True)
        database = databases.open_database(options.kind)
        stack.callback(database.close)
        self._database = database
        known = stack.enter_context(harness.simulators(f"--seed={options.seed}", "--webex-latency=0.01"))
        self._setup = fixtures.Setup(
            remote_control.SimulatorProxy(known["connectwise"]), remote_control.SimulatorProxy(known["webex"])
        )
        self._setup.populate()
        environ = {
            **servers.clean_environ(), **known["settings"], "TBOT_DATABASE_URL": database.url,
            "TBOT_ADMIN_EMAIL": "torture@example.com", "TBOT_ADMIN_KEY": fixtures.ADMIN_KEY, "TBOT_LOG_FORMAT": "json",
            "TBOT_LOG_LEVEL": "warning", "TBOT_CW_CALLS_PER_MINUTE": "0",
        }  # fmt: skip
        program = servers.program(options.binary)
        self._servers = servers.Servers(program, environ, database.servers, self._folder, options.seed)
        stack.callback(self._servers.stop)
        self._servers.start()
        harness.wait_for(self._is_ready, 60)
        self._setup.configure(self._api_url())
        ids = {name: number for number, name in self._setup.recipient_names.items()}
        self._quiet_hours = calm.QuietHours(self._api_url(), ids)
        self._set_up_traffic(known, stack)

    def _set_up_traffic(self, known: dict[str, Any], stack: contextlib.ExitStack) -> None:
        self._key_server = fault_schedule.AttackerKeyServer()
        stack.callback(self._key_server.close)
        settings = known["settings"]
        key_path = f"/v2025_1//system/callbackkey/index.rails?companyName={settings['TBOT_CW_COMPANY']}"
        key_url = f"{known['connectwise']}{key_path}&id=11111111-2222-4333-8444-555555555555"
        site = webhooks.Site(known["connectwise"], settings["TBOT_CW_COMPANY"], "test-signing-key", key_url)
        self._sender = webhooks.WebhookSender(self._servers.addresses, self.options.seed)
        stack.callback(self._sender.close)
        self._generator = generator.Generator(self._setup, site, self._sender, self.options.seed, WEBHOOKS_PER_CHANGE)
        self._generator.attacker_key_url = self._key_server.url
        self._fault_injector = fault_schedule.FaultInjector(
            self._setup.connectwise, self._setup.webex, self._servers, self._database
        )
        self._checker = checks.Checker(self._setup, self._generator, ledger.Ledger(self._database))

    def _run_round(self, left_s: float) -> None:
        """Run a round; in two of three catch-up is off and webhooks must suffice, in the third webhooks are dropped."""
        number = self.result.rounds = self.result.rounds + 1
        is_dropping = number % 3 == 2
        longest_s = fault_schedule.LONG_ROUND_S if number % 4 == 0 else 100.0
        length_s = min(longest_s, max(12.0, left_s * (0.35 if left_s < 150 else 1) - 25))
        drop = (0.3, 0.8, 1.0)[number // 3 % 3]
        self._generator.traffic = generator.TrafficProfile(
            drop=drop if is_dropping else 0.0, guaranteed=not is_dropping, delay_s=(0.3, 1.5)[number % 2]
        )
        self._configure(catch_up_interval=CATCH_UP_S if is_dropping else 0, threads="all")
        schedule = fault_schedule.draw(
            f"{self.options.seed}/{self.options.kind}/{number}",
            length_s,
            with_clock=self.options.binary is None,
            with_disk=self._database.disk.can_fill,
        )
        self._quiet_hours.begin()
        self._fault_injector.start(schedule)
        self._generate(length_s / 2)
        self._quiet_hours.move()
        self._generate(length_s / 2)
        self._fault_injector.stop()
        self._change_many()
        if not is_dropping:
            self._generator.restore_most()
        self._settle(is_dropping=is_dropping)
        self._sender.log.problems += self._logged_bugs() + self._fault_injector.problems + self._server_problems()
        self._fault_injector.problems.clear()
        self._checker.check(self._sender.log, slack_s=45.0 if self._fault_injector.clock_jumped else 0.0)
        self._check_trial()

    def _check_trial(self) -> None:
        """trial-is-true: deciding again on the stored facts gives the stored decisions."""
        command = [sys.executable, "-m", "torture.trial", self._database.url]
        trial = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
        if trial.returncode:
            self._checker.report("trial-is-true", f"{trial.stdout[-500:]}{trial.stderr[-500:]}")

    def _generate(self, seconds: float) -> None:
        started, steps = time.monotonic(), 0
        while (now := time.monotonic()) < started + seconds:
            if steps < (now - started) * self.options.changes_per_s and self._sender.backlog() < MAX_BACKLOG:
                self._generator.step()
                self.result.changes += 1
                steps += 1
            else:
                time.sleep(0.005)

    def _change_many(self) -> None:
        """End the round with a mass change, and go on working on its tickets while most of them wait (T11)."""
        slow = msgspec.to_builtins(faults.slow(SLOW_CALL_S, path="/apis/"))
        number = self._setup.connectwise.call("add_fault", fault=slow)
        self._generator.change_many()
        ends_s = time.monotonic() + MASS_CHANGE_S
        while time.monotonic() < ends_s:
            self._generator.work_on_one()
            time.sleep(0.1)
        self._setup.connectwise.call("remove_fault", fault_id=number)

    def _settle(self, *, is_dropping: bool) -> None:
        """Wait until nothing is in flight, or for the timeout; the checker reports what is unfinished then."""
        rows, deadline = ledger.Ledger(self._database), time.monotonic() + SETTLE_TIMEOUT_S
        while time.monotonic() < deadline:
            if (
                self._sender.is_idle()
                and not rows.unfinished_work()
                and (not is_dropping or self._is_all_decided(rows))
            ):
                return
            time.sleep(0.3)

    def _is_all_decided(self, rows: ledger.Ledger) -> bool:
        """Return whether catch-up has found everything, so that the round can end."""
        decided, announced = rows.decided_notes(), rows.announced()
        return all(
            ticket.id in announced and all((note.kind, note.id) in decided for note in ticket.notes)
            for ticket in self._generator.tickets.values()
            if ticket.changed and ticket.deleted_at is None
        )

    def _configure(self, **config: Any) -> None:
        for _ in range(100):
            try:
                fixtures.Api(self._api_url())("PUT", "/config", **config)
            except (RuntimeError, OSError):
                time.sleep(0.2)
            else:
                return
        raise RuntimeError("no server accepts the configuration")

    def _logged_bugs(self) -> list[str]:
        """Return what was logged that no fault explains, and the requests that reached the attacker's key server."""
        with self._servers.log_file.open("rb") as file:
            file.seek(self._log_offset)
            text = file.read()
        self._log_offset += len(text)
        lines = text.decode(errors="replace").splitlines()
        bugs = [line for line in lines if any(mark in line for mark in _BUG_MARKS)]
        tracebacks = Counter(line[:300] for line in lines if not line.startswith("{") and "Traceback" in line)
        stray = [f"no-stray-requests: the attacker's key server got GET {path}" for path in self._key_server.requests]
        self._key_server.requests.clear()
        return stray + [f"bug: {line[-1500:]}" for line in [*bugs, *tracebacks]]

    def _server_problems(self) -> list[str]:
        found = [each if ": " in each else f"server: {each}" for each in self._servers.counters.problems]
        self._servers.counters.problems.clear()
        return found

    def _fill_result(self, seconds: float) -> None:
        counters, log, result = self._servers.counters, self._sender.log, self.result
        result.database, result.seconds = self._database.name, round(seconds)
        result.hooks, result.kills = len(log.accepted) + log.replayed, sum(counters.kills.values())
        if not self._checker.counts["notifications held"]:
            self._checker.report("calm-exactly-once", "quiet hours held nothing")
        result.violations = self._checker.violations
        result.counts = {
            "webhooks accepted": len(log.accepted),
            "webhooks recognized as replays": log.replayed,
            "responses": dict(log.responses),
            "kills": dict(counters.kills),
            "starts": counters.starts,
            "rolling restarts": counters.rolling,
            "pauses": counters.pauses,
            "starts on another machine with the same host name": counters.moves,
            "starts without a database": counters.failed_starts,
            "peak memory of a server, MB": round(counters.peak_rss_mb),
            "slowest response to a webhook, s": round(log.slowest_s, 2),
            "troubles": dict(self._fault_injector.injected),
            "changes": dict(self._generator.counts),
            "checked": dict(self._checker.counts),
            "events": dict(ledger.Ledger(self._database).event_counts()),
            "disk can be filled": self._database.disk.can_fill,
            "log": str(self._servers.log_file),
        }

    def _print_progress(self, seconds: float) -> None:
        log, counts = self._sender.log, self._checker.counts
        sys.stderr.write(
            f"{self._database.name}: round {self.result.rounds}, {seconds:.0f} s, "
            f"{len(log.accepted) + log.replayed} webhooks acknowledged, {self.result.changes} changes, "
            f"{sum(self._servers.counters.kills.values())} kills, "
            f"{counts['notifications checked']} notifications, {counts['duplicates, flagged']} flagged duplicates, "
            f"{len(self._checker.violations)} violations\n"
        )
        for promise, message in self._checker.violations[:20]:
            sys.stderr.write(f"  {promise}: {message[:1500]}\n")
        sys.stderr.flush()

    def _api_url(self) -> str:
        host, port = self._servers.slots[0].address
        return f"http://{host}:{port}"

    def _is_ready(self) -> bool:
        return harness.responds(f"{self._api_url()}/readyz")


def as_json(results: list[Result], **more: Any) -> str:
    """Return the document from which `report.page` writes the report."""
    rows = [{**vars(each)} for each in results]
    return json.dumps({**more, "campaigns": rows}, indent=2) + "\n"
