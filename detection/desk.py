"""The desk: takes alerts into cases and works each case until the expected state holds.

A step does four things, in this order: new alerts open or join cases; answers of the world and news
of the views move the cases they concern; cases whose time has come are looked at again; whatever is
then ready is worked, most urgent first. A case sleeps in between, so a step costs what happened in it
and not how many cases there are.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from detection import remedies, trail
from detection.audit import AuditLog
from detection.cases import Case
from detection.casework import answers, fault_verdict, has_failed, lost_units, nap, news, not_before, verdict
from detection.classifiers.base import Classifier
from detection.governance import PolicyEngine, Request
from detection.holding import HeldCells
from detection.intake import Alert, Intake
from detection.keys import key_id
from detection.policy import Decision, Policy
from detection.priorities.base import Priority
from detection.records import Recorder
from detection.reviews import Review
from detection.spec import OperatorSpec
from detection.storms import STORM
from detection.verification import holds
from detection.views.state import Views
from sim.actions import Action
from sim.clock import DAY, HOUR
from sim.events import NULL, Rows

#: Days for which a cell is left alone by the silence test once people have looked at it.
_REST_DAYS = 10
#: Steps whose takers have counted, and so approve nothing that rests on it.
COUNTS: frozenset[str] = frozenset({"count", "recount"})


class CaseDesk:
    """Works the cases of one region."""

    def __init__(
        self,
        spec: OperatorSpec,
        policy: Policy,
        classifier: Classifier,
        priority: Priority,
        recorder: Recorder,
        audit: AuditLog,
        *,
        seed: int,
        stores: int,
    ) -> None:
        self._spec, self._policy, self._classifier = spec, policy, classifier
        self._recorder, self._audit = recorder, audit
        self.engine = PolicyEngine(spec, policy, classifier.version, audit)
        self._intake = Intake(spec, policy, classifier, priority, self.engine, recorder, audit, seed)
        self.book, self._storms = self._intake.book, self._intake.storms
        self._seed = seed
        self._counts_a_day = max(1, round(spec.counts_per_store_day * stores))
        self._counts_left = self._counts_a_day
        self._sleepers: list[tuple[int, int]] = []
        #: Kinds of the actions that are not yet answered, and whose they are, by id.
        self._pending: dict[int, tuple[str, Case]] = {}
        self._held = HeldCells()
        self._ready: dict[int, Case] = {}
        self._actions: list[Action] = []

    def step(self, views: Views, alerts: Iterable[Alert], rows: Rows) -> list[Action]:
        """Take in alerts, answers and news; returns what to ask of the world."""
        self._actions, self._ready = [], {}
        self.engine.take(views.now, rows, views.records.merged)
        if views.is_new_day:
            self._counts_left = self._counts_a_day
            self._forget(views.now)
        over = self._storms.watch(views)
        self._begin(self._intake.take(views, alerts))
        for (interface, kind), count in views.signals.fresh.items():
            self._recorder.signals(views.now, interface, kind, count, self._intake.keeper_of(interface))
        self._answers(views, rows)
        self._close_spent(views, over)
        for subject in news(views):
            case = self.book.open_on(subject)
            if case is not None:
                self._review(views, case)
        while self._sleepers and self._sleepers[0][0] <= views.now:
            at, case_id = heapq.heappop(self._sleepers)
            case = self.book.cases.get(case_id)
            if case is not None and case.is_open and case.wake_at == at:
                self._review(views, case)
        for case in sorted(self._ready.values(), key=lambda one: (one.priority, one.opened_at, one.case_id)):
            self._work(views, case)
        return self._actions

    def _answers(self, views: Views, rows: Rows) -> None:
        """The world's answers to our actions."""
        for action_id, case_id, status, units, at in answers(rows):
            if self._recorder.knows(action_id):
                outcome = self._recorder.result(action_id, at, status, units)
                changed = 0 if units == NULL else units
                trail.answered(self._audit, views.now, action_id, case_id, outcome, at, changed)
                self.engine.answered(action_id, outcome, views.now)
                if outcome != "pending" and action_id in self._pending:
                    self._answer(views, *self._pending.pop(action_id), action_id, outcome, changed)

    def _answer(self, views: Views, kind: str, case: Case, action_id: int, outcome: str, units: int) -> None:
        if kind == "redrive" and not views.channels.is_down(case.finding.interface):
            # Done, or refused since someone was there before: no letter lies there any more.
            views.channels.redriven(case.finding.interface)
        if kind in remedies.PREPARING and outcome == "done" and case.status in {"acting", "escalated"}:
            self._prepared(views, case, kind, action_id, units)
            return
        if kind in remedies.SIDE_STEPS or case.status != "acting":
            if outcome == "done" and not case.is_open:
                self._recorder.verified(action_id, views.now)
            elif case.status == "escalated" and outcome == "done" and remedies.is_proof(kind):
                # Whoever it went up to, the step that was under way has settled it.
                case.done_at = views.now
                self._settle(views, case)
            return
        if outcome == "refused":
            if kind in remedies.REFUSED_WHEN_RIGHT or self._holds(case, views):
                self._settle(views, case)
                return
            case.apply("refused")
            case.plan = case.plan[1:]
            self._ready[case.case_id] = case
            return
        if kind == "push_price" and len(case.plan) > 1:
            self._prepared(views, case, kind, action_id, units)
            return
        case.apply("done")
        case.done_at = views.now
        if remedies.is_proof(kind):
            self._settle(views, case)
        else:
            self._review(views, case)

    def _prepared(self, views: Views, case: Case, kind: str, action_id: int, units: int) -> None:
        """A step that prepares the next one is done, even if it took so long that the case had gone up meanwhile."""
        case.apply("prepared")
        case.done_at = views.now
        case.plan = remedies.next_steps(kind, case.plan[1:], units)
        if kind == "search":
            case.searched_units = units
            self._intake.diagnose_again(views, case, action_id)
        self._ready[case.case_id] = case

    def _begin(self, opened: Iterable[Case]) -> None:
        self._ready.update((case.case_id, case) for case in opened)

    def _holds(self, case: Case, views: Views) -> bool:
        """Whether a case may be closed; the case of a family only with its members."""
        return self._storms.is_spent(case) and (case.subject[0] == STORM or holds(case, views))

    def _review(self, views: Views, case: Case) -> None:
        """Look at a case again: settled, failed, resumed, or too old."""
        now = views.now
        if self._holds(case, views):
            self._settle(views, case)
        elif case.status == "verifying" and has_failed(case, views):
            case.apply("failed")
            case.plan = case.plan[1:]
            self._ready[case.case_id] = case
        elif case.status == "waiting" and self._policy.routes:
            case.apply("resumed")
            self._ready[case.case_id] = case
        elif case.status == "acting" and now - case.opened_at >= self._patience(case):
            self._escalate(views, case, "open past its threshold")
        else:
            self._sleep(case, now + nap(case))

    def _work(self, views: Views, case: Case) -> None:
        """Take the next steps of a case, until one must be waited for."""
        now = views.now
        while case.status == "triaged":
            if not case.plan:
                threshold = case.opened_at + self._patience(case)
                if now < threshold:
                    case.apply("deferred")
                    self._sleep(case, min(threshold, now + nap(case)))
                else:
                    self._escalate(views, case, "no remedy left")
                return
            kind = case.step_kind = case.plan[0]
            wait_until = self._not_before(views, case, kind)
            if wait_until > now:
                case.apply("deferred")
                self._sleep(case, wait_until)
                return
            if kind in remedies.PASSIVE:
                case.apply("requested")
                case.apply("done")
                case.done_at = now
                self._sleep(case, now + nap(case))
                return
            decision = self.engine.decide(case, kind, now)
            if kind == "hold" and decision.outcome != "leave" and not self._held.take_out(case):
                case.plan = case.plan[1:]
                continue
            self._note(case, now, kind, decision)
            review = self.engine.review_for(case, decision)
            if review is not None:
                self._govern(views, case, review[1], review[0])
            if decision.outcome == "leave":
                case.apply("deferred")
                self._sleep(case, now + nap(case))
                return
            self._request(views, case, kind, decision)
            if kind in remedies.SIDE_STEPS:
                case.plan = case.plan[1:]
            else:
                case.apply("requested")
                self._sleep(case, max(now + HOUR, case.opened_at + self._patience(case)))

    def _not_before(self, views: Views, case: Case, kind: str) -> int:
        """When a step can be taken; now, or earlier, where nothing is in its way."""
        now = views.now
        if kind == "count" and self._policy.routes:
            if self._counts_left <= 0:
                return now + DAY - (now - views.day_offset) % DAY
            self._counts_left -= 1
            return now
        return not_before(case, kind, views)

    def _request(self, views: Views, case: Case, kind: str, decision: Decision) -> Action:
        now = views.now
        action = Action(
            action_id=key_id(self._seed, "action", case.case_id, kind, len(case.actions)),
            case_id=case.filed_under, kind=remedies.KIND_OF_STEP.get(kind, kind), requested_at=now,
            units=remedies.units_of(kind, case, views),
            system=remedies.ADJUSTED_SYSTEM.get(case.type, 0) if kind == "adjust" else 0,
            team=decision.team, approver=decision.approver, decided_by=decision.decided_by, rule=decision.rule,
            model_version=case.model_version, priority=case.priority,
            **remedies.target_of(kind, case),
        )  # fmt: skip
        case.actions += (action.action_id,)
        case.routed_to = decision.team
        self._pending[action.action_id] = (kind, case)
        if kind in COUNTS and decision.team:
            case.counters |= {decision.team}
        self._recorder.action(action)
        self._actions.append(action)
        trail.asked(self._audit, case, now, kind, action)
        return action

    def _escalate(self, views: Views, case: Case, reason: str) -> None:
        """Hand a case up; of a family once, whichever of its members gives the occasion."""
        head = self._storms.head_of(case)
        is_told = case.has_gone_up or (head is not case and head.status == "escalated")
        for one in (case,) if is_told or head is case else (case, head):
            one.apply("expired")
            one.has_gone_up = True
            self._sleep(one, views.now + nap(one))
        if self._policy.routes and not is_told:
            self._side_step(views, head, "escalate", reason)

    def _side_step(self, views: Views, case: Case, kind: str, reason: str = "") -> None:
        """Ask for what stands beside the plan of a case and settles nothing of it."""
        decision = self.engine.decide(case, kind, views.now)
        self._note(case, views.now, kind, decision, reason)
        if decision.outcome != "leave":
            self._request(views, case, kind, decision)

    def _govern(self, views: Views, case: Case, request: Request, review: Review | None = None) -> None:
        """Send what the engine itself asks of people, in the name of the case that brought it up."""
        routed_to = case.routed_to
        self._note(case, views.now, request.kind, request.decision)
        self.engine.asked(self._request(views, case, request.kind, request.decision).action_id, request.kind, review)
        case.routed_to = routed_to

    def _forget(self, now: int) -> None:
        """Let go of cases that were closed longer ago than they are to be kept."""
        old = self.book.forget(now - self._spec.governance.retention_days * DAY)
        for case in old:
            self._recorder.forget(case)
        if old:
            self._audit.append(now, "forgotten", cases=len(old), days=self._spec.governance.retention_days)

    def _patience(self, case: Case) -> int:
        """Microseconds for which a case may stay open before it goes up."""
        return int(self._spec.patience(case.severity) * HOUR)

    def _settle(self, views: Views, case: Case) -> None:
        """Close a case whose rule holds again; what it held back is let go."""
        now = views.now
        self.book.close(case, now)
        self._ready.pop(case.case_id, None)
        if case.subject[0] != STORM:
            self._learn(views, case)
        for action_id in case.actions:
            self._recorder.verified(action_id, now)
        if case.actions or case.subject[0] == STORM:
            trail.settled(self._audit, case, now)
        if case.subject[0] == "cell":
            finding = case.finding
            views.cells.rest(finding.location * views.cells.items + finding.item, now + _REST_DAYS * DAY)
            if lost_units(case, views) * float(views.cells.price[finding.item]) >= self._spec.refer_value:
                self._side_step(views, case, "refer")
        if case.subject[0] == "price":
            views.prices.forget(case.finding.location * views.cells.items + case.finding.item)
        if self._held.put_back(case):
            self._side_step(views, case, "release")
        self._begin(self._intake.release(views, case))
        self._close_spent(views, [self._storms.leave(case)])

    def _close_spent(self, views: Views, heads: Iterable[Case]) -> None:
        """Close the cases of families that wait for nothing any more."""
        for head in heads:
            if head.is_open and self._holds(head, views):
                self._settle(views, head)

    def _learn(self, views: Views, case: Case) -> None:
        """What the end of a case says of its diagnosis, for those who learn from it; a storm's are its members'."""
        case.verdict, case.fault_verdict = verdict(case, views), fault_verdict(case, views)
        self._classifier.learn(case)
        promotion = self.engine.closed(case, views.now)
        if promotion is not None:
            self._govern(views, case, promotion)

    def _note(self, case: Case, now: int, kind: str, decision: Decision, reason: str = "") -> None:
        self._recorder.decision(case, now, kind, decision)
        trail.decided(self._audit, case, now, kind, decision, reason)

    def _sleep(self, case: Case, until: int) -> None:
        case.wake_at = until
        heapq.heappush(self._sleepers, (until, case.case_id))
