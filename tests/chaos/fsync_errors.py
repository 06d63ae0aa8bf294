"""The disk says no: fsync and fdatasync of every PostgreSQL process fail with EIO, by ptrace, while payments are made.

PostgreSQL has to panic, since nobody knows what of its pages the kernel has dropped, and to recover from its log.
"""

import asyncio
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.chaos.run import Failed, Run, Size, Unable
from tests.chaos.witness import Witness

SIZE = Size(payments=900, seconds=30.0, rounds=0, stalls=0, whole=0, last=50, clients=16, stops=0)
TIMES = 3
QUIET_SECONDS = 4.0
PANIC_SECONDS = 20.0
# From its second on, of each process.
INJECTED = "fsync,fdatasync:error=EIO:when=2+"


class FsyncErrors(Run):
    """Several times, until PostgreSQL has panicked each time."""

    def __init__(self) -> None:
        if shutil.which("strace") is None:
            raise Unable("strace is not installed")
        super().__init__(SIZE)

    async def _ill_treat(self, witness: Witness) -> dict[str, Any]:
        _, panics = await asyncio.gather(self._pay(witness), self._harm())
        return {"panics": panics}

    async def _harm(self) -> int:
        for time in range(TIMES):
            await asyncio.sleep(QUIET_SECONDS)
            await self._until_panic(time)
        return self._panics()

    async def _until_panic(self, time: int) -> None:
        before = self._panics()
        trace = self.directory / f"strace-{time}.log"
        self.stack.note("now: fsync fails")
        strace = self._attach(trace)
        try:
            async with asyncio.timeout(PANIC_SECONDS):
                while self._panics() == before:
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise Failed(f"no panic; see {trace} and {self._server_log}") from None
        finally:
            strace.terminate()
            await asyncio.to_thread(strace.wait)

    def _attach(self, trace: Path) -> "subprocess.Popen[bytes]":
        servers = [p.pid for p in self.stack.processes() if "postgres" in p.command.split(" ")[0]]
        which = [word for pid in servers for word in ("-p", str(pid))]
        what = ["-e", "trace=fsync,fdatasync", "-e", f"inject={INJECTED}", "-o", str(trace)]
        return subprocess.Popen(
            ["strace", "-f", "-qq", *what, *which],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def _panics(self) -> int:
        return self._server_log.read_text("utf-8", "replace").count("PANIC:")

    @property
    def _server_log(self) -> Path:
        return self.stack.data_dir / "postgres" / "server.log"
