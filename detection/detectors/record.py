"""The life of an item record: one article, one number."""

from __future__ import annotations

from collections.abc import Iterator

from detection.detectors.base import DetectorContext
from detection.taxonomy import Finding
from detection.views.state import Views
from sim.events import EVENT_TYPE, Rows

_RECORD = EVENT_TYPE["master_data"]


class RecordLifeCycle:
    """Reports articles that the master data holds under two numbers."""

    def __init__(self, context: DetectorContext) -> None:
        del context

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """Second numbers of an article that is known already."""
        del rows
        for twin in views.records.found:
            yield Finding("duplicate_item", item=twin.item, evidence=(twin.event_id,), source=_RECORD)
