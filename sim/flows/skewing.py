"""Clocks of shops that are off by a constant: what their tills stamp lies in the future or the past.

A skewed clock changes one column of the till's rows and nothing else: goods, books and messages stay as
they are, and the middleware stamps the arrival rightly. So only the stamps tell, and only by comparison.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import simpy

from sim.clock import DAY, HOUR, MINUTE, SECOND, TICK
from sim.draws import Purpose, keyed, keyed_int, lognormal_int, uniform_int
from sim.events import CODE
from sim.flows.manual import Manual
from sim.flows.mending import Mending, Outcome
from sim.middleware.messages import Messages
from sim.region import Region

_SLOT = 28 * DAY
#: Minutes that a clock is off: median and spread of a lognormal, least and most. Assumptions.
_MINUTES, _SIGMA, _LEAST, _MOST = 45.0, 1.0, 3.0, 720.0
#: Days until someone in the shop wonders at a receipt: at least, and at most. Assumption.
_NOTICED_DAYS = (2.0, 6.0)
#: When the row of a sale and of a return is visible after the till's stamp. Assumptions.
_SALE_SHOWN, _RETURN_SHOWN = 20 * SECOND, 30 * SECOND
#: The lines whose rows carry the till's stamp, with that.
_STAMPED = {CODE["601"]: _SALE_SHOWN, CODE["651"]: _RETURN_SHOWN}


@dataclass
class _Skew:
    """A clock that is off: the fault, and the exception once a row shows it."""

    fault: int
    exception: int = -1


class Skewing:
    """The clocks of a region's shops."""

    def __init__(self, region: Region, mending: Mending, manual: Manual) -> None:
        self._region, self._manual = region, manual
        self._skewed: dict[int, _Skew] = {}
        mending.remedies["correct_clock"] = lambda action: self.correct(int(action.location), action.action_id)

    def slots(self) -> Generator[simpy.Event, Any, None]:
        """Every four weeks, by absolute time, some clocks of the chain go wrong."""
        room = self._region.room
        shops = np.arange(1, room.locations, dtype=np.int64)
        while True:
            slot = room.now // _SLOT
            bits = keyed(room.seed, Purpose.CLOCK, room.region, slot, shops)
            for row in np.flatnonzero(bits < room.plan.below("clock_skew")).tolist():
                self._plan(int(shops[row]), slot, int(bits[row]))
            yield room.env.timeout((slot + 1) * _SLOT - room.now)

    def _plan(self, shop: int, slot: int, bits: int) -> None:
        room = self._region.room
        # Just after a tick began, so that all of the tick's stamps are of one clock.
        when = (slot * _SLOT + int(uniform_int(keyed_int(bits, Purpose.CLOCK)) * _SLOT)) // TICK * TICK + 1
        fault_id = room.truth.fault_id("clock_skew", shop, slot)
        if when >= room.now and room.plan.strikes("clock_skew", fault_id, when, location=shop):
            room.at(when, lambda: self._skew(shop, fault_id, keyed_int(bits, Purpose.CLOCK, 1)))

    def _skew(self, shop: int, fault_id: int, bits: int) -> None:
        room = self._region.room
        if shop in self._skewed:
            return
        if not self._skewed:
            self._listen()
        minutes = lognormal_int(bits, _MINUTES, _SIGMA) * room.config.faults.clock_skew.magnitude
        ahead = 1 if bits & 1 else -1
        offset = ahead * round(min(max(minutes, _LEAST), _MOST) * MINUTE) // SECOND * SECOND
        room.clock_offset[shop] = offset
        fault = room.truth.fault("clock_skew", fault_id, room.now, location=shop, magnitude=offset / MINUTE,
                                 acting=True)
        room.truth.hold(fault)
        self._skewed[shop] = _Skew(fault)
        low, high = _NOTICED_DAYS
        days = low + uniform_int(keyed_int(bits, Purpose.CLOCK)) * (high - low)
        room.at(room.now + round(days * DAY), lambda: self._notice(shop, fault))

    def _notice(self, shop: int, fault: int) -> None:
        if shop in self._skewed and self._skewed[shop].fault == fault:
            self._manual.found("clock_skew", "integration", 4 * HOUR, lambda: self.correct(shop, -1), location=shop)

    def correct(self, shop: int, by: int) -> Outcome:
        """Set a shop's clock right."""
        skew = self._skewed.pop(shop, None)
        if skew is None:
            return "the clock is right", 0
        room = self._region.room
        room.clock_offset[shop] = 0
        room.truth.release(skew.fault, by)
        room.truth.end(skew.fault, room.now)
        if by >= 0:
            room.truth.lineage(by, skew.fault)
        if not self._skewed:
            for name in ("pos", "store"):
                self._region.channels[name].listeners.remove(self._heard)
        return "", 0

    # -- what shows it ---------------------------------------------------------------------------

    def _listen(self) -> None:
        for name in ("pos", "store"):
            self._region.channels[name].listeners.append(self._heard)

    def _heard(self, messages: Messages) -> None:
        """Lines that a source sends: those that a skewed clock stamped are of its fault."""
        delay = _STAMPED.get(messages.code)
        if delay is None:
            return
        room = self._region.room
        for shop, skew in self._skewed.items():
            first, last = np.searchsorted(messages.location, [shop, shop + 1])
            if first == last:
                continue
            room.truth.lineage(room.ids.scramble(messages.key[first:last]), skew.fault)
            if skew.exception < 0:
                skew.exception = self._open(shop, skew.fault, int(messages.sent_at[first:last].min()), delay)

    def _open(self, shop: int, fault: int, at: int, delay: int) -> int:
        room = self._region.room
        cells = slice(shop * room.items, (shop + 1) * room.items)
        # What a shop earns in as much time as its clock is off.
        daily = float(room.economy.rate[cells] @ room.economy.margin[cells])
        return room.truth.open_exception(
            "clock_skew", (shop, room.truth.faults.onset[fault] // _SLOT), "clock_skew", [fault], at, location=shop,
            first_evidence_at=at + delay, loss_at_stake=daily * abs(int(room.clock_offset[shop])) / DAY,
        )
