"""One thing the doctor looked at."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Verdict(StrEnum):
    """How a thing is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Line(msgspec.Struct, frozen=True):
    """What was looked at, how it is, and what to do about it."""

    check: str
    verdict: Verdict
    found: str
    advice: str = ""


def ok(check: str, found: str) -> Line:
    """All is well."""
    return Line(check, Verdict.OK, found)


def warn(check: str, found: str, advice: str) -> Line:
    """It works, and could bite."""
    return Line(check, Verdict.WARN, found, advice)


def fail(check: str, found: str, advice: str) -> Line:
    """It does not work, or it is unsafe."""
    return Line(check, Verdict.FAIL, found, advice)
