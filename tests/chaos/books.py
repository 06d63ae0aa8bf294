"""Both books as they stand in the end: ours by SQL, the acquirer's by its own listing; and what one payment went through."""

import json
import time
import urllib.error
import urllib.request
from collections import defaultdict
from typing import Any

from tests.chaos.stack import Stack

Row = dict[str, Any]
PAGE = 5_000
TRIES = 100


class Books:
    """Every row of a run."""

    def __init__(self, stack: Stack) -> None:
        with stack.connect() as database:
            self.intents = _by(database.execute("SELECT * FROM nostro.payment_intents"))
            self.attempts = _by(database.execute("SELECT * FROM nostro.payment_attempts"))
            self.charges = _by(database.execute("SELECT * FROM nostro.charges"))
            self.refunds = _by(database.execute("SELECT * FROM nostro.refunds"))
            self.keys = _by(database.execute("SELECT * FROM nostro.idempotency_keys"))
            doubtful = "SELECT count(*) AS n FROM nostro.events WHERE type = %s"
            found = database.execute(doubtful, ("payment_intent.processing",)).fetchone()
        self.doubtful = int(found["n"]) if found else 0
        self.operations = {row["reference"]: row for row in _acquirer_book(stack)}
        self._attempts_of = defaultdict(list)
        for attempt in self.attempts.values():
            self._attempts_of[attempt["intent"]].append(attempt)
        self._refunds_of = defaultdict(list)
        for refund in self.refunds.values():
            self._refunds_of[refund["intent"]].append(refund)

    def attempts_of(self, intent: str) -> list[Row]:
        """Ours, in no order."""
        return self._attempts_of.get(intent, [])

    def refunds_of(self, intent: str) -> list[Row]:
        """Ours, in no order."""
        return self._refunds_of.get(intent, [])

    def operations_of(self, intent: str) -> list[Row]:
        """What the acquirer did under references of this intent."""
        references = [row["id"] for row in (*self.attempts_of(intent), *self.refunds_of(intent))]
        return [
            self.operations[reference] for reference in references if reference in self.operations
        ]

    def live_charges_of(self, intent: str) -> list[Row]:
        """Sales and authorizations that stand at the acquirer."""
        return [
            row
            for row in self.operations_of(intent)
            if row["operation"] in ("sale", "authorize") and row["state"] == "approved"
        ]

    def story(self, intent: str) -> str:
        """Everything about one payment, for a person."""
        rows = {
            "intent": self.intents.get(intent),
            "attempts": self.attempts_of(intent),
            "refunds": self.refunds_of(intent),
            "charges": [row for row in self.charges.values() if row["intent"] == intent],
            "acquirer": self.operations_of(intent),
        }
        return json.dumps(rows, indent=1, default=str)


UNFINISHED = """
SELECT
    (SELECT count(*) FROM nostro.payment_attempts WHERE state IN ('sending', 'unknown')) AS attempts,
    (SELECT count(*) FROM nostro.payment_intents WHERE status = 'processing') AS intents,
    (SELECT count(*) FROM nostro.idempotency_keys WHERE answer IS NULL) AS keys,
    (SELECT count(*) FROM nostro.refunds
     WHERE state IN ('sending', 'unknown', 'accepted', 'provisional')) AS refunds,
    (SELECT count(*) FROM nostro.refunds WHERE state = 'waiting') AS waiting_for_funds
"""


def unfinished(stack: Stack) -> dict[str, int]:
    """How much is not final. Refunds that wait for money are the one named queue."""
    with stack.connect() as database:
        row = database.execute(UNFINISHED).fetchone()
    assert row is not None
    return {name: int(count) for name, count in row.items()}


def ask_acquirer(stack: Stack, path: str, method: str = "GET", body: Any = None) -> Any:
    """The acquirer's JSON answer, a 404's too. Raises OSError when it does not answer in time."""
    for _ in range(TRIES):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(stack.sandbox_url + path, data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return json.load(error)
        except OSError:
            pass
        time.sleep(0.2)
    raise OSError(f"the acquirer does not answer {path}")


def buried(stack: Stack, books: Books) -> dict[str, int]:
    """Why references of ours were refused for ever, and how often."""
    reasons: dict[str, int] = defaultdict(int)
    for attempt in books.attempts.values():
        if attempt["state"] in ("undone", "rejected") and attempt["id"] not in books.operations:
            answer = ask_acquirer(stack, f"/v1/operations/{attempt['id']}")
            reasons[answer.get("reason") or "none"] += 1
    return dict(reasons)


def _acquirer_book(stack: Stack) -> list[Row]:
    rows: list[Row] = []
    after, more = 0, True
    while more:
        page = ask_acquirer(stack, f"/v1/book?after={after}&limit={PAGE}")
        rows += page["operations"]
        after, more = page["next_after"], page["has_more"]
    return rows


def _by(rows: Any) -> dict[str, Row]:
    return {row["id"]: row for row in rows}


def hold(stack: Stack) -> None:
    """Withhold the answers of the acquirer, which goes on acting, until it is started again."""
    ask_acquirer(stack, "/control/hold", "POST", {"on": True})


def held(stack: Stack) -> int:
    """How many answers the acquirer withholds."""
    return int(ask_acquirer(stack, "/control/hold")["held"])


def heal(stack: Stack) -> None:
    """Lift every fault."""
    ask_acquirer(stack, "/control/faults", "DELETE")
