"""`nostro verify` and `nostro top-up` against a running Nostro."""

from pathlib import Path

import psycopg
import pytest

from nostro.db.errors import NothingRuns
from nostro.db.running import urls_of
from tests.cli.command import Command
from tests.server import Server

ACCOUNT = "acct_1Nostro"


def test_a_top_up_is_in_the_balance_and_the_books_agree(server: Server, nostro: Command) -> None:
    amount = ("--amount", "5000", "--currency", "EUR")
    [made] = nostro("top-up", "--account", ACCOUNT, *amount, "--json").rows
    assert made["balance_transaction"].startswith("txn_")
    available = server.get("/v1/balance").body["available"]
    assert [money["amount"] for money in available if money["currency"] == "eur"] == [5000]
    [report] = nostro("verify", "--json").rows
    assert report["clean"]
    assert {book["book"] for book in report["books"]} >= {1, 2}


def test_what_is_off_is_named_and_the_code_is_one(server: Server, nostro: Command) -> None:
    change = "UPDATE nostro.balance_transactions SET amount = amount + {} WHERE type = 'topup'"
    assert nostro("top-up", "--account", ACCOUNT, "--amount", "7").code == 0
    with psycopg.connect(urls_of(server.data_dir / "postgres").owner, autocommit=True) as owner:
        owner.execute(change.format(1))
        ended = nostro("verify", "--book", "1")
        owner.execute(change.format(-1))
    assert ended.code == 1
    assert "NOT CLEAN" in ended.out
    assert "OFF merchant_balances" in ended.out
    assert nostro("verify", "--book", "1").code == 0


def test_a_book_that_is_not_there_is_not_clean(nostro: Command) -> None:
    ended = nostro("verify", "--book", "1", "--book", "9")
    assert (ended.code, ended.out) == (1, "")
    assert "there is no book 9: there are 1, 2" in ended.err


def test_an_acquirer_out_of_reach_is_no_silence(nostro: Command) -> None:
    away = ("--sandbox-url", "http://127.0.0.1:9")
    ended = nostro("verify", *away)
    assert (ended.code, len(ended.err.splitlines())) == (1, 1)
    assert nostro("verify", *away, "--no-acquirer").code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--account", "acct_none", "--amount", "1"), "there is no account"),
        (("--account", ACCOUNT, "--amount", "1", "--currency", "xyz"), "no ISO 4217 currency"),
    ],
)
def test_a_top_up_that_cannot_be(nostro: Command, arguments: list[str], said: str) -> None:
    ended = nostro("top-up", *arguments)
    assert ended.code == 1
    assert said in ended.err


def test_the_passwords_of_a_directory_in_which_nothing_runs_are_not_guessed(
    nowhere: Command,
) -> None:
    with pytest.raises(NothingRuns):
        urls_of(Path(nowhere.variables["NOSTRO_DATA_DIR"]) / "postgres")


def test_the_full_audit_compares_the_log_outside_the_database(
    server: Server, nostro: Command, tmp_path: Path
) -> None:
    assert nostro("top-up", "--account", ACCOUNT, "--amount", "9").code == 0
    for _ in range(3):  # whatever is signed meanwhile
        ended = nostro("verify", "--full", "--json")
        [report] = ended.rows
        assert report["clean"], ended.out
    audited = {book["book"]: book["audited"] for book in report["books"]}
    assert audited[1]["batches"] > 0
    with psycopg.connect(urls_of(server.data_dir / "postgres").owner, autocommit=True) as owner:
        owner.execute(
            "UPDATE nostro.batches SET at_ms = at_ms - 1 WHERE book_id = 1 AND batch_no = 1"
        )
        ended = nostro("verify", "--full", "--book", "1")
        owner.execute(
            "UPDATE nostro.batches SET at_ms = at_ms + 1 WHERE book_id = 1 AND batch_no = 1"
        )
    assert ended.code == 1
    assert "OFF batch_headers" in ended.out
    ended = nostro("verify", "--log-dir", str(tmp_path), "--book", "1")
    assert (ended.code, "OFF log_directory" in ended.out) == (1, True), ended.out
