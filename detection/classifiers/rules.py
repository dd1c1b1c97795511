"""The rule classifier: what the evidence of each life cycle says of the fault behind it.

The hard question is a line that ERP has not posted in time. What is sent together travels together:
if one line is missing from a batch whose others came, the *message* is lost; if the whole batch is
missing past its service level, it *lags*; if the interface was down meanwhile, the *outage* is behind
it; a batch of one line could be either, and the confidence says so. A second posting of one number is
a duplicate; two equal sales under two numbers are two sales. A book below zero is a consequence: of a
line of the same cell that is lost, late, doubled or mis-measured, where there is one, and else of a
mis-scan. A first short pick on a cell that sells is the picker's, others are the cell's. Shrink takes unit by
unit, and so empties slow cells; a fast one is replenished meanwhile, and when it is empty all the same
its goods stand elsewhere. Once people have searched, what they came upon is what counts.

Confidence is a declared prior for each branch; what closed cases say of it is the calibration's
(:mod:`detection.models`), which has versions of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detection.cases import Case
from detection.classifiers.base import Diagnosis
from detection.classifiers.evidence import MISPLACED_DAYS
from detection.spec import OperatorSpec
from detection.taxonomy import UNKNOWN
from detection.views.state import Views
from sim.clock import DAY, HOUR
from sim.events import NULL

#: Types whose fault is the type itself, with the prior confidence.
SELF_EXPLAINING: dict[str, float] = {
    "duplicate_message": 0.97,
    "late_asn": 0.95,
    "carton_mismatch": 0.97,
    "receiving_variance": 0.93,
    "transfer_delay": 0.93,
    "unit_of_measure": 0.9,
    "api_outage": 0.95,
    "missing_disposition": 0.95,
    "rtv_gap": 0.95,
    "out_of_order": 0.95,
    "batch_failure": 0.97,
    "schema_drift": 0.97,
    "clock_skew": 0.95,
    "price_mismatch": 0.95,
    "duplicate_item": 0.9,
    "reservation_leak": 0.85,
}
#: Short picks on a cell from which on the pickers are not to blame, and a silence (log probability) likewise.
_STRIKES, _LOG_SILENCE = 2, -3.0
#: A cell whose book would last longer than this is a slow one, which loses its stock by units; a fast one is
#: emptied at once.
_COVER_DAYS = 15.0
#: A count off by so many units and such a share of the book may be the counter's mistake.
_GROSS_UNITS, _GROSS_SHARE = 3, 0.4
_MESSAGE_FAULTS = ("dropped_message", "posting_lag", "duplicate_message", "unit_of_measure")


class RuleClassifier:
    """Rules of the trade, with a prior confidence each."""

    version = "rules-1"

    def __init__(self, spec: OperatorSpec) -> None:
        self._service = int(spec.service_hours * HOUR)

    def classify(self, case: Case, related: Sequence[Case], views: Views) -> Diagnosis:
        """A diagnosis of a case."""
        finding = case.finding
        if finding.fault_type:
            return Diagnosis(finding.type, finding.fault_type, 1.0, finding.cause)
        if finding.type in SELF_EXPLAINING:
            diagnosis = Diagnosis(finding.type, finding.type, SELF_EXPLAINING[finding.type])
        elif finding.type in {"dropped_message", "posting_lag"}:
            diagnosis = self._missing(case, views)
        else:
            diagnosis = _cell(case, related, views)
        return Diagnosis(diagnosis.type, diagnosis.fault_type, diagnosis.confidence, finding.cause)

    def learn(self, case: Case) -> None:
        """Rules are written, not learned."""
        del case

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


def _cell(case: Case, related: Sequence[Case], views: Views) -> Diagnosis:
    """A cell whose record is wrong: which fault put it wrong?"""
    type_name = case.finding.type
    for other in related:
        # Stock that arrived and was not booked explains a book too low; units counted twice, one too
        # high or too low; neither explains goods that nobody finds on the shelf.
        if other is not case and other.fault_type in _MESSAGE_FAULTS and type_name == "negative_inventory":
            return Diagnosis(type_name, other.fault_type, 0.75)
    if type_name == "negative_inventory":
        return Diagnosis(type_name, "scan_error", 0.6)
    if case.searched_units != NULL:
        found = case.searched_units > 0
        return Diagnosis(type_name, "misplacement", 0.95) if found else Diagnosis(type_name, "shrink", 0.6)
    finding = case.finding
    cell = finding.location * views.cells.items + finding.item
    if type_name == "short_pick":
        strikes = len(views.strikes(finding.location, finding.item))
        if strikes < _STRIKES and views.cells.silence(cell) > _LOG_SILENCE:
            return Diagnosis(type_name, "short_pick", 0.8)
        return Diagnosis(type_name, _emptied_by(cell, views), 0.6)
    if type_name == "phantom_stock":
        return Diagnosis(type_name, _emptied_by(cell, views), 0.65)
    if type_name == "count_variance":
        book = int(views.counts.counted_book[cell])
        if abs(case.found_units) >= max(_GROSS_UNITS, _GROSS_SHARE * book):
            return Diagnosis(type_name, "count_variance", 0.4)
        return Diagnosis(type_name, "shrink" if case.found_units < 0 else "scan_error", 0.5)
    return Diagnosis(type_name, UNKNOWN, 0.3)


def _emptied_by(cell: int, views: Views) -> str:
    """What left a cell empty whose book is not: goods in the wrong place, or lost ones."""
    cells, moved_at = views.cells, views.counts.moved_at.get(cell, NULL)
    if moved_at != NULL and views.now - moved_at < MISPLACED_DAYS * DAY:
        return "misplacement"
    cover = int(cells.erp[cell]) / max(1e-3, float(cells.lines_a_day(np.array([cell], dtype=np.int64))[0]))
    return "misplacement" if cover < _COVER_DAYS else "shrink"
