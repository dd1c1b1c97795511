"""The policy engine: the one place that is asked what may be done, and that hears how it went.

It decides each step of each case (:func:`detection.policy.decide`) under what holds at the moment: reviews
that are due, types that drifted, the model in charge. What changes that is asked of people of the world:
a *review* by its reviewer, a *promotion* by the owner of the model. Everything that changes what is allowed
is a record of the audit trail, so that any decision can be laid to the rules as they stood.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from detection.approvals import team_of
from detection.audit import AuditLog
from detection.cases import Case
from detection.classifiers.base import Diagnosis
from detection.drift import DriftWatch
from detection.models import ModelRegister
from detection.policy import Decision, Policy, decide
from detection.reviews import Review, ReviewCalendar
from detection.severity import severity_of
from detection.spec import OperatorSpec
from sim.events import INTERFACES, NULL, Rows


@dataclass(frozen=True, slots=True)
class Request:
    """What the engine itself asks of people.

    Attributes:
        kind: "review" or "promote".
        decision: who does it, and who approves.
    """

    kind: str
    decision: Decision


class PolicyEngine:
    """Decides, under what holds at the moment.

    Args:
        spec: of the operator.
        policy: in force.
        version: of the classifier, whose confidences are calibrated here.
        audit: where changes of what is allowed are told.
    """

    def __init__(self, spec: OperatorSpec, policy: Policy, version: str, audit: AuditLog) -> None:
        self._spec, self._policy, self._audit = spec, policy, audit
        rules = spec.governance
        self.models = ModelRegister(version, rules.promotion_cases)
        self.drift = DriftWatch(rules.precision_floor, rules.precision_floor_by_type, rules.drift_cases)
        self.reviews = ReviewCalendar(rules.reviews, rules.reviewers, rules.review_mode)
        self._promotion = NULL
        self._is_told = False

    def take(self, now: int, rows: Rows, merged: Collection[int] = ()) -> None:
        """Hear what a step's rows announce."""
        if not self._is_told:
            self._is_told = True
            self._audit.append(
                now, "model", version=self.models.champion.version, detector=self._spec.detector,
                classifier=self._spec.classifier, policy=self._policy.name,
            )  # fmt: skip
        for review in self.reviews.take(now, rows, merged):
            self._audit.append(now, "review_due", change=review.change, role=review.role, scope=_scope(review))

    def diagnosed(self, case: Case, diagnosis: Diagnosis) -> None:
        """Enter a diagnosis into its case, with the confidence of the model in charge, and the case's tier."""
        # A finding that comes diagnosed from outside is as sure as it says; and what closed cases tell of first
        # diagnoses they do not tell of those that people's findings have changed.
        is_plain = not case.finding.fault_type and not case.claimed
        calibrated = self.models.calibrate(diagnosis) if is_plain else diagnosis
        if not case.claimed:
            case.claimed, case.prior, case.believed = diagnosis.fault_type, diagnosis.confidence, diagnosis.believed
        case.type, case.fault_type, case.cause = calibrated.type, calibrated.fault_type, calibrated.cause
        case.confidence, case.model_version = calibrated.confidence, self.models.champion.version
        case.severity = severity_of(case.value, self._spec.governance.severity)

    def decide(self, case: Case, kind: str, now: int) -> Decision:
        """What to do about one step of a case."""
        return decide(self._policy, self._spec, case, kind, now, self._withdrawn(case))

    def review_for(self, case: Case, decision: Decision) -> tuple[Review, Request] | None:
        """The review that kept a machine from a step and that nobody was asked for yet."""
        review = self.reviews.over(case)
        if review is None or review.action_id != NULL or not decision.rule.startswith("review:"):
            return None
        rule = f"review: {review.change} asks for {review.role}"
        return review, Request("review", Decision("route", team_of(review.role), "", "person", rule))

    def closed(self, case: Case, now: int) -> Request | None:
        """Learn from a closed case; returns a promotion to ask for where the rule now proposes one."""
        change = self.drift.take(case)
        if change:
            precision = self.drift.precision(case.type)
            self._audit.append(
                now, change, type=case.type, floor=self.drift.floor(case.type), case=case.filed_under,
                precision=round(precision or 0.0, 6),
            )  # fmt: skip
        trial = self.models.take(case)
        if trial is None:
            return None
        self._audit.append(
            now, "trial", champion=trial.champion, challenger=trial.challenger, cases=trial.cases,
            champion_brier=round(trial.champion_brier, 6), challenger_brier=round(trial.challenger_brier, 6),
            outcome="proposed" if trial.is_better else "kept",
        )  # fmt: skip
        if not trial.is_better:
            return None
        if not self._policy.routes:
            # Under a policy that asks nobody and acts on nothing, nothing is proposed to anyone.
            self.models.withdraw()
            return None
        rule = f"promotion: {trial.challenger} better than {trial.champion} over {trial.cases} cases"
        owner = self._spec.governance.model_owner if self._policy.asks else ""
        return Request("promote", Decision("automatic", "", owner, "policy", rule))

    def asked(self, action_id: int, kind: str, review: Review | None = None) -> None:
        """An action was sent for one of the engine's requests."""
        if kind == "promote":
            self._promotion = action_id
        if review is not None:
            review.action_id = action_id

    def answered(self, action_id: int, outcome: str, now: int) -> None:
        """People have answered a request: automation comes back, a model takes charge, or all stays as it was."""
        if action_id == self._promotion:
            self._promotion = NULL
            if outcome != "done":
                self.models.withdraw()
                return
            before = self.models.champion.version
            version = self.models.promote().version
            self._audit.append(now, "promoted", version=version, before=before, action=action_id)
        if outcome != "done":
            self.reviews.refused(action_id)
            return
        for review in self.reviews.done(action_id):
            self._audit.append(
                now, "reviewed", change=review.change, role=review.role, scope=_scope(review), action=action_id
            )

    def _withdrawn(self, case: Case) -> str:
        """Why a machine may not act on a case for now; empty where it may."""
        if case.type in self.drift.demoted:
            return "drift: precision of the type is below its floor"
        review = self.reviews.over(case)
        return "" if review is None else f"review: {review.change} not yet reviewed by {review.role}"


def _scope(review: Review) -> str:
    """What a review is about, in words."""
    if review.change == "upgrade":
        return f"interface {INTERFACES[review.interface]}"
    return f"{len(review.items)} items" if review.items else "chain"
