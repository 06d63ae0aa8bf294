"""What came of a scenario, and the report."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import msgspec

_WIDTH = 46


class Verdict(StrEnum):
    """How a scenario ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class Result(msgspec.Struct, frozen=True):
    """A scenario, its verdict, how much was checked, and each failure in a sentence."""

    scenario: str
    why: str
    verdict: Verdict
    checks: int
    failures: list[str]
    skipped: str | None = None


def passes(results: Sequence[Result]) -> bool:
    """Whether nothing failed."""
    return all(result.verdict is not Verdict.FAILED for result in results)


def to_json(name: str, results: Sequence[Result]) -> dict[str, Any]:
    """The report for programs."""
    counted = {verdict.value: _count(results, verdict) for verdict in Verdict}
    return {"adapter": name, **counted, "scenarios": msgspec.to_builtins(list(results))}


def to_text(name: str, results: Sequence[Result]) -> str:
    """The report for people."""
    lines = [f"Conformance of {name}", ""]
    for result in results:
        lines += _lines(result)
    passed, failed, skipped = (_count(results, verdict) for verdict in Verdict)
    lines += ["", f"{passed} passed, {failed} failed, {skipped} skipped."]
    return "\n".join(lines)


def _lines(result: Result) -> list[str]:
    word = {"passed": "ok  ", "failed": "FAIL", "skipped": "--  "}[result.verdict]
    facts = result.skipped or f"{result.checks} checks"
    if result.verdict is Verdict.FAILED:
        facts = result.why
    first = f"{word}  {result.scenario:<{_WIDTH}}  {facts}"
    return [first, *(f"        {sentence}" for sentence in result.failures)]


def _count(results: Sequence[Result], verdict: Verdict) -> int:
    return sum(result.verdict is verdict for result in results)
