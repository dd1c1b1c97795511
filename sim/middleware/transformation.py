"""What a source's lines become on their way: its units and its numbers in the words of who reads them.

The WMS counts by the case, and ERP and OMS keep eaches; ERP knows an article by the number of its record. Master data
says how to get from one to the other, and the middleware goes by it, right or wrong:

- where the conversion of an item is wrong, cases pass for eaches, receipt after receipt, with ERP and OMS alike;
- where an article has a second record, ERP's lines bear its number, and no one else's do.

Which kinds of documents an interface understands at all is its contract (:mod:`sim.middleware.contracts`). Whoever owns
the mistake is told of what was read wrongly, and keeps the books of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sim.events import NO_CODE
from sim.ledger import Cells
from sim.middleware.messages import Messages

I32 = npt.NDArray[np.int32]


class Transformation:
    """How one source's lines are read.

    Args:
        case: eaches a case by item, shape (items,).

    Attributes:
        renamed: told of till or document lines that ERP reads on another number: the cells that they are about, those
            that ERP takes them for, and their units.
    """

    def __init__(self, case: npt.NDArray[np.integer]) -> None:
        self._case = case
        self._unconverted: set[int] = set()
        self._number_of = np.full(len(case), NO_CODE, np.int64)
        self._is_renaming = False
        self.renamed: list[Callable[[Cells, Cells, I32], None]] = []

    # -- units -----------------------------------------------------------------------------------

    def break_conversion(self, item: int) -> None:
        """From now on an item's cases pass for eaches."""
        self._unconverted.add(item)

    def mend_conversion(self, item: int) -> None:
        """An item's conversion is right again."""
        self._unconverted.discard(item)

    def eaches(self, item: npt.NDArray[np.integer], units: I32) -> I32:
        """Units of items as they are read, from what stands there."""
        if not self._unconverted:
            return units
        wrong = np.isin(item, list(self._unconverted))
        return np.where(wrong, np.maximum(1, units // self._case[item]), units).astype(np.int32)

    # -- numbers ---------------------------------------------------------------------------------

    def rename(self, item: int, number: int) -> None:
        """From now on ERP reads an item's lines on another number; on its own where that is ``NO_CODE``."""
        self._number_of[item] = number
        self._is_renaming = bool((self._number_of != NO_CODE).any())

    def number_of(self, item: int) -> int:
        """The number on which ERP reads an item's lines, or ``NO_CODE`` for its own."""
        return int(self._number_of[item])

    def for_erp(self, messages: Messages) -> Messages:
        """Lines as ERP reads them."""
        if not self._is_renaming:
            return messages
        item = messages.cell % len(self._number_of)
        rows = np.flatnonzero(self._number_of[item] != NO_CODE)
        if not len(rows):
            return messages
        right = messages.cell[rows]
        wrong = right - item[rows] + self._number_of[item[rows]]
        for tell in self.renamed:
            tell(right, wrong, messages.on_hand[rows])
        cells = messages.cell.copy()
        cells[rows] = wrong
        return replace(messages, cell=cells)
