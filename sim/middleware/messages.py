"""Messages on a channel, and the source's journal of them.

A message is one line that a source tells to ERP and OMS: so many units of on-hand, on-order and
blocked stock at a cell. A batch is columnar; its rows are sorted by location, so that sequence
numbers run on within it. The journal is what the source keeps to answer a replay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.ledger import Belief, Cells

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Messages:
    """Lines on their way; arrays of shape (n,), scalars where they hold for all.

    Attributes:
        location: where the source is, non-decreasing.
        cell: which stock it is about.
        on_hand, on_order, blocked: units told.
        key: packed key of the source row (see :class:`sim.draws.Ids`), unique.
        sent_at: microseconds.
        document_id: of the source document.
        document_type, code: codes of the stream.
        document_grain: a document travels whole, with one latency; else all lines of a location
            and tick do.
        sequence: number of the line in its location's journal; set by the channel.
    """

    location: I32
    cell: Cells
    on_hand: I32
    key: I64
    sent_at: I64
    document_id: I64
    document_type: int
    code: int
    on_order: I32 | int = 0
    blocked: I32 | int = 0
    document_grain: bool = False
    sequence: I64 | None = None

    def __len__(self) -> int:
        return len(self.cell)

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_] | slice) -> Messages:
        """The chosen rows."""
        # By position: this is asked for every tick of every interface, and ``replace`` takes as long as the rest.
        return Messages(
            self.location[rows], self.cell[rows], self.on_hand[rows], self.key[rows], self.sent_at[rows],
            self.document_id[rows], self.document_type, self.code,
            self.on_order[rows] if isinstance(self.on_order, np.ndarray) else self.on_order,
            self.blocked[rows] if isinstance(self.blocked, np.ndarray) else self.blocked,
            self.document_grain, None if self.sequence is None else self.sequence[rows],
        )

    @property
    def kind(self) -> tuple[object, ...]:
        """What batches have in common that may be joined."""
        units = [None if isinstance(told, np.ndarray) else told for told in (self.on_order, self.blocked)]
        return (self.document_type, self.code, self.document_grain, *units)

    def reversed(self) -> Messages:
        """The same lines with their units taken back."""
        return replace(self, on_hand=-self.on_hand, on_order=-self.on_order, blocked=-self.blocked)

    def units(self, belief: Belief) -> I32 | int:
        """What the lines tell one belief."""
        if belief is Belief.ERP_ON_ORDER:
            return self.on_order
        if belief is Belief.ERP_BLOCKED:
            return self.blocked
        return self.on_hand

    def units_of(self, row: int, belief: Belief) -> int:
        """What one line tells one belief."""
        units = self.units(belief)
        return int(units[row]) if isinstance(units, np.ndarray) else int(units)


def join(parts: Sequence[Messages]) -> Messages:
    """Numbered lines of one kind, one batch after another."""
    if len(parts) == 1:
        return parts[0]
    columns: dict[str, Any] = {}
    for name in ("location", "cell", "on_hand", "key", "sent_at", "document_id", "on_order", "blocked", "sequence"):
        first = getattr(parts[0], name)
        if isinstance(first, np.ndarray):
            columns[name] = np.concatenate([getattr(part, name) for part in parts])
    return replace(parts[0], **columns)


class Journal:
    """The source's record of what it sent, by location and sequence number.

    Args:
        locations: number of locations.
        ticks: how many batches back a line can still be found, by age in ticks.
    """

    def __init__(self, locations: int, ticks: int) -> None:
        self.next = np.zeros(locations, np.int64)
        self._ticks = ticks
        self._batches: list[tuple[int, I64, I64, Messages]] = []

    def number(self, messages: Messages, tick: int) -> Messages:
        """Give each line its sequence number, and remember it."""
        location = messages.location
        counts = np.bincount(location, minlength=len(self.next))
        starts = np.cumsum(counts) - counts
        base = self.next.copy()
        sequence = np.arange(len(location)) + (base - starts)[location]
        self.next += counts
        numbered = replace(messages, sequence=sequence)
        self._batches.append((tick, base, starts, numbered))
        if len(self._batches) > 64 and self._batches[63][0] < tick - self._ticks:
            del self._batches[:64]
        return numbered

    def find(self, location: int, sequence: int) -> Messages | None:
        """One line as it was sent, or None where the journal no longer holds it."""
        if not 0 <= location < len(self.next) or not 0 <= sequence < self.next[location]:
            return None
        low, high = 0, len(self._batches)
        while low < high:
            middle = (low + high) // 2
            if self._batches[middle][1][location] <= sequence:
                low = middle + 1
            else:
                high = middle
        if low == 0:
            return None
        _, base, starts, messages = self._batches[low - 1]
        row = int(starts[location] + sequence - base[location])
        return messages.take(slice(row, row + 1))
