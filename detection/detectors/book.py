"""A book below zero: nothing on a shelf can be fewer than none, so the record is wrong for certain."""

from __future__ import annotations

from collections.abc import Iterator

from detection.detectors.base import DetectorContext
from detection.taxonomy import Finding
from detection.views.state import Views
from sim.events import Rows


class NegativeBook:
    """Reports cells whose estimated ERP book is below zero, goods in flight and not yet due allowed for."""

    def __init__(self, context: DetectorContext) -> None:
        del context

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """Cells that went below zero in this step."""
        del rows
        for cell in views.cells.below_zero:
            location, item = divmod(cell, views.cells.items)
            yield Finding("negative_inventory", location=location, item=item, units=-int(views.cells.erp[cell]))
