"""Clocks: how far the tills of each shop are off, told by when their rows were taken in.

A till stamps a line by its own clock; what takes it in stamps it by the clock that all share. The
difference is a second or two in health. A clock that is off is off by a constant, line after line,
while a late row only looks old: it was taken in late, and its stamp is right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detection.views.columns import integers
from sim.clock import MINUTE
from sim.events import Block

#: Beyond this a stamp is wrong, and within this of one another two stamps are off by one constant.
OFFSET_MIN, AGREEMENT = 2 * MINUTE, MINUTE
#: Lines that must agree before a clock is called wrong.
LINES_MIN = 2


@dataclass(slots=True)
class Skew:
    """A shop whose stamps are off.

    Attributes:
        location: the shop.
        offset: its clock less the common one, microseconds.
        lines: how many lines in a row agreed.
        event_ids: of the first of them.
        is_told: whether it was reported.
    """

    location: int
    offset: int
    lines: int = 0
    event_ids: tuple[int, ...] = ()
    is_told: bool = False


class Clocks:
    """The clocks of a region's shops.

    Attributes:
        skewed: shops whose latest stamps were off.
        found, righted: shops found wrong, and right again, in this step.
    """

    def __init__(self) -> None:
        self.skewed: dict[int, Skew] = {}
        self.begin()

    def begin(self) -> None:
        """Clear the last step's news."""
        self.found: list[Skew] = []
        self.righted: list[int] = []

    def read(self, block: Block) -> None:
        """Till lines, with both stamps."""
        if "recorded_at" not in block.columns:
            return
        offset = integers(block, "occurred_at") - integers(block, "recorded_at")
        off = np.abs(offset) > OFFSET_MIN
        if not self.skewed and not off.any():
            return
        location = integers(block, "location")
        if self.skewed:
            for shop in self.skewed.keys() & set(location[~off].tolist()):
                del self.skewed[shop]
                self.righted.append(shop)
        rows = np.flatnonzero(off)
        columns = (values[rows].tolist() for values in (location, offset, integers(block, "event_id")))
        for shop, size, event in zip(*columns, strict=True):
            self._note(shop, size, event)

    def _note(self, location: int, offset: int, event: int) -> None:
        skew = self.skewed.get(location)
        if skew is None or abs(skew.offset - offset) > AGREEMENT:
            skew = self.skewed[location] = Skew(location, offset)
        skew.lines += 1
        if skew.is_told:
            return
        skew.event_ids = (*skew.event_ids, event)
        if skew.lines >= LINES_MIN:
            skew.is_told = True
            self.found.append(skew)
