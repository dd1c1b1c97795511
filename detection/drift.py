"""The drift watch: how often what was claimed turned out true, by exception type and by location.

Closed cases are the only labels a live chain has. Of each type the last verdicts are kept; where there
are enough of them and the share that was confirmed is below the type's floor, the type is demoted: what
a machine did there is a person's decision until the share is above the floor again. People's repairs
bring verdicts too, so a demoted type can come back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from detection.cases import Case


class DriftWatch:
    """Precision of each type over its latest verdicts.

    Args:
        floor: least precision at which a machine may go on, a share.
        floor_by_type: types with a floor of their own.
        window: verdicts of a type that are looked at; fewer say nothing.
    """

    def __init__(self, floor: float, floor_by_type: Mapping[str, float], window: int) -> None:
        self._floor, self._floor_by_type, self._window = floor, floor_by_type, window
        self._verdicts: dict[str, deque[bool]] = {}
        self.demoted: set[str] = set()

    def floor(self, type_name: str) -> float:
        """Least precision of a type."""
        return self._floor_by_type.get(type_name, self._floor)

    def precision(self, type_name: str) -> float | None:
        """Share confirmed of the latest verdicts; None while there are too few."""
        verdicts = self._verdicts.get(type_name, ())
        return sum(verdicts) / len(verdicts) if len(verdicts) == self._window else None

    def take(self, case: Case) -> str:
        """Take in a closed case; returns "demoted" or "restored" where that changes its type's standing."""
        if not case.verdict:
            return ""
        kept = self._verdicts.setdefault(case.type, deque(maxlen=self._window))
        kept.append(case.verdict == "confirmed")
        precision = self.precision(case.type)
        is_below = precision is not None and precision < self.floor(case.type)
        if is_below == (case.type in self.demoted):
            return ""
        (self.demoted.add if is_below else self.demoted.discard)(case.type)
        return "demoted" if is_below else "restored"
