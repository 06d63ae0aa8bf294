"""Random runs of the model as JSON: `python -m spec.traces`. The tests replay them on the real services.

A walk at random seldom comes to what is far from its beginning, so the shortest ways to some scenes are added.
Of many random runs those are kept that show most: greedily, by the steps taken in each state, and by the pairs of steps.
A trace is {"flow", "seed", "steps"}; a step is [name, instance, row, send, word] and, where it changed anything durable,
the state after it, as the model prints it. Spin walks at random from a seed, so the same seed is the same trace.
"""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from spec.check import FLOWS, MODEL, counterexample

HERE = Path(__file__).parent
CORPUS = HERE / "traces.jsonl"
# Few instances by turns with many: among few, a walk at random goes deeper.
FEW = ("-DFAULTS=2", "-DHOSTS=1", "-DWORKERS=1", "-DASKS=2")
MANY = ("-DFAULTS=3", "-DHOSTS=2", "-DWORKERS=2", "-DASKS=4")
# What a walk at random seldom meets, said of the model's state; it is reached by the shortest way.
SCENES = {
    "who comes late is told the failure that was saved": (
        "SALE", "told[0] == told_failed && row[0].epoch == 2 && asks == 1"),
    "who comes late is told the success that was saved": (
        "REFUND", "told[0] == told_done && row[0].epoch == 2 && asks == 1"),
    "told processing, then it was approved": (
        "CAPTURE", "told[0] == told_processing && row[0].state == approved"),
    "told processing, then it was approved, and told again": (
        "SALE", "told[0] == told_processing && row[0].state == approved && asks == 0"),
    "an approved sale undone by a cancel that was begun": (
        "SALE", "book[0] == undone && row[0].state == undone"),
    "cancelled by a second worker after the first one's cancel was lost": (
        "SALE", "row[0].cancelling && row[0].epoch == 3 && row[0].state == undone"),
    "approved by its third message": ("SALE", "row[0].sends == 3 && row[0].state == approved"),
    "a refund undone by a tombstone": ("REFUND", "row[0].state == undone && row[0].sends == 2"),
    "a void after a refused capture": (
        "CAPTURE", "row[0].state == rejected && row[1].state == approved"),
}  # fmt: skip
SEEDS = 600
KEPT = 50
LONGEST = 5_000


def trace(flow: str, seed: int) -> dict[str, Any]:
    """One run of the model."""
    command = [
        "spin",
        "-T",
        f"-n{seed}",
        f"-u{LONGEST}",
        f"-D{flow}",
        *(MANY if seed % 2 else FEW),
        str(MODEL),
    ]
    with tempfile.TemporaryDirectory(prefix="nostro-spec-") as here:  # Spin leaves a file behind
        done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=True)
    printed = done.stdout
    steps = _steps(printed.splitlines())
    assert steps[-1][0] == "ended", "a run of the model that did not end"
    return {"flow": flow, "seed": seed, "steps": steps}


def scene(name: str) -> dict[str, Any]:
    """The shortest run of the model that leads to a scene."""
    flow, condition = SCENES[name]
    # Spin hands its options to a shell.
    trail = counterexample((f"-D{flow}", f"-DSCENE='{condition}'", *FEW))
    return {"flow": flow, "seed": name, "steps": _steps(trail.splitlines())}


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
    steps = [f"{step[0]} {step[4]}" for step in trace["steps"]]
    states = accumulate(
        trace["steps"], lambda state, step: step[5] if step[5:] else state, initial=""
    )
    return {*pairwise(steps), *zip(steps, states, strict=False)}


def main() -> None:
    """Write the corpus anew, beginning with a seed that may be given."""
    first = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    seeds = range(first, first + SEEDS)
    traces = [kept for flow in FLOWS for kept in _telling([trace(flow, seed) for seed in seeds])]
    traces += [scene(name) for name in SCENES]
    CORPUS.write_text("".join(json.dumps(t, separators=(",", ":")) + "\n" for t in traces), "utf-8")
    print(f"{len(traces)} traces, {sum(len(t['steps']) for t in traces)} steps")


if __name__ == "__main__":
    main()
