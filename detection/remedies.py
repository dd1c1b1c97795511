"""Remedies: what puts an exception right, step by step, and what each step is aimed at.

A plan is an ordered list of action kinds for a type and the fault behind it: the first is tried, and
if it is refused, or done and the expected state still does not hold, the next. ``wait`` and the shorter
``pause`` are steps like any other, for what puts itself right.
"""

from __future__ import annotations

from detection.cases import Case
from detection.taxonomy import UNKNOWN
from detection.views.cells import Cells
from sim.clock import HOUR

#: (type, fault type) -> plan; fault type "" is the plan for any other fault.
PLANS: dict[tuple[str, str], tuple[str, ...]] = {
    ("dropped_message", ""): ("replay",),
    ("dropped_message", "posting_lag"): ("expedite", "replay"),
    ("dropped_message", "api_outage"): ("redrive", "replay"),
    ("duplicate_message", ""): ("suppress",),
    ("posting_lag", ""): ("expedite", "replay"),
    ("posting_lag", "dropped_message"): ("replay",),
    ("posting_lag", "api_outage"): ("wait", "redrive", "replay"),
    ("posting_lag", UNKNOWN): ("expedite", "replay"),
    # The yard takes a while to bring a truck to a door; before that there is nothing to receive.
    ("late_asn", ""): ("post_receipt", "pause", "post_receipt", "wait"),
    ("carton_mismatch", ""): ("relink",),
    ("receiving_variance", ""): ("claim",),
    ("receiving_variance", "unit_of_measure"): ("fix_conversion", "claim"),
    ("transfer_delay", ""): ("trace",),
    ("unit_of_measure", ""): ("fix_conversion",),
    ("api_outage", ""): ("redrive",),
    ("phantom_stock", ""): ("hold", "count"),
    ("negative_inventory", ""): ("count",),
    ("negative_inventory", "dropped_message"): ("wait", "count"),
    ("negative_inventory", "posting_lag"): ("wait", "count"),
    ("negative_inventory", "duplicate_message"): ("wait", "count"),
    ("negative_inventory", "unit_of_measure"): ("wait", "count"),
    ("count_variance", ""): ("wait", "count"),
}
#: Steps that ask nothing of anyone.
PASSIVE: frozenset[str] = frozenset({"wait", "pause"})
#: The plans of a policy that repairs what it infers without looking: straight into the books.
INFERRED_PLANS: dict[str, tuple[str, ...]] = {
    "phantom_stock": ("adjust",),
    "negative_inventory": ("adjust",),
    "count_variance": ("adjust",),
    "posting_lag": ("replay",),
}
#: The plans of a policy that acts before the outcome of a count is known: the next wave brings goods.
PREDICTED_PLANS: dict[str, tuple[str, ...]] = {"phantom_stock": ("hold", "reprioritise", "count")}
#: Who carries out each kind when a machine does not.
TEAM_OF_KIND: dict[str, str] = {
    "replay": "integration",
    "redrive": "integration",
    "suppress": "integration",
    "expedite": "integration",
    "post_receipt": "dc",
    "relink": "dc",
    "trace": "supply_chain",
    "claim": "inventory_control",
    "fix_conversion": "inventory_control",
    "count": "store",
    "adjust": "inventory_control",
    "resync": "inventory_control",
    "hold": "inventory_control",
    "release": "inventory_control",
    "reprioritise": "supply_chain",
    "escalate": "inventory_control",
}
#: Hours after which a step that was done must show, or the next is tried; 0: its own answer is the proof.
VERIFY_HOURS: dict[str, float] = {
    "replay": 6.0,
    "redrive": 6.0,
    "expedite": 4.0,
    "post_receipt": 8.0,
    "relink": 8.0,
    "trace": 24.0,
    "wait": 30.0,
    "pause": 1.5,
}
#: Books that an inferred adjustment is made in, by type: 0 the site's, 1 ERP's.
ADJUSTED_SYSTEM: dict[str, int] = {"phantom_stock": 0, "negative_inventory": 1, "count_variance": 0}


def plan_for(type_name: str, fault_type: str, *, infers: bool = False, predicts: bool = False) -> tuple[str, ...]:
    """The steps for a type and the fault behind it."""
    if predicts and type_name in PREDICTED_PLANS:
        return PREDICTED_PLANS[type_name]
    if infers and type_name in INFERRED_PLANS:
        return INFERRED_PLANS[type_name]
    return PLANS.get((type_name, fault_type), PLANS[type_name, ""])


def team_for(kind: str, location: int) -> str:
    """Who carries out a step at a location: the distribution centre counts its own stock."""
    team = TEAM_OF_KIND.get(kind, "inventory_control")
    return "dc" if team == "store" and location == 0 else team


def verify_span(kind: str) -> int:
    """Microseconds within which a step must show, 0 where its answer is the proof."""
    return int(VERIFY_HOURS.get(kind, 0.0) * HOUR)


def target_of(kind: str, case: Case) -> dict[str, int]:
    """The target fields of an action of this kind for a case, as :class:`sim.actions.Action` names them."""
    finding = case.finding
    if kind == "redrive":
        return {"interface": finding.interface}
    if kind in {"replay", "suppress", "expedite"}:
        return {
            "document_id": finding.document_id, "location": finding.location, "item": finding.item,
            "interface": finding.interface, "sequence": finding.sequence,
        }  # fmt: skip
    if kind == "trace":
        return {"document_id": finding.document_id, "location": finding.location}
    if kind in {"post_receipt", "relink", "claim"}:
        return {"document_id": finding.document_id, "location": 0, "item": finding.item}
    if kind == "fix_conversion":
        return {"location": 0, "item": finding.item}
    if kind == "escalate":
        return {
            "document_id": finding.document_id, "location": finding.location, "item": finding.item,
            "interface": finding.interface,
        }  # fmt: skip
    return {"location": finding.location, "item": finding.item}


def adjustment(case: Case, cells: Cells) -> int:
    """Signed units that would bring a book to what the case infers."""
    location, item = case.finding.location, case.finding.item
    if min(location, item) < 0:
        return 0
    book = int(cells.erp[location * cells.items + item])
    if case.type == "count_variance":
        return case.found_units
    return -book


