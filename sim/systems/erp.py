"""ERP: what it orders, from its own books alone, and what it keeps of its orders.

Stores are reviewed by (R, s, nQ): where on-hand and on-order together are at or below s, whole packs
lift them above it. The DC is ordered up to a level from its suppliers, in whole cases. An overdue
order counts as inbound only once an ASN confirms it, so a missing ASN makes ERP order twice.

The order book holds each purchase order by item: units ordered, the price agreed, units received (as the messages that
arrived have it) and units billed. What is received and not billed, at that price, is the account of goods received
and not invoiced, line by line. A line's price is that of the day on which the goods come: it moves until then.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.ledger import Belief
from sim.room import Room

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
Cells = npt.NDArray[np.intp]


def store_needs(room: Room, day: int, hurried: set[int]) -> tuple[Cells, I32]:
    """Cells to replenish tonight, and the units of whole packs for each.

    Args:
        room: the region.
        day: of the run; decides which stores are reviewed.
        hurried: cells that are replenished whatever their position says.
    """
    belief, items = room.ledger.belief, room.items
    position = belief[Belief.ERP_ON_HAND, items:] + belief[Belief.ERP_ON_ORDER, items:]
    point = room.economy.reorder_point[items:]
    below = position <= point
    every = room.config.replenishment.review_days
    if every > 1:
        below.reshape(room.stores, items)[(np.arange(room.stores) + day) % every != 0] = False
    cell = np.flatnonzero(below)
    brought_forward = [c - items for c in sorted(hurried) if c >= items]
    if brought_forward:
        cell = np.union1d(cell, np.array(brought_forward))
    pack = room.catalogue.pack[cell % items]
    packs = np.maximum(1, (point[cell] - position[cell]) // pack + 1)
    return cell + items, (packs * pack).astype(np.int32)


def purchase_needs(room: Room, supplier: int, level: I32, unconfirmed: npt.NDArray[np.int64]) -> tuple[I32, I32]:
    """Items to order from a supplier, and the units of whole cases for each.

    Args:
        room: the region.
        supplier: number of the supplier.
        level: what an order lifts each item's position to, shape (items,).
        unconfirmed: units on overdue orders that no ASN confirms, shape (items,).
    """
    catalogue, belief = room.catalogue, room.ledger.belief
    mine = np.flatnonzero(catalogue.supplier == supplier)
    position = belief[Belief.ERP_ON_HAND, mine] + belief[Belief.ERP_ON_ORDER, mine] - unconfirmed[mine]
    short = position <= room.economy.reorder_point[mine]
    item = mine[short].astype(np.int32)
    case = catalogue.case[item]
    cases = -(-(level[item] - position[short]) // case)
    return item, (np.maximum(cases, 1) * case).astype(np.int32)


@dataclass
class PurchaseOrder:
    """One purchase order; arrays have one row an item, in ascending order of item.

    Attributes:
        day: of the run on which it was placed.
        cents: price of a unit, as ERP holds it.
        received: units that ERP has posted.
        billed: units invoiced, less those claimed back.
    """

    purchase: int
    supplier: int
    day: int
    item: I64
    ordered: I64
    cents: I64
    received: I64
    billed: I64

    def rows(self, item: npt.NDArray[np.integer]) -> npt.NDArray[np.intp]:
        """The lines of some items; -1 for what is not on the order."""
        rows = np.minimum(np.searchsorted(self.item, item), len(self.item) - 1)
        found: npt.NDArray[np.intp] = np.where(self.item[rows] == item, rows, -1)
        return found


class PurchaseBook:
    """The purchase orders of a region.

    Args:
        cost: currency a unit, by item.

    Attributes:
        cost_cents: what a unit costs where no order says otherwise, by item.
        corrections: (receipt, item, units) that ERP read wrongly and has since been told, until they are posted.
    """

    def __init__(self, cost: npt.NDArray[np.float64]) -> None:
        self.cost_cents: I64 = np.rint(cost * 100.0).astype(np.int64)
        self.corrections: list[tuple[int, int, int]] = []
        self._orders: dict[int, PurchaseOrder] = {}
        self._of_receipt: dict[int, int] = {}
        self._misread: dict[int, list[tuple[int, int]]] = {}
        # What comes without an order, or is not on its order.
        items = np.arange(len(cost), dtype=np.int64)
        self._unordered = self._order(-1, -1, -1, items, np.zeros(len(cost), np.int64))

    def _order(self, purchase: int, supplier: int, day: int, item: I64, units: I64) -> PurchaseOrder:
        none = np.zeros(len(item), np.int64)
        return PurchaseOrder(purchase, supplier, day, item, units, self.cost_cents[item], none, none.copy())

    def open(self, purchase: int, supplier: int, day: int, item: npt.NDArray[np.integer],
             units: npt.NDArray[np.integer]) -> None:
        """A new order of a day of the run, at the usual cost; ``item`` ascends."""
        self._orders[purchase] = self._order(purchase, supplier, day, item.astype(np.int64), units.astype(np.int64))

    def change(self, purchase: int, item: npt.NDArray[np.integer], *, units: I64 | None = None,
               cents: I64 | None = None) -> None:
        """A change of some lines that was agreed with the supplier; the price of what has come or was billed stays."""
        order = self._orders[purchase]
        rows = order.rows(item)
        if units is not None:
            order.ordered[rows] = units
        if cents is not None:
            free = (order.received[rows] == 0) & (order.billed[rows] == 0)
            order.cents[rows[free]] = cents[free]

    def of(self, purchase: int) -> PurchaseOrder:
        """An order by its id."""
        return self._orders[purchase]

    def link(self, receipt: int, purchase: int) -> None:
        """The goods of an order have come: what is received under ``receipt`` belongs to it."""
        self._of_receipt[receipt] = purchase

    def of_receipt(self, receipt: int) -> PurchaseOrder | None:
        """The order that a receipt belongs to."""
        return self._orders.get(self._of_receipt.get(receipt, -1))

    def receive(self, receipt: I64, item: npt.NDArray[np.integer], units: npt.NDArray[np.integer], into: I64,
                cents: I64) -> None:
        """Count posted receipt lines on their orders; lines below 0 reverse.

        Args:
            receipt: id by row.
            item: number by row.
            units: by row.
            into: adds up units in (row 0) and out (row 1), shape (2, items).
            cents: adds up what they cost, likewise.
        """
        for document in dict.fromkeys(receipt.tolist()):
            mine = receipt == document
            known = self.of_receipt(document) or self._unordered
            told, many = item[mine], units[mine].astype(np.int64)
            rows = known.rows(told)
            for order, line in ((known, rows >= 0), (self._unordered, rows < 0)):
                if not line.any():
                    continue
                what, count = told[line], many[line]
                at = order.rows(what)
                np.add.at(order.received, at, count)
                for side, signed in enumerate((np.maximum(count, 0), np.maximum(-count, 0))):
                    np.add.at(into[side], what, signed)
                    np.add.at(cents[side], what, signed * order.cents[at])

    def open_cents(self) -> int:
        """Goods received and not invoiced: what all lines add up to."""
        orders = (self._unordered, *self._orders.values())
        return sum(int((order.received - order.billed) @ order.cents) for order in orders)

    # -- conversions -------------------------------------------------------------------------------

    def misread(self, receipt: int, item: int, missing: int) -> None:
        """A receipt line was told in the wrong unit: ``missing`` units fewer than came."""
        self._misread.setdefault(item, []).append((receipt, missing))

    def reread(self, item: int, receipt: int) -> None:
        """A receipt was reversed and posted again: what was told wrongly is posted at the next close."""
        misread = self._misread.pop(item, [])
        self.corrections += [(receipt, item, missing) for document, missing in misread if document == receipt]
        self._misread[item] = [entry for entry in misread if entry[0] != receipt]
