"""The life of a receipt: advised, arrived, received as advised, posted in time and in the right unit."""

from __future__ import annotations

from collections.abc import Iterator

from detection.detectors.base import DetectorContext
from detection.detectors.postings import RECEIPT_CODES, is_whole_ratio, overdue_postings, wrong_postings
from detection.taxonomy import Finding
from detection.views.shipments import Receipt
from detection.views.state import Views
from sim.events import NO_CODE, Rows


class ReceiptLifeCycle:
    """Compares receipts with their notices, and ERP's postings with the receipts."""

    def __init__(self, context: DetectorContext) -> None:
        del context

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """Missing notices, wrong cartons, wrong quantities, late, lost, doubled and mis-measured postings."""
        del rows
        for shipment, supplier, event in views.shipments.unannounced:
            # Whether the supplier is late, or its notice lies in a mailbox that is down, nobody here can see.
            mailbox = views.shipments.mailboxes.get(supplier, NO_CODE) if supplier >= 0 else NO_CODE
            yield Finding("late_asn", location=0, document_id=shipment, interface=mailbox, evidence=(event,))
        for receipt in views.shipments.exceptional:
            yield self._exceptional(views, receipt)
        yield from overdue_postings(views, RECEIPT_CODES)
        yield from wrong_postings(views, RECEIPT_CODES)

    @staticmethod
    def _exceptional(views: Views, receipt: Receipt) -> Finding:
        evidence = (receipt.event_id,)
        if receipt.is_unknown:
            return Finding(
                "carton_mismatch", location=0, item=receipt.item, document_id=receipt.document_id,
                units=receipt.quantity, evidence=evidence,
            )  # fmt: skip
        difference = abs(receipt.quantity - receipt.advised)
        pack = int(views.cells.pack[receipt.item]) if receipt.item >= 0 else 1
        low, high = sorted((receipt.quantity, receipt.advised))
        # Each against case: off by exactly the pack, not by a chance multiple.
        if pack > 2 and is_whole_ratio(low, high) and high == low * pack:
            return Finding(
                "unit_of_measure", location=0, item=receipt.item, document_id=receipt.document_id, units=difference,
                evidence=evidence,
            )  # fmt: skip
        return Finding(
            "receiving_variance", location=0, item=receipt.item, document_id=receipt.document_id, units=difference,
            evidence=evidence,
        )  # fmt: skip
