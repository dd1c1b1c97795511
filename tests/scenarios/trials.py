"""Trials of a made-up benchmark, whose numbers a test can know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scenarios.measures.ranking import BASELINES
from scenarios.measures.trials import Trial

SKILL, RECALL = "detection.skill", "detection.recall"


def measure(value: float | None) -> dict[str, Any]:
    """One measure as a trial holds it."""
    reason = "nothing to measure" if value is None else None
    return {"value": value, "unit": "", "low": None, "high": None, "n": 1, "reason": reason}


def trial(entrant: str, seed: int, skill: float, scenario: str = "quickstart", split: str = "test",
          **rest: Any) -> Trial:
    """One that ended well; ``rest`` overrides."""
    fields: dict[str, Any] = {
        "scenario": scenario, "seed": seed, "split": split, "entrant": entrant, "status": "ok", "event_hash": "0",
        "measures": {SKILL: measure(skill), RECALL: measure(skill / 2)},
        "by_type": {"phantom_stock": {"n": 4, "recall": skill, "announced": False},
                    "short_pick": {"n": 6, "recall": 1.0, "announced": True}},
        "role": "oracle" if entrant == "oracle" else "baseline" if entrant in BASELINES else "entrant",
    }  # fmt: skip
    return Trial(**{**fields, **rest})


def whole_run(entrant: str, seed: int, losses: Mapping[str, float], **rest: Any) -> Trial:
    """One whole run that ended well, with the loss of each arm."""
    measures = {f"business.{arm}.loss_value": measure(value) for arm, value in losses.items()}
    for name, best in (("recovery", "clean"), ("recovery_of_reachable", "oracle")):
        if best in losses:
            won, all_of_it = losses["unmanaged"] - losses["managed"], losses["unmanaged"] - losses[best]
            measures[f"business.{name}"] = measure(won / all_of_it)
    return trial(entrant, seed, 0.0, **{"measures": {**measures, **rest.pop("measures", {})}, **rest})


def failed(entrant: str, seed: int, scenario: str = "quickstart") -> Trial:
    """One that ran out of time before anything was scored."""
    nothing: dict[str, Any] = {"event_hash": None, "measures": {}, "by_type": {}}
    return trial(entrant, seed, 0.0, scenario, status="timeout", message="too long", **nothing)


def several(skills: Mapping[str, Sequence[float]], scenario: str = "quickstart", split: str = "test") -> list[Trial]:
    """Seeds 0, 1, ... of each entrant."""
    return [trial(name, seed, skill, scenario, split) for name, row in skills.items() for seed, skill in enumerate(row)]
