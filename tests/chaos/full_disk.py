"""The disk is full: PostgreSQL's directory is a small file system of its own, and somebody fills it, several times.

Everything that it holds must survive; what it cannot take must be refused; when there is room again, all goes on. Halfway
PostgreSQL is asked for a new segment of its log, for which there is no room: it panics, and cannot even recover until then.
"""

import asyncio
import contextlib
import os
import subprocess
from pathlib import Path
from typing import Any

import psycopg

from nostro.db.running import socket_directory
from nostro.db.server_settings import ADMIN
from nostro.db.urls import socket_url
from tests.chaos.run import Failed, Run, Size, Unable
from tests.chaos.witness import Witness

SIZE = Size(payments=900, seconds=40.0, rounds=0, stalls=0, whole=0, last=50, clients=16, stops=0)
DISK_BYTES = 512 * 1024 * 1024
BLOCK = b"\0" * 1024 * 1024
TIMES = 2
QUIET_SECONDS = 6.0
FULL_SECONDS = 8.0
SEGMENTS = 40  # more than are kept ready
ENDED = "PostgreSQL ended with"
REFUSED = "No space left on device"


class FullDisk(Run):
    """Needs the right to mount."""

    def __init__(self) -> None:
        super().__init__(SIZE)
        self._disk = self.stack.data_dir / "postgres"
        self._disk.mkdir(parents=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=755", "chaos", self._disk]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise Unable(f"no file system can be mounted here: {done.stderr.strip()}")

    def _clean_up(self) -> None:
        subprocess.run(["umount", "--lazy", self._disk], check=True)
        super()._clean_up()

    async def _ill_treat(self, witness: Witness) -> dict[str, Any]:
        _, refused = await asyncio.gather(self._pay(witness), self._harm())
        ended = self._count(ENDED)
        if not refused or not ended:
            raise Failed("the disk was full, and nobody noticed")
        return {
            "times_full": TIMES,
            "refused_for_want_of_space": refused,
            "postgresql_ended": ended,
        }

    async def _harm(self) -> int:
        filler = self._disk / "filler"
        refused = 0
        for _ in range(TIMES):
            await asyncio.sleep(QUIET_SECONDS)
            self.stack.note("now: the disk is full")
            refused += await self._full(filler)
        return refused

    async def _full(self, filler: Path) -> int:
        """Fill it, and what is freed meanwhile too, for a while; how often that was in somebody's way."""
        before = self._count(REFUSED)
        try:
            await self._keep_full(filler)
            await asyncio.to_thread(self._ask_for_a_segment)
            await self._keep_full(filler)
            return self._count(REFUSED) - before
        finally:
            filler.unlink()

    async def _keep_full(self, filler: Path) -> None:
        give_up = asyncio.get_running_loop().time() + FULL_SECONDS / 2
        while asyncio.get_running_loop().time() < give_up:
            _fill(filler)
            await asyncio.sleep(0.2)

    def _ask_for_a_segment(self) -> None:
        url = socket_url(str(socket_directory(self._disk)), "postgres", ADMIN)
        with contextlib.suppress(psycopg.Error), psycopg.connect(url, autocommit=True) as admin:
            for _ in range(SEGMENTS):
                admin.execute("SELECT pg_switch_wal()")
                admin.execute("SELECT pg_logical_emit_message(false, 'chaos', 'full')")

    def _count(self, text: str) -> int:
        return self.stack.log_path.read_text("utf-8", "replace").count(text)


def _fill(file: Path) -> None:
    """Append until nothing fits, to the last page."""
    with file.open("ab", buffering=0) as out:
        for block in (BLOCK, BLOCK[:4096]):
            try:
                while os.write(out.fileno(), block):
                    pass
            except OSError:
                continue
