"""Collects what is off, check by check, as it is found."""

from __future__ import annotations

from collections.abc import Iterable

from nostro.verification.checks import Check
from nostro.verification.report import Finding, Result

NAMED_MAX = 20


class Findings:
    """The first rows that are off under each check, and how many there are."""

    def __init__(self, checks: Iterable[Check]) -> None:
        self._checks = {check.name: check for check in checks}
        self._counts = dict.fromkeys(self._checks, 0)
        self._named: dict[str, list[Finding]] = {name: [] for name in self._checks}
        self._seen: set[tuple[str, str]] = set()

    def add(self, check: str, subject: str, detail: str) -> None:
        """Keep a finding. A row is named once under each check."""
        if (check, subject) in self._seen:
            return
        self._counts[check] += 1
        if len(self._named[check]) < NAMED_MAX:
            self._named[check].append(Finding(subject, detail))
            self._seen.add((check, subject))

    @property
    def count(self) -> int:
        """How many there are in all."""
        return sum(self._counts.values())

    def results(self) -> tuple[Result, ...]:
        """A result for each check, whether anything was found or not."""
        return tuple(
            Result(name, check.proves, 0, self._counts[name], tuple(self._named[name]))
            for name, check in self._checks.items()
        )
