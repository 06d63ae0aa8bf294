"""The figures the project promises itself, and what a run measured beside them."""

from typing import Any

# name: (path into the report, at least or at most, target)
TARGETS: dict[str, tuple[tuple[str, ...], str, float]] = {
    "payments_per_second": (("payments", "per_second"), ">=", 2000),
    "ratio_to_pgbench": (("ratio",), ">=", 0.35),
    "open_loop_own_p50_ms": (("open_loop", "own_p50_ms"), "<=", 5),
    "open_loop_own_p99_ms": (("open_loop", "own_p99_ms"), "<=", 20),
    "hot_merchant_ratio": (("hot_merchant", "ratio"), ">=", 0.9),
    "cold_start_seconds": (("cold_start", "first_payment_seconds"), "<=", 5),
    "idle_rss_mb": (("idle_rss_mb",), "<=", 250),
    "ledger_transfers_per_second": (
        ("ledger", "ours", "random_1000", "per_second", "median"), ">=", 33_000,
    ),
    "ledger_ratio_to_array_call": (
        ("ledger", "ratios", "random_1000_to_array_call", "median"), ">=", 3,
    ),
    "ledger_ratio_to_hot_singles_1": (
        ("ledger", "ratios", "hot_1000_to_hot_singles_1_client", "median"), ">=", 15,
    ),
    "ledger_ratio_to_hot_singles_16": (
        ("ledger", "ratios", "hot_1000_to_hot_singles_16_clients", "median"), ">=", 15,
    ),
}  # fmt: skip


# These hold with an endpoint registered and the books verified clean; less work does not meet them.
CONDITIONAL = ("payments_per_second", "ratio_to_pgbench")
LEDGER = tuple(name for name in TARGETS if name.startswith("ledger_"))


def judge(report: dict[str, Any]) -> dict[str, Any]:
    """Each target with what was measured; `met` is None when it was not measured as it must be."""
    rows = {name: _row(_at(report, path), *rule) for name, (path, *rule) in TARGETS.items()}
    for names, conditions in ((CONDITIONAL, _of_payments(report)), (LEDGER, _of_ledger(report))):
        lacking = [condition for condition, holds in conditions.items() if not holds]
        for name in names if lacking else ():
            rows[name].update(met=None, lacking=lacking)
    return rows


def _of_payments(report: dict[str, Any]) -> dict[str, bool]:
    return {
        "webhook endpoint": bool(report.get("webhooks")),
        "verify": _at(report, ("verify", "exit_code")) == 0,
    }


def _of_ledger(report: dict[str, Any]) -> dict[str, bool]:
    return {"conservation": _at(report, ("ledger", "conserved")) is True}


def _at(report: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        report = report.get(step) if isinstance(report, dict) else None
    return report


def _row(measured: Any, direction: Any, target: Any) -> dict[str, Any]:
    met = None
    if measured is not None:
        met = measured >= target if direction == ">=" else measured <= target
    return {"measured": measured, "target": f"{direction} {target:g}", "met": met}
