"""Purchase orders as ERP holds them: one row a line, from its creation until it is closed or cancelled.

A line has three quantities that are the same in health and between messages: what the two parties have
*agreed* on (the fact), what ERP was *told* of it in the right order (in flight until then), and what ERP
*holds*. Every change has a version. ERP keeps the latest and ignores what comes late; where an older one
overwrites a newer all the same, what it holds is wrong by the difference, an entry of the fault, until a
later version, a receipt in full or a repair sets it right.

An order past its promise counts as inbound only once an ASN confirms it: see :meth:`PurchaseOrders.miss`.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from sim.draws import WORLD_IDS
from sim.events import DOCUMENT_TYPE
from sim.ledger import Belief
from sim.ledger import Kind as StockKind
from sim.middleware.messages import Messages
from sim.room import Room

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Lines = npt.NDArray[np.intp]


class OrderStatus(IntEnum):
    """Where an order line stands for ERP."""

    CREATED = 0
    CONFIRMED = 1
    CHANGED = 2
    PARTIAL = 3
    RECEIVED = 4
    CLOSED = 5
    CANCELLED = 6


_OPEN = frozenset({OrderStatus.CHANGED, OrderStatus.PARTIAL, OrderStatus.RECEIVED, OrderStatus.CLOSED,
                   OrderStatus.CANCELLED})
#: What may follow what. The confirmation is version 1: a change that overtakes it leaves nothing to confirm.
TRANSITIONS: dict[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.CREATED: _OPEN | {OrderStatus.CONFIRMED},
    OrderStatus.CONFIRMED: _OPEN,
    OrderStatus.CHANGED: _OPEN,
    OrderStatus.PARTIAL: _OPEN - {OrderStatus.CHANGED},
    OrderStatus.RECEIVED: frozenset({OrderStatus.RECEIVED, OrderStatus.CLOSED}),
    OrderStatus.CLOSED: frozenset(),
    OrderStatus.CANCELLED: frozenset(),
}


class TransitionError(AssertionError):
    """An order line went where no line may go: a defect of the program."""


class PurchaseOrders:
    """The order lines of a region's ERP, as growing columns of shape (lines,).

    Attributes:
        purchase, receipt: the order, and the document by which it will be received.
        supplier, item, key: of each line; ``key`` is the body of its ids, without room for cartons.
        ordered: units at the start.
        agreed, told, held: units (see the module).
        agreed_price, told_price, held_price: of a unit, likewise.
        sent, version: the latest version that the supplier sent, and that ERP took.
        received: units that ERP has booked.
        status: an :class:`OrderStatus`.
        stale: number of the fault whose old version ERP holds, or -1.
        missed: units not counted as inbound, since the order is overdue and unconfirmed.
        placed_at: when it was ordered.
        amended: how often ERP changed the line by itself.
        unconfirmed: ``missed`` by item, shape (items,).
        raised_listeners: told of a line that was raised since more came than an old version asked for.
    """

    _COLUMNS = (
        ("purchase", np.int64), ("receipt", np.int64), ("supplier", np.int32), ("item", np.int32), ("key", np.int64),
        ("ordered", np.int32), ("agreed", np.int32), ("told", np.int32), ("held", np.int32),
        ("agreed_price", np.float64), ("told_price", np.float64), ("held_price", np.float64), ("sent", np.int8),
        ("version", np.int8), ("received", np.int32), ("status", np.int8), ("stale", np.int32), ("missed", np.int32),
        ("placed_at", np.int64), ("amended", np.int8),
    )
    purchase: I64
    receipt: I64
    supplier: I32
    item: I32
    key: I64
    ordered: I32
    agreed: I32
    told: I32
    held: I32
    agreed_price: F64
    told_price: F64
    held_price: F64
    sent: npt.NDArray[np.int8]
    version: npt.NDArray[np.int8]
    received: I32
    status: npt.NDArray[np.int8]
    stale: I32
    missed: I32
    placed_at: I64
    amended: npt.NDArray[np.int8]

    def __init__(self, room: Room) -> None:
        self._room = room
        self._size = 0
        for name, kind in self._COLUMNS:
            setattr(self, name, np.zeros(1024, kind))
        self._of_purchase: dict[int, tuple[int, int]] = {}
        self._of_receipt: dict[int, int] = {}
        self.unconfirmed = np.zeros(room.items, np.int64)
        self.raised_listeners: list[Callable[[int], None]] = []

    def __len__(self) -> int:
        return self._size

    def create(self, purchase: int, receipt: int, supplier: int, item: I32, units: I32, key: I64) -> Lines:
        """Enter a new order; returns its lines."""
        n, first = len(item), self._size
        while first + n > len(self.item):
            for name, _ in self._COLUMNS:
                column = getattr(self, name)
                setattr(self, name, np.concatenate([column, np.zeros_like(column)]))
        rows = slice(first, first + n)
        self._size += n
        self._of_purchase[purchase] = (first, first + n)
        self._of_receipt[receipt] = purchase
        price = self._room.catalogue.cost[item]
        values = {"purchase": purchase, "receipt": receipt, "supplier": supplier, "item": item, "key": key, "stale": -1,
                  "placed_at": self._room.now}
        values |= dict.fromkeys(("ordered", "agreed", "told", "held"), units)
        values |= dict.fromkeys(("agreed_price", "told_price", "held_price"), price)
        for name, value in values.items():
            getattr(self, name)[rows] = value
        self._room.ledger.tell(StockKind.ON_ORDER, item, units, posted=(Belief.ERP_ON_ORDER,))
        return np.arange(first, first + n)

    def lines_of(self, purchase: int) -> Lines:
        """The lines of an order; none where there is no such order."""
        return np.arange(*self._of_purchase.get(purchase, (0, 0)))

    def line_of(self, purchase: int, item: int) -> int:
        """The line of an item, or -1."""
        first, last = self._of_purchase.get(purchase, (0, 0))
        found = np.flatnonzero(self.item[first:last] == item)
        return first + int(found[0]) if len(found) else -1

    def line_of_receipt(self, receipt: int, item: int) -> int:
        """The line of an item that a receipt is for, or -1."""
        purchase = self._of_receipt.get(receipt)
        return -1 if purchase is None else self.line_of(purchase, item)

    def lines_for(self, receipt: int, item: npt.NDArray[np.integer]) -> Lines:
        """The lines of items that a receipt is for: all items are of its order."""
        first, last = self._of_purchase[self._of_receipt[receipt]]
        order = np.argsort(self.item[first:last], kind="stable")
        return first + order[np.searchsorted(self.item[first:last], item, sorter=order)]

    def move(self, lines: Lines, status: OrderStatus) -> None:
        """Give lines a status.

        Raises:
            TransitionError: where no line may go from one to the other.
        """
        if not len(lines):
            return
        for before in sorted(set(self.status[lines].tolist())):
            if status not in TRANSITIONS[OrderStatus(before)]:
                raise TransitionError(f"an order line cannot go from {OrderStatus(before).name} to {status.name}")
        self.status[lines] = status

    # -- versions --------------------------------------------------------------------------------

    def agree(self, lines: Lines, units: I32, price: F64) -> None:
        """The supplier sends the next version: from now on it holds between the parties, and is in flight to ERP."""
        self._room.ledger.tell(StockKind.ON_ORDER, self.item[lines], units - self.agreed[lines])
        self.agreed[lines], self.agreed_price[lines] = units, price
        self.sent[lines] += 1

    def read(self, lines: Lines, version: int, units: I32, price: F64, event: I64) -> npt.NDArray[np.bool_]:
        """A version arrives at ERP, which takes it where it is newer than what it has.

        Args:
            lines: of one order.
            version: the same of all.
            units: what it says of each line.
            price: likewise.
            event: id of each line's row.

        Returns:
            Which lines took it.
        """
        room = self._room
        taken = (version > self.version[lines]) & (self.status[lines] <= OrderStatus.CHANGED)
        kept = lines[taken]
        room.ledger.post(Belief.ERP_ON_ORDER, self.item[kept], units[taken] - self.told[kept])
        for line, by in zip(kept.tolist(), event[taken].tolist(), strict=True):
            if self.stale[line] >= 0:
                self.mend(line, by)
        self.told[kept] = self.held[kept] = units[taken]
        self.told_price[kept] = self.held_price[kept] = price[taken]
        self.version[kept] = version
        none = self.held[kept] == 0
        self.move(kept[none], OrderStatus.CANCELLED)
        self.move(kept[~none], OrderStatus.CONFIRMED if version == 1 else OrderStatus.CHANGED)
        return taken

    def overwrite(self, line: int, units: int, price: float, fault: int) -> None:
        """An older version overwrites what ERP holds; the line is wrong from now on, by ``fault``."""
        room = self._room
        wrong = units - int(self.held[line])
        if wrong:
            room.ledger.post_again(Belief.ERP_ON_ORDER, int(self.item[line]), wrong, fault, room.now)
        self.held[line], self.held_price[line], self.stale[line] = units, price, fault
        room.truth.hold(fault)

    def mend(self, line: int, by: int, owner: int = -1) -> int:
        """ERP holds again what it was told; returns the units that this changed.

        Args:
            line: one that an old version overwrote.
            by: id of the row or action that sets it right.
            owner: the repair's own fault, or -1.
        """
        room, item, fault = self._room, int(self.item[line]), int(self.stale[line])
        units = int(self.told[line]) - int(self.held[line])
        if units:
            room.ledger.repair(Belief.ERP_ON_ORDER, item, units, room.now, by, owner, fault)
            room.ledger.post(Belief.ERP_ON_ORDER, np.array([item]), np.array([units], np.int32))
        self.held[line], self.held_price[line], self.stale[line] = self.told[line], self.told_price[line], -1
        room.truth.lineage(by, fault)
        room.truth.release(fault, by if by >= WORLD_IDS else -1)
        return units

    # -- receipts --------------------------------------------------------------------------------

    def post(self, messages: Messages) -> None:
        """ERP booked lines of receipts: a line is received in part, or in full."""
        if messages.document_type != DOCUMENT_TYPE["receipt"] or not isinstance(messages.on_order, np.ndarray):
            return
        for receipt in np.unique(messages.document_id).tolist():
            mine = np.flatnonzero(messages.document_id == receipt)
            lines = self.lines_for(receipt, messages.cell[mine])
            np.subtract.at(self.received, lines, messages.on_order[mine])
            for row, line in zip(mine.tolist(), lines.tolist(), strict=True):
                # An old version asked for less than came: with all of it here the line is done, whatever it said.
                if self.stale[line] >= 0 and self.held[line] < self.told[line] <= self.received[line]:
                    self.mend(line, int(self._room.ids.scramble_int(int(messages.key[row]))))
                    for tell in self.raised_listeners:
                        tell(line)
            lines = np.unique(lines)
            lines = lines[self.status[lines] < OrderStatus.CLOSED]
            full = self.received[lines] >= self.held[lines]
            self.move(lines[full], OrderStatus.RECEIVED)
            lines = lines[~full]
            self.move(lines[self.status[lines] != OrderStatus.RECEIVED], OrderStatus.PARTIAL)

    def write_off(self, line: int, units: int) -> None:
        """Buyer and supplier agree that so many units of a line will not come, or below 0, that so many more came."""
        for column in (self.agreed, self.told, self.held):
            column[line] -= units

    def close(self, line: int, status: OrderStatus) -> None:
        """Nothing more is expected of a line."""
        if self.status[line] < OrderStatus.CLOSED:
            self.move(np.array([line]), status)

    # -- overdue orders --------------------------------------------------------------------------

    def miss(self, purchase: int) -> None:
        """An order is overdue and no ASN confirms it: it no longer counts as inbound."""
        lines = self.lines_of(purchase)
        self.missed[lines] = np.where(self.status[lines] < OrderStatus.CLOSED,
                                      np.maximum(0, self.held[lines] - self.received[lines]), 0)
        np.add.at(self.unconfirmed, self.item[lines], self.missed[lines])

    def find(self, purchase: int) -> None:
        """An ASN, or the goods themselves, confirm an order that was overdue."""
        lines = self.lines_of(purchase)
        np.subtract.at(self.unconfirmed, self.item[lines], self.missed[lines])
        self.missed[lines] = 0
