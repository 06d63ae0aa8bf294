"""`nostro demo`: the whole story in the terminal, through the public API alone."""

from nostro.cli.demo.story import Ledger, Stage, Verify, tell

__all__ = ["Ledger", "Stage", "Verify", "tell"]
