"""Every change of an attempt or a refund, kept by a trigger of the test's own: no state is passed through unseen.

A settled row is settled once, whatever both sides say afterwards; whoever takes a row over takes a new epoch, or its
earlier holder is not fenced.
"""

from collections.abc import Iterator
from typing import Any

import psycopg

from nostro.payments.machine import ATTEMPT, AttemptState
from nostro.refunds.machine import REFUND, RefundState

_TABLES = ("payment_attempts", "refunds")
_TABLE = """
CREATE SCHEMA simulation
CREATE TABLE simulation.changes (
    number bigserial PRIMARY KEY, book_id integer, relation text, id text,
    state text, next_state text, holder text, next_holder text, epoch bigint, next_epoch bigint
)
"""
_FUNCTION = """
CREATE FUNCTION simulation.remember() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO simulation.changes (
        book_id, relation, id, state, next_state, holder, next_holder, epoch, next_epoch
    )
    VALUES (
        NEW.book_id, TG_TABLE_NAME, NEW.id, OLD.state, NEW.state, OLD.holder, NEW.holder, OLD.epoch, NEW.epoch
    );
    RETURN NULL;
END $$
"""
_TRIGGER = """
CREATE TRIGGER simulation AFTER UPDATE ON nostro.{}
FOR EACH ROW EXECUTE FUNCTION simulation.remember()
"""
_CHANGES = """
SELECT relation, id, state, next_state, holder, next_holder, epoch, next_epoch
FROM simulation.changes WHERE book_id = %s ORDER BY number
"""


def prepare(owner: "psycopg.Connection[Any]") -> None:
    """Keep every change from here on."""
    for statement in (_TABLE, _FUNCTION, *(_TRIGGER.format(table) for table in _TABLES)):
        owner.execute(statement)


def changes_are_lawful(owner: "psycopg.Connection[Any]", book: int) -> Iterator[tuple[str, str]]:
    """Each along an arrow of its machine, each change of hands with a new epoch."""
    rows = owner.execute(_CHANGES, (book,))
    for relation, name, state, later, holder, taker, epoch, next_epoch in rows:
        if not _leads(relation, state, later):
            yield name, f"went from {state} to {later}"
        if next_epoch < epoch or (holder != taker and next_epoch == epoch):
            yield name, f"went from {holder} to {taker} in epoch {epoch}, then {next_epoch}"


def _leads(relation: str, state: str, later: str) -> bool:
    if state == later:
        return True
    if relation == "refunds":
        return REFUND.leads(RefundState(state), RefundState(later))
    return ATTEMPT.leads(AttemptState(state), AttemptState(later))
