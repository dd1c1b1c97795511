"""Alerts from outside: a user's file of alerts, or an oracle, through one port."""

from __future__ import annotations

from collections.abc import Sequence

from detection.detectors.base import DetectorContext
from detection.taxonomy import Finding
from detection.views.state import Views
from sim.events import Rows


class Supplied:
    """Passes on what its port says; with no port it is silent."""

    def __init__(self, context: DetectorContext) -> None:
        self._port = context.supplied

    def detect(self, views: Views, rows: Rows) -> Sequence[Finding]:
        """What became known by now."""
        del rows
        return () if self._port is None else self._port.read(views.now)
