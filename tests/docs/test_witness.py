"""The witness's script runs as the page has it, against logs on disk: honest, rewritten, silent."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nostro.audit import merkle, receipts
from tests.docs.blocks import blocks
from tests.server import ROOT
from tests.unit.audit.small_book import CODES, LOG, SmallBook

HONEST = SmallBook()
OTHER = SmallBook(CODES[:2])  # the same first three batches, another fourth


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A directory that stands for the operator's web server, and the witness's beside it."""
    (tmp_path / "log" / "consistency").mkdir(parents=True)
    witness = tmp_path / "witness"
    witness.mkdir()
    (witness / "keys").write_text(LOG.verifier.vkey + "\n")
    (script,) = [b for b in blocks(ROOT / "docs/howto/witness.md") if b.language == "sh"]
    (witness / "witness.sh").write_text(script.text)
    command = tmp_path / "nostro-verify"
    verifier = ROOT / "verifier" / "nostro_verify.py"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I "{verifier}" "$@"\n')
    command.chmod(0o755)
    return tmp_path


def test_an_honest_log_is_followed(log: Path) -> None:
    _serve(log, HONEST, 2)
    assert _run(log)[0] == 0
    _serve(log, HONEST, 5, old=2)
    assert _run(log) == (0, _words(2))
    assert (log / "witness/seen/5").read_text() == HONEST.note(5)
    assert (log / "witness/old").read_text() == HONEST.note(5)
    assert _run(log) == (0, "")


def test_a_rewritten_log_is_refused_and_the_evidence_is_kept(log: Path) -> None:
    _serve(log, HONEST, 4)
    assert _run(log)[0] == 0
    _serve(log, OTHER, 5, old=4)
    code, printed = _run(log)
    assert code == 1
    assert "not verified: " in printed
    (kept,) = (log / "witness").glob("refused-*")
    assert {path.name for path in kept.iterdir()} == {"old", "new", "proof"}
    assert (log / "witness/old").read_text() == HONEST.note(4)


def test_a_silent_server_is_a_failure(log: Path) -> None:
    assert _run(log)[0] != 0


def _serve(log: Path, book: SmallBook, size: int, old: int | None = None) -> None:
    (log / "log" / "checkpoint").write_text(book.note(size))
    if old is not None:
        proof = merkle.consistency_proof(book.log_leaves(), old, size)
        path = log / "log" / "consistency" / str(old) / str(size)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(receipts.build_consistency(book.note(old), book.note(size), proof))


def _run(log: Path) -> tuple[int, str]:
    done = subprocess.run(
        ["sh", str(log / "witness" / "witness.sh")],
        env={
            "PATH": f"{log}:{os.environ['PATH']}", "WITNESS_DIR": str(log / "witness"),
            "CHECKPOINT_URL": f"file://{log}/log/checkpoint",
            "PROOF_URL": f"file://{log}/log/consistency",
        },
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def _words(old: int) -> str:
    return (
        f"verified: all that the log had at {old} batches is in it unchanged\n"
        "  log ledger.example/book/3 at 5 batches, signed 2026-11-18T11:06:40.005000+00:00"
        f" by key {LOG.verifier.key_id.hex()}\n"
    )
