"""The verifier is built as a distribution of its own and runs from there."""

import subprocess
import sys
from pathlib import Path

from tests.unit.audit.small_book import LOG
from tests.unit.audit.test_receipts import a_receipt
from tests.unit.audit.verifier import SOURCE


def test_it_runs_from_its_wheel(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=SOURCE.parent, check=True, capture_output=True, timeout=60)
    (wheel,) = tmp_path.glob("nostro_verify-*.whl")
    receipt = tmp_path / "receipt.json"
    receipt.write_bytes(a_receipt())
    code = f"import sys; sys.path.insert(0, {str(wheel)!r}); import nostro_verify; "
    code += "assert nostro_verify.__file__.startswith(sys.path[0]); sys.exit(nostro_verify.main())"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, "receipt", receipt, "--key", LOG.verifier.vkey],
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.split("\n")[0]) == (0, "verified: payment ch_1"), done
