"""A few receipts, end to end; `python -m tests.proofs` does a thousand, in a fresh virtual environment."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.proofs.__main__ import judged, take_receipts
from tests.server import ROOT, Server

PAYMENTS, FLIPS = 25, 40


def test_receipts_of_random_payments_verify_and_changed_ones_do_not(tmp_path: Path) -> None:
    folder = tmp_path / "receipts"
    folder.mkdir()
    with Server.start() as server:
        take_receipts(server, PAYMENTS, folder)
    # Isolated, and then given the verifier's own folder alone: `nostro` cannot be imported.
    alone = f"import sys; sys.path = [p for p in sys.path if p not in ('', {str(ROOT)!r})]; "
    code = (
        f"{alone}sys.path.insert(0, {str(ROOT / 'verifier')!r}); sys.meta_path[:] = "
        "[f for f in sys.meta_path if 'editable' not in repr(f).lower()]; "
        "sys.argv = sys.argv[1:]; exec(open(sys.argv[0]).read())"
    )
    found = judged([sys.executable, "-I", "-c", code], folder, FLIPS)
    assert (found["receipts"], found["bits_flipped"]) == (PAYMENTS, PAYMENTS * FLIPS)
    assert found["flips_that_verified"] == []
