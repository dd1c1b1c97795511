"""Two runs on the same seeds: what differs, how sure that is, and whether it matters.

The seeds of two runs draw the same world, so their values are compared pair by pair and the world's
own spread falls out. Three answers stand beside each other, since none replaces the others:

- the mean difference with its t interval over pairs (percentile bootstrap intervals cover too little);
- the Wilcoxon signed-rank p, two-sided, to be adjusted by :func:`holm` over all that is compared at once;
- the probability that the two are practically equal: that the true mean difference lies within the margin,
  under the posterior of the Bayesian t-test with its usual flat prior (Benavoli et al., "Time for a change",
  JMLR 18, 2017, with correlation 0, for seeds are independent and not folds of one data set).

Fewer than 30 pairs support no claim: then difference and interval are told as a description, and the
p-value and the probabilities stay empty, with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from scenarios.measures.skewness import third_cumulant, widest
from scenarios.statistics import LEVEL, FloatArray

#: Least number of pairs behind a claim.
PAIRS_MIN: Final = 30
#: Differences this small beside their values are rounding of the last bits, and no difference.
_DUST: Final = 1e-12


@dataclass(frozen=True)
class Paired:
    """B less A over pairs.

    Attributes:
        difference: mean of b - a, in the unit of the values; None without a pair.
        low: lower end of the interval of the mean difference; None with fewer than two pairs.
        high: upper end of it.
        level: coverage of the interval.
        margin: differences up to this size do not matter, in the unit of the values.
        n: complete pairs.
        p: two-sided Wilcoxon signed-rank p, not adjusted; None where no claim can be made.
        p_equal: probability that the mean difference lies within the margin; None where no claim can be made.
        p_below: probability that it lies below minus the margin; likewise.
        p_above: probability that it lies above the margin; likewise.
        reason: why no claim can be made; None where one can.
    """

    difference: float | None
    low: float | None
    high: float | None
    level: float
    margin: float
    n: int
    p: float | None = None
    p_equal: float | None = None
    p_below: float | None = None
    p_above: float | None = None
    reason: str | None = None


def paired(
    a: Sequence[float | None] | FloatArray,
    b: Sequence[float | None] | FloatArray,
    *,
    margin: float,
    level: float = LEVEL,
    pairs_min: int = PAIRS_MIN,
    skewed: bool = False,
) -> Paired:
    """Compare ``b`` with ``a``, pair by pair.

    Args:
        a: values of one run, one a seed; None or NaN where it has none.
        b: those of the other on the same seeds in the same order.
        margin: the difference that does not matter yet, in the unit of the values; not below 0.
        level: coverage of the interval.
        pairs_min: pairs that a claim needs; not below 2.
        skewed: widen the interval to what skewed differences need, see :mod:`scenarios.measures.skewness`.

    Raises:
        ValueError: if the lengths differ or the margin is below 0.
    """
    if margin < 0:
        raise ValueError(f"margin is below 0: {margin}")
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape:
        raise ValueError(f"pairs need as many of one as of the other, got {len(first)} and {len(second)}")
    known = ~(np.isnan(first) | np.isnan(second))
    first, second = first[known], second[known]
    count, lost = len(first), int((~known).sum())
    gaps = second - first
    gaps = np.where(np.abs(gaps) <= _DUST * np.maximum(np.abs(first), np.abs(second)), 0.0, gaps)
    reason = too_few(count, pairs_min, lost)
    if not count:
        return Paired(None, None, None, level, margin, 0, reason=reason)
    centre = float(gaps.mean())
    if count < 2:
        return Paired(centre, None, None, level, margin, count, reason=reason)
    scale = float(gaps.std(ddof=1)) / math.sqrt(count)
    low, high = widest(centre, scale, count - 1, third_cumulant(gaps) if skewed else 0.0, level)
    if reason is not None:
        return Paired(centre, low, high, level, margin, count, reason=reason)
    below, above = beyond(centre, scale, count - 1, margin)
    return Paired(
        centre, low, high, level, margin, count, signed_rank_p(gaps), max(0.0, 1.0 - below - above), below, above
    )


def too_few(count: int, least: int = PAIRS_MIN, lost: int = 0, what: str = "pair") -> str | None:
    """Why so few pairs support no claim; None if they do."""
    if count >= least:
        return None
    gone = f" ({lost} more have a value on one side only or on none)" if lost else ""
    return f"{count} {what}{'s' * (count != 1)} of seeds{gone}; a claim needs {least}"


def beyond(centre: float, scale: float, freedom: float, margin: float) -> tuple[float, float]:
    """The posterior probabilities that a mean lies below -``margin`` and above ``margin``.

    Args:
        centre: the estimated mean.
        scale: its standard error; 0 makes it certain.
        freedom: degrees of freedom of the t posterior.
        margin: half the width of the region of practical equality, its ends inside.
    """
    if scale <= 0:
        return float(centre < -margin), float(centre > margin)
    below = float(special.stdtr(freedom, (-margin - centre) / scale))
    return below, float(special.stdtr(freedom, -(margin - centre) / scale))


def signed_rank_p(gaps: FloatArray) -> float:
    """The two-sided Wilcoxon signed-rank p; pairs without a difference are left out, and 1 if all are."""
    moved = gaps[gaps != 0]
    if not len(moved):
        return 1.0
    from scipy import stats  # it takes a second to load, and few commands compare

    return float(stats.wilcoxon(moved).pvalue)


def holm(pvalues: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down adjustment: reject where the adjusted p is at most alpha, and alpha holds over all of them.

    Args:
        pvalues: one a comparison; None for one that was not made, which stays None and does not count.

    Returns:
        Adjusted p-values in the same order, never above 1.

    Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6 (1979).
    """
    known = sorted((p, place) for place, p in enumerate(pvalues) if p is not None)
    adjusted: list[float | None] = [None] * len(pvalues)
    worst = 0.0
    for rank, (p, place) in enumerate(known):
        worst = max(worst, min(1.0, p * (len(known) - rank)))
        adjusted[place] = worst
    return adjusted
