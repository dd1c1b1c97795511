"""Item records: which articles are in the master data under more than one number.

A record carries the article's global number (GTIN) as its document number. Two item numbers with one
GTIN are one article twice; a record sent again under its own number is none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detection.views.columns import IntArray, integers
from sim.events import NULL, STATUS, Block


@dataclass(frozen=True, slots=True)
class TwinRecord:
    """A second number of an article.

    Attributes:
        item, original: the second number, and the first.
        event_id: the row that brought the second.
    """

    item: int
    original: int
    event_id: int


class ItemRecords:
    """The GTIN of every item.

    Attributes:
        gtin: by item, null where unknown; shape (items,).
        twins: open second numbers, by item.
        found, merged: second numbers that came, and that were retired, in this step.
    """

    def __init__(self, items: int) -> None:
        self.gtin: IntArray = np.full(items, NULL, dtype=np.int64)
        self.twins: dict[int, TwinRecord] = {}
        self.begin()

    def begin(self) -> None:
        """Clear the last step's news."""
        self.found: list[TwinRecord] = []
        self.merged: list[int] = []

    def describe(self, block: Block) -> None:
        """Records as they come."""
        if "document_id" not in block.columns:
            return
        item, gtin = integers(block, "item"), integers(block, "document_id")
        event = integers(block, "event_id")
        is_retired = integers(block, "status") == STATUS["retired"]
        for number in item[is_retired].tolist():
            self.gtin[number] = NULL
            if self.twins.pop(number, None) is not None:
                self.merged.append(number)
        told = np.flatnonzero((gtin != NULL) & ~is_retired)
        self.gtin[item[told]] = gtin[told]
        holders: dict[int, int] = {}
        named = np.flatnonzero(np.isin(self.gtin, gtin[told]))
        values, counts = np.unique(self.gtin[named], return_counts=True)
        for number in named[np.isin(self.gtin[named], values[counts > 1])].tolist():
            # Items that were there before the block come first; within a block the lower number is the older.
            holders.setdefault(int(self.gtin[number]), number)
        if not holders:
            return
        for row in told.tolist():
            number = int(item[row])
            original = holders.get(int(gtin[row]), number)
            if original != number and number not in self.twins:
                self.twins[number] = TwinRecord(number, original, int(event[row]))
                self.found.append(self.twins[number])
