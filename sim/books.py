"""The words of the books: kinds of stock, systems' beliefs, places, and everyday causes of error."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
Cells = npt.NDArray[np.integer]


class Kind(IntEnum):
    """What a belief is about."""

    ON_HAND = 0
    BLOCKED = 1
    ON_ORDER = 2
    RESERVED = 3


class Belief(IntEnum):
    """A system's book of one kind. ``SITE`` is the WMS in a DC and the store system in a store."""

    SITE_ON_HAND = 0
    ERP_ON_HAND = 1
    OMS_ON_HAND = 2
    SITE_BLOCKED = 3
    ERP_BLOCKED = 4
    ERP_ON_ORDER = 5
    OMS_RESERVED = 6


class Place(IntEnum):
    """Where goods are. The cage is blocked, the truck neither; the rest is on hand, but the misplaced is not sold."""

    SHELF = 0
    BACKROOM = 1
    DOCK = 2
    CAGE = 3
    TRUCK = 4
    MISPLACED = 5


class Cause(IntEnum):
    """Ambient mechanisms."""

    SHRINK = 0
    SCAN_ERROR = 1
    MISCOUNT = 2


KIND_OF: tuple[Kind, ...] = (
    Kind.ON_HAND,
    Kind.ON_HAND,
    Kind.ON_HAND,
    Kind.BLOCKED,
    Kind.BLOCKED,
    Kind.ON_ORDER,
    Kind.RESERVED,
)
BELIEFS_OF: dict[Kind, tuple[Belief, ...]] = {
    kind: tuple(b for b in Belief if KIND_OF[b] is kind) for kind in Kind
}
ON_HAND_BELIEFS = BELIEFS_OF[Kind.ON_HAND]
SITE_BELIEFS = (Belief.SITE_ON_HAND, Belief.SITE_BLOCKED)
ON_HAND_PLACES = (Place.SHELF, Place.BACKROOM, Place.DOCK, Place.MISPLACED)
PLACE_KIND = {
    Place.SHELF: Kind.ON_HAND,
    Place.BACKROOM: Kind.ON_HAND,
    Place.DOCK: Kind.ON_HAND,
    Place.CAGE: Kind.BLOCKED,
    Place.TRUCK: None,
    Place.MISPLACED: Kind.ON_HAND,
}


class LedgerError(AssertionError):
    """The identity, or the sign of physical stock, does not hold: a defect of the program."""
