"""Ten thousand steps on the policy engine and the desk of a world, under every policy that asks.

Cases are opened, counted for, decided, sent, sent again and forged, changes announced and reviewed, and time
passes, in any order. What must hold is written here anew, from the approval ladder of the trade: no action
without its approval, none approved by whoever raised it or counted for it, none carried out twice.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from detection.audit import AuditLog, verify_chain
from detection.cases import Case
from detection.governance import PolicyEngine
from detection.policy import find_policy
from detection.remedies import KIND_OF_STEP, TEAM_OF_KIND
from detection.spec import Governance, OperatorSpec
from detection.taxonomy import SCOPE_OF_TYPE, TYPES, Finding
from sim.actions import Action
from sim.clock import HOUR
from sim.events import EVENT_TYPE, STATUS, Block, Rows
from sim.world import RegionWorld
from tests.sim.small_world import quiet_config

STEPS = 10_000
#: Who must agree to what, as the trade has it: by value, or one role.
LADDER = ((500.0, "store_manager"), (5_000.0, "inventory_control"), (float("inf"), "finance"))
ALWAYS = {"adjust", "resync", "claim", "fix_conversion", "fix_map", "merge_item", "scrap", "reverse"}
#: All that a machine may ever do by itself where somebody is asked.
ALONE = {"replay", "redrive", "rerun", "resequence", "suppress", "expedite", "push_price", "hold", "release",
         "reprioritise"}
TEAM = {"store_manager": "store", "accounts_payable": "finance"}
KINDS = sorted({*TEAM_OF_KIND, "reverse", "scrap", "escalate"} - {"wait", "pause"})


class PolicyMachine(RuleBasedStateMachine):
    """One world, one engine, and any order of events."""

    taken = promoted = 0

    def __init__(self) -> None:
        super().__init__()
        config = quiet_config(2, 8, 30)
        config.people.service_minutes_median = 5.0
        self.world = RegionWorld(config, 1, 0)
        self.env = self.world.room.env
        self.sent: list[tuple[Action, Case]] = []
        self.forged: set[int] = set()
        self.cases: list[Case] = []

    @initialize(name=st.sampled_from(["manual", "visibility", "deterministic", "predictive"]))
    def start(self, name: str) -> None:
        self.audit = AuditLog()
        self.name, self.spec = name, OperatorSpec(policy=name, governance=Governance(promotion_cases=3))
        self.engine = PolicyEngine(self.spec, find_policy(name), "m", self.audit)

    @property
    def now(self) -> int:
        return int(self.env.now)

    @rule(
        type_name=st.sampled_from(TYPES), value=st.sampled_from([1.0, 499.0, 501.0, 4_999.0, 5_001.0, 1e6]),
        confidence=st.floats(0.0, 1.0), location=st.integers(0, 2), item=st.integers(0, 7),
        counters=st.frozensets(st.sampled_from(["store", "dc", "inventory_control", "finance"]), max_size=2),
    )  # fmt: skip
    def open(self, type_name: str, value: float, confidence: float, location: int, item: int,
             counters: frozenset[str]) -> None:
        finding = Finding(type_name, location=location, item=item, interface=0, sequence=3, document_id=9)
        case = Case(len(self.cases), finding.subject, finding, self.now, counters=counters)
        case.type, case.fault_type, case.confidence, case.prior, case.value = type_name, "x", confidence, 0.9, value
        self.cases.append(case)

    @precondition(lambda self: self.cases)
    @rule(which=st.integers(0, 10**6), kind=st.sampled_from(KINDS))
    def decide(self, which: int, kind: str) -> None:
        case = self.cases[which % len(self.cases)]
        decision = self.engine.decide(case, kind, self.now)
        if self.name == "manual":
            assert decision.outcome == "leave"
            return
        if decision.outcome == "automatic":
            assert kind in ALONE
            assert self.name != "visibility"
            assert case.confidence >= self.spec.threshold(case.type)
        action = Action(
            10**9 + len(self.sent), case.case_id, KIND_OF_STEP.get(kind, kind), self.now, document_id=9,
            location=case.finding.location, item=case.finding.item, interface=0, sequence=3, units=2, system=1,
            team=decision.team, approver=decision.approver, decided_by=decision.decided_by, rule=decision.rule,
        )  # fmt: skip
        if kind in {"count", "recount"} and decision.team:
            case.counters |= {decision.team}
        self.sent.append((action, case))
        self.world.desk.take([action])

    @precondition(lambda self: self.sent)
    @rule(which=st.integers(0, 10**6), times=st.integers(1, 3))
    def deliver_again(self, which: int, times: int) -> None:
        self.world.desk.take([self.sent[which % len(self.sent)][0]] * times)

    @precondition(lambda self: self.cases)
    @rule(kind=st.sampled_from(["adjust", "resync", "scrap", "reverse"]), own=st.booleans())
    def forge(self, kind: str, own: bool) -> None:
        """A request that names nobody, or its own team, as who approves."""
        action = Action(
            2 * 10**9 + len(self.forged), 0, kind, self.now, document_id=9, location=1, item=1, units=5, system=1,
            team="inventory_control", approver="inventory_control" if own else "",
        )  # fmt: skip
        self.forged.add(action.action_id)
        self.world.desk.take([action, dataclasses.replace(action, units=7)])

    @precondition(lambda self: self.cases)
    @rule(which=st.integers(0, 10**6), verdict=st.sampled_from(["confirmed", "refuted", ""]))
    def close(self, which: int, verdict: str) -> None:
        case = self.cases[which % len(self.cases)]
        case.verdict = case.fault_verdict = verdict
        request = self.engine.closed(case, self.now)
        if request is not None:
            assert request.decision.approver == "inventory_control"
            self.engine.asked(1, request.kind)
            self.engine.answered(1, "done", self.now)
            type(self).promoted += 1

    @rule(status=st.sampled_from(["peak_season", "release"]))
    def announce(self, status: str) -> None:
        block = Block(EVENT_TYPE["announcing"], {"status": STATUS[status], "interface": np.array([0])}, 1)
        self.engine.take(self.now, Rows((block,)))
        for case in self.cases:
            if status == "release" or SCOPE_OF_TYPE[case.type] == "cell":
                assert self.engine.decide(case, "hold", self.now).outcome != "automatic"

    @rule()
    def review(self) -> None:
        for number, due in enumerate(list(self.engine.reviews.due)):
            self.engine.asked(number + 2, "review", due)
            self.engine.answered(number + 2, "done", self.now)
        assert not self.engine.reviews.due

    @rule(hours=st.integers(1, 30))
    def wait(self, hours: int) -> None:
        self.env.run(until=self.now + hours * HOUR)

    @invariant()
    def nothing_without_its_approval_or_twice(self) -> None:
        type(self).taken += 1
        log = self.world.desk.log
        ids = [action.action_id for action in log.action]
        assert len(set(ids)) == len(ids)
        by_id: dict[int, Any] = {action.action_id: (action, case) for action, case in self.sent}
        for action, outcome, approved_by in zip(log.action, log.outcome, log.approved_by, strict=True):
            if action.action_id in self.forged:
                assert outcome != "done"
                continue
            asked, case = by_id[action.action_id]
            assert asked is action
            if action.kind in ALWAYS:
                assert action.approver
                assert outcome != "done" or approved_by == action.approver
                assert TEAM.get(action.approver, action.approver) != action.team
            if action.kind in {"adjust", "resync"}:
                rung = [role for limit, role in LADDER if case.value <= limit]
                assert action.approver in {*rung, "finance", "supply_chain", "inventory_control"}
                if TEAM.get(rung[0], rung[0]) not in {action.team, *case.counters}:
                    assert action.approver == rung[0]

    @rule(which=st.integers(0, 10**6), kind=st.sampled_from(sorted(ALWAYS)))
    @precondition(lambda self: self.cases)
    def who_counted_approves_nothing(self, which: int, kind: str) -> None:
        case = self.cases[which % len(self.cases)]
        approver = self.engine.decide(case, kind, self.now).approver
        if self.name != "manual":
            assert TEAM.get(approver, approver) not in case.counters

    def teardown(self) -> None:
        if hasattr(self, "audit"):
            assert verify_chain(self.audit.lines(), self.audit.head) is None


@pytest.mark.campaign
def test_ten_thousand_steps_break_no_rule() -> None:
    PolicyMachine.taken = 0
    rules = settings(max_examples=200, stateful_step_count=100, deadline=None, derandomize=True,
                     suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(PolicyMachine, settings=rules)
    print(f"\n{PolicyMachine.taken:,} steps, {PolicyMachine.promoted} promotions")  # noqa: T201 - a campaign reports
    assert PolicyMachine.taken >= STEPS
    assert PolicyMachine.promoted > 0
