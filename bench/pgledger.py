"""pgledger, a ledger in PL/pgSQL, in a database of its own on the same server, for comparison.

Its SQL is not ours and is not shipped: whoever wants the comparison names the file, or a checkout.
Single calls are pgbench's, with a prepared statement; its call for an array of transfers is sent
by one connection, the array made before the clock starts. Accounts have no limits, as ours have none.
"""

import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from bench import database
from bench.latency import Latencies
from bench.metering import Meter, Work
from bench.pgbench import find_program, run_script

DATABASE = "nostro_bench_pgledger"
MAIN_FILE = "pgledger.sql"
# What its own instructions load before it; beside the file in a checkout.
BEFORE = (
    "vendor/scoville-pgsql-ulid/ulid-to-uuid.sql",
    "vendor/scoville-pgsql-ulid/uuid-to-ulid.sql",
)
ARRAY_SIZE = 1_000
AMOUNT_MAX = 1_000
WARM_CALLS = 3
MARGIN = 2.0
# Ids of the length it makes itself, so that they can be computed from a number.
RENUMBER = "UPDATE pgledger_accounts SET id = 'pgla_' || lpad(name, 26, '0')"
OPEN = "SELECT count(*) FROM generate_series(0, %s) AS n, pgledger_create_account(n::text, 'USD')"
SINGLE = """\
\\set f random(0, {last})
\\set t (:f + random(1, {last})) % {count}
SELECT id FROM pgledger_create_transfer('pgla_' || lpad(:f::int::text, 26, '0'), \
'pgla_' || lpad(:t::int::text, 26, '0'), random(1, {amount})::int);
"""
SINGLE_HOT = """\
\\set f random(1, {last})
SELECT id FROM pgledger_create_transfer('pgla_' || lpad(:f::int::text, 26, '0'), \
'pgla_' || lpad('0', 26, '0'), random(1, {amount})::int);
"""
ARRAY = "SELECT id FROM pgledger_create_transfers(%s::transfer_request[])"
CONSERVATION = {
    "entries sum to zero": "SELECT sum(amount) <> 0 FROM pgledger_entries",
    "two entries for each transfer": "SELECT (SELECT count(*) FROM pgledger_entries)"
    " <> 2 * (SELECT count(*) FROM pgledger_transfers)",
    "balances are the sums of entries": "SELECT count(*) > 0 FROM pgledger_accounts AS a LEFT JOIN"
    " (SELECT account_id, sum(amount) AS total, count(*) AS version FROM pgledger_entries GROUP BY 1)"
    " AS e ON e.account_id = a.id WHERE a.balance <> coalesce(e.total, 0)"
    " OR a.version <> coalesce(e.version, 0)",
}


class NoPgledger(Exception):
    """Its SQL is not where it was said to be; the message names the file."""


@dataclass(frozen=True)
class Phase:
    """One row of the table: random or hot, one call for many transfers or single calls of clients."""

    name: str
    hot: bool
    clients: int = 1
    array: bool = False


PHASES = (
    Phase("random_1_client", hot=False),
    Phase("random_16_clients", hot=False, clients=16),
    Phase("array_1000_random", hot=False, array=True),
    Phase("array_1000_hot", hot=True, array=True),
    Phase("hot_1_client", hot=True),
    Phase("hot_16_clients", hot=True, clients=16),
)


def read(path: Path) -> str:
    """Its SQL, from a checkout or from one file (what it needs before it is looked for beside it). Raises NoPgledger."""
    main = path / MAIN_FILE if path.is_dir() else path
    before = (main.parent / name for name in BEFORE)
    try:
        return "\n".join(file.read_text() for file in (*filter(Path.exists, before), main))
    except OSError as error:
        raise NoPgledger(f"{main}: {error.strerror}") from error


class Pgledger:
    """Its database, filled with accounts. Raises NoPgledger, NoPgbench, psycopg.Error."""

    def __init__(self, admin_url: str, text: str, server_pid: int, accounts: int) -> None:
        self._program, self._accounts = find_program(), accounts
        self._random = random.Random(1)
        database.create(admin_url, DATABASE)
        self._url = database.at(admin_url, DATABASE)
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(text.encode())
            connection.execute(OPEN, [accounts - 1])
            connection.execute(RENUMBER)
            connection.execute("VACUUM (FULL, ANALYZE) pgledger_accounts")
        self._meter = Meter(self._url, server_pid)

    def close(self) -> None:
        """Close the connection of the meter."""
        self._meter.close()

    def measure(self, phase: Phase, seconds: float) -> dict[str, Any]:
        """One phase. Raises NoPgbench, psycopg.Error."""
        return self._arrays(phase, seconds) if phase.array else self._singles(phase, seconds)

    def verify(self) -> dict[str, Any]:
        """Conservation, from its own rows."""
        with psycopg.connect(self._url) as connection:
            off = [name for name, query in CONSERVATION.items() if _true(connection, query)]
        return {"conserved": not off, "checks": list(CONSERVATION), "off": off}

    def _singles(self, phase: Phase, seconds: float) -> dict[str, Any]:
        last, text = self._accounts - 1, SINGLE_HOT if phase.hot else SINGLE
        script = text.format(last=last, count=self._accounts, amount=AMOUNT_MAX)
        whole = max(1, round(seconds))
        with tempfile.TemporaryDirectory(prefix="nostro-bench-") as folder:
            self._meter.begin()
            work = run_script(
                self._program, self._url, script, Path(folder), clients=phase.clients, seconds=whole
            )
            spent = self._meter.end()
        return spent.as_json(work)

    def _arrays(self, phase: Phase, seconds: float) -> dict[str, Any]:
        with psycopg.connect(self._url, autocommit=True) as connection:
            warm = self._timed(connection, [self._array(phase.hot)] * WARM_CALLS, seconds)
            count = max(2, int(WARM_CALLS / warm.seconds * seconds * MARGIN))
            arrays = [self._array(phase.hot) for _ in range(count)]
            self._meter.begin()
            work = self._timed(connection, arrays, seconds)
            spent = self._meter.end()
        return spent.as_json(work)

    def _timed(
        self, connection: "psycopg.Connection[Any]", arrays: list[str], seconds: float
    ) -> Work:
        work, began = Work(0, 0.0, Latencies()), time.perf_counter()
        for array in arrays:
            at = time.perf_counter_ns()
            rows = connection.execute(ARRAY, [array], prepare=True)
            assert len(rows.fetchall()) == ARRAY_SIZE
            work.latencies.add(time.perf_counter_ns() - at)
            work.transfers += ARRAY_SIZE
            if time.perf_counter() - began >= seconds:
                break
        work.seconds = time.perf_counter() - began
        return work

    def _array(self, hot: bool) -> str:
        return "{" + ",".join(self._requests(hot)) + "}"

    def _requests(self, hot: bool) -> Iterator[str]:
        draw = self._random.randrange
        for _ in range(ARRAY_SIZE):
            to = 0 if hot else draw(self._accounts)
            source = (to + 1 + draw(self._accounts - 1)) % self._accounts
            yield f'"(pgla_{source:026},pgla_{to:026},{1 + draw(AMOUNT_MAX)})"'


def _true(connection: "psycopg.Connection[Any]", query: str) -> bool:
    row = connection.execute(query.encode()).fetchone()
    return bool(row and row[0])
