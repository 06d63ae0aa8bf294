"""An acquirer's contrary word that is on its way while two people conclude."""

import logging

import pytest

from nostro.conclusions.model import Conclusion
from nostro.payments.contradiction import CONTRADICTED
from tests.conclusions.test_sent_again import Case, Played, played

__all__ = ["played"]


def test_a_contrary_answer_at_the_moment_of_the_conclusion_is_an_alarm(
    played: Played, caplog: pytest.LogCaptureFixture
) -> None:
    """The worker has just heard "approved"; two people conclude "not done" before it settles."""

    async def scenario(case: Case) -> None:
        stage = case.stage
        stage.clock.system_ahead += 60_000
        proposed = await case.propose()
        assert isinstance(proposed, Conclusion)
        stage.leases_end()
        worker = stage.instance("worker")
        gates = worker.gates
        await gates.start(worker.payments.resolve(stage.merchant, case.reference))
        await gates.go("to_inquire", stage.book.answer(case.reference, "approved"))
        assert gates.at == "to_settle"
        applied = await case.approve(proposed)
        assert isinstance(applied, Conclusion), applied
        caplog.clear()
        await gates.go("to_settle")
        assert not gates.result().applied
        assert (await case.message()).state == "undone"
        loud = [one for one in caplog.records if one.levelno >= logging.ERROR]
        assert loud, "the card is charged, the book says undone, and nobody is told"
        rows = await stage.reader.fetch(
            "SELECT subject, changes FROM nostro.audit_records WHERE book_id = $1 AND action = $2",
            1, CONTRADICTED,
        )  # fmt: skip
        assert [subject for subject, _ in rows] == [case.reference]

    played(scenario)
