"""`python -m bench`: one JSON document on standard output, progress on standard error.

Ends with 0 when everything ran, `nostro verify` was content and no ledger lost a cent, else with 1; a missed target is in
the report and is no error. Whatever was started is stopped, also on Ctrl-C or SIGTERM.
"""

import argparse
import dataclasses
import json
import platform
import shlex
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import budget, machine
from bench.campaign import QUICK, Campaign, Sizes, say, tpcb
from bench.instance import Instance
from bench.ledger_campaign import LEDGER_QUICK, LedgerCampaign, LedgerSizes
from bench.server import Server
from bench.webhooks import Webhooks


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; the exit code."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    report = _head(_sizes(options), _ledger_sizes(options))
    with tempfile.TemporaryDirectory(
        prefix="nostro-bench-", dir=options.directory, ignore_cleanup_errors=True
    ) as directory:
        measure = _measure_ledger if options.ledger_only else _measure
        measure(options, Path(directory), report)
    _print(report, options.output)
    return 0 if _is_content(report, options.ledger_only) else 1


def _is_content(report: dict[str, Any], ledger_only: bool) -> bool:
    if "error" in report:
        return False
    conserved = report.get("ledger", {}).get("conserved")
    if ledger_only:
        return conserved is True
    return conserved is not False and report.get("verify", {}).get("exit_code") == 0


def _measure_ledger(options: argparse.Namespace, directory: Path, report: dict[str, Any]) -> None:
    directory.chmod(0o755)
    server = Server(directory / "data")
    campaign = LedgerCampaign(server.data_dir, _ledger_sizes(options), options.pgledger, say)
    report["ledger"] = campaign.report
    try:
        say("PostgreSQL")
        server.start()
        campaign.run(tpcb(server.data_dir, _sizes(options)))
    except KeyboardInterrupt:
        report["error"] = "interrupted"
    except Exception as error:  # noqa: BLE001 (the report says it)
        report["error"] = f"{type(error).__name__}: {error}"
        say(report["error"])
    finally:
        server.stop()
        report.update(budget=budget.judge(report))


def _measure(options: argparse.Namespace, directory: Path, report: dict[str, Any]) -> None:
    directory.chmod(0o755)  # PostgreSQL may run as another account, if we are root
    webhooks = Webhooks()
    instance = Instance(shlex.split(options.command), directory)
    ledger = LedgerCampaign(instance.data_dir, _ledger_sizes(options), options.pgledger, say)
    campaign = Campaign(instance, webhooks, _sizes(options), ledger)
    try:
        campaign.run()
    except KeyboardInterrupt:
        report["error"] = "interrupted"
    except Exception as error:  # noqa: BLE001 (the report says it)
        report["error"] = f"{type(error).__name__}: {error}"
        say(report["error"])
    finally:
        instance.stop()
        webhooks.stop()
        report.update(campaign.report, budget=budget.judge(campaign.report))


def _head(sizes: Sizes, ledger: LedgerSizes) -> dict[str, Any]:
    return {
        "began_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cores": machine.core_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "sizes": dataclasses.asdict(sizes),
        "ledger_sizes": dataclasses.asdict(ledger),
    }


def _sizes(options: argparse.Namespace) -> Sizes:
    sizes = QUICK if options.quick else Sizes()
    chosen = {"seconds": options.seconds, "rounds": options.rounds}
    given = {name: value for name, value in chosen.items() if value is not None}
    return dataclasses.replace(sizes, **given)


def _ledger_sizes(options: argparse.Namespace) -> LedgerSizes:
    sizes = LEDGER_QUICK if options.quick else LedgerSizes()
    chosen = {"seconds": options.ledger_seconds, "rounds": options.ledger_rounds}
    given = {name: value for name, value in chosen.items() if value is not None}
    return dataclasses.replace(sizes, **given)


def _print(report: dict[str, Any], output: Path | None) -> None:
    text = json.dumps(report, indent=2)
    print(text)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text + "\n")


def _positive(text: str) -> float:
    value = float(text)
    if not 1 <= value <= 3600:
        raise argparse.ArgumentTypeError("between 1 and 3600")
    return value


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 100:
        raise argparse.ArgumentTypeError("between 1 and 100")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("bench", description="Measure Nostro on this machine.")
    parser.add_argument("--seconds", type=_positive, help="of each phase of a round (10)")
    parser.add_argument("--rounds", type=_count, help="interleaved rounds (3)")
    parser.add_argument("--quick", action="store_true", help="short phases: a smoke test")
    parser.add_argument("--output", type=Path, help="write the report to this file too")
    parser.add_argument("--directory", type=Path, help="where the temporary data directory goes")
    parser.add_argument("--ledger-only", action="store_true", help="only the ledger's phases")
    parser.add_argument("--ledger-seconds", type=_positive, help="of each ledger phase (3)")
    parser.add_argument("--ledger-rounds", type=_count, help="the ledger's rounds (5)")
    parser.add_argument("--pgledger", type=Path, help="pgledger's checkout or SQL, to compare with")
    default = f"{shlex.quote(sys.executable)} -m nostro"
    parser.add_argument("--command", default=default, help="how Nostro is called")
    return parser


if __name__ == "__main__":
    sys.exit(main())
