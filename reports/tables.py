"""Tables of a run: exceptions by type, actions, and the assumptions behind it.

Pure functions from a :class:`~reports.view.View` to pandas frames with readable columns, for the
page and for notebooks alike. A number that the run does not hold is missing (NaN), never zero.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from reports import words
from reports.view import View

#: Column of :func:`exceptions_by_type` -> the measure of the breakdown by type, and the column there.
_BY_TYPE: Mapping[str, tuple[str, str]] = {
    "recall": ("detection.recall", "value"),
    "recall_low": ("detection.recall", "low"),
    "recall_high": ("detection.recall", "high"),
    "mttd_hours": ("detection.mttd_hours", "value"),
    "mttr_hours": ("repair.mttr_hours", "value"),
}

#: Columns of :func:`actions_by_kind` besides its outcomes.
ACTION_COLUMNS: tuple[str, ...] = ("kind", "total", "hours_to_execution", "minutes", "units")


def exceptions_by_type(view: View) -> pd.DataFrame:
    """One row per type of exception, the most frequent first.

    Returns:
        Columns ``type, cause, announced, unmanaged, managed`` (numbers of exceptions by arm),
        ``recall, recall_low, recall_high, mttd_hours, mttr_hours`` and ``false_alarms`` (untrue
        incidents in shadow, a number) from the breakdown by type, and ``loss_at_stake`` (of the unmanaged arm).
    """
    exceptions = view.tables["truth/exceptions"].assign(type=lambda frame: frame["type"].astype("string"))
    breakdown = view.tables["breakdown"]
    by_type = breakdown[breakdown["by"].astype(str) == "type"]
    types = sorted(set(exceptions["type"].dropna()) | set(by_type["key"].dropna().astype(str)))
    table = pd.DataFrame({"type": types}).set_index("type", drop=False)
    grouped = exceptions.groupby("type")
    table["cause"] = grouped["cause"].agg(_commonest)
    table["announced"] = grouped["announced"].agg(lambda values: bool(values.astype("boolean").any()))
    for arm in ("unmanaged", "managed"):
        if arm in view.arms:
            counts = exceptions[exceptions["arm"].astype(str) == arm].groupby("type").size()
            table[arm] = counts.reindex(table.index).fillna(0).astype(int)
    for column, (measure, statistic) in _BY_TYPE.items():
        table[column] = _column(by_type, measure, statistic).reindex(table.index)
    incidents, true = (_column(by_type, "detection.precision", statistic) for statistic in ("n", "value"))
    table["false_alarms"] = (incidents * (1.0 - true)).round().reindex(table.index)
    stake = exceptions[exceptions["arm"].astype(str) == "unmanaged"].groupby("type")["loss_at_stake"].sum()
    table["loss_at_stake"] = stake.reindex(table.index).fillna(0.0)
    numbers = [column for column in ("unmanaged", "managed", "false_alarms") if column in table]
    table = table[table[numbers].fillna(0).any(axis=1)]
    order = table["unmanaged" if "unmanaged" in table else "loss_at_stake"]
    return table.iloc[np.lexsort((table["type"].astype(str), -order.to_numpy(float)))].reset_index(drop=True)


def actions_by_kind(view: View) -> pd.DataFrame:
    """One row per kind of action of the headline arm; columns are its outcomes, and what they took.

    Returns:
        Columns ``kind``, one per outcome (numbers), ``total``, ``hours_to_execution`` (median),
        ``minutes`` (worked, in all) and ``units`` (absolute, in all).
    """
    actions = view.of_arm("actions")
    actions = actions.assign(
        kind=actions["kind"].astype("string"), outcome=actions["outcome"].astype("string").fillna("open")
    )
    if actions.empty:
        return pd.DataFrame(columns=list(ACTION_COLUMNS))
    table = pd.crosstab(actions["kind"], actions["outcome"])
    grouped = actions.groupby("kind")
    outcomes = sorted(table.columns, key=lambda name: (name != "done", name))
    table = table[outcomes].assign(total=grouped.size())
    waited = (pd.to_datetime(actions["executed_at"]) - pd.to_datetime(actions["requested_at"])) / pd.Timedelta(hours=1)
    table["hours_to_execution"] = waited.groupby(actions["kind"]).median()
    table["minutes"] = grouped["minutes"].sum()
    table["units"] = actions["delta_units"].abs().groupby(actions["kind"]).sum()
    table = table.rename_axis(columns=None).sort_values("total", ascending=False, kind="stable")
    return table.reset_index()


def refusals(view: View) -> pd.DataFrame:
    """Why actions of the headline arm were refused: ``reason`` and ``number``, the most frequent first."""
    reasons = view.of_arm("actions")["refused_reason"].dropna().astype(str)
    counts = reasons[reasons != ""].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    return pd.DataFrame({"reason": counts.index.astype(str), "number": counts.to_numpy()})


def broken_down(view: View, by: str) -> pd.DataFrame:
    """The breakdown by one thing, such as ``detector``, ``queue``, ``location``, ``decoy`` or ``reason``.

    Returns:
        One row per key: ``key``, and one column per measure, by its dotted name; the largest values of
        the last one first.
    """
    rows = view.tables["breakdown"]
    rows = rows[(rows["by"].astype(str) == by) & ~rows["measure"].astype(str).str.startswith("detection.loop.")]
    names = list(dict.fromkeys(rows["measure"].astype(str)))
    table = pd.DataFrame({name: _column(rows, name, "value") for name in names}).rename_axis("key").reset_index()
    return table.sort_values(names[-1], ascending=False, kind="stable", ignore_index=True) if names else table


def assumptions(view: View) -> pd.DataFrame:
    """The declared assumptions that shaped this run: ``key``, ``meaning``, ``value``, ``low`` and ``high``.

    The run says itself which of its numbers are assumptions, and the value of those that no key sets. Those of a fault
    that is off are left out.
    """
    rows = []
    for key, entry in view.setting("assumptions", {}).items():
        value = entry.get("value", view.setting(key))
        above = f"faults.{entry['fault']}" if entry.get("fault") else key.rpartition(".")[0]
        is_off = above.startswith("faults.") and not view.setting(f"{above}.rate")
        if value is not None and not is_off:
            rows.append((key, entry["meaning"], *(f"{number:g}" for number in (value, entry["low"], entry["high"]))))
    return pd.DataFrame(rows, columns=["key", "meaning", "value", "low", "high"])


def _commonest(values: pd.Series[str]) -> str:
    counts = values.dropna().astype(str).value_counts().sort_index()
    return "" if counts.empty else words.CAUSES.get(str(counts.idxmax()), str(counts.idxmax()))


def _column(breakdown: pd.DataFrame, measure: str, statistic: str) -> pd.Series[float]:
    """One statistic of one measure by key; empty where the breakdown does not hold it."""
    rows = breakdown[breakdown["measure"].astype(str) == measure]
    values = rows[statistic].astype("Float64").to_numpy(float, na_value=np.nan)
    return pd.Series(values, index=rows["key"].astype(str).to_numpy(), dtype=float).groupby(level=0).first()
