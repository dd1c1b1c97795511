"""Prices: what each till should ask, and which tills ask something else.

Master data tells the list price of every item at the start, and each change of it once, with the time
by which every till must ask it. Until then a till is right with the old price and with the new one.

Where so many lines differ that no list can be meant (a log of baskets has discounts of its own), the
view keeps quiet: a single wrong price is told from a list that does not hold.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detection.views.columns import IntArray, integers
from sim.events import Block

#: Lines seen before the view may give up on a list, and the share of wrong ones at which it does.
LINES_MIN, SHARE_MAX = 500, 0.3


@dataclass(frozen=True, slots=True)
class WrongPrice:
    """The first line that a till sold at another price than the list's.

    Attributes:
        location, item: the till's shop, and what it sold.
        asked, listed: cents.
        is_old: whether the till still asks what the list asked before its last change.
        units, event_id: of the line.
    """

    location: int
    item: int
    asked: int
    listed: int
    is_old: bool
    units: int
    event_id: int


class Prices:
    """List prices in cents, and the cells that deviate from them.

    Attributes:
        listed, before: in force, and before the last change; 0 where unknown; shape (items,).
        wrong: cells that deviated when they last sold, with the time since when.
        deviating, righted: cells that began to deviate, and that ask the list price again, in this step.
    """

    def __init__(self, items: int) -> None:
        self._items = items
        self.listed: IntArray = np.zeros(items, dtype=np.int64)
        self.before: IntArray = np.zeros(items, dtype=np.int64)
        self._coming: list[tuple[int, int, int]] = []
        self._between: npt.NDArray[np.int64] = np.zeros(items, dtype=np.int64)
        self._lines = self._differing = 0
        self.wrong: dict[int, int] = {}
        self.begin()

    def begin(self) -> None:
        """Clear the last step's news."""
        self.deviating: list[WrongPrice] = []
        self.righted: list[int] = []

    def describe(self, block: Block) -> None:
        """Master data: the list price of items that have none yet."""
        item = integers(block, "item")
        cents = _cents(block)
        fresh = (self.listed[item] == 0) & (cents > 0)
        self.listed[item[fresh]] = self.before[item[fresh]] = cents[fresh]

    def change(self, block: Block) -> None:
        """New list prices, each from its due time on."""
        cents, due = _cents(block).tolist(), integers(block, "due_at").tolist()
        for at, item, price in zip(due, integers(block, "item").tolist(), cents, strict=True):
            heapq.heappush(self._coming, (at, item, price))
            self._between[item] = price

    def advance(self, now: int) -> None:
        """Take the changes that are due: from now on every till must ask them."""
        while self._coming and self._coming[0][0] <= now:
            _, item, price = heapq.heappop(self._coming)
            self.before[item], self.listed[item] = self.listed[item], price
            if self._between[item] == price:
                self._between[item] = 0

    def sell(self, now: int, block: Block) -> None:
        """Till lines: which cells ask what they should."""
        if "unit_price" not in block.columns:
            return
        item, cents = integers(block, "item"), _cents(block)
        listed = self.listed[item]
        off = (cents != listed) & (listed > 0)
        self._lines += block.size
        if self.wrong:
            self._right(block, item, ~off)
        if not off.any():
            return
        rows = np.flatnonzero(off)
        rows = rows[cents[rows] != self._between[item[rows]]]
        self._differing += len(rows)
        if self._lines >= LINES_MIN and self._differing > SHARE_MAX * self._lines:
            return
        names = ("location", "quantity", "event_id")
        columns = (integers(block, name)[rows].tolist() for name in names)
        for article, asked, location, units, event in zip(
            item[rows].tolist(), cents[rows].tolist(), *columns, strict=True
        ):
            cell = location * self._items + article
            if cell not in self.wrong:
                self.wrong[cell] = now
                price, old = int(self.listed[article]), int(self.before[article])
                self.deviating.append(WrongPrice(location, article, asked, price, asked == old, units, event))

    def forget(self, cell: int) -> None:
        """A till was sent its price again: if it still deviates, that is news."""
        self.wrong.pop(cell, None)

    def _right(self, block: Block, item: IntArray, right: npt.NDArray[np.bool_]) -> None:
        """Cells that sold at the list price again."""
        cell = integers(block, "location")[right] * self._items + item[right]
        for number in self.wrong.keys() & set(cell.tolist()):
            del self.wrong[number]
            self.righted.append(number)


def _cents(block: Block) -> IntArray:
    """Unit prices in whole cents; 0 where a row names none."""
    price = np.nan_to_num(block.get("unit_price").astype(np.float64), nan=0.0)
    cents: IntArray = np.rint(price * 100.0).astype(np.int64)
    return cents
