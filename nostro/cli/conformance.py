"""`nostro conformance`: does an adapter do what the rooms rely on? Prints the report; the exit code says whether."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import Progress

from nostro.conformance.descriptors import ERROR, OUTPUT, duplicate, taken
from nostro.conformance.guard import left_behind
from nostro.conformance.result import Result, passes, to_json, to_text
from nostro.conformance.scenarios import SCENARIOS
from nostro.conformance.subject import load
from nostro.conformance.suite import examine
from nostro.kernel.errors import Misconfigured
from nostro.system import SystemClock

CONFORMS, FAILS = 0, 1


def run(adapter: str, call_ms: int, as_json: bool) -> int:
    """Examine the adapter that MODULE[:FACTORY] gives. Raises Misconfigured if it gives none."""
    with duplicate(OUTPUT) as output, duplicate(ERROR) as terminal:

        def report(results: list[Result]) -> None:
            print(_shown(adapter, results, as_json), file=output, flush=True)

        runner = asyncio.Runner()
        try:
            return runner.run(_run(adapter, call_ms, terminal, as_json, report))
        except SystemExit as error:  # of a callback of the adapter's own; the next may be waiting
            print(f"nostro: {_ending(adapter, error)}", file=terminal, flush=True)
            os._exit(FAILS)
        finally:
            runner.close()


async def _run(
    adapter: str, call_ms: int, terminal: TextIO, as_json: bool,
    report: Callable[[list[Result]], None],
) -> int:  # fmt: skip
    results = await _examined(adapter, call_ms, terminal, as_json, report)
    with taken():  # what tasks write while they are cancelled
        stay = await left_behind()
    report(results)
    code = CONFORMS if passes(results) else FAILS
    if stay:
        os._exit(code)
    return code


async def _examined(
    adapter: str, call_ms: int, terminal: TextIO, as_json: bool,
    report: Callable[[list[Result]], None],
) -> list[Result]:  # fmt: skip
    try:
        subject = load(adapter)
        with _progress(terminal, as_json) as bar:

            def stuck(results: list[Result]) -> None:
                """Nothing else runs any more: tell what came of the rest, and end."""
                bar.stop()
                report(results)
                os._exit(FAILS)

            def told(_: Result) -> None:
                bar.advance(bar.task_ids[0])

            return await examine(subject, SystemClock(), call_ms, told, stuck=stuck)
    except SystemExit as error:
        raise Misconfigured(_ending(adapter, error)) from None


def _ending(adapter: str, error: BaseException) -> str:
    return f"{adapter} ends the program: {type(error).__name__}"


@contextmanager
def _progress(terminal: TextIO, as_json: bool) -> Iterator[Progress]:
    console = Console(file=terminal)
    hidden = as_json or not console.is_terminal
    with Progress(
        console=console,
        disable=hidden,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as bar:
        bar.add_task("Scenarios", total=len(SCENARIOS))
        yield bar


def _shown(adapter: str, results: list[Result], as_json: bool) -> str:
    if as_json:
        return json.dumps(to_json(adapter, results), ensure_ascii=False)
    return to_text(adapter, results)
