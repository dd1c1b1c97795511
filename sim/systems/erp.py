"""ERP: what it orders, from its own books alone.

Stores are reviewed by (R, s, nQ): where on-hand and on-order together are at or below s, whole packs
lift them above it. The DC is ordered up to a level from its suppliers, in whole cases. An overdue
order counts as inbound only once an ASN confirms it, so a missing ASN makes ERP order twice.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim.ledger import Belief
from sim.room import Room

I32 = npt.NDArray[np.int32]
Cells = npt.NDArray[np.intp]


def store_needs(room: Room, day: int, hurried: set[int]) -> tuple[Cells, I32]:
    """Cells to replenish tonight, and the units of whole packs for each.

    Args:
        room: the region.
        day: of the run; decides which stores are reviewed.
        hurried: cells that are replenished whatever their position says.
    """
    belief, items = room.ledger.belief, room.items
    position = belief[Belief.ERP_ON_HAND, items:] + belief[Belief.ERP_ON_ORDER, items:]
    point = room.economy.reorder_point[items:]
    below = position <= point
    every = room.config.replenishment.review_days
    if every > 1:
        below &= (np.repeat(np.arange(room.stores), items) + day) % every == 0
    cell = np.flatnonzero(below)
    brought_forward = [c - items for c in sorted(hurried) if c >= items]
    if brought_forward:
        cell = np.union1d(cell, np.array(brought_forward))
    pack = room.catalogue.pack[cell % items]
    packs = np.maximum(1, (point[cell] - position[cell]) // pack + 1)
    return cell + items, (packs * pack).astype(np.int32)


def purchase_needs(room: Room, supplier: int, level: I32, unconfirmed: npt.NDArray[np.int64]) -> tuple[I32, I32]:
    """Items to order from a supplier, and the units of whole cases for each.

    Args:
        room: the region.
        supplier: number of the supplier.
        level: what an order lifts each item's position to, shape (items,).
        unconfirmed: units on overdue orders that no ASN confirms, shape (items,).
    """
    catalogue, belief = room.catalogue, room.ledger.belief
    mine = np.flatnonzero(catalogue.supplier == supplier)
    position = belief[Belief.ERP_ON_HAND, mine] + belief[Belief.ERP_ON_ORDER, mine] - unconfirmed[mine]
    short = position <= room.economy.reorder_point[mine]
    item = mine[short].astype(np.int32)
    case = catalogue.case[item]
    cases = -(-(level[item] - position[short]) // case)
    return item, (np.maximum(cases, 1) * case).astype(np.int32)
