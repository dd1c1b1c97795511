"""Remedies: what puts an exception right, step by step, and what each step is aimed at.

A plan is an ordered list of action kinds for a type and the fault behind it: the first is tried, and
if it is refused, or done and the expected state still does not hold, the next. ``wait`` and the shorter
``pause`` are steps like any other, for what puts itself right. Most steps are named like the action they
ask for; :data:`KIND_OF_STEP` has the others.
"""

from __future__ import annotations

from detection.cases import Case
from detection.taxonomy import UNKNOWN
from detection.views.cells import Cells
from detection.views.state import Views
from sim.clock import HOUR
from sim.events import EVENT_TYPE, NO_CODE

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
    # Where the truck turns out to have come, its confirmation is what is missing.
    ("transfer_delay", ""): ("trace", "expedite"),
    # A conversion that is right leaves a receipt that is a whole multiple off by chance.
    ("unit_of_measure", ""): ("fix_conversion", "claim"),
    ("api_outage", ""): ("redrive",),
    # Goods that stand in the wrong place are on hand: they are looked for before anything is written off.
    ("phantom_stock", ""): ("hold", "search", "move", "count"),
    ("negative_inventory", ""): ("count",),
    ("negative_inventory", "dropped_message"): ("wait", "count"),
    ("negative_inventory", "posting_lag"): ("wait", "count"),
    ("negative_inventory", "duplicate_message"): ("wait", "count"),
    ("negative_inventory", "unit_of_measure"): ("wait", "count"),
    ("count_variance", ""): ("wait", "count"),
    # A count that is off by very much may be the counter's mistake: someone else counts before it is booked.
    ("count_variance", "count_variance"): ("recount", "wait", "count"),
    ("short_pick", ""): ("repromise", "substitute"),
    ("reservation_leak", ""): ("release_order",),
    ("missing_disposition", ""): ("hold", "inspect", "set_disposition"),
    ("rtv_gap", ""): ("post_return", "chase_credit"),
    ("out_of_order", ""): ("resequence",),
    ("batch_failure", ""): ("rerun",),
    ("schema_drift", ""): ("fix_map", "redrive"),
    ("clock_skew", ""): ("correct_clock",),
    ("price_mismatch", ""): ("push_price",),
    ("duplicate_item", ""): ("merge_item",),
}
#: Step -> kind of the action it asks for, where the two differ.
KIND_OF_STEP: dict[str, str] = {"release_order": "release", "refer": "escalate"}
#: Steps that ask nothing of the case's rule: they are asked for, and the next follows at once.
SIDE_STEPS: frozenset[str] = frozenset(
    {"hold", "release", "escalate", "reprioritise", "refer", "review", "promote"}
)
#: Steps that only prepare the next one.
PREPARING: frozenset[str] = frozenset({"inspect", "search", "fix_map", "recount"})
#: Steps that are refused only where nothing is wrong any more: the refusal is the proof.
REFUSED_WHEN_RIGHT: frozenset[str] = frozenset(
    {"suppress", "push_price", "refund", "correct_clock", "resequence", "rerun", "merge_item", "release_order"}
)
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
PREDICTED_PLANS: dict[str, tuple[str, ...]] = {
    "phantom_stock": ("hold", "reprioritise", "search", "move", "count"),
}
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
    "refer": "loss_prevention",
    "recount": "store",
    "search": "store",
    "move": "store",
    "inspect": "store",
    "set_disposition": "store",
    "substitute": "store",
    "repromise": "order_management",
    "release_order": "order_management",
    "post_return": "finance",
    "chase_credit": "finance",
    "resequence": "integration",
    "rerun": "integration",
    "fix_map": "integration",
    "correct_clock": "integration",
    "push_price": "pricing",
    "refund": "pricing",
    "merge_item": "master_data",
}
#: Who answers for a fault, or for a type whose fault is not known, and so gets the case first: it need not be who
#: carries out its first step. Goods that are not where the book says are looked for by the people who stand there.
TEAM_OF_FAULT: dict[str, str] = {
    "dropped_message": "integration",
    "duplicate_message": "integration",
    "posting_lag": "integration",
    "api_outage": "integration",
    "out_of_order": "integration",
    "batch_failure": "integration",
    "schema_drift": "integration",
    "clock_skew": "integration",
    "late_asn": "dc",
    "carton_mismatch": "dc",
    "receiving_variance": "inventory_control",
    "unit_of_measure": "inventory_control",
    "transfer_delay": "supply_chain",
    "rtv_gap": "finance",
    "reservation_leak": "order_management",
    "price_mismatch": "pricing",
    "duplicate_item": "master_data",
    "missing_disposition": "store",
    "short_pick": "store",
    "phantom_stock": "store",
    "negative_inventory": "store",
    "count_variance": "store",
    "shrink": "store",
    "misplacement": "store",
    "scan_error": "store",
}
#: Hours after which a step that was done must show, or the next is tried; 0: its own answer is the proof.
VERIFY_HOURS: dict[str, float] = {
    "replay": 6.0,
    # After an outage the backlog comes in as its retries find the interface up.
    "redrive": 10.0,
    "expedite": 4.0,
    "post_receipt": 8.0,
    "relink": 8.0,
    "trace": 24.0,
    "move": 24.0,
    "set_disposition": 4.0,
    "post_return": 4.0,
    "chase_credit": 48.0,
    "resequence": 2.0,
    "rerun": 2.0,
    "correct_clock": 24.0,
    "wait": 30.0,
    "pause": 1.5,
}
#: Steps that are of use only where goods stand in the wrong place, and the confidence in another fault from which on
#: nobody is sent to look for them.
_OF_MISPLACED, SURE = frozenset({"search", "move"}), 0.9
#: Steps on one line of a document.
_OF_LINES = frozenset({"repromise", "substitute", "release_order", "resequence", "inspect", "set_disposition"})
#: What may become of returned goods, as the world numbers it.
SELL, BLOCK = 0, 1
_PICKING = EVENT_TYPE["picking"]
#: Books that an inferred adjustment is made in, by type: 0 the site's, 1 ERP's.
ADJUSTED_SYSTEM: dict[str, int] = {"phantom_stock": 0, "negative_inventory": 1, "count_variance": 0}


def plan_for(
    type_name: str, fault_type: str, *, infers: bool = False, predicts: bool = False, source: int = NO_CODE,
    steps: tuple[str, ...] = (), confidence: float = 0.0,
) -> tuple[str, ...]:  # fmt: skip
    """The steps for a type and the fault behind it.

    Args:
        type_name: exception type.
        fault_type: the fault behind it.
        infers: whether books are adjusted straight from inference.
        predicts: whether it acts on what is about to happen.
        source: event type (code) of the row that it began with.
        steps: what the evidence asks for; empty where it leaves that to the plan.
        confidence: that the fault is right.
    """
    if infers and type_name in INFERRED_PLANS:
        return INFERRED_PLANS[type_name]
    is_predicted = predicts and type_name in PREDICTED_PLANS
    plan = PREDICTED_PLANS[type_name] if is_predicted else steps or _plan_of(type_name, fault_type)
    if confidence >= SURE and fault_type not in {"misplacement", UNKNOWN}:
        plan = tuple(step for step in plan if step not in _OF_MISPLACED)
    if is_predicted:
        return plan
    if source == _PICKING and type_name == "phantom_stock":
        # Repeated short picks tell that the shelf is wrong, not demand: its replenishment is brought forward.
        return (plan[0], "reprioritise", *plan[1:])
    return plan


def _plan_of(type_name: str, fault_type: str) -> tuple[str, ...]:
    return PLANS.get((type_name, fault_type), PLANS[type_name, ""])


def next_steps(kind: str, plan: tuple[str, ...], units: int) -> tuple[str, ...]:
    """What follows a preparing step: a search that found nothing leaves nothing to move."""
    return plan if kind != "search" or units else tuple(step for step in plan if step != "move")


def team_for(kind: str, location: int) -> str:
    """Who carries out a step at a location: the distribution centre counts its own stock."""
    team = TEAM_OF_KIND.get(kind, "inventory_control")
    return "dc" if team == "store" and location == 0 else team


def owner_of(type_name: str, fault_type: str, location: int) -> str:
    """Who gets a case first, by the fault behind it or else by its type."""
    team = TEAM_OF_FAULT.get(fault_type) or TEAM_OF_FAULT.get(type_name, "inventory_control")
    return "dc" if team == "store" and location == 0 else team


def taker_of(case: Case) -> str:
    """Who takes over a case that goes up: from a machine its own team, from people the next level."""
    if case.team and not case.routed_to:
        return case.team
    return "finance" if case.routed_to == "inventory_control" else "inventory_control"


def verify_span(kind: str) -> int:
    """Microseconds within which a step must show, 0 where its answer is the proof."""
    return int(VERIFY_HOURS.get(kind, 0.0) * HOUR)


def is_proof(kind: str) -> bool:
    """Whether the answer that a step was done shows by itself that its case is settled."""
    return kind not in SIDE_STEPS and kind not in PREPARING and verify_span(kind) == 0


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
    if kind in _OF_LINES:
        return {"document_id": finding.document_id, "location": finding.location, "item": finding.item}
    if kind in {"post_return", "chase_credit"}:
        return {"document_id": finding.document_id}
    if kind == "rerun":
        return {"document_id": finding.document_id, "location": finding.location, "interface": finding.interface}
    if kind == "fix_map":
        return {"interface": finding.interface}
    if kind == "correct_clock":
        return {"location": finding.location}
    if kind == "merge_item":
        return {"item": finding.item}
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


def units_of(kind: str, case: Case, views: Views) -> int:
    """The units that an action names: what to adjust by, or which disposition to set."""
    if kind == "adjust":
        return adjustment(case, views.cells)
    if kind == "set_disposition":
        goods = views.returned.undecided.get(case.finding.document_id)
        # What nobody has seen to be fit is kept blocked: that can be undone, a sale cannot.
        return SELL if goods is not None and goods.is_fit else BLOCK
    return 0


def adjustment(case: Case, cells: Cells) -> int:
    """Signed units that would bring a book to what the case infers."""
    location, item = case.finding.location, case.finding.item
    if min(location, item) < 0:
        return 0
    book = int(cells.erp[location * cells.items + item])
    if case.type == "count_variance":
        return case.found_units
    return -book


