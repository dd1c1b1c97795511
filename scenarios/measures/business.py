"""What it means for the business: losses of the arms on one seed, and how much of them is won back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from scenarios import statistics
from scenarios.match import NULL
from scenarios.measure_names import ARMS
from scenarios.measures.card import Part, Result
from scenarios.measures.run import Run
from scenarios.statistics import Estimate

#: Parts of the loss. What was physically stolen is none of them: no operator brings it back.
LOSSES: Final = (
    "lost_margin",
    "penalties",
    "holding",
    "labour_cost",
    "price_leakage",
    "lapsed_credits",
    "unfit_resold",
    "expediting",
)
TOTALS: Final = {
    "lost_sales_value": "lost_margin",
    "lost_sales_units": "lost_units",
    "labour_minutes": "labour_minutes",
    "shrink_value": "shrink_value",
}
NO_FCFS: Final = "the arm fcfs was not run: fcfs=true runs it"
NOT_RECORDED: Final = "the run did not record it"
#: Rates: name -> (above, below, what the denominator is when it is missing).
RATES: Final = {
    "fulfilment_failure_rate": ("failed_lines", "online_lines", "no line was promised"),
    "stock_accuracy": ("accurate_cells", "cells", "no cell was looked at"),
    "stock_accuracy_tolerant": ("tolerant_cells", "cells", "no cell was looked at"),
    "negative_inventory_rate": ("negative_cells", "cells", "no cell was looked at"),
    "shrink_rate": ("shrink_value", "sold_value", "nothing was sold"),
}


def measure_business(run: Run) -> dict[str, Result]:
    """The measures under ``business``."""
    outcomes = {arm: _outcome(run, arm) for arm in ARMS}
    results = {f"business.{arm}.{name}": found for arm, outcome in outcomes.items() for name, found in outcome.items()}
    losses = {arm: outcome["loss_value"] for arm, outcome in outcomes.items()}
    return {**recoveries(losses), **results, **_order_of_work(run, outcomes)}


def break_down(run: Run) -> list[Part]:
    """What each arm's loss consists of."""
    parts = []
    for arm in ARMS:
        if run.has(arm) and not run.outcomes(arm).empty:
            days = run.outcomes(arm)["day"].nunique()
            for column in LOSSES:
                total = _total(run, arm, column)
                if total is not None:
                    parts.append(Part(f"business.{arm}.loss_value", "part", column, Estimate(total, None, None, days)))
    return parts


def _total(run: Run, arm: str, column: str) -> float | None:
    """The sum over days and regions; None where the run did not record it."""
    values = run.outcomes(arm)[column].to_numpy()
    null = values == NULL if values.dtype.kind == "i" else np.isnan(values.astype(float))
    if null.all():
        return None
    return float(np.where(null, 0, values).sum())


def _outcome(run: Run, arm: str) -> dict[str, Result]:
    """Totals and rates of one arm."""
    names = ("loss_value", *TOTALS, *RATES)
    if not run.has(arm) or run.outcomes(arm).empty:
        return dict.fromkeys(names, f"the arm {arm} was not run")
    days = run.outcomes(arm)["day"].nunique()
    parts = [part for part in (_total(run, arm, column) for column in LOSSES) if part is not None]
    results: dict[str, Result] = {"loss_value": Estimate(sum(parts), None, None, days) if parts else NOT_RECORDED}
    for name, column in TOTALS.items():
        total = _total(run, arm, column)
        results[name] = NOT_RECORDED if total is None else Estimate(total, None, None, days)
    for name, (above, below, missing) in RATES.items():
        top, bottom = _total(run, arm, above), _total(run, arm, below)
        if top is None or bottom is None:
            results[name] = NOT_RECORDED
        else:
            results[name] = Estimate(top / bottom, None, None, round(bottom)) if bottom > 0 else missing
    return results


def _order_of_work(run: Run, outcomes: dict[str, dict[str, Result]]) -> dict[str, Result]:
    """What a worked hour avoids, as people worked and first come, first served; and the first over the second."""
    unmanaged = outcomes["unmanaged"]["loss_value"]
    mine = _avoided_per_hour(unmanaged, outcomes["managed"])
    plain = _avoided_per_hour(unmanaged, _outcome(run, "fcfs")) if run.has("fcfs") else NO_FCFS
    return {"repair.avoided_per_hour": mine, "repair.avoided_per_hour_fcfs": plain,
            "case.priority_gain": priority_gain([(mine, plain)])}


def _avoided_per_hour(unmanaged: Result, outcome: dict[str, Result]) -> Result:
    """(loss unmanaged - loss of an arm) / hours worked in it; without an interval, since one seed has none."""
    loss, minutes = outcome["loss_value"], outcome["labour_minutes"]
    for found in (unmanaged, loss, minutes):
        if isinstance(found, str):
            return found
    assert isinstance(unmanaged, Estimate)
    assert isinstance(loss, Estimate)
    assert isinstance(minutes, Estimate)
    if minutes.value <= 0:
        return "nobody worked"
    return Estimate((unmanaged.value - loss.value) / (minutes.value / 60.0), None, None, 1)


def priority_gain(pairs: Sequence[tuple[Result, Result]]) -> Result:
    """What an hour avoids over what it avoids first come, first served: a ratio of sums over seeds.

    Args:
        pairs: by seed, as people worked and first come, first served.
    """
    known = np.array([(mine.value, plain.value) for mine, plain in pairs
                      if isinstance(mine, Estimate) and isinstance(plain, Estimate)]).reshape(-1, 2)
    if not len(known):
        reasons = [result for pair in pairs for result in pair if isinstance(result, str)]
        return reasons[-1] if reasons else NO_FCFS
    if not statistics.is_above_zero(known[:, 1]):
        return f"what an hour avoids first come, first served is not clearly above zero over {len(known)} seeds"
    return statistics.ratio_of_sums(known[:, 0], known[:, 1]) or "nothing is avoided first come, first served"


def recoveries(losses: dict[str, Result]) -> dict[str, Result]:
    """Recovery, the oracle's, and the first over the second; without an interval, since one seed has none."""
    unmanaged, clean, managed, oracle = (losses[arm] for arm in ("unmanaged", "clean", "managed", "oracle"))
    results: dict[str, Result] = {}
    for name, arm in (("recovery", managed), ("recovery_oracle", oracle)):
        results[f"business.{name}"] = _ratio(unmanaged, arm, clean, "faults cost nothing on this seed")
    results["business.recovery_of_reachable"] = _ratio(
        unmanaged, managed, oracle, "perfect detection wins nothing back on this seed"
    )
    return results


def _ratio(base: Result, better: Result, best: Result, nothing: str) -> Result:
    """(base - better) / (base - best)."""
    if isinstance(base, str):
        return base
    if isinstance(better, str):
        return better
    if isinstance(best, str):
        return best
    if base.value - best.value <= 0:
        return nothing
    return Estimate((base.value - better.value) / (base.value - best.value), None, None, 1)
