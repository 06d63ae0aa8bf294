"""The product's sources keep the rules of who may import what, and each rule catches its breach."""

from pathlib import Path

import pytest

import nostro
from tests.architecture import source_rules

ROOT = Path(nostro.__file__).parents[1]


def plant(root: Path, module: str, source: str) -> None:
    """Write a module below a directory."""
    path = root / f"{module.replace('.', '/')}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)


def test_the_product_keeps_the_rules() -> None:
    assert source_rules.violations(ROOT) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("nostro.ledger.store", "import psycopg"),
        ("nostro.ledger.store", "from psycopg.rows import tuple_row"),
        ("nostro.dbx.store", "import psycopg"),
        ("nostro.db.pool", "import os\nURL = os.environ['URL']"),
        ("nostro.db.pool", "from os import environ"),
        ("nostro.db.pool", "import os as o\no.getenv('URL')"),
        ("nostro.kernel.clock", "import time"),
        ("nostro.kernel.clock", "from time import monotonic"),
        ("nostro.kernel.clock", "from datetime import datetime, UTC\ndatetime.now(UTC)"),
        ("nostro.kernel.clock", "import datetime as d\nd.datetime.utcnow()"),
        ("nostro.kernel.clock", "from datetime import date\ndate.today()"),
        ("nostro.vault.seal", "import os\nos.urandom(12)"),
        ("nostro.vault.seal", "from os import urandom"),
        ("nostro.vault.seal", "import secrets"),
        ("nostro.vault.seal", "def f():\n    import random"),
        ("nostro.vault.seal", "from uuid import uuid4"),
        ("nostro.vault.seal", "import uuid\nuuid.uuid4()"),
        ("nostro.payments.service", "from nostro.ledger.store import insert"),
        ("nostro.payments.service", "from nostro.ledger import store"),
        ("nostro.payments.service", "from ..ledger import store"),
        ("nostro.payments.service", "from nostro.ledger.store import QUERIES"),
        ("sandbox.acquirer", "from nostro.kernel import money"),
        ("sandbox.acquirer", "import nostro"),
        ("nostro.refunds.store", "PEEK = 'SELECT id FROM nostro.charges'"),
        ("nostro.refunds.store", "def f(t):\n    return f'update nostro.{t} set amount = 0'"),
    ],
)
def test_a_breach_is_found(tmp_path: Path, module: str, source: str) -> None:
    plant(tmp_path, module, source)
    found = source_rules.violations(tmp_path)
    assert found
    assert f"{module.replace('.', '/')}.py" in found[0]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("nostro.db.pool", "import psycopg"),
        ("nostro.config", "import os\nos.environ['URL']"),
        ("nostro.system", "import time, os, secrets\nos.urandom(12)"),
        ("nostro.kernel.clock", "from datetime import datetime, timedelta, UTC\ndatetime.max"),
        ("nostro.kernel.ids", "import uuid\nuuid.UUID(int=1)  # not uuid.uuid4()"),
        ("nostro.ledger.service", "from nostro.ledger import store"),
        ("nostro.db.committer", "from nostro.ledger import store"),
        ("nostro.payments.commands", "from nostro.idempotency.store import KEYS"),
        ("sandbox.acquirer", "import time\nfrom nostro.wire import form"),
    ],
)
def test_what_is_allowed_is_left_alone(tmp_path: Path, module: str, source: str) -> None:
    plant(tmp_path, module, source)
    assert source_rules.violations(tmp_path) == []
