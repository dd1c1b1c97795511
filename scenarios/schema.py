"""The typed shape of an experiment: the world's parameters and the keys around them.

Every key a user may set on the command line is a field here or in ``sim.config``; the composition
refuses any other. A part with a ``name`` is chosen by a group of ``conf/`` (``detector=never``),
and its other fields are set by key (``detector.threshold=0.9``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from detection.reviews import MODES, REVIEWERS
from detection.severity import SEVERITY
from detection.spec import CONFIDENCE_BY_TYPE, StormRule
from sim.config import Config


@dataclass
class Detector:
    """What raises alerts.

    Attributes:
        name: a registered detector, or several joined by ``+``.
        plugin: ``package.module:Class`` of a detector of the user's own; overrides ``name``.
        grace_minutes: how long past due before an absence is an alert.
        silence_probability: a cell is suspect when so long a silence had less than this probability.
        loss_floor: least revenue a suspect cell would lose within ``horizon_days``, currency.
        short_pick_floor: the same of a cell whose order lines were not found, each of which breaks a promise.
        horizon_days: see ``loss_floor``.
        score_min: findings with a lower score raise no alert; null for no bound. A benchmark freezes it on dev seeds.
        parameters: further numbers by name, for plug-ins.
        command: what starts a detector in another language, as words of a shell; overrides ``name``.
        format: of the messages to that command.
        model: which model of a library the detectors ``pyod`` and ``sklearn`` use; null for their usual one.
        options: arguments of that model, or of ``half_space``.
        file: of the detectors ``alerts`` and ``scores``, CSV or Parquet; of ``boosted``, what ``stocktwin fit`` wrote.
        threshold: from which score on the detector ``scores`` raises an alert; null for never.
        limit_seconds: wall time that may be spent waiting for a detector of the user's own, an arm and region.
        limit_megabytes: address space of a detector class of the user's own.
    """

    name: str = "standard"
    plugin: str | None = None
    command: str | None = None
    format: str = "jsonl"
    model: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    file: str | None = None
    threshold: float | None = None
    limit_seconds: float = 600.0
    limit_megabytes: float = 4_096.0
    grace_minutes: float = 15.0
    silence_probability: float = 1e-3
    loss_floor: float = 75.0
    short_pick_floor: float = 10.0
    horizon_days: float = 7.0
    score_min: float | None = None
    parameters: dict[str, float] = field(default_factory=dict)


@dataclass
class Classifier:
    """What names the type, the fault and the root cause of a case.

    Attributes:
        file: a version of ``fitted`` that ``stocktwin fit`` wrote; None for the newest of the package.
    """

    name: str = "fitted"
    file: str | None = None


@dataclass
class Priority:
    """What orders the work queues."""

    name: str = "value"


@dataclass
class Policy:
    """What may be repaired without asking, and the rules around it.

    Attributes:
        name: a registered policy.
        confidence: least confidence of the classifier at which a machine may act; below it a person decides.
        confidence_by_type: exception types with a threshold of their own.
        counts_per_store_day: counts the store teams can take on, per store and day.
        escalate_hours: a case open for longer than this goes up one level.
        escalate_hours_by_severity: tiers of severity with a threshold of their own.
        severity: least value at stake of the tiers critical, high and medium, currency; the rest is low.
        person_from: tier from which on a person decides whatever a machine could do; null for none.
        store_manager_limit: value up to which a store manager approves an adjustment, currency.
        inventory_control_limit: value up to which inventory control does, currency; above it finance.
        reviews: announced changes after which the policy must be reviewed: peak, assortment, upgrade.
        review_mode: until then ``narrow`` hands to people what the change concerns, ``suspend`` everything.
        reviewers: role that reviews, by kind of change.
        precision_floor: least share of confirmed verdicts at which a machine may go on with an exception type.
        precision_floor_by_type: exception types with a floor of their own.
        drift_cases: latest verdicts of a type that the floor is held against.
        promotion_cases: verdicts over which a challenger is tried against the model in charge.
        model_owner: role that approves that a challenger takes charge.
        retention_days: how long the operator keeps a closed case and the evidence behind it.
        storm_alerts: so many raw alerts of one interface within ``storm_hours`` are a storm, and get one case.
        storm_findings: least number of findings among them.
        storm_hours: the time in which they come.
        storm_share: of the lines delivered in that time, up to which they are everyday loss and no storm.
    """

    name: str = "deterministic"
    confidence: float = 0.8
    confidence_by_type: dict[str, float] = field(default_factory=lambda: dict(CONFIDENCE_BY_TYPE))
    counts_per_store_day: float = 2.0
    escalate_hours: float = 72.0
    escalate_hours_by_severity: dict[str, float] = field(default_factory=lambda: {"critical": 24.0})
    severity: dict[str, float] = field(default_factory=lambda: dict(SEVERITY))
    person_from: str | None = None
    store_manager_limit: float = 500.0
    inventory_control_limit: float = 5_000.0
    reviews: list[str] = field(default_factory=lambda: list(REVIEWERS))
    review_mode: str = MODES[0]
    reviewers: dict[str, str] = field(default_factory=lambda: dict(REVIEWERS))
    precision_floor: float = 0.5
    precision_floor_by_type: dict[str, float] = field(default_factory=dict)
    drift_cases: int = 20
    promotion_cases: int = 50
    model_owner: str = "inventory_control"
    retention_days: int = 90
    storm_alerts: int = StormRule.alerts
    storm_findings: int = StormRule.findings
    storm_hours: float = StormRule.hours
    storm_share: float = StormRule.share


@dataclass
class Engine:
    """What carries out the shards and replications of a run, and the trials of a benchmark.

    Attributes:
        name: ``loky`` (processes of this machine), ``dask`` or ``ray``.
        address: of a Dask or Ray cluster that runs already; null for one of this machine's own.
    """

    name: str = "loky"
    address: str | None = None


@dataclass
class Pilot:
    """Where and when automation is switched on; everywhere by default.

    Attributes:
        types: exception types it may act on; empty for all.
        locations: location names it may act at; empty for all.
        start: first day it may act, ISO date; null for the first day of the run.
        end: last day it may act, ISO date; null for the last day of the run.
    """

    types: list[str] = field(default_factory=list)
    locations: list[str] = field(default_factory=list)
    start: str | None = None
    end: str | None = None


@dataclass
class Experiment(Config):
    """One run: a world, an operator, and what is kept of them.

    Attributes:
        scenario: the scenario chosen; filled in by the composition.
        seed: of all draws.
        replications: how many seeds from ``seed`` on; above 1 the scorecard is over them.
        out: run folder; null for ``outputs/SCENARIO/ID``.
        overwrite: replace a complete run folder.
        record: ``full`` keeps the stream, ``summary`` scores and truth only.
        oracle: run the arm with perfect detection and diagnosis too.
        fcfs: run the arm whose people work first come, first served too: what the order of work is worth.
        workers: processes at once; changes no result.
        realism: print the realism card after the scorecard.
        calibrated_to: the world whose published figures the run is held against: ``retail`` is the base world
            at its usual rates; null for a scenario that is off them on purpose.
    """

    scenario: str = "quickstart"
    seed: int = 1
    replications: int = 1
    out: str | None = None
    overwrite: bool = False
    record: str = "full"
    oracle: bool = True
    fcfs: bool = False
    workers: int = 1
    realism: bool = False
    calibrated_to: str | None = "retail"
    detector: Detector = field(default_factory=Detector)
    classifier: Classifier = field(default_factory=Classifier)
    priority: Priority = field(default_factory=Priority)
    policy: Policy = field(default_factory=Policy)
    engine: Engine = field(default_factory=Engine)
    pilot: Pilot = field(default_factory=Pilot)


#: Keys with a fixed list of values.
CHOICES: dict[str, tuple[str | None, ...]] = {
    "record": ("full", "summary"),
    "detector.format": ("jsonl", "arrow"),
    "calibrated_to": (None, "retail", "fashion_peak", "grocery_fulfilment", "omnichannel_returns"),
}
#: Keys that say where and how a run is carried out; they change no result and no run id.
PLACEMENT: frozenset[str] = frozenset({"out", "overwrite", "workers", "engine", "realism"})
