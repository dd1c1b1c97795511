"""A change of the assortment: on one day some articles come and some go.

What is launched is ordered a week before, so that the shops have it on the day; from the day on customers
want it. What is retired is no longer ordered, nor asked for; what is left of it stays where it is, in stock
and in the books, and nothing moves any more: a silence that means nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim.catalogue import numbers_of
from sim.clock import DAY, HOUR, MINUTE, TICK
from sim.draws import Purpose, keyed
from sim.flows.cataloguing import LAUNCHED_STEP, RETIRED_STEP, Cataloguing
from sim.opening import reorder_points
from sim.region import Region
from sim.rules import NEVER

I64 = npt.NDArray[np.int64]

#: When a change takes effect, and how long before it what comes is ordered. Assumption.
_FROM, _AHEAD_DAYS = 5 * HOUR, 8


class Assorting:
    """The assortment change of a region.

    Args:
        region: the region.
        cataloguing: sends the records.

    Attributes:
        launched, retired: item codes.
    """

    def __init__(self, region: Region, cataloguing: Cataloguing) -> None:
        self._region, self._cataloguing = region, cataloguing
        room = region.room
        config = room.config.assortment
        first, last = numbers_of(room.config)
        self.launched = np.arange(first, last, dtype=np.int64)
        bits = keyed(room.seed, Purpose.ASSORTMENT, np.arange(first, dtype=np.int64))
        count = min(round(config.retired_share * room.items), first - 1)
        self.retired = np.sort(np.argsort(bits, kind="stable")[:count]).astype(np.int64)
        self._changes = room.calendar.start + config.day * DAY + _FROM
        self._orders = room.calendar.start + max(0, config.day - _AHEAD_DAYS) * DAY + _FROM

    def tick(self, tick: int) -> None:
        """What changes in the tick with this absolute number."""
        start = tick * TICK
        if start == self._orders and len(self.launched):
            self._order()
        if start == self._changes and (len(self.launched) or len(self.retired)):
            self._change()

    def _order(self) -> None:
        """The first allocation: replenishment takes the new items on."""
        room, region = self._region.room, self._region
        listed = room.catalogue.listed.copy()
        listed[self.launched] = True
        wanted = self._wanted(listed)
        point = room.economy.reorder_point.reshape(wanted.shape)
        point[:, self.launched] = reorder_points(room.config, wanted)[:, self.launched]
        point[list(region.closing)] = NEVER
        capacity = region.capacity.reshape(wanted.shape)
        capacity[:, self.launched] = np.maximum(capacity, point)[:, self.launched]
        self._tell(self.launched, LAUNCHED_STEP, "launched", self._orders, self._changes)
        self._spread()

    def _change(self) -> None:
        """The day itself."""
        room = self._region.room
        listed = room.catalogue.listed
        listed[self.launched] = True
        listed[self.retired] = False
        self._region.demand.relist(listed)
        rate = room.economy.rate.reshape(room.locations, room.items)
        rate[1:] = self._region.demand.line_rate()
        rate[list(self._region.closing)] = 0.0
        room.economy.reorder_point.reshape(rate.shape)[:, self.retired] = NEVER
        for item in self.retired.tolist():
            room.truth.decoy("slow_mover", (item, 1), self._changes, self._changes + 3650 * DAY, item=item)
        self._tell(self.retired, RETIRED_STEP, "retired", self._changes)
        self._spread()

    def _wanted(self, listed: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        """Demand by location and item once these items are listed; nothing else sees it yet."""
        room, demand = self._region.room, self._region.demand
        demand.relist(listed)
        rate = np.zeros((room.locations, room.items))
        rate[1:] = demand.line_rate()
        demand.relist(room.catalogue.listed)
        return rate

    def _tell(self, item: I64, step: int, status: str, at: int, due_at: int | None = None) -> None:
        if len(item):
            row = at + np.arange(len(item)) % MINUTE
            self._cataloguing.tell(item, step, row, status, due_at)

    def _spread(self) -> None:
        for relist in self._region.relisting:
            relist()
