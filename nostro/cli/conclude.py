"""`nostro conclude`: the last rung. One person proposes what became of a message, with a file; another approves."""

from __future__ import annotations

import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import to_builtins

from nostro.cli.options import Acquirers, Book, DatabaseUrl, DataDir, Json
from nostro.cli.programs import Proposals, fail, print_json, programs, run, settings
from nostro.conclusions.model import EVIDENCE_BYTES_MAX, Conclusion, EvidenceFile, Refused, Verdict
from nostro.config import Settings
from nostro.kernel.secret import Secret

if TYPE_CHECKING:  # a command should start at once
    from nostro.conclusions.service import Conclusions

SHOWN = 50
app = typer.Typer(
    name="conclude", no_args_is_help=True, help="Conclude what no acquirer can be asked about."
)
Reference = Annotated[str, typer.Argument(help="The attempt or refund, att_… or re_….")]
OperatorKey = Annotated[
    str,
    typer.Option(
        envvar="NOSTRO_OPERATOR_KEY",
        help="The operator's own key, op_…; better in the variable, out of `ps`.",
        show_envvar=True,
    ),
]


@app.command()
def propose(
    reference: Reference,
    verdict: Annotated[
        Verdict,
        typer.Option(
            envvar="NOSTRO_VERDICT",
            help="done: the acquirer did it, for our amount; not_done: nothing stands.",
        ),
    ],
    evidence: Annotated[
        Path,
        typer.Option(
            envvar="NOSTRO_EVIDENCE",
            help="The file it was found out from: a report, a statement, a letter.",
        ),
    ],
    reason: Annotated[
        str,
        typer.Option(
            envvar="NOSTRO_REASON", help="How the evidence shows it; the log keeps who said it."
        ),
    ],
    operator_key: OperatorKey,
    acquirer_reference: Annotated[
        str,
        typer.Option(
            envvar="NOSTRO_ACQUIRER_REFERENCE",
            help="The acquirer's own reference, for what was done.",
        ),
    ] = "",
    book: Book = 1,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Propose what became of a message whose outcome is unknown. Nothing changes until another operator approves."""
    chosen = settings(data_dir=data_dir, database_url=database_url)
    file = _read(evidence)
    _show(
        _asked(
            chosen,
            book,
            lambda it: it.propose(
                Secret(operator_key), reference, verdict, acquirer_reference, reason, file
            ),
        ),
        as_json,
    )


@app.command()
def from_report(
    acquirer: Annotated[
        str, typer.Option(envvar="NOSTRO_REPORT_ACQUIRER", help="Whose report it is.")
    ],
    evidence: Annotated[
        Path, typer.Option(envvar="NOSTRO_EVIDENCE", help="The settlement report, as a file.")
    ],
    operator_key: OperatorKey,
    data_dir: DataDir = None,
    acquirers: Acquirers = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Propose whatever a settlement report that you bring says of messages whose outcome is unknown, in every book.

    The worker fetches the acquirer's own reports and settles by them. A file says what whoever wrote it says.
    """
    chosen = settings(data_dir=data_dir, database_url=database_url, acquirers=acquirers)
    file, key = _read(evidence), Secret(operator_key)
    _show_proposals(run(lambda: programs().propose_by(chosen, acquirer, key, file)), as_json)


@app.command()
def approve(
    reference: Reference,
    proposal: Annotated[
        str, typer.Argument(help="The digest of what is approved, as `conclude list` shows it.")
    ],
    operator_key: OperatorKey,
    book: Book = 1,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Approve what another operator proposed: the message is settled by it at once, and for good.

    The digest is of all that you have read: if anything of it was changed since, nothing is approved.
    """
    chosen = settings(data_dir=data_dir, database_url=database_url)
    key = Secret(operator_key)
    _show(_asked(chosen, book, lambda it: it.approve(key, reference, proposal)), as_json)


@app.command()
def withdraw(
    reference: Reference,
    operator_key: OperatorKey,
    book: Book = 1,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Take a proposal back, one's own or another's."""
    chosen = settings(data_dir=data_dir, database_url=database_url)
    _show(_asked(chosen, book, lambda it: it.withdraw(Secret(operator_key), reference)), as_json)


@app.command("list")
def list_conclusions(
    book: Book = 1,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """List what is proposed, then what was decided last."""
    chosen = settings(data_dir=data_dir, database_url=database_url)
    for found in run(lambda: programs().conclude(chosen, book, lambda it: it.newest(SHOWN))):
        _show(found, as_json)


@app.command()
def evidence(
    sha256: Annotated[str, typer.Argument(help="Its hash, as a conclusion names it.")],
    output: Annotated[Path, typer.Option(envvar="NOSTRO_OUTPUT", help="Where to write it.")],
    book: Book = 1,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write a file of evidence out, to be looked at before it is approved."""
    chosen = settings(data_dir=data_dir, database_url=database_url)
    found = run(lambda: programs().conclude(chosen, book, lambda it: it.evidence(sha256)))
    if found is None:
        fail(f"there is no evidence {sha256} in book {book}")
    try:
        output.write_bytes(found.body)
    except OSError as error:
        fail(f"{output}: {error.strerror}")
    print(f"{found.name!r}, {len(found.body)} bytes.")


def _read(path: Path) -> EvidenceFile:
    """A file that a person gives. What is no file, or has no end, is not read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            fail(f"{path} is no file")
        with path.open("rb") as file:
            return EvidenceFile(path.name, file.read(EVIDENCE_BYTES_MAX + 1))
    except OSError as error:
        fail(f"{path}: {error.strerror}")


def _asked(
    chosen: Settings,
    book: int,
    question: Callable[[Conclusions], Awaitable[Conclusion | Refused]],
) -> Conclusion:
    found = run(lambda: programs().conclude(chosen, book, question))
    if isinstance(found, Refused):
        fail(found.reason)
    return found


def _show(found: Conclusion, as_json: bool) -> None:
    """Print a conclusion, and what an approval has to name."""
    if as_json:
        print_json({**to_builtins(found), "proposal": found.proposal})
        return
    by = f"proposed by {found.proposed_by}"
    by += f", {found.state} by {found.decided_by}" if found.decided_by else ""
    named = f" as {found.acquirer_reference!r}" if found.acquirer_reference else ""
    print(f"{found.id}: {found.verdict}{named}, {by}")
    print(f"  {found.reason}")
    print(f"  evidence {found.evidence}")
    print(f"  proposal {found.proposal}")


def _show_proposals(found: Proposals, as_json: bool) -> None:
    if as_json:
        shown = [{**to_builtins(each), "proposal": each.proposal} for each in found.proposed]
        print_json({**to_builtins(found), "proposed": shown})
        return
    waiting = f"{len(found.proposed)} proposed, {len(found.for_a_person)} for a person"
    print(f"{found.lines} lines: {waiting}.")
    for each in found.proposed:
        _show(each, as_json)
    for reason in found.for_a_person:
        print(reason)
