"""What the machine did: the disk's fdatasync, and CPU and memory of processes by role.

Reads /proc, so Linux only. A process that ends between two looks is not lost: the kernel adds its
time to its parent's children's time once the parent has waited for it, and that is counted here.
"""

import os
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
BLOCK_BYTES = 8192
# The first word found in a command line names the role; the order matters.
ROLES = ("postgres", "sandbox", "worker", "api", "receiver", "up")


@dataclass(frozen=True)
class Process:
    """A process as /proc shows it. `started` (ticks since boot) tells it from a later namesake."""

    pid: int
    parent: int
    started: int
    cpu_seconds: float
    command: str

    @property
    def role(self) -> str:
        """The role its command line names, else the program's own name."""
        words = self.command.replace("/", " ").replace(":", " ").replace(".", " ").split()
        found = (role for role in ROLES if role in words)
        return next(found, words[0] if words else f"pid {self.pid}")


def core_count() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0))


def process(pid: int) -> Process | None:
    """One process, or None if it has ended."""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        command = (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return None
    ticks = sum(int(field) for field in fields[11:15])
    return Process(pid, int(fields[1]), int(fields[19]), ticks / TICKS_PER_SECOND, command.strip())


def tree(root: int) -> list[Process]:
    """The process `root` and everything below it; empty if it has ended."""
    running = {found.pid: found for found in map(process, _pids()) if found is not None}
    members = {root} & running.keys()
    while more := {p.pid for p in running.values() if p.parent in members} - members:
        members |= more
    return [running[pid] for pid in sorted(members)]


def cpu_by_role(processes: Iterable[Process]) -> dict[str, float]:
    """Seconds of user and system time, their ended children's included."""
    total: dict[str, float] = {}
    for each in processes:
        total[each.role] = total.get(each.role, 0.0) + each.cpu_seconds
    return total


def memory_by_role(processes: Iterable[Process]) -> dict[str, dict[str, Any]]:
    """Resident and proportional set size in MB; PSS counts shared pages once, split fairly."""
    total: dict[str, dict[str, Any]] = {}
    for each in processes:
        rss, pss = _memory(each.pid)
        row = total.setdefault(each.role, {"processes": 0, "rss_mb": 0.0, "pss_mb": 0.0})
        row["processes"] += 1
        row["rss_mb"] = round(row["rss_mb"] + rss, 1)
        row["pss_mb"] = round(row["pss_mb"] + pss, 1)
    return total


def fdatasync_ms(directory: Path, samples: int = 200) -> dict[str, float]:
    """How long an 8 KB append and its fdatasync take on the disk of `directory`."""
    path = directory / "fdatasync.probe"
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    try:
        taken = sorted(_append(file) for _ in range(samples))
    finally:
        os.close(file)
        path.unlink()
    return {
        "samples": samples,
        "median_ms": round(statistics.median(taken), 3),
        "p99_ms": round(taken[max(0, -(-samples * 99 // 100) - 1)], 3),
    }


def _append(file: int) -> float:
    began = time.perf_counter_ns()
    os.write(file, bytes(BLOCK_BYTES))
    os.fdatasync(file)
    return (time.perf_counter_ns() - began) / 1e6


def _pids() -> list[int]:
    return [int(name) for name in os.listdir(PROC) if name.isdigit()]


def _memory(pid: int) -> tuple[float, float]:
    sizes = {"Rss:": 0, "Pss:": 0}
    try:
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(" ")
            if name in sizes:
                sizes[name] = int(rest.split()[0])
    except (OSError, ProcessLookupError):
        return 0.0, 0.0
    return sizes["Rss:"] / 1024, sizes["Pss:"] / 1024
