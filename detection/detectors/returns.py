"""The life of a return: taken back at the till, inspected, put back on the shelf, posted."""

from __future__ import annotations

from collections.abc import Iterator

from detection.detectors.base import DetectorContext
from detection.detectors.postings import RETURN_CODES, overdue_postings, wrong_postings
from detection.taxonomy import Finding
from detection.views.state import Views
from sim.events import Rows


class ReturnLifeCycle:
    """Watches ERP's postings of returned goods."""

    def __init__(self, context: DetectorContext) -> None:
        del context

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """Returned at the till and still missing in ERP, or there twice."""
        del rows
        yield from overdue_postings(views, RETURN_CODES)
        yield from wrong_postings(views, RETURN_CODES)
