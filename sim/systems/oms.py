"""The OMS: what it promises, and the order lines that wait for their pick.

ATP = book - reserved - buffer, and nothing of a held cell. Lines of a cell are covered whole and first
come, first served; a line that does not fit is refused and takes nothing from those after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from sim.ledger import Belief, Cells, Ledger

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
#: Units never promised, against the errors everyone knows a book has. Assumption.
BUFFER = 1


@dataclass(frozen=True)
class OrderLines:
    """Promised lines of online orders; arrays of shape (n,).

    Attributes:
        cell: where each is to be picked.
        units: promised, or still missing.
        key: body of the line's key: tick | order | line.
        document: id of the order.
        home: the customer's shop, a location code.
        due: end of the promise, microseconds.
        attempt: how often the line was promised before.
    """

    cell: npt.NDArray[np.intp]
    units: I32
    key: I64
    document: I64
    home: I32
    due: I64
    attempt: I64

    def __len__(self) -> int:
        return len(self.cell)

    def take(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.intp] | slice) -> OrderLines:
        """The chosen lines."""
        chosen = np.flatnonzero(rows) if isinstance(rows, np.ndarray) and rows.dtype == np.bool_ else rows
        return OrderLines(self.cell[chosen], self.units[chosen], self.key[chosen], self.document[chosen],
                          self.home[chosen], self.due[chosen], self.attempt[chosen])


def join(parts: Sequence[OrderLines]) -> OrderLines:
    """Several batches of lines as one."""
    if len(parts) == 1:
        return parts[0]
    names = [column.name for column in fields(OrderLines)]
    return OrderLines(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def available_to_promise(ledger: Ledger, cells: Cells, held: set[int]) -> npt.NDArray[np.int32]:
    """ATP of some cells, never below 0.

    Args:
        ledger: the books.
        cells: which cells.
        held: cells taken out of online availability.
    """
    atp = ledger.belief[Belief.OMS_ON_HAND].take(cells) - ledger.belief[Belief.OMS_RESERVED].take(cells) - BUFFER
    if held:
        atp[np.isin(cells, np.fromiter(held, np.int64, len(held)))] = 0
    promised: npt.NDArray[np.int32] = np.maximum(atp, 0)
    return promised


def cover(cells: Cells, wanted: I32, available: I32) -> npt.NDArray[np.bool_]:
    """Which lines are covered whole.

    Args:
        cells: cell of each line, in the order in which customers come.
        wanted: units of each line.
        available: ATP of each line's cell before any of them.
    """
    covered: npt.NDArray[np.bool_] = wanted <= available
    fits = np.flatnonzero(covered)
    if len(fits) < 2:
        return covered
    where = cells[fits]
    order = np.argsort(where, kind="stable")
    where = where[order]
    changes = np.flatnonzero(where[1:] != where[:-1])
    if len(changes) == len(fits) - 1:
        return covered
    by_cell = fits[order]
    first = np.concatenate(([0], changes + 1))
    over = np.add.reduceat(wanted[by_cell], first, dtype=np.int64) > available[by_cell[first]]
    # Lines of a cell stay in the order in which customers came; the order of the cells does not matter.
    tight = by_cell[np.repeat(over, np.diff(first, append=len(fits)))]
    left: dict[int, int] = {}
    for row in tight.tolist():
        cell, units = int(cells[row]), int(wanted[row])
        rest = left.get(cell, int(available[row]))
        covered[row] = units <= rest
        left[cell] = rest - units if units <= rest else rest
    return covered
