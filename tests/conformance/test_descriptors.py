"""Nothing that is written to standard output or standard error gets out, by whatever way, and afterwards all does again."""

from __future__ import annotations

import ctypes
import logging
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from nostro.conformance.descriptors import ERROR, OUTPUT, duplicate, flush, taken


def by_a_child() -> None:
    subprocess.run(["sh", "-c", "echo found; echo found >&2"], check=True)


def closed() -> None:
    print("found", file=sys.stderr)
    sys.stderr.close()


WAYS: dict[str, Callable[[], object]] = {
    "print": lambda: print("found"),
    "standard error": lambda: print("found", file=sys.stderr),
    "its buffer": lambda: sys.stderr.buffer.write(b"found"),
    "as Python began": lambda: sys.__stdout__ and sys.__stdout__.write("found"),
    "a log": lambda: logging.StreamHandler().emit(logging.makeLogRecord({"msg": "found"})),
    "descriptor 1": lambda: os.write(1, b"found"),
    "descriptor 2": lambda: os.write(2, b"\xfffound\xff"),
    "C": lambda: ctypes.CDLL(None).printf(b"found"),
    "a child": by_a_child,
    "closed": closed,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_it_is_found_and_does_not_get_out(
    way: Callable[[], object], capfd: pytest.CaptureFixture[str]
) -> None:
    with taken() as written:
        way()
        flush()
        assert "found" in written.text()
    assert capfd.readouterr() == ("", "")


def test_afterwards_all_gets_out_again_also_after_an_error(
    capfd: pytest.CaptureFixture[str],
) -> None:
    print("before")
    with pytest.raises(KeyboardInterrupt), taken() as written:
        assert written.text() == ""
        os.close(2)
        raise KeyboardInterrupt
    print("after", file=sys.stderr)
    os.write(1, b"output\n")
    os.write(2, b"error\n")
    out, err = capfd.readouterr()
    assert (out, sorted(err.split())) == ("before\noutput\n", ["after", "error"])


def test_what_is_in_a_buffer_at_the_end_does_not_get_out_later(
    capfd: pytest.CaptureFixture[str],
) -> None:
    ctypes.CDLL(None).printf(b"ours ")
    with taken():
        ctypes.CDLL(None).printf(b"found")
    flush()
    assert capfd.readouterr().out == "ours "


WITHOUT = """
import select
loop = select.epoll()  # is given the number that is free
from nostro.conformance.descriptors import ERROR, duplicate, taken
with duplicate(ERROR) as error, taken():
    error.write("nowhere")
    loop.poll(0)
"""


def test_one_that_was_closed_from_the_start_is_let_be() -> None:
    command = ["sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, WITHOUT]
    assert subprocess.run(command, check=False).returncode == 0


def test_no_descriptor_is_left_open() -> None:
    before = os.listdir("/proc/self/fd")
    with taken():
        pass
    assert os.listdir("/proc/self/fd") == before


def test_a_duplicate_leads_where_it_led_and_no_child_has_it(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with duplicate(OUTPUT) as output, duplicate(ERROR) as error, taken():
        print("ours", file=output, flush=True)
        print("ours too", file=error, flush=True)
        assert not os.get_inheritable(output.fileno()) and not os.get_inheritable(error.fileno())
    assert capfd.readouterr() == ("ours\n", "ours too\n")
