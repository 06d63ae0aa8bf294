"""`python -m tests.proofs --payments 1000`: receipts of random payments, verified in a fresh virtual environment.

Starts a Nostro of its own, makes payments, some in doubt, some refunded, takes a receipt of each over the wire and
has them judged by `nostro-verify` alone, installed from `verifier/` where `nostro` is not. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.server import ROOT, Server

JUDGE = Path(__file__).with_name("judge.py")
CARDS = ("pm_card_visa", "pm_card_mastercard", "pm_card_amex")
AT_ONCE = 16
PATIENCE_SECONDS = 20.0


def take_receipts(server: Server, payments: int, folder: Path) -> None:
    """Make payments and write the receipt of each below `folder`, and the log's keys beside it."""
    chance = random.Random(7)
    wanted = [
        (chance.choice(CARDS), chance.randint(100, 99_999), chance.random())
        for _ in range(payments)
    ]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        subjects = list(threads.map(lambda terms: _pay(server, *terms), wanted))
        files = threads.map(lambda subject: _receipt(server, subject), subjects)
        for number, file in enumerate(files):
            (folder / f"{number:05d}.json").write_bytes(file)
    (folder.parent / "keys").write_bytes(server.get("/nostro/v1/log/1/keys").raw)


def judged(python: Sequence[str], folder: Path, flips: int) -> dict[str, Any]:
    """What the verifier says of every file, run by a Python that has no `nostro`."""
    arguments = [str(JUDGE), str(folder.parent / "keys"), str(folder), str(flips)]
    done = subprocess.run([*python, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _pay(server: Server, card: str, amount: int, what: float) -> str:
    form = {"amount": amount, "currency": "usd", "confirm": "true", "payment_method": card,
            "return_url": "https://example.com"}  # fmt: skip
    paid = server.post("/v1/payment_intents", form).body
    if what < 0.2:
        refund = {"payment_intent": paid["id"], "amount": max(1, amount // 3)}
        server.post("/v1/refunds", refund)
    return str(paid["id"] if what < 0.5 else paid["latest_charge"])


def _receipt(server: Server, subject: str) -> bytes:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = server.get(f"/nostro/v1/ledger/receipts/{subject}")
        if found.status == 200:
            return found.raw
        assert found.status == 409 and time.monotonic() < deadline, (found.status, found.raw)
        time.sleep(0.3)


def _fresh_environment(folder: Path) -> list[str]:
    """A virtual environment with `nostro-verify` and what it depends on."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", str(ROOT / "verifier")]
    subprocess.run(install, check=True, stdout=sys.stderr)
    return [python, "-I"]


def main() -> int:
    """Run it; 0 if every receipt verified and no changed one did."""
    parser = argparse.ArgumentParser("tests.proofs", description=__doc__)
    parser.add_argument("--payments", type=int, default=1_000)
    parser.add_argument("--flips", type=int, default=20, help="changed copies of each receipt")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, Server.start() as server:
        folder = Path(directory) / "receipts"
        folder.mkdir()
        take_receipts(server, given.payments, folder)
        found = judged(_fresh_environment(Path(directory) / "venv"), folder, given.flips)
    print(json.dumps(found, indent=2))
    return 1 if found["flips_that_verified"] else 0


if __name__ == "__main__":
    sys.exit(main())
