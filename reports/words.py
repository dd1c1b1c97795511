"""How measures and numbers are put into words.

One place names every measure of the scorecard as a person would, and formats a value by its unit,
so that the page, the tables and the figures say the same thing in the same way. A measure that
this file does not know is shown under its own dotted name: nothing is dropped.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping

#: Dotted name (without ``.loop``) -> (label, one line of meaning).
MEASURES: Mapping[str, tuple[str, str]] = {
    "detection.recall": ("Exceptions found", "mean over types; by an alert, or explained by a case on the same fault"),
    "detection.recall_found": ("… by an alert of their own", "without those explained by another case"),
    "detection.recall_value": ("… weighted by loss at stake", ""),
    "detection.recall_inferred": ("… that no row announces", "types that must be inferred"),
    "detection.chance_recall": ("Found by chance", "what alerts at the same rate would find at random"),
    "detection.skill": ("Skill over chance", "0 is chance, 1 is perfect"),
    "detection.precision": ("Incidents that are true", ""),
    "detection.precision_one_to_one": ("… one incident per exception", ""),
    "detection.coincident": ("Coincident incidents", "right, but on evidence that has nothing to do with it"),
    "detection.false_alarms_per_location_day": ("False alarms", "per location and day"),
    "detection.mttd_hours": ("Mean time to detect", "restricted mean from opening; a miss counts as its whole window"),
    "detection.mttd_median_hours": ("Median time to detect", ""),
    "detection.mttd_regret_hours": ("Behind the oracle by", "the oracle alerts at the first evidence"),
    "detection.lead_time_hours": ("Lead time of predictions", ""),
    "detection.before_reconciliation": ("Before the next reconciliation", "detected before the next end-of-day run"),
    "detection.auc_pr": ("Area under precision–recall", "subject × day"),
    "detection.range_precision": ("Range precision", "appendix: Tatbul 2018, α 0"),
    "detection.range_recall": ("Range recall", "appendix: Tatbul 2018, α 0"),
    "detection.vus_pr": ("VUS-PR", "appendix: Paparrizos 2022"),
    "detection.affiliation_precision": ("Affiliation precision", "appendix: Huet 2022"),
    "detection.affiliation_recall": ("Affiliation recall", "appendix: Huet 2022"),
    "manual.mttd_hours": ("Mean time to detect", "by the manual process alone, unmanaged arm"),
    "manual.mttr_hours": ("Mean time to restore", "by the manual process alone, unmanaged arm"),
    "classification.type_macro_f1": ("Type of exception, macro-F1", ""),
    "classification.fault_macro_f1": ("Fault behind it, macro-F1", ""),
    "classification.cause_macro_f1": ("Root cause, macro-F1", "of four root causes"),
    "classification.ece": ("Calibration error", "expected, 15 bins; 0 is best"),
    "classification.brier": ("Brier score", "0 is best"),
    "classification.cost": ("Cost of wrong causes", ""),
    "case.routing_accuracy": ("Cases sent to the right team first", ""),
    "repair.avoided_per_hour": ("Avoided per worked hour", "loss avoided against the unmanaged arm"),
    "repair.avoided_per_hour_fcfs": ("The same, first come first served", "the arm fcfs"),
    "case.priority_gain": ("Priority gain", "loss avoided per worked hour, over that of first come first served"),
    "case.compression": ("Alerts per case", ""),
    "case.alerts_raw": ("Raw alerts", "signals of the systems and alerts, before any is merged"),
    "case.compression_raw": ("Raw alerts per case", ""),
    "repair.mttr_hours": ("Mean time to restore", "restricted mean from opening until stock and books are right again"),
    "oracle.mttr_hours": ("… of the oracle", "which knows at the first evidence what is wrong; the same people"),
    "repair.mttr_median_hours": ("Median time to restore", ""),
    "repair.time_to_close_hours": ("Time to close", "what the case system believes"),
    "repair.auto_resolution": ("Resolved automatically", "closed without a person, restored, not reopened"),
    "repair.wrongful": ("Wrongful repairs", "no true exception, the wrong cause or the wrong entity"),
    "repair.wrongful_value": ("Value put wrong by repairs", ""),
    "repair.wrongful_cvar": ("… in the worst 5% of seeds", "mean of the tail"),
    "repair.false_closures": ("False closures", "closed though not restored"),
    "repair.reopened": ("Reopened", ""),
    "repair.prevented": ("Prevented", "exceptions of the unmanaged arm that never arose"),
    "repair.manual_minutes_per_exception": ("Work per exception", ""),
    "repair.queue_age_p95_hours": ("Age in the queue, 95th percentile", "open cases counted"),
    "queue.backlog": ("Cases waiting", "mean over time"),
    "queue.utilisation": ("Utilisation of the teams", ""),
    "business.recovery": ("Recovery", "share of the loss that the managed arm wins back"),
    "business.recovery_oracle": ("Recovery of the oracle", "same policy and people, perfect detection"),
    "business.recovery_of_reachable": ("Recovery of what is reachable", "the first as a share of the second"),
}

#: Measures that exist once per arm: last part of the name -> label.
ARM_MEASURES: Mapping[str, str] = {
    "loss_value": "Loss in all",
    "lost_sales_value": "Lost sales, value",
    "lost_sales_units": "Lost sales, units",
    "fulfilment_failure_rate": "Promised lines that failed",
    "stock_accuracy": "Stock accuracy",
    "negative_inventory_rate": "Negative stock records",
    "shrink_rate": "Shrink",
    "labour_minutes": "Work",
}

CAUSES: Mapping[str, str] = {
    "data_synchronization": "data synchronisation",
    "business_rule": "business rule",
    "timing_delay": "timing delay",
    "physical_discrepancy": "physical discrepancy",
}

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
#: Units that the label of a measure says already.
_UNITS_UNSAID = frozenset({"", "value", "units", "count", "ratio", "score", "alarms/location-day", "1/location-day"})
#: Longer times are shown in days.
_HOURS_SHOWN_MAX = 96.0
#: Keeps a number and its unit on one line.
SPACE = "\u00a0"
NOT_APPLICABLE = "n/a"
#: Stands in a table where there is no value; the caption says why.
MISSING = "–"


def plain(name: str) -> str:
    """An identifier as words: ``phantom_stock`` is "phantom stock", with acronyms in capitals."""
    capitals = {"asn": "ASN", "api": "API", "erp": "ERP", "oms": "OMS", "dc": "DC", "rtv": "RTV"}
    return " ".join(capitals.get(word, word) for word in name.split("_"))


def label(name: str) -> tuple[str, str]:
    """Label and meaning of a measure; its own name and nothing where it is unknown."""
    if ".pair." in name:
        first, _, second = name.split(".pair.", maxsplit=1)[1].partition(".")
        return f"{plain(first)} or {plain(second)}", "hard pair, balanced accuracy"
    return MEASURES.get(name.replace(".loop.", "."), (name, ""))


def count(number: int, noun: str, plural: str = "") -> str:
    """A number and its noun: "one region", "20 stores"."""
    word = _NUMBERS[number] if 0 <= number < len(_NUMBERS) else f"{number:,}"
    return f"{word} {noun if number == 1 else plural or noun + 's'}"


def date(day: dt.date) -> str:
    """A date in full: "2 March 2026"."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def short_date(day: dt.date) -> str:
    """A date for an axis: "2 Mar"."""
    return f"{day.day} {_MONTHS[day.month - 1][:3]}"


def duration(hours: float, *, full: bool = False) -> str:
    """Hours for reading: minutes below one hour, days above four days; ``full`` spells the unit out."""
    if abs(hours) < 1:
        return f"{hours * 60:.0f}{SPACE}{'minutes' if full else 'min'}"
    if abs(hours) < _HOURS_SHOWN_MAX:
        return f"{hours:.1f}{SPACE}{'hours' if full else 'h'}"
    return f"{hours / 24:.1f}{SPACE}{'days' if full else 'd'}"


def number(value: float) -> str:
    """A number with three or so significant digits and separators for thousands."""
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 0.1 else f"{value:.2g}"


def unit_shown(name: str, unit: str) -> str:
    """The unit a measure is shown in: recoveries are ratios (they may be below 0), and read best in percent."""
    return "share" if name.startswith("business.recovery") else unit


def quantity(value: float | None, unit: str) -> str:
    """A value with its unit, as a person would write it."""
    if value is None or math.isnan(value):
        return NOT_APPLICABLE
    if math.isinf(value):
        return "never" if unit == "hours" else "∞"
    if unit == "share":
        return f"{value:.1%}" if abs(value) < 0.9995 or abs(value) > 1 else f"{value:.0%}"
    if unit == "hours":
        return duration(value)
    if unit in {"ratio", "score"} and abs(value) < 100:
        return f"{value:.3f}"
    if unit == "minutes":
        return f"{number(value)}{SPACE}min"
    return number(value) if unit in _UNITS_UNSAID else f"{number(value)}{SPACE}{unit}"


def or_missing(value: float | None, unit: str) -> str:
    """A value with its unit for a table; a dash where there is none."""
    return MISSING if value is None or math.isnan(value) else quantity(float(value), unit)


def interval(low: float | None, high: float | None, unit: str) -> str:
    """An interval, or nothing where there is none."""
    if low is None and high is None:
        return ""
    return f"{quantity(low, unit)} to {quantity(high, unit)}"
