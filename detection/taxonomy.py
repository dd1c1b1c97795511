"""The words of a diagnosis: exception types, fault types and root causes, and what a subject is.

An *exception type* names the rule that is broken; a *fault type* the mechanism behind it; the *root
cause* the family of that mechanism. A finding's *subject* is the one thing it speaks of: a message
(interface, location, sequence), a document, a cell (location, item), an item or an interface.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.events import NO_CODE, NULL

TYPES: tuple[str, ...] = (
    "dropped_message",
    "duplicate_message",
    "posting_lag",
    "late_asn",
    "carton_mismatch",
    "receiving_variance",
    "transfer_delay",
    "unit_of_measure",
    "api_outage",
    "phantom_stock",
    "negative_inventory",
    "count_variance",
)
CAUSES: tuple[str, ...] = ("data_synchronization", "business_rule", "timing_delay", "physical_discrepancy")
UNKNOWN = "unknown"
#: fault type -> root cause.
CAUSE_OF_FAULT: dict[str, str] = {
    "dropped_message": "data_synchronization",
    "duplicate_message": "data_synchronization",
    "carton_mismatch": "data_synchronization",
    "posting_lag": "timing_delay",
    "late_asn": "timing_delay",
    "transfer_delay": "timing_delay",
    "api_outage": "timing_delay",
    "unit_of_measure": "business_rule",
    "receiving_variance": "physical_discrepancy",
    "count_variance": "physical_discrepancy",
    "shrink": "physical_discrepancy",
    "scan_error": "physical_discrepancy",
    UNKNOWN: UNKNOWN,
}
FAULT_TYPES: tuple[str, ...] = tuple(CAUSE_OF_FAULT)
#: What kind of thing an exception type speaks of.
SCOPE_OF_TYPE: dict[str, str] = {
    "dropped_message": "message",
    "duplicate_message": "message",
    "posting_lag": "message",
    "late_asn": "document",
    "carton_mismatch": "document",
    "receiving_variance": "document",
    "transfer_delay": "document",
    "unit_of_measure": "item",
    "api_outage": "interface",
    "phantom_stock": "cell",
    "negative_inventory": "cell",
    "count_variance": "cell",
}
#: A subject, comparable and hashable: its scope, then up to three integers.
Subject = tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class Finding:
    """A detector's claim, before it is numbered and recorded.

    Attributes:
        type: exception type, one of :data:`TYPES`.
        location, item, document_id, interface, sequence: the subject; codes as in the stream.
        score: the larger the surer; comparable within one detector.
        units: units of stock concerned; 0 where unknown.
        deadline: for a prediction, when the rule will break; else null.
        evidence: ids of the rows it rests on.
        fault_type: for findings that come diagnosed from outside; else empty.
        source: event type (code) of the row that the subject began with; -1 where none.
    """

    type: str
    location: int = NO_CODE
    item: int = NO_CODE
    document_id: int = NULL
    interface: int = NO_CODE
    sequence: int = NULL
    score: float = 1.0
    units: int = 0
    deadline: int = NULL
    evidence: tuple[int, ...] = ()
    fault_type: str = ""
    source: int = NO_CODE

    def __post_init__(self) -> None:
        if self.type not in SCOPE_OF_TYPE:
            raise ValueError(f"unknown exception type {self.type!r}; valid: {', '.join(TYPES)}")

    @property
    def subject(self) -> Subject:
        """The one thing this finding speaks of."""
        scope = SCOPE_OF_TYPE[self.type]
        if scope == "message" and self.sequence == NULL:
            scope = "document"
        if scope == "message":
            return (scope, self.interface, self.location, self.sequence)
        if scope == "document":
            return (scope, self.document_id, self.item, 0)
        if scope == "cell":
            return (scope, self.location, self.item, 0)
        if scope == "item":
            return (scope, self.item, 0, 0)
        return (scope, self.interface, self.location, 0)
