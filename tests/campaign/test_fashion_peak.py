"""The chain at its peak, over ten seeds: what an operator is worth, and what one does who asks nobody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Command

SIZE = ("scenario=fashion_peak", "world.stores=30", "replications=10", "workers=2")
SHOWN = ("business.recovery", "business.recovery_oracle", "business.recovery_of_reachable", "detection.recall",
         "detection.precision", "repair.wrongful", "repair.wrongful_value", "repair.auto_resolution",
         "repair.mttr_hours", "manual.mttr_hours")


def _measures(command: Command, folder: Path, *words: str) -> dict[str, Any]:
    """The measures of one run over all seeds, printed as they are read."""
    done = command("run", *SIZE, *words, "out=run", cwd=folder, timeout=4 * 3600.0)
    assert done.returncode == 0, done.stderr
    measures: dict[str, Any] = json.loads((folder / "run" / "scorecard.json").read_text(encoding="utf-8"))["measures"]
    print(f"\nfashion_peak, 30 stores, 10 seeds, {' '.join(words)}")  # noqa: T201 - a campaign reports
    for name in SHOWN:
        row = measures[name]
        if row["value"] is None:
            print(f"  {name:32} NA: {row['reason']}")  # noqa: T201
        else:
            low, high = ("" if row[end] is None else f"{row[end]:.3f}" for end in ("low", "high"))
            print(f"  {name:32} {row['value']:.3f} [{low}, {high}]  n={row['n']}")  # noqa: T201
    return measures


@pytest.mark.campaign
def test_safe_repairs_recover_and_the_oracle_recovers_more(command: Command, tmp_path: Path):
    measures = _measures(command, tmp_path, "policy=deterministic", "oracle=true")
    recovery, oracle = measures["business.recovery"], measures["business.recovery_oracle"]
    assert recovery["n"] == 10
    assert recovery["value"] > 0
    assert recovery["low"] > 0
    assert oracle["value"] > recovery["value"]
    assert oracle["low"] > 0


@pytest.mark.campaign
def test_repairing_without_asking_does_harm(command: Command, tmp_path: Path):
    measures = _measures(command, tmp_path, "policy=unrestricted", "oracle=false")
    assert measures["repair.wrongful"]["value"] > 0
    assert measures["repair.wrongful"]["low"] > 0
    assert measures["repair.wrongful_value"]["value"] > 0
