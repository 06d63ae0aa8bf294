"""`nostro conformance`: does an adapter do what the rooms rely on? Prints the report; the exit code says whether."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress

from nostro.cli.programs import print_json
from nostro.conformance.guard import left_behind
from nostro.conformance.result import Result, passes, to_json, to_text
from nostro.conformance.scenarios import SCENARIOS
from nostro.conformance.subject import load
from nostro.conformance.suite import examine
from nostro.kernel.errors import Misconfigured
from nostro.system import SystemClock

CONFORMS, FAILS = 0, 1


async def run(adapter: str, call_ms: int, as_json: bool) -> int:
    """Examine the adapter that MODULE[:FACTORY] gives. Raises Misconfigured if it gives none."""
    try:
        subject = load(adapter)
        with _progress(as_json) as told:
            results = await examine(subject, SystemClock(), call_ms, told, stuck=_stuck)
    except SystemExit as error:
        raise Misconfigured(f"{adapter} ends the program: {type(error).__name__}") from None
    if as_json:
        print_json(to_json(adapter, results))
    else:
        print(to_text(adapter, results))
    code = CONFORMS if passes(results) else FAILS
    if await left_behind():  # whoever waits for them waits for ever
        sys.stdout.flush()
        os._exit(code)
    return code


def _stuck(playing: Sequence[str]) -> None:
    """Nothing else runs any more: say what was being played, and end."""
    sys.stderr.write(f"The adapter blocks the event loop. Being played: {'; '.join(playing)}\n")
    sys.stderr.flush()
    os._exit(FAILS)


@contextmanager
def _progress(as_json: bool) -> Iterator[Callable[[Result], None]]:
    console = Console(stderr=True)
    hidden = as_json or not console.is_terminal
    with Progress(console=console, disable=hidden, transient=True) as bar:
        task = bar.add_task("Scenarios", total=len(SCENARIOS))
        yield lambda _: bar.advance(task)
