"""Faults on demand: rules that make the acquirer, or the network before it, fail.

A rule fires for the requests it matches with the probability ``rate``, at most ``count`` times. The
first rule that fires is the one that is applied.
"""

from dataclasses import dataclass
from random import Random
from typing import Annotated, Literal

from msgspec import Meta, Struct

from sandbox.messages import Reference

Kind = Literal[
    "request_lost",  # never acts; drops the connection
    "reply_lost",  # acts; drops the connection
    "delay",  # acts, then waits before it answers
    "delay_before",  # waits, then acts and answers
    "error_after",  # acts; answers 500
    "error_before",  # never acts; answers 500
    "truncated",  # acts; answers a part and closes
    "wrong_amount",  # acts; answers with another amount
    "duplicate_reply",  # acts; answers as if it had acted before
    "refuse",  # nobody listens for a while
]
Target = Literal["authorize", "capture", "void", "refund", "cancel", "inquire", "*"]
DelayMs = Annotated[int, Meta(ge=0, le=3_600_000)]


class Rule(Struct, kw_only=True, omit_defaults=True):
    """One fault. ``count`` None is without limit; ``seed`` starts the shared generator anew."""

    fault: Kind
    operation: Target = "*"
    rate: Annotated[float, Meta(ge=0, le=1)] = 1.0
    count: Annotated[int, Meta(ge=1)] | None = None
    reference: Reference | None = None
    delay_ms: DelayMs = 0
    seed: int | None = None


class Armed(Struct, kw_only=True, omit_defaults=True):
    """A rule in force and how often it fired."""

    id: int
    rule: Rule
    fired: int

    def matches(self, operation: str, reference: str) -> bool:
        """Whether the rule applies to a request and is not used up."""
        rule = self.rule
        return (
            rule.operation in ("*", operation)
            and rule.reference in (None, reference)
            and (rule.count is None or self.fired < rule.count)
        )


@dataclass
class Faults:
    """The rules in force."""

    armed: list[Armed]
    random: Random
    last_id: int = 0

    def add(self, rule: Rule) -> Armed:
        """Put a rule in force after those there are."""
        if rule.seed is not None:
            self.random.seed(rule.seed)
        self.last_id += 1
        armed = Armed(id=self.last_id, rule=rule, fired=0)
        self.armed.append(armed)
        return armed

    def draw(self, operation: str, reference: str) -> Rule | None:
        """Pick the fault for one request, if one fires."""
        for armed in self.armed:
            if armed.matches(operation, reference) and self.random.random() < armed.rule.rate:
                armed.fired += 1
                return armed.rule
        return None

    def clear(self) -> None:
        """Lift every rule."""
        self.armed.clear()
