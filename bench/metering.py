"""What a phase cost: the log PostgreSQL wrote, its disk and its CPU, and the client's CPU.

WAL and CPU are the whole server's, autovacuum and checkpoints included: nothing else should run.
"""

import resource
import time
from dataclasses import dataclass
from typing import Any

import psycopg

from bench import machine
from bench.latency import Latencies

LSN = "SELECT pg_current_wal_insert_lsn()::text, pg_database_size(current_database())"
LOOKS, SETTLE_SECONDS = 3, 0.01
BYTES = "SELECT pg_wal_lsn_diff(%s, %s)::bigint"
RECORDS = "SELECT sum(count)::bigint FROM pg_get_wal_stats(%s::pg_lsn, %s::pg_lsn)"


@dataclass(frozen=True)
class _Server:
    lsn: str
    disk_bytes: int
    cpu_seconds: float


@dataclass(frozen=True)
class _Reading:
    server: _Server
    client_seconds: float


@dataclass
class Work:
    """What a phase did: transfers asked for, how many of them were refused, and each call's time."""

    transfers: int
    seconds: float
    latencies: Latencies
    rejected: int = 0


class Meter:
    """Reads the meters of one server before and after a phase. `url`: the superuser's, of the phase's database."""

    def __init__(self, url: str, server_pid: int) -> None:
        self._server_pid = server_pid
        self._connection = psycopg.connect(url, autocommit=True)
        self._connection.execute("CREATE EXTENSION IF NOT EXISTS pg_walinspect")
        self.begin()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def begin(self) -> None:
        """The phase begins now."""
        server = self._server()
        self._began = _Reading(server, _client_seconds())

    def end(self) -> "Spent":
        """The phase has ended: what was spent since it began."""
        client = _client_seconds()  # first, as it was last before: reading the rest costs some too
        return Spent(self._connection, self._began, _Reading(self._server(), client))

    def _server(self) -> _Server:
        seconds = max(self._cpu_seconds() for _ in range(LOOKS))
        row = self._connection.execute(LSN).fetchone()
        assert row is not None
        return _Server(row[0], row[1], seconds)

    def _cpu_seconds(self) -> float:
        """One look. A backend that ends during it is missed: its parent was read before it, itself not any more."""
        time.sleep(SETTLE_SECONDS)
        return sum(each.cpu_seconds for each in machine.tree(self._server_pid))


class Spent:
    """The difference of two readings."""

    def __init__(
        self, connection: "psycopg.Connection[Any]", before: _Reading, after: _Reading
    ) -> None:
        self._connection, self._before, self._after = connection, before, after

    def as_json(self, work: Work) -> dict[str, Any]:
        """Per transfer asked for."""
        before, after = self._before.server, self._after.server
        client_seconds = self._after.client_seconds - self._before.client_seconds
        latency = work.latencies.summary() or {}
        each = 1 / max(1, work.transfers)
        ends = (after.lsn, before.lsn)
        return {
            "per_second": round(work.transfers / work.seconds, 1),
            "transfers": work.transfers,
            "rejected": work.rejected,
            "seconds": round(work.seconds, 3),
            "call_p50_ms": latency.get("p50_ms"),
            "call_p99_ms": latency.get("p99_ms"),
            "wal_bytes": round(self._value(BYTES, *ends) * each, 1),
            "wal_records": round(self._value(RECORDS, *reversed(ends)) * each, 2),
            "disk_bytes": round((after.disk_bytes - before.disk_bytes) * each, 1),
            "client_cpu_us": round(client_seconds * 1e6 * each, 1),
            "postgres_cpu_us": round((after.cpu_seconds - before.cpu_seconds) * 1e6 * each, 1),
        }

    def _value(self, query: str, *parameters: str) -> int:
        row = self._connection.execute(query.encode(), parameters).fetchone()
        return int(row[0] or 0) if row else 0


def _client_seconds() -> float:
    """Of this process, and of programs it ran and waited for."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + spent.ru_utime + spent.ru_stime
