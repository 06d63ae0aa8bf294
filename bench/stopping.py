"""Stops what the benchmark started: by process id, children included, whatever happened before."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable

from bench import machine

ORDERLY_SECONDS = 20.0


def stop(child: subprocess.Popen[str], orderly_seconds: float = ORDERLY_SECONDS) -> None:
    """SIGTERM to a child we started; whatever of its tree is left after that gets SIGKILL."""
    family = machine.tree(child.pid) if child.poll() is None else []
    if child.poll() is None:
        child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(orderly_seconds)
    family += machine.tree(child.pid) if child.poll() is None else []
    _kill_survivors(family)
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe:
            pipe.close()


def _kill_survivors(family: Iterable[machine.Process]) -> None:
    for member in family:
        now = machine.process(member.pid)
        if now is not None and now.started == member.started:
            with contextlib.suppress(ProcessLookupError):
                os.kill(member.pid, signal.SIGKILL)
    time.sleep(0.05)
