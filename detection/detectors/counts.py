"""The life of a count: counted, judged against its tolerance, adjusted, posted."""

from __future__ import annotations

from collections.abc import Iterator

from detection.detectors.base import DetectorContext
from detection.detectors.postings import COUNT_CODES, overdue_postings, wrong_postings
from detection.taxonomy import Finding
from detection.views.state import Views
from sim.events import Rows


class CountLifeCycle:
    """Reports counts out of tolerance, and adjustments that ERP did not post."""

    def __init__(self, context: DetectorContext) -> None:
        del context

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """Variances, and late, lost or doubled adjustments."""
        del rows
        for result in views.counts.variances:
            yield Finding(
                "count_variance", location=result.location, item=result.item, document_id=result.document_id,
                units=abs(result.counted - result.book), evidence=(result.event_id,),
            )  # fmt: skip
        yield from overdue_postings(views, COUNT_CODES)
        yield from wrong_postings(views, COUNT_CODES)
