"""Online orders: promised from ATP, picked in the hour's wave, shipped or failed.

ATP = OMS book - reserved - buffer, and nothing of a held cell. An order line is sourced from the
customer's shop or from the DC, whichever its key tries first; where neither has ATP it is refused
and lost. The pick meets the real stock: a short or nil pick breaks a promise that ATP made.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import simpy

from sim.clock import HOUR, SECOND, TICK, TICKS_PER_DAY
from sim.draws import Alias, Kind, Purpose, philox
from sim.events import CODE, DOCUMENT_TYPE, INTERFACE, SOURCE, STATUS
from sim.flows.mending import Mending
from sim.ledger import Belief, Place
from sim.ledger import Kind as StockKind
from sim.middleware.messages import Messages
from sim.region import Region
from sim.systems.oms import available_to_promise
from sim.systems.store import serve

_PROMISE = 24 * HOUR
#: Packing of an order line's key: tick | order | line.
_TICK_SHIFT, _ORDER_SHIFT, _LINES_MAX = 16, 3, 8


class Fulfilment:
    """The OMS and the pickers of a region."""

    def __init__(self, region: Region, mending: Mending) -> None:
        self._region, self._mending = region, mending
        room = region.room
        rate = room.economy.rate.reshape(room.locations, room.items)[1:]
        self._item_at, self._home = Alias(rate.sum(axis=0)), Alias(rate.sum(axis=1))
        units = float(rate.sum()) * room.config.demand.online_share
        self._lines_a_day = units / 1.1
        self._scratch = np.zeros(room.ledger.cells, np.int32)
        self._atp = np.zeros(room.ledger.cells, np.int32)
        self._orders: list[tuple[np.ndarray, ...]] = []

    def tick(self, tick: int) -> None:
        """Online orders of the tick that has just ended."""
        room = self._region.room
        start = tick * TICK
        expected = self._lines_a_day / 1.3 * room.calendar.day_factor(start) / TICKS_PER_DAY
        draw = philox(room.seed, Purpose.ONLINE, room.region, tick)
        orders = int(draw.poisson(expected))
        if not orders:
            return
        lines = np.minimum(draw.geometric(1.0 / 1.3, orders), _LINES_MAX)
        n = int(lines.sum())
        order = np.repeat(np.arange(orders), lines)
        line = np.arange(n) - np.repeat(np.cumsum(lines) - lines, lines)
        item = self._item_at.pick(draw.integers(0, 2**64, n, dtype=np.uint64))
        home = self._home.pick(draw.integers(0, 2**64, orders, dtype=np.uint64))[order] + 1
        spare = draw.integers(0, 1 << 16, (2, n))
        units = np.where(spare[0] < 6000, 2, 1).astype(np.int32)
        at = start + np.sort(draw.integers(0, TICK, orders))[order]
        header = (np.int64(room.tick_of(start)) << _TICK_SHIFT) | (order.astype(np.int64) << _ORDER_SHIFT)
        first = np.where(spare[1] < 40000, home, 0).astype(np.int32)
        self._promise(header, line, item, units, first, home.astype(np.int32), at)

    def _promise(self, header: np.ndarray, line: np.ndarray, item: np.ndarray, units: np.ndarray, first: np.ndarray,
                 home: np.ndarray, at: np.ndarray) -> None:
        """Reserve what ATP shows; refuse the rest."""
        room, ledger = self._region.room, self._region.room.ledger
        items = np.int32(room.items)
        cell = first * items + item
        got = self._reserve(cell, units)
        other = np.flatnonzero(~got)
        if len(other):
            second = np.where(first[other] == 0, home[other], 0).astype(np.int32) * items + item[other]
            again = self._reserve(second, units[other])
            cell[other[again]] = second[again]
            got[other[again]] = True
        location = cell // items
        document = room.ids.of(Kind.ORDER, header, 15)
        key = header | line
        room.stream.emit(
            "reserving", len(cell), event_id=room.ids.of(Kind.ORDER, key, 0), occurred_at=at, recorded_at=at,
            available_at=at + 10 * SECOND, due_at=at + _PROMISE, source=SOURCE["OMS"], location=location, item=item,
            quantity=units, status=np.where(got, STATUS["promised"], STATUS["refused"]).astype(np.int32),
            unit_price=room.catalogue.price[item], document_type=DOCUMENT_TYPE["order"], document_id=document,
            correlation_id=document,
        )
        lost = units[~got]
        room.figures["lost_units"] += float(lost.sum())
        room.figures["lost_margin"] += float((room.catalogue.price - room.catalogue.cost)[item[~got]] @ lost)
        cell, units = cell[got], units[got]
        ledger.tell(StockKind.RESERVED, cell, units, posted=(Belief.OMS_RESERVED,))
        room.figures["online_lines"] += len(cell)
        if len(cell):
            self._orders.append((cell, units, key[got], document[got]))

    def _reserve(self, cell: np.ndarray, units: np.ndarray) -> np.ndarray:
        """Which lines ATP covers whole, first come first served."""
        # serve() wants stock by cell; only the touched cells matter, the rest is left over from before.
        self._atp[cell] = available_to_promise(self._region.room.ledger, cell, self._mending.held)
        served = serve(cell, units, self._atp, self._scratch)
        covered: np.ndarray = served == units
        return covered

    # -- picking ---------------------------------------------------------------------------------

    def pick_waves(self) -> Generator[simpy.Event, Any, None]:
        """Every hour of trading, the orders promised since the last wave are picked."""
        room = self._region.room
        while True:
            yield room.env.timeout(HOUR)
            if room.calendar.is_open(room.now) and self._orders:
                self._pick()

    def _pick(self) -> None:
        room, ledger = self._region.room, self._region.room.ledger
        cell, units, key, document = (np.concatenate(part) for part in zip(*self._orders, strict=True))
        self._orders.clear()
        order = np.lexsort((key, cell // room.items))
        cell, units, key, document = cell[order], units[order], key[order], document[order]
        place = ledger.place
        shelf_first = serve(cell, units, place[Place.SHELF], self._scratch).astype(np.int32)
        picked = shelf_first + serve(cell, units - shelf_first, place[Place.BACKROOM], self._scratch).astype(np.int32)
        ledger.tell(StockKind.RESERVED, cell, -units, posted=(Belief.OMS_RESERVED,))
        location, item = room.split(cell)
        at = room.now + np.arange(len(cell)) % 1500 * SECOND
        status = np.where(picked == units, STATUS["complete"], np.where(picked > 0, STATUS["short"], STATUS["nil"]))
        source = np.where(location == 0, SOURCE["WMS"], SOURCE["STORE"]).astype(np.int32)
        room.stream.emit(
            "picking", len(cell), event_id=room.ids.of(Kind.ORDER, key, 1), occurred_at=at, recorded_at=at,
            available_at=at + 20 * SECOND, source=source, location=location, item=item, quantity=picked,
            status=status.astype(np.int32), document_type=DOCUMENT_TYPE["order"], document_id=document,
            correlation_id=document,
        )
        short = picked < units
        if short.any():
            self._fail(cell[short], (units - picked)[short], key[short], document[short], at[short])
        self._ship(cell, shelf_first, picked, key, document, at)

    def _fail(self, cell: np.ndarray, missing: np.ndarray, key: np.ndarray, document: np.ndarray,
              at: np.ndarray) -> None:
        """Promises that the stock did not keep."""
        room = self._region.room
        location, item = room.split(cell)
        room.rules.contradicted(cell, room.now)
        room.figures["failed_lines"] += len(cell)
        room.figures["penalties"] += len(cell) * room.config.costs.promise_penalty
        room.figures["lost_units"] += float(missing.sum())
        room.figures["lost_margin"] += float((room.catalogue.price - room.catalogue.cost)[item] @ missing)
        room.stream.emit(
            "cancelling", len(cell), event_id=room.ids.of(Kind.ORDER, key, 3), occurred_at=at, recorded_at=at,
            available_at=at + 60 * SECOND, source=SOURCE["OMS"], location=location, item=item, quantity=missing,
            document_type=DOCUMENT_TYPE["order"], document_id=document, correlation_id=document,
        )

    def _ship(self, cell: np.ndarray, shelf: np.ndarray, picked: np.ndarray, key: np.ndarray, document: np.ndarray,
              at: np.ndarray) -> None:
        region, room = self._region, self._region.room
        ledger = room.ledger
        for place, units in ((Place.SHELF, shelf), (Place.BACKROOM, picked - shelf)):
            some = units > 0
            ledger.tell(StockKind.ON_HAND, cell[some], -units[some], place=place, posted=(Belief.SITE_ON_HAND,))
        went = np.flatnonzero(picked)
        cell, units, key, document, at = cell[went], picked[went], key[went], document[went], at[went] + 120 * SECOND
        location, item = room.split(cell)
        room.figures["sold_units"] += float(units.sum())
        room.figures["sold_units_physical"] += float(units.sum())
        room.figures["sold_value"] += float(room.catalogue.price[item] @ units)
        room.rules.touch(cell)
        row_key = key + np.int64(room.ids.prefix(Kind.ORDER, 2))
        for name, rows in (("wms", location == 0), ("store", location > 0)):
            if not rows.any():
                continue
            where = location[rows]
            sequence = region.channels[name].send(Messages(
                location=where, cell=cell[rows], on_hand=-units[rows], key=row_key[rows], sent_at=at[rows],
                document_id=document[rows], document_type=DOCUMENT_TYPE["order"], code=CODE["601"],
            ))
            room.stream.emit(
                "shipping", len(where), event_id=room.ids.scramble(row_key[rows]), occurred_at=at[rows],
                recorded_at=at[rows], available_at=at[rows] + 20 * SECOND,
                due_at=at[rows] + region.channels[name].feeds[0].service,
                source=SOURCE["WMS" if name == "wms" else "STORE"], interface=INTERFACE[f"{name}_erp"],
                sequence=sequence, location=where, item=item[rows], quantity=units[rows], code=CODE["601"],
                document_type=DOCUMENT_TYPE["order"], document_id=document[rows], correlation_id=document[rows],
                status=STATUS["complete"],
            )
