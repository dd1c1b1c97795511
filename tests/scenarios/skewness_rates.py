"""How often the gate fails a program that sits exactly at its margins, by the shape of its differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from scenarios import gate
from scenarios.baseline import Baseline
from scenarios.measure_names import MEASURES, direction_of
from scenarios.samples import Sample

#: Skewed to the side on which an interval ends too soon: most seeds lose a little, and the few great gains that make
#: up for it are often not among thirty.
SHAPES: dict[str, Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]] = {
    "normal": lambda rng, size: rng.normal(0, 1, size),
    "exponential": lambda rng, size: rng.exponential(1, size) - 1,
    "lognormal": lambda rng, size: rng.lognormal(0, 1, size) - np.exp(0.5),
    "zero-inflated": lambda rng, size: rng.exponential(1, size) * (rng.random(size) < 0.3) - 0.3,
}
NAMES = [entry.name for entry in MEASURES if entry.name.startswith("detection.") and
         direction_of(entry.name) == "higher"][:9]
MARGIN = 0.02


def failures(shape: str, calls: int, *, measures: int = 9, seeds: int = 30, fresh: bool = False, seed: int = 17) -> int:
    """Calls that fail, of so many, over a program whose every measure is truly worse by exactly its margin.

    Args:
        shape: of the differences seed by seed; with ``fresh``, of the values of the run on seeds of its own.
        calls: judged.
        measures: judged in each call.
        seeds: in the baseline and in the run.
        fresh: the run has other seeds than the baseline.
        seed: of the draws.
    """
    rng, names, wrong = np.random.default_rng(seed), NAMES[:measures], 0
    assert len(names) == measures
    margins = dict.fromkeys(names, str(MARGIN))
    later = tuple(range(seeds, 2 * seeds) if fresh else range(seeds))
    for _ in range(calls):
        before = 0.05 * SHAPES[shape](rng, (measures, seeds)) if fresh else np.zeros((measures, seeds))
        after = 0.05 * SHAPES[shape](rng, (measures, seeds)) - MARGIN
        cell = Sample("calm", {}, tuple(range(seeds)), dict(zip(names, map(tuple, before), strict=True)), {})
        run = replace(cell, seeds=later, values=dict(zip(names, map(tuple, after), strict=True)))
        verdict = gate.judge(Baseline("1", None, 0.05, margins, {"calm": cell}), [run], version="1", lock=None)
        assert verdict.judged == measures
        wrong += verdict.code == 1
    return wrong
