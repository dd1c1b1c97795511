"""Reading columns of a block as int64 arrays, whatever width or scalar the world sent."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim.events import Block

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def integers(block: Block, name: str) -> IntArray:
    """One integer or code column, shape (size,), int64; not a copy where it need not be."""
    return block.get(name).astype(np.int64, copy=False)

