"""First come, first served: the null of priorities."""

from __future__ import annotations

from detection.cases import Case
from detection.spec import OperatorSpec
from detection.views.state import Views


class FirstComeFirstServed:
    """Every case is as urgent as the next."""

    def __init__(self, spec: OperatorSpec) -> None:
        del spec

    def rank(self, case: Case, views: Views) -> int:
        """The same for all."""
        del case, views
        return 100
