"""The life of a reservation: promised against a book, picked in full, shipped.

A pick that finds nothing contradicts the book it was promised against: the goods are not where, or
not as many as, the record says. That is known at once, long before the cell's silence is.
"""

from __future__ import annotations

from collections.abc import Iterator

from detection.detectors.base import DetectorContext
from detection.taxonomy import Finding
from detection.views.state import Views
from sim.events import Rows


class ReservationLifeCycle:
    """Turns nil and short picks into suspicions against the cell."""

    def __init__(self, context: DetectorContext) -> None:
        del context

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """Cells whose book says there is stock and whose shelf says there is not."""
        del rows
        cells = views.cells
        for cell, event, _units in cells.nil_picks:
            book = int(cells.erp[cell])
            if book > 0:
                location, item = divmod(cell, cells.items)
                yield Finding("phantom_stock", location=location, item=item, score=10.0, units=book, evidence=(event,))
