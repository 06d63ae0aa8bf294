"""The simulation in small: fresh seeds, every seed that ever failed, the same seed twice, and saboteurs."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from simulation import campaign
from simulation.campaign import outcomes, run
from tests.database import TestServer

FRESH, JOBS = 200, 2
CORPUS = Path(__file__).with_name("seeds.txt")
MINUTES = 1.0


def corpus() -> Iterator[int]:
    """Seeds that once failed, or that saw something rare."""
    for line in CORPUS.read_text().splitlines():
        seed = line.partition("#")[0].strip()
        if seed:
            yield int(seed)


def failures(tally: campaign.Tally) -> str:
    """What to read first, and how to see it again."""
    return "\n".join(
        f"seed {found.seed}: {found.faults[:3]}\n"
        f"replay: nostro sim --minutes {MINUTES} --seed {found.seed} --trace"
        for found in tally.failures[:5]
    )


def test_fresh_seeds_and_the_corpus(postgres: TestServer) -> None:
    first = (
        date.today().toordinal() * 1_000
    )  # other seeds every day, the same for whoever runs it today
    tally = run(postgres, [*corpus(), *range(first, first + FRESH)], MINUTES, JOBS)
    assert not tally.failures, failures(tally)
    assert not tally.missing(), f"never seen from seed {first} on: {tally.missing()}"


def test_a_seed_is_the_same_story_twice(postgres: TestServer) -> None:
    """In another process, another database and another book, recorded or not."""
    seeds = [3, 5, 17]
    first = {one.seed: one.digest for one in outcomes(postgres, seeds, 0.5, 2)}
    again = {one.seed: one.digest for one in outcomes(postgres, seeds[::-1], 0.5, 1, None, True)}
    assert first == again
    assert len(set(first.values())) == len(seeds)


@pytest.mark.parametrize(
    "saboteur",
    ["lost_commit_is_repeated", "lost_commit_is_believed", "key_not_saved", "fresh_reference"],
)
def test_a_removed_mechanism_is_noticed(postgres: TestServer, saboteur: str) -> None:
    tally = run(postgres, range(1, 41), MINUTES, JOBS, saboteur, stop_at_failure=True)
    assert tally.failures, f"{saboteur} survived {tally.seeds} seeds"
