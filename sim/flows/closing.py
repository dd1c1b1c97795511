"""Shops that close for good: a benign change that looks like trouble.

The closing is announced. From that day on the shop gets no goods and nobody plans demand there; over
the next days its stock goes to the other shops that are nearest to running out, by truck (301 ordered,
303 out, 305 in). Then its doors close. No fault acts: receipts decline, sales dwindle, and all of it
was said beforehand.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import simpy

from sim.catalogue import region_count, stores_of_region
from sim.clock import DAY, HOUR, MINUTE, SECOND
from sim.config import Config
from sim.draws import Kind, Paper, Purpose, keyed, paper
from sim.events import CODE, DOCUMENT_TYPE, INTERFACE, SOURCE, STATUS
from sim.flows.replenishing import Replenishing
from sim.ledger import Belief, Place
from sim.ledger import Kind as StockKind
from sim.middleware.messages import Messages
from sim.region import Region
from sim.rules import NEVER
from sim.systems.tms import FROM_SHIFT, TO_SHIFT, expect, lane_times, service_level, truck_row

#: Hours of the day on which a closing is announced, and stock is sent away. Assumptions.
_ANNOUNCED, _SENT = 8 * HOUR, 7 * HOUR
#: Days after the announcement on which stock is sent away, and on which the doors close. Assumptions.
_SENDING_DAYS, _CLOSED_AFTER = 5, 7
#: Time from the order to the truck's earliest departure. Assumption.
_LOADED = 3 * HOUR
#: Packing of a line's key: from | day | item. A transfer from the DC has the same key with its destination, on a day
#: that no run reaches.
_FROM_SHIFT, _DAY_SHIFT, _BETWEEN_SHOPS = 24, 13, 1 << 10
#: Steps of a closing's document: the document itself, and its rows.
_DOCUMENT, _DEPARTS, _ARRIVES, _SAYS = 15, 1, 2, 3


class Closing:
    """The shops of a region that close.

    Args:
        region: the region.
        replenishing: books what arrives in a shop.
    """

    def __init__(self, region: Region, replenishing: Replenishing) -> None:
        self._region, self._replenishing = region, replenishing

    def days(self) -> Generator[simpy.Event, Any, None]:
        """From the announcement to the closed doors."""
        room = self._region.room
        shops = _closing_shops(room.config, room.seed, room.region)
        if not shops:
            return
        yield room.env.timeout(room.config.confounders.closing_day * DAY + _ANNOUNCED)
        for location in shops:
            self._announce(location)
        for relist in self._region.relisting:
            relist()
        for turn in range(_SENDING_DAYS):
            yield room.env.timeout(DAY - room.now % DAY + _SENT)
            for location in shops:
                self._send_away(location, turn, shops)
        yield room.env.timeout((_CLOSED_AFTER - _SENDING_DAYS) * DAY - room.now % DAY)
        self._region.closed.update(shops)

    def _announce(self, location: int) -> None:
        """Said by ERP to everyone; replenishment and planning forget the shop."""
        room = self._region.room
        closes = room.now - room.now % DAY + _CLOSED_AFTER * DAY
        at, event = np.array([room.now]), room.ids.one(Kind.DOCUMENT, paper(Paper.CLOSING, location), _SAYS)
        room.stream.emit(
            "announcing", 1, event_id=np.array([event]), occurred_at=at, recorded_at=at,
            available_at=at + MINUTE, due_at=closes, source=SOURCE["ERP"], location=location,
            status=STATUS["closing"],
        )
        room.truth.decoy("store_closing", (location,), room.now, room.now + 3650 * DAY, location=location)
        cells = slice(location * room.items, (location + 1) * room.items)
        room.economy.reorder_point[cells] = NEVER
        room.economy.rate[cells] = 0.0
        self._region.closing.add(location)

    # -- what is there goes where it is wanted ---------------------------------------------------------

    def _send_away(self, source: int, turn: int, shops: list[int]) -> None:
        """One day's share of the articles, on the last day all: what is there, in the book and not promised."""
        room, ledger, items = self._region.room, self._region.room.ledger, self._region.room.items
        others = [s for s in range(1, room.locations) if s not in shops]
        if not others:
            return
        item = np.arange(items)
        if turn < _SENDING_DAYS - 1:
            item = item[item % _SENDING_DAYS == turn]
        cell = source * items + item
        shelf, back = (ledger.place[place].take(cell) for place in (Place.SHELF, Place.BACKROOM))
        free = ledger.belief[Belief.SITE_ON_HAND].take(cell) - ledger.belief[Belief.OMS_RESERVED].take(cell)
        units = np.clip(free, 0, shelf + back).astype(np.int32)
        some = units > 0
        item, cell, units, shelf = item[some], cell[some], units[some], shelf[some]
        target = self._needing(item, np.array(others))
        self._unshelve(cell, units, np.minimum(units, shelf))
        for destination in np.unique(target).tolist():
            rows = target == destination
            self._region.room.env.process(self._drive(source, destination, item[rows], units[rows]))

    def _needing(self, item: np.ndarray, others: np.ndarray) -> np.ndarray:
        """For each item the shop whose inventory position is lowest against its reorder point."""
        room = self._region.room
        belief = room.ledger.belief
        cells = others[:, None] * room.items + item[None, :]
        position = belief[Belief.ERP_ON_HAND].take(cells) + belief[Belief.ERP_ON_ORDER].take(cells)
        cover = position / np.maximum(room.economy.reorder_point.take(cells), 1)
        needing: np.ndarray = others[np.argmin(cover, axis=0)]
        return needing

    def _unshelve(self, cell: np.ndarray, units: np.ndarray, shelf: np.ndarray) -> None:
        """The goods leave the shop's own stock; its own book knows at once."""
        ledger = self._region.room.ledger
        for place, part in ((Place.SHELF, shelf), (Place.BACKROOM, units - shelf)):
            some = part > 0
            ledger.tell(StockKind.ON_HAND, cell[some], -part[some], place=place, posted=(Belief.SITE_ON_HAND,))
        self._region.room.rules.touch(cell)

    def _drive(self, source: int, destination: int, item: np.ndarray,
               units: np.ndarray) -> Generator[simpy.Event, Any, None]:
        """One truck from a closing shop to another: ordered, shipped, on the road, and received."""
        region, room = self._region, self._region.room
        ledger, n, day = room.ledger, len(item), room.day_of(room.now)
        body = (source << FROM_SHIFT) | (destination << TO_SHIFT) | day
        transfer = room.ids.one(Kind.DOCUMENT, paper(Paper.CLOSING, body), _DOCUMENT)
        key = (source << _FROM_SHIFT) | ((day + _BETWEEN_SHOPS) << _DAY_SHIFT) | item.astype(np.int64)
        target, due = destination * room.items + item, room.now + service_level(room, source, destination)
        document, at = np.full(n, transfer), room.now + np.arange(n) * (SECOND // 50)
        ledger.tell(StockKind.ON_ORDER, target, units, posted=(Belief.ERP_ON_ORDER,))
        ledger.load(target, units)
        room.rules.touch(target)
        room.stream.emit(
            "ordering", n, event_id=room.ids.of(Kind.TRANSFER, key, 0), occurred_at=at, recorded_at=at,
            available_at=at + 30 * SECOND, due_at=due, source=SOURCE["ERP"], location=destination, partner=source,
            item=item, quantity=units, code=CODE["301"], document_type=DOCUMENT_TYPE["transfer"],
            document_id=document, correlation_id=document,
        )
        row_key = key + np.int64(room.ids.prefix(Kind.TRANSFER, 1))
        sequence = region.channels["store"].send(Messages(
            location=np.full(n, source, np.int32), cell=source * room.items + item, on_hand=-units, key=row_key,
            sent_at=at, document_id=document, document_type=DOCUMENT_TYPE["transfer"], code=CODE["303"],
            document_grain=True,
        ))
        room.stream.emit(
            "shipping", n, event_id=room.ids.scramble(row_key), occurred_at=at, recorded_at=at,
            available_at=at + 30 * SECOND, due_at=at + region.channels["store"].erp.service,
            source=SOURCE["STORE"], interface=INTERFACE["store_erp"], sequence=sequence, location=source,
            partner=destination, item=item, quantity=units, code=CODE["303"],
            document_type=DOCUMENT_TYPE["transfer"], document_id=document, correlation_id=document,
            status=STATUS["in_transit"],
        )
        departure, arrival = lane_times(room, source, destination, day, room.now + _LOADED, transfer)
        yield room.env.timeout(departure - room.now)
        events = [room.ids.one(Kind.DOCUMENT, paper(Paper.CLOSING, body), step) for step in (_DEPARTS, _ARRIVES)]
        truck_row(room, "departing", events[0], source, destination, transfer, due)
        expect(room, source, destination, day, transfer, due, arrival, arrival)
        yield room.env.timeout(arrival - room.now)
        truck_row(room, "arriving", events[1], source, destination, transfer, due)
        yield room.env.timeout(30 * MINUTE)
        self._replenishing.receive(destination, target, units, key + np.int64(room.ids.prefix(Kind.TRANSFER, 2)),
                                   transfer, source)


def _closing_shops(config: Config, seed: int, region: int) -> list[int]:
    """Codes of this region's shops among those of the chain that close."""
    places = [(r, s + 1) for r in range(region_count(config)) for s in range(stores_of_region(config, r)[0])]
    regions, stores = (np.array(column, np.int64) for column in zip(*places, strict=True))
    order = np.argsort(keyed(seed, Purpose.CLOSING, regions, stores), kind="stable")
    chosen = order[: config.confounders.closing_stores]
    return sorted(int(stores[row]) for row in chosen if regions[row] == region)
