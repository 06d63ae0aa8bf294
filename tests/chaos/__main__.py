"""The full run: `python -m tests.chaos --payments 10000`. Prints its figures as JSON; 1 means guilty."""

import argparse
import json
import sys
from typing import Any

from tests.chaos.in_flight import InFlight
from tests.chaos.monkey import KILLED
from tests.chaos.run import Failed, Run, Size, Unable
from tests.chaos.scenarios import SCENARIOS


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--payments", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=150.0, help="over which they are begun")
    parser.add_argument("--minutes", type=float, help="the same; none is begun after it")
    parser.add_argument("--rounds", type=int, default=5, help="kills of each process")
    parser.add_argument(
        "--kill", action="append", default=[], metavar="KIND=TIMES",
        help=f"kills of one process, if other than --rounds: {', '.join(KILLED)}",
    )  # fmt: skip
    parser.add_argument("--stalls", type=int, default=5, help="stops between intend and send")
    parser.add_argument("--stops", type=int, default=2, help="stops longer than any lease")
    parser.add_argument("--whole", type=int, default=2, help="kills of everything at once")
    parser.add_argument("--last", type=int, default=300, help="in flight at the last kill")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--wire", type=float, default=0.0, help="rate of each fault on each wire")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--in-flight", type=int, help="so many, everything killed; nothing else")
    parser.add_argument(
        "--scenario", choices=SCENARIOS, help="a fault of the machine; nothing else"
    )
    given = vars(parser.parse_args())
    try:
        print(json.dumps(_run(given).report(), indent=1))
    except (Failed, Unable) as failed:
        print(failed, file=sys.stderr)
        return 1
    return 0


def _run(given: dict[str, Any]) -> Run:
    in_flight, minutes, scenario = map(given.pop, ("in_flight", "minutes", "scenario"))
    if scenario is not None:
        return SCENARIOS[scenario]()
    if in_flight is not None:
        return InFlight(in_flight, given["seed"])
    kills = (text.partition("=") for text in given.pop("kill"))
    given["kills"] = {kind: int(times) for kind, _, times in kills}
    if minutes is not None:
        given.update(seconds=minutes * 60, ends=True)
    return Run(Size(**given))


if __name__ == "__main__":
    sys.exit(main())
