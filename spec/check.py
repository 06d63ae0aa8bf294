"""Runs Spin over the model and prints what it visited: `python -m spec.check [--deep]`.

Three questions for each flow: is every state safe, does every run end, and is each saboteur caught. Needs `spin` and `gcc`.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

MODEL = Path(__file__).parent / "payment.pml"
COMPILED = ("-DVECTORSZ=1024", "-DCOLLAPSE", "-DMEMLIM=6000")
FLOWS = ("SALE", "CAPTURE", "REFUND")
FULL = ("-DHOSTS=2", "-DWORKERS=1", "-DASKS=3", "-DFAULTS=2")
TWO_WORKERS = ("-DHOSTS=1", "-DWORKERS=2", "-DASKS=2", "-DFAULTS=2")
SMALL = ("-DHOSTS=1", "-DWORKERS=1", "-DASKS=2", "-DFAULTS=2")
RACING = ("-DHOSTS=2", "-DWORKERS=1", "-DASKS=2", "-DFAULTS=2")
DEEP = ("-DHOSTS=2", "-DWORKERS=1", "-DASKS=2", "-DFAULTS=3")
# Each safety mechanism: its switch, and where its loss is looked for.
SABOTEURS: dict[str, tuple[str, tuple[str, ...]]] = {
    "ONE_REFERENCE": ("SALE", SMALL),
    "SENDS_RULE": ("SALE", SMALL),
    "NOT_FOUND_RULE": ("SALE", SMALL),
    "PATIENCE": ("SALE", SMALL),
    "TOMBSTONE": ("SALE", SMALL),
    "SEND_BY": ("SALE", SMALL),
    "CANCEL_MARK": ("SALE", SMALL),
    "CONDITION": ("SALE", SMALL),
    "WRITE_ONCE": ("SALE", SMALL),
    "SAVED_FIRST": ("SALE", SMALL),
    "ONE_LIVE": ("CAPTURE", RACING),
    "KEYS": ("REFUND", RACING),
    "RESERVATION": ("REFUND", RACING),
    "WORKER": ("SALE", ("-DHOSTS=1", "-DWORKERS=0", "-DASKS=1", "-DFAULTS=1")),
}
# What saves work and guards no money: without it everything is still safe, and every run still ends.
SPARED = ("EPOCH", "LEASE")
SPARED_BOUNDS = ("-DHOSTS=1", "-DWORKERS=1", "-DASKS=2", "-DFAULTS=1")


@dataclass(frozen=True)
class Run:
    """What one run of Spin's verifier said."""

    states: int
    depth: int
    seconds: float
    complaint: str
    steps: int  # of the counterexample


def verify(options: tuple[str, ...], *, endings: bool = False, shortest: bool = False) -> Run:
    """Visit every state under `options`; `endings` looks for runs without an end, `shortest` by breadth."""
    how = ("-DNP",) if endings else ("-DSAFETY",)
    how += ("-O0", "-DBFS") if shortest else ("-O1",)  # compiling takes longer than a short search
    with tempfile.TemporaryDirectory(prefix="nostro-spec-") as directory:
        here = Path(directory)
        began = time.monotonic()
        said = _search(here, options, how, *(("-l",) if endings else ()))
        seconds = time.monotonic() - began
        steps = re.findall(r"^@ ", _trail(here, options), re.MULTILINE)
        return _read(said, seconds, len(steps))


def counterexample(options: tuple[str, ...]) -> str:
    """The shortest run that breaks what is asserted, as the model prints its steps."""
    with tempfile.TemporaryDirectory(prefix="nostro-spec-") as directory:
        _search(Path(directory), options, ("-DSAFETY", "-DBFS", "-O0"))
        return _trail(Path(directory), options)


def _search(here: Path, options: tuple[str, ...], how: tuple[str, ...], *flags: str) -> str:
    shutil.copy(MODEL, here)
    _run(here, "spin", "-a", *options, MODEL.name)
    _run(here, "gcc", "-w", *COMPILED, *how, "-o", "pan", "pan.c")
    return _run(here, "./pan", "-m100000", *flags)


def _trail(here: Path, options: tuple[str, ...]) -> str:
    """The run that was found, if one was."""
    if not (here / f"{MODEL.name}.trail").exists():
        return ""
    return _run(here, "spin", "-k", f"{MODEL.name}.trail", "-T", *options, MODEL.name)


def _run(here: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def _read(said: str, seconds: float, steps: int) -> Run:
    states, depth = (
        re.search(r"(\d+) states, stored", said),
        re.search(r"depth reached (\d+)", said),
    )
    complaint = re.search(r"pan:\d+: (.*)", said)
    if states is None or depth is None or "errors:" not in said:
        raise RuntimeError(f"the verifier did not run:\n{said}")
    if "Search not completed" in said and complaint is None:
        raise RuntimeError(f"the verifier gave up:\n{said}")
    return Run(int(states[1]), int(depth[1]), seconds, complaint[1] if complaint else "", steps)


def _tell(what: str, options: tuple[str, ...], run: Run) -> None:
    bounds = " ".join(option.removeprefix("-D").lower() for option in options)
    found = f"counterexample of {run.steps} steps" if run.complaint else "no error"
    print(
        f"{what:32} {run.states:>10,} states, depth {run.depth:>4}, {run.seconds:6.1f} s: {found} ({bounds})",
        flush=True,
    )


def everything(deep: bool) -> bool:
    """Print every run; whether all came out as they should."""
    good = True
    for flow in FLOWS:
        for bounds in (FULL, TWO_WORKERS, *((DEEP,) if deep else ())):
            run = verify((f"-D{flow}", *bounds))
            good &= not run.complaint
            _tell(f"{flow}: every state is safe", bounds, run)
        run = verify((f"-D{flow}", *SMALL), endings=True)
        good &= not run.complaint
        _tell(f"{flow}: every run ends", SMALL, run)
    for name, (flow, bounds) in SABOTEURS.items():
        run = verify((f"-D{flow}", f"-DWITHOUT_{name}", *bounds), shortest=True)
        good &= bool(run.complaint)
        _tell(f"without {name}", bounds, run)
    for name in SPARED:
        run = verify(("-DSALE", f"-DWITHOUT_{name}", *SPARED_BOUNDS))
        good &= not run.complaint
        _tell(f"without {name}, still safe", SPARED_BOUNDS, run)
    return good


if __name__ == "__main__":
    for tool in ("spin", "gcc"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is not installed: apt-get install spin gcc libc6-dev cpp")
    sys.exit(not everything(deep="--deep" in sys.argv[1:]))
