"""The OMS: what it promises. ATP = book - reserved - buffer, and nothing of a held cell."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim.ledger import Belief, Cells, Ledger

#: Units never promised, against the errors everyone knows a book has. Assumption.
BUFFER = 1


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
