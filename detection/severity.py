"""Severity tiers: how grave a case is, by what is at stake.

A tier is a name and the least value, in currency, from which a case has it; below all of them a case is
``low``. The tier decides how long a case may stay open before it goes up, and, where the policy says so,
from which tier on a person decides whatever a machine could do.
"""

from __future__ import annotations

from collections.abc import Mapping

#: Tiers, gravest first.
TIERS: tuple[str, ...] = ("critical", "high", "medium", "low")
#: Least value of each tier but the last, currency.
SEVERITY: dict[str, float] = {"critical": 5_000.0, "high": 500.0, "medium": 50.0}


def severity_of(value: float, tiers: Mapping[str, float]) -> str:
    """The tier of a case with this much at stake."""
    return next((tier for tier in TIERS[:-1] if value >= tiers.get(tier, float("inf"))), TIERS[-1])


def is_at_least(tier: str, floor: str) -> bool:
    """Whether a tier is as grave as another; never where there is no floor."""
    return bool(floor) and TIERS.index(tier) <= TIERS.index(floor)
