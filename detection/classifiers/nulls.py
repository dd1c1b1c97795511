"""The classifier that knows nothing: the detector's word for the type, and no opinion on the fault."""

from __future__ import annotations

from collections.abc import Sequence

from detection.cases import Case
from detection.classifiers.base import Diagnosis
from detection.spec import OperatorSpec
from detection.views.state import Views


class NoClassifier:
    """Repeats the alert."""

    version = "none-1"

    def __init__(self, spec: OperatorSpec) -> None:
        del spec

    def classify(self, case: Case, related: Sequence[Case], views: Views) -> Diagnosis:
        """The alert's own type, fault unknown."""
        del related, views
        return Diagnosis(case.finding.type)

    def learn(self, case: Case) -> None:
        """Nothing."""
        del case
