"""`nostro demo`: on a running Nostro, and on one of its own that leaves nothing behind."""

from pathlib import Path

from tests.cli.command import Command, Ended

CHAPTERS = 9


def events(ended: Ended) -> list[str]:
    """The names of what happened, in order."""
    assert ended.code == 0, ended.err
    return [row["event"] for row in ended.rows]


def test_it_is_told_on_the_one_that_runs(nostro: Command) -> None:
    ended = nostro("demo", "--json")
    told = events(ended)
    wanted = ["charged", "declined", "captured", "unknown", "recovered", "refund", "webhook"]
    assert [event for event in told if event in wanted] == [*wanted, "webhook"]
    ledger = next(row for row in ended.rows if row["event"] == "ledger")
    assert [row["what"] for row in ledger["rows"]] == ["in_doubt", "in_doubt_found", "sale", "fee"]
    assert told[-1] == "verified"


def test_without_one_it_starts_its_own_and_removes_it(nowhere: Command, tmp_path: Path) -> None:
    ended = nowhere("demo", TMPDIR=str(tmp_path))
    assert ended.code == 0, ended.err
    assert f"\n{CHAPTERS}  " in ended.out
    assert list(tmp_path.iterdir()) == []
    assert not Path(nowhere.variables["NOSTRO_DATA_DIR"]).exists()
