"""The interval of a mean, or of a difference of means, whose observations may be skewed.

With thirty seeds Student's t is too sure of itself on one side where differences are skewed: a few great losses
that the mean needs are often not among thirty, and the interval then ends before it should. Hall's transformation
takes the first term of that error out with the third cumulant of the data. Neither interval is always the wider one,
and the estimate of a cumulant from thirty values is itself shy; so each end is the farther of the two.
"""

from __future__ import annotations

import math

from scipy import special

from scenarios.statistics import FloatArray


def third_cumulant(values: FloatArray) -> float:
    """The third cumulant of the mean of ``values``, without bias (Fisher's k-statistic); 0 for fewer than three."""
    count = len(values)
    if count < 3:
        return 0.0
    return float(((values - values.mean()) ** 3).sum()) / (count * (count - 1) * (count - 2))


def widest(centre: float, scale: float, freedom: float, third: float, level: float) -> tuple[float, float]:
    """The ends of an interval that holds for skewed observations too.

    Args:
        centre: the estimated mean, or difference of means.
        scale: its standard error.
        freedom: degrees of freedom of t.
        third: the third cumulant of the estimate, as :func:`third_cumulant`; of a difference, the difference of both.
        level: coverage that is aimed at.

    Returns:
        Low and high: the farther of Student's and Hall's at each end.

    Source: P. Hall, "On the removal of skewness by transformation", J. R. Statist. Soc. B 54 (1992); for two samples
    X.-H. Zhou and P. Dinh, "Nonparametric confidence intervals for the one- and two-sample problems", Biostatistics 6
    (2005), their T3, with the quantile of t in place of the normal one.
    """
    quantile = float(special.stdtrit(freedom, (1 + level) / 2))
    if scale <= 0:
        return centre, centre
    skewness = third / scale**3
    upper = max(quantile, _untransformed(quantile, skewness))
    lower = min(-quantile, _untransformed(-quantile, skewness))
    return centre - scale * upper, centre - scale * lower


def _untransformed(value: float, skewness: float) -> float:
    """The t whose transform t + k t^2 / 3 + k^2 t^3 / 27 + k / 6 is ``value``, for a skewness k of the estimate."""
    if abs(skewness) < 1e-9:
        return value
    return 3 / skewness * (math.cbrt(1 + skewness * (value - skewness / 6)) - 1)
