"""What a sceptic would survey: how full the shelves are while the shops trade, and how right the records.

A survey reads the books and the stock and changes neither; only the gauges hear of it.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import simpy

from sim.clock import DAY, HOUR
from sim.ledger import Belief, Kind, Place
from sim.region import Region

#: Hours between two looks at the shelves of a day.
_EVERY = 3


class Surveying:
    """The surveys of one region."""

    def __init__(self, region: Region) -> None:
        self._region = region

    def rounds(self) -> Generator[simpy.Event, Any, None]:
        """Every few hours of trading the shelves; at the very end the records."""
        room, calendar = self._region.room, self._region.room.calendar
        while True:
            midnight = room.now
            for hour in range(calendar.opens + 1, calendar.closes, _EVERY):
                yield room.env.timeout(midnight + hour * HOUR - room.now)
                self._look_at_shelves()
            if midnight + DAY >= calendar.end:
                yield room.env.timeout(calendar.end - 1 - room.now)
                self._audit()
                return
            yield room.env.timeout(midnight + DAY - room.now)

    def _look_at_shelves(self) -> None:
        """Of all articles that the shops should have, how many stand on no shelf."""
        room = self._region.room
        kept = (room.economy.rate > 0.0)[room.items:]
        shelf = room.ledger.place[Place.SHELF, room.items:]
        room.gauges.add("empty_shelf", int(np.count_nonzero((shelf == 0) & kept)), int(np.count_nonzero(kept)))

    def _audit(self) -> None:
        """The site's book of every cell against what is there."""
        room, ledger, items = self._region.room, self._region.room.ledger, self._region.room.items
        book = ledger.belief[Belief.SITE_ON_HAND] - ledger.in_flight[Belief.SITE_ON_HAND]
        error = book - ledger.fact[Kind.ON_HAND]
        room.gauges.add("dc_accuracy", int(np.count_nonzero(error[:items] == 0)), items)
        error = error[items:]
        size, wrong = np.abs(error), error != 0
        room.gauges.add("absolute_error", float(size.sum()), len(size))
        room.gauges.add("sign_of_error", int(np.count_nonzero(error > 0)), int(np.count_nonzero(wrong)))
        store, item = np.divmod(np.arange(len(size)), items)
        room.gauges.tally("error_by_category", room.catalogue.category[item], size)
        room.gauges.tally("error_by_store", store, size)
