"""Goods that leave without a till: stolen, damaged or thrown away, and nobody writes it down.

All loss together is ``faults.shrink.rate`` units for each unit sold. Most of it goes unit by unit, the
everyday error of every cell. The share ``faults.shrink.magnitude`` of it goes in *sweeps*: several to
dozens of units of one item at once, each a fault of its own, drawn by shop, day and hour. Nothing is
stolen that is not there. No row tells of any of it.

Who or what took the goods is drawn with them; thieves from outside take from the shelf, the house's own
people and its processes lose what stands behind. Dear goods and goods of some categories go more
often (:attr:`sim.catalogue.Catalogue.shrink_factor`).
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import numpy.typing as npt
import simpy

from sim.clock import DAY, TICK, TICKS_PER_DAY
from sim.draws import Alias, Purpose, keyed_int, lognormal_int, philox
from sim.ledger import Cause, Cells, Place
from sim.ledger import Kind as StockKind
from sim.region import Region
from sim.systems.store import PARTS, Moment, moments_of_today, serve

I32 = npt.NDArray[np.int32]

#: Value lost by sub-cause: external theft, internal theft, process failure, other (NRF 2023).
CAUSE_SHARES = (0.362, 0.289, 0.273, 0.076)
_CAUSE_CUT = np.cumsum(CAUSE_SHARES)[:-1]
_CAUSE_STEPS = 1 << 16
#: Sub-causes that lose goods from the backroom where there are some: internal theft and process failure.
_BEHIND = (1, 2)
#: Units of a sweep: median and sigma of a lognormal, least and most. Assumptions.
SWEEP_UNITS, _SWEEP_SIGMA, SWEEP_LEAST, _SWEEP_MOST = 9.0, 0.5, 3, 48
_SWEEP_MEAN = SWEEP_UNITS * float(np.exp(_SWEEP_SIGMA**2 / 2))


class Losing:
    """What a region's shops lose."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self._scratch = np.zeros(region.room.ledger.cells, np.int32)
        self._relist()
        region.relisting.append(self._relist)

    def _relist(self) -> None:
        """What is lost goes with what is sold."""
        room = self._region.room
        rate = room.economy.rate.reshape(room.locations, room.items) * room.catalogue.shrink_factor
        rate = rate * room.plan.rate("shrink")
        swept = min(room.plan.of("shrink").magnitude, 1.0)
        ambient = rate * room.plan.reaches("shrink", *rate.shape) * (1.0 - swept)
        self._a_day = float(ambient.sum())
        self._at = Alias(ambient.ravel()) if self._a_day > 0.0 else None
        self._sweeps_a_part = np.minimum(rate[1:].sum(axis=1) * swept / _SWEEP_MEAN / PARTS, 1.0)
        self._item_at = Alias(rate.sum(axis=0)) if self._sweeps_a_part.any() else None

    def tick(self, tick: int) -> None:
        """What went unit by unit in the tick with absolute number ``tick``, which has just ended."""
        room, start = self._region.room, tick * TICK
        if self._at is None or not room.calendar.is_open(start) or not room.plan.is_on("shrink", start):
            return
        draw = philox(room.seed, Purpose.THEFT, room.region, tick)
        calendar = room.calendar
        count = int(draw.poisson(self._a_day * calendar.day_factor(start) * calendar.tick_share[tick % TICKS_PER_DAY]))
        if not count:
            return
        cell = self._at.pick(draw.integers(0, 2**64, count, dtype=np.uint64)).astype(np.intp)
        cause = _causes(draw.integers(0, _CAUSE_STEPS, count))
        place = room.ledger.place
        behind = ((cause == _BEHIND[0]) | (cause == _BEHIND[1])) & (place[Place.BACKROOM].take(cell) > 0)
        for rows, where in ((~behind, Place.SHELF), (behind, Place.BACKROOM)):
            if rows.any():
                wanted = np.ones(int(np.count_nonzero(rows)), np.int32)
                gone = serve(cell[rows], wanted, place[where], self._scratch)
                self._take(cell[rows][gone > 0], cause[rows][gone > 0], where)

    def _take(self, cell: Cells, cause: npt.NDArray[np.intp], place: Place) -> None:
        """One unit a row has gone from ``place``."""
        if not len(cell):
            return
        none = np.zeros(len(cell), np.int32)
        self._region.room.ledger.tell(StockKind.ON_HAND, cell, none - 1, none, place, Cause.SHRINK)
        self._write_down(cell, np.ones(len(cell), np.int32), cause)

    def _write_down(self, cell: Cells, units: I32, cause: npt.NDArray[np.intp]) -> None:
        """What the goods were worth, and whose doing it was: for those who measure, not for the books."""
        region, room = self._region, self._region.room
        room.rules.touch(cell)
        region.report_low(cell)
        item = cell % room.items
        value = room.catalogue.price[item] * units
        room.gauges.tally("shrink_by_cause", cause, value)
        room.gauges.add("shrink", float(value.sum()), 0.0)
        total = float(units.sum())
        room.figures["shrink_units"] += total
        room.figures["lost_units_physical"] += total
        room.figures["shrink_value"] += float(room.catalogue.cost[item] @ units)

    # -- sweeps ----------------------------------------------------------------------------------

    def sweeps(self) -> Generator[simpy.Event, Any, None]:
        """Each midnight: which shops are swept today, and when."""
        room = self._region.room
        while self._item_at is not None:
            for moment in moments_of_today(room, Purpose.SWEEP, self._sweeps_a_part):
                self._plan(moment)
            yield room.env.timeout(DAY)

    def _plan(self, moment: Moment) -> None:
        room, location, bits = self._region.room, moment.location, moment.bits
        fault_id = room.truth.fault_id("shrink", location, moment.time // DAY, moment.part)
        assert self._item_at is not None
        item = int(self._item_at.pick(np.array([keyed_int(bits, Purpose.SWEEP, 1)], np.uint64))[0])
        if room.plan.strikes("shrink", fault_id, moment.time, location=location, item=item):
            room.at(moment.time, lambda: self._sweep(location, item, bits, fault_id))

    def _sweep(self, location: int, item: int, bits: int, fault_id: int) -> None:
        """Someone takes as much of an item as is there and worth the risk; a few left-overs are not."""
        room, cell = self._region.room, self._region.room.cell(location, item)
        cause = int(_causes(np.array([keyed_int(bits, Purpose.SWEEP, 2) % _CAUSE_STEPS]))[0])
        place = room.ledger.place
        source = Place.BACKROOM if cause in _BEHIND and place[Place.BACKROOM, cell] >= SWEEP_LEAST else Place.SHELF
        wanted = round(lognormal_int(keyed_int(bits, Purpose.SWEEP, 3), SWEEP_UNITS, _SWEEP_SIGMA))
        units = min(max(wanted, SWEEP_LEAST), _SWEEP_MOST, int(place[source, cell]))
        if units < SWEEP_LEAST:
            return
        fault = room.truth.fault("shrink", fault_id, room.now, location=location, item=item, magnitude=units,
                                 units=units)
        room.ledger.take_unseen(cell, units, source, fault, room.now)
        self._write_down(np.array([cell]), np.array([units], np.int32), np.array([cause]))


def _causes(draws: npt.NDArray[np.integer]) -> npt.NDArray[np.intp]:
    """The sub-cause of each of some uniform draws below ``_CAUSE_STEPS``."""
    return np.searchsorted(_CAUSE_CUT, draws / _CAUSE_STEPS, side="right")
