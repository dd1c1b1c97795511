"""The operator's settings: which plug-in stands at each stage, and how bold it may be.

A spec is data: two operators with equal specs, layouts and seeds are the same operator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from detection.reviews import MODES, REVIEWERS
from detection.severity import SEVERITY
from detection.taxonomy import TYPES
from sim.events import NULL

#: Least confidence at which a machine may repair, by exception type (governance: per type, not one for all).
CONFIDENCE_BY_TYPE: dict[str, float] = {
    "dropped_message": 0.75,
    "duplicate_message": 0.8,
    "posting_lag": 0.6,
    "api_outage": 0.6,
    # Only the hold of a cell is a machine's here, and it is undone as soon as the cell is looked at.
    "phantom_stock": 0.4,
}


@dataclass(frozen=True)
class PilotScope:
    """Where and when automation is switched on; outside it every repair goes to people.

    Attributes:
        types: exception types it may act on; empty for all.
        locations: location codes it may act at; empty for all.
        starts_at, ends_at: simulated time, half open; null for no bound.
    """

    types: frozenset[str] = frozenset()
    locations: frozenset[int] = frozenset()
    starts_at: int = NULL
    ends_at: int = NULL

    def __post_init__(self) -> None:
        unknown = sorted(self.types - set(TYPES))
        if unknown:
            raise ValueError(f"unknown exception type {unknown[0]!r}; valid: {', '.join(TYPES)}")

    def covers(self, now: int, type_name: str, location: int) -> bool:
        """Whether automation is on for a case of this type, here and now."""
        if self.types and type_name not in self.types:
            return False
        if self.locations and location not in self.locations:
            return False
        if self.starts_at != NULL and now < self.starts_at:
            return False
        return self.ends_at == NULL or now < self.ends_at


@dataclass(frozen=True)
class OutsideSpec:
    """A detector that comes from outside: a class or a command in a process of its own, or a file.

    Attributes:
        command: what starts it, as words of a shell; paths are absolute.
        format: of the messages to a command, ``jsonl`` or ``arrow``.
        seconds: wall time that may be spent waiting for it over the run.
        megabytes: address space of a class; a command is not held to it.
        file: absolute path of the file of the detectors ``alerts``, ``scores`` and ``boosted``.
        threshold: from which score on ``scores`` raises an alert; None for never.
        hidden: absolute paths of folders that a class or a command must not read: those of the run.
    """

    command: str = ""
    format: str = "jsonl"
    seconds: float = 600.0
    megabytes: float = 4_096.0
    file: str = ""
    threshold: float | None = None
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True)
class StormRule:
    """When what an interface brings is a storm, and gets one case (:mod:`detection.storms`).

    Attributes:
        alerts: least number of raw alerts within ``hours``.
        findings: least number of findings among them.
        hours: the time in which they come: a slow interface needs half a day to show that it is one.
        share: of the lines that the interface delivered in that time; what is not above it is everyday loss.
    """

    alerts: int = 12
    findings: int = 3
    hours: float = 12.0
    share: float = 0.004


@dataclass(frozen=True)
class Governance:
    """The rules under which an operator may act, apart from its policy's name.

    Attributes:
        severity: least value of each tier, currency.
        person_from: tier from which on a person decides; empty for none.
        escalate_hours_by_severity: tiers whose cases go up sooner or later than the others.
        approval_ladder: (value up to, role that approves), rising.
        reviews: kinds of change that ask for a review of the policy.
        review_mode: how much automation is taken away until then.
        reviewers: role by kind of change.
        precision_floor: least share of confirmed verdicts at which a machine may go on with a type.
        precision_floor_by_type: types with a floor of their own.
        drift_cases: latest verdicts of a type that the floor is held against.
        promotion_cases: verdicts over which a challenger is tried against the model in charge.
        model_owner: role that approves a promotion.
        retention_days: how long a closed case and its evidence are kept.
    """

    severity: Mapping[str, float] = field(default_factory=lambda: dict(SEVERITY))
    person_from: str = ""
    escalate_hours_by_severity: Mapping[str, float] = field(default_factory=lambda: {"critical": 24.0})
    approval_ladder: tuple[tuple[float, str], ...] = (
        (500.0, "store_manager"),
        (5_000.0, "inventory_control"),
        (float("inf"), "finance"),
    )
    reviews: frozenset[str] = frozenset(REVIEWERS)
    review_mode: str = MODES[0]
    reviewers: Mapping[str, str] = field(default_factory=lambda: dict(REVIEWERS))
    precision_floor: float = 0.5
    precision_floor_by_type: Mapping[str, float] = field(default_factory=dict)
    drift_cases: int = 20
    promotion_cases: int = 50
    model_owner: str = "inventory_control"
    retention_days: int = 90


@dataclass(frozen=True)
class OperatorSpec:
    """What an operator is made of.

    Attributes:
        detector: a registered name, names joined by ``+``, or ``package.module:Class``.
        classifier, priority, policy: registered names, or ``package.module:Class``.
        classifier_file: absolute path of a version of the classifier ``fitted``; empty for the package's newest.
        pilot: where automation is on.
        confidence: least confidence for a machine to act; types of ``confidence_by_type`` have their own.
        service_hours: service level of a message, for feeds whose rows carry no due time.
        grace_minutes: how long past due before an absence is an alert.
        silence_probability: a cell is suspect when so long a silence had less than this probability.
        loss_floor: least revenue a suspect cell would lose within ``horizon_days``, currency.
        score_min: findings with a lower score raise no alert; None for no bound.
        short_pick_floor: the same of a cell whose lines were not found, each of which breaks a promise.
        counts_per_store_day: counts the store teams can take on, per store and day.
        escalate_hours: a case open for longer than this goes up one level.
        refer_value: from what worth of lost goods on loss prevention gets the case, once a count found them gone.
        governance: the rules under which it may act.
        storm: from when on what an interface brings is filed under one case.
        parameters: further numbers by name, for plug-ins.
        model: which model of a library the detectors ``pyod`` and ``sklearn`` use; empty for their usual one.
        options: arguments of that model's constructor.
        outside: where the detector is not of this program.
    """

    detector: str = "standard"
    classifier: str = "fitted"
    classifier_file: str = ""
    priority: str = "value"
    policy: str = "deterministic"
    pilot: PilotScope = field(default_factory=PilotScope)
    confidence: float = 0.8
    confidence_by_type: Mapping[str, float] = field(default_factory=lambda: dict(CONFIDENCE_BY_TYPE))
    service_hours: float = 4.0
    grace_minutes: float = 15.0
    silence_probability: float = 1e-3
    loss_floor: float = 75.0
    short_pick_floor: float = 10.0
    horizon_days: float = 7.0
    score_min: float | None = None
    counts_per_store_day: float = 2.0
    escalate_hours: float = 72.0
    refer_value: float = 250.0
    governance: Governance = field(default_factory=Governance)
    storm: StormRule = field(default_factory=StormRule)
    parameters: Mapping[str, float] = field(default_factory=dict)
    model: str = ""
    options: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    outside: OutsideSpec = field(default_factory=OutsideSpec)

    def parameter(self, name: str, default: float) -> float:
        """A plug-in's own number, or its default."""
        return float(self.parameters.get(name, default))

    def threshold(self, type_name: str) -> float:
        """Least confidence at which a machine may repair a case of this type."""
        return self.confidence_by_type.get(type_name, self.confidence)

    def patience(self, severity: str) -> float:
        """Hours for which a case of this tier may stay open before it goes up."""
        return self.governance.escalate_hours_by_severity.get(severity, self.escalate_hours)
