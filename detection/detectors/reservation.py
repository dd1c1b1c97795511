"""The life of a reservation: promised against a book, picked in full, shipped.

A pick that finds nothing contradicts the book it was promised against: the goods are not where, or
not as many as, the record says. That is known at once, long before the cell's silence is. A cell that
sells too little for its loss to matter is left to the scheduled counts.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from detection.detectors.base import DetectorContext
from detection.taxonomy import Finding
from detection.views.state import Views
from sim.events import Rows


class ReservationLifeCycle:
    """Turns nil and short picks into suspicions against the cell."""

    def __init__(self, context: DetectorContext) -> None:
        self._floor = context.spec.loss_floor
        self._horizon_days = context.spec.horizon_days

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """Cells whose book says there is stock and whose shelf says there is not."""
        del rows
        cells = views.cells
        if not cells.nil_picks:
            return
        number = np.array([cell for cell, _, _ in cells.nil_picks], dtype=np.int64)
        at_risk = cells.lines_a_day(number) * cells.price[number % cells.items] * self._horizon_days
        for (cell, event, _units), loss in zip(cells.nil_picks, at_risk.tolist(), strict=True):
            book = int(cells.erp[cell])
            if book > 0 and (loss >= self._floor or cells.trading_days < 1):
                location, item = divmod(cell, cells.items)
                yield Finding("phantom_stock", location=location, item=item, score=10.0, units=book, evidence=(event,))
