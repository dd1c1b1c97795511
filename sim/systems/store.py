"""The store: what the shelf has for those who want it, and how it is filled from the backroom."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim.ledger import Cells, Place
from sim.region import Region

I32 = npt.NDArray[np.int32]


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
    cells = np.unique(np.concatenate(region.refill))
    region.refill.clear()
    place = room.ledger.place
    units = np.minimum(place[Place.BACKROOM, cells], region.capacity[cells] - place[Place.SHELF, cells])
    moving = units > 0
    room.ledger.move(Place.BACKROOM, Place.SHELF, cells[moving], units[moving])
