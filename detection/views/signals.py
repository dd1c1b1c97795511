"""Signals: rows in which a system itself complains of an interface, counted before anybody makes sense of them.

A monitor that correlates nothing would raise an alert for each: a delivery that was turned away, a letter that died, a
number that is missing or came twice, an hour without an answer, a file whose totals do not agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from detection.views.columns import BoolArray, integers
from sim.events import EVENT_TYPE, STATUS, Block

#: Types of rows that complain, or may.
SIGNALLING: tuple[int, ...] = tuple(
    EVENT_TYPE[name] for name in ("retrying", "dead_letter", "sequence_gap", "telemetry", "batching")
)
_RETRYING, _DEAD, _GAP, _TELEMETRY, _FILE = SIGNALLING


class Signals:
    """What the systems complained of in a step.

    Attributes:
        fresh: number of signals by (interface, kind).
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Clear the last step's news."""
        self.fresh: Counter[tuple[int, str]] = Counter()

    def take(self, blocks: Iterable[Block]) -> None:
        """Rows of one of the types that complain."""
        for block in blocks:
            for kind, rows in _complaints(block):
                interface, number = np.unique(integers(block, "interface")[rows], return_counts=True)
                for name, count in zip(interface.tolist(), number.tolist(), strict=True):
                    self.fresh[name, kind] += count


def _complaints(block: Block) -> list[tuple[str, BoolArray]]:
    """Kinds of signals among rows of one type, and which rows they are."""
    if block.event_type == _RETRYING:
        return [("turned_away", np.ones(block.size, dtype=np.bool_))]
    if block.event_type == _DEAD:
        return [("dead_letter", np.ones(block.size, dtype=np.bool_))]
    status = integers(block, "status")
    if block.event_type == _GAP:
        is_open, is_second = status != STATUS["closed"], integers(block, "count") < 0
        return [("missing", is_open & ~is_second), ("twice", is_open & is_second)]
    if block.event_type == _TELEMETRY:
        return [("unavailable", status == STATUS["unavailable"])]
    return [("file", np.isin(status, (STATUS["missing"], STATUS["partial"])))]
