"""All that an adapter let out during a suite: outcomes, errors, log records, print-outs, heads of requests."""

from __future__ import annotations

import contextlib
import gc
import logging
import traceback
from collections.abc import Iterable, Iterator

from nostro.conformance.descriptors import Written, flush, taken

GIVEN_UP_MAX = 20


class Evidence(logging.Handler):
    """Gathers texts by where they were found."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.values: list[str] = []
        self.errors: list[str] = []
        self.log: list[str] = []
        self.request_heads: list[bytes] = []
        self.given_up = 0  # calls that never came back
        # What tasks of the adapter's own raised that would have ended the program.
        self.ended: list[str] = []
        self._written: Written | None = None
        self._names: dict[tuple[str, str], str] = {}

    @property
    def enough(self) -> bool:
        """Whether so much never came back that the rest is not played: the examination of one that hangs ends."""
        return self.given_up >= GIVEN_UP_MAX

    @property
    def printed(self) -> str:
        """What was written to standard output and standard error, while it is watched."""
        return self._written.text() if self._written else ""

    def settle(self) -> None:
        """Let what is still kept in memory be told now: tasks that nobody awaited, and buffers."""
        gc.collect()
        flush()

    def named(self, step: str, theirs: str, ours: str) -> str:
        """Which message was approved first under a reference of the processor's own."""
        return self._names.setdefault((step, theirs), ours)

    def text(self, text: str) -> None:
        """Keep how a value shows itself."""
        self.values.append(text)

    def error(self, error: BaseException) -> None:
        """Keep an error as a log would show it."""
        self.errors.append("".join(traceback.format_exception(error)))

    def heads(self, requests: Iterable[bytes]) -> None:
        """Keep request lines and headers: they end in other people's logs."""
        self.request_heads += [raw.partition(b"\r\n\r\n")[0] for raw in requests]

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a log record as it would be written, and what it was made of."""
        self.log.append(f"{self.format(record)} {record.args!r}")

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Take every log record, of every level, and what is written to 1 and 2, and let none of it out."""
        root = logging.getLogger()
        handlers, level = root.handlers, root.level
        root.handlers = [self]
        root.setLevel(logging.DEBUG)
        try:
            with taken() as self._written:
                yield
        finally:
            self._written = None
            root.handlers = handlers
            root.setLevel(level)
