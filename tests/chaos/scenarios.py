"""The machine's own faults, each a short run of its own."""

from collections.abc import Callable, Mapping

from tests.chaos.clock_jumps import ClockJumps
from tests.chaos.fsync_errors import FsyncErrors
from tests.chaos.full_disk import FullDisk
from tests.chaos.run import Run

SCENARIOS: Mapping[str, Callable[[], Run]] = {
    "fsync": FsyncErrors,
    "disk-full": FullDisk,
    "clock": ClockJumps,
}
