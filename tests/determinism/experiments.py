"""Small experiments in this process, and what is compared of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

#: Two regions, a full supply cycle, and nearly every kind of fault within a few seconds.
TWO_REGIONS = (
    "world.regions=2", "world.stores=4", "world.items=30", "world.days=6", "world.suppliers=6", "faults.scale=3",
    "replenishment.lead_days_median=1.5",
)


def run(folder: Path, *words: str) -> dict[str, Any]:
    """Run an experiment into ``folder``; returns its manifest."""
    from scenarios.arms import run_experiment
    from scenarios.compose import compose

    return manifest(run_experiment(compose(list(words)), folder))


def manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a run folder."""
    read: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return read


def rows(folder: Path, arm: str, region: str = "R1") -> pa.Table:
    """The observable stream of one arm and region, in file order."""
    return pq.read_table(sorted((folder / "events" / f"arm={arm}" / f"region={region}").glob("*.parquet")))


def truth(folder: Path, name: str) -> pa.Table:
    """One table of the truth."""
    return pq.read_table(folder / "truth" / f"{name}.parquet")


def before(table: pa.Table, time: int) -> pa.Table:
    """The rows that were available before ``time`` (microseconds)."""
    return table.filter(pc.less(table["available_at"].cast(pa.int64()), time))
