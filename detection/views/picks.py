"""Picks: lines that were promised and not found, and cells on which that happens again and again.

One short pick may be the picker's mistake. Several on one cell within days, with no sale and no full pick
between them, say that the record of the shelf is wrong, not that demand is high: nobody who buys more
makes goods harder to find.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detection.views.columns import IntArray, integers
from sim.clock import DAY
from sim.events import STATUS, Block

#: Days in which short picks on one cell belong together.
WINDOW_DAYS = 7
_FAILED = (STATUS["nil"], STATUS["short"])


@dataclass(frozen=True, slots=True)
class ShortPick:
    """A line of which too little was found.

    Attributes:
        location, item, document_id, event_id: of the pick.
        picked: units that were found.
    """

    location: int
    item: int
    document_id: int
    picked: int
    event_id: int


class Picks:
    """Short picks of the last days.

    Attributes:
        short, resolved: short picks, and (order, item) that were substituted, promised again or given up, in this
            step.
        open: (order, item) of short lines that nothing has become of yet.
    """

    def __init__(self, items: int) -> None:
        self._items = items
        self._strikes: dict[int, list[tuple[int, int, int]]] = {}
        self.open: dict[tuple[int, int], int] = {}
        self.begin()

    def begin(self) -> None:
        """Clear the last step's news."""
        self.short: list[ShortPick] = []
        self.resolved: list[tuple[int, int]] = []

    def pick(self, now: int, block: Block, clock: npt.NDArray[np.int32]) -> None:
        """Picks, of which few are short.

        Args:
            now: simulated time.
            block: the picks.
            clock: sale lines of each location so far, by which signs of life are dated.
        """
        rows = np.flatnonzero(np.isin(integers(block, "status"), _FAILED))
        names = ("location", "item", "document_id", "quantity", "event_id")
        for values in zip(*(integers(block, name)[rows].tolist() for name in names), strict=True):
            found = ShortPick(*values)
            self.short.append(found)
            self.open[found.document_id, found.item] = now
            strike = (now, found.event_id, int(clock[found.location]))
            self._strikes.setdefault(found.location * self._items + found.item, []).append(strike)

    def resolve(self, block: Block) -> None:
        """Order lines that were substituted, promised again, or cancelled."""
        if not self.open:
            return
        document, item = integers(block, "document_id"), integers(block, "item")
        rows = np.flatnonzero(np.isin(document, [number for number, _ in self.open]))
        for key in zip(document[rows].tolist(), item[rows].tolist(), strict=True):
            if self.open.pop(key, None) is not None:
                self.resolved.append(key)

    def strikes(self, cell: int, mark: int) -> list[int]:
        """Rows of a cell's short picks within the window and since its last sign of life, oldest first.

        Args:
            cell: which.
            mark: its store's line count at that sign of life.
        """
        return [event for _, event, clock in self._strikes.get(cell, []) if clock >= mark]

    def clear(self, cells: IntArray) -> None:
        """Cells were counted: what was short before says nothing of what is short from now on."""
        if self._strikes:
            for cell in cells[np.isin(cells, list(self._strikes))].tolist():
                self._strikes.pop(cell, None)

    def end_day(self, now: int) -> None:
        """Forget what lies out of the window."""
        horizon = now - WINDOW_DAYS * DAY
        kept = {cell: [strike for strike in strikes if strike[0] > horizon] for cell, strikes in self._strikes.items()}
        self._strikes = {cell: strikes for cell, strikes in kept.items() if strikes}
        self.open = {key: at for key, at in self.open.items() if at > horizon}
