"""Who may do what: by policy, pilot, confidence and role."""

import pytest

from detection.approvals import OWNED, TEAM_OF_ROLE, approver_for
from detection.cases import Case
from detection.policy import POLICIES, SAFE_KINDS, decide, find_policy
from detection.registry import UnknownNameError
from detection.remedies import INFERRED_PLANS, KIND_OF_STEP, PASSIVE, PLANS, TEAM_OF_KIND, owner_of, plan_for, team_for
from detection.spec import OperatorSpec, PilotScope
from detection.taxonomy import FAULT_TYPES, TYPES, Finding
from sim.actions import KINDS, TEAMS


def case_of(type_name="dropped_message", confidence=0.95, value=10.0, location=1):
    finding = Finding(type_name, location=location, item=2, interface=0, sequence=4, document_id=5)
    case = Case(1, finding.subject, finding, opened_at=0)
    case.type, case.confidence, case.value = type_name, confidence, value
    return case


def test_manual_leaves_everything_alone():
    for kind in KINDS:
        assert decide(find_policy("manual"), OperatorSpec(), case_of(), kind, 0).outcome == "leave"


def test_visibility_sends_everything_to_people():
    for kind in TEAM_OF_KIND:
        decision = decide(find_policy("visibility"), OperatorSpec(), case_of(), kind, 0)
        assert decision.outcome == "route"
        assert decision.team in TEAMS


@pytest.mark.parametrize("name", ["deterministic", "predictive"])
def test_machines_repair_what_is_safe_and_people_the_rest(name):
    for kind in TEAM_OF_KIND:
        decision = decide(find_policy(name), OperatorSpec(), case_of(), kind, 0)
        if kind in SAFE_KINDS or (name, kind) == ("predictive", "reprioritise"):
            # A price is pricing's: a machine sends it again once they agree.
            assert (decision.outcome, decision.team, decision.approver) == ("automatic", "", OWNED.get(kind, ""))
        else:
            assert decision.outcome == "route"


def test_a_case_goes_up_to_its_people_from_a_machine_and_to_the_next_level_from_people():
    for policy in ("visibility", "deterministic", "predictive", "unrestricted"):
        for routed_to, taker in (("", "store"), ("store", "inventory_control"), ("inventory_control", "finance")):
            case = case_of()
            case.team, case.routed_to = "store", routed_to
            assert decide(find_policy(policy), OperatorSpec(), case, "escalate", 0).team == taker


def test_a_low_confidence_hands_the_decision_to_a_person():
    spec = OperatorSpec(confidence_by_type={"dropped_message": 0.9})
    sure = decide(find_policy("deterministic"), spec, case_of(confidence=0.91), "replay", 0)
    unsure = decide(find_policy("deterministic"), spec, case_of(confidence=0.89), "replay", 0)
    assert (sure.outcome, unsure.outcome, unsure.decided_by) == ("automatic", "route", "person")
    assert unsure.team == "integration"


@pytest.mark.parametrize(
    ("pilot", "covered"),
    [
        (PilotScope(), True),
        (PilotScope(types=frozenset({"dropped_message"})), True),
        (PilotScope(types=frozenset({"late_asn"})), False),
        (PilotScope(locations=frozenset({2})), False),
        (PilotScope(starts_at=101), False),
        (PilotScope(starts_at=100, ends_at=101), True),
        (PilotScope(ends_at=100), False),
    ],
)
def test_outside_the_pilot_people_repair(pilot, covered):
    decision = decide(find_policy("deterministic"), OperatorSpec(pilot=pilot), case_of(), "replay", 100)
    assert (decision.outcome == "automatic") == covered


def test_unrestricted_asks_nobody_and_adjusts_from_inference():
    for kind in ("adjust", "claim", "replay", "fix_conversion"):
        decision = decide(find_policy("unrestricted"), OperatorSpec(), case_of(value=1e6), kind, 0)
        assert (decision.outcome, decision.approver, decision.team) == ("automatic", "", "")
    assert plan_for("phantom_stock", "shrink", infers=True) == ("adjust",)


@pytest.mark.parametrize("value", [1.0, 499.0, 501.0, 4_999.0, 5_001.0, 1e9])
def test_adjustments_and_claims_always_need_someone_else_s_approval(value):
    ladder = OperatorSpec().governance.approval_ladder
    for kind in ("adjust", "resync", "claim", "fix_conversion"):
        for team in TEAMS:
            role = approver_for(kind, value, team, ladder)
            assert role
            assert TEAM_OF_ROLE.get(role, role) != team
    for kind in ("replay", "suppress", "redrive", "expedite", "count", "trace"):
        assert approver_for(kind, value, team_for(kind, 1), ladder) == ""


def test_the_ladder_rises_with_value():
    ladder = OperatorSpec().governance.approval_ladder
    roles = [approver_for("adjust", value, "dc", ladder) for value in (500, 501, 5_000, 5_001)]
    assert roles == ["store_manager", "inventory_control", "inventory_control", "finance"]


def test_every_type_and_fault_has_a_plan_of_known_steps():
    for type_name in TYPES:
        for fault in FAULT_TYPES:
            for flags in ({}, {"infers": True}, {"predicts": True}):
                plan = plan_for(type_name, fault, **flags)
                assert plan
                assert all(KIND_OF_STEP.get(kind, kind) in KINDS or kind in PASSIVE for kind in plan)
                assert all(kind in TEAM_OF_KIND or kind in PASSIVE for kind in plan)
    assert "adjust" not in {kind for plan in PLANS.values() for kind in plan}
    assert set(INFERRED_PLANS) <= set(TYPES)


def test_an_unknown_policy_lists_the_valid_ones_and_the_nearest():
    with pytest.raises(UnknownNameError, match="deterministic") as raised:
        find_policy("determinstic")
    assert all(name in str(raised.value) for name in POLICIES)


def test_goods_that_a_dc_put_away_wrongly_are_looked_for_by_its_own_people():
    assert owner_of("phantom_stock", "misplacement", 0) == "dc"
    searched = plan_for("phantom_stock", "misplacement", confidence=1.0)
    assert plan_for("phantom_stock", "shrink", confidence=0.5) == searched
    assert plan_for("phantom_stock", "shrink", confidence=0.95) == ("hold", "count")
    steps = plan_for("phantom_stock", "misplacement")
    assert {"search", "move"} <= set(steps)
    assert {team_for(kind, 0) for kind in ("search", "move", "count")} == {"dc"}
