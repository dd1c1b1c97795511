"""The fitted classifier: faults by the numbers of one version, fitted offline on development seeds.

It reads the evidence of a case (:mod:`detection.classifiers.evidence`) into the model of its type
(:mod:`detection.classifiers.model`), and by Bayes' rule what a search for its goods came upon, once there was one. A
type that the version does not know, because it never occurred in what it was fitted on, is taken for its own fault
with the prior that the rules declare, or else with one that lets no machine act. What comes diagnosed from outside
stays as it is. It learns nothing while it is in charge; :mod:`detection.models` corrects its confidence by verdicts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detection.cases import Case
from detection.classifiers.base import Diagnosis
from detection.classifiers.evidence import evidence_of, search_odds
from detection.classifiers.model import read
from detection.classifiers.rules import SELF_EXPLAINING
from detection.spec import OperatorSpec
from detection.taxonomy import CAUSE_OF_FAULT, UNKNOWN
from detection.views.state import Views

#: Confidence about a type that was never seen and has no declared prior: below every threshold.
_UNSEEN = 0.3


class FittedClassifier:
    """Logistic regressions, one a type."""

    def __init__(self, spec: OperatorSpec) -> None:
        self._model = read(spec.classifier_file)
        #: That of the file.
        self.version = self._model.version

    def classify(self, case: Case, related: Sequence[Case], views: Views) -> Diagnosis:
        """A diagnosis of a case."""
        finding = case.finding
        if finding.fault_type:
            return Diagnosis(finding.type, finding.fault_type, 1.0, finding.cause)
        model = self._model.types.get(finding.type)
        if model is None:
            fault_type = finding.type if finding.type in CAUSE_OF_FAULT else UNKNOWN
            return Diagnosis(finding.type, fault_type, SELF_EXPLAINING.get(finding.type, _UNSEEN), finding.cause)
        if case.believed:
            # The evidence is that of the opening, which is what the model was fitted on; the search came after.
            said = model.name(np.array(case.believed) * search_odds(case, model.faults))
        else:
            said = model.say(evidence_of(case, related, views) if model.features else {})
        return Diagnosis(finding.type, said.fault_type, said.confidence, finding.cause, said.believed)

    def learn(self, case: Case) -> None:
        """It is fitted, and does not learn by itself."""
        del case
