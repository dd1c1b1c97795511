"""Master data: the price list of the chain, and the promotions that lower it for a week.

The list price of an item is its regular price, less the discount while it is on promotion. A regular
price that changes is set anew from the usual one (by 3 to 12%, up or down), so that no price drifts away
and what an item costs on a day never depends on how long a run is. Promotions lie in slots of their own
length, at a phase of the item's own: so many items are on promotion at any time, and none twice at once.

Everything here is keyed by item and day alone: it is the same in every region and arm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.clock import DAY
from sim.draws import Purpose, keyed, threshold
from sim.room import Room

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

#: Days of history that a run opens with: of its price changes, older ones are forgotten by then. Assumption.
_HISTORY_DAYS = 90
#: Least and greatest change of a regular price, in hundredths of the usual one. Assumption.
_CHANGE_LEAST, _CHANGE_MOST = 3, 12


def cents_of(price: npt.NDArray[np.float64]) -> I32:
    """Prices in whole cents."""
    return np.rint(price * 100.0).astype(np.int32)


@dataclass(frozen=True)
class LastChange:
    """The latest change of each item's list price before a run; arrays of shape (n,), one row an item that had one.

    Attributes:
        item: codes.
        day: days since 1970.
        before: the list price that it replaced, cents.
    """

    item: I32
    day: I64
    before: I32


class PriceList:
    """List prices in cents, as they stand on the day it was last moved to; arrays of shape (items,).

    Attributes:
        usual: what customers are used to.
        regular: without promotions.
        promoted: which items are on promotion.
        price: what is asked.
    """

    def __init__(self, room: Room) -> None:
        self._seed, self._config = room.seed, room.config.pricing
        self._items = np.arange(room.items, dtype=np.int64)
        self.listed = room.catalogue.listed
        self.usual = cents_of(room.catalogue.price)
        self.regular, self.price = self.usual.copy(), self.usual.copy()
        self.promoted = np.zeros(room.items, np.bool_)
        # A log of real baskets has its own discounts.
        self._promotes = room.config.demand.source == "synthetic"
        self._length = self._config.promotion_days
        bits = keyed(self._seed, Purpose.PROMOTION, 0, self._items)
        self._phase = (bits % np.uint64(self._length)).astype(np.int64)

    def open_at(self, start: int) -> LastChange:
        """Move to the eve of a run that starts at ``start``, and say what changed last before it."""
        first = start // DAY - _HISTORY_DAYS
        self.move_to(first - 1)
        when = np.full(len(self._items), -1, np.int64)
        before = self.price.copy()
        for day in range(first, first + _HISTORY_DAYS):
            old = self.price.copy()
            changed = self.move_to(day)
            when[changed], before[changed] = day, old[changed]
        item = np.flatnonzero(when >= 0).astype(np.int32)
        return LastChange(item, when[item], before[item])

    def move_to(self, day: int) -> I32:
        """Take the changes of one day, days since 1970; returns the items whose list price changed."""
        bits = keyed(self._seed, Purpose.PRICE, day, self._items)
        new = np.flatnonzero((bits < threshold(self._config.change_rate)) & self.listed)
        self.regular[new] = _changed(self.usual[new], bits[new])
        self.promoted = self.promoted_on(day)
        cut = np.rint(self.regular * (1.0 - self._config.promotion_discount)).astype(np.int32)
        price = np.where(self.promoted, np.maximum(cut, 1), self.regular)
        changed = np.flatnonzero(price != self.price).astype(np.int32)
        self.price[changed] = price[changed]
        return changed

    def promoted_on(self, day: int) -> npt.NDArray[np.bool_]:
        """Which items are on promotion on a day."""
        if not self._promotes or self._config.promotion_share <= 0.0:
            return np.zeros(len(self._items), np.bool_)
        slot = (day + self._phase) // self._length
        bits = keyed(self._seed, Purpose.PROMOTION, 1, self._items, slot)
        return (bits < threshold(self._config.promotion_share)) & self.listed

    def window_of(self, item: I32 | I64, day: int) -> tuple[I64, I64]:
        """First day of the promotion slot of items that holds ``day``, and the first day after it."""
        first = day - (day + self._phase[item]) % self._length
        return first, first + self._length


def _changed(usual: I32, bits: npt.NDArray[np.uint64]) -> I32:
    """New regular prices: the usual ones, off by some hundredths either way."""
    # The upper bits chose who changes: they are all small.
    spread = np.uint64(_CHANGE_MOST - _CHANGE_LEAST + 1)
    size = (_CHANGE_LEAST + (bits >> np.uint64(1)) % spread).astype(np.int64)
    share = np.where(bits & np.uint64(1), size, -size) / 100.0
    return np.maximum(1, np.rint(usual * (1.0 + share))).astype(np.int32)
