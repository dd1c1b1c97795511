"""A detector that got worse: the standard one, which loses a share of what it finds.

Whether a subject is lost is drawn from its key, so a lost one stays lost however often it is found again, and the
same ones are lost on every run of a seed. The share is ``detector.parameters.lost``.
"""

from __future__ import annotations

from collections.abc import Iterator

from detection.detectors.base import DetectorContext
from detection.detectors.composite import build_detector
from detection.keys import key_id
from detection.taxonomy import Finding
from detection.views.state import Views
from sim.events import Rows


class Lossy:
    """The standard detector less a keyed share of its findings."""

    def __init__(self, context: DetectorContext) -> None:
        self._model = build_detector(context, "standard")
        self._seed = context.seed
        self._lost = context.spec.parameters.get("lost", 0.1)

    def detect(self, views: Views, rows: Rows) -> Iterator[Finding]:
        """What the standard detector finds and this one does not lose."""
        for finding in self._model.detect(views, rows):
            if not self._loses(finding):
                yield finding

    def _loses(self, finding: Finding) -> bool:
        subject = (finding.type, finding.location, finding.item, finding.document_id, finding.interface,
                   finding.sequence)
        return key_id(self._seed, "lost", *subject) % 10_000 < self._lost * 10_000
