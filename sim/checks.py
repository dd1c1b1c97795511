"""Invariants that stand apart from the world they check; each raises at the end of a simulated day.

- The ledger's identity, the sign of stock, the sums of places and entries (``Ledger.check``).
- What is in flight towards ERP and OMS is exactly what waits in the feeds, and what no one has sent yet of
  trucks that have come.
- Units are conserved: opening + supplied = in all places + in transit + sold - returned + lost
  + scrapped + sent back.
"""

from __future__ import annotations

import numpy as np

from sim.ledger import Belief, LedgerError
from sim.region import Region, placed_units

#: Beliefs whose in-flight waits in feeds alone (goods on the dock are in flight too, so on-hand ones do not).
_FED_ONLY = (Belief.ERP_BLOCKED,)


def check_day(region: Region, opening: int, totals: dict[str, float]) -> None:
    """Check a region at the end of a day.

    Args:
        region: the region.
        opening: units at the start of the run.
        totals: running totals of the run, by name of ``sim.room.FIGURES``.

    Raises:
        LedgerError: naming what does not hold.
    """
    region.room.ledger.check()
    _check_feeds(region)
    placed, transit = placed_units(region.room)
    there = placed + transit + totals["sold_units_physical"] - totals["returned_units"]
    there += totals["lost_units_physical"] + totals["scrapped_units"] + totals["sent_back_units"]
    if round(opening + totals["supplied_units"] - there):
        raise LedgerError(
            f"{opening} units at the start and {totals['supplied_units']:.0f} supplied, but {there:.0f} accounted for"
        )


def _check_feeds(region: Region) -> None:
    """In-flight is what waits: recomputed from the feeds' own queues, apart from what stands on a dock."""
    items = region.room.items
    for belief in (Belief.ERP_ON_HAND, Belief.OMS_ON_HAND, Belief.ERP_BLOCKED):
        waiting = np.zeros(region.room.ledger.cells, np.int32)
        for feed in region.feeds:
            if belief in feed.beliefs:
                waiting += feed.in_flight(belief)
        if belief not in _FED_ONLY:
            for held in region.unconfirmed.values():
                np.subtract.at(waiting, held.cell, held.units)
        flying = region.room.ledger.in_flight[belief]
        start = 0 if belief in _FED_ONLY else items
        wrong = np.flatnonzero(waiting[start:] != flying[start:])
        if len(wrong):
            cell = int(wrong[0]) + start
            raise LedgerError(f"{belief.name} of cell {cell}: {flying[cell]} in flight, {waiting[cell]} in the feeds")
