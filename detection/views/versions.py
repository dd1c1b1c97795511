"""Versions: the latest word on each line of a purchase order.

A supplier confirms a line (version 1) and may change it (2 and on). ERP goes by the latest and says of one
that comes late that it was ``late``, which is harmless. An older version that ERP *took* after a newer one
has overwritten it. Only lines with changes, or whose confirmation came alone, can break that order; a
confirmation of many lines is compared only where one of its orders has been changed already.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detection.views.columns import integers
from sim.clock import DAY
from sim.events import STATUS, Block

_FORGET_DAYS = 60
_LATE = STATUS["late"]


@dataclass(slots=True)
class OrderLine:
    """One line of an order that was changed.

    Attributes:
        purchase, item: which.
        version, units: the latest word.
        at: when it came.
        event_id: its row.
        stale_event: row of the older version that overwrote it; -1 while it stands.
        stale_units: what that says.
    """

    purchase: int
    item: int
    version: int
    units: int
    at: int
    event_id: int
    stale_event: int = -1
    stale_units: int = 0


class Versions:
    """The lines of purchase orders that were changed.

    Attributes:
        lines: by (purchase order, item).
        overwritten, ordered: lines that an older version overwrote, and keys that are in order again, in this step.
    """

    def __init__(self) -> None:
        self.lines: dict[tuple[int, int], OrderLine] = {}
        self._changed: dict[int, int] = {}
        self.begin()

    def begin(self) -> None:
        """Clear the last step's news."""
        self.overwritten: list[OrderLine] = []
        self.ordered: list[tuple[int, int]] = []

    def confirm(self, now: int, block: Block) -> None:
        """Confirmations: compared where a change of the order came before."""
        if not self._changed:
            return
        rows = np.flatnonzero(np.isin(integers(block, "document_id"), list(self._changed)))
        if len(rows):
            self.change(now, block.take(rows))

    def change(self, now: int, block: Block) -> None:
        """Changes, whoever wrote them."""
        names = ("document_id", "item", "version", "quantity", "status", "event_id")
        for purchase, item, version, units, status, event in zip(
            *(integers(block, name).tolist() for name in names), strict=True
        ):
            self._changed[purchase] = now
            known = self.lines.get((purchase, item))
            if status == _LATE:
                continue
            if known is None:
                self.lines[purchase, item] = OrderLine(purchase, item, version, units, now, event)
            elif version < known.version:
                known.stale_event, known.stale_units = event, units
                self.overwritten.append(known)
            else:
                if known.stale_event >= 0:
                    self.ordered.append((purchase, item))
                self.lines[purchase, item] = OrderLine(purchase, item, version, units, now, event)

    def is_stale(self, purchase: int, item: int) -> bool:
        """Whether an older version stands for a line."""
        line = self.lines.get((purchase, item))
        return line is not None and line.stale_event >= 0

    def end_day(self, now: int) -> None:
        """Forget orders of which nothing was heard for long."""
        horizon = now - _FORGET_DAYS * DAY
        self.lines = {key: line for key, line in self.lines.items() if line.at > horizon}
        self._changed = {purchase: at for purchase, at in self._changed.items() if at > horizon}
