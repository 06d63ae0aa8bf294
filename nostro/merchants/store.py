"""The statements of this room, and the one table of it that the committer writes."""

from __future__ import annotations

from nostro.kernel.queries import load
from nostro.kernel.table import Table
from nostro.merchants.model import ToldSetting

QUERIES = load("nostro.merchants")
TOLD_SETTINGS = Table("told_settings", ToldSetting, QUERIES, mutable=("no", "state"))
