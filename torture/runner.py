"""One database under torture: set the stage, play round after round, and judge each."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import harness as processes
from ticketbot.simulators import remote_control
from torture import checks, databases, fault_schedule, fixtures, generator, hooks, ledger, servers

CHANGES_PER_S = 11.0
HOOKS_PER_CHANGE = 16.0
MAX_BACKLOG = 1500  # hooks under way; the generator waits rather than remember without end
SETTLES_WITHIN_S = 340.0  # after the last fault: the longest back-off there is (T7), and the work after it
CATCH_UP_S = 30
TOO_MANY_VIOLATIONS = 20  # then its traces are worth more than more of them

_BUG = ('"exception"', "a bug in tbot")


@dataclass
class Plan:
    """What to run."""

    kind: str  # sqlite | postgres
    seed: int
    minutes: float
    binary: str | None = None
    changes_per_s: float = CHANGES_PER_S
    keep_log: str | None = None


@dataclass
class Result:
    """What a campaign came to; a row of the report."""

    database: str
    seed: int
    seconds: float = 0.0
    rounds: int = 0
    hooks: int = 0
    changes: int = 0
    kills: int = 0
    counts: dict[str, Any] = field(default_factory=dict)
    violations: list[tuple[str, str]] = field(default_factory=list)


class Campaign:
    """Everything of one database; `run` plays until the time is over."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.result = Result("", plan.seed)
        self._log_offset = 0

    def run(self) -> Result:
        """Play all rounds, fewer when they find too much."""
        with contextlib.ExitStack() as stack:
            self._set_up(stack)
            started = time.monotonic()
            ends = started + self.plan.minutes * 60
            while time.monotonic() < ends - 10 and len(self._judge.verdict.violations) < TOO_MANY_VIOLATIONS:
                self._round(ends - time.monotonic())
                self._tell(time.monotonic() - started)
            self._sum_up(time.monotonic() - started)
        return self.result

    def _set_up(self, stack: contextlib.ExitStack) -> None:
        plan = self.plan
        self._folder = Path(plan.keep_log or tempfile.mkdtemp(prefix="tbot-torture-log-"))
        self._folder.mkdir(parents=True, exist_ok=True)
        database = databases.open_database(plan.kind)
        stack.callback(database.close)
        self._database = database
        known = stack.enter_context(processes.simulators(f"--seed={plan.seed}", "--webex-latency=0.01"))
        self._stage = fixtures.Fixtures(
            remote_control.SimulatorProxy(known["connectwise"]), remote_control.SimulatorProxy(known["webex"])
        )
        self._stage.enter()
        environ = {
            **servers.clean_environ(), **known["settings"], "TBOT_DATABASE_URL": database.url,
            "TBOT_ADMIN_EMAIL": "torture@example.com", "TBOT_ADMIN_KEY": fixtures.ADMIN_KEY, "TBOT_LOG_FORMAT": "json",
            "TBOT_LOG_LEVEL": "warning", "TBOT_CW_CALLS_PER_MINUTE": "0",
        }  # fmt: skip
        program = servers.program(plan.binary)
        self._servers = servers.Servers(program, environ, database.servers, self._folder, plan.seed)
        stack.callback(self._servers.stop)
        self._servers.start()
        processes.wait_for(self._is_ready, 60)
        self._stage.settle(self._api_url())
        self._play(known, stack)

    def _play(self, known: dict[str, Any], stack: contextlib.ExitStack) -> None:
        trap = fault_schedule.AttackerKeyServer()
        stack.callback(trap.close)
        self._trap = trap
        settings = known["settings"]
        key_path = f"/v2025_1//system/callbackkey/index.rails?companyName={settings['TBOT_CW_COMPANY']}"
        key_url = f"{known['connectwise']}{key_path}&id=11111111-2222-4333-8444-555555555555"
        site = hooks.Site(known["connectwise"], settings["TBOT_CW_COMPANY"], "test-signing-key", key_url)
        self._postman = hooks.WebhookSender(self._servers.addresses, self.plan.seed)
        stack.callback(self._postman.close)
        self._generator = generator.Generator(self._stage, site, self._postman, self.plan.seed, HOOKS_PER_CHANGE)
        self._generator.trap_url = trap.url
        self._hands = fault_schedule.FaultInjector(
            self._stage.connectwise, self._stage.webex, self._servers, self._database
        )
        self._judge = checks.Checker(self._stage, self._generator, ledger.Ledger(self._database))

    def _round(self, left_s: float) -> None:
        """Alternate: hooks alone must miss nothing, catch-up being off; so must catch-up, hooks being lost."""
        number = self.result.rounds = self.result.rounds + 1
        is_dropping = number % 3 == 2
        longest_s = fault_schedule.LONG_ROUND_S if number % 4 == 0 else 100.0
        length_s = min(longest_s, max(12.0, left_s * (0.35 if left_s < 150 else 1) - 25))
        drop = (0.3, 0.8, 1.0)[number // 3 % 3]
        self._generator.weather = generator.Weather(
            drop=drop if is_dropping else 0.0, insist=not is_dropping, delay_s=(0.3, 1.5)[number % 2]
        )
        self._configure(catch_up_interval=CATCH_UP_S if is_dropping else 0)
        troubles = fault_schedule.draw(
            f"{self.plan.seed}/{self.plan.kind}/{number}",
            length_s,
            with_clock=self.plan.binary is None,
            with_disk=self._database.disk.can_fill,
        )
        self._hands.play(troubles)
        self._generate(length_s)
        self._hands.stop()
        if not is_dropping:
            self._generator.restore_most()
        self._settle(is_dropping=is_dropping)
        self._postman.post.problems += self._bugs() + self._hands.problems + self._problems_of_servers()
        self._hands.problems.clear()
        self._judge.check(self._postman.post, slack_s=45.0 if self._hands.jumped else 0.0)
        self._check_trial()

    def _check_trial(self) -> None:
        """trial-is-true: the facts that were kept lead to what was decided."""
        command = [sys.executable, "-m", "torture.trial", self._database.url]
        tried = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
        if tried.returncode:
            self._judge.verdict.wrong("trial-is-true", f"{tried.stdout[-500:]}{tried.stderr[-500:]}")

    def _generate(self, seconds: float) -> None:
        started, done = time.monotonic(), 0
        while (now := time.monotonic()) < started + seconds:
            if done < (now - started) * self.plan.changes_per_s and self._postman.backlog() < MAX_BACKLOG:
                self._generator.step()
                self.result.changes += 1
                done += 1
            else:
                time.sleep(0.005)

    def _settle(self, *, is_dropping: bool) -> None:
        """Wait until everything is at its end; whether it is, the judge says."""
        book, deadline = ledger.Ledger(self._database), time.monotonic() + SETTLES_WITHIN_S
        while time.monotonic() < deadline:
            if self._postman.is_idle() and not book.open_work() and (not is_dropping or self._judge_sees_all(book)):
                return
            time.sleep(0.3)

    def _judge_sees_all(self, book: ledger.Ledger) -> bool:
        """Return whether catch-up has found everything; once it has, a round need not wait any longer."""
        decided, announced = book.decided_notes(), book.announced()
        return all(
            ticket.id in announced and all((note.kind, note.id) in decided for note in ticket.notes)
            for ticket in self._generator.tickets.values()
            if ticket.touched and ticket.deleted_at is None
        )

    def _configure(self, **config: Any) -> None:
        for _ in range(100):
            try:
                fixtures.Api(self._api_url())("PUT", "/config", **config)
            except (RuntimeError, OSError):
                time.sleep(0.2)
            else:
                return
        raise RuntimeError("no server takes the configuration")

    def _bugs(self) -> list[str]:
        """Return what the servers have logged that no fault explains."""
        with self._servers.log_file.open("rb") as file:
            file.seek(self._log_offset)
            text = file.read()
        self._log_offset += len(text)
        lines = text.decode(errors="replace").splitlines()
        found = [line for line in lines if any(mark in line for mark in _BUG)]
        strange = Counter(line[:300] for line in lines if not line.startswith("{") and "Traceback" in line)
        visits = [f"no-stray-requests: the attacker's key server was asked for {path}" for path in self._trap.visits]
        self._trap.visits.clear()
        return visits + [f"bug: {line[-1500:]}" for line in [*found, *strange]]

    def _problems_of_servers(self) -> list[str]:
        found = [each if ": " in each else f"server: {each}" for each in self._servers.tally.problems]
        self._servers.tally.problems.clear()
        return found

    def _sum_up(self, seconds: float) -> None:
        tally, post, result = self._servers.tally, self._postman.post, self.result
        result.database, result.seconds = self._database.name, round(seconds)
        result.hooks, result.kills = len(post.accepted) + post.replayed, sum(tally.kills.values())
        result.violations = self._judge.verdict.violations
        result.counts = {
            "hooks accepted": len(post.accepted),
            "hooks replayed and known": post.replayed,
            "answers": dict(post.answers),
            "kills": dict(tally.kills),
            "starts": tally.starts,
            "rolling restarts": tally.rolling,
            "pauses": tally.pauses,
            "starts on another machine of the same name": tally.moves,
            "starts without a database": tally.failed_starts,
            "peak memory of a server, MB": round(tally.peak_rss_mb),
            "slowest answer to a hook, s": round(post.slowest_s, 2),
            "troubles": dict(self._hands.done),
            "changes": dict(self._generator.did),
            "checked": dict(self._judge.verdict.counted),
            "events": dict(ledger.Ledger(self._database).event_counts()),
            "disk could run full": self._database.disk.can_fill,
            "log": str(self._servers.log_file),
        }

    def _tell(self, seconds: float) -> None:
        post, counted = self._postman.post, self._judge.verdict.counted
        sys.stderr.write(
            f"{self._database.name}: round {self.result.rounds}, {seconds:.0f} s, "
            f"{len(post.accepted) + post.replayed} hooks acknowledged, {self.result.changes} changes, "
            f"{sum(self._servers.tally.kills.values())} kills, "
            f"{counted['notifications checked']} notifications, {counted['duplicates, flagged']} flagged duplicates, "
            f"{len(self._judge.verdict.violations)} violations\n"
        )
        for promise, what in self._judge.verdict.violations[:20]:
            sys.stderr.write(f"  {promise}: {what[:1500]}\n")
        sys.stderr.flush()

    def _api_url(self) -> str:
        host, port = self._servers.slots[0].address
        return f"http://{host}:{port}"

    def _is_ready(self) -> bool:
        return bool(processes._answers(f"{self._api_url()}/readyz"))


def run(plan: Plan) -> Result:
    """Run one campaign."""
    return Campaign(plan).run()


def as_json(results: list[Result], **more: Any) -> str:
    """Return results as the document that the report is written from."""
    rows = [{**vars(each)} for each in results]
    return json.dumps({**more, "campaigns": rows}, indent=2) + "\n"


def phases() -> Iterator[str]:
    """Name every trouble that a campaign can bring."""
    yield from ("kill-at-step", "kill-random", *fault_schedule.CONNECTWISE, *fault_schedule.WEBEX)
    yield from (*fault_schedule.SERVERS, fault_schedule.PAUSED_LONG, *fault_schedule.DATABASES, *fault_schedule.HOOKS)
