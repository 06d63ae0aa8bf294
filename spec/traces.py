"""Random runs of the model as JSON: `python -m spec.traces`. The tests replay them on the real services.

Of many random runs those are kept that show most: greedily, by the steps taken in each state, and by the pairs of steps.
A trace is {"flow", "seed", "steps"}; a step is [name, instance, row, send, word] and, where it changed anything durable,
the state after it, as the model prints it. Spin walks at random from a seed, so the same seed is the same trace.
"""

import json
import subprocess
import sys
from collections import Counter
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
MODEL = HERE / "payment.pml"
CORPUS = HERE / "traces.jsonl"
FLOWS = ("SALE", "CAPTURE", "REFUND")
APIS = 2  # instances 0 and 1 serve requests, 2 and 3 resolve
BOUNDS = ("-DFAULTS=3", f"-DHOSTS={APIS}", "-DWORKERS=2", "-DASKS=4")
SEEDS = 400
KEPT = 50
LONGEST = 5_000


def trace(flow: str, seed: int) -> dict[str, Any]:
    """One run of the model."""
    command = ["spin", "-T", f"-n{seed}", f"-u{LONGEST}", f"-D{flow}", *BOUNDS, str(MODEL)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {"flow": flow, "seed": seed, "steps": _steps(printed.splitlines())}


def _steps(lines: list[str]) -> list[list[Any]]:
    steps: list[list[Any]] = []
    state = ""
    for step, after in pairwise(lines):
        if not step.startswith("@ "):
            continue
        name, who, row, send, word = step[2:].split()
        steps.append([name, int(who), int(row), int(send), word])
        if after[2:] != state:
            state = after[2:]
            steps[-1].append(state)
    assert steps[-1][0] == "ended", "a run of the model that did not end"
    return steps


def _telling(traces: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The traces that add most to what the others show, in the order of their seeds."""
    left = {t["seed"]: _shown(t) for t in traces}
    shown: Counter[tuple[str, str]] = Counter()
    kept = []
    for _ in range(KEPT):
        seed = max(left, key=lambda s: sum(0.5 ** shown[this] for this in left[s]))
        shown.update(left.pop(seed))
        kept.append(seed)
    return [t for t in traces if t["seed"] in kept]


def _shown(trace: dict[str, Any]) -> set[tuple[str, str]]:
    steps = [f"{step[0]} {step[1] < APIS} {step[4]}" for step in trace["steps"]]
    states = accumulate(
        trace["steps"], lambda state, step: step[5] if step[5:] else state, initial=""
    )
    return {*pairwise(steps), *zip(steps, states, strict=False)}


def main() -> None:
    """Write the corpus anew, beginning with a seed that may be given."""
    first = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    seeds = range(first, first + SEEDS)
    traces = [kept for flow in FLOWS for kept in _telling([trace(flow, seed) for seed in seeds])]
    CORPUS.write_text("".join(json.dumps(t, separators=(",", ":")) + "\n" for t in traces), "utf-8")
    print(f"{len(traces)} traces, {sum(len(t['steps']) for t in traces)} steps")


if __name__ == "__main__":
    main()
