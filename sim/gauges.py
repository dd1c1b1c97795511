"""What a sceptic would measure of the chain, as sums: the raw material of the realism card.

A gauge is a named histogram: for each whole-number key, how many observations, their sum and their sum
of squares. A ratio uses one key; a distribution has a key for each value or class. Observing
changes nothing and costs a few array calls a tick; only :mod:`sim.records` reads it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


class Gauges:
    """The gauges of one region and arm."""

    def __init__(self) -> None:
        self._ratios: dict[str, list[float]] = {}
        self._tallies: dict[str, F64] = {}

    def add(self, name: str, total: float, count: float = 1.0) -> None:
        """``count`` observations that add up to ``total``: for a share, how many of how many."""
        sums = self._ratios.setdefault(name, [0.0, 0.0])
        sums[0] += count
        sums[1] += total

    def tally(self, name: str, keys: npt.NDArray[np.integer],
              values: F64 | npt.NDArray[np.integer] | float = 1.0,
              times: F64 | npt.NDArray[np.integer] | float = 1.0) -> None:
        """One observation a row of ``keys`` (whole numbers from 0 on), or as many as ``times`` says."""
        if not len(keys):
            return
        size = int(keys.max()) + 1
        sums = self._tallies.get(name)
        if sums is None or sums.shape[1] < size:
            wider = np.zeros((3, max(size, 16)))
            if sums is not None:
                wider[:, : sums.shape[1]] = sums
            sums = self._tallies[name] = wider
        weighed = isinstance(times, np.ndarray)
        count = np.bincount(keys, times, size) if weighed else np.bincount(keys, minlength=size) * times
        sums[0, :size] += count
        if isinstance(values, np.ndarray):
            sums[1, :size] += np.bincount(keys, values * times, size)
            sums[2, :size] += np.bincount(keys, values.astype(np.float64) ** 2 * times, size)
        else:
            sums[1, :size] += count * values
            sums[2, :size] += count * values**2

    def columns(self) -> dict[str, list[float] | list[int] | list[str]]:
        """Columns ``gauge, key, n, total, squares``, one row a gauge and key that was observed."""
        names: list[str] = []
        keys: list[int] = []
        sums: list[list[float]] = [[], [], []]
        for name, (count, total) in self._ratios.items():
            names.append(name)
            keys.append(0)
            for number, value in enumerate((count, total, 0.0)):
                sums[number].append(value)
        for name, table in self._tallies.items():
            seen = np.flatnonzero(table[0])
            names += [name] * len(seen)
            keys += seen.tolist()
            for number, values in enumerate(table[:, seen]):
                sums[number] += values.tolist()
        return {"gauge": names, "key": keys, "n": sums[0], "total": sums[1], "squares": sums[2]}
