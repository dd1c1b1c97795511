"""The POS: what the till takes a line for, and what it asks for it.

A mis-scan books a sibling item of the same category. Each till looks prices up in a book of its own,
which master data fills by pushes; where a push is late or was applied wrongly the book differs from
the list, and customers follow the till: demand goes with the till price over the usual one to the
power of minus the elasticity.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim.catalogue import SIBLINGS
from sim.draws import U64, mix, uniform
from sim.ledger import Cells
from sim.opening import scan_share
from sim.room import Room
from sim.systems.master_data import PriceList

I32 = npt.NDArray[np.int32]

_BITS = np.uint64(16)


class Scanner:
    """The scanners of a region's tills: how often each shop takes each item for another, by cell."""

    def __init__(self, room: Room) -> None:
        self._below = (scan_share(room) * 65536.0).astype(np.uint32).ravel()
        self._errs = bool(self._below.any())
        self._siblings = room.catalogue.siblings

    def scan(self, cell: Cells, item: I32, bits: U64) -> I32:
        """The item that each line is booked as; ``item`` itself where no line is mistaken."""
        if not self._errs:
            return item
        draws = (bits >> _BITS).astype(np.uint16)
        wrong = np.flatnonzero(draws < self._below.take(cell))
        if not len(wrong):
            return item
        scanned = item.copy()
        scanned[wrong] = self._siblings[item[wrong], draws[wrong].astype(np.intp) % SIBLINGS]
        return scanned


class Tills:
    """The price books of a region's tills; arrays of shape (cells,), prices in cents.

    Attributes:
        list: the price list they should hold.
        price: what each till asks.
        factor: demand at that price, over demand at the usual one.
        fault: number of the fault behind a wrong price, -1 where the till is right.
        owed: cents that customers paid too much so far.
    """

    def __init__(self, room: Room) -> None:
        self.list = PriceList(room)
        self._items, self._elasticity = room.items, room.config.pricing.elasticity
        self.price = np.tile(self.list.usual, room.locations)
        self.factor = np.ones(room.ledger.cells, np.float32)
        self.fault = np.full(room.ledger.cells, -1, np.int32)
        self.owed = np.zeros(room.ledger.cells, np.int32)

    def ask(self, cells: Cells, cents: I32 | int) -> None:
        """Put prices into the books of some tills."""
        self.price[cells] = cents
        usual = self.list.usual[cells % self._items]
        self.factor[cells] = (self.price[cells] / usual) ** -self._elasticity

    def list_price(self, cells: Cells) -> I32:
        """What the tills of some cells should ask."""
        return self.list.price[cells % self._items]

    def put_off(self, cells: Cells, wanted: I32, bits: U64) -> I32:
        """Units still wanted at the till's price, where it is above the usual one: lines are kept or lost whole.

        Args:
            cells: of the lines.
            wanted: units of the lines at usual prices.
            bits: of the lines.
        """
        factor = self.factor.take(cells)
        dear = np.flatnonzero(factor < 1.0)
        if not len(dear):
            return wanted
        # The bits of a line are all used already: a hash of them makes new ones.
        gone = dear[uniform(mix(bits[dear])) >= factor[dear]]
        if not len(gone):
            return wanted
        left = wanted.copy()
        left[gone] = 0
        return left
