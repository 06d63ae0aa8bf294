"""What may go wrong in a seed, and how often: some kinds are off, the rest at a drawn rate (a swarm)."""

import random
from dataclasses import dataclass, fields


@dataclass
class Faults:
    """Rates per occasion, except `…_every`: mean seconds between two (0: never)."""

    # the database
    commit_before: float = 0.0  # the connection ends, nothing was committed
    commit_after: float = 0.0  # committed, and the answer is lost
    commit_late: float = 0.0  # the connection ends for the client; the server commits a while later
    trip_lost: float = 0.0
    trip_slow: float = 0.0
    connect_refused: float = 0.0
    server_restart_every: float = 0.0
    # the acquirer and the way to it
    refused: float = 0.0
    connect_slow: float = 0.0
    request_lost: float = 0.0
    request_slow: float = 0.0
    request_twice: float = 0.0
    reply_lost: float = 0.0
    reply_slow: float = 0.0
    error_before: float = 0.0
    error_after: float = 0.0
    wrong_amount: float = 0.0
    partial_approval: float = 0.0  # the charge is made, for less
    notice_lost: float = 0.0  # it, or its answer: it is sent again
    notice_slow: float = 0.0
    notice_twice: float = 0.0  # sent again although it was taken
    notice_forged: float = 0.0
    # hosts
    power_every: float = 0.0
    stall_every: float = 0.0
    stall_before_send: float = 0.0  # between the intend and the look at the deadline
    stall_connecting: float = 0.0  # between that look and the last one
    stall_before_write: float = 0.0  # between the last look and the write
    clock_step_every: float = 0.0
    # clients and receivers
    client_twice: float = 0.0
    client_deaf: float = 0.0  # an answer of ours that does not arrive
    webhook_fails: float = 0.0
    webhook_stalls: float = 0.0
    days_pass_every: float = 0.0  # business time alone

    def heal(self) -> None:
        """Nothing goes wrong any more."""
        for field in fields(self):
            setattr(self, field.name, 0.0)


# The highest rate, or for `…_every` the lowest mean.
_HIGHEST = {
    "commit_before": 0.10, "commit_after": 0.15, "commit_late": 0.10, "trip_lost": 0.02,
    "trip_slow": 0.02, "connect_refused": 0.3, "refused": 0.3, "request_lost": 0.3,
    "request_slow": 0.4, "request_twice": 0.3, "reply_lost": 0.4, "reply_slow": 0.2,
    "error_before": 0.2, "error_after": 0.25, "wrong_amount": 0.1, "stall_before_send": 0.25,
    "connect_slow": 0.2, "stall_connecting": 0.15,
    "stall_before_write": 0.15, "client_twice": 0.6, "client_deaf": 0.3, "webhook_fails": 0.5,
    "webhook_stalls": 0.2, "notice_lost": 0.4, "notice_slow": 0.4, "notice_twice": 0.3,
    "notice_forged": 0.1,
}  # fmt: skip
_SHORTEST = {
    "server_restart_every": 20.0, "power_every": 6.0, "stall_every": 10.0,
    "clock_step_every": 15.0, "days_pass_every": 40.0,
}  # fmt: skip
OFF = 0.5
PARTIAL_SEEDS = 0.05  # what only a person can settle makes a seed last long


def swarm(seed: int) -> Faults:
    """The faults of a seed. Every tenth has none: a healthy world is a scenario of its own."""
    rng = random.Random(f"faults {seed}")
    faults = Faults()
    if seed % 10 == 0:
        return faults
    for name, highest in _HIGHEST.items():
        if rng.random() >= OFF:
            setattr(faults, name, rng.random() * highest)
    for name, shortest in _SHORTEST.items():
        if rng.random() >= OFF:
            setattr(faults, name, shortest * rng.choice([1, 2, 4]))
    if rng.random() < PARTIAL_SEEDS:
        faults.partial_approval = 0.1
    return faults
