"""The life of a return: taken back at the till, inspected, given a disposition, posted.

A return whose inspection is due and of which nobody has said what becomes of it lies in the cage, while
the web shop may offer it.
"""

from __future__ import annotations

from collections.abc import Iterator

from detection.detectors.base import DetectorContext
from detection.detectors.postings import RETURN_CODES, overdue_postings, wrong_postings
from detection.taxonomy import Finding
from detection.views.state import Views
from sim.events import Rows


class ReturnLifeCycle:
    """Watches what becomes of returned goods, and ERP's postings of them."""

    def __init__(self, context: DetectorContext) -> None:
        del context

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """Returned and undecided; returned at the till and still missing in ERP, or there twice."""
        del rows
        for goods in views.returned.missing:
            yield Finding(
                "missing_disposition", location=goods.location, item=goods.item, document_id=goods.document_id,
                units=goods.units, evidence=(goods.event_id,),
            )  # fmt: skip
        yield from overdue_postings(views, RETURN_CODES)
        yield from wrong_postings(views, RETURN_CODES)
