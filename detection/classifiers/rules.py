"""The rule classifier: what the evidence of each life cycle says of the fault behind it.

The hard question is a line that ERP has not posted in time. What is sent together travels together:
if one line is missing from a batch whose others came, the *message* is lost; if the whole batch is
missing past its service level, it *lags*; if the interface was down meanwhile, the *outage* is behind
it; a batch of one line could be either, and the confidence says so. A second posting of one number is
a duplicate; two equal sales under two numbers are two sales. A book below zero is a consequence: of a
line of the same cell that is lost, late, doubled or mis-measured, where there is one, and else of a
mis-scan.

Confidence begins at a declared prior for each branch and moves with the verdicts of closed cases: a
beta posterior whose prior weighs :data:`PRIOR_CASES` cases.
"""

from __future__ import annotations

from collections.abc import Sequence

from detection.cases import Case
from detection.classifiers.base import Diagnosis
from detection.spec import OperatorSpec
from detection.taxonomy import UNKNOWN
from detection.views.state import Views
from sim.clock import HOUR

PRIOR_CASES = 10.0
#: Types whose fault is the type itself, with the prior confidence.
_SELF_EXPLAINING: dict[str, float] = {
    "duplicate_message": 0.97,
    "late_asn": 0.95,
    "carton_mismatch": 0.97,
    "receiving_variance": 0.93,
    "transfer_delay": 0.93,
    "unit_of_measure": 0.9,
    "api_outage": 0.95,
}
_MESSAGE_FAULTS = ("dropped_message", "posting_lag", "duplicate_message", "unit_of_measure")


class RuleClassifier:
    """Rules of the trade, with confidences that learn from outcomes."""

    version = "rules-1"

    def __init__(self, spec: OperatorSpec) -> None:
        self._service = int(spec.service_hours * HOUR)
        self._outcomes: dict[tuple[str, str], list[int]] = {}

    def classify(self, case: Case, related: Sequence[Case], views: Views) -> Diagnosis:
        """A diagnosis of a case."""
        finding = case.finding
        if finding.fault_type:
            return Diagnosis(finding.type, finding.fault_type, 1.0)
        if finding.type in _SELF_EXPLAINING:
            diagnosis = Diagnosis(finding.type, finding.type, _SELF_EXPLAINING[finding.type])
        elif finding.type in {"dropped_message", "posting_lag"}:
            diagnosis = self._missing(case, views)
        else:
            diagnosis = _cell(case, related)
        return Diagnosis(diagnosis.type, diagnosis.fault_type, self._calibrated(diagnosis))

    def learn(self, case: Case) -> None:
        """Count a verdict for the branch that made the diagnosis."""
        if case.verdict:
            tally = self._outcomes.setdefault((case.type, case.fault_type), [0, 0])
            tally[case.verdict == "confirmed"] += 1

    def _missing(self, case: Case, views: Views) -> Diagnosis:
        """A message that is not where it should be."""
        finding, channels = case.finding, views.channels
        if channels.is_down(finding.interface):
            return Diagnosis(finding.type, "api_outage", 0.85)
        gap = channels.gap_over(finding.interface, finding.location, finding.sequence)
        if gap is not None and gap.is_line:
            return Diagnosis("dropped_message", "dropped_message", 0.96)
        if finding.type == "dropped_message":
            return Diagnosis("dropped_message", "dropped_message", 0.8)
        if gap is not None and gap.count > 1:
            return Diagnosis("posting_lag", "posting_lag", 0.95)
        if views.now - channels.recovered_at[finding.interface] < self._service:
            return Diagnosis("posting_lag", "api_outage", 0.6)
        # A document of one line: late far more often than lost; without any gap, nothing later came either.
        return Diagnosis("posting_lag", "posting_lag", 0.85 if gap is not None else 0.7)

    def _calibrated(self, diagnosis: Diagnosis) -> float:
        refuted, confirmed = self._outcomes.get((diagnosis.type, diagnosis.fault_type), (0, 0))
        return (diagnosis.confidence * PRIOR_CASES + confirmed) / (PRIOR_CASES + confirmed + refuted)


def _cell(case: Case, related: Sequence[Case]) -> Diagnosis:
    """A cell whose record is wrong: which fault put it wrong?"""
    type_name = case.finding.type
    for other in related:
        # Stock that arrived and was not booked explains a book too low; units counted twice, one too
        # high or too low; neither explains goods that nobody finds on the shelf.
        if other is not case and other.fault_type in _MESSAGE_FAULTS and type_name == "negative_inventory":
            return Diagnosis(type_name, other.fault_type, 0.75)
    if type_name == "negative_inventory":
        return Diagnosis(type_name, "scan_error", 0.6)
    if type_name == "phantom_stock":
        return Diagnosis(type_name, "shrink", 0.55)
    if type_name == "count_variance":
        is_loss = case.found_units < 0
        return Diagnosis(type_name, "shrink" if is_loss else "scan_error", 0.5)
    return Diagnosis(type_name, UNKNOWN, 0.3)
