"""Cells too silent for what they should sell: the statistics of a frozen shelf.

Once a day before opening: with the lines that a cell should have sold since its last sign of life
(``mu``, by a rate known as well as ``n`` lines tell it), the probability of none is that of a negative
binomial, ``(1 + mu/n)^-n``: the Poisson's, widened by what is not known of the rate. A cell is
suspect when that falls below a threshold and enough revenue is at risk. The most at risk come first,
as many as the store teams can look at.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from detection.detectors.base import DetectorContext
from detection.taxonomy import Finding
from detection.views.state import Views
from sim.events import Rows


class CellSilence:
    """Reports cells with a positive book that stopped selling."""

    def __init__(self, context: DetectorContext) -> None:
        spec = context.spec
        self._log_threshold = float(np.log(spec.silence_probability))
        self._floor = spec.loss_floor
        self._horizon_days = spec.horizon_days
        stores = max(1, context.layout.locations - 1)
        self._daily_max = max(1, round(spec.counts_per_store_day * stores))
        #: Mark of each reported cell's last sign of life: until the next one there is nothing new to say.
        self._reported: dict[int, int] = {}

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """The day's suspects, most revenue at risk first."""
        del rows
        if not views.is_new_day or views.cells.trading_days < 2:
            return
        cells = views.cells
        found = cells.suspects(views.now)
        log_probability = -found.weight * np.log1p(found.expected / found.weight)
        suspect = np.flatnonzero(log_probability < self._log_threshold)
        cell = found.cell
        at_risk = found.lines_a_day[suspect] * cells.price[cell[suspect] % cells.items] * self._horizon_days
        order = np.lexsort((cell[suspect], -at_risk))
        order = order[at_risk[order] >= self._floor]
        self._reported = {key: mark for key, mark in self._reported.items() if cells.mark[key] == mark}
        fresh = [row for row in suspect[order].tolist() if int(cell[row]) not in self._reported]
        for row in fresh[: self._daily_max]:
            number = int(cell[row])
            self._reported[number] = int(cells.mark[number])
            location, item = divmod(number, cells.items)
            yield Finding(
                "phantom_stock", location=location, item=item, score=float(-log_probability[row]),
                units=int(cells.erp[number]),
            )  # fmt: skip
