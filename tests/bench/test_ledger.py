"""The ledger's rounds on a real server, and that a ledger which lost a cent is found out."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bench import budget, database, ledger, pgledger
from bench.__main__ import main
from bench.campaign import Sizes
from bench.ledger_batches import Batches
from bench.ledger_campaign import RATIOS, LedgerSizes, schedule, summary
from nostro.db.urls import ConnectionUrls
from nostro.kernel.posting import Kind
from tests.database import TestServer

SMALL_LEDGER = Path(__file__).with_name("small_ledger.sql")
TPCB = Sizes(scale=1, clients=2, seconds=1.0)


def test_a_round_measures_both_ledgers_and_finds_every_cent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bench.__main__.QUICK", TPCB)
    monkeypatch.setattr("bench.__main__.LEDGER_QUICK", LedgerSizes(0.05, 1, 50))
    where = ["--directory", str(tmp_path), "--pgledger", str(SMALL_LEDGER)]
    assert main(["--quick", "--ledger-only", *where]) == 0
    report = json.loads(capsys.readouterr().out)["ledger"]
    assert report["conserved"] is True
    assert list(report["ours"]) == [phase.name for phase in ledger.PHASES]
    assert list(report["pgledger"]) == [phase.name for phase in pgledger.PHASES]
    for found in (*report["ours"].values(), *report["pgledger"].values()):
        for figure in ("per_second", "call_p50_ms", "wal_bytes", "wal_records", "client_cpu_us"):
            assert found[figure]["median"] > 0
    rejected = report["ours"]["rejected_1000"]
    assert rejected["rejected"]["median"] == 0.2 * rejected["transfers"]["median"]
    assert report["tpcb_tps"]["median"] > 0
    assert set(report["ratios"]) == set(RATIOS)
    assert all(ratio["median"] > 0 for ratio in report["ratios"].values())
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def book(postgres: TestServer) -> Iterator[ledger.LedgerBook]:
    urls = postgres.urls
    owner, app, read_only = (
        database.at(url, ledger.DATABASE) for url in (urls.owner, urls.app, urls.read_only)
    )
    made = ledger.LedgerBook(
        postgres.admin_url, ConnectionUrls(owner, app, read_only), os.getpid(), accounts=20
    )
    yield made
    made.close()


def test_a_cent_too_many_in_an_entry_is_found(
    postgres: TestServer, book: ledger.LedgerBook
) -> None:
    assert book.verify()["conserved"] is True
    spoil = "UPDATE nostro.entries SET posted = posted + 1 WHERE transfer_seq = 7 AND side = 'd'"
    with psycopg.connect(database.at(postgres.admin_url, ledger.DATABASE)) as connection:
        connection.execute(spoil)
    found = book.verify()
    assert found["conserved"] is False
    assert "transfer 7" in found["off"]["transfer_entries"][0]


def test_a_ledger_of_others_that_keeps_a_cent_is_found(postgres: TestServer) -> None:
    dishonest = SMALL_LEDGER.read_text().replace(
        "made, request.amount)", "made, request.amount - 1)"
    )
    book = pgledger.Pgledger(postgres.admin_url, dishonest, os.getpid(), accounts=20)
    try:
        assert book.verify()["conserved"] is True
        book.measure(pgledger.Phase("array", hot=False, array=True), 0.01)
        off = book.verify()["off"]
    finally:
        book.close()
    assert off == ["entries sum to zero", "balances are the sums of entries"]


def test_an_outcome_that_must_not_be_ends_the_phase(
    book: ledger.LedgerBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.ledger_batches.capped", lambda number: f"capped:new:{number}")
    with pytest.raises(ledger.WrongOutcome):
        book.measure(ledger.Phase("rejected", "rejected", 10), 0.01)


def test_ids_of_later_calls_are_later() -> None:
    batches = Batches(10, seed=1)
    calls = [[transfer.id for (transfer,) in batches.random(5)] for _ in range(3)]
    assert max(calls[0]) < min(calls[1]) and max(calls[1]) < min(calls[2])
    assert len({found for call in calls for found in call}) == 15


def test_the_second_phase_captures_the_holds_of_the_call_before() -> None:
    batches = Batches(10, seed=1)
    first, second = batches.two_phase(10), batches.two_phase(10)
    holds = [transfer.id for (transfer,) in first]
    assert [transfer.hold for (transfer,) in second if transfer.kind is Kind.CAPTURE] == holds
    assert (len(first), len(second)) == (5, 10)


def test_hot_transfers_are_all_to_one_account() -> None:
    made = Batches(10, seed=1).hot(100)
    assert len({transfer.credit for (transfer,) in made}) == 1
    assert len({transfer.debit for (transfer,) in made}) == 9


def test_the_other_ledgers_phases_are_spread_among_ours() -> None:
    order = schedule({"ours": [1, 2, 3, 4], "pgledger": ["a", "b"]})
    assert [phase for _, phase in order] == [1, 2, "a", 3, 4, "b"]


def a_round(ours: float, theirs: float | None) -> dict[str, Any]:
    row: dict[str, Any] = {"ours": {"random_1000": {"per_second": ours}}, "tpcb_tps": None}
    if theirs is not None:
        row["pgledger"] = {"array_1000_random": {"per_second": theirs}}
    return row


def test_ratios_are_taken_round_by_round() -> None:
    found = summary([a_round(30.0, 10.0), a_round(10.0, 2.0), a_round(80.0, 20.0)])
    expected = {"min": 3.0, "median": 4.0, "max": 5.0}
    assert found["ratios"]["random_1000_to_array_call"] == expected
    assert found["ours"]["random_1000"]["per_second"] == {"min": 10.0, "median": 30.0, "max": 80.0}


def test_without_another_ledger_there_is_no_ratio_to_it() -> None:
    found = summary([a_round(30.0, None)])
    assert found["ratios"]["random_1000_to_array_call"] is None
    assert "pgledger" not in found


@pytest.mark.parametrize(("conserved", "met"), [(True, True), (False, None)])
def test_a_ledger_that_lost_a_cent_meets_no_target(conserved: bool, met: bool | None) -> None:
    fast = {"random_1000": {"per_second": {"median": 9e9}}}
    judged = budget.judge({"ledger": {"ours": fast, "conserved": conserved}})
    assert judged["ledger_transfers_per_second"]["met"] is met
    assert judged["ledger_ratio_to_array_call"]["met"] is None


def test_what_pgledger_needs_is_read_before_it(tmp_path: Path) -> None:
    needed = tmp_path / pgledger.BEFORE[1]
    needed.parent.mkdir(parents=True)
    needed.write_text("first")
    (tmp_path / "pgledger.sql").write_text("second")
    assert pgledger.read(tmp_path) == pgledger.read(tmp_path / "pgledger.sql") == "first\nsecond"
    with pytest.raises(pgledger.NoPgledger, match="nowhere"):
        pgledger.read(tmp_path / "nowhere")
