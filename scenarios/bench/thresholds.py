"""Thresholds: the least score of an entrant, chosen once on dev seeds and applied to all the others.

On each scenario and dev seed an entrant is first run without a bound, and its untrue incidents are counted for
a number of least scores. The one chosen is the smallest at which the false alarms per location and day,
over all of these together, are within the suite's budget. A scenario whose own grid has no such point counts
as at the next lower one, so the figure is never too kind. Nobody sees a validation or test seed for it.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Curve:
    """Untrue incidents by least score, on one recording.

    Attributes:
        score_min: least scores, rising; the first lets everything through.
        untrue: untrue incidents at each.
        location_days: locations times days.
    """

    score_min: tuple[float, ...]
    untrue: tuple[int, ...]
    location_days: float

    def at(self, score: float) -> int:
        """An upper bound of the untrue incidents at a least score: those at the next lower one of the grid."""
        if not self.score_min or score > self.score_min[-1]:
            return 0
        return self.untrue[max(0, bisect.bisect_right(self.score_min, score) - 1)]


@dataclass(frozen=True)
class Threshold:
    """What was frozen for one entrant.

    Attributes:
        score_min: findings below raise no alert; None where no bound is needed.
        false_alarms_per_location_day: on the dev seeds at this bound.
        recordings: scenarios times dev seeds that it rests on.
    """

    score_min: float | None
    false_alarms_per_location_day: float
    recordings: int


def choose(curves: Sequence[Curve], budget: float) -> Threshold:
    """The smallest least score within the budget, over all curves together.

    Args:
        curves: one a scenario and dev seed.
        budget: false alarms a location and day.
    """
    days = sum(curve.location_days for curve in curves)
    candidates = sorted({score for curve in curves for score in curve.score_min})
    for number, score in enumerate(candidates):
        rate = sum(curve.at(score) for curve in curves) / days
        if rate <= budget:
            return Threshold(None if number == 0 else score, rate, len(curves))
    above = math.nextafter(candidates[-1], math.inf) if candidates else None
    return Threshold(above, 0.0, len(curves))
