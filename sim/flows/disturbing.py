"""Faults that have a time of their own, and the confounders that only look like faults.

Timed faults are drawn by absolute slot (a half day for outages, four weeks for conversions), never
by the length of the run, so the first fourteen days of a longer run are those of a shorter one.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import simpy

from sim.clock import DAY, HOUR, SECOND, TICK
from sim.draws import Kind, Purpose, keyed, keyed_int, lognormal_int, threshold, uniform_int
from sim.events import SOURCE, STATUS
from sim.flows.manual import Manual
from sim.flows.receiving import Receiving
from sim.middleware.door import Door, Outage
from sim.region import Region

_OUTAGE_SLOT = 12 * HOUR
_SLOTS_A_MONTH = 60
_CONVERSION_SLOT = 28 * DAY
#: Longest outage; the shortest is half an hour. Assumption.
_OUTAGE_HOURS_MAX = 14.0
#: Share of outages in which the interface throttles, and the share of calls it then turns away. Assumptions.
_THROTTLED, _THROTTLED_SHARE = 0.35, 0.7
#: Expected units a day below which an item is a slow mover. Assumption.
_SLOW = 0.05


class Disturbing:
    """Timed faults and decoys of a region."""

    def __init__(self, region: Region, receiving: Receiving, manual: Manual) -> None:
        self._region, self._receiving, self._manual = region, receiving, manual

    def start(self) -> None:
        """Put the timed faults of the run on the calendar, and write down the decoys."""
        room = self._region.room
        room.env.process(self._slots())
        room.env.process(self._conversion_slots())
        self._decoys()

    def _slots(self) -> Generator[simpy.Event, Any, None]:
        """Outages: at most one an interface and slot."""
        room = self._region.room
        spec = room.config.faults.api_outage
        doors = self._region.doors
        share = room.plan.rate("api_outage") / _SLOTS_A_MONTH / len(doors)
        while True:
            slot = room.now // _OUTAGE_SLOT
            for door in doors:
                bits = keyed_int(room.seed, Purpose.OUTAGE, room.region, door.interface, slot)
                if bits < int(threshold(share)):
                    fault_id = room.truth.fault_id("api_outage", door.interface, slot)
                    more = keyed_int(bits, Purpose.OUTAGE)
                    # With a tick: what was due in it before the outage began would be turned away with the rest.
                    begin = slot * _OUTAGE_SLOT + int(uniform_int(more) * _OUTAGE_SLOT) // TICK * TICK
                    if room.plan.strikes("api_outage", fault_id, begin, interface=door.interface):
                        hours = lognormal_int(keyed_int(more, Purpose.OUTAGE), spec.hours, spec.sigma)
                        hours = min(max(hours, 0.5), _OUTAGE_HOURS_MAX)
                        throttles = uniform_int(keyed_int(more, Purpose.OUTAGE, 1)) < _THROTTLED
                        room.env.process(self._outage(door, fault_id, begin, hours, throttles=throttles))
            yield room.env.timeout((slot + 1) * _OUTAGE_SLOT - room.now)

    def _outage(self, door: Door, fault_id: int, begin: int, hours: float,
                *, throttles: bool) -> Generator[simpy.Event, Any, None]:
        room, interface = self._region.room, door.interface
        yield room.env.timeout(max(0, begin - room.now))
        if door.outage is not None:
            return
        until = room.now + round(hours * HOUR)
        fault = room.truth.fault("api_outage", fault_id, room.now, interface=interface, magnitude=hours, acting=True)
        exception = room.truth.open_exception(
            "api_outage", (interface, room.now // _OUTAGE_SLOT), "api_outage", [fault], room.now, interface=interface,
        )
        door.fail_from_now(Outage(fault, exception, until, _THROTTLED_SHARE if throttles else 1.0))
        room.at(room.now + HOUR, lambda: self._manual.interface_down(interface) if door.outage is not None else None)
        yield room.env.timeout(until - room.now)
        door.recover()

    def _conversion_slots(self) -> Generator[simpy.Event, Any, None]:
        """Unit conversions that master data gets wrong."""
        room = self._region.room
        items = np.arange(room.items, dtype=np.int64)
        while True:
            slot = room.now // _CONVERSION_SLOT
            bits = keyed(room.seed, Purpose.CONVERSION, room.region, slot, items)
            for item in np.flatnonzero(bits < room.plan.below("unit_of_measure")).tolist():
                when = slot * _CONVERSION_SLOT + int(uniform_int(keyed_int(int(bits[item]), Purpose.CONVERSION))
                                                     * _CONVERSION_SLOT)
                fault_id = room.truth.fault_id("unit_of_measure", item, slot)
                if when >= room.now and room.plan.strikes("unit_of_measure", fault_id, when, location=0, item=item):
                    room.at(when, lambda i=item, f=fault_id: self._convert(i, f))  # type: ignore[misc]
            yield room.env.timeout((slot + 1) * _CONVERSION_SLOT - room.now)

    def _convert(self, item: int, fault_id: int) -> None:
        room = self._region.room
        if item in self._receiving.converting.wrong or int(room.catalogue.case[item]) < 2:
            return
        self._receiving.converting.spoil(item, room.truth.fault(
            "unit_of_measure", fault_id, room.now, location=0, item=item,
            magnitude=float(room.catalogue.case[item]), acting=True,
        ))

    def _decoys(self) -> None:
        """The season and the slow movers."""
        room, calendar = self._region.room, self._region.room.calendar
        is_peak = calendar.peak_until > calendar.peak_from and calendar.peak_factor != 1.0
        if is_peak and calendar.peak_from < calendar.end:
            room.truth.decoy("seasonal_peak", (calendar.peak_from,), calendar.peak_from, calendar.peak_until)
            at = np.array([calendar.peak_from])
            room.stream.emit(
                "announcing", 1, event_id=np.array([room.ids.one(Kind.HEADER, room.day_of(calendar.peak_from), 12)]),
                occurred_at=at, recorded_at=at, available_at=at, due_at=calendar.peak_until, source=SOURCE["ERP"],
                status=STATUS["peak_season"],
            )
        rate = room.economy.rate.reshape(room.locations, room.items)[1:].mean(axis=0)
        for item in np.flatnonzero((rate < _SLOW) & room.catalogue.listed).tolist():
            room.truth.decoy("slow_mover", (item,), calendar.start, calendar.start + 3650 * DAY, item=item)


def emit_extract(region: Region, units: np.ndarray, day: int, *, opening: bool = False) -> None:
    """ERP's stock extract: the whole book at the start, then each night's net changes."""
    room = region.room
    cells = np.flatnonzero(units)
    location, item = room.split(cells)
    at = np.full(len(cells), room.now) + np.arange(len(cells)) % SECOND
    body = (np.int64(6) << 35) | (cells.astype(np.int64) << 11) | np.int64(day & 0x7FF)
    room.stream.emit(
        "stock_extract", len(cells), event_id=room.ids.of(Kind.CELL, body, 2), occurred_at=at, recorded_at=at,
        available_at=at, source=SOURCE["ERP"], location=location, item=item, quantity=units[cells],
        status=STATUS["opening" if opening else "closed"],
    )


