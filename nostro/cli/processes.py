"""`nostro up`: PostgreSQL, API, worker and sandbox, each a process, restarted when they die, stopped in order."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import signal
import sys
from collections.abc import Callable, Mapping, Sequence

FIRST_BACK_OFF_SECONDS = 0.1
LONGEST_BACK_OFF_SECONDS = 5.0
STOP_SECONDS = 10.0
# A child's exit code when a person has to act: starting it again would change nothing.
MISCONFIGURED = 78
_PR_SET_PDEATHSIG = 1
log = logging.getLogger(__name__)


class Child:
    """One child process that is kept running until it is stopped, or says that it is misconfigured."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.name, self._command, self._environment = name, command, dict(environment)
        self.misconfigured = False
        self.process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, give_up: Callable[[], None]) -> None:
        """Start it, and start it again whenever it ends; `give_up` is called if that is of no use."""
        self._task = asyncio.create_task(self._keep_running(give_up), name=self.name)

    async def stop(self) -> None:
        """Ask it to end; end it if it does not."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        process = self.process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _keep_running(self, give_up: Callable[[], None]) -> None:
        back_off = FIRST_BACK_OFF_SECONDS
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            self.process = await asyncio.create_subprocess_exec(
                *self._command, env=self._environment, stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL, start_new_session=True,
                preexec_fn=die_with_parent,
            )  # fmt: skip
            status = await self.process.wait()
            if status == MISCONFIGURED:
                self.misconfigured = True
                give_up()
                return
            lived = loop.time() - began
            back_off = FIRST_BACK_OFF_SECONDS if lived > 10 else back_off * 2
            back_off = min(back_off, LONGEST_BACK_OFF_SECONDS)
            log.warning("%s ended (%s); starting it again in %.1f s", self.name, status, back_off)
            await asyncio.sleep(back_off)


def die_with_parent() -> None:
    """Run in a child before it is what it will be: it is asked to end when its parent has."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def python(*arguments: str) -> list[str]:
    """A command of this interpreter."""
    return [sys.executable, "-m", *arguments]
