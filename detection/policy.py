"""Policies: what may repair itself, what goes to people, and what is left alone.

A policy is data: which kinds of action a machine may take, whether people are sent the rest, and
whether anyone is asked. The decision for one step of one case weighs it, in this order, against the kinds
that are safe, the pilot scope, what was withdrawn (a review that is due, a type that drifted), the severity
from which a person decides, and the confidence threshold of the case's type; whatever fails one of them
goes to a person. To hand a case up or on is to hand it to people, under any policy. What must be approved
is approved by whom :mod:`detection.approvals` says, whoever carries it out; it is never a machine's alone.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from detection.approvals import approver_for
from detection.cases import Case
from detection.registry import UnknownNameError
from detection.remedies import taker_of, team_for
from detection.severity import is_at_least
from detection.spec import OperatorSpec
from sim.actions import KINDS

#: Repairs that are deterministic and low in risk: they replay or reverse an original, or change no stock.
SAFE_KINDS: frozenset[str] = frozenset(
    {"replay", "redrive", "rerun", "resequence", "suppress", "expedite", "push_price", "hold", "release"}
)
#: What only hands can do, whoever decides.
NEEDS_HANDS: frozenset[str] = frozenset(
    {
        "count", "recount", "search", "move", "trace", "relink", "post_receipt", "inspect", "set_disposition",
        "substitute", "escalate", "refer",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Policy:
    """How bold an operator is.

    Attributes:
        name: as users choose it.
        automatic: kinds a machine may carry out by itself.
        routes: whether everything else is sent to people; if not, it is left alone.
        asks: whether approvals are asked for at all.
        infers: whether books are adjusted straight from inference.
        predicts: whether it acts on what is about to happen.
        summary: one line for lists.
    """

    name: str
    automatic: frozenset[str]
    routes: bool
    asks: bool
    infers: bool
    summary: str
    predicts: bool = False


POLICIES: dict[str, Policy] = {
    policy.name: policy
    for policy in (
        Policy(
            "manual", frozenset(), routes=False, asks=True, infers=False,
            summary="end-of-day reconciliation and a manual queue; the operator only watches",
        ),
        Policy(
            "visibility", frozenset(), routes=True, asks=True, infers=False,
            summary="detect and route: people carry out every repair",
        ),
        Policy(
            "deterministic", SAFE_KINDS, routes=True, asks=True, infers=False,
            summary="safe repairs by themselves, counts, traces and claims by people",
        ),
        Policy(
            "predictive", SAFE_KINDS | {"reprioritise"}, routes=True, asks=True, infers=False,
            summary="deterministic, with warnings before a service level is missed and replenishment brought forward",
            predicts=True,
        ),
        Policy(
            "unrestricted", frozenset(KINDS), routes=True, asks=False, infers=True,
            summary="everything repaired at once without asking, books adjusted straight from inference",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done about one step of one case.

    Attributes:
        outcome: "automatic", "route" or "leave".
        team: who carries it out; empty for a machine.
        approver: role that must approve first; empty for none.
        decided_by: "policy" or "person".
        rule: which rule decided.
    """

    outcome: str
    team: str
    approver: str
    decided_by: str
    rule: str


def find_policy(name: str) -> Policy:
    """The policy of a name.

    Raises:
        UnknownNameError: naming the valid ones and the nearest.
    """
    if name not in POLICIES:
        near = difflib.get_close_matches(name, POLICIES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UnknownNameError(f"policy={name}: no such policy{hint} valid: {', '.join(POLICIES)}")
    return POLICIES[name]


def decide(
    policy: Policy, spec: OperatorSpec, case: Case, kind: str, now: int, withdrawn: str = ""
) -> Decision:
    """What to do about one step of a case.

    Args:
        policy: in force.
        spec: pilot, thresholds, ladder.
        case: that asks.
        kind: of the step.
        now: simulated time.
        withdrawn: why automation is withdrawn from this case for now; empty where it is not.
    """
    location = case.finding.location
    team = taker_of(case) if kind == "escalate" else team_for(kind, location)
    if not policy.asks:
        return _by_machine(policy, kind, team)
    ladder = spec.governance.approval_ladder
    approver = approver_for(kind, case.value, team, ladder, case.counters)
    if not policy.routes:
        return Decision("leave", "", "", "policy", f"{policy.name}: nobody acts")
    if kind not in policy.automatic:
        return Decision("route", team, approver, "policy", f"{policy.name}: {kind} is for people")
    if not spec.pilot.covers(now, case.type, location):
        return Decision("route", team, approver, "person", "pilot: outside its scope")
    if withdrawn:
        return Decision("route", team, approver, "person", withdrawn)
    if is_at_least(case.severity, spec.governance.person_from):
        return Decision("route", team, approver, "person", f"severity: {case.severity} is for people")
    if case.confidence < spec.threshold(case.type):
        return Decision("route", team, approver, "person", "confidence: below the threshold of its type")
    approver = approver_for(kind, case.value, "", ladder, case.counters)
    return Decision("automatic", "", approver, "policy", f"{policy.name}: {kind} is safe")


def _by_machine(policy: Policy, kind: str, team: str) -> Decision:
    """Without asking: a machine books and sends; only hands can count, trace and open cartons."""
    return Decision("automatic", team if kind in NEEDS_HANDS else "", "", "policy", policy.name)
