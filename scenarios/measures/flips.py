"""Which assumptions a ranking hangs on: the order of entrants where one stands at its low or high, against the usual.

Two entrants *change places* where the one that is ahead in the usual world is behind in the moved one. That happens
by chance between equals, so a change is told to *flip* the ranking only where both differences, taken seed by seed,
have intervals that exclude 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any, Final

import pandas as pd

from scenarios.measures.leaderboard import COLUMNS, TEST, value_of
from scenarios.measures.paired import Paired
from scenarios.measures.ranking import compare
from scenarios.measures.trials import ENTRANT, Trial

FLIPS, NOT_TOLD_APART = "flips", "not told apart"
#: Columns of the table, one row a pair of entrants that change places.
FLIP_COLUMNS: Final = (
    "scenario", "assumption", "value", "ahead", "behind", "usual", "usual_low", "usual_high", "moved", "moved_low",
    "moved_high", "seeds", "verdict",
)  # fmt: skip


def flips(trials: Iterable[Trial], origin: Mapping[str, str], mode: str) -> pd.DataFrame:
    """The pairs of entrants that change places where an assumption is moved.

    Args:
        trials: of a suite; those on test seeds count.
        origin: scenario with a moved assumption, ``SCENARIO KEY=VALUE`` -> the usual one.
        mode: of the suite; the first of its columns ranks.

    Returns:
        :data:`FLIP_COLUMNS`: ``ahead`` is ahead of ``behind`` by ``usual`` in the usual world, and by ``moved`` (below
        0) in the moved one. The flips first, the largest first.
    """
    measure = next(iter(COLUMNS[mode].values()))
    values: dict[tuple[str, str], dict[int, float]] = {}
    for trial in trials:
        found = value_of(trial, measure)
        if trial.split == TEST and trial.role == ENTRANT and found is not None:
            values.setdefault((trial.scenario, trial.entrant), {})[trial.seed] = found
    entrants = sorted({entrant for _, entrant in values})
    rows = []
    for name, usual in origin.items():
        for first, second in combinations(entrants, 2):
            pairs = [[values.get((scenario, entrant), {}) for entrant in (first, second)] for scenario in (usual, name)]
            rows += _row(name, usual, (first, second), [compare(b, a) for a, b in pairs])
    table = pd.DataFrame(rows, columns=list(FLIP_COLUMNS))
    order = table.assign(last=table["verdict"] != FLIPS).sort_values(["last", "moved", "assumption"], kind="stable")
    return order.drop(columns="last").reset_index(drop=True)


def _row(name: str, usual: str, pair: tuple[str, str], found: list[Paired]) -> list[dict[str, Any]]:
    """The row of two entrants that change places; none where they do not."""
    before, after = found
    if not before.difference or not after.difference or (before.difference > 0) == (after.difference > 0):
        return []
    sign = 1.0 if before.difference > 0 else -1.0
    ahead, behind = pair if sign > 0 else pair[::-1]
    key, _, value = name.removeprefix(f"{usual} ").partition("=")
    ends = [_ends(one, sign) for one in found]
    told = all(low is not None and high is not None and low * high > 0 for _, low, high in ends)
    row = (usual, key, float(value), ahead, behind, *ends[0], *ends[1], after.n, FLIPS if told else NOT_TOLD_APART)
    return [dict(zip(FLIP_COLUMNS, row, strict=True))]


def _ends(found: Paired, sign: float) -> tuple[float, float | None, float | None]:
    """Difference and interval, from the view of the one that is ahead in the usual world."""
    assert found.difference is not None
    if found.low is None or found.high is None:
        return sign * found.difference, None, None
    low, high = sorted((sign * found.low, sign * found.high))
    return sign * found.difference, low, high
