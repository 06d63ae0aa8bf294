"""`python -m simulation`: seeds by the number, one seed with its trace, or the table of saboteurs."""

import argparse
import contextlib
import json
import math
import signal
import sys
import time
from typing import Any, NoReturn

from simulation.campaign import Crashes, Pairs, Tally, enumerate_crashes, outcomes, run
from simulation.run import Outcome
from simulation.saboteurs import SABOTEURS
from simulation.server import TestServer, running_server

MINUTES = 1.5
SHOWN = 8


def main() -> int:
    """0 if nothing is wrong, else 1."""
    given = _arguments()
    with running_server() as server:
        if given.exhaustive or given.pairs:
            return _exhaustive(server, given)
        if given.saboteurs is not None:
            return _saboteurs(server, given)
        if given.seed is not None:
            return _one(server, given)
        return _many(server, given)


def _many(server: TestServer, given: argparse.Namespace) -> int:
    began = time.perf_counter()
    seeds = range(given.first, given.first + given.seeds)

    def tell(tally: Tally) -> None:
        if sys.stderr.isatty():
            print(f"\r{tally.seeds}/{given.seeds}", end="", file=sys.stderr, flush=True)

    tally = run(server, seeds, given.minutes, given.jobs, given.saboteur, given.stop, tell)
    seconds = time.perf_counter() - began
    missing = [] if given.seeds < 100 or given.stop else tally.missing()
    with contextlib.redirect_stdout(sys.stderr):  # what is printed is JSON, and nothing else
        for failure in tally.failures[:2]:
            _show(failure, server, given)
    print(json.dumps(_report(tally, seconds, missing), indent=1))
    return 1 if tally.failures or missing else 0


def _report(tally: Tally, seconds: float, missing: list[str]) -> dict[str, Any]:
    return {
        "seeds": tally.seeds,
        "failed": sorted(failure.seed for failure in tally.failures),
        "seconds": round(seconds, 1),
        "seeds_per_second": round(tally.seeds / seconds, 2),
        "virtual_hours": round(tally.virtual_seconds / 3_600, 2),
        "counts": dict(tally.counts.most_common()),
        "marks": dict(tally.marks.most_common()),
        "marks_missing": missing,
    }


def _one(server: TestServer, given: argparse.Namespace) -> int:
    """One seed, twice: its digest must be the same."""
    first, second = (
        next(iter(outcomes(server, [given.seed], given.minutes, 1, given.saboteur, recording)))
        for recording in (True, False)
    )
    if given.trace:
        print(first.story)
    _print(first)
    same = first.digest == second.digest
    print(
        f"seed {given.seed}: {first.digest} {'again the same' if same else 'AND THEN ' + second.digest}"
    )
    return 0 if same and not first.faults else 1


def _saboteurs(server: TestServer, given: argparse.Namespace) -> int:
    """How many seeds each saboteur lives."""
    survivors = []
    for name in given.saboteurs or SABOTEURS:
        seeds = range(given.first, given.first + given.seeds)
        found: Tally = run(server, seeds, given.minutes, given.jobs, name, stop_at_failure=True)
        if found.failures:
            first = found.failures[0]
            print(
                f"{name:28} caught after {found.seeds:3} seeds, by {first.seed}: {first.faults[0]}"[
                    :200
                ],
                flush=True,
            )
        else:
            survivors.append(name)
            print(f"{name:28} SURVIVED {found.seeds} seeds", flush=True)
    return 1 if survivors else 0


def _exhaustive(server: TestServer, given: argparse.Namespace) -> int:
    """Every crash of every flow."""
    began = time.perf_counter()
    kind = Pairs if given.pairs else Crashes
    runs, failures = enumerate_crashes(server, given.jobs, given.pairs or 1, kind)
    for _, outcome in failures[:SHOWN]:
        print(outcome.what, outcome.faults[:2])
    seconds = round(time.perf_counter() - began, 1)
    print(json.dumps({"runs": runs, "failures": len(failures), "seconds": seconds}, indent=1))
    return 1 if failures else 0


def _show(failure: Outcome, server: TestServer, given: argparse.Namespace) -> None:
    """Again, with a trace: the seed is enough."""
    again = next(iter(outcomes(server, [failure.seed], given.minutes, 1, given.saboteur, True)))
    _print(failure)
    if again.digest != failure.digest:
        print(f"and the replay went another way: {failure.digest}, then {again.digest}")
    print(again.story or failure.story)


def _print(outcome: Outcome) -> None:
    for subject, fault in outcome.faults[:SHOWN]:
        print(f"seed {outcome.seed}: {subject}: {fault}")
    if outcome.faults:
        print(f"replay: nostro sim --seed {outcome.seed} --trace")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line: the usage is in --help."""
        self.exit(2, f"{self.prog}: error: {message}\n")


def _count(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def _minutes(text: str) -> float:
    if not 0 < (number := float(text)) < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no finite number above 0")
    return number


def _arguments() -> argparse.Namespace:
    parser = _Parser(prog="nostro sim", description=__doc__)
    parser.add_argument("--seeds", type=_count, default=200, help="how many")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seed", type=int, help="one seed, twice")
    parser.add_argument(
        "--trace", action="store_true", help="what happened, by host and virtual time"
    )
    parser.add_argument(
        "--minutes", type=_minutes, default=MINUTES, help="of virtual misery a seed"
    )
    parser.add_argument("--jobs", type=_count, default=2, help="processes side by side")
    parser.add_argument("--stop", action="store_true", help="end with the first failure")
    parser.add_argument("--saboteur", choices=list(SABOTEURS), help="with a mechanism removed")
    parser.add_argument("--exhaustive", action="store_true", help="every crash of every flow")
    parser.add_argument("--pairs", type=_count, help="every pair of crashes; of N: every Nth")
    parser.add_argument("--saboteurs", nargs="*", help="the table: each of these, or all")
    given = parser.parse_args()
    if given.trace and given.seed is None:
        parser.error("argument --trace: it is of one --seed")
    return given


def _ended(number: int, _: object) -> NoReturn:
    """As after an error: the server is stopped, its directory removed."""
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)


if __name__ == "__main__":
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, _ended)
    sys.exit(main())
