"""What the operator may ask of the world.

An :class:`Action` is a request: the world carries it out at a cost in time and people, or refuses
it with a reason, and answers with an ``acting`` row. The operator never touches stock itself.

Targets are what the stream names: a document, a cell (location and item), an interface at a
location, or a range of sequence numbers on it.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.events import NO_CODE, NULL

#: kind -> what the world does. The ones marked * change a stock record without replaying or
#: reversing an original, and so always need a person's approval (but where ``people.operator_acts_alone``).
KINDS: dict[str, str] = {
    "replay": "send the original message of a document line again from its source",
    "redrive": "put the dead letters of an interface back on the wire",
    "suppress": "reverse a proven second posting of one message",
    "expedite": "push a lagging posting to the front of its queue, or have a transfer that came confirmed",
    "post_receipt": "receive goods on the dock without their ASN",
    "relink": "put an unknown carton on the order it belongs to",
    "trace": "have the carrier find a late truck and bring it in",
    "claim": "close the undelivered rest of an order line and claim it from the supplier",
    "fix_conversion": "correct an item's unit conversion, reverse and post again",
    "count": "count a cell now; its adjustment then asks for approval",
    "adjust": "* book a difference into one system without a count",
    "resync": "* align a system's book of a cell with the authoritative one",
    "hold": "take a cell out of online availability",
    "release": "put a held cell back",
    "reprioritise": "bring a cell's replenishment forward to the next wave",
    "escalate": "hand a case to the next level",
    "wait": "do nothing, and say so",
    "rerun": "run a failed batch job of a shop and day again, against its control totals",
    "resequence": "put the versions of a document in order, so that the latest holds",
    "reverse": "* reverse a posting that should not stand",
    "cancel": "cancel the open rest of an order that nobody will deliver",
    "release_block": "release an invoice that was blocked for payment",
    "recount": "count a cell again, blind, by another person",
    "move": "put misplaced goods back where they belong (311)",
    "search": "look for goods that the book has and the shelf has not",
    "push_price": "send the list price of an item to a till again",
    "refund": "give back to customers what a till took too much",
    "merge_item": "merge two item records of one article, and move what was booked under the second",
    "fix_map": "mend the mapping that rejects messages since a release",
    "correct_clock": "set the clock of a shop's tills right",
    "inspect": "look at a returned article",
    "set_disposition": "say what becomes of a returned article: sell, block, scrap or send back",
    "post_return": "post the return to vendor that went without its posting (122)",
    "scrap": "* scrap goods that are unfit (551)",
    "chase_credit": "ask a vendor for a credit that is overdue",
    "substitute": "offer the customer another article for a short line",
    "repromise": "promise a line again, from another place or for later",
    "review": "look at the automation policy again, and let it go on",
    "promote": "put a challenger model in charge",
}
#: Kinds that change a record and therefore can be wrong.
REPAIRS: frozenset[str] = frozenset(
    {"replay", "redrive", "suppress", "expedite", "post_receipt", "relink", "trace", "claim",
     "fix_conversion", "count", "adjust", "resync", "rerun", "resequence", "reverse", "cancel", "recount", "move",
     "push_price", "merge_item", "fix_map", "correct_clock", "set_disposition", "post_return", "scrap", "substitute",
     "repromise"}
)
TEAMS: tuple[str, ...] = ("store", "inventory_control", "dc", "integration", "supply_chain", "finance",
                          "pricing", "master_data", "order_management", "loss_prevention", "change_board")


@dataclass(frozen=True)
class Action:
    """One request of the operator.

    Attributes:
        action_id: opaque id, unique in the run; the result row carries it as ``document_id``.
        case_id: the case that asks.
        kind: a key of :data:`KINDS`.
        requested_at: simulated time in microseconds.
        document_id, location, item, interface, sequence: the target; codes as in the stream.
        units: for ``adjust``: signed units to book; else 0.
        system: for ``adjust`` and ``resync``: 0 site, 1 ERP, 2 OMS; other books (see ``sim.books.Belief``) for
            ``resync`` alone.
        team: who carries it out; empty for the machine itself, at once.
        approver: role that must approve first; empty for none.
        decided_by: "policy" or "person".
        rule: the policy rule that decided.
        model_version: of the classifier behind it.
        priority: lower is sooner in a team's queue.
    """

    action_id: int
    case_id: int
    kind: str
    requested_at: int
    document_id: int = NULL
    location: int = NO_CODE
    item: int = NO_CODE
    interface: int = NO_CODE
    sequence: int = NULL
    units: int = 0
    system: int = 0
    team: str = ""
    approver: str = ""
    decided_by: str = "policy"
    rule: str = ""
    model_version: str = ""
    priority: int = 100

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown action kind {self.kind!r}; valid: {', '.join(sorted(KINDS))}")
        if self.team and self.team not in TEAMS:
            raise ValueError(f"unknown team {self.team!r}; valid: {', '.join(TEAMS)}")
