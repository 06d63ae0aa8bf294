"""Which acquirers a seed has, and how each behaves: drawn like the faults, and never healed."""

import random
from dataclasses import dataclass, replace

from msgspec.structs import replace as replace_fields

from nostro.acquirers.manners import capabilities
from nostro.kernel.capabilities import Capabilities
from sandbox.manners import HONOURS, MANNERS, Manner

FIRST, SECOND = "sandbox", "second"
REPORTING = (
    "mute",
    "forgets",
    "no-inquiry",
    "notifies-only",
)  # some of their outcomes come by a report alone
# Half of the seeds have an acquirer that honours everything.
_DRAWN = (
    ("honours",) * 9 + ("ignores-send-by",) * 3 + ("mute",) * 2 + ("forgets",) * 2
    + ("notifies-only",) * 2 + ("no-inquiry",)
)  # fmt: skip
MISREPORTED = 0.1  # of the lines, where any are
# A short one may end while its message is leased: a host that stalls then hears from one that has forgotten.
_WINDOWS_MS = ((14_000, 22_000), (25_000, 120_000))
CLOCK_STEP_MS = 900  # where memory is relied on, clocks are no further apart than a send's deadline


@dataclass(frozen=True)
class Scene:
    """The manner of the first acquirer, and whether there is a second one, which honours everything."""

    manner: Manner = HONOURS
    has_second: bool = False
    misreported: float = 0.0  # of its report's lines: another amount or currency than what it did

    @property
    def capabilities(self) -> Capabilities:
        """What the product is told of the first one."""
        window = f":{self.manner.forget_after_ms}" if self.manner.name == "forgets" else ""
        return replace_fields(
            capabilities(self.manner.name + window), inquiry=self.manner.answers_inquiries
        )

    @property
    def reports(self) -> bool:
        """Whether some outcomes come by a settlement report alone."""
        return self.manner.name in REPORTING


def scene(seed: int) -> Scene:
    """The acquirers of a seed."""
    rng = random.Random(f"scene {seed}")
    manner = MANNERS[rng.choice(_DRAWN)]
    if manner.name == "forgets":
        manner = replace(manner, forget_after_ms=rng.randint(*rng.choice(_WINDOWS_MS)))
    has_second, misreported = rng.random() < 0.5, MISREPORTED if rng.random() < 0.25 else 0.0
    if manner.forgets and rng.random() < 0.5:
        manner = replace(manner, answers_inquiries=False)
    return Scene(manner, has_second, misreported)
