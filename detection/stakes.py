"""What is at stake in a case, in currency: what a policy weighs and a queue is ordered by.

These are the operator's own estimates from prices and sales it has seen; nothing here is the truth.
"""

from __future__ import annotations

from detection.spec import OperatorSpec
from detection.taxonomy import SCOPE_OF_TYPE, Finding
from detection.views.state import Views

#: Units taken for a document whose content the stream has not told.
_DOCUMENT_UNITS = 50


def value_at_stake(finding: Finding, views: Views, spec: OperatorSpec) -> float:
    """Revenue that the exception puts at risk, currency."""
    cells, scope = views.cells, SCOPE_OF_TYPE[finding.type]
    price = float(cells.price[finding.item]) if finding.item >= 0 else 0.0
    if scope in {"cell", "price"}:
        rate = cells.revenue_a_day(finding.location * cells.items + finding.item)
        return rate * spec.horizon_days
    if scope == "clock":
        return float(cells.clock[finding.location]) / max(1.0, float(cells.trading_days)) * float(cells.price.mean())
    if scope in {"interface", "contract"}:
        days = max(1.0, float(cells.trading_days))
        return float(cells.clock.sum()) / days * float(cells.price.mean())
    if finding.item < 0:
        return float(cells.price.mean()) * (finding.units or _DOCUMENT_UNITS)
    return price * max(1, finding.units)
