"""Counts: what people found, what was adjusted, and where two books still differ at night."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np

from detection.views.columns import IntArray, integers
from sim.events import CODE, NULL, STATUS, Block

#: Share of counts that is off either way, before there are any.
_USUAL_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class CountResult:
    """One cell counted, out of tolerance.

    Attributes:
        location, item: the cell.
        counted, book: units found, and the book at the cut-off.
        document_id, event_id: of the count.
    """

    location: int
    item: int
    counted: int
    book: int
    document_id: int
    event_id: int


class Counts:
    """Counts, adjustments and nightly differences.

    Attributes:
        variances, adjusted_cells: counts of this step that were out of tolerance, and (location, item) ->
            signed units adjusted in it.
        moved_cells: cells of which misplaced goods were put back in this step, and how many.
        moved_at: when that last happened to a cell.
        counted_at, found_units: when each cell was last counted (null for never), and by how much its
            book was off then; shape (cells,).
        counted_book: the book at the cut-off of that count, same shape.
        is_reconciled: whether the night's list came in this step.
        differences: (cell, code of the book, other - site) arrays, as of the last night.
    """

    def __init__(self, locations: int, items: int) -> None:
        self._items = items
        # Counts, those that found more than the book, and those that found less; by item and by location.
        self._of_item = np.zeros((3, items), dtype=np.int64)
        self._of_place = np.zeros((3, locations), dtype=np.int64)
        self.counted_at = np.full(locations * items, NULL, dtype=np.int64)
        self.found_units = np.zeros(locations * items, dtype=np.int32)
        self.counted_book = np.zeros(locations * items, dtype=np.int32)
        self.differences: list[tuple[IntArray, IntArray, IntArray]] = []
        self._by_book: dict[str, dict[int, int]] = {}
        self.moved_at: dict[int, int] = {}
        #: When goods were put back at each location, in order.
        self._moves: list[list[int]] = [[] for _ in range(locations)]
        self.begin()

    def begin(self) -> None:
        """Clear the last step's news."""
        self.variances: list[CountResult] = []
        self.adjusted_cells: dict[tuple[int, int], int] = {}
        self.moved_cells: dict[tuple[int, int], int] = {}
        self.is_reconciled = False

    def count(self, block: Block) -> None:
        """Counts as they come in."""
        cell = integers(block, "location") * self._items + integers(block, "item")
        self.counted_at[cell] = integers(block, "occurred_at")
        book = integers(block, "count")
        self.found_units[cell], self.counted_book[cell] = integers(block, "quantity") - book, book
        self._tally(cell)
        rows = np.flatnonzero(integers(block, "status") == STATUS["variance"])
        names = ("location", "item", "quantity", "count", "document_id", "event_id")
        columns = (integers(block, name)[rows].tolist() for name in names)
        self.variances.extend(CountResult(*values) for values in zip(*columns, strict=True))

    def adjust(self, block: Block) -> None:
        """Adjustments as they are posted at the site."""
        names = ("location", "item", "quantity")
        for location, item, units in zip(*(integers(block, name).tolist() for name in names), strict=True):
            self.adjusted_cells[location, item] = units

    def move(self, now: int, block: Block) -> None:
        """Goods that stood in the wrong place and were put back."""
        names = ("location", "item", "quantity")
        for location, item, units in zip(*(integers(block, name).tolist() for name in names), strict=True):
            self.moved_cells[location, item] = units
            self.moved_at[location * self._items + item] = now
            self._moves[location].append(now)

    def moves_since(self, since: int, location: int | None = None) -> int:
        """How often goods were put back since a time, at a location or anywhere."""
        places = self._moves if location is None else [self._moves[location]]
        return sum(len(times) - bisect_left(times, since) for times in places)

    def _tally(self, cell: IntArray) -> None:
        """Remember which way the counts of each item and place went."""
        found = self.found_units[cell]
        for row, counted in enumerate((cell, cell[found > 0], cell[found < 0])):
            np.add.at(self._of_item[row], counted % self._items, 1)
            np.add.at(self._of_place[row], counted // self._items, 1)

    def shares(self, doubt: float, *, item: int | None = None, location: int | None = None) -> tuple[float, float]:
        """Shares of the counts of an item, at a location, or of all, that found more than the book, and less.

        Args:
            doubt: counts of the whole chain that those of one item or location are drawn to it by.
            item: whose counts.
            location: where, unless an item is named.
        """
        everywhere = self._of_place.sum(axis=1)
        usual = (everywhere[1:] + _USUAL_SHARE * doubt) / (int(everywhere[0]) + doubt)
        if item is not None:
            counted = self._of_item[:, item]
        elif location is not None:
            counted = self._of_place[:, location]
        else:
            return float(usual[0]), float(usual[1])
        gains, losses = (counted[1:] + doubt * usual) / (int(counted[0]) + doubt)
        return float(gains), float(losses)

    def differences_of(self, book: str) -> dict[int, int]:
        """Cell -> units by which a book exceeded the site's last night."""
        if book not in self._by_book:
            found: dict[int, int] = {}
            for cell, code, units in self.differences:
                rows = np.flatnonzero(code == CODE[book])
                found.update(zip(cell[rows].tolist(), units[rows].tolist(), strict=True))
            self._by_book[book] = found
        return self._by_book[book]

    def reconcile(self, block: Block) -> None:
        """The night's list of differences replaces the last one."""
        if not self.is_reconciled:
            self.differences, self.is_reconciled = [], True
        self._by_book = {}
        cell = integers(block, "location") * self._items + integers(block, "item")
        self.differences.append((cell, integers(block, "code"), integers(block, "quantity")))
