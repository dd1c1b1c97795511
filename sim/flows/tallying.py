"""What a sceptic counts at the tills: how long baskets are, what sells and when, and at which price.

Lines are gathered in plain arrays during a day and go to the gauges at its end.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim.clock import DAY, weekday_of
from sim.ledger import Cells
from sim.room import Room

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]


class TillTally:
    """The till gauges of a region: ``basket_lines``, ``lines_of_item``, ``lines_of_weekday``, ``zero_days``,
    ``wrong_price``.
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        self._lines = np.zeros(room.items, np.int64)
        self._sold = np.zeros(room.ledger.cells, np.bool_)
        self._wrong = 0

    def sold(self, cells: Cells, item: I32, ticket: I64, wrong: int) -> None:
        """Lines of a tick.

        Args:
            cells: of the lines, as scanned.
            item: of the lines.
            ticket: of the lines; those of one stand together.
            wrong: how many were rung up at another price than the list's.
        """
        if not len(item):
            return
        np.add.at(self._lines, item, 1)
        self._sold[cells] = True
        self._wrong += wrong
        starts = np.flatnonzero(ticket[1:] != ticket[:-1]) + 1
        self._room.gauges.tally("basket_lines", np.diff(starts, prepend=0, append=len(ticket)))

    def close_day(self, now: int) -> None:
        """At the end of a day."""
        room, gauges = self._room, self._room.gauges
        lines = int(self._lines.sum())
        gauges.tally("lines_of_weekday", np.array([weekday_of(now - DAY)]), times=lines)
        gauges.add("wrong_price", self._wrong, lines)
        item = np.flatnonzero(self._lines)
        gauges.tally("lines_of_item", item, times=self._lines[item])
        listed = np.count_nonzero(room.catalogue.listed) * room.stores
        gauges.add("zero_days", float(listed - np.count_nonzero(self._sold)), float(listed))
        self._lines[:] = 0
        self._sold[:] = False
        self._wrong = 0
