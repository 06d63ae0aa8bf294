"""Keeps what is written to standard output and standard error, by whatever way: `print`, a descriptor, C, a child."""

from __future__ import annotations

import ctypes
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import TextIO

OUTPUT, ERROR = 1, 2


class Written:
    """What has been written so far."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def text(self) -> str:
        """All of it, each byte a character. Nothing is flushed, so that any thread may ask at any time."""
        size = os.fstat(self._descriptor).st_size
        return os.pread(self._descriptor, size, 0).decode("latin-1")


@contextmanager
def taken() -> Iterator[Written]:
    """Let nothing out, from any part of this process or a child that it starts. One's own goes through `duplicate`."""
    with tempfile.TemporaryFile() as file, ExitStack() as stack:
        flush()
        for descriptor in filter(_was_open, (OUTPUT, ERROR)):
            _replace(descriptor, file.fileno(), stack)
        stack.callback(flush)  # last in, first out: the descriptors are still replaced
        text = stack.enter_context(_unbuffered(os.dup(file.fileno())))
        with redirect_stdout(text), redirect_stderr(text):
            yield Written(file.fileno())


def duplicate(descriptor: int) -> TextIO:
    """Where a descriptor leads now, whatever it is replaced by later. No child inherits it."""
    where = os.dup(descriptor) if _was_open(descriptor) else os.devnull
    return open(where, "w", encoding="utf-8", errors="backslashreplace")


def flush() -> None:
    """Write what this process has in its buffers, Python's and C's."""
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        with suppress(AttributeError, OSError, ValueError):  # none, gone, closed
            stream.flush()  # type: ignore[union-attr]
    ctypes.CDLL(None).fflush(None)


def _was_open(descriptor: int) -> bool:
    """Whether it was when Python began: if not, it is by now whatever was opened next, such as the loop's own."""
    return {OUTPUT: sys.__stdout__, ERROR: sys.__stderr__}[descriptor] is not None


def _replace(descriptor: int, by: int, stack: ExitStack) -> None:
    saved = os.dup(descriptor)
    stack.callback(os.close, saved)
    stack.callback(os.dup2, saved, descriptor)
    os.dup2(by, descriptor)


def _unbuffered(descriptor: int) -> TextIO:
    raw = open(descriptor, "wb", buffering=0)  # noqa: SIM115  the text closes it
    return io.TextIOWrapper(raw, "utf-8", "backslashreplace", write_through=True)
