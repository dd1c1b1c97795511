"""Reading columns of a block as int64 arrays, whatever width or scalar the world sent, and joining blocks.

A step may bring a type in many small blocks, one a truck or a message; array work on them one by one
costs calls and not rows, so they are joined first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sim.events import COLUMNS, NO_CODE, NULL, Block

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def integers(block: Block, name: str) -> IntArray:
    """One integer or code column, shape (size,), int64; not a copy where it need not be."""
    values: IntArray = block.get(name)  # type: ignore[assignment]
    return values if values.dtype == np.int64 else values.astype(np.int64)



#: Columns that views read of the types that come in many blocks.
_JOINED = (
    "event_id", "occurred_at", "due_at", "interface", "sequence", "location", "item", "quantity", "code", "status",
    "document_id", "parent_document_id", "correlation_id", "carton", "source", "count", "version", "attempt",
    "latency_p95_ms",
)  # fmt: skip


def join(blocks: Sequence[Block]) -> Block:
    """Blocks of one type as one, in their order; of the columns that views read."""
    if len(blocks) == 1:
        return blocks[0]
    total = sum(block.size for block in blocks)
    columns: dict[str, IntArray] = {}
    for name in _JOINED:
        if not any(name in block.columns for block in blocks):
            continue
        null = NO_CODE if COLUMNS[name].startswith("code:") else NULL
        values = np.empty(total, dtype=np.int64)
        at = 0
        for block in blocks:
            values[at : at + block.size] = block.columns.get(name, null)
            at += block.size
        columns[name] = values
    return Block(blocks[0].event_type, columns, total)
