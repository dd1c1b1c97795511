"""The life of a return to a vendor: shipped, posted in ERP, credited by the vendor.

Goods that left and that ERP still shows, or for which no credit came by its due time, are one gap: the
document says which step is missing, and so what to do first.
"""

from __future__ import annotations

from collections.abc import Iterator

from detection.detectors.base import DetectorContext
from detection.detectors.postings import EVIDENCE_MAX, VENDOR_CODES
from detection.taxonomy import Finding
from detection.views.messages import MessageLine
from detection.views.state import Views
from sim.events import Rows


class VendorLifeCycle:
    """Compares returns to vendors with their postings and their credits."""

    def __init__(self, context: DetectorContext) -> None:
        del context

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """Documents that ERP did not post in time, and credits that are overdue."""
        del rows
        parked: dict[int, list[MessageLine]] = {}
        for line in views.messages.overdue:
            if line.code in VENDOR_CODES and not views.channels.is_explained(line.interface, line.sent_at):
                parked.setdefault(line.document_id, []).append(line)
        for document, lines in parked.items():
            yield Finding(
                "rtv_gap", document_id=document, units=sum(abs(line.quantity) for line in lines),
                evidence=tuple(line.event_id for line in lines[:EVIDENCE_MAX]), steps=("post_return", "chase_credit"),
            )  # fmt: skip
        for credit in views.credits.overdue:
            yield Finding(
                "rtv_gap", document_id=credit.document_id, units=credit.units, evidence=(credit.event_id,),
                steps=("chase_credit", "post_return"),
            )  # fmt: skip
