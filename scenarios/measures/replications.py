"""One scorecard over replications of a run on several seeds.

A measure's value is the mean over the seeds that have one, with its t interval. Recovery is a ratio
of sums with a jackknife interval, and has no value unless its denominator is clearly above zero:
a mean of ratios would be ruled by the seed on which faults happened to cost least.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from scenarios import statistics
from scenarios.measures.business import NO_FCFS, priority_gain
from scenarios.measures.card import Measure, Result, Scorecard, in_order, to_measure, unit_of
from scenarios.statistics import Estimate

#: Measures that are (unmanaged - first) / (unmanaged - second) over the losses of arms.
RATIOS: Final = {
    "business.recovery": ("managed", "clean"),
    "business.recovery_oracle": ("oracle", "clean"),
    "business.recovery_of_reachable": ("managed", "oracle"),
}
TAIL: Final = 0.95


def combine(scorecards: Sequence[Scorecard]) -> Scorecard:
    """The scorecard over several seeds; with one, that seed's own.

    Raises:
        ValueError: if there is none.
    """
    if not scorecards:
        raise ValueError("no scorecards to combine")
    if len(scorecards) == 1:
        return scorecards[0]
    out = Scorecard()
    for name in in_order({name: measure for card in scorecards for name, measure in card.measures.items()}):
        measures = [card.measures[name] for card in scorecards if name in card.measures]
        if name in RATIOS:
            out.put({name: _ratio(scorecards, *RATIOS[name])})
        elif name == "case.priority_gain":
            out.put({name: priority_gain([_hours(card) for card in scorecards])})
        elif name == "repair.wrongful_cvar":
            values = [card.measures["repair.wrongful_value"].value for card in scorecards]
            found = statistics.tail_mean([value for value in values if value is not None], TAIL)
            out.put({name: found or "no seed has a value that repairs put wrong"})
        else:
            out.measures[name] = _mean(name, measures)
    return out


def _hours(card: Scorecard) -> tuple[Result, Result]:
    """What a worked hour avoided on one seed, in the run's order of work and first come, first served."""
    mine, plain = (card.measures.get(f"repair.avoided_per_hour{arm}") for arm in ("", "_fcfs"))
    return _result(mine), _result(plain)


def _result(measure: Measure | None) -> Result:
    if measure is None or measure.value is None:
        return (measure and measure.reason) or NO_FCFS
    return Estimate(measure.value, measure.low, measure.high, measure.n or 1)


def _mean(name: str, measures: Sequence[Measure]) -> Measure:
    values = [measure.value for measure in measures if measure.value is not None]
    found = statistics.mean(values)
    if found is not None:
        return to_measure(found, unit_of(name))
    reasons = sorted({measure.reason or "no value" for measure in measures})
    return Measure(None, unit_of(name), n=0, reason=f"on every seed: {'; '.join(reasons)}")


def _ratio(scorecards: Sequence[Scorecard], better: str, best: str) -> Result:
    """(unmanaged - better) / (unmanaged - best), as a ratio of sums over the seeds that have all three."""
    losses = [
        [card.measures[f"business.{arm}.loss_value"].value for arm in ("unmanaged", better, best)]
        for card in scorecards
    ]
    known = np.array([row for row in losses if None not in row], dtype=float).reshape(-1, 3)
    if not len(known):
        return f"no seed has the arms unmanaged, {better} and {best}"
    below = known[:, 0] - known[:, 2]
    if not statistics.is_above_zero(below):
        return f"the loss between the arms unmanaged and {best} is not clearly above zero over {len(known)} seeds"
    return statistics.ratio_of_sums(known[:, 0] - known[:, 1], below) or "no loss to recover"
