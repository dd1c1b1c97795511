"""The life of a transfer: shipped, departed, arrived within its service level, received, posted."""

from __future__ import annotations

import math
from collections.abc import Iterator

from detection.detectors.base import DetectorContext
from detection.detectors.postings import ORDER_CODES, TRANSFER_CODES, overdue_postings, wrong_postings
from detection.taxonomy import Finding
from detection.views.state import Views
from sim.clock import HOUR
from sim.events import Rows

#: Trips of a lane that must be known before it may be used to predict.
TRIPS_MIN = 8


class TransferLifeCycle:
    """Watches trucks against their due time, and postings of what they carried.

    With the policy ``predictive`` it also warns before the due time, where a truck has been on the
    road for so much longer than its lane's usual that it will hardly make it.
    """

    def __init__(self, context: DetectorContext) -> None:
        self._predicts = context.spec.policy == "predictive"
        self._deviations = context.spec.parameter("transfer_deviations", 3.0)
        self._announced: set[int] = set()

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """Late trucks, trucks about to be late, and late, lost or doubled postings."""
        del rows
        for transfer in views.shipments.late:
            yield Finding(
                "transfer_delay", location=transfer.location, document_id=transfer.document_id,
                evidence=(transfer.event_id,),
            )  # fmt: skip
        if self._predicts and views.is_new_hour:
            yield from self._predict(views)
        yield from overdue_postings(views, TRANSFER_CODES | ORDER_CODES)
        yield from wrong_postings(views, TRANSFER_CODES | ORDER_CODES)

    def _predict(self, views: Views) -> Iterator[Finding]:
        travelling = views.shipments.travelling
        self._announced &= travelling.keys()
        for document, transfer in travelling.items():
            trips, mean, variance = views.shipments.transit[transfer.location].tolist()
            latest = mean + self._deviations * math.sqrt(variance) + HOUR
            elapsed = views.now - transfer.departed_at
            if document in self._announced or trips < TRIPS_MIN or elapsed <= latest or views.now >= transfer.due_at:
                continue
            self._announced.add(document)
            yield Finding(
                "transfer_delay", location=transfer.location, document_id=document, score=elapsed / latest,
                deadline=transfer.due_at, evidence=(transfer.event_id,),
            )  # fmt: skip
