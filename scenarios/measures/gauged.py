"""What a run measured of itself for each published figure, from the sums of its gauges.

A *ratio* gauge has one key: its total over its n. A *tally* has a key for each value or class, so
that means, quantiles and shares follow from it. A tally of lines may be told many at a time: its totals are
the lines, and its n how often it was told. Regions are added up; classes that belong to one
region only (stores) stay apart. A gauge that a run does not have makes its figures NA.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from scenarios.measures.card import Result
from scenarios.measures.run import DAY, Run
from scenarios.statistics import Estimate

F64 = npt.NDArray[np.float64]
NOT_MEASURED: Final = "not measured in this run"
NOTHING_SEEN: Final = "nothing of the kind happened"
#: Normal quantile of 90%.
_Z90: Final = 1.2815515655446004
#: Keys of ``shrink_by_cause``.
SHRINK_CAUSES: Final = ("external", "internal", "process", "other")


@dataclass(frozen=True)
class Tally:
    """The sums of one gauge by key, in the order of the keys."""

    key: npt.NDArray[np.int64]
    n: F64
    total: F64
    squares: F64

    def __len__(self) -> int:
        return len(self.key)


class Gauged:
    """The gauges of the unmanaged arm of one run."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._table = run.table("truth/gauges", "unmanaged")

    def tally(self, name: str, *, apart: bool = False) -> Tally:
        """One gauge over all regions; ``apart`` keeps equal keys of different regions apart."""
        rows = self._table[self._table["gauge"] == name]
        keys = ["region", "key"] if apart else ["key"]
        sums = rows.groupby(keys, sort=True)[["n", "total", "squares"]].sum().reset_index()
        return Tally(sums["key"].to_numpy(np.int64), *(_floats(sums[column]) for column in ("n", "total", "squares")))

    def setting(self, key: str, default: float) -> float:
        """A number of the configuration by its dotted key."""
        node: Any = self.run.reader.config
        for part in key.split("."):
            node = node.get(part, {}) if isinstance(node, dict) else {}
        return float(node) if isinstance(node, (int, float)) else default


def _floats(column: pd.Series[Any]) -> F64:
    return column.to_numpy(dtype=np.float64)


Measuring = Callable[[Gauged], Result]


def ratio(name: str, scale: float = 1.0) -> Measuring:
    """Total over n of a gauge, or of several together, times ``scale``."""

    def measure(gauged: Gauged) -> Result:
        tallies = [gauged.tally(part) for part in name.split("+")]
        if not all(len(tally) for tally in tallies):
            return NOT_MEASURED
        n = sum(float(tally.n.sum()) for tally in tallies)
        total = sum(float(tally.total.sum()) for tally in tallies)
        return Estimate(scale * total / n, n=round(n)) if n > 0 else NOTHING_SEEN

    return measure


def between(name: str) -> Measuring:
    """Share of variance that lies between the classes of a tally: one-way random effects, by moments.

    Its n is that of the classes: they decide how sure it is.
    """

    def measure(gauged: Gauged) -> Result:
        tally = gauged.tally(name, apart=name.endswith("store"))
        share = variance_between(tally.n, tally.total, tally.squares)
        if share is None:
            return "fewer than two classes with observations" if len(tally) else NOT_MEASURED
        return Estimate(share, n=int((tally.n > 0).sum()))

    return measure


def variance_between(n: F64, total: F64, squares: F64) -> float | None:
    """Variance between classes over all variance, from n, sums and sums of squares by class.

    The moments of one-way random effects with classes of unequal size (Searle, Casella and McCulloch
    1992, 3.6). None for fewer than two classes, or no variance at all.
    """
    seen = n > 0
    n, total, squares = n[seen], total[seen], squares[seen]
    classes, count = len(n), float(n.sum())
    if classes < 2 or count <= classes:
        return None
    mean = total / n
    within = float((squares - n * mean**2).sum()) / (count - classes)
    spread = float((n * (mean - total.sum() / count) ** 2).sum()) / (classes - 1)
    size = (count - float((n**2).sum()) / count) / (classes - 1)
    variance = max(0.0, (spread - within) / size)
    return variance / (variance + within) if variance + within > 0 else None


def share_of(name: str, key: int) -> Measuring:
    """The total of one key over the total of all."""

    def measure(gauged: Gauged) -> Result:
        tally = gauged.tally(name)
        whole = float(tally.total.sum())
        if not len(tally):
            return NOT_MEASURED
        return Estimate(float(tally.total[tally.key == key].sum()) / whole, n=round(tally.n.sum())) if whole else \
            NOTHING_SEEN

    return measure


def implied_mean(gauged: Gauged) -> Result:
    """The mean of a lognormal with the median and p90 of the tally of hours, over the mean of the tally."""
    hours = gauged.tally("receipt_delay_hours")
    if not len(hours):
        return NOT_MEASURED
    # A key is a whole hour: what it counts lies inside the hour that follows.
    mean = float(((hours.key + 0.5) * hours.n).sum() / hours.n.sum())
    median, p90 = (quantile_inside(hours.key, hours.n, level) for level in (0.5, 0.9))
    if median <= 0:
        return NOTHING_SEEN
    sigma = math.log(p90 / median) / _Z90
    return Estimate(median * math.exp(sigma**2 / 2) / mean, n=round(hours.n.sum()))


def quantile_inside(key: npt.NDArray[np.int64], n: F64, level: float) -> float:
    """A quantile of observations that lie evenly inside the unit that follows each key."""
    reached = np.concatenate([[0.0], np.cumsum(n)])
    place = int(np.searchsorted(reached[1:], level * reached[-1]))
    return float(key[place] + (level * reached[-1] - reached[place]) / n[place])


def lines(statistic: str) -> Measuring:
    """Mean, median or p90 of the lines of a basket."""

    def measure(gauged: Gauged) -> Result:
        tally = gauged.tally("basket_lines")
        if not len(tally):
            return NOT_MEASURED
        count = float(tally.n.sum())
        if statistic == "mean":
            return Estimate(float((tally.key * tally.n).sum()) / count, n=round(count))
        place = np.searchsorted(np.cumsum(tally.n), {"median": 0.5, "p90": 0.9}[statistic] * count)
        return Estimate(float(tally.key[place]), n=round(count))

    return measure


def weekday(*days: int) -> Measuring:
    """Lines on the given weekdays (Monday is 0) over those of a mean day of the week."""

    def measure(gauged: Gauged) -> Result:
        tally = gauged.tally("lines_of_weekday")
        if not len(tally):
            return NOT_MEASURED
        begin, end = gauged.run.horizon
        # 1970-01-01 was a Thursday.
        calendar = np.bincount((np.arange(begin // DAY, end // DAY) + 3) % 7, minlength=7)
        if not calendar.all():
            return "the run is shorter than a week"
        counts = np.zeros(7)
        counts[tally.key] = tally.total
        daily = counts / calendar
        return Estimate(float(daily[list(days)].mean() / daily.mean()), n=round(tally.total.sum()))

    return measure


def top_share(gauged: Gauged) -> Result:
    """Share of lines in the top fifth of the items that sold."""
    tally = gauged.tally("lines_of_item")
    if not len(tally):
        return NOT_MEASURED
    ranked = np.sort(tally.total)[::-1]
    top = ranked[: max(1, round(0.2 * len(ranked)))]
    return Estimate(float(top.sum() / ranked.sum()), n=round(ranked.sum()))


def online_peak(gauged: Gauged) -> Result:
    """Lines of the busiest day of the peak over those of the median day outside it."""
    tally = gauged.tally("online_lines_by_day")
    if not len(tally):
        return NOT_MEASURED
    first, length = (gauged.setting(f"demand.peak_{name}", 0.0) for name in ("from_day", "days"))
    inside = (tally.key >= first) & (tally.key < first + length)
    if not inside.any() or inside.all():
        return "the run has no day inside its peak, or none outside"
    return Estimate(float(tally.total[inside].max() / np.median(tally.total[~inside])), n=round(tally.total.sum()))


def detection_over_repair(gauged: Gauged) -> Result:
    """MTTD of the manual process over the time from there to restored."""
    measures = (gauged.run.reader.scorecard or {}).get("measures", {})
    both = [measures.get(f"manual.{name}_hours", {}) for name in ("mttd", "mttr")]
    detect, restore = (measure.get("value") for measure in both)
    if detect is None or restore is None:
        return "the manual process found or restored nothing"
    if restore <= detect:
        return "restored before it was detected, on the mean"
    return Estimate(detect / (restore - detect), n=min(measure.get("n") or 0 for measure in both))


#: Name of a figure (see ``Figure.name``) -> how it is measured.
MEASURING: Final[dict[str, Measuring]] = {
    "realism.1": ratio("inaccurate_at_count"),
    "realism.2": ratio("absolute_error"),
    "realism.3": ratio("sign_of_error"),
    "realism.4.category": between("error_by_category"),
    "realism.4.store": between("error_by_store"),
    "realism.5": ratio("dc_accuracy"),
    "realism.6": ratio("shrink"),
    **{f"realism.7.{cause}": share_of("shrink_by_cause", key) for key, cause in enumerate(SHRINK_CAUSES)},
    "realism.8": ratio("empty_shelf"),
    "realism.9": ratio("shipped_in_error"),
    "realism.10": ratio("inbound_order_any_error"),
    "realism.11": ratio("pick_lines_dc"),
    "realism.12.in_full": ratio("in_full"),
    "realism.12.on_time": ratio("on_time"),
    "realism.13": ratio("payment_blocks"),
    "realism.14.price": ratio("po_price_changes", 100.0),
    "realism.14.quantity": ratio("po_quantity_changes", 100.0),
    "realism.15": ratio("legacy_handoff"),
    "realism.16": ratio("invoice_exceptions"),
    "realism.17": ratio("finance_minutes"),
    "realism.18.store": ratio("returned_value_store"),
    "realism.18.online": ratio("returned_value_online"),
    "realism.18.all": ratio("returned_value_store+returned_value_online"),
    "realism.19": implied_mean,
    "realism.20": ratio("wrong_price"),
    "realism.21.mean": lines("mean"),
    "realism.21.median": lines("median"),
    "realism.21.p90": lines("p90"),
    "realism.22.sunday": weekday(6),
    "realism.22.saturday": weekday(5),
    "realism.22.midweek": weekday(1, 2, 3),
    "realism.23": top_share,
    "realism.24": online_peak,
    "realism.25": ratio("zero_days"),
    "realism.26": detection_over_repair,
}
