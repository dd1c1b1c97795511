"""The operator: a pure pipeline from what the stream shows to what the world is asked to do.

``views → detectors → alerts → cases (classified, ranked) → policy → actions``, all audited. It holds
no handle on the world and no clock but ``now``; the same object runs in the closed loop, over a
recorded stream (its actions dropped) and over a user's own log. Two operators built alike and shown
the same rows do the same.
"""

from __future__ import annotations

from typing import NamedTuple

from detection.audit import AuditLog
from detection.classifiers.base import Classifier
from detection.desk import CaseDesk
from detection.detectors.base import AlertPort, Detector, DetectorContext
from detection.detectors.composite import build_detector
from detection.keys import key_id
from detection.layout import Layout
from detection.policy import find_policy
from detection.priorities.base import Priority
from detection.records import Recorder, Table
from detection.registry import load
from detection.spec import OperatorSpec, PilotScope
from detection.taxonomy import Finding, Subject
from detection.views.state import Views
from sim.actions import Action
from sim.clock import DAY
from sim.events import NULL, Rows

#: A subject already reported with this type within this time raises no second alert.
REPEAT_AFTER = DAY
#: Types of a cell whose silence is the evidence: nothing is news until the cell gives a sign of life again.
_OF_SILENCE = frozenset({"phantom_stock"})


class _Report(NamedTuple):
    """When a subject was last reported; of a silent cell also which, and the mark of its last sign of life."""

    at: int
    cell: int
    mark: int


class Operator:
    """The AI-operations layer of one region.

    Attributes:
        views: the state that the stream implies.
        audit: the sealed trail of decisions.
    """

    def __init__(
        self, spec: OperatorSpec, layout: Layout, seed: int, detector: Detector, classifier: Classifier,
        priority: Priority,
    ) -> None:  # fmt: skip
        self.views = Views(layout, spec)
        self.audit = AuditLog()
        self._seed = seed
        self._detector = detector
        self._score_min = spec.score_min
        self._recorder = Recorder(layout, spec.detector)
        self._desk = CaseDesk(
            spec, find_policy(spec.policy), classifier, priority, self._recorder, self.audit,
            seed=seed, stores=layout.locations - 1,
        )  # fmt: skip
        self._reported: dict[tuple[str, Subject], _Report] = {}

    def step(self, now: int, rows: Rows) -> list[Action]:
        """Take in the rows that became visible by ``now``; returns requests to the world.

        Args:
            now: simulated time; must not fall from step to step.
            rows: what became visible since the last step.
        """
        views = self.views
        views.update(now, rows)
        if views.is_new_day:
            self._reported = {key: report for key, report in self._reported.items() if self._stands(now, report)}
        alerts = [
            (self._raise(now, finding), finding)
            for finding in self._detector.detect(views, rows)
            if (self._score_min is None or finding.score >= self._score_min) and self._is_news(now, finding)
        ]
        return self._desk.step(views, alerts, rows)

    def close(self) -> None:
        """The end of the run: a detector that lives in a process of its own ends too.

        Raises:
            DetectorFailed: it would not, or left something behind.
        """
        close = getattr(self._detector, "close", None)
        if close is not None:
            close()

    def records(self) -> dict[str, Table]:
        """The recorder's tables: name -> column -> list of values."""
        return self._recorder.tables(self._desk.book.cases)

    def _is_news(self, now: int, finding: Finding) -> bool:
        """Whether this subject was not reported with this type lately; outages always are news."""
        key = (finding.type, finding.subject)
        before = self._reported.get(key)
        if before is not None and self._stands(now, before) and (finding.type != "api_outage" or before.at == now):
            return False
        cell, mark = -1, NULL
        if finding.type in _OF_SILENCE:
            cell = finding.location * self.views.cells.items + finding.item
            mark = int(self.views.cells.mark[cell])
        self._reported[key] = _Report(now, cell, mark)
        return True

    def _stands(self, now: int, report: _Report) -> bool:
        """Whether a report still says all there is to say: it is fresh, or its cell has been silent ever since."""
        is_silent = report.cell >= 0 and report.mark == int(self.views.cells.mark[report.cell])
        return now - report.at < REPEAT_AFTER or is_silent

    def _raise(self, now: int, finding: Finding) -> int:
        alert_id = key_id(self._seed, "alert", finding.type, *finding.subject, now)
        self._recorder.alert(alert_id, now, finding)
        return alert_id


def build(
    spec: OperatorSpec, layout: Layout, seed: int, supplied: AlertPort | None = None,
    classifier: Classifier | None = None,
) -> Operator:  # fmt: skip
    """An operator as the spec describes it.

    Args:
        spec: which plug-in stands at each stage.
        layout: names and sizes of the region.
        seed: of ids and of detectors that draw.
        supplied: the port that the detector ``supplied`` reads.
        classifier: stands in place of the one that the spec names.

    Raises:
        registry.UnknownNameError: a stage's name is unknown; the message lists the valid ones.
    """
    find_policy(spec.policy)
    context = DetectorContext(layout, spec, seed, supplied)
    return Operator(
        spec,
        layout,
        seed,
        build_detector(context, spec.detector),
        classifier if classifier is not None else load("classifier", spec.classifier)(spec),
        load("priority", spec.priority)(spec),
    )


__all__ = ["AlertPort", "Finding", "Layout", "Operator", "OperatorSpec", "PilotScope", "build"]
