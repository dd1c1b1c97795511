"""How large and how small each number of an experiment may be.

A key is judged by what it is: a size, a share, a time. No number may be below 0, and none so large that
time or counts leave the range of 64 bits.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

from scenarios.errors import UserError
from scenarios.schema import Experiment
from sim.actions import TEAMS
from sim.faults.types import BY_NAME

#: Longest run, days: what the tick in an id has room for.
DAYS_MAX = 680
#: Seeds stay exact in JSON and in float64.
SEED_MAX = 2**52
#: Keys that count things, and so are at least 1.
SIZES: tuple[str, ...] = (
    "replications",
    "workers",
    "world.regions",
    "world.stores",
    "world.items",
    "world.days",
    "world.categories",
    "world.suppliers",
    "replenishment.review_days",
    "replenishment.dc_review_days",
    "replenishment.dock_doors",
    "middleware.retry_max_attempts",
    "middleware.idempotency_days",
    "people.inventory_control",
    "people.dc",
    "people.integration",
    "people.supply_chain",
    "people.finance",
    "people.pricing",
    "people.master_data",
    "people.order_management",
    "people.loss_prevention",
    "people.change_board",
    "pricing.promotion_days",
    "policy.drift_cases",
    "policy.promotion_cases",
    "policy.retention_days",
    "policy.storm_alerts",
    "policy.storm_findings",
)
#: Keys that must be above 0 without being whole: the world divides by them or takes their logarithm.
POSITIVE: tuple[str, ...] = (
    "world.daily_units",
    "demand.basket_lines",
    "demand.peak_factor",
    "replenishment.cover_days",
    "replenishment.pack_days",
    "replenishment.dc_cover_days",
    "replenishment.lead_days_median",
    "counting.seconds_per_cell",
    "middleware.latency_minutes_median",
    "middleware.service_hours",
    "middleware.retry_base_minutes",
    "middleware.posting_headroom",
    "people.store_per_store",
    "people.service_minutes_median",
    "suppliers.portal_factor",
    "suppliers.promise_factor",
    "online.calls_per_minute",
    "online.promise_hours",
    "detector.silence_probability",
    "detector.limit_seconds",
    "detector.limit_megabytes",
    "policy.storm_hours",
)
#: Keys that are shares, and so lie between 0 and 1.
SHARES: tuple[str, ...] = (
    "demand.online_share",
    "demand.return_rate",
    "demand.quantity_log",
    "counting.tolerance",
    "counting.missed_cutoff_rate",
    "counting.search_rate",
    "counting.dc_search_rate",
    "demand.online_return_rate",
    "middleware.valid_late_rate",
    "middleware.redelivery_rate",
    "middleware.legacy_share",
    "middleware.correlation_loss",
    "middleware.telemetry_loss",
    "suppliers.portal_share",
    "suppliers.quantity_change_rate",
    "suppliers.price_change_rate",
    "suppliers.shortage_rate",
    "suppliers.troubled_share",
    "suppliers.overtaken_rate",
    "finance.invoice_error_rate",
    "finance.tolerance_up",
    "finance.tolerance_down",
    "pricing.change_rate",
    "pricing.promotion_share",
    "pricing.promotion_discount",
    "returns.scrap_share",
    "returns.vendor_share",
    "online.cancel_rate",
    "online.substitute_rate",
    "online.store_share",
    "assortment.launched_share",
    "assortment.retired_share",
    "policy.confidence",
    "policy.precision_floor",
    "policy.storm_share",
)
#: Pairs of shares of one whole.
WHOLES: tuple[tuple[str, str], ...] = (
    ("returns.scrap_share", "returns.vendor_share"),
    ("assortment.launched_share", "assortment.retired_share"),
)
#: Fault types whose rate is a frequency (events a region and 30 days), not a share.
FREQUENCIES: frozenset[str] = frozenset(name for name, entry in BY_NAME.items() if "30 days" in entry.rate_unit)
#: Most that a number may be, by the end of its key; the first that fits.
MOST: tuple[tuple[tuple[str, ...], float], ...] = (
    (("demand.basket_lines",), 200.0),
    # Times as much or as hard as usual.
    (("_factor", ".magnitude", "demand.weekday"), 1_000.0),
    (("middleware.retry_max_attempts",), 100.0),
    # Units of a cell; seconds of a day.
    (("counting.floor_units",), 10_000.0),
    (("counting.seconds_per_cell",), 86_400.0),
    (("counting.dc_per_year",), 3_650.0),
    # Heads, doors, processes and seeds.
    (("people.shift_from", "people.shift_until", "world.opens", "world.closes"), 24.0),
    (("store_per_store", "dock_doors", "workers", "replications", *(f"people.{team}" for team in TEAMS)), 10_000.0),
    (("counts_per_store_day",), 10_000.0),
    (("calls_per_minute", "per_hour", "penalty", "expedite"), 1e6),
    (("holding_rate_year",), 100.0),
    (("_sigma", ".sigma"), 3.0),
    (("safety_factor", "faults.opening_drift"), 100.0),
    (("pricing.elasticity",), 20.0),
    (("counting.per_year",), 365.0),
    (("_day", "_days", ".day", ".days", "_days_median"), 3_650.0),
    # The world bounds both: an outage ends the same day, and dead letters are looked at within two.
    (("faults.api_outage.hours",), 14.0),
    (("faults.schema_drift.hours",), 50.0),
    (("_hours", ".hours"), 8_760.0),
    (("_minutes", "_minutes_median"), 525_600.0),
    (("maintenance_rate", *(f"faults.{name}.rate" for name in sorted(FREQUENCIES))), 3_000.0),
    (("",), 1e9),
)
#: Numbers that are names, or a plug-in's own.
_SIGNED = ("faults.exclude", "detector.parameters", "detector.threshold")
_FREE = ("seed", *_SIGNED)


def check_limits(experiment: Experiment) -> None:
    """Refuse a number that is too small or too large for what it is.

    Raises:
        UserError: naming the key.
    """
    numbers = dict(_numbers(experiment))
    for key, value in numbers.items():
        if not math.isfinite(value):
            raise UserError(f"{key}={value}: must be a finite number")
    _check_sizes(numbers)
    _check_shares(numbers)
    _check_most(numbers)
    _check_rates(experiment)


def _numbers(node: Any, prefix: str = "") -> Iterator[tuple[str, float]]:
    """Every number in a tree of dataclasses, lists and tables, with its dotted key."""
    if isinstance(node, bool):
        return
    if isinstance(node, (int, float)):
        yield prefix, node
    elif dataclasses.is_dataclass(node):
        for entry in dataclasses.fields(node):
            yield from _numbers(getattr(node, entry.name), f"{prefix}.{entry.name}" if prefix else entry.name)
    elif isinstance(node, list):
        for position, value in enumerate(node):
            yield from _numbers(value, f"{prefix}[{position}]")
    elif isinstance(node, dict):
        for name, value in node.items():
            yield from _numbers(value, f"{prefix}.{name}")


def _check_sizes(numbers: dict[str, float]) -> None:
    for key in SIZES:
        if numbers[key] < 1:
            raise UserError(f"{key}={numbers[key]}: must be a whole number of at least 1")
    for key in POSITIVE:
        if numbers[key] <= 0:
            raise UserError(f"{key}={numbers[key]}: must be above 0")
    for key, value in numbers.items():
        if value < 0 and not key.startswith(_SIGNED):
            raise UserError(f"{key}={value:g}: must not be below 0")
    if numbers["seed"] >= SEED_MAX:
        raise UserError(f"seed={numbers['seed']}: must be from 0 to {SEED_MAX - 1}")
    if numbers["world.days"] > DAYS_MAX:
        raise UserError(f"world.days={numbers['world.days']}: must be from 1 to {DAYS_MAX}")


def _check_shares(numbers: dict[str, float]) -> None:
    for key, value in numbers.items():
        if key.split("[", maxsplit=1)[0] in SHARES and not 0 <= value <= 1:
            raise UserError(f"{key}={value:g}: is a share, from 0 to 1")
    if numbers["demand.quantity_log"] >= 1:
        raise UserError(f"demand.quantity_log={numbers['demand.quantity_log']:g}: must be below 1")


def _check_most(numbers: dict[str, float]) -> None:
    for key, value in numbers.items():
        stem = key.split("[", maxsplit=1)[0]
        if stem.startswith(_FREE):
            continue
        most = next(most for ends, most in MOST if stem.endswith(ends))
        if value > most:
            least = "above 0, at most" if stem in POSITIVE else "from 1 to" if stem in SIZES else "from 0 to"
            raise UserError(f"{key}={value:g}: must be {least} {most:,.0f}")
    for one, other in WHOLES:
        if numbers[one] + numbers[other] > 1:
            raise UserError(f"{one}={numbers[one]:g}: makes more than 1 with {other}={numbers[other]:g}")


def _check_rates(experiment: Experiment) -> None:
    faults = experiment.faults
    for name, entry in BY_NAME.items():
        fault = getattr(faults, name, None)
        if fault is None:
            continue
        key = f"faults.{name}"
        if name not in FREQUENCIES and fault.rate > 1:
            raise UserError(f"{key}.rate={fault.rate:g}: is a share, from 0 to 1")
        if name not in FREQUENCIES and fault.rate * faults.scale > 1:
            made = f"{fault.rate * faults.scale:g}"
            raise UserError(f"faults.scale={faults.scale:g}: makes {key}.rate {made}, and it is a share, from 0 to 1")
        if entry.magnitude_unit.startswith("share") and fault.magnitude > 1:
            raise UserError(f"{key}.magnitude={fault.magnitude:g}: is a share, from 0 to 1")
    leak, cancelled = faults.reservation_leak.rate, experiment.online.cancel_rate
    if leak * faults.scale > cancelled:
        raise UserError(f"faults.reservation_leak.rate={leak:g}: only a cancelled order leaks, so with faults.scale at "
                        f"most online.cancel_rate={cancelled:g}")
