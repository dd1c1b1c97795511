"""Moving-average valuation: what a unit of each item is worth, in integer cents, so that nothing is ever lost.

The valuation area is the region: an item has one quantity, one value and one price, wherever its units are.

- A receipt comes in at its own price and moves the average.
- Whatever else moves (sales, counts, returns, scrap) moves at the average and leaves it alone but for the
  rounding of a cent. The last unit takes what is left: no quantity, no value.
- Books can say less than nothing. Such a quantity is valued at the last average, which is kept: ``value`` is
  then ``price`` times quantity and no more, however often the item is sold unseen. A receipt first covers what is
  missing at that average; what it cost more or less is a price difference.
- A receipt that is reversed leaves at its own price while there are units and value enough, else at the average.

Values and prices are integers: cents, and ten-thousandths of a cent. Arrays have shape (items,).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]

#: Steps of a price to the cent: an average is kept finer than what is paid.
PRICE_STEPS = 10_000


def divide(numerator: I64, denominator: I64 | int) -> I64:
    """Nearest whole numbers to quotients of integers, halves up; the denominator is above 0."""
    quotient: I64 = (2 * numerator + denominator) // (2 * denominator)
    return quotient


class Valuation:
    """Quantity and value of every item of a region.

    Args:
        quantity: units at the start.
        cents: what a unit of each costs then.

    Attributes:
        quantity: units, as ERP's books have them.
        value: cents.
        price: of a unit, in :data:`PRICE_STEPS` of a cent; the last average where there is nothing.
    """

    def __init__(self, quantity: I64, cents: I64) -> None:
        self.quantity = quantity.astype(np.int64)
        self.value = self.quantity * cents
        self.price = cents.astype(np.int64) * PRICE_STEPS

    def receive(self, units: I64, cents: I64) -> I64:
        """Take in receipts.

        Args:
            units: by item, at least 0.
            cents: what they cost in all, by item.

        Returns:
            What stock gains by item; the rest of ``cents`` is a price difference.
        """
        before, quantity = self.value.copy(), self.quantity
        after = quantity + units
        # Of a receipt into a book below zero, only what stays is worth what it cost.
        staying = divide(cents * np.maximum(after, 0), np.maximum(units, 1))
        value = np.where(quantity >= 0, before + cents, np.where(after > 0, staying, divide(self.price * after,
                                                                                           PRICE_STEPS)))
        self._set(np.flatnonzero(units), after, value)
        return self.value - before

    def reverse(self, units: I64, cents: I64) -> I64:
        """Take receipts back out.

        Args:
            units: by item, at least 0.
            cents: what they had cost in all, by item.

        Returns:
            What stock loses by item; the rest of ``cents`` is a price difference.
        """
        before = self.value.copy()
        own = (units > 0) & (self.quantity > units) & (before > cents)
        rows = np.flatnonzero(own)
        self._set(rows, self.quantity - units, before - cents)
        self.issue(np.where(own, 0, units))
        return before - self.value

    def issue(self, units: I64) -> I64:
        """Let units go at the average, or come in where they are negative.

        Args:
            units: by item.

        Returns:
            What stock loses by item, cents.
        """
        before, quantity = self.value.copy(), self.quantity
        after = quantity - units
        share = before - divide(before * units, np.maximum(quantity, 1))
        value = np.where((quantity > 0) & (after >= 0), share, divide(self.price * after, PRICE_STEPS))
        self._set(np.flatnonzero(units), after, value)
        return before - self.value

    def _set(self, rows: npt.NDArray[np.intp], quantity: I64, value: I64) -> None:
        """New quantities and values of some items, and the averages that follow from them."""
        self.quantity[rows], self.value[rows] = quantity[rows], value[rows]
        held = rows[self.quantity[rows] > 0]
        self.price[held] = divide(self.value[held] * PRICE_STEPS, self.quantity[held])
