"""Who found what, and when: exceptions of one arm against the alerts of one operator.

An exception is *found* by its own incident (the matching), or *explained* when a case on another
member of its family names the right fault within the window. Recall and times are taken over the
exceptions that an operator could be held to: those with first evidence, opened during the run,
whose window ends inside it. The others are listed apart, by reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from scenarios.match import (
    HOUR,
    NULL,
    admissible,
    explode,
    hours_of,
    incidents_of,
    match,
    subject_pairs,
    touched_faults,
    window_end,
)
from scenarios.measures.run import Run, is_null

#: An exception that opens within the first tick was there before the run.
OPEN_AT_START: Final = HOUR // 4
_NAMED: Final = ["exception", "at", "fault_type"]
LATENT, AT_START, NEAR_HORIZON = "latent", "open_at_start", "near_horizon"


@dataclass
class Detection:
    """Exceptions of an arm against the alerts of an operator.

    Attributes:
        exceptions: plain truth/exceptions, with ``window`` and ``delay`` (microseconds; a miss has the
            window), ``found``, ``explained``, ``apart`` (empty, or why it is not held to be found).
        incidents: with ``true``: admissible for some exception, or, in the managed arm, foretelling one of the
            unmanaged arm.
        incident_of_alert: row number of each alert's incident.
        alerts: the alerts.
        subjects: pairs (incident, exception) whose subjects fit at any time.
        pairs: those that fit in time too, with ``delay`` and ``lead``.
        matched: the one-to-one matching among them.
        cases: the operator's cases.
        case_pairs: (case, exception): what each case is about, the best first.
    """

    exceptions: pd.DataFrame
    incidents: pd.DataFrame
    incident_of_alert: npt.NDArray[np.int64]
    alerts: pd.DataFrame
    subjects: pd.DataFrame
    pairs: pd.DataFrame
    matched: pd.DataFrame
    cases: pd.DataFrame
    case_pairs: pd.DataFrame

    @property
    def judged(self) -> pd.DataFrame:
        """The exceptions that an operator is held to."""
        return self.exceptions[self.exceptions["apart"] == ""]


def detect(run: Run, arm: str, alerts: pd.DataFrame, cases: pd.DataFrame) -> Detection:
    """Match the alerts and cases of one operator in one arm with the arm's exceptions."""
    exceptions = run.table("truth/exceptions", arm)
    lineage = run.table("truth/lineage", arm)
    incidents, of_alert = incidents_of(alerts, run.rules)
    cited = explode(alerts["evidence"], "alert", "event_id")
    cited["incident"] = of_alert[cited["alert"].to_numpy()]
    touched = touched_faults(cited[["incident", "event_id"]], lineage)
    subjects = subject_pairs(incidents, exceptions, run.rules, touched)
    pairs = admissible(subjects, incidents, exceptions, run.rules)
    matched = match(pairs)
    incidents["true"] = incidents.index.isin(pairs["incident"]) | _prevented(run, arm, incidents)
    case_pairs = _case_pairs(run, cases, alerts, of_alert, pairs, matched, exceptions)
    named = pd.concat([case_pairs.merge(diagnoses(run, arm, cases), on="case")[_NAMED],
                       _named_of_members(run, arm, alerts, of_alert, pairs, exceptions)], ignore_index=True)
    judged = _judge(run, arm, exceptions, matched, named)
    return Detection(judged, incidents, of_alert, alerts, subjects, pairs, matched, cases, case_pairs)


def are_open_at_start(run: Run, exceptions: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which exceptions the run began with."""
    begin, _ = run.horizon
    opened: npt.NDArray[np.int64] = exceptions["opened_at"].to_numpy(np.int64)
    return opened <= begin + OPEN_AT_START


def _prevented(run: Run, arm: str, incidents: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which incidents foretold what the unmanaged arm broke in time, though it may never have come about here."""
    true = np.zeros(len(incidents), dtype=bool)
    ahead = incidents[incidents["deadline"] != NULL]
    if arm == "managed" and len(ahead) and run.has("unmanaged"):
        pairs = _of_subjects(run, ahead.reset_index(drop=True), run.table("truth/exceptions", "unmanaged"))
        true[ahead.index.to_numpy()[pairs.loc[pairs["lead"] > 0, "incident"].unique()]] = True
    return true


def diagnoses(run: Run, arm: str, cases: pd.DataFrame) -> pd.DataFrame:
    """(case, at, type, fault_type, cause, confidence): what each case was taken for from when on.

    A case without a diagnosis on record (of a run folder that keeps none) has that of its own row since it was opened.
    """
    columns = ["case", "at", "type", "fault_type", "cause", "confidence"]
    numbered = cases.assign(case=np.arange(len(cases)))
    told = run.table("diagnoses", arm).rename(columns={"diagnosed_at": "at"})
    told = told[is_null(told["alert_id"])].merge(numbered[["region", "case_id", "case"]], on=["region", "case_id"])
    own = numbered[~numbered["case"].isin(told["case"])].rename(columns={"opened_at": "at"})
    return pd.concat([told[columns], own[columns]], ignore_index=True) if len(told) else own[columns]


def _named_of_members(
    run: Run,
    arm: str,
    alerts: pd.DataFrame,
    of_alert: npt.NDArray[np.int64],
    pairs: pd.DataFrame,
    exceptions: pd.DataFrame,
) -> pd.DataFrame:
    """(exception, at, fault_type): what members of families were taken for, through their alerts or their subjects."""
    told = run.table("diagnoses", arm).rename(columns={"diagnosed_at": "at"})
    told = told.loc[~is_null(told["alert_id"]), ["region", "alert_id", "at", "fault_type"]]
    known = alerts.drop(columns="deadline").assign(incident=of_alert, deadline=NULL)
    members = told.merge(known, on=["region", "alert_id"]).reset_index(names="member")
    through = members[["member", "incident"]].merge(pairs[["incident", "exception"]], on="incident")
    direct = _of_subjects(run, members.assign(raised_at=members["at"]), exceptions)
    both = pd.concat([through, direct.rename(columns={"incident": "member"})])
    about = both[["member", "exception"]].drop_duplicates()
    return about.merge(members[["member", "at", "fault_type"]], on="member")[_NAMED]


def _of_subjects(run: Run, claims: pd.DataFrame, exceptions: pd.DataFrame) -> pd.DataFrame:
    """The exceptions that claims are about by their subjects alone, as pairs of incidents that cite nothing."""
    nothing = pd.DataFrame({"incident": pd.Series(dtype=np.int64), "fault_id": pd.Series(dtype=np.int64)})
    return admissible(subject_pairs(claims, exceptions, run.rules, nothing), claims, exceptions, run.rules)


def _case_pairs(
    run: Run,
    cases: pd.DataFrame,
    alerts: pd.DataFrame,
    of_alert: npt.NDArray[np.int64],
    pairs: pd.DataFrame,
    matched: pd.DataFrame,
    exceptions: pd.DataFrame,
) -> pd.DataFrame:
    """(case, exception, best): through the case's alerts, or through its own subject."""
    members = explode(cases["alerts"], "case", "alert_id")
    members["region"] = cases["region"].to_numpy(dtype=object)[members["case"].to_numpy()]
    known = alerts[["region", "alert_id"]].assign(incident=of_alert)
    through = members.merge(known, on=["region", "alert_id"])[["case", "incident"]].drop_duplicates()
    own = matched[["incident", "exception"]].assign(own=True)
    linked = through.merge(pairs.merge(own, on=["incident", "exception"], how="left"), on="incident")
    as_incidents = cases.rename(columns={"opened_at": "raised_at"}).assign(deadline=NULL)
    direct = _of_subjects(run, as_incidents, exceptions).rename(columns={"incident": "case"})
    columns = ["case", "exception", "own", "agree", "delay"]
    both = pd.concat([linked[columns], direct.assign(own=False)[columns]], ignore_index=True)
    both["own"] = both["own"].eq(True)
    both = both.sort_values(["case", "own", "agree", "delay", "exception"], ascending=[True, False, False, True, True])
    both = both.drop_duplicates(["case", "exception"]).reset_index(drop=True)
    return both.assign(best=~both["case"].duplicated())[["case", "exception", "best"]]


def _judge(
    run: Run,
    arm: str,
    exceptions: pd.DataFrame,
    matched: pd.DataFrame,
    named: pd.DataFrame,
) -> pd.DataFrame:
    """The exceptions with window, delay, found, explained and apart."""
    _, end = run.horizon
    opened = exceptions["opened_at"].to_numpy()
    window = hours_of(exceptions["type"], run.rules, "window_hours")
    delay = window.copy()
    found = np.zeros(len(exceptions), dtype=bool)
    found[matched["exception"].to_numpy(dtype=np.int64)] = True
    own = matched["exception"].to_numpy(dtype=np.int64)
    delay[own] = np.minimum(matched["delay"].to_numpy(dtype=np.int64), window[own])
    faults = run.table("truth/faults", arm)
    explained_at = _explained_at(faults, exceptions, named)
    explained = ~found & (explained_at <= window_end(exceptions, run.rules))
    delay[explained] = np.clip(explained_at[explained] - opened[explained], 0, window[explained])
    apart = np.select(
        [are_open_at_start(run, exceptions), is_null(exceptions["first_evidence_at"]), opened + window > end],
        [AT_START, LATENT, NEAR_HORIZON],
        "",
    )
    return exceptions.assign(window=window, delay=delay, found=found, explained=explained, apart=apart)


def _explained_at(faults: pd.DataFrame, exceptions: pd.DataFrame, named: pd.DataFrame) -> Any:
    """For each exception the first time at which a case on another of its family named a fault they share.

    Args:
        faults: of the arm.
        exceptions: of the arm.
        named: (exception, at, fault_type), what a case on an exception was taken for, from when on.
    """
    at = np.full(len(exceptions), 2**62, dtype=np.int64)
    shared = explode(exceptions["faults"], "exception", "fault_id")
    named = named[named["fault_type"] != ""].merge(shared, on="exception")
    if named.empty:
        return at
    named = named.merge(faults[["fault_id", "type"]].drop_duplicates("fault_id"), on="fault_id")
    named = named[named["fault_type"] == named["type"]]
    family = named.merge(shared, on="fault_id", suffixes=("", "_other"))
    family = family[family["exception"] != family["exception_other"]]
    np.minimum.at(at, family["exception_other"].to_numpy(), family["at"].to_numpy())
    return at
