"""Estimates with their intervals: the small set of statistics that the measures are made of.

Every function returns an :class:`Estimate`, or None where the data say nothing. Intervals are 95%
unless said otherwise: Clopper-Pearson for shares, exact Poisson for rates, Student's t for means,
Greenwood-like for restricted means of censored times, jackknife for ratios of sums.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import special

LEVEL: Final = 0.95
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A value, its interval (None where there is none) and what it rests on."""

    value: float
    low: float | None = None
    high: float | None = None
    n: int = 0


def share(hits: int, total: int) -> Estimate | None:
    """A proportion with its exact (Clopper-Pearson) interval."""
    if total <= 0:
        return None
    tail = (1 - LEVEL) / 2
    low = float(special.betaincinv(hits, total - hits + 1, tail)) if hits else 0.0
    high = float(special.betaincinv(hits + 1, total - hits, 1 - tail)) if hits < total else 1.0
    return Estimate(hits / total, low, high, total)


#: Expected events of which none is seen with a chance of one in twenty: the rule of three, exactly.
NONE_SEEN: Final = -math.log(1 - LEVEL)


def rate(count: int, exposure: float) -> Estimate | None:
    """Events per unit of exposure with the exact Poisson interval; none seen gives the bound 3 / exposure."""
    if exposure <= 0:
        return None
    if count == 0:
        return Estimate(0.0, 0.0, NONE_SEEN / exposure, 0)
    tail = (1 - LEVEL) / 2
    low = float(special.gammaincinv(count, tail))
    high = float(special.gammaincinv(count + 1, 1 - tail))
    return Estimate(count / exposure, low / exposure, high / exposure, count)


def mean(values: Sequence[float] | FloatArray) -> Estimate | None:
    """A mean with its t interval; no interval for fewer than two values."""
    numbers = np.asarray(values, dtype=np.float64)
    if not len(numbers):
        return None
    centre = float(numbers.mean())
    if len(numbers) < 2:
        return Estimate(centre, None, None, len(numbers))
    half = float(special.stdtrit(len(numbers) - 1, (1 + LEVEL) / 2) * numbers.std(ddof=1) / math.sqrt(len(numbers)))
    return Estimate(centre, centre - half, centre + half, len(numbers))


def mean_share(hits: FloatArray, groups: npt.NDArray[Any]) -> Estimate | None:
    """The mean over groups of each group's share, so that large groups do not drown small ones.

    The interval takes each group's variance at (hits + 1) / (n + 2), so that a small group that was
    all or nothing does not look certain.
    """
    if not len(hits):
        return None
    _, group = np.unique(groups, return_inverse=True)
    total = np.bincount(group)
    found = np.bincount(group, weights=hits)
    value = float((found / total).mean())
    likely = (found + 1) / (total + 2)
    half = float(special.ndtri((1 + LEVEL) / 2) * math.sqrt((likely * (1 - likely) / total).sum()) / len(total))
    return Estimate(value, max(0.0, value - half), min(1.0, value + half), len(hits))


def weighted_share(hits: FloatArray, weights: FloatArray) -> Estimate | None:
    """The share of the weight that was hit; None if there is no weight."""
    if not weights.sum() > 0:
        return None
    return ratio_of_sums(hits * weights, weights, 0.0, 1.0)


def ratio_of_sums(
    above: FloatArray, below: FloatArray, least: float = -math.inf, most: float = math.inf
) -> Estimate | None:
    """sum(above) / sum(below) with a jackknife interval; None where the denominator is not above 0.

    With one pair the ratio stands without an interval.
    """
    count, total = len(below), float(below.sum()) if len(below) else 0.0
    if total <= 0:
        return None
    value = float(above.sum()) / total
    if count < 2:
        return Estimate(value, None, None, count)
    if (total - below <= 0).any():
        return Estimate(value, None, None, count)
    pseudo = pseudo_values(above, below)
    half = float(special.stdtrit(count - 1, (1 + LEVEL) / 2) * pseudo.std(ddof=1) / math.sqrt(count))
    return Estimate(value, max(least, value - half), min(most, value + half), count)


def pseudo_values(above: FloatArray, below: FloatArray) -> FloatArray:
    """Jackknife pseudo-values of sum(above) / sum(below): what each pair adds; with one pair the ratio itself."""
    count, total = len(below), below.sum()
    if count < 2:
        return above / below
    with np.errstate(divide="ignore", invalid="ignore"):
        without = (above.sum() - above) / (total - below)
    pseudo: FloatArray = count * (above.sum() / total) - (count - 1) * without
    return pseudo


def is_above_zero(values: Sequence[float] | FloatArray) -> bool:
    """Whether the mean is clearly above 0: its 95% interval is, or with one value the value is."""
    found = mean(values)
    return found is not None and (found.low if found.low is not None else found.value) > 0


def survival(times: FloatArray, observed: npt.NDArray[np.bool_]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Kaplan-Meier: distinct times of events, survival after each, and the variance term of each.

    Args:
        times: duration until the event or the censoring.
        observed: False where the event had not happened by then.
    """
    moments, of_row = np.unique(times, return_inverse=True)
    events = np.bincount(of_row, weights=observed)
    ended = np.bincount(of_row)
    at_risk = len(times) - np.concatenate([[0], np.cumsum(ended)[:-1]])
    keep = events > 0
    events, at_risk, moments = events[keep], at_risk[keep], moments[keep]
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(at_risk > events, events / (at_risk * (at_risk - events)), 0.0)
    return moments, np.cumprod(1 - events / at_risk), terms


def restricted_mean(times: FloatArray, observed: npt.NDArray[np.bool_], until: float) -> Estimate | None:
    """The mean of min(time, ``until``) under censoring: the area below Kaplan-Meier up to ``until``.

    Args:
        times: durations, not below 0.
        observed: False where censored.
        until: the restriction, in the unit of the times.
    """
    if not len(times):
        return None
    moments, alive, terms = survival(times, observed)
    inside = moments < until
    edges = np.concatenate([[0.0], moments[inside], [until]])
    heights = np.concatenate([[1.0], alive[inside]])
    areas = heights * np.diff(edges)
    value = float(areas.sum())
    # Greenwood: the area that remains after each event time weighs its variance term
    after = areas[::-1].cumsum()[::-1][1:]
    half = float(special.ndtri((1 + LEVEL) / 2) * math.sqrt(float((after**2 * terms[inside]).sum())))
    return Estimate(value, max(0.0, value - half), min(until, value + half), len(times))


def median(times: FloatArray, observed: npt.NDArray[np.bool_]) -> Estimate | None:
    """The median of censored times; None where fewer than half of the events are seen."""
    if not len(times):
        return None
    moments, alive, terms = survival(times, observed)
    # a hair of slack: 1 - 1/2 computed as a product may end above one half
    half = np.flatnonzero(alive <= 0.5 + 1e-12)
    if not len(half):
        return None
    low, high = _median_ends(moments, alive, terms)
    return Estimate(float(moments[half[0]]), low, high, len(times))


def _median_ends(moments: FloatArray, alive: FloatArray, terms: FloatArray) -> tuple[float | None, float | None]:
    """The times whose log-log interval of survival holds one half (Brookmeyer and Crowley 1982); None where open."""
    inside = (alive > 0) & (alive < 1)
    logs = np.log(alive[inside])
    spread = special.ndtri((1 + LEVEL) / 2) * np.sqrt(np.cumsum(terms)[inside]) / logs
    ends = []
    for sign in (-1, 1):
        # where nobody is left both bounds are 0
        bound = np.where(alive >= 1, 1.0, 0.0)
        bound[inside] = np.exp(-np.exp(np.log(-logs) + sign * spread))
        below = np.flatnonzero(bound <= 0.5)
        ends.append(float(moments[below[0]]) if len(below) else None)
    if ends[0] is None or ends[1] is None:
        known = [end for end in ends if end is not None]
        return (known[0], None) if known else (None, None)
    return min(ends[0], ends[1]), max(ends[0], ends[1])


def _binomial_quantile(share: float, count: int, level: float) -> int:
    """The least number of hits in ``count`` whose distribution function reaches ``share``."""
    reached = special.bdtr(np.arange(count + 1.0), count, level) >= share
    return int(np.argmax(reached)) if reached.any() else count


def quantile(values: FloatArray, level: float) -> Estimate | None:
    """A quantile (linear between order statistics) with its distribution-free interval of order statistics.

    The ends are the order statistics whose ranks hold the quantile with 95% by the binomial; None where
    there are too few values above (or below) it to say.
    """
    count = len(values)
    if not count:
        return None
    ordered = np.sort(values)
    tail = (1 - LEVEL) / 2
    lower = _binomial_quantile(tail, count, level) - 1
    upper = _binomial_quantile(1 - tail, count, level)
    return Estimate(
        float(np.quantile(ordered, level)),
        float(ordered[lower]) if lower >= 0 else None,
        float(ordered[upper]) if upper < count else None,
        count,
    )


def macro_f1(truth: Sequence[str], said: Sequence[str]) -> Estimate | None:
    """The mean F1 over the labels that occur in the truth or were said.

    ``unknown`` is an answer, not a label: it costs recall and no precision. Labels that neither side
    used have no F1.
    """
    if not truth:
        return None
    is_true, is_said = np.array(truth, dtype=object), np.array(said, dtype=object)
    scores = []
    for label in sorted(set(truth) | (set(said) - {"unknown"})):
        both = int(((is_true == label) & (is_said == label)).sum())
        scores.append(2 * both / (int((is_true == label).sum()) + int((is_said == label).sum())))
    return Estimate(float(np.mean(scores)), None, None, len(is_true))


def calibration_error(confidence: FloatArray, right: npt.NDArray[np.bool_], bins: int = 15) -> Estimate | None:
    """Expected calibration error: the mean gap between confidence and accuracy over equal-width bins."""
    if not len(confidence):
        return None
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    sums = np.bincount(place, weights=confidence - right, minlength=bins)
    return Estimate(float(np.abs(sums).sum() / len(confidence)), None, None, len(confidence))


def average_precision(
    positive: npt.NDArray[np.bool_],
    score: FloatArray,
    unscored: int = 0,
    unscored_positive: int = 0,
    clusters: int | None = None,
) -> Estimate | None:
    """The area under precision and recall as a sum of steps; equal scores are one step. None without a positive.

    Args:
        positive: what is to come first.
        score: the larger the sooner.
        unscored: further rows, which come last and together.
        unscored_positive: how many of these are positive.
        clusters: independent positives, for the logit interval (Boyd, Eng and Page 2013); the days of one
            subject are not independent. None takes every positive for one.
    """
    total = int(positive.sum()) + unscored_positive
    if not total:
        return None
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(positive[order])
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    precision = hits[last] / (last + 1)
    gained = np.diff(np.concatenate([[0], hits[last]])) / total
    count = len(score) + unscored
    value = float((precision * gained).sum()) + unscored_positive / total * (total / count)
    return area(value, clusters or total, count)


def area(value: float, clusters: int, count: int) -> Estimate:
    """An area under precision and recall with its logit interval (Boyd, Eng and Page 2013), none at 0 and 1.

    Args:
        value: the area.
        clusters: independent positives.
        count: what it rests on.
    """
    if not 0 < value < 1:
        return Estimate(value, None, None, count)
    half = float(special.ndtri((1 + LEVEL) / 2)) / math.sqrt(clusters * value * (1 - value))
    low, high = (float(special.expit(special.logit(value) + end)) for end in (-half, half))
    return Estimate(value, low, high, count)


def tail_mean(values: Sequence[float] | FloatArray, level: float = 0.95) -> Estimate | None:
    """CVaR: the mean of the worst (highest) 1 - ``level`` of the values, the boundary value taken in part."""
    numbers = np.sort(np.asarray(values, dtype=np.float64))[::-1]
    if not len(numbers):
        return None
    left = len(numbers) * (1 - level)
    weights = np.clip(left - np.arange(len(numbers)), 0.0, 1.0)
    return Estimate(float((numbers * weights).sum() / weights.sum()), None, None, len(numbers))
