"""How well exceptions are repaired, in the managed arm: time, safety, work and queues.

A *repair* is an action that was carried out and changes a record, or brings a message or goods on
their way; a count that found nothing wrong changed nothing and is none. It is *wrongful* when the
ledger booked an entry of the repair itself, when it moved units and paid no entry, or when its case
is about no exception and it paid nothing.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from scenarios import statistics
from scenarios.match import HOUR, NULL, SUBJECT
from scenarios.measures.card import Part, Result
from scenarios.measures.detecting import AT_START, Detection, are_open_at_start
from scenarios.measures.run import MANUAL, Run, is_null
from scenarios.statistics import Estimate

#: Kinds of action that change a record and so can be wrong; a test holds them to ``sim.actions.REPAIRS``.
REPAIRS: Final = frozenset(
    {"replay", "redrive", "suppress", "expedite", "post_receipt", "relink", "trace", "claim", "fix_conversion", "count",
     "adjust", "resync", "rerun", "resequence", "reverse", "cancel", "recount", "move", "push_price", "merge_item",
     "fix_map", "correct_clock", "set_disposition", "post_return", "scrap", "substitute", "repromise"}
)  # fmt: skip
#: A count of these kinds that moved nothing changed nothing.
COUNTS: Final = ("count", "recount")
#: These give a customer other goods or another promise; that their units pay no entry of the ledger is no wrong.
PROMISES: Final = ("substitute", "repromise")
REPAIR_FAULT: Final = "repair"
#: Times to restore are averaged up to this: a week, after which an exception counts as a week.
RESTRICTION_HOURS: Final = 168.0
#: Gauges of the minutes that each team worked: this, then the team.
WORKED: Final = "worked_minutes."
NO_EXCEPTION: Final = "no exception opened in the run"
NO_REPAIR: Final = "no repair was carried out"


def restoring(run: Run, exceptions: pd.DataFrame) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Hours from opening to restored, and whether that was seen before the horizon."""
    _, end = run.horizon
    restored = ~is_null(exceptions["restored_at"])
    until = np.where(restored, exceptions["restored_at"], end)
    return np.maximum(until - exceptions["opened_at"].to_numpy(), 0) / HOUR, restored


def restorable(run: Run, exceptions: pd.DataFrame) -> pd.DataFrame:
    """Exceptions that opened during the run and do not end by themselves."""
    by_itself = exceptions["type"].isin([name for name, rule in run.rules.items() if rule.self_closing])
    return exceptions[~by_itself & ~are_open_at_start(run, exceptions)]


def time_to_restore(run: Run, exceptions: pd.DataFrame) -> dict[str, Result]:
    """Restricted mean and median of the hours from opening to restored, without the types that end by themselves."""
    hours, restored = restoring(run, restorable(run, exceptions))
    until = min(RESTRICTION_HOURS, run.days * 24)
    reason = NO_EXCEPTION if exceptions.empty else "every exception was of a type that ends by itself"
    median = statistics.median(hours, restored)
    return {
        "mttr_hours": statistics.restricted_mean(hours, restored, until) or reason,
        "mttr_median_hours": median or (reason if not len(hours) else "fewer than half were restored"),
    }


def measure_repair(run: Run, detection: Detection, unmanaged: pd.DataFrame) -> dict[str, Result]:
    """The measures under ``repair`` and ``queue`` of the managed arm.

    Args:
        run: the run.
        detection: of the managed arm's operator.
        unmanaged: the exceptions of the unmanaged arm.
    """
    actions = run.table("actions", "managed")
    exceptions = detection.exceptions
    results = {f"repair.{name}": result for name, result in time_to_restore(run, exceptions).items()}
    results |= _closing(run, detection)
    results["repair.auto_resolution"] = _auto(detection, actions)
    results |= _wrongful(run, detection, actions)
    results["repair.wrongful_cvar"] = "one seed has no tail: it is taken over replications"
    results["repair.prevented"] = prevented(unmanaged, exceptions)
    minutes = float(np.nansum(run.outcomes("managed")["labour_minutes"].to_numpy(dtype=float)))
    opened = int((exceptions["apart"] != AT_START).sum())
    results["repair.manual_minutes_per_day"] = (
        statistics.mean(_by_day(run.outcomes("managed"), "labour_minutes")) or "no day was run"
    )
    results["repair.manual_minutes_per_exception"] = (
        Estimate(minutes / opened, None, None, opened) if opened else NO_EXCEPTION
    )
    ages = case_ages(run, run.table("cases", "managed"))
    results["repair.queue_age_p95_hours"] = (
        statistics.quantile(ages, 0.95) or "no case was opened"
    )
    results["queue.utilisation"] = _utilisation(run, minutes)
    return results


def _closing(run: Run, detection: Detection) -> dict[str, Result]:
    """What the case system believes, and where it is wrong."""
    _, end = run.horizon
    best = detection.case_pairs[detection.case_pairs["best"]]
    cases = detection.cases.iloc[best["case"].to_numpy(np.int64)].reset_index(drop=True)
    about = detection.exceptions.iloc[best["exception"].to_numpy(np.int64)].reset_index(drop=True)
    names = ("repair.time_to_close_hours", "repair.false_closures", "repair.reopened", "repair.closing_gap_hours")
    if cases.empty:
        return dict.fromkeys(names, "no case is about an exception")
    closed = ~is_null(cases["closed_at"])
    hours = np.maximum(np.where(closed, cases["closed_at"], end) - about["opened_at"].to_numpy(), 0) / HOUR
    until = min(RESTRICTION_HOURS, run.days * 24)
    late = is_null(about["restored_at"]) | (about["restored_at"].to_numpy() > cases["closed_at"].to_numpy())
    again = reopened(detection.cases)
    believed = statistics.restricted_mean(hours, closed, until)
    restored = time_to_restore(run, detection.exceptions)["mttr_hours"]
    return {
        names[3]: NO_EXCEPTION
        if believed is None
        else restored
        if isinstance(restored, str)
        else Estimate(restored.value - believed.value, None, None, len(hours)),
        names[0]: believed or NO_EXCEPTION,
        names[1]: Estimate(float((closed & late).sum()), None, None, int(closed.sum())),
        names[2]: Estimate(float(again.sum()), None, None, int(closed.sum())),
    }


def reopened(cases: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which closed cases were followed by another on the same subject and type within a week."""
    again = np.zeros(len(cases), dtype=bool)
    keys = [name for name in ("region", "type", *SUBJECT) if name in cases]
    ordered = cases.assign(row=np.arange(len(cases))).sort_values([*keys, "opened_at"])
    following = ordered.groupby(keys, sort=False)["opened_at"].shift(-1)
    closed = ordered["closed_at"].to_numpy()
    wait = following.to_numpy(dtype=float) - closed
    again[ordered["row"].to_numpy()] = (closed != NULL) & (wait >= 0) & (wait <= RESTRICTION_HOURS * HOUR)
    return again


def _auto(detection: Detection, actions: pd.DataFrame) -> Result:
    """Exceptions restored by an action that no person decided, approved or worked on, and that stayed so."""
    exceptions = detection.exceptions[detection.exceptions["apart"] != AT_START]
    if exceptions.empty:
        return NO_EXCEPTION
    worked = np.nan_to_num(actions["minutes"].to_numpy(dtype=float)) > 0
    machine = actions[(actions["decided_by"] == "policy") & (actions["approved_by"] == "") & ~worked]
    again = set(detection.cases.loc[reopened(detection.cases), "case_id"])
    alone = machine.loc[~machine["case_id"].isin(again), "action_id"]
    hits = exceptions["restored_by"].isin(set(alone) - {NULL}) & ~is_null(exceptions["restored_at"])
    return statistics.share(int(hits.sum()), len(exceptions)) or NO_EXCEPTION


def repairs_of(run: Run, arm: str) -> pd.DataFrame:
    """The operator's repairs that were carried out in an arm."""
    actions = run.table("actions", arm)
    cases = run.table("cases", arm)
    manual = set(cases.loc[cases["origin"] == MANUAL, "case_id"])
    done = (actions["outcome"] == "done") & actions["kind"].isin(REPAIRS) & ~actions["case_id"].isin(manual)
    moved = ~is_null(actions["delta_units"]) & (actions["delta_units"] != 0)
    return actions[done & (~actions["kind"].isin(COUNTS) | moved)].reset_index(drop=True)


def _wrongful(run: Run, detection: Detection, actions: pd.DataFrame) -> dict[str, Result]:
    value = _wrong_value(run)
    repairs = repairs_of(run, "managed")
    if actions.empty or repairs.empty:
        return {"repair.wrongful": NO_REPAIR, "repair.wrongful_value": value}
    wrong = wrongful(run, detection, repairs)
    return {
        "repair.wrongful": statistics.share(int(wrong.sum()), len(repairs)) or NO_REPAIR,
        "repair.wrongful_value": value,
    }


def wrongful(run: Run, detection: Detection, repairs: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which repairs of the managed arm are wrong (see the module's head)."""
    lineage = run.table("truth/lineage", "managed")
    faults = run.table("truth/faults", "managed")
    own = faults[faults["type"] == REPAIR_FAULT]
    paid = set(lineage.loc[~lineage["fault_id"].isin(set(own["fault_id"])), "event_id"])
    made = set(lineage.loc[lineage["fault_id"].isin(set(own["fault_id"])), "event_id"]) | set(own["document_id"])
    moved = ~is_null(repairs["delta_units"]) & (repairs["delta_units"].to_numpy() != 0)
    moved &= ~repairs["kind"].isin(PROMISES).to_numpy()
    has_paid = repairs["action_id"].isin(paid).to_numpy()
    is_own = repairs["action_id"].isin(made - {NULL}).to_numpy()
    for_nothing = _for_nothing(detection, repairs)
    wrong: npt.NDArray[np.bool_] = is_own | ((moved | for_nothing) & ~has_paid)
    return wrong


def _for_nothing(detection: Detection, repairs: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Repairs whose case is about no exception; of a family's case each message has to be of a true incident itself."""
    cases = detection.cases
    about = cases["case_id"].to_numpy()[detection.case_pairs["case"].unique().astype(np.int64)]
    families = cases.loc[is_null(cases["sequence"]) & (cases["interface"] != ""), "case_id"]
    named = repairs["case_id"].isin(set(families)) & ~is_null(repairs["sequence"])
    message = ["region", "interface", "location", "sequence"]
    true = detection.incidents.loc[detection.incidents["true"].astype(bool), message]
    known = pd.MultiIndex.from_frame(repairs[message]).isin(pd.MultiIndex.from_frame(true))
    nothing: npt.NDArray[np.bool_] = (~repairs["case_id"].isin(set(about)) | (named & ~known)).to_numpy()
    return nothing


def _wrong_value(run: Run) -> Result:
    """Units that repairs put wrong, each at its item's price; the site's and each system's book by itself."""
    put_wrong = _put_wrong(run)
    value = put_wrong["value"].to_numpy(dtype=float)
    if np.isnan(value).any():
        return "the run did not record what its units are worth"
    return Estimate(float(np.abs(value).sum()), None, None, int(put_wrong["units"].abs().sum()))


def _put_wrong(run: Run) -> pd.DataFrame:
    """The ledger's entries that repairs made."""
    errors, faults = run.table("truth/errors", "managed"), run.table("truth/faults", "managed")
    own = set(faults.loc[faults["type"] == REPAIR_FAULT, "fault_id"])
    entries: pd.DataFrame = errors[errors["fault_id"].isin(own)]
    return entries


def _by_day(outcomes: pd.DataFrame, column: str) -> npt.NDArray[np.float64]:
    """A figure of each day, over all regions."""
    filled = outcomes.assign(figure=np.nan_to_num(outcomes[column].to_numpy(dtype=float)))
    return filled.groupby("day")["figure"].sum().to_numpy(dtype=float)


def prevented(unmanaged: pd.DataFrame, managed: pd.DataFrame) -> Result:
    """How many exceptions of the unmanaged arm have no counterpart (same type and subject, in order) here."""
    if unmanaged.empty:
        return "no exception opened in the unmanaged arm"
    keys = ["region", "type", *SUBJECT]
    before = unmanaged.groupby(keys).size()
    after = managed.groupby(keys).size().reindex(before.index, fill_value=0)
    return Estimate(float((before - after).clip(lower=0).sum()), None, None, len(unmanaged))


def case_ages(run: Run, cases: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Hours from a case's opening to its closing, or to the horizon."""
    _, end = run.horizon
    closed = np.where(is_null(cases["closed_at"]), end, cases["closed_at"])
    ages: npt.NDArray[np.float64] = np.maximum(closed - cases["opened_at"].to_numpy(), 0) / HOUR
    return ages


def _utilisation(run: Run, minutes: float) -> Result:
    capacity = run.reader.config.get("capacity_minutes_per_day")
    if not isinstance(capacity, dict) or not sum(capacity.values()) > 0:
        return "the run folder does not say how many minutes the teams have"
    return Estimate(minutes / (sum(capacity.values()) * run.days), None, None, round(run.days))


def break_down(run: Run, detection: Detection) -> list[Part]:
    """Time to restore by type, those that end by themselves among them; what was wrong by kind; queues by team."""
    parts: list[Part] = []
    until = min(RESTRICTION_HOURS, run.days * 24)
    opened = detection.exceptions[detection.exceptions["apart"] != AT_START]
    for key, rows in opened.groupby("type"):
        hours, restored = restoring(run, rows)
        found = statistics.restricted_mean(hours, restored, until)
        if found is not None:
            parts.append(Part("repair.mttr_hours", "type", str(key), found))
    cases = run.table("cases", "managed")
    for key, rows in cases.groupby("team"):
        ages = case_ages(run, rows)
        name = str(key) or "none"
        backlog: Any = float(ages.sum()) / (run.days * 24)
        parts.append(Part("queue.backlog", "queue", name, Estimate(backlog, None, None, len(rows))))
        p95 = statistics.quantile(ages, 0.95)
        if p95 is not None:
            parts.append(Part("repair.queue_age_p95_hours", "queue", name, p95))
    return [*parts, *_wrong_by_kind(run, detection), *_wrong_by_system(run), *_utilisation_by_team(run)]


def _wrong_by_kind(run: Run, detection: Detection) -> list[Part]:
    """Share of wrongful repairs of each kind of action."""
    repairs = repairs_of(run, "managed")
    wrong = wrongful(run, detection, repairs)
    parts = []
    for kind in sorted(repairs["kind"].unique()):
        mine = wrong[(repairs["kind"] == kind).to_numpy()]
        found = statistics.share(int(mine.sum()), len(mine))
        if found is not None:
            parts.append(Part("repair.wrongful", "action", str(kind), found))
    return parts


def _wrong_by_system(run: Run) -> list[Part]:
    """Units and value that repairs put wrong in each system's book."""
    parts = []
    for key, rows in _put_wrong(run).groupby("system"):
        units = float(rows["units"].abs().sum())
        parts.append(Part("repair.wrongful_units", "system", str(key), Estimate(units, None, None, len(rows))))
        value = float(rows["value"].abs().sum(skipna=False))
        if not np.isnan(value):
            parts.append(Part("repair.wrongful_value", "system", str(key), Estimate(value, None, None, len(rows))))
    return parts


def _utilisation_by_team(run: Run) -> list[Part]:
    """Worked over available time of each team."""
    capacity = run.reader.config.get("capacity_minutes_per_day")
    gauges = run.table("truth/gauges", "managed")
    gauges = gauges[gauges["gauge"].str.startswith(WORKED)]
    worked = gauges.groupby(gauges["gauge"].str.removeprefix(WORKED))["total"].sum()
    if not isinstance(capacity, dict) or worked.empty:
        return []
    return [
        Part("queue.utilisation", "queue", team, Estimate(float(worked.get(team, 0.0)) / (minutes * run.days), None,
                                                          None, round(run.days)))
        for team, minutes in capacity.items()
        if minutes > 0
    ]  # fmt: skip
