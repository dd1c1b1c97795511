"""Where a measure comes from: its parts by type of exception and by kind of location, which add up to it.

Recall is a mean over types, so an exception weighs one over the number of types times those of its type; the mean
time to detect weighs all alike; a false alarm counts over location-days. Each part is a sum over the exceptions (or
untrue incidents) of its key, so the parts of each breakdown add up to the measure, and the differences of the parts
of two runs to the difference of the measure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from scenarios.match import HOUR
from scenarios.measures.detecting import detect
from scenarios.measures.run import Run
from scenarios.reader import RunReader

#: Measures that are taken apart, in the order in which they are told.
TAKEN_APART: Final = ("detection.recall", "detection.mttd_hours", "detection.false_alarms_per_location_day")
#: The breakdowns.
BY: Final = ("type", "location")
#: measure -> breakdown -> key -> part of the measure's value
Parts = dict[str, dict[str, dict[str, float]]]


def parts_of(reader: RunReader) -> Parts:
    """The parts of one run's measures; a measure without a value has none."""
    run = Run(reader)
    if not run.has("unmanaged"):
        return {}
    shadow = detect(run, "unmanaged", run.of_operator("alerts", "unmanaged"), run.of_operator("cases", "unmanaged"))
    judged, untrue = shadow.judged, shadow.incidents[~shadow.incidents["true"].astype(bool)]
    parts: Parts = {}
    if len(judged):
        of_type = judged.groupby("type")["type"].transform("size").to_numpy()
        hit = (judged["found"] | judged["explained"]).to_numpy(dtype=float)
        parts["detection.recall"] = _grouped(judged, hit / of_type / judged["type"].nunique())
        hours = judged["delay"].to_numpy(dtype=float) / HOUR
        parts["detection.mttd_hours"] = _grouped(judged, hours / len(judged))
    exposure = run.locations * run.days
    if exposure > 0:
        parts["detection.false_alarms_per_location_day"] = _grouped(untrue, np.full(len(untrue), 1 / exposure))
    return parts


def _grouped(rows: pd.DataFrame, parts: npt.NDArray[np.float64]) -> dict[str, dict[str, float]]:
    keys = {
        "type": [str(name) or "unknown" for name in rows["type"]],
        "location": [kind_of_location(str(name)) for name in rows["location"]],
    }
    sums: dict[str, dict[str, float]] = {}
    for by, names in keys.items():
        found = pd.Series(parts, dtype=float).groupby(np.array(names, dtype=object)).sum()
        sums[by] = {str(key): float(value) for key, value in found.items()}
    return sums


def kind_of_location(name: str) -> str:
    """``DC``, ``store``, or ``no location`` for what has none, as an interface or an item of the whole chain."""
    if name.startswith("DC"):
        return "DC"
    return "store" if name.startswith("S") and name[1:].isdigit() else "no location"


def mean_differences(
    before: Mapping[int, Parts], after: Mapping[int, Parts], measure: str, by: str
) -> dict[str, float]:
    """By key, how much of the mean difference of a measure comes from it, the largest first.

    Args:
        before: seed -> parts of one run.
        after: those of the other; seeds on which either has no value are left out.
        measure: one that is taken apart.
        by: ``type`` or ``location``.
    """
    seeds = [seed for seed in before if measure in before[seed] and measure in after.get(seed, {})]
    keys = {key for seed in seeds for side in (before, after) for key in side[seed][measure].get(by, {})}
    found = {
        key: sum(
            after[seed][measure].get(by, {}).get(key, 0.0) - before[seed][measure].get(by, {}).get(key, 0.0)
            for seed in seeds
        ) / len(seeds)
        for key in keys
    }
    return dict(sorted(found.items(), key=lambda entry: (-abs(entry[1]), entry[0])))


def recall_by_type(by_type: Mapping[str, Mapping[str, object]]) -> Parts:
    """The parts of recall of a benchmark's trial, which keeps recall and n of each type."""
    known = {name: entry.get("recall") for name, entry in by_type.items() if entry.get("n")}
    held = {name: recall for name, recall in known.items() if recall is not None}
    shares = {name: float(str(value)) / len(held) for name, value in held.items()}
    return {"detection.recall": {"type": shares}} if held else {}
