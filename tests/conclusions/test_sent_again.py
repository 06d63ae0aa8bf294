"""People conclude "not done" from books that they looked at: what may have arrived after that they cannot have seen."""

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import sha256

import psycopg
import pytest
from msgspec.structs import replace

from nostro.conclusions.commands import AddOperator, ApproveConclusion, ProposeConclusion
from nostro.conclusions.machine import ConclusionState
from nostro.conclusions.model import Badge, Conclusion, Finding, Refused, Verdict
from nostro.db.urls import ConnectionUrls
from nostro.kernel.clock import SystemTime
from nostro.kernel.outcome import Evidence, Undone, Unknown
from nostro.kernel.table import text_array
from nostro.payments.claim import ClaimAttempt, CountSend
from nostro.payments.model import Attempt
from nostro.payments.queues import ASKED_MS
from nostro.payments.store import ATTEMPTS
from tests.payments.test_late_cancel import in_doubt
from tests.spec.instances import BOOK, Stage, a_stage

ANN, BEN = Badge("ann", "a" * 64), Badge("ben", "b" * 64)
ARRIVING_MS = 12_000
_BY_PEOPLE = Undone("by people")
EVIDENCE = sha256(b"x").hexdigest()
LETTER = (
    "INSERT INTO nostro.evidence_files (book_id, sha256, name, body) VALUES (%s, %s, 'letter', 'x')"
)


class Case:
    """A sale in doubt, and two operators."""

    def __init__(self, stage: Stage, reference: str) -> None:
        self.stage, self.reference = stage, reference

    async def message(self) -> Attempt:
        rows = await self.stage.reader.fetch(ATTEMPTS.read, BOOK, text_array([self.reference]))
        return ATTEMPTS.decode(rows[0])

    async def propose(self, verdict: Verdict = Verdict.NOT_DONE) -> Conclusion | Refused:
        finding = Finding(verdict, "arn_1", "the letter says so", EVIDENCE)
        seed = self.stage.entropy.bytes(16)
        return await self.stage.front.run(
            ProposeConclusion(BOOK, seed, ANN, self.reference, finding, ARRIVING_MS)
        )

    async def approve(
        self, proposed: Conclusion, evidence: Evidence = _BY_PEOPLE
    ) -> Conclusion | Refused:
        payments = self.stage.instance("people").payments
        settling = payments.settling(self.stage.merchant, await self.message(), evidence)
        return await self.stage.front.run(ApproveConclusion(BEN, proposed, settling, ARRIVING_MS))

    async def worker_repeats(self) -> None:
        """It counts one more send, which leaves, and its answer is still to come."""
        stage, seed = self.stage, self.stage.entropy.bytes
        stage.leases_end()
        until = SystemTime(stage.clock.system() + 20_000)
        claim = ClaimAttempt(BOOK, seed(16), self.reference, "worker", until)
        attempt = await stage.front.run(claim)
        assert attempt is not None
        send_by = SystemTime(stage.clock.system() + 2_000)
        assert await stage.front.run(CountSend(BOOK, seed(16), attempt, send_by))


@pytest.fixture
def played(database: ConnectionUrls) -> Callable[[Callable[[Case], Awaitable[None]]], None]:
    async def play(scenario: Callable[[Case], Awaitable[None]]) -> None:
        async with a_stage(database) as stage:
            reference = await in_doubt(stage)
            with psycopg.connect(database.owner) as owner:
                owner.execute(LETTER, (BOOK, EVIDENCE))
            for badge in (ANN, BEN):
                seed = stage.entropy.bytes(16)
                await stage.front.run(AddOperator(BOOK, seed, badge.name, badge.key_hash))
            stage.clock.system_ahead += ASKED_MS  # overdue: till then it is the worker's
            await scenario(Case(stage, reference))

    return lambda scenario: asyncio.run(play(scenario))


Played = Callable[[Callable[[Case], Awaitable[None]]], None]


def test_what_was_sent_again_after_the_proposal_is_not_concluded(played: Played) -> None:
    async def scenario(case: Case) -> None:
        case.stage.clock.system_ahead += 60_000
        proposed = await case.propose()
        assert isinstance(proposed, Conclusion)
        await case.worker_repeats()
        refused = await case.approve(proposed)
        assert isinstance(refused, Refused) and "was sent 2 times" in refused.reason
        case.stage.clock.system_ahead += 60_000
        assert isinstance(await case.approve(proposed), Refused), "the evidence is older"
        assert (await case.message()).state == "unknown"

    played(scenario)


def test_what_may_still_arrive_is_not_proposed_as_not_done(played: Played) -> None:
    async def scenario(case: Case) -> None:
        await case.worker_repeats()
        assert isinstance(await case.propose(), Refused)
        case.stage.clock.system_ahead += ARRIVING_MS
        assert isinstance(await case.propose(), Refused), "its deadline was 2 seconds after"
        assert isinstance(await case.propose(Verdict.DONE), Conclusion)

    played(scenario)


def test_what_its_acquirer_can_be_asked_about_is_the_workers_till_it_is_overdue(
    played: Played,
) -> None:
    async def scenario(case: Case) -> None:
        case.stage.clock.system_ahead -= ASKED_MS - 60_000
        for verdict in Verdict:
            refused = await case.propose(verdict)
            assert isinstance(refused, Refused) and "the worker still asks" in refused.reason
        case.stage.clock.system_ahead += ASKED_MS - 60_000
        assert isinstance(await case.propose(Verdict.DONE), Conclusion)

    played(scenario)


def test_what_was_over_before_the_proposal_is_concluded(played: Played) -> None:
    async def scenario(case: Case) -> None:
        await case.worker_repeats()
        case.stage.clock.system_ahead += 60_000
        proposed = await case.propose()
        assert isinstance(proposed, Conclusion)
        changed = await case.approve(replace(proposed, reason="another"))
        assert isinstance(changed, Refused)
        applied = await case.approve(proposed)
        assert isinstance(applied, Conclusion) and applied.state is ConclusionState.APPLIED
        assert (await case.message()).state == "undone"

    played(scenario)


def test_what_concludes_nothing_is_not_written_down_as_applied(played: Played) -> None:
    async def scenario(case: Case) -> None:
        case.stage.clock.system_ahead += 60_000
        proposed = await case.propose()
        assert isinstance(proposed, Conclusion)
        refused = await case.approve(proposed, Unknown("people do not know either"))
        assert isinstance(refused, Refused) and "still be open" in refused.reason
        assert (await case.message()).state == "unknown"
        assert isinstance(await case.approve(proposed), Conclusion), "the proposal stands"

    played(scenario)
