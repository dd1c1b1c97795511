"""Every measure of a scorecard: its name, its unit and what it says.

The names are those in ``scorecard.json``. ``detection.NAME`` is measured in shadow over the
unmanaged arm; the same under ``detection.loop`` in the managed arm, and so is ``classification``.
``business.ARM.NAME`` exists for every arm that was run. Units: share (0 to 1), hours, minutes, value
(currency), units (pieces), score (0 to 1), count, ratio.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

Direction = Literal["higher", "lower", "neutral"]


@dataclass(frozen=True)
class MeasureName:
    """One measure: dotted name, unit, meaning."""

    name: str
    unit: str
    meaning: str


_BUSINESS = (
    ("recovery_of_reachable", "ratio", "recovery over that of the oracle arm: the headline"),
    ("recovery", "ratio", "(loss unmanaged - loss managed) / (loss unmanaged - loss clean); 1 as if nothing broke"),
    ("recovery_oracle", "ratio", "the same for perfect detection and diagnosis with the same people"),
)
_ARM = (
    ("loss_value", "value", "lost margin, penalties, holding, labour, leakage, credits, unfit goods, expediting"),
    ("lost_sales_value", "value", "margin of demand that found an empty shelf"),
    ("lost_sales_units", "units", "units of demand that found an empty shelf"),
    ("fulfilment_failure_rate", "share", "promised lines not shipped in full by their promise"),
    ("stock_accuracy", "share", "cells whose on-hand book equals the physical stock"),
    ("stock_accuracy_tolerant", "share", "the same within the tolerance of a count"),
    ("negative_inventory_rate", "share", "cells with a book below zero"),
    ("shrink_rate", "share", "value lost unseen over value sold"),
    ("shrink_value", "value", "what was physically lost unseen; outside the loss, since no operator brings it back"),
    ("labour_minutes", "minutes", "worked by people on cases, counts and repairs"),
)
_DETECTION = (
    ("recall", "share", "exceptions found or explained, mean over types"),
    ("recall_found", "share", "the same, by an incident of their own"),
    ("recall_value", "share", "the same, weighted by loss at stake"),
    ("recall_inferred", "share", "the same over types that no row announces"),
    ("chance_recall", "share", "what alerts at this rate would find at random"),
    ("skill", "ratio", "(recall - chance) / (1 - chance)"),
    ("precision", "share", "incidents that are true"),
    ("precision_one_to_one", "share", "incidents matched to an exception of their own"),
    ("coincident", "share", "incidents whose cited rows lie outside the scope"),
    ("false_alarms_per_location_day", "alarms/location-day", "untrue incidents, exact Poisson interval"),
    ("mttd_hours", "hours", "restricted mean from opening to detection; a miss counts as its window"),
    ("mttd_median_hours", "hours", "median of the same, misses censored"),
    ("mttd_regret_hours", "hours", "mttd_hours less that of an oracle that alerts at first evidence"),
    ("lead_time_hours", "hours", "how long before its deadline a predicted breach was told"),
    ("before_reconciliation", "share", "detected before the next end-of-day reconciliation"),
    ("auc_pr", "score", "area under precision and recall on the grid subject x day"),
    ("range_precision", "score", "appendix: share of each range of days told that was wrong (Tatbul 2018, alpha 0)"),
    ("range_recall", "score", "appendix: share of each range of days wrong that was told (Tatbul 2018, alpha 0)"),
    ("vus_pr", "score", "appendix: volume under range-aware precision and recall (Paparrizos 2022)"),
    ("affiliation_precision", "score", "appendix: nearness of what was told to what was wrong (Huet 2022)"),
    ("affiliation_recall", "score", "appendix: nearness of what was wrong to what was told (Huet 2022)"),
)
_MANUAL = (
    ("mttd_hours", "hours", "the manual process: opening to its own detection"),
    ("mttr_hours", "hours", "the manual process: opening to restored"),
)
_CLASSIFICATION = (
    ("type_macro_f1", "score", "exception type"),
    ("fault_macro_f1", "score", "fault behind it"),
    ("cause_macro_f1", "score", "root cause, of four"),
    ("ece", "score", "expected calibration error of the confidence, 15 bins; 0 is best"),
    ("brier", "score", "Brier score; 0 is best"),
    ("cost", "hours", "work that a wrong cause costs a case, by the cost matrix"),
    ("pair.A.B", "score", "balanced accuracy on one hard pair"),
)
_OTHERS = (
    ("oracle.mttr_hours", "hours", "the oracle arm, which knows at first evidence what is wrong: opening to restored"),
    ("case.routing_accuracy", "share", "cases sent to the right team first"),
    ("repair.avoided_per_hour", "value/hour", "loss avoided against the unmanaged arm, per worked hour"),
    ("repair.avoided_per_hour_fcfs", "value/hour", "the same where people work first come, first served"),
    ("case.priority_gain", "ratio", "loss avoided per worked hour, over that of first come first served"),
    ("case.compression", "ratio", "alerts per case"),
    ("case.alerts_raw", "count", "signals (refusals, dead letters, missing or double numbers) and alerts, unmerged"),
    ("case.compression_raw", "ratio", "the same per case"),
    ("repair.mttr_hours", "hours", "restricted mean from opening to restored"),
    ("repair.mttr_median_hours", "hours", "median of the same, open ones censored"),
    ("repair.time_to_close_hours", "hours", "what the case system believes"),
    ("repair.closing_gap_hours", "hours", "mttr_hours less time_to_close_hours: what the case system does not see"),
    ("repair.auto_resolution", "share", "closed without a person, restored, not re-opened"),
    ("repair.wrongful", "share", "repairs with no true exception, for the wrong cause or on the wrong entity"),
    ("repair.wrongful_value", "value", "value that wrong repairs put wrong"),
    ("repair.wrongful_cvar", "value", "mean of the worst 5% of seeds of the same"),
    ("repair.false_closures", "count", "cases closed and not restored"),
    ("repair.reopened", "count", "cases opened again"),
    ("repair.prevented", "count", "exceptions of the unmanaged arm that never arose"),
    ("repair.manual_minutes_per_exception", "minutes", "worked minutes over exceptions"),
    ("repair.manual_minutes_per_day", "minutes", "worked minutes a day"),
    ("queue.utilisation", "share", "worked over available time of the teams"),
    ("repair.queue_age_p95_hours", "hours", "95th percentile of a case's age in its queue, open ones counted"),
)
ARMS: tuple[str, ...] = ("clean", "unmanaged", "managed", "oracle")

MEASURES: tuple[MeasureName, ...] = (
    *(MeasureName(f"business.{name}", unit, meaning) for name, unit, meaning in _BUSINESS),
    *(MeasureName(f"business.{arm}.{name}", unit, meaning) for name, unit, meaning in _ARM for arm in ARMS),
    *(MeasureName(f"detection.{name}", unit, meaning) for name, unit, meaning in _DETECTION),
    *(MeasureName(f"detection.loop.{name}", unit, meaning) for name, unit, meaning in _DETECTION),
    *(MeasureName(f"manual.{name}", unit, meaning) for name, unit, meaning in _MANUAL),
    *(MeasureName(f"classification.{name}", unit, meaning) for name, unit, meaning in _CLASSIFICATION),
    *(MeasureName(f"classification.loop.{name}", unit, meaning) for name, unit, meaning in _CLASSIFICATION),
    *(MeasureName(name, unit, meaning) for name, unit, meaning in _OTHERS),
)

#: Which way is better, by the last word of a name and, where words alike mean different things, by the whole name.
#: ``neutral`` is what a change of says neither: a chance line, an arm that no operator touches, a volume.
_BETTER: Final[dict[str, Direction]] = {
    "recovery_of_reachable": "higher", "recovery": "higher", "recovery_oracle": "neutral",
    "loss_value": "lower", "lost_sales_value": "lower", "lost_sales_units": "lower", "fulfilment_failure_rate": "lower",
    "stock_accuracy": "higher", "stock_accuracy_tolerant": "higher", "shrink_value": "lower",
    "negative_inventory_rate": "lower", "shrink_rate": "lower", "labour_minutes": "lower",
    "recall": "higher", "recall_found": "higher", "recall_value": "higher", "recall_inferred": "higher",
    "chance_recall": "neutral", "skill": "higher", "precision": "higher", "precision_one_to_one": "higher",
    "coincident": "lower", "false_alarms_per_location_day": "lower", "mttd_hours": "lower",
    "mttd_median_hours": "lower", "mttd_regret_hours": "lower",
    "lead_time_hours": "higher", "before_reconciliation": "higher", "auc_pr": "higher",
    "range_precision": "higher", "range_recall": "higher", "vus_pr": "higher", "affiliation_precision": "higher",
    "affiliation_recall": "higher",
    "type_macro_f1": "higher", "fault_macro_f1": "higher", "cause_macro_f1": "higher", "ece": "lower", "brier": "lower",
    "cost": "lower", "routing_accuracy": "higher", "priority_gain": "higher", "avoided_per_hour": "higher",
    "avoided_per_hour_fcfs": "neutral", "compression": "neutral", "alerts_raw": "neutral",
    "compression_raw": "neutral",
    "mttr_hours": "lower", "mttr_median_hours": "lower", "time_to_close_hours": "lower", "auto_resolution": "higher",
    "wrongful": "lower", "wrongful_value": "lower", "wrongful_cvar": "lower", "false_closures": "lower",
    "manual_minutes_per_day": "lower", "closing_gap_hours": "lower",
    "reopened": "lower", "prevented": "higher", "manual_minutes_per_exception": "lower", "utilisation": "neutral",
    "queue_age_p95_hours": "lower", "manual.mttd_hours": "neutral", "manual.mttr_hours": "neutral",
    "oracle.mttr_hours": "neutral",
}
#: Balanced accuracies of hard pairs: this, then the two names; declared with the names ``A.B``.
_PAIRS: Final = ("classification.pair.", "classification.loop.pair.")
#: Arms in which the operator under test has no part.
_UNTOUCHED: Final = ("business.clean.", "business.unmanaged.", "business.oracle.")
#: The difference that does not matter yet, by unit: absolute, or in percent of the mean that it is compared with.
_MARGINS: Final[dict[str, str]] = {
    "share": "0.02", "score": "0.03", "ratio": "0.03", "count": "10%", "alarms/location-day": "0.05",
}
#: Times that are differences; and values that cannot be below zero, as a loss or a gain can.
_EITHER_SIGN: Final = frozenset({"mttd_regret_hours", "closing_gap_hours"})
_VALUES_ABOVE_ZERO: Final = frozenset({"wrongful_value", "wrongful_cvar", "lost_sales_value"})
_MARGIN_OF_SIZES: Final = "5%"


def pair_of(name: str) -> tuple[str, str] | None:
    """The two names of a hard pair whose balanced accuracy a measure is; None for any other measure."""
    for prefix in _PAIRS:
        if name.startswith(prefix):
            first, _, second = name.removeprefix(prefix).partition(".")
            return first, second
    return None


def declared(name: str) -> str:
    """The name under which a measure is declared in :data:`MEASURES`: that of all pairs for a hard pair."""
    return name if pair_of(name) is None else f"{name.split('pair.', maxsplit=1)[0]}pair.A.B"


def direction_of(name: str) -> Direction:
    """Whether a higher or a lower value of a measure is better; a name that is not known is neutral."""
    if name.startswith(_UNTOUCHED):
        return "neutral"
    if pair_of(name) is not None:
        return "higher"
    return _BETTER.get(name, _BETTER.get(name.rsplit(".", maxsplit=1)[-1], "neutral"))


def range_of(name: str) -> tuple[float, float]:
    """The least and the greatest value that a measure can have; infinite where it has no such end.

    A recovery has neither: an operator may do harm, and the arm it is measured by may be beaten on a seed.
    """
    last = name.rsplit(".", maxsplit=1)[-1]
    if last == "skill":
        return -math.inf, 1.0
    unit = next((entry.unit for entry in MEASURES if entry.name == name), "")
    if unit in {"share", "score"}:
        return 0.0, 1.0
    bounded = unit in {"hours", "minutes", "count", "alarms/location-day", "units"} and last not in _EITHER_SIGN
    return (0.0 if bounded or last in _VALUES_ABOVE_ZERO else -math.inf), math.inf


def margin_of(name: str) -> str:
    """The usual margin of a measure: what a change must exceed to matter, ``0.02`` or ``5%`` of the mean.

    These are conventions of this project, not findings; a baseline holds its own.
    """
    unit = next((entry.unit for entry in MEASURES if entry.name == declared(name)), "")
    return _MARGINS.get(unit, _MARGIN_OF_SIZES)
