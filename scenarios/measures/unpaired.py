"""Two runs on different seeds: the difference of two means with Welch's interval.

Where the seeds differ, so do the worlds that they draw, and nothing can be paired. The interval is wider,
since it holds the spread of both worlds; it stands in the form of :class:`~scenarios.measures.paired.Paired`,
with ``n`` the seeds of the smaller side and no signed-rank p.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from scenarios.measures.paired import PAIRS_MIN, Paired, beyond, too_few
from scenarios.measures.skewness import third_cumulant, widest
from scenarios.statistics import LEVEL, FloatArray


def unpaired(
    a: Sequence[float | None] | FloatArray,
    b: Sequence[float | None] | FloatArray,
    *,
    margin: float,
    level: float = LEVEL,
    least: int = PAIRS_MIN,
    skewed: bool = False,
) -> Paired:
    """Compare the mean of ``b`` with that of ``a``, each on its own seeds.

    Args:
        a: values of one run; None or NaN where a seed has none.
        b: those of the other.
        margin: the difference that does not matter yet, in the unit of the values; not below 0.
        level: coverage of the interval.
        least: values on each side that a claim needs; not below 2.
        skewed: widen the interval to what skewed values need, see :mod:`scenarios.measures.skewness`.

    Raises:
        ValueError: if the margin is below 0.

    Source: B. L. Welch, "The generalization of 'Student's' problem", Biometrika 34 (1947).
    """
    if margin < 0:
        raise ValueError(f"margin is below 0: {margin}")
    first, second = (values[~np.isnan(values)] for values in (np.asarray(side, dtype=np.float64) for side in (a, b)))
    count = min(len(first), len(second))
    reason = too_few(count, least, what="value")
    if not count:
        return Paired(None, None, None, level, margin, 0, reason=reason)
    centre = float(second.mean() - first.mean())
    if count < 2:
        return Paired(centre, None, None, level, margin, count, reason=reason)
    parts = [float(side.var(ddof=1)) / len(side) for side in (first, second)]
    scale = math.sqrt(sum(parts))
    weights = sum(part**2 / (len(side) - 1) for part, side in zip(parts, (first, second), strict=True))
    freedom = sum(parts) ** 2 / weights if weights > 0 else float(count - 1)
    third = third_cumulant(second) - third_cumulant(first) if skewed else 0.0
    low, high = widest(centre, scale, freedom, third, level)
    if reason is not None:
        return Paired(centre, low, high, level, margin, count, reason=reason)
    below, above = beyond(centre, scale, freedom, margin)
    return Paired(centre, low, high, level, margin, count, None, max(0.0, 1.0 - below - above), below, above)
