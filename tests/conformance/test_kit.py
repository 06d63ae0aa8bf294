"""The kit from outside: our own adapter passes, the exit code says so, and what is not claimed is left alone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from nostro.acquirers.sandbox import SandboxAcquirer
from nostro.acquirers.sandbox_subject import SandboxSubject
from nostro.acquirers.scope import Scope
from nostro.conformance.result import Verdict
from nostro.conformance.scenario import EVERY_STEP
from nostro.conformance.scenarios import SCENARIOS
from nostro.conformance.subject import load
from nostro.conformance.suite import examine
from nostro.kernel.capabilities import Capabilities
from nostro.kernel.errors import Misconfigured
from nostro.kernel.outcome import Evidence, Found, Outcome
from nostro.kernel.ports import CardDetails, Clock, PaymentMessage
from nostro.system import SystemClock
from tests.server import ROOT


def nostro(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    return subprocess.run(
        [sys.executable, "-m", "nostro", "conformance", *arguments],
        cwd=cwd, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip


def test_the_sandboxs_adapter_passes_everything() -> None:
    done = nostro("nostro.acquirers.sandbox", "--json")
    report = json.loads(done.stdout)
    off = [line for line in report["scenarios"] if line["verdict"] != "passed"]
    assert (done.returncode, off) == (0, [])
    assert report["passed"] == len(SCENARIOS) + 5 >= 75


def test_every_method_is_played_under_every_doubtful_fault() -> None:
    names = {scenario.name for scenario in SCENARIOS if scenario.steps == EVERY_STEP}
    assert {"the reply is lost", "a stale connection", "silence past the deadline"} <= names
    assert len(names) > 20


def test_names_are_unique() -> None:
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)


def test_a_failure_is_told_and_ends_with_1(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(WRONG)
    done = nostro("wrong:subject", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "FAIL  not found concludes nothing" in done.stdout
    assert "inquire: Declined, where only NotFound is right" in done.stdout
    assert "1 failed" in done.stdout.splitlines()[-1]


@pytest.mark.parametrize("error", ["SystemExit(0)", "KeyboardInterrupt()", "Ending(card.number)"])
def test_one_that_ends_the_program_has_failed(tmp_path: Path, error: str) -> None:
    (tmp_path / "ending.py").write_text(ENDING.replace("ERROR", error))
    done = nostro("ending:subject", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    name = error.partition("(")[0]
    assert f"sale: raised {name}" in done.stdout
    assert "4242424242424242" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "passed" in done.stdout.splitlines()[-1]


def test_one_that_ends_it_when_it_is_imported_too(tmp_path: Path) -> None:
    (tmp_path / "ending.py").write_text("raise SystemExit('4242424242424242')")
    done = nostro("ending:subject", cwd=tmp_path)
    assert done.returncode == 1, done.stdout
    assert done.stderr == "nostro: ending:subject ends the program: SystemExit\n"


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("raise ValueError('4242424242424242')", "importing ending raised ValueError"),
        ("def subject(:", "cannot import ending: SyntaxError in {path}, line 1"),
        (
            "def subject():\n    return None",
            "what ending.subject() gives has no `currency` that is a str",
        ),
        ("PROCESSOR", "processor() raised ConnectionRefusedError: call it yourself to see why"),
    ],
)
def test_what_is_no_subject_is_one_sentence_too(tmp_path: Path, code: str, sentence: str) -> None:
    refused = "    def processor(self):\n        raise ConnectionRefusedError('pw=hunter2')\n"
    (tmp_path / "ending.py").write_text(code.replace("PROCESSOR", ENDING + refused))
    done = nostro("ending:subject", cwd=tmp_path)
    assert done.returncode == 1, done.stdout
    assert done.stderr == f"nostro: {sentence.format(path=tmp_path / 'ending.py')}\n"


@pytest.mark.parametrize("name", ["./ending.py", ".ending", ":", "a-b"])
def test_what_names_no_module_is_one_sentence(tmp_path: Path, name: str) -> None:
    done = nostro(name, cwd=tmp_path)
    assert done.returncode == 1 and done.stderr.startswith(f"nostro: {name!r} is no MODULE or ")


def test_a_number_that_is_printed_in_groups_is_seen(tmp_path: Path) -> None:
    show = "import textwrap; print(*textwrap.wrap(card.number.reveal(), 4)); return Unknown('x')"
    (tmp_path / "ending.py").write_text(ENDING.replace("raise ERROR", show))
    done = nostro("ending:subject", cwd=tmp_path)
    assert done.returncode == 1 and "FAIL  no card number in print-outs" in done.stdout


@pytest.mark.parametrize("where", ["subject()", "adapter()"])
def test_one_that_cannot_be_made_is_one_sentence_without_its_words(
    tmp_path: Path, where: str
) -> None:
    code = ENDING.replace(
        "        return Wrong(", "        raise ValueError('4242424242424242')\n#"
    )
    if where == "subject()":
        code = "def subject():\n    raise ValueError('4242424242424242')\n"
    (tmp_path / "ending.py").write_text(code)
    done = nostro("ending:subject", cwd=tmp_path)
    name = "ending.subject()" if where == "subject()" else where
    assert done.returncode == 1, done.stdout
    assert done.stderr == f"nostro: {name} raised ValueError: call it yourself to see why\n"


@pytest.mark.parametrize("error", ["SystemExit", "KeyboardInterrupt"])
def test_one_that_ends_it_from_a_task_of_its_own_too(tmp_path: Path, error: str) -> None:
    task = "asyncio.get_running_loop().create_task(self.end(card)); return Unknown('x')"
    code = ENDING.replace("raise ERROR", task).replace("raise SystemExit", f"raise {error}")
    (tmp_path / "ending.py").write_text(code)
    done = nostro("ending:subject", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert f"tasks of the adapter's own raised {error}, " in done.stdout
    assert "4242424242424242" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_one_that_ends_it_from_a_callback_is_one_sentence(tmp_path: Path) -> None:
    call = "asyncio.get_running_loop().call_soon(exit, card.number.reveal()); return Unknown('x')"
    (tmp_path / "ending.py").write_text(ENDING.replace("raise ERROR", call))
    done = nostro("ending:subject", cwd=tmp_path)
    assert done.returncode == 1, done.stdout
    assert done.stderr == "nostro: ending:subject ends the program: SystemExit\n"


@pytest.mark.parametrize("method", ["sale(self, message, card)", "close(self)"])
def test_one_that_ends_it_before_anything_is_awaited_too(tmp_path: Path, method: str) -> None:
    code = ENDING.replace("async def sale(self, message, card)", f"def {method}")
    (tmp_path / "ending.py").write_text(code.replace("ERROR", "SystemExit(0)"))
    done = nostro("ending:subject", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert f"{method.partition('(')[0]}: raised SystemExit" in done.stdout
    assert "Traceback" not in done.stderr
    assert "passed" in done.stdout.splitlines()[-1]


def test_one_that_never_closes_is_given_up(tmp_path: Path) -> None:
    endless = "while True:\n            try: await asyncio.sleep(99)\n            except BaseException: pass"
    code = ENDING.replace("async def sale(self, message, card)", "async def close(self)")
    (tmp_path / "ending.py").write_text(code.replace("raise ERROR", endless))
    done = nostro("ending:subject", cwd=tmp_path)  # within its timeout
    assert done.returncode == 1, done.stderr
    assert "close: raised GivenUp" in done.stdout
    assert "passed" in done.stdout.splitlines()[-1]


def test_what_it_writes_to_a_descriptor_is_seen_and_goes_nowhere(tmp_path: Path) -> None:
    write = "os.write(2, card.number.reveal().encode()); return Unknown('x')"
    (tmp_path / "ending.py").write_text("import os\n" + ENDING.replace("raise ERROR", write))
    done = nostro("ending:subject", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "FAIL  no card number in print-outs" in done.stdout
    assert "4242424242424242" not in done.stdout + done.stderr


def test_what_its_tasks_write_when_they_are_cancelled_goes_nowhere(tmp_path: Path) -> None:
    task = "LATE.append(asyncio.ensure_future(self.late(card))); return Unknown('x')"
    (tmp_path / "ending.py").write_text(LATE + ENDING.replace("raise ERROR", task + LATER))
    done = nostro("ending:subject", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert (tmp_path / "late").exists()
    assert "4242424242424242" not in done.stdout + done.stderr


LATE = "import pathlib, sys\nLATE = []\n"
LATER = """

    async def late(self, card):
        try:
            await asyncio.sleep(99)
        finally:
            pathlib.Path("late").touch()
            print(card.number.reveal(), file=sys.stderr, flush=True)
"""


@pytest.mark.parametrize("as_json", [False, True])
def test_one_that_blocks_the_loop_ends_it_with_what_is_known(tmp_path: Path, as_json: bool) -> None:
    (tmp_path / "blocking.py").write_text(BLOCKING)
    done = nostro("blocking:subject", *["--json"] * as_json, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "blocked for 1 seconds; being played: " in done.stdout
    assert "4242424242424242" not in done.stdout + done.stderr
    if as_json:
        verdicts = {
            line["scenario"]: line["verdict"] for line in json.loads(done.stdout)["scenarios"]
        }
        assert (
            verdicts["the event loop turns"] == verdicts["no card number in print-outs"] == "failed"
        )
        assert "passed" in verdicts.values()
    else:
        assert "\nok    " in done.stdout and "\nFAIL  the event loop turns" in done.stdout
    assert ends(int((tmp_path / "port").read_text()))


def test_a_person_sees_the_progress_and_gets_the_cursor_back(tmp_path: Path) -> None:
    (tmp_path / "blocking.py").write_text(BLOCKING)
    ours, terminal = pty.openpty()
    with os.fdopen(ours, "rb", 0) as screen:
        child = subprocess.Popen(
            [sys.executable, "-m", "nostro", "conformance", "blocking:subject"],
            cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "TERM": "xterm"},
            stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal,
        )  # fmt: skip
        os.close(terminal)
        seen = b"".join(until_hung_up(screen)).decode()
    assert child.wait(10) == 1
    assert "Scenarios" in seen and "FAIL  the event loop turns" in seen
    assert "4242424242424242" not in seen
    assert seen.rindex("\x1b[?25h") > seen.rindex("\x1b[?25l")


def until_hung_up(screen: IO[bytes]) -> Iterator[bytes]:
    """What is written to a terminal, until nobody has it open."""
    with contextlib.suppress(OSError):  # how Linux says so
        while chunk := screen.read(4096):
            yield chunk


def ends(port: int) -> bool:
    """Whether nobody listens there any more, within a few seconds."""
    for _ in range(50):
        with socket.socket() as caller:
            if caller.connect_ex(("127.0.0.1", port)) != 0:
                return True
        time.sleep(0.1)
    return False


BLOCKING = """
import os, sys, tempfile, time
from contextlib import asynccontextmanager
from nostro.acquirers.sandbox import SandboxAcquirer
from nostro.acquirers.sandbox_subject import SandboxSubject
from nostro.conformance import suite

suite.STUCK_SECONDS = 1
tempfile.tempdir = os.getcwd()  # nothing cleans up behind one that is ended
calls = []

class Wrong(SandboxAcquirer):
    async def sale(self, message, card):
        calls.append(message)
        if len(calls) == 60:
            print(card.number.reveal(), file=sys.stderr)
            time.sleep(99)
        return await super().sale(message, card)

class subject(SandboxSubject):
    def adapter(self, base_url, clock, call_ms):
        return Wrong(base_url, clock, call_ms=call_ms)

    @asynccontextmanager
    async def processor(self):
        async with super().processor() as running:
            with open("port", "w") as file:
                file.write(running.url.rpartition(":")[2])
            yield running
"""


ENDING = """
import asyncio
from nostro.acquirers.sandbox import SandboxAcquirer
from nostro.acquirers.sandbox_subject import SandboxSubject
from nostro.kernel.outcome import Unknown

class Ending(BaseException):
    pass

class Wrong(SandboxAcquirer):
    async def sale(self, message, card):
        raise ERROR

    async def end(self, card):
        raise SystemExit(card.number.reveal())

class subject(SandboxSubject):
    def adapter(self, base_url, clock, call_ms):
        return Wrong(base_url, clock, call_ms=call_ms)
"""


WRONG = """
from nostro.acquirers.sandbox import SandboxAcquirer
from nostro.acquirers.sandbox_subject import SandboxSubject
from nostro.kernel.outcome import Declined, NotFound

class Wrong(SandboxAcquirer):
    async def inquire(self, reference):
        found = await super().inquire(reference)
        return Declined("processing_error") if isinstance(found, NotFound) else found

class subject(SandboxSubject):
    def adapter(self, base_url, clock, call_ms):
        return Wrong(base_url, clock, call_ms=call_ms)
"""


@pytest.mark.parametrize("name", ["nostro.nowhere", "nostro.kernel.ids", "nostro.kernel.ids:make"])
def test_what_gives_no_subject_is_one_sentence(name: str) -> None:
    with pytest.raises(Misconfigured):
        load(name)


NONE = Capabilities(inquiry=False, replay_window_ms=0, cancel_by_reference=False)


class ClaimsNothing(SandboxAcquirer):
    """Takes sales and nothing else; whoever asks for more is wrong."""

    scope = Scope()

    async def authorize(self, message: PaymentMessage, card: CardDetails) -> Outcome:
        raise AssertionError("authorize is not claimed")

    async def capture(self, message: PaymentMessage) -> Outcome:
        raise AssertionError("capture is not claimed")

    async def void(self, message: PaymentMessage) -> Outcome:
        raise AssertionError("void is not claimed")

    async def refund(self, message: PaymentMessage) -> Outcome:
        raise AssertionError("refund is not claimed")

    async def inquire(self, reference: str) -> Found:
        raise AssertionError("inquire is not claimed")

    async def cancel(self, reference: str) -> Evidence:
        raise AssertionError("cancel is not claimed")


class Compared(SandboxAcquirer):
    """Equal if what it is made of is equal, as a dataclass is: not hashable."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Compared)


class Comparing(SandboxSubject):
    """The sandbox, by adapters that are compared."""

    def adapter(self, base_url: str, clock: Clock, call_ms: int) -> SandboxAcquirer:
        return Compared(base_url, clock, call_ms=call_ms)


def test_an_adapter_need_not_be_hashable() -> None:
    results = asyncio.run(examine(Comparing(), SystemClock(), 300, scenarios=SCENARIOS[:2]))
    assert [r.failures for r in results if r.verdict is Verdict.FAILED] == []


class Modest(SandboxSubject):
    """The sandbox, of which little is claimed."""

    def adapter(self, base_url: str, clock: Clock, call_ms: int) -> SandboxAcquirer:
        return ClaimsNothing(base_url, clock, call_ms=call_ms, capabilities=NONE)


def test_what_is_not_claimed_is_never_called() -> None:
    results = asyncio.run(examine(Modest(), SystemClock(), 300))
    assert [r.failures for r in results if r.verdict is Verdict.FAILED] == []
    skipped = {r.scenario for r in results if r.verdict is Verdict.SKIPPED}
    assert {"an inquiry finds what was done", "refunds in parts", "refused"} <= skipped
    assert {"a replay is answered alike", "a cancel undoes what was done"} <= skipped
