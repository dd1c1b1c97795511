"""From an experiment's keys to the operator's settings: the one place where both are known."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from detection.layout import Layout
from detection.spec import Governance, OperatorSpec, OutsideSpec, PilotScope, StormRule
from scenarios.schema import Experiment, Policy
from sim.clock import DAY, parse_date
from sim.draws import Purpose, keyed_int
from sim.events import NULL, Vocabulary


def operator_spec(experiment: Experiment, locations: Sequence[str]) -> OperatorSpec:
    """The operator of one region.

    Args:
        experiment: composed and validated.
        locations: names of the region's locations by code, its DC first.
    """
    detector, policy = experiment.detector, experiment.policy
    return OperatorSpec(
        detector=detector_of(experiment),
        classifier=experiment.classifier.name,
        classifier_file=str(Path(experiment.classifier.file).absolute()) if experiment.classifier.file else "",
        priority=experiment.priority.name,
        policy=policy.name,
        pilot=_pilot(experiment, locations),
        confidence=policy.confidence,
        confidence_by_type=dict(policy.confidence_by_type),
        governance=_governance(policy),
        storm=StormRule(policy.storm_alerts, policy.storm_findings, policy.storm_hours, policy.storm_share),
        service_hours=experiment.middleware.service_hours,
        grace_minutes=detector.grace_minutes,
        silence_probability=detector.silence_probability,
        loss_floor=detector.loss_floor,
        short_pick_floor=detector.short_pick_floor,
        horizon_days=detector.horizon_days,
        score_min=detector.score_min,
        counts_per_store_day=policy.counts_per_store_day,
        escalate_hours=policy.escalate_hours,
        parameters=dict(detector.parameters),
        model=detector.model or "",
        options=dict(detector.options),
        outside=OutsideSpec(
            command=_absolute(detector.command or ""),
            format=detector.format,
            seconds=detector.limit_seconds,
            megabytes=detector.limit_megabytes,
            file=str(Path(detector.file).absolute()) if detector.file else "",
            threshold=detector.threshold,
            hidden=(str(Path(experiment.out).expanduser().absolute()),) if experiment.out else (),
        ),
    )


def layout_of(experiment: Experiment, vocabulary: Vocabulary, region: int) -> Layout:
    """What the operator of one region knows of it before the first row."""
    return Layout(vocabulary, experiment.world.opens, experiment.world.closes, f"R{region + 1}")


def operator_seed(seed: int, region: int) -> int:
    """The seed of one region's operator: regions name places by the same codes, and must not share ids of cases."""
    return keyed_int(seed, Purpose.IDS, region)


def detector_of(experiment: Experiment) -> str:
    """The detector by the name that the registry knows: a class or a command of the user's own comes first."""
    detector = experiment.detector
    return detector.plugin or ("command" if detector.command else detector.name)


def _absolute(command: str) -> str:
    """A command whose words that are files here are found from another folder too."""
    return shlex.join(str(Path(word).absolute()) if (number and Path(word).is_file()) or word.startswith(".") else word
                      for number, word in enumerate(shlex.split(command)))


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
