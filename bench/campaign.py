"""One run of the benchmark, phase by phase, on one instance.

What is compared is interleaved: every round has its payments, its pgbench and its merchants, so a
disk or a neighbour that changes its mind changes all of them. Medians over the rounds are the
figures; all rounds are reported.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import uvloop

from bench import load, machine, payments
from bench.database import NoDatabase, database_url
from bench.instance import Instance, NostroFailed
from bench.ledger_campaign import LedgerCampaign
from bench.pgbench import NoPgbench, Pgbench, prepare
from bench.pgledger import NoPgledger
from bench.webhooks import Webhooks

IDLE_SECONDS = 3.0
OPEN_RATE = 200
SYNCS_PER_PAYMENT = 2
T = TypeVar("T")


@dataclass(frozen=True)
class Sizes:
    """How long and how much."""

    seconds: float = 10.0
    rounds: int = 3
    open_seconds: float = 20.0
    warm_up_seconds: float = 5.0
    merchants: int = 1000
    scale: int = 50
    clients: int = 16
    connections: int = 64
    drain_seconds: float = 60.0


QUICK = Sizes(2.0, 3, 5.0, 1.0, 100, 10, 16, 64, 20.0)


def say(text: str) -> None:
    """Progress, for a person; the report alone goes to standard output."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


class Campaign:
    """Fills `report` as it goes, so that what was measured before an error is not lost."""

    def __init__(
        self, instance: Instance, webhooks: Webhooks, sizes: Sizes, ledger: LedgerCampaign
    ) -> None:
        self._instance, self._webhooks, self._sizes = instance, webhooks, sizes
        self._ledger = ledger
        self.report: dict[str, Any] = {"missing": {}}
        self._mine = [instance.secret_key]
        self._rounds: list[dict[str, Any]] = []
        self._told_of_all = False

    def run(self) -> None:
        """All phases. Raises NostroFailed when there is nothing left to measure."""
        say("cold start")
        self.report["cold_start"] = self._instance.start()
        self._told_of_all = self._try("webhooks", self._register, False)
        self._idle()
        merchants, pgbench = self._merchants(), self._pgbench()
        say("warm-up")
        self._pay("warm-up", self._sizes.warm_up_seconds)
        for number in range(1, self._sizes.rounds + 1):
            say(f"round {number} of {self._sizes.rounds}")
            self._rounds.append(self._round(merchants, pgbench))
        self._summarize()
        self._open_loop()
        self._finish()
        self._ledger_rounds(pgbench)

    def _register(self) -> bool:
        self._webhooks.register(self._instance)
        return True

    def _round(self, merchants: Sequence[str], pgbench: Pgbench | None) -> dict[str, Any]:
        paid, cpu = self._pay_watched("payments")
        row: dict[str, Any] = {"payments": paid.as_json(), "cpu_us_per_payment": cpu}
        if pgbench is not None:
            row["pgbench_tps"] = self._tps(pgbench)
        if merchants:
            for name, keys in (("one_merchant", merchants[:1]), ("many_merchants", merchants)):
                row[name] = self._pay(name, self._sizes.seconds, keys).as_json()
        return row

    def _pay(self, phase: str, seconds: float, keys: Sequence[str] | None = None) -> load.Result:
        chosen = keys or self._mine
        result = _run_loop(
            load.closed_loop(
                self._instance.host,
                self._instance.port,
                payments.requests(self._instance.host, chosen),
                seconds=seconds,
                connections=self._sizes.connections,
            )
        )
        self._told(phase, result, chosen)
        return result

    def _told(self, phase: str, result: load.Result, keys: Sequence[str]) -> None:
        say(f"  {phase}: {result.per_second:.0f}/s")
        if not self._told_of_all:
            return
        if keys == self._mine:
            self._webhooks.expected += result.accepted
        # The next phase must not pay for the webhooks of this one.
        self._webhooks.drain(phase, self._sizes.drain_seconds)

    def _pay_watched(self, phase: str) -> tuple[load.Result, dict[str, float]]:
        before, began = machine.cpu_by_role(self._processes()), time.process_time()
        chosen = self._mine
        result = self._pay(phase, self._sizes.seconds, chosen)
        after = machine.cpu_by_role(self._processes())
        used = {role: after[role] - before.get(role, 0.0) for role in after}
        used["load generator"] = time.process_time() - began
        each = 1e6 / max(1, result.accepted)
        return result, {role: round(spent * each, 1) for role, spent in used.items()}

    def _tps(self, pgbench: Pgbench) -> float | None:
        try:
            tps = round(pgbench.run(max(1, round(self._sizes.seconds))), 1)
        except NoPgbench as error:
            self._without("pgbench", error)
            return None
        say(f"  pgbench: {tps:.0f} tps")
        return tps

    def _summarize(self) -> None:
        rates = [row["payments"]["per_second"] for row in self._rounds]
        tps = [row.get("pgbench_tps") for row in self._rounds]
        ratios = [paid / own for paid, own in zip(rates, tps, strict=True) if own]
        self.report["payments"] = {"per_second": _median(rates), "rounds": rates}
        self.report["pgbench"] = {"tps": _median([t for t in tps if t]), "rounds": tps}
        self.report["ratio"] = _median(ratios, 3)
        self.report["hot_merchant"] = self._hot()
        self.report["cpu_us_per_payment"] = self._cpu()
        self.report["rounds"] = self._rounds

    def _hot(self) -> dict[str, Any] | None:
        pairs = [
            row["one_merchant"]["per_second"] / row["many_merchants"]["per_second"]
            for row in self._rounds
            if row.get("many_merchants", {}).get("per_second")
        ]
        if not pairs:
            return None
        rounds = [round(pair, 3) for pair in pairs]
        return {"merchants": self._sizes.merchants, "ratio": _median(pairs, 3), "rounds": rounds}

    def _cpu(self) -> dict[str, float | None]:
        rows = [row["cpu_us_per_payment"] for row in self._rounds]
        roles = sorted({role for row in rows for role in row})
        return {role: _median([row[role] for row in rows if role in row]) for role in roles}

    def _open_loop(self) -> None:
        say(f"open loop, {OPEN_RATE}/s")
        disk = machine.fdatasync_ms(self._instance.data_dir)
        result = _run_loop(
            load.open_loop(
                self._instance.host,
                self._instance.port,
                payments.requests(self._instance.host, self._mine),
                rate=OPEN_RATE,
                seconds=self._sizes.open_seconds,
                connections=self._sizes.connections,
            )
        )
        self._told("open loop", result, self._mine)
        self.report["open_loop"] = {
            "rate": OPEN_RATE,
            **result.as_json(),
            "fdatasync": disk,
            **_own(result, SYNCS_PER_PAYMENT * disk["median_ms"]),
        }

    def _finish(self) -> None:
        self.report["memory_after_load"] = machine.memory_by_role(self._processes())
        self.report["webhooks"] = self._webhooks.as_json() if self._told_of_all else None
        say("verify")
        try:
            self.report["verify"] = self._instance.verify()
        except NostroFailed as error:
            self._without("verify", error)

    def _ledger_rounds(self, pgbench: Pgbench | None) -> None:
        self.report["ledger"] = self._ledger.report
        try:
            self._ledger.run(pgbench)
        except (NoDatabase, NoPgbench, NoPgledger, psycopg.Error) as error:
            self._without("ledger", error)

    def _idle(self) -> None:
        time.sleep(IDLE_SECONDS)
        memory = machine.memory_by_role(machine.tree(self._instance.pid))
        self.report["memory_idle"] = memory
        self.report["idle_rss_mb"] = round(sum(row["rss_mb"] for row in memory.values()), 1)
        self.report["idle_pss_mb"] = round(sum(row["pss_mb"] for row in memory.values()), 1)

    def _merchants(self) -> list[str]:
        say(f"{self._sizes.merchants} merchants")
        return self._try(
            "hot_merchant", lambda: self._instance.merchants(self._sizes.merchants), []
        )

    def _pgbench(self) -> Pgbench | None:
        return self._try("pgbench", lambda: tpcb(self._instance.data_dir, self._sizes), None)

    def _try(self, name: str, make: Callable[[], T], otherwise: T) -> T:
        try:
            return make()
        except (NostroFailed, NoPgbench, NoDatabase, psycopg.Error) as error:
            self._without(name, error)
            return otherwise

    def _without(self, name: str, error: Exception) -> None:
        say(f"no {name}: {error}")
        self.report["missing"][name] = str(error)

    def _processes(self) -> list[machine.Process]:
        return machine.tree(self._instance.pid) + machine.tree(self._webhooks.pid)


def tpcb(data_dir: Path, sizes: Sizes) -> Pgbench:
    """A filled TPC-B database on the server of a data directory. Raises NoPgbench, NoDatabase, psycopg.Error."""
    say(f"pgbench, scale {sizes.scale}")
    return prepare(database_url(data_dir), sizes.scale, sizes.clients)


def _run_loop(run: Any) -> load.Result:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result: load.Result = runner.run(run)
    return result


def _median(values: Sequence[float], digits: int = 1) -> float | None:
    return round(statistics.median(values), digits) if values else None


def _own(result: load.Result, syncs_ms: float) -> dict[str, float | None]:
    """Latency less the two waits for the disk that no payment can do without."""
    found = result.latencies.summary()
    names = ("p50", "p99")
    return {
        f"own_{name}_ms": round(found[f"{name}_ms"] - syncs_ms, 3) if found else None
        for name in names
    }
