"""Poor integration discipline over seeds: what each step of lost ids and telemetry costs, on the scorecard itself."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Command

STEPS = (0.0, 0.3, 0.6, 0.9)
REPLICATIONS = 3
SHOWN = ("detection.recall_inferred", "detection.precision", "detection.mttd_hours",
         "classification.fault_macro_f1", "repair.mttr_hours", "repair.mttr_median_hours")


def _step(command: Command, folder: Path, share: float) -> list[dict[str, Any]]:
    """The measures of every seed, printed as they are read."""
    words = (f"middleware.correlation_loss={share}", f"middleware.telemetry_loss={share}")
    out = f"run{share}"
    done = command("run", "scenario=observability", "world.days=14", f"replications={REPLICATIONS}", "oracle=false",
                   "record=summary", *words, f"out={out}", cwd=folder, timeout=3600.0)
    assert done.returncode == 0, done.stderr
    cards = sorted((folder / out / "replications").glob("*/scorecard.json"))
    seeds = [json.loads(card.read_text(encoding="utf-8"))["measures"] for card in cards]
    assert len(seeds) == REPLICATIONS
    for name in SHOWN:
        print(f"loss {share}: {name:32} {[round(seed[name]['value'], 3) for seed in seeds]}")  # noqa: T201
    return seeds


@pytest.mark.campaign
def test_each_step_costs_recall_diagnosis_and_time_to_restore(command: Command, tmp_path: Path):
    steps = [[{name: seed[name]["value"] for name in SHOWN} for seed in _step(command, tmp_path, share)]
             for share in STEPS]
    # Twins on the same draws: each seed by itself pays for every step.
    for less, more in pairwise(steps):
        for before, after in zip(less, more, strict=True):
            assert after["detection.recall_inferred"] < before["detection.recall_inferred"]
            assert after["detection.mttd_hours"] > before["detection.mttd_hours"]
            assert after["repair.mttr_hours"] > before["repair.mttr_hours"]
    for before, after in zip(steps[0], steps[3], strict=True):
        assert after["detection.recall_inferred"] < before["detection.recall_inferred"] - 0.1
        assert after["classification.fault_macro_f1"] < before["classification.fault_macro_f1"]
        assert after["detection.precision"] < before["detection.precision"]
