"""How well cases are diagnosed and routed: labels, confidence, hard pairs, cost of a wrong cause.

What a case was taken for is the diagnosis in force at its first repair or at its window's end
(:mod:`~scenarios.measures.diagnosing`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from scenarios import statistics
from scenarios.measures.card import Part, Result
from scenarios.measures.detecting import Detection
from scenarios.measures.detection import on_decoys
from scenarios.measures.run import Run
from scenarios.statistics import Estimate

NO_CASE: Final = "no case is about an exception"
#: Hard pairs of faults or types, and of a type and a decoy, that look alike: telling them apart is the skill.
PAIRS: Final = (
    ("posting_lag", "dropped_message"),
    ("shrink", "misplacement"),
    ("unit_of_measure", "receiving_variance"),
    ("clock_skew", "out_of_order"),
)
DECOY_PAIRS: Final = (("phantom_stock", "slow_mover"), ("duplicate_message", "repeat_sale"))
#: What a wrong cause costs, in hours of work (declared assumption): said -> truth -> cost. Taking a physical loss for
#: a delay is worst, since nothing is done; not knowing costs a look.
COSTS: Final[Mapping[str, Mapping[str, float]]] = {
    "timing_delay": {"physical_discrepancy": 4.0, "data_synchronization": 3.0, "business_rule": 3.0},
    "physical_discrepancy": {"timing_delay": 2.0, "data_synchronization": 2.0, "business_rule": 2.0},
    "data_synchronization": {"timing_delay": 1.0, "physical_discrepancy": 2.0, "business_rule": 2.0},
    "business_rule": {"timing_delay": 2.0, "physical_discrepancy": 2.0, "data_synchronization": 2.0},
}
COST_UNKNOWN: Final = 1.0


def measure_classification(run: Run, detection: Detection, arm: str, cases: pd.DataFrame) -> dict[str, Result]:
    """The measures under ``classification`` or ``classification.loop``, without the prefix.

    Args:
        run: the run.
        detection: of the arm.
        arm: whose cases.
        cases: what :func:`~scenarios.measures.diagnosing.diagnosed` says of them.
    """
    results: dict[str, Result] = {
        f"{label}_macro_f1": statistics.macro_f1(
            cases[f"{name}_true"].to_list(), cases[f"{name}_said"].to_list()
        )
        or NO_CASE
        for label, name in (("type", "type"), ("fault", "fault_type"), ("cause", "cause"))
    }
    results |= _calibration(cases)
    results["cost"] = statistics.mean(_costs(cases)) or NO_CASE
    results |= {f"pair.{a}.{b}": _pair(cases, a, b) for a, b in PAIRS}
    results |= {f"pair.{a}.{b}": _decoy_pair(run, detection, arm, a, b) for a, b in DECOY_PAIRS}
    return results


def measure_cases(run: Run, detection: Detection, arm: str, cases: pd.DataFrame) -> dict[str, Result]:
    """The measures under ``case`` that one arm tells."""
    return _cases(run, detection, cases) | _raw(run, detection, arm)


def _calibration(cases: pd.DataFrame) -> dict[str, Result]:
    """Confidence against being right about the fault, which is what a repair rests on."""
    rated = cases[cases["confidence"].notna()]
    if rated.empty:
        reason = NO_CASE if cases.empty else "no case states a confidence"
        return {"ece": reason, "brier": reason}
    confidence = rated["confidence"].to_numpy(dtype=float)
    right = (rated["fault_type_said"] == rated["fault_type_true"]).to_numpy()
    return {
        "ece": statistics.calibration_error(confidence, right) or NO_CASE,
        "brier": statistics.mean((confidence - right) ** 2) or NO_CASE,
    }


def _costs(cases: pd.DataFrame) -> list[float]:
    pairs = zip(cases["cause_said"], cases["cause_true"], strict=True)
    return [0.0 if said == true else COSTS.get(said, {}).get(true, COST_UNKNOWN) for said, true in pairs]


def _pair(cases: pd.DataFrame, first: str, second: str) -> Result:
    """Balanced accuracy over the cases whose fault is one of the two; both must occur."""
    recalls = []
    for name in (first, second):
        mine = cases[cases["fault_type_true"] == name]
        if mine.empty:
            return f"no case is about {name}"
        recalls.append(float((mine["fault_type_said"] == name).mean()))
    count = int(cases["fault_type_true"].isin([first, second]).sum())
    return Estimate(float(np.mean(recalls)), None, None, count)


def _decoy_pair(run: Run, detection: Detection, arm: str, kind: str, decoy: str) -> Result:
    """Balanced accuracy of a type against its benign look-alike: found as such, and left alone."""
    real = detection.judged[detection.judged["type"] == kind]
    decoys = run.table("truth/decoys", arm)
    decoys = decoys[decoys["kind"] == decoy].reset_index(drop=True)
    if real.empty or decoys.empty:
        return f"no {kind if real.empty else decoy} occurred"
    claims = detection.incidents[detection.incidents["type"] == kind]
    agreed = set(detection.matched.loc[detection.matched["agree"], "exception"])
    found = float(np.mean([row in agreed for row in real.index]))
    untrue = claims[~claims["true"].astype(bool)]
    alone = 1 - on_decoys(untrue, decoys)["decoy"].nunique() / len(decoys)
    return Estimate((found + alone) / 2, None, None, len(real) + len(decoys))


def break_down(cases: pd.DataFrame, prefix: str) -> list[Part]:
    """Confidence and being right by type and location, and the two-by-two tables of the hard pairs.

    A cell of a table is one key ``TRUE said SAID``, where what is said is one of the two, or ``other``.
    """
    right = (cases["fault_type_said"] == cases["fault_type_true"]).to_numpy()
    confidence = cases["confidence"].to_numpy(dtype=float)
    parts = []
    for by in ("type", "location"):
        for key, rows in cases.groupby(by).indices.items():
            name, stated = str(key) or "none", confidence[rows][~np.isnan(confidence[rows])]
            found = {
                f"{prefix}.confidence": statistics.mean(stated),
                f"{prefix}.accuracy": statistics.share(int(right[rows].sum()), len(rows)),
            }
            parts += [Part(measure, by, name, estimate) for measure, estimate in found.items() if estimate is not None]
    for pair in PAIRS:
        told = cases[cases["fault_type_true"].isin(pair)]
        said = told["fault_type_said"].where(told["fault_type_said"].isin(pair), "other")
        for true in pair:
            mine = said[told["fault_type_true"] == true]
            for answer in (*pair, "other"):
                count = int((mine == answer).sum())
                if len(mine):
                    parts.append(Part(f"{prefix}.pair.{'.'.join(pair)}", "pair", f"{true} said {answer}",
                                      Estimate(float(count), None, None, len(mine))))  # fmt: skip
    return parts


def _cases(run: Run, detection: Detection, cases: pd.DataFrame) -> dict[str, Result]:
    team: dict[str, Any] = {name: rule.team for name, rule in run.rules.items()}
    right = cases["fault_type_true"].map(team).fillna("")
    right = right.where(right != "", cases["type_true"].map(team).fillna(""))
    routed = (cases["team"] != "") & (right != "")
    hits = int((cases["team"] == right)[routed].sum())
    merged = [float(len(alerts)) for alerts in detection.cases["alerts"]]
    return {
        "case.routing_accuracy": statistics.share(hits, int(routed.sum())) or "no case about an exception has a team",
        "case.compression": statistics.mean(merged) or "no case was opened",
    }


def _raw(run: Run, detection: Detection, arm: str) -> dict[str, Result]:
    """How much there was to look at before anything was merged, and per case."""
    # Of alerts those that the cases took: said again by a careless detector, one is no more to look at.
    cases, alerts = len(detection.cases), int(detection.cases["alerts"].map(len).sum())
    raw = int(run.table("signals", arm)["count"].sum()) + alerts
    return {
        "case.alerts_raw": Estimate(float(raw), None, None, raw) if raw else "there was no signal and no alert",
        "case.compression_raw": Estimate(raw / cases, None, None, cases) if cases else "no case was opened",
    }
