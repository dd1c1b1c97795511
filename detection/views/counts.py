"""Counts: what people found, what was adjusted, and where two books still differ at night."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detection.views.columns import IntArray, integers
from sim.clock import DAY
from sim.events import CODE, STATUS, Block

_FORGET_DAYS = 14


@dataclass(frozen=True, slots=True)
class CountResult:
    """One cell counted.

    Attributes:
        location, item: the cell.
        counted, book: units found, and the book at the cut-off.
        is_variance: whether it is out of tolerance.
        document_id, event_id: of the count.
    """

    location: int
    item: int
    counted: int
    book: int
    is_variance: bool
    document_id: int
    event_id: int


class Counts:
    """Counts, adjustments and nightly differences.

    Attributes:
        results, adjusted_cells: counts of this step, and (location, item) -> signed units adjusted in it.
        latest: last count of a cell, by cell.
        differences: (cell, code of the book, other - site) arrays, as of the last night.
    """

    def __init__(self, items: int) -> None:
        self._items = items
        self.latest: dict[int, tuple[int, CountResult]] = {}
        self.differences: list[tuple[IntArray, IntArray, IntArray]] = []
        self.begin()

    def begin(self) -> None:
        """Clear the last step's news."""
        self.results: list[CountResult] = []
        self.adjusted_cells: dict[tuple[int, int], int] = {}
        self._is_fresh_night = True

    def count(self, block: Block) -> None:
        """Counts as they come in."""
        names = ("location", "item", "quantity", "count", "status", "document_id", "event_id", "occurred_at")
        variance = STATUS["variance"]
        for location, item, counted, book, status, document, event, at in zip(
            *(integers(block, name).tolist() for name in names), strict=True
        ):
            result = CountResult(location, item, counted, book, status == variance, document, event)
            self.results.append(result)
            self.latest[location * self._items + item] = (at, result)

    def adjust(self, block: Block) -> None:
        """Adjustments as they are posted at the site."""
        names = ("location", "item", "quantity")
        for location, item, units in zip(*(integers(block, name).tolist() for name in names), strict=True):
            self.adjusted_cells[location, item] = units

    def reconcile(self, block: Block) -> None:
        """The night's list of differences replaces the last one."""
        if self._is_fresh_night:
            self.differences, self._is_fresh_night = [], False
        cell = integers(block, "location") * self._items + integers(block, "item")
        self.differences.append((cell, integers(block, "code"), integers(block, "quantity")))

    def difference(self, location: int, item: int, book: str = "ERP") -> int:
        """Units by which a book exceeded the site's book last night; 0 where they agreed."""
        for cell, code, units in self.differences:
            rows = np.flatnonzero((cell == location * self._items + item) & (code == CODE[book]))
            if len(rows):
                return int(units[rows[0]])
        return 0

    def end_day(self, now: int) -> None:
        """Forget old counts."""
        horizon = now - _FORGET_DAYS * DAY
        self.latest = {cell: entry for cell, entry in self.latest.items() if entry[0] > horizon}
