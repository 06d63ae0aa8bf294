"""The clock of API and worker jumps, an hour ahead and ten minutes back, while payments are made; the worker is killed there.

The database's and the acquirer's clocks stay right, as where they are other machines.
"""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

from tests.chaos.run import Run, Size, Unable
from tests.chaos.up import PRELOADED
from tests.chaos.witness import Witness

SIZE = Size(payments=900, seconds=36.0, rounds=0, stalls=0, whole=0, last=50, clients=16, stops=0)
LIBRARIES = ("/usr/lib/{}-linux-gnu/faketime/libfaketimeMT.so.1",)
JUMPS_SECONDS = (3_600, -600, 0)
BETWEEN_SECONDS = 9.0


class ClockJumps(Run):
    """Needs libfaketime."""

    def __init__(self) -> None:
        library = next((path for path in map(_here, LIBRARIES) if Path(path).exists()), None)
        if library is None:
            raise Unable("libfaketime is not installed")
        super().__init__(SIZE)
        self._offset = self.directory / "offset"
        self._jump(0)
        self.stack.children[PRELOADED] = library
        self.stack.children["FAKETIME_TIMESTAMP_FILE"] = str(self._offset)
        self.stack.children["FAKETIME_NO_CACHE"] = "1"
        self.stack.children["FAKETIME_DONT_FAKE_MONOTONIC"] = "1"

    async def _ill_treat(self, witness: Witness) -> dict[str, Any]:
        await asyncio.gather(self._pay(witness), self._harm())
        return {"jumps_seconds": JUMPS_SECONDS}

    async def _harm(self) -> None:
        for seconds in JUMPS_SECONDS:
            await asyncio.sleep(BETWEEN_SECONDS)
            self.stack.note(f"now: the clock is {seconds} s ahead")
            self._jump(seconds)
            for worker in self.stack.find("worker"):
                os.kill(worker, signal.SIGKILL)

    def _jump(self, seconds: int) -> None:
        new = self._offset.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.replace(self._offset)


def _here(path: str) -> str:
    return path.format(os.uname().machine)
