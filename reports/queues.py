"""Work queues of a run, counted: what each team had before it, how old it got, and what it took.

Pure functions from a :class:`~reports.view.View` to pandas frames, of the operator's cases and actions in the
headline arm. A case stands in the queue of the team that answers for what is behind it, from its opening to its
closing; an action waits with the team that carries it out. What is open at the end counts at its age then.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from reports.governance import HAND_UP, OWN_KINDS
from reports.view import View

#: Name of the gauges of minutes that a team worked, before the team.
_WORKED = "worked_minutes."


def cases_of(view: View) -> pd.DataFrame:
    """The operator's cases with ``team``, ``is_open``, ``hours`` (age at closing, or at the end) and ``went_up``."""
    cases = view.operator_cases()
    actions = view.of_arm("actions")
    up = pd.MultiIndex.from_frame(actions.loc[actions["kind"] == HAND_UP, ["region", "case_id"]])
    ages = _hours(cases["closed_at"].fillna(view.end) - cases["opened_at"])
    return cases.assign(
        team=cases["team"].fillna("").astype("str"), is_open=cases["closed_at"].isna(), hours=ages,
        went_up=pd.MultiIndex.from_frame(cases[["region", "case_id"]]).isin(up),
    )  # fmt: skip


def cases_by_team(view: View) -> pd.DataFrame:
    """One row a team, the one with most cases first.

    Returns:
        ``team, cases, open, waiting`` (open cases, mean over time), ``median_hours`` and ``p90_hours`` of age,
        ``oldest_hours`` and ``oldest_case`` of those open (missing where none is), ``went_up``.
    """
    rows = []
    for team, part in cases_of(view).groupby("team"):
        left = part[part["is_open"]].sort_values(["hours", "case_id"], ascending=[False, True])
        rows.append(
            (
                str(team), len(part), len(left), part["hours"].sum() / (24 * view.days), part["hours"].median(),
                part["hours"].quantile(0.9), left["hours"].max(), int(left["case_id"].iloc[0]) if len(left) else None,
                int(part["went_up"].sum()),
            )
        )  # fmt: skip
    names = ["team", "cases", "open", "waiting", "median_hours", "p90_hours", "oldest_hours", "oldest_case", "went_up"]
    table = pd.DataFrame(rows, columns=names).astype({"oldest_case": "Int64"})
    return table.sort_values(["cases", "team"], ascending=[False, True], ignore_index=True)


def work_by_team(view: View) -> pd.DataFrame:
    """One row a team that carried out steps or worked at all, the one with most steps first.

    Returns:
        ``team``; ``steps`` sent to it, of which ``done``, ``refused`` (the world would not) and ``waiting``;
        ``median_hours`` and ``p90_hours`` from the request until carried out; ``step_minutes`` of the team on these
        steps, without those of who approved them; ``minutes`` worked by the team in all, the manual process's and
        approvals for others among them, and its ``utilisation`` (missing where the run does not tell).
    """
    actions = view.of_arm("actions")
    actions = actions[actions["team"].fillna("").astype("str") != ""].reset_index(drop=True)
    hours = _hours(actions["executed_at"].fillna(view.end) - actions["requested_at"])
    approving = float(view.setting("people.approval_minutes", np.nan))
    minutes = actions["minutes"].where(actions["approved_by"].isna(), actions["minutes"] - approving)
    rows = {}
    for team, part in actions.assign(hours=hours, own=minutes).groupby("team"):
        outcome = part["outcome"]
        rows[str(team)] = {
            "steps": len(part),
            **{name: int((outcome == name).sum()) for name in ("done", "refused")},
            "waiting": int((outcome == "pending").sum()),
            "median_hours": part["hours"].median(),
            "p90_hours": part["hours"].quantile(0.9),
            "step_minutes": part["own"].sum(skipna=False),
        }
    worked, capacity = _worked(view), view.setting("capacity_minutes_per_day", {})
    names = ["steps", "done", "refused", "waiting", "median_hours", "p90_hours", "step_minutes"]
    teams = sorted({*rows, *worked[worked > 0].index})
    table = pd.DataFrame([rows.get(team, {}) for team in teams], index=pd.Index(teams, name="team"), columns=names)
    counts = ["steps", "done", "refused", "waiting"]
    table[counts] = table[counts].fillna(0).astype(int)
    table["minutes"] = worked.reindex(table.index)
    available = pd.Series({team: capacity.get(team, np.nan) for team in teams}, dtype=float)
    table["utilisation"] = table["minutes"] / (available.where(available > 0) * view.days)
    table = table.reset_index()
    return table.sort_values(["steps", "minutes", "team"], ascending=[False, False, True], ignore_index=True)


def heads_of_queues(view: View, each: int) -> pd.DataFrame:
    """What stands first in each team's queue at the end, and what comes next.

    Returns:
        At most ``each`` open cases a team, the most urgent first, teams as in :func:`cases_by_team`: ``team, case_id,
        type, location, item, severity, hours, evidence`` (rows of the stream that its alerts name), ``step`` (what is
        under way, or else comes next; empty where nothing is left to try), ``waits_for`` (the role that must still
        approve it, or else the team that carries it out) and ``status``.
    """
    place = {team: number for number, team in enumerate(cases_by_team(view)["team"])}
    cases = cases_of(view)
    cases = cases[cases["is_open"]].assign(place=lambda frame: frame["team"].map(place))
    cases = cases.sort_values(["place", "priority", "opened_at", "case_id"]).groupby("team", sort=False).head(each)
    actions = view.of_arm("actions")
    pending = actions[(actions["outcome"] == "pending") & ~actions["kind"].isin(OWN_KINDS)]
    pending = pending.sort_values("requested_at", kind="stable").drop_duplicates(["region", "case_id"], keep="last")
    unapproved = pending["approver"].where(pending["approved_by"].isna())
    pending = pending.assign(step=pending["kind"], waits_for=unapproved.fillna(pending["team"]))
    pending = pending[["region", "case_id", "step", "waits_for"]]
    table = cases.merge(pending, how="left", on=["region", "case_id"])
    table["step"] = table["step"].fillna(table["next_step"].astype("str"))
    alerts = view.of_arm("alerts")
    wanted = {int(alert) for named in table["alerts"] for alert in named}
    alerts = alerts[alerts["alert_id"].isin(wanted)]
    cited = {
        (str(region), int(alert)): 0 if rows is None else len(rows)
        for region, alert, rows in zip(alerts["region"], alerts["alert_id"], alerts["evidence"], strict=True)
    }
    table["evidence"] = [
        sum(cited.get((str(region), int(alert)), 0) for alert in named)
        for region, named in zip(table["region"], table["alerts"], strict=True)
    ]
    names = ["team", "case_id", "type", "location", "item", "severity", "hours", "evidence", "step", "waits_for",
             "status"]  # fmt: skip
    return table[names].fillna(dict.fromkeys(("location", "item", "step", "waits_for"), ""))


def ages_by_day(view: View) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Open cases at the end of each day, and their median age.

    Returns:
        Two frames of shape (days, teams): numbers, and hours (missing where no case is open). The index is the day's
        end in days since the start; teams are in the order of :func:`cases_by_team`.
    """
    cases = cases_of(view)
    opened = _hours(cases["opened_at"] - view.start).to_numpy(float)
    closed = _hours(cases["closed_at"] - view.start).to_numpy(float)
    teams = list(cases_by_team(view)["team"])
    ends = np.arange(1, view.days + 1)
    numbers = pd.DataFrame(0, index=ends, columns=teams)
    ages = pd.DataFrame(np.nan, index=ends, columns=teams)
    for team in teams:
        mine = (cases["team"] == team).to_numpy()
        for day in ends:
            is_open = mine & (opened <= 24.0 * day) & ~(closed <= 24.0 * day)
            numbers.loc[day, team] = int(is_open.sum())
            if is_open.any():
                ages.loc[day, team] = float(np.median(24.0 * day - opened[is_open]))
    return numbers, ages


def _hours(spans: pd.Series[pd.Timedelta]) -> pd.Series[float]:
    return spans.dt.total_seconds() / 3600.0


def _worked(view: View) -> pd.Series[float]:
    """Minutes by team that the run says were worked in the headline arm."""
    gauges = view.of_arm("truth/gauges")
    gauges = gauges[gauges["gauge"].astype("str").str.startswith(_WORKED)]
    return gauges.groupby(gauges["gauge"].astype("str").str.removeprefix(_WORKED))["total"].sum().astype(float)
