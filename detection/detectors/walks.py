"""What shops did before there were models: cells to count each day, chosen by a rule of thumb.

Every morning each shop goes to as many cells as its people can count. The rules are those of the trade: by lot
(random cycle counts); where the book has come to nothing, so that there is nothing to count (zero-balance); what moves
most (high activity); and what is lowest on hand, since the next sale there may fail. A cell is not visited again
within a month. A visit claims what a count would show: with a positive book that the goods are not there, below zero
that the book is wrong, at nought that there may be goods.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from detection.detectors.base import DetectorContext
from detection.keys import key_id
from detection.taxonomy import Finding
from detection.views.cells import Cells
from detection.views.state import Views
from sim.clock import DAY
from sim.events import Rows

FloatArray = npt.NDArray[np.float64]
#: Days until a cell may be visited again: a cycle of counts.
CYCLE_DAYS = 28


class _Walk:
    """Everything but the rule."""

    def __init__(self, context: DetectorContext) -> None:
        self._visits = max(1, round(context.spec.counts_per_store_day))
        self._seed = context.seed
        self._visited = np.full(context.layout.locations * context.layout.items, -CYCLE_DAYS * DAY)

    @abstractmethod
    def urgency(self, cells: Cells, day: int) -> FloatArray:
        """How soon each cell is to be visited, larger for sooner, minus infinity for never; shape (cells,)."""

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """The morning's cells, shop by shop."""
        del rows
        if not views.is_new_day or views.cells.trading_days < 2:
            return
        cells = views.cells
        urgency = self.urgency(cells, views.now // DAY)
        urgency[(cells.lines == 0) & (cells.erp == 0)] = -np.inf  # not of this shop's assortment
        urgency[views.now - self._visited < CYCLE_DAYS * DAY] = -np.inf
        by_shop = urgency.reshape(cells.locations, cells.items)
        by_shop[:, cells.is_retired] = -np.inf
        for location in range(1, cells.locations):
            first = np.argsort(-by_shop[location], kind="stable")[: self._visits]
            for item in first[by_shop[location, first] > -np.inf].tolist():
                cell = location * cells.items + item
                self._visited[cell] = views.now
                book = int(cells.erp[cell])
                yield Finding(
                    _claim(book), location=location, item=item, score=float(urgency[cell]), units=abs(book),
                )  # fmt: skip


class RandomCount(_Walk):
    """Cells by lot."""

    def urgency(self, cells: Cells, day: int) -> FloatArray:
        """See :class:`_Walk`."""
        return np.random.default_rng(key_id(self._seed, "walk", day)).random(len(cells.erp))


class ZeroBalanceWalk(_Walk):
    """Cells whose book is at nought or below, the fastest sellers first."""

    def urgency(self, cells: Cells, day: int) -> FloatArray:
        """See :class:`_Walk`."""
        del day
        return np.where((cells.erp <= 0) & (cells.lines > 0), cells.lines.astype(np.float64), -np.inf)


class HighActivity(_Walk):
    """The fastest sellers."""

    def urgency(self, cells: Cells, day: int) -> FloatArray:
        """See :class:`_Walk`."""
        del day
        return np.where(cells.lines > 0, cells.lines.astype(np.float64), -np.inf)


class LowOnHand(_Walk):
    """Cells with a positive book, the lowest first."""

    def urgency(self, cells: Cells, day: int) -> FloatArray:
        """See :class:`_Walk`."""
        del day
        return np.where(cells.erp > 0, -cells.erp.astype(np.float64), -np.inf)


def _claim(book: int) -> str:
    """What a visit to a cell claims."""
    if book > 0:
        return "phantom_stock"
    return "negative_inventory" if book < 0 else "count_variance"
