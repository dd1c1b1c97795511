"""Named errors: which fault put how many units wrong in which book, and what has been paid since.

Entries of a cell are found by its chain. A payment takes the oldest entries of the opposite sign
first; an entry that is paid in part is split, so that each row is wholly open or wholly cleared.
"""

from __future__ import annotations

from array import array
from typing import Protocol

import numpy as np

from sim.books import I32, ON_HAND_BELIEFS, Belief, Cause, Cells, LedgerError


class Listener(Protocol):
    """Who keeps the truth about faults."""

    def ambient_faults(self, cause: Cause, cells: Cells, units: I32, ordinals: I32, now: int) -> list[int]:
        """Name a fault for each ambient error that is promoted; returns their numbers.

        ``ordinals`` count the promotions of each cell before.
        """
        ...

    def ambient_fault(self, cause: Cause, cell: int, units: int, ordinal: int, now: int) -> int:
        """:meth:`ambient_faults` of one cell."""
        ...

    def entry_opened(self, fault: int, cell: int) -> None:
        """An entry of ``fault`` was opened."""
        ...

    def entries_opened(self, faults: list[int], cells: list[int], each: int) -> None:
        """So many entries of each of some faults were opened, all of a fault in one cell."""
        ...

    def entry_cleared(self, fault: int, cell: int, now: int, by: int) -> None:
        """An entry of ``fault`` was paid in full by the action, count or message ``by``."""
        ...


class NamedErrors:
    """Named errors as growing columns of machine integers, one row an entry; ``rest`` is what is still unpaid.

    Args:
        cells: number of cells.
        listener: told when faults gain and lose entries.

    Attributes:
        fault, belief, cell, units, rest, opened_at, cleared_at, cleared_by: the columns; ``cleared_at``
            and ``cleared_by`` are -1 while an entry is open.
        total: unpaid units by belief and cell, shape (beliefs, cells).
    """

    def __init__(self, cells: int, listener: Listener) -> None:
        self.fault = array("q")
        self.belief = array("q")
        self.cell = array("q")
        self.units = array("q")
        self.rest = array("q")
        self.opened_at = array("q")
        self.cleared_at = array("q")
        self.cleared_by = array("q")
        self.total = np.zeros((len(Belief), cells), np.int32)
        self._of_cell: dict[int, list[int]] = {}
        self._listener = listener

    def __len__(self) -> int:
        return len(self.fault)

    def of(self, cell: int) -> list[int]:
        """The unpaid entries of a cell, oldest first."""
        return list(self._of_cell.get(int(cell), ()))

    def among(self, cells: Cells) -> list[int]:
        """Those of some cells that hold unpaid entries, even if they cancel each other."""
        return [cell for cell in cells.tolist() if cell in self._of_cell]

    def open(self, fault: int, b: Belief, cell: int, units: int, now: int) -> None:
        """Open an entry of ``fault``; none where there are no units."""
        if units == 0:
            return
        cell = int(cell)
        e = self
        e.fault.append(fault)
        e.belief.append(int(b))
        e.cell.append(cell)
        e.units.append(int(units))
        e.rest.append(int(units))
        e.opened_at.append(now)
        e.cleared_at.append(-1)
        e.cleared_by.append(-1)
        self._of_cell.setdefault(cell, []).append(len(e) - 1)
        self.total[b, cell] += units
        self._listener.entry_opened(fault, cell)

    def open_many(self, faults: list[int], cells: Cells, units: I32, now: int) -> None:
        """Open entries of the same units in every on-hand belief: for each fault one a belief, in turn."""
        n, beliefs = len(faults), [int(b) for b in ON_HAND_BELIEFS]
        wide, places = np.repeat(units, len(beliefs)).tolist(), cells.tolist()
        first = len(self)
        self.fault.extend(fault for fault in faults for _ in beliefs)
        self.belief.extend(beliefs * n)
        self.cell.extend(cell for cell in places for _ in beliefs)
        self.units.extend(wide)
        self.rest.extend(wide)
        self.opened_at.extend([now] * len(wide))
        self.cleared_at.extend([-1] * len(wide))
        self.cleared_by.extend([-1] * len(wide))
        for b in ON_HAND_BELIEFS:
            np.add.at(self.total[b], cells, units)
        for cell in places:
            self._of_cell.setdefault(cell, []).extend(range(first, first + len(beliefs)))
            first += len(beliefs)
        self._listener.entries_opened(faults, places, len(beliefs))

    def reduce(self, entry: int, amount: int, now: int, by: int) -> None:
        """Take ``amount`` (of the entry's sign) off an entry."""
        e = self
        cell = e.cell[entry]
        e.rest[entry] -= amount
        self.total[e.belief[entry], cell] -= amount
        if e.rest[entry] != 0:
            self._split(entry, amount, now, by)
        else:
            e.cleared_at[entry] = now
            e.cleared_by[entry] = by
            unpaid = self._of_cell[cell]
            unpaid.remove(entry)
            if not unpaid:
                del self._of_cell[cell]
            self._listener.entry_cleared(e.fault[entry], cell, now, by)

    def _split(self, entry: int, amount: int, now: int, by: int) -> None:
        """Keep the paid part of an entry as one of its own, so that each is wholly open or wholly cleared."""
        e = self
        e.units[entry] -= amount
        e.fault.append(e.fault[entry])
        e.belief.append(e.belief[entry])
        e.cell.append(e.cell[entry])
        e.units.append(amount)
        e.rest.append(0)
        e.opened_at.append(e.opened_at[entry])
        e.cleared_at.append(now)
        e.cleared_by.append(by)

    def pay(self, b: Belief, cell: int, m: int, now: int, by: int, fault: int | None) -> tuple[list[int], int]:
        """Pay entries of belief ``b`` with ``m``; returns the faults paid and what is left of ``m``."""
        paid: list[int] = []
        for entry in self.of(cell):
            if m == 0:
                break
            rest = self.rest[entry]
            if self.belief[entry] != b or (rest > 0) == (m > 0):
                continue
            if fault is not None and self.fault[entry] != fault:
                continue
            amount = max(rest, -m) if rest < 0 else min(rest, -m)
            paid.append(self.fault[entry])
            self.reduce(entry, amount, now, by)
            m += amount
        return paid, m

    def check(self) -> None:
        """Raise :class:`LedgerError` unless the open entries add up to ``total``."""
        belief, cell, rest = (np.frombuffer(column, np.int64) if len(column) else np.zeros(0, np.int64)
                              for column in (self.belief, self.cell, self.rest))
        unpaid = np.flatnonzero(rest)
        if len(unpaid) != sum(map(len, self._of_cell.values())):
            raise LedgerError("the chains of the cells do not hold the unpaid entries")
        total = np.zeros(self.total.size, self.total.dtype)
        np.add.at(total, (belief * self.total.shape[1] + cell)[unpaid], rest[unpaid].astype(total.dtype))
        if not np.array_equal(total, self.total.ravel()):
            raise LedgerError("named entries do not add up to the named error")
