"""What was measured: a table at the end of the tests, and ``outputs/bench.json``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest


@dataclass(frozen=True)
class Target:
    """What a ratio must reach: at least, or at most, ``bound``."""

    bound: float
    at_most: bool = False

    def is_met(self, value: float) -> bool:
        """Whether a value is good enough."""
        return value <= self.bound if self.at_most else value >= self.bound

    def __str__(self) -> str:
        return f"{'<=' if self.at_most else '>='} {self.bound:g}"


TARGETS: Final = {
    "world_ratio": Target(1.0),
    "per_process_ratio": Target(10.0),
    "run_ratio": Target(0.5),
    "scaling_ratio": Target(1.1, at_most=True),
    "workers_ratio": Target(1.8),
}


@dataclass(frozen=True)
class Result:
    """A ratio.

    Attributes:
        value: by elapsed time; this one counts.
        processor: by processor time; far from ``value``, the machine was busy with other things.
        note: what it is made of.
    """

    value: float
    processor: float
    note: str


Results = dict[str, Result]
RESULTS: Final = pytest.StashKey[Results]()


def table(results: Results) -> list[str]:
    """One line a ratio, with what it had to reach."""
    lines = [f"{'ratio':<18} {'value':>7} {'required':>9}      {'by processor':>12}  made of"]
    for name, target in TARGETS.items():
        if name not in results:
            lines.append(f"{name:<18} {'-':>7} {target!s:>9} none")
            continue
        result = results[name]
        verdict = "pass" if target.is_met(result.value) else "MISS"
        figures = f"{result.value:>7.3f} {target!s:>9} {verdict} {result.processor:>12.3f}"
        lines.append(f"{name:<18} {figures}  {result.note}")
    return lines


def write(results: Results, path: Path) -> None:
    """All ratios as ``[{name, unit, value}]``; one that could not be measured has a null."""
    entries = [
        {"name": name, "unit": "ratio", "value": round(results[name].value, 4) if name in results else None}
        for name in TARGETS
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
