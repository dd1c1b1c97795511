"""Online orders: promised from ATP, and picked in the hour's wave unless the customer cancels before.

The life of an order line: reserved, then cancelled by its customer (:mod:`sim.flows.cancelling`), or
picked (:mod:`sim.flows.picking`) and shipped, or short (:mod:`sim.flows.short_picks`). A line is sourced
from the customer's shop or from the DC, whichever its key tries first; where neither has ATP it is refused
and lost. The pick meets the real stock: a short or nil pick breaks a promise that ATP made.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import numpy.typing as npt
import simpy

from sim.clock import HOUR, SECOND
from sim.draws import Kind
from sim.events import DOCUMENT_TYPE, SOURCE, STATUS
from sim.flows.cancelling import Cancelling
from sim.flows.manual import Manual
from sim.flows.mending import Mending
from sim.flows.picking import Picking
from sim.flows.short_picks import ShortPicks
from sim.ledger import Belief
from sim.ledger import Kind as StockKind
from sim.region import Region
from sim.systems.ecommerce import WebShop, Wishes
from sim.systems.oms import OrderLines, available_to_promise, cover, join
from sim.systems.reverse_logistics import ReturnPlan

I32 = npt.NDArray[np.int32]
Cells = npt.NDArray[np.intp]


class Fulfilment:
    """The OMS and the pickers of a region.

    Args:
        region: whose orders.
        mending: its repairs.
        manual: its manual process.
        returns: what customers will bring back.

    Attributes:
        shop: the web shop.
        short_picks: lines that were promised and not found.
    """

    def __init__(self, region: Region, mending: Mending, manual: Manual, returns: ReturnPlan) -> None:
        self._region, self._mending = region, mending
        self.shop = WebShop(region)
        self._cancelling = Cancelling(region, mending, manual)
        self._picking = Picking(region, returns)
        self.short_picks = ShortPicks(region, mending, manual, self._picking, self._promise_again)
        self._waiting: list[OrderLines] = []

    def start(self) -> None:
        """Put the waves, the extracts and the people's rounds on the calendar."""
        for process in (self._waves(), self._cancelling.extracts(), self._cancelling.clean_up(),
                        self.short_picks.afternoons()):
            self._region.room.env.process(process)

    def tick(self, tick: int) -> None:
        """Online orders of the tick that has just ended, and what was cancelled in it."""
        wishes = self.shop.tick(tick)
        if wishes is not None:
            self._promise(wishes)
        self._cancelling.cancel_due(self._region.room.now)
        self.short_picks.tick(tick)

    def _promise(self, wishes: Wishes) -> None:
        """Reserve what ATP shows; refuse the rest."""
        room = self._region.room
        item, units, items = wishes.item, wishes.units, room.items
        cell = wishes.first.astype(np.intp) * items + item
        got = self._reserve(cell, units)
        other = np.flatnonzero(~got)
        if len(other):
            second = np.where(wishes.first[other] == 0, wishes.home[other], 0).astype(np.intp) * items + item[other]
            again = self._reserve(second, units[other])
            cell[other[again]] = second[again]
            got[other[again]] = True
        due = self.shop.promise(wishes.at)
        location, _ = room.split(cell)
        room.stream.emit(
            "reserving", len(cell), event_id=room.ids.of(Kind.ORDER, wishes.key, 0), occurred_at=wishes.at,
            recorded_at=wishes.at, available_at=wishes.at + 10 * SECOND, due_at=due, source=SOURCE["OMS"],
            location=location, item=item, quantity=units,
            status=np.where(got, STATUS["promised"], STATUS["refused"]).astype(np.int32),
            unit_price=room.catalogue.price[item], document_type=DOCUMENT_TYPE["order"],
            document_id=wishes.document, correlation_id=wishes.document,
        )
        refused = ~got
        room.figures["lost_units"] += float(units[refused].sum())
        room.figures["lost_margin"] += float(
            (room.catalogue.price - room.catalogue.cost)[item[refused]] @ units[refused])
        room.figures["online_lines"] += int(np.count_nonzero(got))
        lines = OrderLines(cell, units, wishes.key, wishes.document, wishes.home, due,
                           np.zeros(len(cell), np.int64)).take(got)
        if len(lines):
            kept = self._cancelling.keep(lines, wishes.order[got], wishes.at[got], self.shop.wave_after(room.now))
            if len(kept):
                self._waiting.append(kept)

    def _reserve(self, cell: Cells, units: I32) -> npt.NDArray[np.bool_]:
        """Which lines ATP covers whole; those are reserved."""
        ledger = self._region.room.ledger
        covered = cover(cell, units, available_to_promise(ledger, cell, self._mending.held))
        ledger.tell(StockKind.RESERVED, cell[covered], units[covered], posted=(Belief.OMS_RESERVED,))
        return covered

    def _promise_again(self, line: OrderLines) -> bool:
        """Promise one short line again, from where it now stands; False where ATP does not cover it."""
        room = self._region.room
        if not self._reserve(line.cell, line.units)[0]:
            return False
        at = np.array([room.now])
        due = self.shop.promise(at)
        location, item = room.split(line.cell)
        room.stream.emit(
            "reserving", 1, event_id=room.ids.of(Kind.ORDER, line.key, 5), occurred_at=at, recorded_at=at,
            available_at=at + 10 * SECOND, due_at=due, source=SOURCE["OMS"], location=location, item=item,
            quantity=line.units, status=STATUS["promised"], unit_price=room.catalogue.price[item],
            document_type=DOCUMENT_TYPE["order"], document_id=line.document, correlation_id=line.document,
        )
        self._waiting.append(OrderLines(line.cell, line.units, line.key, line.document, line.home, due,
                                        line.attempt + 1))
        return True

    def _waves(self) -> Generator[simpy.Event, Any, None]:
        """Every hour of trading, the orders promised since the last wave are picked."""
        room = self._region.room
        while True:
            yield room.env.timeout(HOUR)
            if not room.calendar.is_open(room.now):
                continue
            self._cancelling.cancel_due(room.now)
            if self._waiting:
                lines, self._waiting = join(self._waiting), []
                self.short_picks.note(self._picking.pick(lines))
