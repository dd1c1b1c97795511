"""Trials of a benchmark: what one entrant reached on one scenario and seed, and how it ended.

A trial is one file, ``trials/KEY.json`` in the folder of the benchmark, written whole or not at all. It
holds no wall-clock time, so a benchmark done twice, or in pieces, gives the same bytes.

**A failed trial counts.** One whose status is not ``ok`` stays in every table and in every denominator,
and stands for an operator that raised nothing: nothing found, every miss its whole window, nothing won
back. :func:`charged` and :func:`counted` are the places that say so. What a trial never showed (the
minutes of people in a whole run that broke off) has no value, and the number of seeds behind one tells it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from scenarios.errors import UserError
from scenarios.manifest import canonical_json

#: The status of a trial that ended as it should.
OK: Final = "ok"
#: What an entrant is to a table: ranked, told beside it because it knows nothing, or because it knows all.
ENTRANT, BASELINE, ORACLE = ROLES = ("entrant", "baseline", "oracle")
#: What the seeds of a benchmark are for, in the order in which they are used.
SPLITS: Final = ("dev", "validation", "test")
#: The folder of the trials in that of the benchmark.
FOLDER: Final = "trials"
#: Arms in which the entrant has no part.
_BESIDE: Final = ("unmanaged", "clean", "oracle")
#: Measures in which an operator that does nothing has 0: what was found, and what was won.
_NOTHING: Final = frozenset(
    {f"detection{loop}.{name}" for loop in ("", ".loop") for name in (
        "recall", "recall_found", "recall_value", "recall_inferred", "skill", "precision", "precision_one_to_one",
        "before_reconciliation", "auc_pr", "range_precision", "range_recall", "vus_pr", "affiliation_precision",
        "affiliation_recall")}
    | {f"classification{loop}.{name}_macro_f1" for loop in ("", ".loop") for name in ("type", "fault", "cause")}
    | {"case.routing_accuracy", "repair.auto_resolution", "business.recovery", "business.recovery_of_reachable"}
)


@dataclass(frozen=True)
class Trial:
    """One entrant on one scenario and seed.

    Attributes:
        scenario: the suite's name of the scenario.
        seed: of all draws.
        split: ``dev``, ``validation`` or ``test``.
        entrant: the suite's name of the detector, policy or whatever is compared.
        status: ``ok``, or how it failed (``error``, ``timeout``, ``memory``, ``killed``, ``invalid output`` ...).
        message: one line on the failure; empty where there was none.
        event_hash: of the unmanaged arm's stream; None where the simulation itself failed.
        measures: name -> value, unit, low, high, n, reason: as under ``measures`` of ``scorecard.json``.
        by_type: exception type -> ``n`` (exceptions held to be found), ``recall``, and ``announced``: whether a row
            says so.
        role: one of :data:`ROLES`, by what the entrant is made of and not by what it is called.
    """

    scenario: str
    seed: int
    split: str
    entrant: str
    status: str
    message: str = ""
    event_hash: str | None = None
    measures: dict[str, dict[str, Any]] = field(default_factory=dict)
    by_type: dict[str, dict[str, Any]] = field(default_factory=dict)
    role: str = ENTRANT

    @property
    def ok(self) -> bool:
        """Whether it ended as it should."""
        return self.status == OK

    @property
    def place(self) -> tuple[str, str, int, int]:
        """What trials are ordered by: scenario, entrant, split and seed."""
        rank = SPLITS.index(self.split) if self.split in SPLITS else len(SPLITS)
        return self.scenario, self.entrant, rank, self.seed

    def to_json(self) -> str:
        """The trial as one line; equal trials give equal text."""
        return canonical_json(asdict(self)) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Trial:
        """A trial as it was written.

        Raises:
            ValueError: if the text is no trial.
        """
        content = json.loads(text)
        names = {entry.name for entry in fields(cls)}
        if not isinstance(content, Mapping) or set(content) != names:
            raise ValueError("is no trial of a benchmark")
        return cls(**content)


def counted(trial: Trial, name: str) -> float | None:
    """The value with which a trial counts in a measure; None where the measure does not apply.

    A failed trial has the value of the score without alerts, if it was taken, and 0 where nothing found means 0.
    """
    value = trial.measures.get(name, {}).get("value")
    if value is None and not trial.ok and name in _NOTHING:
        return 0.0
    return None if value is None else float(value)


def charged(trials: Iterable[Trial]) -> list[Trial]:
    """The trials, with the losses by which a failed whole run counts: what was unmanaged stayed so.

    A failed trial without losses takes those of one that ended well on the same scenario and seed: of several, the
    one with the most at stake, since entrants may have other people and none shall gain by failing. Where all failed,
    it takes the means of those that ended well on the scenario's other seeds of its split. What was managed
    is what was unmanaged. Without any it has none: then nothing is known of what was at stake.
    """
    held = list(trials)
    known: dict[tuple[str, str, int], list[dict[str, float]]] = {}
    for trial in held:
        losses = _losses(trial) if trial.ok else {}
        if losses:
            known.setdefault((trial.scenario, trial.split, trial.seed), []).append(losses)
    of_seed = {place: max(several, key=_at_stake) for place, several in sorted(known.items())}
    return [trial if trial.ok or _losses(trial) else _with_losses(trial, of_seed) for trial in held]


def _losses(trial: Trial) -> dict[str, float]:
    """The losses of the arms that do not depend on what is judged, if the trial has that of the unmanaged one."""
    found = {arm: counted(trial, f"business.{arm}.loss_value") for arm in _BESIDE}
    return {} if found["unmanaged"] is None else {arm: loss for arm, loss in found.items() if loss is not None}


def _at_stake(losses: Mapping[str, float]) -> tuple[float, ...]:
    """What orders losses: the most to win back first, then the losses themselves, so that no order of trials counts."""
    return (losses["unmanaged"] - losses.get("clean", 0.0), *(losses.get(arm, 0.0) for arm in _BESIDE))


def _with_losses(trial: Trial, known: Mapping[tuple[str, str, int], Mapping[str, float]]) -> Trial:
    place = (trial.scenario, trial.split, trial.seed)
    beside = [known[place]] if place in known else [losses for at, losses in known.items() if at[:2] == place[:2]]
    if not beside:
        return trial
    arms = [arm for arm in _BESIDE if all(arm in losses for losses in beside)]
    losses = {arm: sum(losses[arm] for losses in beside) / len(beside) for arm in arms}
    losses["managed"] = losses["unmanaged"]
    told = {f"business.{arm}.loss_value": {"value": loss, "unit": "value", "low": None, "high": None, "n": 1,
                                           "reason": None} for arm, loss in losses.items()}
    return replace(trial, measures={**trial.measures, **told})


def read_trials(out: str | Path) -> list[Trial]:
    """All finished trials of a benchmark's folder, in the order of :attr:`Trial.place`.

    Raises:
        UserError: if a file there is no trial.
    """
    trials = []
    for path in sorted((Path(out) / FOLDER).glob("*.json")):
        try:
            trials.append(Trial.from_json(path.read_bytes()))
        except ValueError as error:
            raise UserError(f"{path}: {error}") from error
    return sorted(trials, key=lambda trial: trial.place)
