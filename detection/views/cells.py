"""Cells: what the stream says each (location, item) holds, and how long it has been silent.

*Books.* ERP tells its on-hand book once as an opening extract and then nightly as net changes. In
between the operator keeps its own running estimate: sales off, postings on. What is sent and not yet
due is *in flight*; a book that is below zero only because of it is no news.

*Silence.* A store's own sales are its clock: a cell that should sell one in a thousand of a store's
lines and saw two thousand go by without one is silent with probability e^-2, whatever the season,
weekday or peak. Each cell keeps the store's line count at its last sign of life (a sale, a pick, a
delivery, a count); its rate is the item's share of the region's lines, corrected by the cell's own
record in proportion to how much of it there is. How much the pooled rate is worth against a cell's
own record is itself learned, from how far cells scatter about it (empirical Bayes by moments).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detection.views.columns import BoolArray, IntArray, integers
from detection.views.messages import MessageLine, signed_change
from sim.events import NULL, STATUS, Block

FloatArray = npt.NDArray[np.float64]
#: Lines that the pooled rate is worth against a cell's own record: at first, and at least and most.
PRIOR_LINES, PRIOR_LINES_MIN, PRIOR_LINES_MAX = 8.0, 3.0, 60.0
_SAMPLE_CELLS = 40_000
_EXTRACT_LAG_TICKS = 6


@dataclass(frozen=True)
class Suspects:
    """Store cells that should have sold since their last sign of life; arrays of shape (n,), by cell.

    Attributes:
        cell: which.
        expected: lines each should have sold in its silence.
        weight: lines of record behind that rate, the prior's included.
        lines_a_day: the rate itself, by what was known before the silence.
    """

    cell: IntArray
    expected: FloatArray
    weight: FloatArray
    lines_a_day: FloatArray


class Cells:
    """Arrays over the cells of a region, shape (locations * items,).

    Attributes:
        erp: running estimate of ERP's on-hand book, units.
        flight: units sent to ERP and not yet due.
        lines: sale lines since the start.
        mark: the store's line count at the cell's last sign of life.
        mark_before_count: the same as it was when the cell was last counted, the count itself left out.
        price: unit price by item, shape (items,).
        pack: replenishment pack by item, shape (items,).
        is_retired: items that are no longer sold: their silence means nothing; shape (items,).
        clock: sale lines by location since the start, shape (locations,).
        below_zero: cells whose book went below zero in this step.
        surprises: cell -> units by which ERP's extract exceeded the estimate in this step, of the watched cells.
    """

    def __init__(self, locations: int, items: int) -> None:
        self.locations, self.items = locations, items
        size = locations * items
        self.erp = np.zeros(size, dtype=np.int32)
        self.flight = np.zeros(size, dtype=np.int32)
        self.lines = np.zeros(size, dtype=np.int32)
        self.mark = np.zeros(size, dtype=np.int32)
        self.mark_before_count = np.zeros(size, dtype=np.int32)
        self.quiet_until = np.full(size, NULL, dtype=np.int64)
        self.price = np.ones(items)
        self.pack = np.ones(items, dtype=np.int64)
        self.is_retired: BoolArray = np.zeros(items, dtype=np.bool_)
        self.clock = np.zeros(locations, dtype=np.int32)
        self.trading_days = 0
        self.prior_lines = PRIOR_LINES
        self._shares: FloatArray = np.zeros(items)
        self._share_total = 0
        self._base = np.zeros(size, dtype=np.int32)
        self._below: set[int] = set()
        self._recent: deque[tuple[int, IntArray, npt.NDArray[np.int32]]] = deque(maxlen=_EXTRACT_LAG_TICKS)
        self._touched: list[IntArray] = []
        self.below_zero: list[int] = []
        self.surprises: dict[int, int] = {}

    def begin(self) -> None:
        """Clear the last step's news."""
        self._touched = []
        self.below_zero, self.surprises = [], {}

    def cell_of(self, block: Block) -> IntArray:
        """The cell of each row."""
        return integers(block, "location") * self.items + integers(block, "item")

    def describe(self, block: Block) -> None:
        """Master data: prices and packs."""
        item = integers(block, "item")
        self.price[item] = np.nan_to_num(block.get("unit_price").astype(np.float64), nan=1.0)
        pack = integers(block, "quantity")
        self.pack[item] = np.where(pack > 0, pack, 1)
        self.is_retired[item] = integers(block, "status") == STATUS["retired"]

    def sell(self, block: Block) -> None:
        """Till lines: off the book, and a sign of life."""
        location = integers(block, "location")
        cell = location * self.items + integers(block, "item")
        quantity = block.get("quantity").astype(np.int32)
        np.subtract.at(self.erp, cell, quantity)
        np.add.at(self.lines, cell, np.ones(block.size, dtype=np.int32))
        self.clock += np.bincount(location, minlength=self.locations).astype(np.int32)
        self.mark[cell] = self.clock[location]
        self._touched.append(cell)

    def send(self, block: Block) -> None:
        """Lines on their way to ERP; goods that moved at the site are a sign of life."""
        cell, change = self.cell_of(block), signed_change(block).astype(np.int32)
        sent = (integers(block, "sequence") >= 0) & (integers(block, "item") >= 0)
        if not sent.all():
            cell, change = cell[sent], change[sent]
        np.add.at(self.flight, cell, change)
        self.mark[cell] = self.clock[cell // self.items]

    def post(self, block: Block, change: IntArray) -> None:
        """Lines that ERP booked, and by how much each changed its book."""
        cell, units = self.cell_of(block), change.astype(np.int32)
        np.add.at(self.erp, cell, units)
        np.subtract.at(self.flight, cell, units)
        self._recent.append((int(integers(block, "occurred_at").max()), cell, units))
        self._touched.append(cell)

    def expire(self, lines: list[MessageLine], *, sign: int) -> None:
        """Take overdue lines out of flight (sign -1), or put them back before they post (sign 1)."""
        for line in lines:
            if line.item >= 0:
                self.flight[line.location * self.items + line.item] += sign * line.change

    def extract(self, block: Block, pending: tuple[IntArray, IntArray], watched: Sequence[int]) -> None:
        """ERP's own word on its book: an opening, or the net change since the last extract.

        Args:
            block: the extract.
            pending: cells and units of sales that ERP cannot know yet.
            watched: cells whose difference from the estimate is asked for.
        """
        cell = self.cell_of(block)
        quantity = block.get("quantity").astype(np.int32)
        if integers(block, "status")[0] == STATUS["opening"]:
            self._base[cell] = quantity
        else:
            np.add.at(self._base, cell, quantity)
        expected = self.erp[list(watched)].tolist() if watched else []
        np.copyto(self.erp, self._base)
        np.subtract.at(self.erp, pending[0], pending[1].astype(np.int32))
        cut_off = int(integers(block, "occurred_at").max())
        for posted_at, posted, change in self._recent:
            if posted_at > cut_off:
                np.add.at(self.erp, posted, change)
        found = self.erp[list(watched)].tolist() if watched else []
        self.surprises = {n: is_now - was for n, was, is_now in zip(watched, expected, found, strict=True)}
        self._touched.append(cell)

    def pick(self, block: Block) -> None:
        """Picks in full are a sign of life."""
        found = self.cell_of(block)[integers(block, "status") == STATUS["complete"]]
        self.mark[found] = self.clock[found // self.items]

    def count(self, block: Block) -> None:
        """A count settles a cell, whatever it found."""
        cell = self.cell_of(block)
        self.mark_before_count[cell] = self.mark[cell]
        self.mark[cell] = self.clock[cell // self.items]

    def finish(self) -> None:
        """Find the cells whose book went below zero in this step, once each until it is back."""
        self._below = {cell for cell in self._below if self.erp[cell] < 0}
        fresh: set[int] = set()
        for cell in self._touched:
            below = cell[self.erp[cell] < 0]
            if len(below):
                below = below[self.erp[below] + self.flight[below] < 0]
                fresh.update(below.tolist())
        self.below_zero = sorted(fresh - self._below)
        self._below |= fresh

    def rest(self, cell: int, until: int) -> None:
        """Leave a cell alone for a while after people looked at it."""
        self.quiet_until[cell] = until

    def end_day(self) -> None:
        """Count the day, and learn how much the pooled rate is worth."""
        self.trading_days += 1
        share = self._share()
        cell = np.arange(self.items, self.locations * self.items, max(1, len(self.erp) // _SAMPLE_CELLS))
        pooled = share[cell % self.items] * self.clock[cell // self.items]
        cell, pooled = cell[pooled >= 4.0], pooled[pooled >= 4.0]
        if len(cell) < 50:
            return
        # Beyond Poisson scatter, a gamma of shape a adds pooled^2 / a; extremes are frozen or new cells.
        excess = (self.lines[cell] - pooled) ** 2 - pooled
        usual = np.abs(self.lines[cell] - pooled) < 4.0 * np.sqrt(pooled) + 0.5 * pooled
        spread = float(excess[usual].sum()) / float((pooled[usual] ** 2).sum())
        self.prior_lines = min(PRIOR_LINES_MAX, max(PRIOR_LINES_MIN, 1.0 / max(spread, 1e-6)))

    def silence(self, cell: int, mark: int | None = None) -> float:
        """Natural logarithm of the probability that a cell is silent for so long by chance, its book full.

        Args:
            cell: which.
            mark: its store's line count when the silence began; at its last sign of life by default.
        """
        share, since = float(self._share()[cell % self.items]), int(self.mark[cell]) if mark is None else mark
        seen, weight = share * float(since), float(self.lines[cell]) + self.prior_lines
        pooled = share * float(self.clock[cell // self.items] - since)
        expected = weight / (seen + self.prior_lines) * pooled
        return -weight * float(np.log1p(expected / weight))

    def suspects(self, now: int) -> Suspects:
        """Cells with a positive book of which at least a line was expected since their last sign of life."""
        share = self._share()
        mark = self.mark.reshape(self.locations, self.items)
        pooled = share.astype(np.float32) * (self.clock[:, None] - mark).astype(np.float32)
        candidate: BoolArray = (pooled > 1.0) & (self.erp.reshape(pooled.shape) > 0)
        candidate[0] = False
        candidate[:, self.is_retired] = False
        cell = np.flatnonzero(candidate)
        cell = cell[self.quiet_until[cell] < now]
        seen = share[cell % self.items] * self.mark[cell]
        weight: FloatArray = self.lines[cell].astype(np.float64) + self.prior_lines
        factor: FloatArray = weight / (seen + self.prior_lines)
        expected: FloatArray = factor * pooled.reshape(-1)[cell]
        return Suspects(cell, expected, weight, factor * self._pooled_a_day(cell, share))

    def lines_a_day(self, cell: IntArray) -> FloatArray:
        """Sale lines a day of cells, by the pooled rate and what their record said before their silence."""
        share = self._share()
        seen = share[cell % self.items] * self.mark[cell]
        rate: FloatArray = (self.lines[cell] + self.prior_lines) / (seen + self.prior_lines)
        return rate * self._pooled_a_day(cell, share)

    def pooled_lines(self, cell: int) -> float:
        """Sale lines that a cell would have had since the start, were it as the region is."""
        return float(self._share()[cell % self.items]) * float(self.clock[cell // self.items])

    def below_zero_shares(self, cell: int) -> tuple[float, float, float]:
        """Shares of an item's shops, of a location's items and of all cells, whose book is below zero now."""
        location, item = divmod(cell, self.items)
        of_item = self.erp[item + self.items :: self.items]
        of_place = self.erp[location * self.items : (location + 1) * self.items]
        return float((of_item < 0).mean()), float((of_place < 0).mean()), len(self._below) / len(self.erp)

    def _share(self) -> FloatArray:
        """Each item's share of the region's till lines; refreshed as the lines grow by a twentieth."""
        total = int(self.clock.sum())
        if total > self._share_total * 1.05:
            by_item = self.lines.reshape(self.locations, self.items)[1:].sum(axis=0, dtype=np.float64)
            self._shares, self._share_total = by_item / max(1.0, float(by_item.sum())), total
        return self._shares

    def _pooled_a_day(self, cell: IntArray, share: FloatArray) -> FloatArray:
        pooled: FloatArray = share[cell % self.items] * self.clock[cell // self.items] / max(1.0, self.trading_days)
        return pooled

    def revenue_a_day(self, cell: int) -> float:
        """Revenue a day of one cell, currency."""
        location, item = divmod(cell, self.items)
        lines = float(self.lines[cell])
        peers = float(self.lines[item + self.items :: self.items].sum()) / max(1, self.locations - 1)
        return (lines + peers) / 2 / max(1.0, self.trading_days) * float(self.price[item]) if location else 0.0

