"""The store: what the shelf has for those who want it, how it is filled, and when something befalls the shop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.clock import DAY, HOUR
from sim.draws import Purpose, keyed, keyed_each, uniform
from sim.ledger import Cells, Place
from sim.region import Region
from sim.room import Room

I32 = npt.NDArray[np.int32]

#: Parts of a trading day; nothing befalls a shop twice in one of them.
PARTS = 4


def serve(cells: Cells, wanted: I32, stock: I32, scratch: I32) -> I32:
    """How much of each line is served, first come first served within a cell.

    Args:
        cells: cell of each line, in the order in which customers come.
        wanted: units of each line.
        stock: what is there, shape (all cells,); not changed.
        scratch: zeros of the same shape, left as zeros.

    Returns:
        Units served by line, at most ``wanted``.
    """
    np.add.at(scratch, cells, wanted)
    tight = np.flatnonzero(scratch.take(cells) > stock.take(cells))
    scratch[cells] = 0
    served = wanted
    if len(tight):
        served = wanted.copy()
        order = tight[np.argsort(cells[tight], kind="stable")]
        units, where = wanted[order].astype(np.int64), cells[order]
        first = np.concatenate([[True], where[1:] != where[:-1]])
        running = np.cumsum(units) - units
        before = running - running[first][np.cumsum(first) - 1]
        served[order] = np.clip(stock[where] - before, 0, units)
    return served


def fill_shelves(region: Region) -> None:
    """One round of the shelf fillers: what was reported low and has stock in the backroom."""
    if not region.refill:
        return
    room = region.room
    # Marking and scanning all cells is quicker than sorting an hour's reports.
    reported = np.zeros(room.ledger.cells, np.bool_)
    for cells in region.refill:
        reported[cells] = True
    region.refill.clear()
    cells = np.flatnonzero(reported)
    place = room.ledger.place
    units = np.minimum(place[Place.BACKROOM, cells], region.capacity[cells] - place[Place.SHELF, cells])
    moving = units > 0
    room.ledger.move(Place.BACKROOM, Place.SHELF, cells[moving], units[moving])


@dataclass(frozen=True)
class Moment:
    """When something befalls a shop: at most once in each part of its trading day.

    Attributes:
        location: code of the shop.
        part: of the day.
        bits: 64 random bits that belong to the shop, day and part.
        time: microseconds.
    """

    location: int
    part: int
    bits: int
    time: int


def moments_of_today(room: Room, purpose: Purpose, expected: npt.NDArray[np.float64]) -> list[Moment]:
    """The moments of the day that begins now, by shop and part.

    Args:
        room: the region.
        purpose: what befalls the shops.
        expected: events of each shop in one part of a mean day, shape (stores,).
    """
    day, calendar = room.now // DAY, room.calendar
    bits = keyed(room.seed, purpose, room.region, day, np.arange(room.stores * PARTS, dtype=np.int64))
    below = np.repeat(expected, PARTS) * calendar.day_factor(room.now)
    hours, keys = (calendar.closes - calendar.opens) / PARTS, np.flatnonzero(uniform(bits) < below)
    store, part = np.divmod(keys, PARTS)
    within = uniform(keyed_each(bits[keys], purpose, 0))
    time = room.now + np.rint((calendar.opens + (part + within) * hours) * HOUR).astype(np.int64)
    rows = zip((store + 1).tolist(), part.tolist(), bits[keys].tolist(), time.tolist(), strict=True)
    return [Moment(*row) for row in rows]
