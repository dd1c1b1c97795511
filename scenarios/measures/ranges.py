"""Range-aware measures of a grid subject x day, for comparison with the literature on time series.

A grid is a table of (subjects, days), each row a series of its own: what is wrong on the last day of one subject is
no neighbour of the first day of the next. All are in an appendix, since none says what a shop needs to know, and
each favours something: range precision punishes a long claim, affiliation forgives a near miss and does not see claims
on subjects that have no exception at all, VUS-PR rewards whatever ranks the neighbourhood of an exception high.

- Range precision and recall: N. Tatbul et al., "Precision and Recall for Time Series", NeurIPS 2018; flat bias,
  reciprocal cardinality, no reward for existence alone (alpha = 0). As in aeon 1.6.
- VUS-PR: J. Paparrizos et al., "Volume Under the Surface", PVLDB 15 (2022); every threshold. As in aeon 1.6, which
  extends an anomaly by one day less after it than before it.
- Affiliation: A. Huet, J. M. Navarro and D. Rossi, "Local Evaluation of Time Series Anomaly Detection Algorithms",
  KDD 2022. As in dtaianomaly 0.5, which holds the authors' code.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

Flags = npt.NDArray[np.bool_]
F64 = npt.NDArray[np.float64]
#: Parts of a day in which every integrand of affiliation is a straight line: zones end at halves of a day, and what
#: is equally far from two of their ends lies at quarters.
_QUARTERS: Final = 4
#: Ranges taken at once: they need a table of (ranges, quarters of a day).
_CHUNK: Final = 4096


def runs(flags: Flags) -> npt.NDArray[np.int64]:
    """The number of each unbroken range, from 1 on in the order of the rows; 0 outside of them."""
    numbers = np.cumsum(_starts(flags).ravel(), dtype=np.int64).reshape(flags.shape)
    return np.where(flags, numbers, np.int64(0))


def overlap_rewards(mine: Flags, other: Flags) -> tuple[F64, F64]:
    """By subject, the rewards of the ranges of ``mine`` and their number; their quotient is the mean reward.

    The reward of a range is the share of it that ``other`` covers, over the number of ranges that cover it. With
    what was said as ``mine`` it is range precision, with what was true range recall.
    """
    ranges, others = runs(mine), runs(other)
    count = int(ranges.max(initial=0))
    both = mine & other
    length = np.bincount(ranges[mine] - 1, minlength=count)
    covered = np.bincount(ranges[both] - 1, minlength=count)
    pairs = np.unique(np.column_stack([ranges[both], others[both]]), axis=0)
    pieces = np.bincount(pairs[:, 0] - 1, minlength=count)
    subject = np.nonzero(_starts(mine))[0]
    reward = covered / length / np.maximum(pieces, 1)
    return summed(subject, reward, len(mine)), summed(subject, np.ones(count), len(mine))


def summed(subject: npt.NDArray[np.int64], values: F64, subjects: int) -> F64:
    """The sum of the values of each subject."""
    sums: F64 = np.bincount(subject, weights=values, minlength=subjects).astype(np.float64)
    return sums


def _starts(flags: Flags) -> Flags:
    starts = flags.copy()
    starts[:, 1:] &= ~flags[:, :-1]
    return starts


def volume(true: Flags, score: F64, *, buffer_max: int, beyond: int = 0) -> float:
    """VUS-PR: the mean over buffers of the area under range-aware precision and recall.

    Args:
        true: days on which something was wrong; at least one.
        score: the larger the more suspect; minus infinity for what was not scored.
        buffer_max: buffers from 0 to so many days.
        beyond: further days of subjects on which nothing was wrong and nothing scored.
    """
    flat = score.ravel()
    order = np.argsort(-flat, kind="stable")
    last = np.flatnonzero(np.append(flat[order][1:] != flat[order][:-1], True))
    threshold, said = flat[order][last], (last + 1).astype(float)
    if threshold[-1] == -np.inf:
        said[-1] += beyond
    areas = []
    for buffer in range(buffer_max + 1):
        weight = _extended(true, buffer)
        hits = np.cumsum(weight.ravel()[order])[last]
        ranges = runs(weight > 0).ravel()
        best = np.full(int(ranges.max()) + 1, -np.inf)
        np.maximum.at(best, ranges, flat)
        touched = np.searchsorted(np.sort(-best[1:]), -threshold, side="right") / (len(best) - 1)
        recall = np.minimum(hits / ((true.sum() + weight.sum()) / 2), 1) * touched
        precision = hits / said
        steps = np.diff(recall, prepend=0.0)
        areas.append(float((steps * (precision + np.append(1.0, precision[:-1])) / 2).sum()))
    return float(np.mean(areas))


def _extended(true: Flags, buffer: int) -> F64:
    """Labels with slopes on both sides, at most 1; the sum where two meet."""
    weight = true.astype(np.float64)
    if buffer <= 1:
        return weight
    first, final = _starts(true), _starts(true[:, ::-1])[:, ::-1]
    for days in range(1, min(buffer // 2, true.shape[1] - 1) + 1):
        slope = np.sqrt(1 - days / buffer)
        weight[:, :-days] += slope * first[:, days:]
        if days < buffer // 2:
            weight[:, days:] += slope * final[:, :-days]
    return np.minimum(weight, 1.0)


def affiliation(true: Flags, said: Flags) -> tuple[F64, F64, npt.NDArray[np.int64]]:
    """Of each range in which something was wrong: precision, recall, and its subject.

    Precision is NaN for a range in whose zone (the days nearest to it) nothing was said.
    """
    subject, first = np.nonzero(_starts(true))
    stop = np.nonzero(_starts(true[:, ::-1])[:, ::-1])[1] + 1
    days = true.shape[1]
    follows = np.append(False, subject[1:] == subject[:-1])
    middle = (np.append(0, stop[:-1]) + first) / 2
    low = np.where(follows, middle, 0.0)
    high = np.where(np.append(follows[1:], False), np.append(middle[1:], 0.0), float(days))
    precision, recall = np.empty(len(subject)), np.empty(len(subject))
    for begin in range(0, len(subject), _CHUNK):
        part = slice(begin, begin + _CHUNK)
        near = np.repeat(said[subject[part]], _QUARTERS, axis=1)
        columns = [bound[part, None].astype(float) for bound in (first, stop, low, high)]
        precision[part], recall[part] = _affiliation(near, *columns)
    return precision, recall, subject.astype(np.int64)


def _affiliation(said: Flags, first: F64, stop: F64, low: F64, high: F64) -> tuple[F64, F64]:
    """Means over midpoints of quarters of a day: exact, since everything is straight between them.

    Args:
        said: (ranges, quarters) whether it was said then.
        first: begin of each range, days; a column, as those that follow.
        stop: its end.
        low: begin of its zone.
        high: end of its zone.
    """
    place = np.arange(said.shape[1])
    moment = (place + 0.5) / _QUARTERS
    hit = said & (moment > low) & (moment < high)
    count, span = hit.sum(axis=1), (high - low)
    away = np.maximum(np.maximum(first - moment, moment - stop), 0.0)
    nearer = np.minimum(away, first - low) + np.minimum(away, high - stop) + (stop - first)
    worth = np.where(away > 0, 1 - nearer / span, 1.0)
    with np.errstate(invalid="ignore"):
        precision = (worth * hit).sum(axis=1) / count
    far = 4 * len(place)
    before = np.maximum.accumulate(np.where(hit, place, -far), axis=1)
    after = np.minimum.accumulate(np.where(hit, place, far)[:, ::-1], axis=1)[:, ::-1]
    missed = np.where(hit, 0.0, (np.minimum(place - before, after - place) - 0.5) / _QUARTERS)
    reached = 1 - (np.minimum(missed, moment - low) + np.minimum(missed, high - moment)) / span
    within = (moment > first) & (moment < stop)
    recall: Any = np.where(count > 0, (reached * within).sum(axis=1) / within.sum(axis=1), 0.0)
    return precision, recall
