"""From an experiment's keys to the operator's settings: the one place where both are known."""

from __future__ import annotations

from collections.abc import Sequence

from detection.spec import Governance, OperatorSpec, PilotScope
from scenarios.schema import Experiment, Policy
from sim.clock import DAY, parse_date
from sim.events import NULL


def operator_spec(experiment: Experiment, locations: Sequence[str]) -> OperatorSpec:
    """The operator of one region.

    Args:
        experiment: composed and validated.
        locations: names of the region's locations by code, its DC first.
    """
    detector, policy = experiment.detector, experiment.policy
    return OperatorSpec(
        detector=detector.plugin or detector.name,
        classifier=experiment.classifier.name,
        priority=experiment.priority.name,
        policy=policy.name,
        pilot=_pilot(experiment, locations),
        confidence=policy.confidence,
        confidence_by_type=dict(policy.confidence_by_type),
        governance=_governance(policy),
        service_hours=experiment.middleware.service_hours,
        grace_minutes=detector.grace_minutes,
        silence_probability=detector.silence_probability,
        loss_floor=detector.loss_floor,
        horizon_days=detector.horizon_days,
        counts_per_store_day=policy.counts_per_store_day,
        escalate_hours=policy.escalate_hours,
        parameters=dict(detector.parameters),
    )


def _governance(policy: Policy) -> Governance:
    """The rules under which the operator may act."""
    return Governance(
        severity=dict(policy.severity),
        person_from=policy.person_from or "",
        escalate_hours_by_severity=dict(policy.escalate_hours_by_severity),
        approval_ladder=(
            (policy.store_manager_limit, "store_manager"),
            (policy.inventory_control_limit, "inventory_control"),
            (float("inf"), "finance"),
        ),
        reviews=frozenset(policy.reviews),
        review_mode=policy.review_mode,
        reviewers=dict(policy.reviewers),
        precision_floor=policy.precision_floor,
        precision_floor_by_type=dict(policy.precision_floor_by_type),
        drift_cases=policy.drift_cases,
        promotion_cases=policy.promotion_cases,
        model_owner=policy.model_owner,
        retention_days=policy.retention_days,
    )


def _pilot(experiment: Experiment, locations: Sequence[str]) -> PilotScope:
    """The pilot in codes of this region.

    A pilot elsewhere leaves this region out: no code is -2, so that the empty set, which means
    everywhere, is not what an unnamed region gets.
    """
    pilot = experiment.pilot
    codes = frozenset(code for code, name in enumerate(locations) if name in set(pilot.locations))
    if pilot.locations and not codes:
        codes = frozenset({-2})
    return PilotScope(
        types=frozenset(pilot.types),
        locations=codes,
        starts_at=NULL if pilot.start is None else parse_date(pilot.start),
        # The last day counts whole.
        ends_at=NULL if pilot.end is None else parse_date(pilot.end) + DAY,
    )
