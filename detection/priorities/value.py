"""Revenue at risk first: the more a day of delay costs, the sooner."""

from __future__ import annotations

import math

from detection.cases import Case
from detection.spec import OperatorSpec
from detection.views.state import Views

#: Places between a case worth nothing and one worth a million.
_SPREAD = 200.0


class RevenueAtRisk:
    """Ranks by the logarithm of what is at stake."""

    def __init__(self, spec: OperatorSpec) -> None:
        del spec

    def rank(self, case: Case, views: Views) -> int:
        """From 0 (a million at stake, or more) to 200 (nothing)."""
        del views
        return round(max(0.0, _SPREAD * (1.0 - math.log10(1.0 + max(0.0, case.value)) / 6.0)))
