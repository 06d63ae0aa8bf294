"""Writes docs/reference from the program itself: `make docs`. A test compares what it would write with what is there."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

import nostro.db.errors
import nostro.kernel.errors
from nostro.acquirers.manners import MANNERS
from nostro.api import errors
from nostro.api.app import BODY_BYTES_MAX, KEY_LENGTH_MAX
from nostro.api.http import limits, refusals
from nostro.api.whole_body import cut_off
from nostro.bootstrap.ledger import open_ledger
from nostro.cli.app import app
from nostro.conclusions.machine import CONCLUSION
from nostro.config import MEANING, Settings, variable
from nostro.kernel.capabilities import Capabilities
from nostro.kernel.clock import DAY, SystemTime
from nostro.kernel.machine import Machine
from nostro.kernel.posting import Balance, Kind, Limits, Transfer
from nostro.kernel.secret import Secret
from nostro.ledger import Entry, Ledger, LedgerAccount, Recorded, bounds
from nostro.ledger.refusals import MEANINGS, Refusal
from nostro.payments.ladder import Doubt, queue, steps
from nostro.payments.machine import ATTEMPT, INTENT
from nostro.payments.timing import Timing
from nostro.refunds.machine import REFUND
from sandbox.manners import MANNERS as SANDBOX_MANNERS

REFERENCE = Path(__file__).with_name("reference")
NOTE = "<!-- Written by `make docs` from the program. Do not edit. -->\n"


def pages() -> dict[str, str]:
    """Every generated page by its file name."""
    return {
        "cli.md": cli(),
        "configuration.md": configuration(),
        "errors.md": api_errors(),
        "states.md": states(),
        "ledger-library.md": ledger_library(),
        "acquirers.md": acquirers(),
    }


def cli() -> str:
    """The commands and their options."""
    root = typer.main.get_command(app)
    lines = ["# Command line", "", NOTE, str(root.help), ""]
    for name, command in _commands("nostro", root):
        lines += [f"## {name}", "", *_about(name, command), ""]
    return "\n".join(lines).rstrip() + "\n"


def _commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield name, command
        return
    for child in sorted(children):
        yield from _commands(f"{name} {child}", children[child])


def _about(name: str, command: Any) -> Iterator[str]:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    usage = " ".join([name, *(str(p.name).upper() for p in arguments), "[options]"])
    yield from (f"    {usage}", "", str(command.help), "")
    for parameter in arguments:
        yield f"- `{str(parameter.name).upper()}`: {parameter.help}"
    if arguments:
        yield ""
    yield from ("| option | variable | |", "|---|---|---|")
    for parameter in command.params:
        if parameter.param_type_name == "option" and parameter.name != "help":
            yield _option(parameter)


def _option(option: Any) -> str:
    names = " ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    about = str(option.help or "")
    if option.required:
        about += " Required."
    elif option.default not in (None, False, ()) and "[default" not in about:
        default = option.default
        about += f" [default: {str(default).lower() if isinstance(default, bool) else default}]"
    return f"| {names} | `{option.envvar}` | {about} |"


def configuration() -> str:
    """Every setting with its variable and default."""
    lines = [
        "# Configuration", "", NOTE,
        "An option given on the command line wins over its variable, and that over the default.",
        "Booleans are true when the variable is `1`, `true` or `yes`.", "",
        "| variable | default | |", "|---|---|---|",
    ]  # fmt: skip
    defaults = Settings()
    for name in Settings.__struct_fields__:
        value = getattr(defaults, name)
        shown = "" if value is None or isinstance(value, Secret) else f"`{value}`"
        lines.append(f"| `{variable(name)}` | {shown} | {MEANING[name]} |")
    return "\n".join(lines) + "\n"


def api_errors() -> str:
    """What the API answers, and what the programs say."""
    lines = [
        "# Errors", "", NOTE, "## Answers of the API", "",
        "The body is Stripe's error object: `{\"error\": {\"type\", \"code\", \"message\", …}}`.",
        "A declined card is a 402 with `decline_code`, the issuer's reason.", "",
        "| status | type | code | when |", "|---|---|---|---|",
    ]  # fmt: skip
    for make, arguments in _SAMPLES:
        error = make(*arguments)
        about = " ".join(str(make.__doc__).split())
        code = f"`{error.code}`" if error.code else ""
        lines.append(f"| {error.status} | `{error.type}` | {code} | {about} |")
    lines += [
        "",
        "## Limits of a request",
        "",
        "| what | at most | else |",
        "|---|---|---|",
        *(f"| {what} | {most} | {status} |" for what, most, status in _LIMITS),
        "",
        "## What the programs can say",
        "",
        "One sentence on standard error, exit code 1.",
    ]
    for module in (nostro.kernel.errors, nostro.db.errors):
        lines += ["", "```text", str(module.__doc__).strip(), "```"]
    return "\n".join(lines) + "\n"


def _declined() -> Any:
    return errors.card_error("m", code="card_declined", decline_code="insufficient_funds")


_declined.__doc__ = errors.card_error.__doc__

_LIMITS = (
    ("the URL", f"{limits.URL_BYTES_MAX:,} bytes", "414"),
    ("the URL and all header fields", f"{limits.HEAD_BYTES_MAX:,} bytes", "431"),
    ("header fields", limits.HEADERS_MAX, "431"),
    ("the body", f"{BODY_BYTES_MAX:,} bytes", "413"),
    ("from the first byte of the head to its last", f"{limits.HEAD_SECONDS:g} s", "408"),
    ("from there to the last byte of the body", f"{limits.BODY_SECONDS:g} s", "408"),
    ("between an answer and the next request", f"{limits.IDLE_SECONDS} s", "closed"),
    (
        "`Idempotency-Key`; a blank one is as good as none",
        f"{KEY_LENGTH_MAX} printable ASCII characters",
        "400",
    ),
)
_SAMPLES: tuple[tuple[Any, tuple[Any, ...]], ...] = (
    (errors.unknown_parameters, (["x"],)),
    (errors.missing_parameter, ("x",)),
    (errors.empty_parameter, ("x",)),
    (errors.invalid_integer, ("x", "y")),
    (errors.exclusive_parameters, ("x", "y")),
    (errors.idempotency_parameters_differ, ("k",)),
    (errors.idempotency_endpoint_differs, ("k", "/v1/x")),
    (errors.idempotency_key_too_long, (255,)),
    (refusals.malformed, ()),
    (refusals.ambiguous_framing, ()),
    (refusals.no_upgrade, ()),
    (cut_off, ()),
    (errors.no_api_key, ()),
    (errors.invalid_api_key, ("sk_test_x",)),
    (_declined, ()),
    (errors.forbidden, ("m",)),
    (errors.no_such, ("charge", "ch_x")),
    (errors.unknown_url, ("GET", "/x")),
    (refusals.too_slow, ()),
    (errors.idempotency_key_in_use, ("k",)),
    (refusals.url_too_long, ()),
    (errors.lock_timeout, ()),
    (errors.rate_limited, ("global-rate",)),
    (refusals.head_too_large, ()),
    (errors.internal_error, ()),
    (errors.outcome_unconfirmed, ()),
    (errors.unavailable, ()),
)

_MACHINES: tuple[tuple[str, str, Machine[Any, Any]], ...] = (
    ("Payment intent", "Where a payment stands; `status` on the wire.", INTENT),
    ("Attempt", "What is known of one message to an acquirer. Only evidence leads out of `unknown`.",
     ATTEMPT),
    ("Refund", "Where a refund stands. `provisional` is `succeeded` on the wire, and may still fail.",
     REFUND),
    ("Conclusion", "What people conclude of a message that nobody can be asked about.", CONCLUSION),
)  # fmt: skip


def states() -> str:
    """The machines, drawn by themselves."""
    lines = ["# States", "", NOTE, "Nothing changes its state but along these arrows."]
    for name, about, machine in _MACHINES:
        lines += ["", f"## {name}", "", about, "", "```mermaid", machine.mermaid(), "```"]
    return "\n".join(lines) + "\n"


def acquirers() -> str:
    """What each manner of acquirer can be asked, and what that means for an unknown outcome."""
    lines = ["# Acquirers: what each can be asked", "", NOTE, _ACQUIRERS_BEFORE]
    names = Capabilities.__struct_fields__
    lines += [f"| manner | {' | '.join(f'`{name}`' for name in names)} |"]
    lines += ["|---" * (len(names) + 1) + "|"]
    for manner, can in MANNERS.items():
        lines.append(f"| `{manner}` | {' | '.join(_shown(getattr(can, n)) for n in names)} |")
    lines += ["", *(f"- `{manner.name}`: {manner.about}." for manner in SANDBOX_MANNERS.values())]
    lines += [
        "",
        "## The ladder",
        "",
        _LADDER_BEFORE,
        "| manner | of a sale just sent | of one that may not be repeated | a day later |",
    ]
    lines += ["|---|---|---|---|"]
    for manner, can in MANNERS.items():
        lines.append(
            f"| `{manner}` | {_ladder(can, True, 0)} | {_ladder(can, False, 0)} | {_ladder(can, True, DAY)} |"
        )
    return "\n".join([*lines, "", _LADDER_AFTER])


def _shown(value: object) -> str:
    words: dict[object, str] = {None: "for ever", 0: "never"}
    if isinstance(value, bool):
        return "yes" if value else "no"
    return words.get(value) or f"{value:,} ms"


def _ladder(can: Capabilities, repeatable: bool, age_ms: int) -> str:
    sent = SystemTime(0)
    doubt = Doubt("att_1", sent, repeatable)
    rungs = steps(can, doubt, SystemTime(age_ms), Timing().margin_ms)
    return ", ".join([*rungs, queue(can)])


_ACQUIRERS_BEFORE = """\
The rooms never ask which acquirer they talk to, only what it can be asked. A manner is a set of such capabilities that the sandbox can take on
(`--sandbox-manner`), and that `NOSTRO_ACQUIRERS` names for others (`name=URL#manner`; `#manner:MILLISECONDS` sets the window where there is one).

- `inquiry`: it says what became of a reference of ours. Its "not found" concludes nothing.
- `replay_window_ms`: for how long after the first send it knows a reference. Till then a repeat is answered and not executed again, and a cancel finds
  what it cancels; after that neither is sent. A margin of the deadline to send and the deadline to answer is kept.
- `cancel_by_reference`: it undoes a sale or authorization that was done under a reference, and refuses the reference from then on. A capture, void or
  refund that was done it leaves done, and says so.
- `notifies`: it says outcomes by signed notifications. Where it has no inquiry, they are evidence.
- `honours_send_by`: it refuses what arrives after `send_by`. Nothing relies on it.
"""
_LADDER_BEFORE = """\
What is tried for an unknown outcome, in order, and the queue in which it waits if nothing of that gives evidence. A repeat is under the same
reference; a repeat that is rejected is followed by a cancel. Once a cancel may have left, nothing but a cancel follows.
"""
_LADDER_AFTER = """\
`nostro queues` tells how many wait in each queue, and for how long. What waits there is looked at again every hour, every minute where there is
an inquiry, and at once when a notification comes.
"""


def ledger_library() -> str:
    """The ledger as a library: its names from the code, its guarantees in words."""
    lines = ["# The ledger as a library", "", NOTE, _LEDGER_BEFORE]
    lines += [
        "## `open_ledger`",
        "",
        *_described(open_ledger),
        "",
        "## `Ledger`",
        "",
        _text(Ledger),
    ]
    for name, member in vars(Ledger).items():
        if not name.startswith("_"):
            lines += ["", f"### `{name}`", "", *_described(member)]
    lines += ["", "## Values"]
    for value in (Transfer, Kind, Limits, Balance, LedgerAccount, Recorded, Entry):
        fields = ", ".join(f"`{field}`" for field in getattr(value, "__struct_fields__", value))
        lines += ["", f"### `{value.__name__}`", "", _text(value), "", f"{fields}."]
    lines += ["", "## Refusals", "", _text(Refusal), "", "| refusal | meaning |", "|---|---|"]
    lines += [f"| `{refusal}` | {MEANINGS[refusal]} |" for refusal in Refusal]
    return "\n".join([*lines, "", _LEDGER_AFTER])


def _described(function: Any) -> Iterator[str]:
    signature = str(inspect.signature(function)).replace("self, ", "").replace("self", "")
    signature = signature.replace("'", "")
    yield from ("```text", f"{function.__name__}{signature}", "```", "", _text(function))


def _text(found: Any) -> str:
    return inspect.cleandoc(str(found.__doc__)).strip()


_LEDGER_BEFORE = """\
A double-entry ledger in PostgreSQL, in your own process: no API, no worker, no card payments. The
[tutorial](../tutorial/ledger-library.md) shows it at work.

    from nostro.bootstrap.ledger import open_ledger
    from nostro.ledger import Kind, Limits, Refusal, Transfer
"""
_LEDGER_AFTER = f"""\
## Bounds

What is beyond them raises `InvalidArgument` before anything happens; it is a `ValueError` too.

- Codes, currencies, subjects and reasons: up to {bounds.TEXT_MAX} characters of Unicode without NUL; only a subject may be empty.
- Amounts, limits and instants: integers up to 2^63 - 1. An amount of zero or below is refused and recorded.
- Metadata: JSON of up to {bounds.METADATA_BYTES_MAX:,} bytes. Days: 1970-01-02 to 9999-12-31.
- Transfers in one call: {bounds.TRANSFERS_MAX:,}. Ids: UUIDs of version 7 as 32 small hexadecimal digits.

## Guarantees

- **Exact sequence.** Every outcome is what it would be if all transfers of the book, of all calls and all processes, were decided
  one after another in the order of their numbers. Nothing is refused for what another transfer, refused itself, would have
  done. (`tests/ledger/test_small_worlds.py`)
- **Once.** A transfer of an id that was used before gets the outcome it had then, posted or refused, for ever; if it asks for
  something else, `id_taken`. Terms are all fields; a day that is left open, and metadata that were erased, are not compared.
  A chain is compared link by link; if some of its ids are known and others are not, nothing is posted and the others are
  told `id_taken`, though they stay free. (`tests/ledger/test_many_writers.py`)
- **Durable.** An answer is given when its transaction is on disk. A call is one transaction, and calls that come together
  share one.
- **`CommitUnknown`.** The connection was lost around COMMIT and could not be had again in time to ask (ten seconds). The call
  happened whole or not at all. Post again with the same ids: the answer is what happened, or it happens now. The same holds for
  a call that was cancelled, or whose process died.
- **Reads** see everything that was answered before they began.
- **Erased** metadata are gone from their table, with the salt; the salted hash stays in the log. Backups and PostgreSQL's own log
  keep what they hold until they go.

## What it does not do

- It neither deletes nor changes a transfer: post another that takes it back.
- It does not convert currencies: an exchange is a chain of two transfers.
- It does not raise a hold: a hold is captured, in as many parts as you like, and released.
"""


def main() -> None:
    """Write every page."""
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
