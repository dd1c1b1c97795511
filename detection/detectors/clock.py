"""The clocks of shops: a constant offset between what a till stamps and when its rows are taken in."""

from __future__ import annotations

from collections.abc import Iterator

from detection.detectors.base import DetectorContext
from detection.taxonomy import Finding
from detection.views.state import Views
from sim.clock import MINUTE
from sim.events import Rows


class ClockOffset:
    """Reports shops whose stamps lie in the future or the past by a constant."""

    def __init__(self, context: DetectorContext) -> None:
        del context

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """Shops found wrong in this step."""
        del rows
        for skew in views.clocks.found:
            yield Finding(
                "clock_skew", location=skew.location, score=abs(skew.offset) / MINUTE, evidence=skew.event_ids
            )
