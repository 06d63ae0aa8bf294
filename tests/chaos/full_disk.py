"""The disk is full: PostgreSQL's directory is a small file system of its own, and somebody fills it, several times.

Everything that it holds must survive; what it cannot take must be refused; when there is room again, all goes on.
"""

import asyncio
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.chaos.run import Failed, Run, Size, Unable
from tests.chaos.witness import Witness

SIZE = Size(payments=900, seconds=40.0, rounds=0, stalls=0, whole=0, last=50, clients=16, stops=0)
DISK_BYTES = 512 * 1024 * 1024
BLOCK = b"\0" * 1024 * 1024
TIMES = 2
QUIET_SECONDS = 6.0
FULL_SECONDS = 8.0
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
        return {"times_full": TIMES, "refused_for_want_of_space": refused}

    async def _harm(self) -> int:
        filler = self._disk / "filler"
        refused = 0
        for _ in range(TIMES):
            await asyncio.sleep(QUIET_SECONDS)
            self.stack.note("now: the disk is full")
            refused += await self._full(filler)
        if not refused:
            raise Failed("the disk was full, and nobody noticed")
        return refused

    async def _full(self, filler: Path) -> int:
        """Fill it, and what is freed meanwhile too, for a while; how often that was in somebody's way."""
        before = self._refusals()
        give_up = asyncio.get_running_loop().time() + FULL_SECONDS
        try:
            while asyncio.get_running_loop().time() < give_up:
                _fill(filler)
                await asyncio.sleep(0.2)
            return self._refusals() - before
        finally:
            filler.unlink()

    def _refusals(self) -> int:
        return self.stack.log_path.read_text("utf-8", "replace").count(REFUSED)


def _fill(file: Path) -> None:
    """Append until nothing fits, to the last page."""
    with file.open("ab", buffering=0) as out:
        for block in (BLOCK, BLOCK[:4096]):
            try:
                while os.write(out.fileno(), block):
                    pass
            except OSError:
                continue
