"""The words of a diagnosis: exception types, fault types and root causes, and what a subject is.

An *exception type* names the rule that is broken; a *fault type* the mechanism behind it; the *root
cause* the family of that mechanism. A finding's *subject* is the one thing it speaks of: a message
(interface, location, sequence), a document or a line of it, a cell (location, item), the price or the
record of an item, the clock of a shop, an interface or its contract.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.events import NO_CODE, NULL

CAUSES: tuple[str, ...] = ("data_synchronization", "business_rule", "timing_delay", "physical_discrepancy")
UNKNOWN = "unknown"
#: Exception type -> what kind of thing it speaks of. Two types of one scope on one thing share a case.
SCOPE_OF_TYPE: dict[str, str] = {
    "dropped_message": "message",
    "duplicate_message": "message",
    "posting_lag": "message",
    "late_asn": "document",
    "carton_mismatch": "document",
    "receiving_variance": "document",
    "transfer_delay": "document",
    "out_of_order": "document",
    "missing_disposition": "document",
    "rtv_gap": "document",
    "reservation_leak": "document",
    "short_pick": "document",
    "batch_failure": "document",
    "unit_of_measure": "item",
    "duplicate_item": "record",
    "api_outage": "interface",
    "schema_drift": "contract",
    "clock_skew": "clock",
    "price_mismatch": "price",
    "phantom_stock": "cell",
    "negative_inventory": "cell",
    "count_variance": "cell",
}
TYPES: tuple[str, ...] = tuple(SCOPE_OF_TYPE)
#: Types of a cell, and of a line that was not found in one: several faults may be behind each.
TYPES_OF_SEVERAL_FAULTS: frozenset[str] = frozenset(
    {"phantom_stock", "negative_inventory", "count_variance", "short_pick"}
)
#: Which fields of a finding name the one thing of its scope, at most three.
FIELDS_OF_SCOPE: dict[str, tuple[str, ...]] = {
    "message": ("interface", "location", "sequence"),
    "document": ("document_id", "item"),
    "cell": ("location", "item"),
    "price": ("location", "item"),
    "item": ("item",),
    "record": ("item",),
    "interface": ("interface", "location"),
    "contract": ("interface",),
    "clock": ("location",),
}
#: fault type -> root cause.
CAUSE_OF_FAULT: dict[str, str] = {
    "dropped_message": "data_synchronization",
    "duplicate_message": "data_synchronization",
    "carton_mismatch": "data_synchronization",
    "reservation_leak": "data_synchronization",
    "schema_drift": "data_synchronization",
    "duplicate_item": "data_synchronization",
    "clock_skew": "data_synchronization",
    "posting_lag": "timing_delay",
    "late_asn": "timing_delay",
    "transfer_delay": "timing_delay",
    "rtv_gap": "timing_delay",
    "out_of_order": "timing_delay",
    "api_outage": "timing_delay",
    "batch_failure": "timing_delay",
    # Late on its way to the till; where a wrong rule is behind it, the finding says so.
    "price_mismatch": "timing_delay",
    "unit_of_measure": "business_rule",
    "missing_disposition": "business_rule",
    "receiving_variance": "physical_discrepancy",
    "short_pick": "physical_discrepancy",
    "count_variance": "physical_discrepancy",
    "shrink": "physical_discrepancy",
    "misplacement": "physical_discrepancy",
    "scan_error": "physical_discrepancy",
    UNKNOWN: UNKNOWN,
}
FAULT_TYPES: tuple[str, ...] = tuple(CAUSE_OF_FAULT)
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
        cause: root cause, where the evidence tells more than the fault type does; else empty.
        steps: remedies that the evidence asks for, in order; empty where it leaves them to the plan of the type.
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
    cause: str = ""
    steps: tuple[str, ...] = ()
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
        names = [getattr(self, name) for name in FIELDS_OF_SCOPE[scope]]
        first, second, third = (*names, 0, 0)[:3]
        return (scope, first, second, third)
