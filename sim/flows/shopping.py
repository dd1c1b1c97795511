"""Customers in the stores: one tick of till lines for a whole region.

The tick's demand is drawn before anyone looks at stock; lines are then censored by rank within the
tick against the shelf. What the till scans may be a sibling of what leaves the shelf (a two-way
error). Unmet demand is lost, not backordered.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim.clock import SECOND, TICK
from sim.demand import DemandTick
from sim.draws import BODY_BITS, U64, Kind, threshold
from sim.events import CODE, DOCUMENT_TYPE, SOURCE
from sim.flows.bargains import Bargains
from sim.flows.pricing import Pricing
from sim.flows.tallying import TillTally
from sim.ledger import Belief, Cause, Place
from sim.ledger import Kind as StockKind
from sim.middleware.messages import Messages
from sim.region import Region
from sim.systems.pos import Scanner, Tills
from sim.systems.reverse_logistics import Returned, ReturnPlan
from sim.systems.store import serve

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]

#: Packing of a till line's key: store | tick | ordinal of the line before censoring.
STORE_SHIFT, TICK_SHIFT = 29, 13
_U16 = np.uint64(0xFFFF)
_BODY = (1 << BODY_BITS) - 1


class Shopping:
    """The tills of a region."""

    def __init__(self, region: Region, tills: Tills, pricing: Pricing) -> None:
        self._region, self._tills, self._pricing = region, tills, pricing
        room = region.room
        self._bargains = Bargains(room, tills)
        self.tally = TillTally(room)
        self._scanner = Scanner(room)
        self._scratch = np.zeros(room.ledger.cells, np.int32)
        self._return_below = np.uint64(int(threshold(room.config.demand.return_rate)) >> 48)
        #: What customers will bring back.
        self.returns = ReturnPlan(room)

    def tick(self, tick: int) -> None:
        """The sales of the tick with absolute number ``tick``, which has just ended."""
        room = self._region.room
        start = tick * TICK
        if not room.calendar.is_open(start):
            return
        wanted = self._region.demand.tick(tick)
        first = np.searchsorted(wanted.store, np.arange(room.locations + 1))
        wanted, ordinal = self._bargains.join(tick, wanted, np.arange(len(wanted)) - first[wanted.store])
        if self._region.closed:
            still = ~np.isin(wanted.store, list(self._region.closed))
            wanted, ordinal = wanted.take(still), ordinal[still]
        if not len(wanted):
            return
        cell = wanted.store.astype(np.intp) * room.items + wanted.item
        quantity = self._tills.put_off(cell, wanted.quantity, wanted.bits)
        sold = serve(cell, quantity, room.ledger.place[Place.SHELF], self._scratch)
        self._count_lost(wanted.item, quantity - sold)
        kept = np.flatnonzero(sold)
        body = (wanted.store.astype(np.int64) << STORE_SHIFT) | (np.int64(room.tick_of(start)) << TICK_SHIFT)
        ticket = room.ids.of(Kind.TICKET, body + wanted.basket)
        row = np.arange(len(wanted))
        line_seconds = np.minimum(row - _first_of_run(body + wanted.basket, row), 60)
        at = start + wanted.offset + line_seconds * (2 * SECOND)
        self._ring_up(kept, wanted, cell, sold, body + ordinal, ticket, at)

    def _ring_up(self, kept: Rows, wanted: DemandTick, cell: Rows, sold: I32, body: I64, ticket: I64, at: I64) -> None:
        """Book, tell and show the lines that were served."""
        region, room = self._region, self._region.room
        ledger = room.ledger
        cell, units, item, bits = cell[kept], sold[kept], wanted.item[kept], wanted.bits[kept]
        ticket, at, location = ticket[kept], at[kept], wanted.store[kept]
        key = body[kept] + np.int64(room.ids.prefix(Kind.SALE))
        scanned = self._scanner.scan(cell, item, bits)
        wrong = np.flatnonzero(scanned != item) if scanned is not item else ()
        told = cell
        if len(wrong):
            told = location.astype(np.intp) * room.items + scanned
            right = np.flatnonzero(scanned == item)
            ledger.tell(StockKind.ON_HAND, cell[right], -units[right], place=Place.SHELF, posted=(Belief.SITE_ON_HAND,))
            none = np.zeros(len(wrong), np.int32)
            ledger.tell(StockKind.ON_HAND, cell[wrong], -units[wrong], none, Place.SHELF, Cause.SCAN_ERROR)
            ledger.tell(StockKind.ON_HAND, told[wrong], none, -units[wrong], None, Cause.SCAN_ERROR,
                        posted=(Belief.SITE_ON_HAND,))
            room.rules.touch(told[wrong])
        else:
            ledger.tell(StockKind.ON_HAND, cell, -units, place=Place.SHELF, posted=(Belief.SITE_ON_HAND,))
        room.rules.touch(cell)
        region.report_low(cell)
        sequence = region.channels["pos"].send(Messages(
            location=location, cell=told, on_hand=-units, key=key, sent_at=at, document_id=ticket,
            document_type=DOCUMENT_TYPE["ticket"], code=CODE["601"],
        ))
        asked = self._tills.price.take(told)
        price = asked / 100.0
        if wanted.price_factor is not None:
            price = np.round(price * wanted.price_factor[kept], 2)
        event = room.ids.scramble(key)
        off = np.flatnonzero(asked != self._tills.list.price.take(scanned))
        if len(off):
            self._pricing.sold(told[off], units[off], asked[off], event[off], at[off] + 20 * SECOND, bits[off])
        self.tally.sold(told, scanned, ticket, len(off))
        room.stream.emit(
            "retail_selling", len(kept), event_id=event, occurred_at=at + room.clock_offset[location],
            recorded_at=at + SECOND, available_at=at + 20 * SECOND,
            source=SOURCE["POS"], sequence=sequence, location=location, item=scanned,
            quantity=units, code=CODE["601"], unit_price=price, document_type=DOCUMENT_TYPE["ticket"],
            document_id=ticket, correlation_id=ticket,
        )
        figures = room.figures
        total = float(units.sum())
        figures["sold_units"] += total
        figures["sold_units_physical"] += total
        figures["sold_value"] += float(price @ units)
        self._plan_returns(location, scanned, units, bits, key, ticket, price)

    def _count_lost(self, item: np.ndarray, lost: np.ndarray) -> None:
        total = int(lost.sum())
        if total:
            room = self._region.room
            catalogue = room.catalogue
            room.figures["lost_units"] += total
            room.figures["lost_margin"] += float((catalogue.price - catalogue.cost)[item] @ lost)

    def _plan_returns(self, location: I32, item: I32, units: I32, bits: U64, key: I64, ticket: I64, price: F64) -> None:
        """Lines that will come back: the day and the tick belong to the line."""
        room = self._region.room
        back = np.flatnonzero(((bits >> np.uint64(32)) & _U16) < self._return_below)
        room.gauges.add("returned_value_store", float(price[back] @ units[back]), float(price @ units))
        if len(back):
            base = (key[back] & np.int64(_BODY)) + np.int64(room.ids.prefix(Kind.RETURN))
            self.returns.expect(bits[back] >> np.uint64(48), Returned(location[back], item[back], units[back], base,
                                                                     ticket[back]))


def _first_of_run(values: np.ndarray, ordinal: np.ndarray) -> np.ndarray:
    """For each row, the ordinal at which its run of equal values starts."""
    starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    first: np.ndarray = np.repeat(ordinal[starts], np.diff(np.append(starts, len(values))))
    return first
