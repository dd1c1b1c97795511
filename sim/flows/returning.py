"""Goods that come back: taken in at the till, kept in the cage, inspected, and put back to stock."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import simpy

from sim.clock import DAY, HOUR, SECOND, TICK, TICKS_PER_DAY
from sim.draws import Kind
from sim.events import CODE, DOCUMENT_TYPE, INTERFACE, SOURCE, STATUS
from sim.flows.shopping import Shopping
from sim.ledger import Belief, Place
from sim.ledger import Kind as StockKind
from sim.middleware.messages import Messages
from sim.region import Region

_INSPECT_HOUR = 8
_BODY = (1 << 38) - 1


class Returning:
    """Returns of a region; a return's key is that of the till line it gives back."""

    def __init__(self, region: Region, shopping: Shopping) -> None:
        self._region, self._shopping = region, shopping
        self._today: tuple[np.ndarray, ...] | None = None
        self._caged: list[tuple[np.ndarray, ...]] = []

    def tick(self, tick: int) -> None:
        """Customers who bring something back in the tick that has just ended."""
        region, room = self._region, self._region.room
        waiting = self._due(tick)
        if waiting is None:
            return
        location, item, units, key, ticket = waiting
        order = np.lexsort((key, location))
        location, item, units, key, ticket = location[order], item[order], units[order], key[order], ticket[order]
        cell, body, n = location * np.int32(room.items) + item, key & np.int64(_BODY), len(order)
        room.ledger.tell(StockKind.BLOCKED, cell, units, place=Place.CAGE, posted=(Belief.SITE_BLOCKED,))
        room.figures["returned_units"] += float(units.sum())
        document = room.ids.of(Kind.RETURN, body, 15)
        at = tick * TICK + np.arange(n) % 800 * SECOND
        row_key = body + np.int64(room.ids.prefix(Kind.RETURN, 0))
        sequence = region.channels["store"].send(Messages(
            location=location, cell=cell, on_hand=np.zeros(n, np.int32), blocked=units, key=row_key, sent_at=at,
            document_id=document, document_type=DOCUMENT_TYPE["return"], code=CODE["651"],
        ))
        room.stream.emit(
            "returning", n, event_id=room.ids.scramble(row_key), occurred_at=at + room.clock_offset[location],
            recorded_at=at + SECOND, available_at=at + 30 * SECOND,
            due_at=(room.now // DAY + 1) * DAY + 12 * HOUR, source=SOURCE["POS"],
            interface=INTERFACE["store_erp"], sequence=sequence, location=location, item=item, quantity=units,
            status=STATUS["returned"], code=CODE["651"], unit_price=room.catalogue.price[item],
            document_type=DOCUMENT_TYPE["return"], document_id=document, parent_document_id=ticket,
            correlation_id=ticket,
        )
        self._caged.append((location, item, units, body, document))

    def _due(self, tick: int) -> tuple[np.ndarray, ...] | None:
        """What comes back in a tick: location, item, units, key, ticket."""
        day = self._region.room.day_of(tick * TICK)
        if tick % TICKS_PER_DAY == 0:
            # What yesterday brought back does not come again on a day that brings nothing.
            self._today = None
        if day in self._shopping.returns:
            parts = self._shopping.returns.pop(day)
            columns = [np.concatenate(part) for part in zip(*parts, strict=True)]
            order = np.lexsort((columns[4], columns[0]))
            self._today = tuple(column[order] for column in columns)
        if self._today is None:
            return None
        slot = tick % TICKS_PER_DAY
        first, last = np.searchsorted(self._today[0], [slot, slot + 1])
        return tuple(column[first:last] for column in self._today[1:]) if last > first else None

    def inspect(self) -> Generator[simpy.Event, Any, None]:
        """Each morning the cage is emptied: whatever came in yesterday goes back to stock."""
        room = self._region.room
        yield room.env.timeout(_INSPECT_HOUR * HOUR)
        while True:
            if self._caged:
                self._restock()
            yield room.env.timeout(DAY)

    def _restock(self) -> None:
        region, room = self._region, self._region.room
        location, item, units, body, document = (np.concatenate(part) for part in zip(*self._caged, strict=True))
        self._caged.clear()
        order = np.lexsort((body, location))
        location, item, units, body, document = (a[order] for a in (location, item, units, body, document))
        cell, n = location * np.int32(room.items) + item, len(order)
        room.ledger.tell(StockKind.BLOCKED, cell, -units, place=Place.CAGE, posted=(Belief.SITE_BLOCKED,))
        room.ledger.tell(StockKind.ON_HAND, cell, units, place=Place.BACKROOM, posted=(Belief.SITE_ON_HAND,))
        at = room.now + np.arange(n) % 1800 * SECOND
        key = body + np.int64(room.ids.prefix(Kind.RETURN, 1))
        sequence = region.channels["store"].send(Messages(
            location=location, cell=cell, on_hand=units, blocked=-units, key=key, sent_at=at, document_id=document,
            document_type=DOCUMENT_TYPE["return"], code=CODE["653"],
        ))
        room.stream.emit(
            "inspecting", n, event_id=room.ids.scramble(key), occurred_at=at, recorded_at=at,
            available_at=at + 30 * SECOND, due_at=at + region.channels["store"].feeds[0].service,
            source=SOURCE["STORE"], interface=INTERFACE["store_erp"], sequence=sequence, location=location, item=item,
            quantity=units, status=STATUS["sellable_accessible"], code=CODE["653"],
            document_type=DOCUMENT_TYPE["return"], document_id=document, correlation_id=document,
        )
        room.rules.touch(cell)
        region.refill.append(cell)
