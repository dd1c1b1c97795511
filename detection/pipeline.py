"""The operator: a pure pipeline from what the stream shows to what the world is asked to do.

``views → detectors → alerts → cases (classified, ranked) → policy → actions``, all audited. It holds
no handle on the world and no clock but ``now``; the same object runs in the closed loop, over a
recorded stream (its actions dropped) and over a user's own log. Two operators built alike and shown
the same rows do the same.
"""

from __future__ import annotations

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
from sim.events import Rows

#: A subject already reported with this type within this time raises no second alert.
REPEAT_AFTER = DAY


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
        self._reported: dict[tuple[str, Subject], int] = {}

    def step(self, now: int, rows: Rows) -> list[Action]:
        """Take in the rows that became visible by ``now``; returns requests to the world.

        Args:
            now: simulated time; must not fall from step to step.
            rows: what became visible since the last step.
        """
        views = self.views
        views.update(now, rows)
        if views.is_new_day:
            self._reported = {key: at for key, at in self._reported.items() if now - at < REPEAT_AFTER}
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
        """Tables ``alerts``, ``cases``, ``actions``, ``decisions`` and ``calibration`` as name -> list of values."""
        return self._recorder.tables(self._desk.book.cases)

    def _is_news(self, now: int, finding: Finding) -> bool:
        """Whether this subject was not reported with this type within a day; outages always are news."""
        key = (finding.type, finding.subject)
        before = self._reported.get(key)
        if before is not None and now - before < REPEAT_AFTER and (finding.type != "api_outage" or before == now):
            return False
        self._reported[key] = now
        return True

    def _raise(self, now: int, finding: Finding) -> int:
        alert_id = key_id(self._seed, "alert", finding.type, *finding.subject, now)
        self._recorder.alert(alert_id, now, finding)
        return alert_id


def build(spec: OperatorSpec, layout: Layout, seed: int, supplied: AlertPort | None = None) -> Operator:
    """An operator as the spec describes it.

    Args:
        spec: which plug-in stands at each stage.
        layout: names and sizes of the region.
        seed: of ids and of detectors that draw.
        supplied: the port that the detector ``supplied`` reads.

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
        load("classifier", spec.classifier)(spec),
        load("priority", spec.priority)(spec),
    )


__all__ = ["AlertPort", "Finding", "Layout", "Operator", "OperatorSpec", "PilotScope", "build"]
