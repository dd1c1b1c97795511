"""Goods that stand in the wrong place: all there, and nobody finds them when they are wanted.

In a shop a facing is put down elsewhere, by a customer, or by who fills the shelf: ``faults.misplacement.rate``
facings for each unit sold. In a DC a carton is put away at another location than the one that was scanned; that
happens to a share of cartons that goes with the same rate. The goods are on hand and in every book, and cannot be
sold or picked. After a lognormal while someone comes upon them and puts them back (a ``moving`` row, 311); who
*searches* for them finds them at once, and then they can be *moved*. A count does not see them (see
:mod:`sim.flows.counting`), so it writes off what will be found.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import simpy

from sim.actions import Action
from sim.clock import DAY, HOUR, MINUTE
from sim.draws import Alias, Kind, Paper, Purpose, keyed, keyed_int, lognormal_int, paper, uniform_int
from sim.events import CODE, SOURCE, STATUS
from sim.flows.mending import Mending
from sim.flows.receiving import MOVED_STEP
from sim.ledger import Place
from sim.region import Region
from sim.systems.store import PARTS, Moment, moments_of_today
from sim.systems.wms import Delivery

#: Least and largest share of a full shelf that one facing is. Assumption.
_FACING = (0.3, 1.0)
#: Cartons put away at a wrong location, as a share of the rate at which shops mislay: with the usual one, one in a
#: thousand (published accuracy of putaway is 99.5% to 99.9%). Assumption.
_WRONG_PUTAWAYS = 0.25
#: Packing of the key of what a shop mislays: shop | day | part.
_LOCATION_SHIFT, _DAY_SHIFT = 16, 2


@dataclass
class Lot:
    """Goods of one cell in the wrong place.

    Attributes:
        event: id of the row that will put them back.
        searched: someone knows where they stand.
    """

    fault: int
    cell: int
    units: int
    event: int
    searched: bool = False


class Misplacing:
    """What a region's shops and its DC mislay."""

    def __init__(self, region: Region, mending: Mending) -> None:
        self._region = region
        mending.remedies |= {"search": self.search, "move": self.move}
        self._wrong_below = region.room.plan.below("misplacement", _WRONG_PUTAWAYS)
        mending.receiving.stored_listeners.append(self.put_away)
        self._lots: dict[int, list[Lot]] = {}
        self._relist()
        region.relisting.append(self._relist)

    def _relist(self) -> None:
        """What is mislaid goes with what is sold."""
        room = self._region.room
        rate = room.economy.rate.reshape(room.locations, room.items)
        self._lots_a_part = np.minimum(rate[1:].sum(axis=1) * room.plan.rate("misplacement") / PARTS, 1.0)
        self._item_at = Alias(rate.sum(axis=0)) if self._lots_a_part.any() else None

    def days(self) -> Generator[simpy.Event, Any, None]:
        """Each midnight: what is misplaced today, and when."""
        room = self._region.room
        while self._item_at is not None:
            for moment in moments_of_today(room, Purpose.MISPLACE, self._lots_a_part):
                self._plan(moment)
            yield room.env.timeout(DAY)

    def _plan(self, moment: Moment) -> None:
        room, location = self._region.room, moment.location
        day = room.day_of(moment.time)
        fault_id = room.truth.fault_id("misplacement", location, moment.time // DAY, moment.part)
        assert self._item_at is not None
        item = int(self._item_at.pick(np.array([keyed_int(moment.bits, Purpose.MISPLACE, 1)], np.uint64))[0])
        key = (location << _LOCATION_SHIFT) | (day << _DAY_SHIFT) | moment.part
        if room.plan.strikes("misplacement", fault_id, moment.time, location=location, item=item):
            event = room.ids.one(Kind.DOCUMENT, paper(Paper.MOVE, key))
            room.at(moment.time, lambda: self._misplace(room.cell(location, item), moment.bits, event, fault_id))

    def _misplace(self, cell: int, bits: int, event: int, fault_id: int) -> None:
        """A facing goes astray; where the shelf is empty there is none."""
        region, room = self._region, self._region.room
        low, high = _FACING
        share = low + (high - low) * uniform_int(keyed_int(bits, Purpose.MISPLACE, 2))
        share *= room.plan.of("misplacement").magnitude
        units = min(int(room.ledger.place[Place.SHELF, cell]), max(1, round(share * int(region.capacity[cell]))))
        if units:
            self._mislay(cell, units, Place.SHELF, bits, event, fault_id)
            region.report_low(np.array([cell]))

    def put_away(self, delivery: Delivery) -> None:
        """Cartons were put away in the DC, some of them where the WMS does not know of it."""
        room = self._region.room
        drawn = keyed(room.seed, Purpose.PUTAWAY, room.region, 1, delivery.key)
        for row in np.flatnonzero((drawn < self._wrong_below) & (delivery.good > 0)).tolist():
            key, item, good, bits = (int(column[row]) for column in (delivery.key, delivery.item, delivery.good, drawn))
            fault_id = room.truth.fault_id("misplacement", key)
            if room.plan.strikes("misplacement", fault_id, room.now, location=0, item=item):
                units = min(good, max(1, round(room.plan.of("misplacement").magnitude * good)))
                event = room.ids.one(Kind.PURCHASE, key, MOVED_STEP)
                self._mislay(item, units, Place.BACKROOM, bits, event, fault_id)

    def _mislay(self, cell: int, units: int, source: Place, bits: int, event: int, fault_id: int) -> None:
        """Goods go astray, until someone comes upon them.

        Args:
            cell: whose.
            units: how many.
            source: where they belong.
            bits: choices that belong to the lot.
            event: id of the row that will put them back.
            fault_id: of the fault.
        """
        room = self._region.room
        spec = room.plan.of("misplacement")
        location, item = divmod(cell, room.items)
        fault = room.truth.fault("misplacement", fault_id, room.now, location=location, item=item, magnitude=units,
                                 units=units)
        lot = Lot(fault, cell, units, event)
        self._lots.setdefault(cell, []).append(lot)
        room.ledger.mislay(cell, units, source)
        room.rules.misplace(fault, cell, units)
        room.rules.touch(np.array([cell]))
        hours = lognormal_int(keyed_int(bits, Purpose.MISPLACE, 3), spec.hours, spec.sigma)
        found = room.now + round(max(1.0, hours) * HOUR)
        # A DC works around the clock.
        if location and not room.calendar.is_open(found):
            # What would be found by night is found in the course of the next day.
            calendar, later = room.calendar, uniform_int(keyed_int(bits, Purpose.MISPLACE, 4))
            day = found // DAY + (1 if found % DAY >= calendar.opens * HOUR else 0)
            found = day * DAY + round((calendar.opens + later * (calendar.closes - calendar.opens)) * HOUR)
        room.at(found, lambda: self._come_upon(lot))

    # -- found -----------------------------------------------------------------------------------

    def _come_upon(self, lot: Lot) -> None:
        if lot in self._lots.get(lot.cell, ()):
            self._put_back(lot, -1)

    def come_upon(self, cell: int, by: int) -> None:
        """Whoever counts a cell has looked everywhere, and puts back what stood in the wrong place."""
        for lot in list(self._lots.get(cell, ())):
            self._put_back(lot, by)

    def search(self, action: Action) -> tuple[str, int]:
        """Go and look for a cell's goods; answers how many units were found in the wrong place."""
        lots = self._lots_of(action)
        if isinstance(lots, str):
            return lots, 0
        for lot in lots:
            lot.searched = True
        return "", sum(lot.units for lot in lots)

    def move(self, action: Action) -> tuple[str, int]:
        """Put back what a search has found."""
        lots = self._lots_of(action)
        if isinstance(lots, str):
            return lots, 0
        known = [lot for lot in lots if lot.searched]
        if not known:
            return "nobody knows of goods in the wrong place", 0
        for lot in known:
            self._put_back(lot, action.action_id)
        return "", sum(lot.units for lot in known)

    def _lots_of(self, action: Action) -> list[Lot] | str:
        """The lots of the cell that an action names, or why it names none."""
        room = self._region.room
        if not (0 <= action.location < room.locations and 0 <= action.item < room.items):
            return "it names no cell"
        return list(self._lots.get(room.cell(int(action.location), int(action.item)), ()))

    def _put_back(self, lot: Lot, by: int) -> None:
        """The goods go back to where they belong, and whoever carries them scans them (311)."""
        region, room = self._region, self._region.room
        lots = self._lots[lot.cell]
        lots.remove(lot)
        if not lots:
            del self._lots[lot.cell]
        cells = np.array([lot.cell])
        location, item = divmod(lot.cell, room.items)
        free = int(region.capacity[lot.cell] - room.ledger.place[Place.SHELF, lot.cell])
        # A DC has no shelves for customers.
        shelf = min(lot.units, max(0, free)) if location else 0
        room.ledger.move(Place.MISPLACED, Place.SHELF, cells, shelf)
        room.ledger.move(Place.MISPLACED, Place.BACKROOM, cells, lot.units - shelf)
        at = np.array([room.now])
        room.stream.emit(
            "moving", 1, event_id=np.array([lot.event]), occurred_at=at, recorded_at=at, available_at=at + MINUTE,
            source=SOURCE["STORE" if location else "WMS"], location=location, item=item, quantity=lot.units,
            code=CODE["311"], status=STATUS["found"],
        )
        room.truth.lineage(lot.event, lot.fault)
        if by >= 0:
            room.truth.lineage(by, lot.fault)
        room.rules.put_back(lot.fault, lot.cell, by)
        room.rules.touch(cells)
