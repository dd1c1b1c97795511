"""Reservations: what the OMS says it holds for customers, against the order lines that are open.

Every line that was promised, and neither picked nor cancelled, is open. The OMS' nightly extract names the
net change of what it holds of each cell. What was closed within the last hours may or may not be known to it,
so what it should hold lies between a least and a most. Where it holds more than the most, a cancellation did
not arrive: the cancelled lines of that cell name the order. Where it holds no more than the least, whatever
was cancelled there before has arrived.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detection.views.columns import BoolArray, IntArray, integers
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
        beyond_least, beyond_most = self._held.copy(), self._held.copy()
        lines, is_sure = self._open_at(cut_off)
        np.subtract.at(beyond_most, lines[2], lines[3].astype(np.int32))
        np.subtract.at(beyond_least, lines[2, is_sure], lines[3, is_sure].astype(np.int32))
        for key, line in list(self.open.items()):
            where = line.location * self._items + line.item
            if beyond_least[where] <= 0:
                del self.open[key]
                self.freed.append(key)
            else:
                beyond_most[where] -= line.units
                beyond_least[where] -= line.units
        until = cut_off - self._service
        for where in np.flatnonzero(beyond_most > 0).tolist():
            self._blame(where, int(beyond_most[where]), until)
        for where, entries in list(self._cancelled.items()):
            if beyond_least[where] <= 0:
                kept = [entry for entry in entries if entry[0] >= until]
                if kept:
                    self._cancelled[where] = kept
                else:
                    del self._cancelled[where]

    def end_day(self, now: int) -> None:
        """Forget cancellations that arrived."""
        horizon = now - _KEPT_DAYS * DAY
        kept = {
            cell: [entry for entry in entries if entry[0] > horizon] for cell, entries in self._cancelled.items()
        }
        self._cancelled = {cell: entries for cell, entries in kept.items() if entries}

    def _blame(self, cell: int, excess: int, until: int) -> None:
        """The line of a cell, cancelled before ``until``, that the excess is, or the latest that it covers."""
        lines = [line for at, line in reversed(self._cancelled.get(cell, []))
                 if at < until and (line.document_id, line.item) not in self.open]  # fmt: skip
        for line in sorted(lines, key=lambda line: line.units != excess):
            if line.units <= excess:
                self.open[line.document_id, line.item] = line
                self.leaked.append(line)
                excess -= line.units

    def _open_at(self, cut_off: int) -> tuple[IntArray, BoolArray]:
        """Lines promised before ``cut_off`` and not surely closed by then; what is closed is forgotten.

        Returns:
            Key, time, cell and units of each line, shape (4, n); and whether nothing at all has closed it, shape (n,).
        """
        if not self._promised:
            return np.zeros((4, 0), dtype=np.int64), np.zeros(0, dtype=np.bool_)
        promised = np.concatenate(self._promised, axis=1)
        closed = np.concatenate(self._closed, axis=1) if self._closed else np.zeros((2, 0), dtype=np.int64)
        settled = closed[1] < cut_off - self._service
        early = promised[1] < cut_off
        # A line may be promised again after a pick that found nothing: it is open if it was promised more often.
        order = np.lexsort((promised[1], promised[0]))
        promised, early = promised[:, order], early[order]
        keys, starts, times = np.unique(promised[0], return_index=True, return_counts=True)
        ordinal = np.arange(len(early)) - np.repeat(starts, times)
        is_open, is_sure = (
            ordinal >= np.repeat(_times_named(keys, ended), times) for ended in (closed[0, settled], closed[0])
        )
        self._promised = [promised[:, is_open]]
        self._closed = [closed[:, ~settled]]
        is_early = is_open & early
        return promised[:, is_early], is_sure[is_early]


def _times_named(keys: IntArray, names: IntArray) -> IntArray:
    """How often each of some distinct, ordered keys is among the names; shape of ``keys``."""
    distinct, times = np.unique(names, return_counts=True)
    place = np.searchsorted(keys, distinct)
    known = (place < len(keys)) & (keys[np.minimum(place, len(keys) - 1)] == distinct)
    found = np.zeros(len(keys), dtype=np.int64)
    found[place[known]] = times[known]
    return found


def _keys(block: Block) -> IntArray:
    """One key for each row's order and item."""
    document, item = integers(block, "document_id"), integers(block, "item")
    keys: IntArray = document ^ (item + np.int64(1)) * _MIX
    return keys
