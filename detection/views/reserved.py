"""Reservations: what the OMS says it holds for customers, against the order lines that are open.

Every line that was promised, and neither picked nor cancelled, is open. The OMS' nightly extract names the
net change of what it holds of each cell. Where it holds more than the open lines ask for, a cancellation
did not arrive: the cancelled lines of that cell name the order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detection.views.columns import IntArray, integers
from sim.clock import DAY
from sim.events import STATUS, Block

#: Days in which a cancellation may turn out to have been lost.
_KEPT_DAYS = 9
#: Mixes an order and an item into one key.
_MIX = np.int64(-7046029254386353131)


@dataclass(frozen=True, slots=True)
class LeakedLine:
    """A cancelled order line of which the OMS still holds the goods.

    Attributes:
        document_id, location, item, units, event_id: of the cancellation.
    """

    document_id: int
    location: int
    item: int
    units: int
    event_id: int


class Reservations:
    """Order lines and what is held for them.

    Attributes:
        leaked, freed: lines found to be held for nobody, and (order, item) that are no longer, in this step.
    """

    def __init__(self, locations: int, items: int, service: int) -> None:
        self._items, self._service = items, service
        self._held = np.zeros(locations * items, dtype=np.int32)
        self._promised: list[IntArray] = []
        self._closed: list[IntArray] = []
        self._cancelled: dict[int, list[tuple[int, LeakedLine]]] = {}
        self.open: dict[tuple[int, int], LeakedLine] = {}
        self.begin()

    def begin(self) -> None:
        """Clear the last step's news."""
        self.leaked: list[LeakedLine] = []
        self.freed: list[tuple[int, int]] = []

    def reserve(self, block: Block) -> None:
        """Lines that were promised."""
        rows = np.flatnonzero(integers(block, "status") == STATUS["promised"])
        if len(rows):
            block = block.take(rows)
            cell = integers(block, "location") * self._items + integers(block, "item")
            at, units = integers(block, "occurred_at"), integers(block, "quantity")
            self._promised.append(np.stack([_keys(block), at, cell, units]))

    def close(self, block: Block) -> None:
        """Lines that were picked: whatever was found, nothing is held for them any more."""
        self._closed.append(np.stack([_keys(block), integers(block, "occurred_at")]))

    def cancel(self, block: Block) -> None:
        """Lines that their customers cancelled."""
        rows = np.flatnonzero(integers(block, "status") == STATUS["cancelled"])
        if not len(rows):
            return
        block = block.take(rows)
        self.close(block)
        names = ("document_id", "location", "item", "quantity", "event_id")
        columns = (integers(block, name).tolist() for name in (*names, "occurred_at"))
        for *values, at in zip(*columns, strict=True):
            line = LeakedLine(*values)
            self._cancelled.setdefault(line.location * self._items + line.item, []).append((at, line))

    def extract(self, block: Block) -> None:
        """The OMS' word: net changes of what it holds, as of the block's time."""
        cut_off = int(integers(block, "occurred_at").max())
        cell = integers(block, "location") * self._items + integers(block, "item")
        np.add.at(self._held, cell, integers(block, "quantity").astype(np.int32))
        expected = np.zeros(len(self._held), dtype=np.int32)
        open_lines = self._open_at(cut_off)
        np.add.at(expected, open_lines[2], open_lines[3].astype(np.int32))
        excess = self._held - expected
        for key, line in list(self.open.items()):
            where = line.location * self._items + line.item
            if excess[where] <= 0:
                del self.open[key]
                self.freed.append(key)
            else:
                excess[where] -= line.units
        for where in np.flatnonzero(excess > 0).tolist():
            self._blame(where, int(excess[where]), cut_off - self._service)

    def end_day(self, now: int) -> None:
        """Forget cancellations that arrived."""
        horizon = now - _KEPT_DAYS * DAY
        kept = {
            cell: [entry for entry in entries if entry[0] > horizon] for cell, entries in self._cancelled.items()
        }
        self._cancelled = {cell: entries for cell, entries in kept.items() if entries}

    def _blame(self, cell: int, excess: int, until: int) -> None:
        """The latest lines of a cell, cancelled before ``until``, whose units the excess covers."""
        for at, line in reversed(self._cancelled.get(cell, [])):
            key = (line.document_id, line.item)
            if at < until and line.units <= excess and key not in self.open:
                self.open[key] = line
                self.leaked.append(line)
                excess -= line.units

    def _open_at(self, cut_off: int) -> IntArray:
        """Lines promised before ``cut_off`` and not surely closed by then; what is closed is forgotten."""
        if not self._promised:
            return np.zeros((4, 0), dtype=np.int64)
        promised = np.concatenate(self._promised, axis=1)
        closed = np.concatenate(self._closed, axis=1) if self._closed else np.zeros((2, 0), dtype=np.int64)
        settled = closed[1] < cut_off - self._service
        early, ended = promised[1] < cut_off, closed[0, settled]
        # A line may be promised again after a pick that found nothing: it is open if it was promised more often.
        order = np.lexsort((promised[1], promised[0]))
        promised, early = promised[:, order], early[order]
        keys, starts, times = np.unique(promised[0], return_index=True, return_counts=True)
        names, ends = np.unique(ended, return_counts=True)
        place = np.searchsorted(keys, names)
        known = (place < len(keys)) & (keys[np.minimum(place, len(keys) - 1)] == names)
        gone = np.zeros(len(keys), dtype=np.int64)
        gone[place[known]] = ends[known]
        ordinal = np.arange(len(early)) - np.repeat(starts, times)
        is_open = ordinal >= np.repeat(gone, times)
        self._promised = [promised[:, is_open]]
        self._closed = [closed[:, ~settled]]
        open_lines: IntArray = promised[:, is_open & early]
        return open_lines


def _keys(block: Block) -> IntArray:
    """One key for each row's order and item."""
    document, item = integers(block, "document_id"), integers(block, "item")
    keys: IntArray = document ^ (item + np.int64(1)) * _MIX
    return keys
