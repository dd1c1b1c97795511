"""The life of a nightly file: sent with its control totals, booked with the same by the morning."""

from __future__ import annotations

from collections.abc import Iterator

from detection.detectors.base import DetectorContext
from detection.taxonomy import Finding
from detection.views.state import Views
from sim.events import INTERFACE, Rows

_BATCH = INTERFACE["pos_batch"]


class BatchLifeCycle:
    """Reports files of legacy shops that are missing or partial against their control totals."""

    def __init__(self, context: DetectorContext) -> None:
        del context

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """Files of which ERP has not booked what the shop says it sent."""
        del rows
        for file in views.batches.failed:
            yield Finding(
                "batch_failure", location=file.location, document_id=file.document_id, interface=_BATCH,
                score=float(file.lines - max(0, file.booked)), units=file.units, evidence=(file.event_id,),
            )  # fmt: skip
