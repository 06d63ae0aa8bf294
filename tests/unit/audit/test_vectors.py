"""Published inclusion and consistency proofs, good and bad (transparency-dev/merkle testdata)."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from nostro.audit import merkle
from tests.unit.audit.reference import VECTORS

pytestmark = pytest.mark.skipif(
    not VECTORS.is_dir(), reason="the published vectors are not on this machine"
)
INCLUSION = sorted(VECTORS.glob("inclusion/**/*.json"))
CONSISTENCY = sorted(VECTORS.glob("consistency/**/*.json"))


def test_every_vector_is_here() -> None:
    assert (len(INCLUSION), len(CONSISTENCY)) == (98, 98)


@pytest.mark.parametrize("path", INCLUSION, ids=lambda path: str(path.relative_to(VECTORS)))
def test_inclusion_is_judged_as_published(path: Path) -> None:
    case = json.loads(path.read_text("utf-8"))
    verified = merkle.verify_inclusion(
        _bytes(case["leafHash"]),
        case["leafIdx"],
        case["treeSize"],
        _proof(case),
        _bytes(case["root"]),
    )
    assert verified is not case["wantErr"]


@pytest.mark.parametrize("path", CONSISTENCY, ids=lambda path: str(path.relative_to(VECTORS)))
def test_consistency_is_judged_as_published(path: Path) -> None:
    case = json.loads(path.read_text("utf-8"))
    roots = _bytes(case["root1"]), _bytes(case["root2"])
    verified = merkle.verify_consistency(
        case["size1"], roots[0], case["size2"], roots[1], _proof(case)
    )
    assert verified is not case["wantErr"]


def _proof(case: dict[str, Any]) -> list[bytes]:
    return [_bytes(step) for step in case["proof"] or []]


def _bytes(text: str | None) -> bytes:
    return base64.b64decode(text or "")
