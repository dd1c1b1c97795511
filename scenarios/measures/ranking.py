"""Ranks and verdicts among the entrants of one table, and the order in which its rows are shown.

Only entrants are ranked, by one measure. The best is compared with each other on the same seeds (Wilcoxon, Holm over
all of them), and too few pairs support no claim.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import numpy as np

from scenarios.measures.paired import PAIRS_MIN, Paired, holm, paired
from scenarios.measures.trials import BASELINE, ENTRANT, ORACLE

#: Detectors that know nothing, in the order in which their rows are shown. A row is one by its detector: see
#: :attr:`~scenarios.measures.trials.Trial.role`.
BASELINES: Final = ("one_liner", "time_of_day", "last_point", "random", "always", "never")
#: Adjusted p up to which an entrant is told to be behind the best.
ALPHA: Final = 0.05
#: The verdict on an entrant that raises more false alarms than the suite allows.
OVER: Final = "over the budget"
#: A difference of the ranking measure that does not matter.
MARGIN: Final = 0.01


def rank(
    rows: dict[str, dict[str, Any]], values: Mapping[str, Mapping[int, float]], name: str, over: Collection[str]
) -> None:
    """Put ranks among the entrants, equal values alike, and whether each is clearly behind the best, into the rows.

    Args:
        rows: entrant -> row of the table.
        values: entrant -> seed -> value of the measure that ranks.
        name: column of that measure.
        over: who raises more false alarms than allowed, and ranks behind all who do not.
    """
    ranked = [entrant for entrant, row in rows.items() if row["role"] == ENTRANT and row[name] is not None]
    if not ranked:
        return
    places = {entrant: (entrant in over, -rows[entrant][name]) for entrant in ranked}
    for entrant in ranked:
        rows[entrant]["rank"] = 1 + sum(places[other] < places[entrant] for other in ranked)
    best = min(ranked, key=lambda entrant: (rows[entrant]["rank"], entrant))
    rows[best]["verdict"] = "best"
    others = [entrant for entrant in ranked if entrant != best]
    compared = [compare(values[best], values[entrant]) for entrant in others]
    for entrant, found, p in zip(others, compared, holm([one.p for one in compared]), strict=True):
        ends = {"to_best": found.difference, "to_best_low": found.low, "to_best_high": found.high}
        rows[entrant].update(ends, p_holm=p, verdict=_verdict(found, p))
    for entrant in ranked:
        if entrant in over:
            rows[entrant]["verdict"] = OVER


def compare(first: Mapping[int, float], second: Mapping[int, float]) -> Paired:
    """The second less the first on the seeds that both have."""
    seeds = sorted(set(first) & set(second))
    return paired([first[seed] for seed in seeds], [second[seed] for seed in seeds], margin=MARGIN)


def _verdict(found: Paired, p: float | None) -> str:
    if p is None:
        return f"{found.n} of {PAIRS_MIN} pairs"
    return "behind" if p <= ALPHA else "not told apart"


def measure_distance(rows: dict[str, dict[str, Any]], values: Mapping[str, Mapping[int, float]]) -> None:
    """Put how far each is from the oracle, on the same seeds, into the rows."""
    oracle = next((entrant for entrant, row in rows.items() if row["role"] == ORACLE), None)
    if oracle is None:
        return
    for entrant, row in rows.items():
        found = compare(values[entrant], values[oracle])
        if row["role"] != ORACLE:
            row.update(to_oracle=found.difference, to_oracle_low=found.low, to_oracle_high=found.high)


def in_order(rows: Iterable[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """The oracle, entrants by rank or by the column ``name``, the baselines in their order."""
    rows = list(rows)

    def place(row: Mapping[str, Any]) -> tuple[int, int, float, str]:
        entrant, value = str(row["entrant"]), row.get(name)
        group = {ORACLE: 0, ENTRANT: 1, BASELINE: 2}[row["role"]]
        order = BASELINES.index(entrant) if row["role"] == BASELINE and entrant in BASELINES else 0
        if row["rank"] is not None:
            # Not by the value alone: some rank last for what they cost.
            order = row["rank"] - len(rows)
        return group, order, np.inf if value is None else -value, entrant

    return sorted(rows, key=place)
