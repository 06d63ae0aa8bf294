"""The last rung, as two people climb it: `nostro conclude` on a running server whose acquirer can be asked nothing."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from nostro.db.running import urls_of
from tests.api.acquirer import Acquirer
from tests.api.client import Api
from tests.server import Server

INTENTS = "/v1/payment_intents"
SALE = {"amount": "2000", "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa"}


class People(NamedTuple):
    """A server, two operators with their keys, and a file."""

    server: Server
    ann: str
    ben: str
    letter: Path


def nostro(server: Server, *words: str | Path, key: str | None = None) -> tuple[int, Any]:
    """The exit code of a command, and what it said: JSON, or the sentence."""
    environment = os.environ | ({"NOSTRO_OPERATOR_KEY": key} if key else {})
    command = [sys.executable, "-m", "nostro", *words, "--data-dir", server.data_dir, "--json"]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env=environment, timeout=60
    )
    if done.returncode:
        return done.returncode, done.stderr
    return 0, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    letter = tmp_path_factory.mktemp("evidence") / "letter.txt"
    letter.write_text("The bank's letter.\n")
    with Server.start("--sandbox-manner", "mute") as server:
        keys = [nostro(server, "operators", "add", name)[1][0]["key"] for name in ("ann", "ben")]
        yield People(server, *keys, letter)
        assert nostro(server, "verify", "--no-acquirer")[0] == 0
        assert nostro(server, "verify", "--no-acquirer", "--full")[0] == 0


def lost(server: Server, fault: str, operation: str = "authorize") -> tuple[str, str]:
    """A payment whose answer was lost: the intent and the attempt."""
    api = Api(server)
    with Acquirer(server).failing(fault, operation, count=1):
        intent = api.post(INTENTS, SALE, idempotency_key=secrets.token_hex(8))
    assert intent["status"] == "processing"
    waiting = nostro(server, "queues")[1][0]["queues"]
    found = [
        row["id"] for queue in waiting for row in queue["oldest"] if row["intent"] == intent["id"]
    ]
    assert len(found) == 1
    return intent["id"], found[0]


def propose(
    people: People, reference: str, verdict: str, *more: str | Path, key: str | None = None
) -> tuple[int, Any]:
    named = ("--acquirer-reference", "arn_1") if verdict == "done" else ()
    return nostro(
        people.server, "conclude", "propose", reference, "--verdict", verdict, "--evidence",
        people.letter, "--reason", "the letter says so", *named, *more, key=key or people.ann,
    )  # fmt: skip


def status(people: People, intent: str) -> str:
    return str(Api(people.server).get(f"{INTENTS}/{intent}")["status"])


def approve(
    people: People, reference: str, key: str, proposal: str | None = None
) -> tuple[int, Any]:
    """Approve what `conclude list` shows, or what `proposal` names."""
    listed = nostro(people.server, "conclude", "list")[1]
    shown = next((row["proposal"] for row in listed if row["id"] == reference), "none")
    return nostro(
        people.server, "conclude", "approve", reference, proposal or shown, key=key
    )  # fmt: skip


def propose_not_done(people: People, reference: str) -> tuple[int, Any]:
    """Once the acquirer's books can show that it is not there; before that it is refused."""
    code, said = propose(people, reference, "not_done")
    assert code == 1 and "was sent 1 times, the last may arrive until" in said
    until = datetime.fromisoformat(said.partition("until ")[2].partition(": look")[0])
    time.sleep(max(0.0, (until - datetime.now(UTC)).total_seconds()) + 1.1)
    return propose(people, reference, "not_done")


@pytest.mark.parametrize(
    ("fault", "verdict", "becomes"),
    [("reply_lost", "done", "succeeded"), ("request_lost", "not_done", "requires_payment_method")],
)
def test_two_people_and_a_file_conclude_it(
    people: People, fault: str, verdict: str, becomes: str
) -> None:
    intent, attempt = lost(people.server, fault)
    may = propose if verdict == "done" else lambda people, name, _: propose_not_done(people, name)
    code, [proposed] = may(people, attempt, verdict)
    assert (code, proposed["state"], proposed["proposed_by"]) == (0, "proposed", "ann")
    assert proposed["evidence"] == hashlib.sha256(people.letter.read_bytes()).hexdigest()
    assert status(people, intent) == "processing", "one person alone concludes nothing"
    code, said = approve(people, attempt, people.ann)
    assert code == 1 and "another operator has to approve" in said
    assert status(people, intent) == "processing"
    code, [applied] = approve(people, attempt, people.ben)
    assert (code, applied["state"], applied["decided_by"]) == (0, "applied", "ben")
    assert status(people, intent) == becomes
    code, said = approve(people, attempt, people.ben)
    assert code == 1 and "nothing is proposed" in said
    listed = nostro(people.server, "conclude", "list")[1]
    assert attempt in [row["id"] for row in listed if row["state"] == "applied"]


def test_the_evidence_can_be_had_again(people: People, tmp_path: Path) -> None:
    _, attempt = lost(people.server, "reply_lost")
    _, [proposed] = propose(people, attempt, "done")
    out = tmp_path / "out"
    command = [
        sys.executable, "-m", "nostro", "conclude", "evidence", proposed["evidence"], "--output",
        out, "--data-dir", people.server.data_dir,
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    assert out.read_bytes() == people.letter.read_bytes()
    assert nostro(people.server, "conclude", "withdraw", attempt, key=people.ben)[0] == 0
    assert approve(people, attempt, people.ben)[0] == 1
    code, [again] = propose(people, attempt, "done", key=people.ben)
    assert (code, again["proposed_by"]) == (0, "ben"), "what was withdrawn can be proposed again"
    assert approve(people, attempt, people.ann)[0] == 0


def test_what_nobody_may_conclude(people: People, tmp_path: Path) -> None:
    (empty := tmp_path / "empty").touch()
    paid = Api(people.server).post(INTENTS, SALE)
    known = Acquirer(people.server).since(Acquirer(people.server).mark() - 1)[0]["reference"]
    assert paid["status"] == "succeeded"
    _, attempt = lost(people.server, "reply_lost")
    for reference, words in (
        (known, "is approved: only an unknown outcome is concluded"),
        ("att_0000000000000000000000000000", "there is no message"),
        ("re_none", "there is no message"),
    ):
        code, said = propose(people, reference, "not_done")
        assert code == 1 and words in said and said.count("\n") == 1
    for more, words in (
        (("--acquirer-reference", ""), "give it"),
        (("--acquirer-reference", "  "), "give it"),
        (("--reason", ""), "say why"),
        (("--reason", "  "), "say why"),
        (("--reason", "x" * 501), "at most 500"),
        (("--evidence", "/dev/null"), "/dev/null is no file"),
        (("--evidence", "/tmp"), "/tmp is no file"),
        (("--evidence", empty), "evidence is a file of 1 to"),
        (("--reason", "two\nlines"), "one line that can be printed"),
        (("--reason", "\x1b[2A\x1b[2K"), "one line that can be printed"),
        (("--evidence", "/none"), "No such file"),
    ):
        code, said = propose(people, attempt, "done", *more)
        assert code == 1 and words in said
    for key in ("op_nobody", people.ann + "x", "", people.server.secret_key):
        code, said = propose(people, attempt, "done", key=key or "x")
        assert code == 1 and "no operator's key" in said and people.ann not in said
    assert propose(people, attempt, "done")[0] == 0
    code, said = propose(people, attempt, "not_done", key=people.ben)
    assert code == 1 and "proposed already, by ann" in said
    assert nostro(people.server, "conclude", "withdraw", attempt, key=people.ann)[0] == 0


def test_a_file_is_kept_only_of_what_is_proposed(people: People, tmp_path: Path) -> None:
    (secret := tmp_path / "env").write_text(f"NOSTRO_OPERATOR_KEY={people.ann}")
    _, attempt = lost(people.server, "reply_lost")
    assert propose(people, attempt, "not_done", "--evidence", secret)[0] == 1
    assert propose(people, "att_none", "done", "--evidence", secret)[0] == 1
    digest = hashlib.sha256(secret.read_bytes()).hexdigest()
    with psycopg.connect(urls_of(people.server.data_dir / "postgres").owner) as owner:
        kept = "SELECT count(*) FROM nostro.evidence_files WHERE sha256 = %s"
        assert owner.execute(kept, [digest]).fetchone() == (0,)


def test_a_key_that_was_taken_away_concludes_nothing(people: People) -> None:
    intent, attempt = lost(people.server, "reply_lost")
    key = nostro(people.server, "operators", "add", "cat")[1][0]["key"]
    assert nostro(people.server, "operators", "add", "cat")[0] == 1, "never two keys for one name"
    assert propose(people, attempt, "done")[0] == 0
    assert nostro(people.server, "operators", "remove", "cat")[0] == 0
    code, said = approve(people, attempt, key)
    assert code == 1 and "no operator's key" in said
    assert status(people, intent) == "processing"
    again = nostro(people.server, "operators", "add", "cat")[1][0]["key"]
    assert again != key
    assert approve(people, attempt, key)[0] == 1
    assert approve(people, attempt, again)[0] == 0
    states = {
        row["operator"]: row["state"] for row in nostro(people.server, "operators", "list")[1]
    }
    assert states == {"ann": "active", "ben": "active", "cat": "active"}


def test_what_was_changed_after_it_was_read_is_not_approved(people: People) -> None:
    intent, attempt = lost(people.server, "reply_lost")
    _, [read] = propose(people, attempt, "done")
    assert nostro(people.server, "conclude", "withdraw", attempt, key=people.ann)[0] == 0
    _, [swapped] = propose(people, attempt, "done", "--acquirer-reference", "arn_other")
    assert swapped["evidence"] == read["evidence"] and swapped["proposal"] != read["proposal"]
    for digest in (read["proposal"], "", "x" * 16):
        code, said = approve(people, attempt, people.ben, digest or "0")
        assert code == 1 and "look again" in said
    assert status(people, intent) == "processing"
    assert approve(people, attempt, people.ben, swapped["proposal"])[0] == 0


def report_of(attempt: str, gross: int, account: str, age: int) -> bytes:
    """A file as anybody could write it, of a day that was `age` days ago."""
    day = datetime.now(UTC).date() - timedelta(days=age)
    line = f"line,sale,{attempt},arn_9,,{account},usd,{gross},0,{gross}"
    total = f"total,,,,,1,usd,{gross},0,{gross}"
    columns = "record,type,reference,acquirer_reference,original,merchant,currency,gross,fee,net"
    ends = [f"{end},nostro_sandbox,b,{day},1" for end in ("header", "trailer")]
    return "\n".join([ends[0], columns, line, total, ends[1], ""]).encode()


def test_a_report_that_a_person_brings_only_proposes(people: People, tmp_path: Path) -> None:
    intent, attempt = lost(people.server, "reply_lost")
    with psycopg.connect(urls_of(people.server.data_dir / "postgres").read_only) as reader:
        [(account,)] = reader.execute(
            "SELECT account FROM nostro.payment_attempts WHERE id = %s", [attempt]
        ).fetchall()
    path = tmp_path / "report.csv"
    path.write_bytes(report_of(attempt, 2000, account, 0))
    words = ("conclude", "from-report", "--acquirer", "sandbox", "--evidence", path)
    code, said = nostro(people.server, *words, key="op_nobody")
    assert code == 1 and "no operator's key" in said
    code, said = nostro(people.server, *words)
    assert code == 2 and "--operator-key" in said
    code, said = nostro(people.server, *words, key=people.ann)
    assert code == 1 and "is final when its day is over" in said
    path.write_bytes(report_of(attempt, 2000, account, 2))
    code, [found] = nostro(people.server, *words, key=people.ann)
    assert code == 0 and found["proposed"] == []
    assert "left us after the day of the report" in found["for_a_person"][0]
    with psycopg.connect(urls_of(people.server.data_dir / "postgres").owner) as owner:
        owner.execute(  # as if it had been lost three days ago
            "UPDATE nostro.payment_attempts SET first_sent = first_sent - 259200000 WHERE id = %s",
            [attempt],
        )
    for named, gross, count in (("acct_other", 2000, 0), (account, 2001, 0), (account, 2000, 1)):
        path.write_bytes(report_of(attempt, gross, named, 2))
        code, [found] = nostro(people.server, *words, key=people.ann)
        assert code == 0 and len(found["proposed"]) == count, found
        assert len(found["for_a_person"]) == 1 - count
    [proposed] = found["proposed"]
    assert (proposed["verdict"], proposed["proposed_by"]) == ("done", "ann")
    assert proposed["evidence"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert status(people, intent) == "processing"
    assert approve(people, attempt, people.ann)[0] == 1
    assert approve(people, attempt, people.ben)[0] == 0
    assert status(people, intent) == "succeeded"


def test_a_key_of_any_bytes_and_a_name_of_any_letters(people: People) -> None:
    for name in ("\uff41nn", "\u0430nn", "a b", "x" * 65, ""):
        code, said = nostro(people.server, "operators", "add", name)
        assert code == 1 and "a name is letters" in said
    code, said = propose(people, "att_1", "done", key="op_\udcff")
    assert code == 1 and "no operator's key" in said


def test_a_refund_is_concluded_so_too(people: People) -> None:
    api = Api(people.server)
    for verdict, becomes in (("done", "succeeded"), ("not_done", "failed")):
        paid = api.post(INTENTS, SALE)
        fault = "reply_lost" if verdict == "done" else "request_lost"
        with Acquirer(people.server).failing(fault, "refund", count=1):
            refund = api.post("/v1/refunds", {"payment_intent": paid["id"]})
        assert refund["status"] == "pending"
        may = (
            propose(people, refund["id"], "done")
            if verdict == "done"
            else (propose_not_done(people, refund["id"]))
        )
        assert may[0] == 0
        assert approve(people, refund["id"], people.ben)[0] == 0
        assert api.get(f"/v1/refunds/{refund['id']}")["status"] == becomes


def test_of_two_approvals_at_once_one_counts(people: People) -> None:
    intent, attempt = lost(people.server, "reply_lost")
    _, [proposed] = propose(people, attempt, "done")
    command = [
        sys.executable, "-m", "nostro", "conclude", "approve", attempt, proposed["proposal"],
        "--data-dir", people.server.data_dir,
    ]  # fmt: skip
    environment = os.environ | {"NOSTRO_OPERATOR_KEY": people.ben}
    running = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    codes = sorted(each.wait(60) for each in running)
    for each in running:
        each.communicate()
    assert codes == [0, 1, 1]
    charges = Api(people.server).get("/v1/charges", f"payment_intent={intent}")["data"]
    assert [charge["paid"] for charge in charges] == [True]


def test_the_database_itself_refuses_one_person_alone(people: People) -> None:
    _, attempt = lost(people.server, "reply_lost")
    assert propose(people, attempt, "done")[0] == 0
    alone = (
        "UPDATE nostro.conclusions SET state = 'applied', decided_by = proposed_by WHERE id = %s"
    )
    with (
        psycopg.connect(urls_of(people.server.data_dir / "postgres").app) as app,
        pytest.raises(psycopg.errors.CheckViolation),
    ):
        app.execute(alone, [attempt])
    assert nostro(people.server, "conclude", "withdraw", attempt, key=people.ann)[0] == 0


def test_each_step_is_in_the_audit_log(people: People) -> None:
    intent, attempt = lost(people.server, "reply_lost")
    propose(people, attempt, "done")
    approve(people, attempt, people.ben)
    with psycopg.connect(urls_of(people.server.data_dir / "postgres").read_only) as reader:
        told = reader.execute(
            "SELECT action, subject, actor FROM nostro.audit_records"
            " WHERE action LIKE '%%_conclusion' AND subject IN (%s, %s) ORDER BY seq",
            [attempt, intent],
        ).fetchall()
    assert ("propose_conclusion", attempt, "operator:ann") in told
    assert ("approve_conclusion", attempt, "operator:ben") in told
    assert ("approve_conclusion", intent, "operator:ben") in told, "what it settled, too"
