"""`nostro sim`: the service in virtual time, with everything that can go wrong. The programs of the simulation do it."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from nostro.cli.processes import python
from nostro.cli.programs import run


def sim(
    seeds: Annotated[
        int, typer.Option(envvar="NOSTRO_SEEDS", help="How many stories, one a seed.", min=1)
    ] = 200,
    first: Annotated[
        int, typer.Option(envvar="NOSTRO_FIRST_SEED", help="The first seed.", min=0)
    ] = 1,
    minutes: Annotated[
        float, typer.Option(envvar="NOSTRO_MINUTES", help="Virtual minutes of misery in each.")
    ] = 1.5,
    seed: Annotated[
        int | None,
        typer.Option(envvar="NOSTRO_SEED", help="One seed, twice: the same digest.", min=0),
    ] = None,
    trace: Annotated[
        bool, typer.Option("--trace", envvar="NOSTRO_TRACE", help="Print what happened in it.")
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(envvar="NOSTRO_JOBS", help="Processes side by side. [default: one a core]"),
    ] = None,
    exhaustive: Annotated[
        bool,
        typer.Option("--exhaustive", envvar="NOSTRO_EXHAUSTIVE", help="Every crash of every flow."),
    ] = False,
    pairs: Annotated[
        int | None,
        typer.Option(
            envvar="NOSTRO_PAIRS",
            help="Every pair of crashes; of N, every Nth of every Nth.",
            min=1,
        ),
    ] = None,
    saboteurs: Annotated[
        bool,
        typer.Option(
            "--saboteurs",
            envvar="NOSTRO_SABOTEURS",
            help="Take each safety mechanism away: how many seeds until it is noticed?",
        ),
    ] = False,
) -> None:
    """Simulate the service in virtual time over a real, temporary PostgreSQL. 1 if anything is wrong.

    Prints JSON, and the stories of failures to standard error; for one seed its digest, for saboteurs a line each.

    What is simulated, what must hold and what it cannot see: docs/explanation/simulation.md.
    """
    command = python(
        "simulation", "--seeds", str(seeds), "--first", str(first), "--minutes", str(minutes),
        "--jobs", str((os.cpu_count() or 1) if jobs is None else jobs),
        *(("--seed", str(seed)) if seed is not None else ()),
        *(("--trace",) if trace else ()), *(("--exhaustive",) if exhaustive else ()),
        *(("--pairs", str(pairs)) if pairs is not None else ()), *(("--saboteurs",) if saboteurs else ()),
    )  # fmt: skip
    sys.stdout.flush()
    run(lambda: os.execv(command[0], command))
