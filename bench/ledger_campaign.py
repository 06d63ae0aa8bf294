"""The ledger's rounds: ours, pgledger if it is given, and TPC-B, on one server, interleaved.

Each round runs every phase once, so a disk or a neighbour that changes its mind changes all of
them. A ratio is taken round by round. Every figure has its smallest, its median and its largest.
"""

import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psycopg

from bench import ledger, machine, pgledger
from bench.database import database_url, role_urls, server_pid
from bench.pgbench import NoPgbench, Pgbench

Rounds = list[dict[str, Any]]
# name: (ours, the other's)
RATIOS = {
    "random_1000_to_array_call": ("random_1000", "array_1000_random"),
    "hot_1000_to_hot_array_call": ("hot_1000", "array_1000_hot"),
    "hot_1000_to_hot_singles_1_client": ("hot_1000", "hot_1_client"),
    "hot_1000_to_hot_singles_16_clients": ("hot_1000", "hot_16_clients"),
    "random_1000_to_random_singles_1_client": ("random_1000", "random_1_client"),
    "random_1000_to_random_singles_16_clients": ("random_1000", "random_16_clients"),
    "hot_1000_to_random_1000": ("hot_1000", "random_1000"),
}


@dataclass(frozen=True)
class LedgerSizes:
    """How long each phase of a round, how many rounds, over how many accounts."""

    seconds: float = 3.0
    rounds: int = 5
    accounts: int = 10_000


LEDGER_QUICK = LedgerSizes(1.0, 2, 2_000)


class _Book(Protocol):
    def measure(self, phase: Any, seconds: float) -> dict[str, Any]: ...
    def verify(self) -> dict[str, Any]: ...
    def close(self) -> None: ...


Books = dict[str, tuple[_Book, Sequence[Any]]]


class LedgerCampaign:
    """Fills `report` as it goes. `data_dir` is that of a running server; `say` tells a person."""

    def __init__(
        self, data_dir: Path, sizes: LedgerSizes, path: Path | None, say: Callable[[str], None]
    ) -> None:
        self._data_dir, self._sizes, self._path, self._say = data_dir, sizes, path, say
        self.report: dict[str, Any] = {"rounds": []}

    def run(self, pgbench: Pgbench | None) -> None:
        """All rounds, then conservation. Raises what a phase raises; the books are closed."""
        books = self._books()
        try:
            self.report["fdatasync_before"] = machine.fdatasync_ms(self._data_dir)
            self.report["load_average_before"] = os.getloadavg()
            for number in range(1, self._sizes.rounds + 1):
                self._say(f"ledger, round {number} of {self._sizes.rounds}")
                self.report["rounds"].append(self._round(books, pgbench))
                self.report.update(summary(self.report["rounds"]))
            self.report["load_average_after"] = os.getloadavg()
            self.report["fdatasync_after"] = machine.fdatasync_ms(self._data_dir)
            self._verify(books)
        finally:
            for book, _ in books.values():
                book.close()

    def _books(self) -> Books:
        admin, pid = database_url(self._data_dir), server_pid(self._data_dir)
        urls, accounts = role_urls(self._data_dir, ledger.DATABASE), self._sizes.accounts
        self._say(f"ledger, {accounts} accounts")
        theirs = None if self._path is None else pgledger.read(self._path)
        books: Books = {"ours": (ledger.LedgerBook(admin, urls, pid, accounts), ledger.PHASES)}
        if theirs is None:
            self.report["pgledger_skipped"] = "not given: --pgledger PATH"
        else:
            book = pgledger.Pgledger(admin, theirs, pid, accounts)
            books["pgledger"] = (book, pgledger.PHASES)
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
        return books

    def _round(self, books: Books, pgbench: Pgbench | None) -> dict[str, Any]:
        row: dict[str, Any] = {name: {} for name in books}
        for name, phase in schedule({name: phases for name, (_, phases) in books.items()}):
            row[name][phase.name] = self._phase(name, books[name][0], phase)
        return {**row, "tpcb_tps": self._tps(pgbench), "load_average": os.getloadavg()[0]}

    def _phase(self, name: str, book: _Book, phase: Any) -> dict[str, Any]:
        found = book.measure(phase, self._sizes.seconds)
        self._say(f"  {name} {phase.name}: {found['per_second']:.0f} transfers/s")
        return found

    def _tps(self, pgbench: Pgbench | None) -> float | None:
        if pgbench is None:
            return None
        try:
            return round(pgbench.run(max(1, round(self._sizes.seconds))), 1)
        except NoPgbench as error:
            self._say(f"no TPC-B: {error}")
            return None

    def _verify(self, books: Books) -> None:
        self._say("ledger, conservation")
        self.report["conservation"] = {name: book.verify() for name, (book, _) in books.items()}
        self.report["conserved"] = all(
            found["conserved"] for found in self.report["conservation"].values()
        )


def schedule(phases: dict[str, Sequence[Any]]) -> list[tuple[str, Any]]:
    """The phases of all books in one order in which each book's are spread evenly among the others'."""
    placed = [
        ((number + 1) / len(own), name, phase)
        for name, own in phases.items()
        for number, phase in enumerate(own)
    ]
    return [(name, phase) for _, name, phase in sorted(placed, key=lambda one: one[:2])]


def summary(rounds: Rounds) -> dict[str, Any]:
    """Each figure of each phase, and each ratio, over the rounds so far."""
    report: dict[str, Any] = {"ratios": _ratios(rounds)}
    for name in ("ours", "pgledger"):
        if name in rounds[0]:
            report[name] = {phase: _phase_summary(rounds, name, phase) for phase in rounds[0][name]}
    tps = [row["tpcb_tps"] for row in rounds if row["tpcb_tps"]]
    report["tpcb_tps"] = _spread(tps, 1)
    return report


def _phase_summary(rounds: Rounds, name: str, phase: str) -> dict[str, Any]:
    rows = [row[name][phase] for row in rounds]
    return {figure: _spread([row[figure] for row in rows], 3) for figure in rows[0]}


def _ratios(rounds: Rounds) -> dict[str, Any]:
    found = {}
    for name, (ours, other) in RATIOS.items():
        pairs = [(_rate(row, ours), _rate(row, other)) for row in rounds]
        found[name] = _spread([a / b for a, b in pairs if a and b], 3)
    return found


def _rate(row: dict[str, Any], phase: str) -> float | None:
    for name in ("ours", "pgledger"):
        if phase in row.get(name, {}):
            return float(row[name][phase]["per_second"])
    return None


def _spread(values: Sequence[float | None], digits: int) -> dict[str, float] | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    points = {"min": min(known), "median": statistics.median(known), "max": max(known)}
    return {name: round(value, digits) for name, value in points.items()}
