"""Samples made by hand, for what compares them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scenarios.samples import Sample

UNITS = {"detection.recall": "share", "detection.mttd_hours": "hours", "detection.precision": "share"}


def sample(seeds: Sequence[int], *, name: str = "calm", stream: str = "s", **changes: Any) -> Sample:
    """A sample on these seeds; ``values`` by measure, one a seed."""
    values = changes.pop("values", {"detection.recall": [0.8 + seed % 7 / 100 for seed in seeds]})
    config = {"scenario": name, "detector.name": "standard", **changes.pop("config", {})}
    return Sample(
        name=name,
        config=config,
        seeds=tuple(seeds),
        values={measure: tuple(row) for measure, row in values.items()},
        units={measure: UNITS[measure] for measure in values},
        hashes={seed: {"unmanaged": f"{stream}{seed}"} for seed in seeds},
        counts={seed: {"alerts": 10 + seed} for seed in seeds},
        **changes,
    )
