"""Goods that come back: taken in, kept in the cage, inspected, and put back to stock, scrapped or sent back.

A return is booked into blocked stock (651) by the shop or the DC. The next morning it is inspected, and
its disposition follows: sold again (653), scrapped (551), or kept blocked (657) for its vendor, who gets
his goods once a week (:mod:`sim.flows.vendor_returns`). Where nobody says what becomes of a return, see
:mod:`sim.flows.undecided`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt
import simpy

from sim.clock import DAY, HOUR, MINUTE, SECOND, TICK
from sim.draws import STEP_SHIFT, Purpose, keyed, uniform
from sim.events import CODE, DOCUMENT_TYPE, INTERFACE, SOURCE, STATUS
from sim.flows.vendor_returns import VendorReturns
from sim.ledger import Belief, Place
from sim.ledger import Kind as StockKind
from sim.middleware.messages import Messages
from sim.region import Region
from sim.systems.reverse_logistics import Returned, ReturnPlan, join

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

#: When returns are inspected, and when inspection is due on the day after. Assumptions.
_INSPECT_HOUR, _DUE_HOUR = 8, 12
_TAKEN_STEP, _INSPECTED_STEP, _SCRAPPED_STEP, _DOCUMENT_STEP = 0, 1, 2, 15


class Disposition(IntEnum):
    """What becomes of returned goods; the numbers are those of the action's ``units``."""

    SELL = 0
    BLOCK = 1
    SCRAP = 2
    VENDOR = 3


class Returning:
    """Returns of a region.

    Args:
        region: where they come back.
        plan: what will come back.
        vendors: takes what goes back to its vendor.

    Attributes:
        undecided: told of the returns of a tick, their row ids, times and due time; answers which of
            them nobody will inspect.
    """

    def __init__(self, region: Region, plan: ReturnPlan, vendors: VendorReturns) -> None:
        self._region, self._plan, self._vendors = region, plan, vendors
        self._caged: list[Returned] = []
        returns = region.room.config.returns
        self._shares = returns.scrap_share, returns.vendor_share
        self.undecided: Callable[[Returned, I64, I64, int], npt.NDArray[np.bool_]] | None = None

    def tick(self, tick: int) -> None:
        """Customers who bring something back in the tick that has just ended."""
        goods = self._plan.due(tick)
        if goods is None:
            return
        room = self._region.room
        goods = goods.take(np.lexsort((goods.base, goods.location)))
        cell = goods.location * np.int32(room.items) + goods.item
        room.ledger.tell(StockKind.BLOCKED, cell, goods.units, place=Place.CAGE, posted=(Belief.SITE_BLOCKED,))
        room.figures["returned_units"] += float(goods.units.sum())
        at = tick * TICK + np.arange(len(goods)) % 800 * SECOND
        due = (room.now // DAY + 1) * DAY + _DUE_HOUR * HOUR
        self._tell("returning", _TAKEN_STEP, goods, at, due_at=due, code="651", status="returned", blocked=goods.units)
        kept = np.ones(len(goods), np.bool_)
        if self.undecided is not None:
            kept = ~self.undecided(goods, room.ids.scramble(goods.base), at, due)
        if kept.any():
            self._caged.append(goods.take(kept))

    def inspect(self) -> Generator[simpy.Event, Any, None]:
        """Each morning whatever came in yesterday is inspected, and its disposition set."""
        room = self._region.room
        yield room.env.timeout(_INSPECT_HOUR * HOUR)
        while True:
            if self._caged:
                goods = join(self._caged)
                self._caged.clear()
                self.dispose(goods, self.fitting(goods))
            yield room.env.timeout(DAY)

    def document(self, goods: Returned) -> I64:
        """The ids of the return documents."""
        return self._region.room.ids.scramble(goods.base + np.int64(_DOCUMENT_STEP << STEP_SHIFT))

    def fitting(self, goods: Returned) -> I32:
        """The disposition that the state of the goods asks for."""
        room, (scrap, vendor) = self._region.room, self._shares
        share = uniform(keyed(room.seed, Purpose.DISPOSITION, room.region, 1, goods.base))
        found = np.where(share < scrap, Disposition.SCRAP,
                         np.where(share < scrap + vendor, Disposition.VENDOR, Disposition.SELL))
        return found.astype(np.int32)

    def dispose(self, goods: Returned, disposition: I32) -> None:
        """Carry out what was decided of goods in the cage."""
        order = np.lexsort((goods.base, goods.location))
        goods, disposition = goods.take(order), disposition[order]
        at = self._region.room.now + np.arange(len(goods)) % 1800 * SECOND
        for decided, act in ((Disposition.SELL, self._restock), (Disposition.SCRAP, self._scrap),
                             (Disposition.BLOCK, self._block), (Disposition.VENDOR, self._send_back)):
            rows = disposition == decided
            if rows.any():
                act(goods.take(rows), at[rows])

    def _restock(self, goods: Returned, at: I64) -> None:
        region, room = self._region, self._region.room
        cell, units = goods.location * np.int32(room.items) + goods.item, goods.units
        room.ledger.tell(StockKind.BLOCKED, cell, -units, place=Place.CAGE, posted=(Belief.SITE_BLOCKED,))
        room.ledger.tell(StockKind.ON_HAND, cell, units, place=Place.BACKROOM, posted=(Belief.SITE_ON_HAND,))
        self._tell("inspecting", _INSPECTED_STEP, goods, at, code="653", status="sellable_accessible", on_hand=units,
                   blocked=-units)
        room.rules.touch(cell)
        region.refill.append(cell[goods.location > 0])

    def _scrap(self, goods: Returned, at: I64) -> None:
        self._show_blocked(goods, at, "551", "disposed")
        self.destroy(goods, at + 10 * MINUTE)

    def destroy(self, goods: Returned, at: I64) -> None:
        """Goods from the cage are destroyed."""
        room = self._region.room
        cell = goods.location * np.int32(room.items) + goods.item
        room.ledger.tell(StockKind.BLOCKED, cell, -goods.units, place=Place.CAGE, posted=(Belief.SITE_BLOCKED,))
        room.figures["scrapped_units"] += float(goods.units.sum())
        self._tell("destroying", _SCRAPPED_STEP, goods, at, code="551", status="disposed", blocked=-goods.units)

    def _block(self, goods: Returned, at: I64) -> None:
        self._show_blocked(goods, at, "657", "non_sellable_other")

    def _send_back(self, goods: Returned, at: I64) -> None:
        self._show_blocked(goods, at, "657", "non_sellable_other")
        self._vendors.collect(goods)

    def _show_blocked(self, goods: Returned, at: I64, code: str, status: str) -> None:
        """The row of an inspection that leaves the goods in the cage: no stock changes, no message goes."""
        room = self._region.room
        document = self.document(goods)
        room.stream.emit(
            "inspecting", len(goods), event_id=room.ids.scramble(goods.base + np.int64(_INSPECTED_STEP << STEP_SHIFT)),
            occurred_at=at, recorded_at=at, available_at=at + 30 * SECOND,
            source=np.where(goods.location == 0, SOURCE["WMS"], SOURCE["STORE"]).astype(np.int32),
            location=goods.location, item=goods.item, quantity=goods.units, status=STATUS[status], code=CODE[code],
            document_type=DOCUMENT_TYPE["return"], document_id=document, correlation_id=document,
        )

    def _tell(self, event_type: str, step: int, goods: Returned, at: I64, *, code: str, status: str, blocked: I32,
              on_hand: I32 | None = None, due_at: int | None = None) -> None:
        """Send the lines of goods sorted by location to ERP and OMS, and show them."""
        region, room = self._region, self._region.room
        key = goods.base + np.int64(step << STEP_SHIFT)
        document, taken = self.document(goods), event_type == "returning"
        for name, rows in (("wms", goods.location == 0), ("store", goods.location > 0)):
            n = int(np.count_nonzero(rows))
            if not n:
                continue
            where, when = goods.location[rows], at[rows]
            sequence = region.channels[name].send(Messages(
                location=where, cell=where * np.int32(room.items) + goods.item[rows],
                on_hand=np.zeros(n, np.int32) if on_hand is None else on_hand[rows], blocked=blocked[rows],
                key=key[rows], sent_at=when, document_id=document[rows], document_type=DOCUMENT_TYPE["return"],
                code=CODE[code],
            ))
            source = "WMS" if name == "wms" else "POS" if taken else "STORE"
            more: dict[str, Any] = {"unit_price": room.catalogue.price[goods.item[rows]],
                                    "parent_document_id": goods.parent[rows]} if taken else {}
            clock = room.clock_offset[where] if source == "POS" else 0
            room.stream.emit(
                event_type, n, event_id=room.ids.scramble(key[rows]), occurred_at=when + clock,
                recorded_at=when + (SECOND if taken else 0), available_at=when + 30 * SECOND,
                due_at=due_at if due_at is not None else when + region.channels[name].erp.service,
                source=SOURCE[source], interface=INTERFACE[f"{name}_erp"], sequence=sequence, location=where,
                item=goods.item[rows], quantity=goods.units[rows], status=STATUS[status], code=CODE[code],
                document_type=DOCUMENT_TYPE["return"], document_id=document[rows],
                correlation_id=goods.parent[rows] if taken else document[rows], **more,
            )
