"""Returned goods: taken in, and waiting for somebody to say what becomes of them.

A return's row says when its inspection is due. Until a disposition follows (put back to stock, kept
blocked, scrapped) it lies in the cage, and whoever believes it to be on sale is wrong. Returns wait in
buckets by the tick in which they are due; only those that are then undecided become records.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detection.views.columns import IntArray, integers
from sim.clock import TICK
from sim.events import CODE, NO_CODE, NULL, STATUS, Block

#: Days for which a decision taken before the due time is remembered.
_KEPT_DAYS = 3
_DISPOSED = (CODE["653"], CODE["657"], CODE["551"], CODE["122"])


@dataclass(slots=True)
class UndecidedReturn:
    """A return that is past its inspection.

    Attributes:
        document_id, location, item, units, event_id: of its row.
        state: status of whoever looked at it since; -1 while nobody has.
    """

    document_id: int
    location: int
    item: int
    units: int
    event_id: int
    state: int = NO_CODE

    @property
    def is_fit(self) -> bool:
        """Whether it was found fit for sale."""
        return self.state == STATUS["sellable_accessible"]


class ReturnedGoods:
    """Returns on their way to a disposition.

    Attributes:
        undecided: past due, by document.
        missing, decided: fell due undecided, and (document, item) decided at last, in this step.
    """

    def __init__(self) -> None:
        self._due: dict[int, list[tuple[IntArray, ...]]] = {}
        self._settled: list[list[IntArray]] = [[]]
        self._slot = NULL
        self.undecided: dict[int, UndecidedReturn] = {}
        self.begin()

    def begin(self) -> None:
        """Clear the last step's news."""
        self.missing: list[UndecidedReturn] = []
        self.decided: list[tuple[int, int]] = []

    def take_in(self, now: int, block: Block) -> None:
        """Returns as they come in."""
        due = integers(block, "due_at")
        waiting = due != NULL
        if not waiting.any():
            return
        slots = np.maximum(-(-due // TICK), now // TICK)
        names = ("document_id", "location", "item", "quantity", "event_id")
        columns = tuple(integers(block, name) for name in names)
        for slot in np.unique(slots[waiting]).tolist():
            rows = np.flatnonzero(waiting & (slots == slot))
            self._due.setdefault(slot, []).append(tuple(column[rows] for column in columns))

    def inspect(self, block: Block) -> None:
        """Inspections: with a movement code they decide, without one they only say what was seen."""
        document = integers(block, "document_id")
        decides = np.isin(integers(block, "code"), _DISPOSED)
        self._settled[-1].append(document[decides])
        if not self.undecided:
            return
        for row in np.flatnonzero(np.isin(document, list(self.undecided))).tolist():
            number = int(document[row])
            if decides[row]:
                goods = self.undecided.pop(number, None)
                if goods is not None:
                    self.decided.append((number, goods.item))
            elif number in self.undecided:
                self.undecided[number].state = int(integers(block, "status")[row])

    def finish(self, now: int) -> None:
        """Find the returns that are due and undecided."""
        slot = now // TICK
        for due in range(slot if self._slot == NULL else self._slot + 1, slot + 1):
            parts = self._due.pop(due, None)
            if not parts:
                continue
            settled = [documents for day in self._settled for documents in day]
            columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
            known = np.concatenate(settled) if settled else np.zeros(0, dtype=np.int64)
            open_rows = np.flatnonzero(~np.isin(columns[0], known))
            for values in zip(*(column[open_rows].tolist() for column in columns), strict=True):
                found = UndecidedReturn(*values)
                self.undecided[found.document_id] = found
                self.missing.append(found)
        self._slot = slot

    def end_day(self) -> None:
        """Let the oldest day's decisions go."""
        self._settled = [*self._settled[-_KEPT_DAYS + 1 :], []]
