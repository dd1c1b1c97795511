"""Reverse logistics: which goods will come back, and what should become of each.

A line comes back two to nine days after it was sold: to a shop in trading hours, to the DC with the day's
parcels. The day, the hour and the state of the goods belong to the line, so they are the same in every arm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from sim.clock import TICK, TICKS_PER_DAY, TICKS_PER_HOUR
from sim.draws import U64
from sim.room import Room

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

#: Days from a sale to the first return of it, and over how many they spread (a power of two). Assumption.
_FIRST_DAY, _SPREAD_DAYS = 2, 8
#: When the parcels of a day come to the DC. Assumption.
_PARCELS_HOUR = 10


@dataclass(frozen=True)
class Returned:
    """Goods that come back; arrays of shape (n,).

    Attributes:
        location: where they are taken in.
        item, units: what.
        base: packed key of the return, with step 0.
        parent: id of the ticket or order.
    """

    location: I32
    item: I32
    units: I32
    base: I64
    parent: I64

    def __len__(self) -> int:
        return len(self.item)

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_] | slice) -> Returned:
        """The chosen rows."""
        return Returned(self.location[rows], self.item[rows], self.units[rows], self.base[rows], self.parent[rows])


def join(parts: Sequence[Returned]) -> Returned:
    """Several batches as one."""
    if len(parts) == 1:
        return parts[0]
    names = [column.name for column in fields(Returned)]
    return Returned(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


class ReturnPlan:
    """What customers of a region will bring back, by the day on which they do."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._days: dict[int, list[tuple[I64, Returned]]] = {}
        self._today: tuple[I64, Returned] | None = None
        self._closed: set[int] = set()

    def close(self, location: int) -> None:
        """A shop takes nothing back any more: its customers send it to the DC."""
        self._closed.add(location)

    def expect(self, bits: U64, goods: Returned) -> None:
        """Goods sold in the tick that ends now will come back.

        Args:
            bits: of each line; they choose the day and the tick of the day.
            goods: the lines.
        """
        room, calendar = self._room, self._room.calendar
        day = room.day_of(room.now - 1) + _FIRST_DAY + (bits & np.uint64(_SPREAD_DAYS - 1)).astype(np.int64)
        ticks = (calendar.closes - calendar.opens) * TICKS_PER_HOUR
        slot = calendar.opens * TICKS_PER_HOUR + ((bits >> np.uint64(3)) % np.uint64(ticks)).astype(np.int64)
        slot[goods.location == 0] = _PARCELS_HOUR * TICKS_PER_HOUR
        for number in sorted(set(day.tolist())):
            rows = np.flatnonzero(day == number)
            self._days.setdefault(number, []).append((slot[rows], goods.take(rows)))

    def due(self, tick: int) -> Returned | None:
        """What comes back in a tick (absolute number), sorted by location and key; None for nothing."""
        slot = tick % TICKS_PER_DAY
        if slot == 0:
            # What yesterday brought back does not come again on a day that brings nothing.
            self._today = None
        parts = self._days.pop(self._room.day_of(tick * TICK), None)
        if parts:
            slots, goods = np.concatenate([part[0] for part in parts]), join([part[1] for part in parts])
            order = np.lexsort((goods.base, goods.location, slots))
            self._today = slots[order], goods.take(order)
        if self._today is None:
            return None
        slots, goods = self._today
        first, last = np.searchsorted(slots, [slot, slot + 1])
        if last == first:
            return None
        goods = goods.take(slice(first, last))
        if not self._closed:
            return goods
        return replace(goods, location=np.where(np.isin(goods.location, sorted(self._closed)), 0, goods.location))
