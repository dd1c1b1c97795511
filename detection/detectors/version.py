"""The life of an order line: confirmed, changed, and always by its latest version.

A version that comes late and is ignored is a valid late update; one that ERP took after a newer has
overwritten it.
"""

from __future__ import annotations

from collections.abc import Iterator

from detection.detectors.base import DetectorContext
from detection.taxonomy import Finding
from detection.views.state import Views
from sim.events import Rows


class VersionLifeCycle:
    """Reports order lines that an older version has overwritten."""

    def __init__(self, context: DetectorContext) -> None:
        del context

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """Lines out of order since this step."""
        del rows
        for line in views.versions.overwritten:
            yield Finding(
                "out_of_order", location=0, item=line.item, document_id=line.purchase,
                units=abs(line.stale_units - line.units), evidence=(line.event_id, line.stale_event),
            )  # fmt: skip
