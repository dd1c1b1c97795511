"""What it means for the business: losses of the arms on one seed, and how much of them is won back."""

from __future__ import annotations

from typing import Final

import numpy as np

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
    results: dict[str, Result] = {}
    losses: dict[str, Result] = {}
    for arm in ARMS:
        outcome = _outcome(run, arm)
        losses[arm] = outcome["loss_value"]
        results |= {f"business.{arm}.{name}": result for name, result in outcome.items()}
    return {**recoveries(losses), **results}


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
