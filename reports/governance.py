"""Governance of a run, counted: who decides, what holds a machine back, who approves, what is allowed and since when.

Pure functions from a :class:`~reports.view.View` to pandas frames, of the headline arm. Three rules:

- A *step* is one decision of the policy about one case. What the policy engine asks of people for itself (a
  review, a promotion) is no step of a repair and is counted where reviews and versions are.
- Waiting is counted to the end of the run where nothing came by then: what waits longest is not left out.
- A share without a denominator is missing (NaN), never zero.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from reports.view import View
from scenarios.measures.where import kind_of_location

#: Tiers of severity, gravest first.
TIERS: tuple[str, ...] = ("critical", "high", "medium", "low")
#: Who decides where no team does.
MACHINE, NOBODY = "machine", "nobody"
#: Kinds of action by which the policy engine asks people for leave.
OWN_KINDS: frozenset[str] = frozenset({"review", "promote"})
#: Kinds that hand a case to people above; they repair nothing.
HAND_UP = "escalate"
#: Rules by the word before their colon; those of the policy itself have its name there, and end in these words.
_HEADS: frozenset[str] = frozenset({"pilot", "drift", "review", "severity", "confidence"})
_OF_POLICY: tuple[str, ...] = ("is safe", "is for people", "nobody acts")
_HOUR = pd.Timedelta(hours=1)


def steps(view: View) -> pd.DataFrame:
    """The decisions about steps of cases.

    Returns:
        The columns of ``decisions``, and ``who`` decides (a machine, a team, or nobody), ``rule_kind`` (the rule
        without what varies in it), ``is_approved`` (whether a role must approve first) and ``is_held`` (a machine
        could have taken the step, and a rule gave it to people).
    """
    frame = view.of_arm("decisions")
    frame = frame[~frame["kind"].isin(OWN_KINDS)].reset_index(drop=True)
    outcome, team = frame["outcome"].astype("str"), frame["team"].fillna("").astype("str")
    who = np.select([outcome == "automatic", outcome == "leave"], [MACHINE, NOBODY], team.to_numpy(object))
    return frame.assign(
        who=who,
        rule_kind=[_rule(str(rule)) for rule in frame["rule"]],
        is_approved=frame["approver"].fillna("").astype("str") != "",
        is_held=frame["decided_by"].astype("str") == "person",
    )


def deciders(view: View) -> pd.DataFrame:
    """One row a decider, the machine first.

    Returns:
        Columns ``who``, one of steps per tier of :data:`TIERS`, ``total``, and of that ``approved`` (a role approves
        first) and ``held`` (kept from the machine).
    """
    found = steps(view)
    table = pd.crosstab(found["who"], found["severity"]).reindex(columns=list(TIERS), fill_value=0)
    grouped = found.groupby("who")
    table["total"], table["approved"] = grouped.size(), grouped["is_approved"].sum()
    table["held"] = grouped["is_held"].sum()
    table = table.rename_axis(columns=None).reset_index()
    place = table["who"].map({MACHINE: 0, NOBODY: 2}).fillna(1)
    order = np.lexsort((table["who"].astype(str), -table["total"], place))
    return table.iloc[order].reset_index(drop=True)


def rules(view: View) -> pd.DataFrame:
    """One row for each rule that decided, most steps first: ``rule, steps, cases`` and ``kinds`` (kind -> steps)."""
    found = steps(view)
    rows = [
        (str(rule), len(part), part["case_id"].nunique(), part["kind"].astype(str).value_counts().to_dict())
        for rule, part in found.groupby("rule_kind")
    ]
    rows.sort(key=lambda row: (-row[1], row[0]))
    return pd.DataFrame(rows, columns=["rule", "steps", "cases", "kinds"])


def approvals(view: View) -> pd.DataFrame:
    """One row a role that was asked to approve, the one asked most first.

    Returns:
        ``role``; ``asked`` = ``given`` + ``refused`` (the request was turned down before anyone approved) +
        ``waiting``; ``overtaken`` (the case was closed before it was carried out); ``median_hours`` and ``p90_hours``
        from the request until it was carried out; ``oldest_hours`` of those waiting; ``kinds`` (kind -> asked).
    """
    actions = view.of_arm("actions")
    asked = actions[actions["approver"].notna()].reset_index(drop=True)
    closed = view.operator_cases().set_index(["region", "case_id"])["closed_at"]
    answered = asked["executed_at"].fillna(view.end)
    case_closed = closed.reindex(pd.MultiIndex.from_frame(asked[["region", "case_id"]])).to_numpy()
    is_given = asked["approved_by"].notna()
    is_refused = ~is_given & (asked["outcome"] == "refused")
    asked = asked.assign(
        hours=(answered - asked["requested_at"]).dt.total_seconds() / 3600, given=is_given, refused=is_refused,
        waiting=~is_given & ~is_refused, overtaken=(pd.Series(case_closed) < answered) & ~asked["kind"].isin(OWN_KINDS),
    )  # fmt: skip
    rows = [
        {
            "role": str(role),
            "asked": len(part),
            **{name: int(part[name].sum()) for name in ("given", "refused", "waiting", "overtaken")},
            "median_hours": part["hours"].median(),
            "p90_hours": part["hours"].quantile(0.9),
            "oldest_hours": part.loc[part["waiting"], "hours"].max(),
            "kinds": part["kind"].astype(str).value_counts().to_dict(),
        }
        for role, part in asked.groupby("approver")
    ]
    names = ("role", "asked", "given", "refused", "waiting", "overtaken", "median_hours", "p90_hours", "oldest_hours",
             "kinds")  # fmt: skip
    table = pd.DataFrame(rows, columns=list(names))
    return table.sort_values(["asked", "role"], ascending=[False, True], ignore_index=True)


def trust(view: View, by: str) -> pd.DataFrame:
    """How confidence fared against the outcomes of the operator's cases.

    Args:
        view: of a run.
        by: ``type``, or ``place``: the kind of location.

    Returns:
        ``key``, ``cases``, ``confirmed``, ``refuted``; of those with such a verdict ``confidence`` (mean),
        ``confirmed_share`` and ``false_share``; and ``untrue_share``, of the operator's incidents those that were none
        by the truth, which it cannot see. Most cases first.
    """
    untrue = _untrue(view, by)
    cases = view.operator_cases()
    place = cases["location"].fillna("").astype("str").map(kind_of_location)
    cases = cases.assign(place=place, key=cases["type"] if by == "type" else place)
    rows = []
    for key, part in cases.groupby("key"):
        judged = part[part["verdict"].isin(["confirmed", "refuted"])]
        confirmed = int((judged["verdict"] == "confirmed").sum())
        share = confirmed / len(judged) if len(judged) else np.nan
        refuted, confidence = len(judged) - confirmed, judged["confidence"].mean()
        truth = untrue.get(str(key), np.nan)
        rows.append((str(key), len(part), confirmed, refuted, confidence, share, 1 - share, truth))
    rows.sort(key=lambda row: (-row[1], row[0]))
    names = ["key", "cases", "confirmed", "refuted", "confidence", "confirmed_share", "false_share", "untrue_share"]
    return pd.DataFrame(rows, columns=names)


def _untrue(view: View, by: str) -> dict[str, float]:
    """The share of untrue incidents by type or kind of location, from the breakdowns that the run was scored with."""
    table = view.tables["breakdown"]
    breakdown = "type" if by == "type" else "location"
    is_asked = (table["measure"] == "detection.loop.precision") & (table["by"] == breakdown)
    table = table[is_asked & table["value"].notna()]
    incidents = table["n"].astype(float)
    keys = table["key"].fillna("").astype("str")
    keys = keys if by == "type" else keys.map(kind_of_location)
    untrue = (incidents * (1.0 - table["value"])).groupby(keys).sum() / incidents.groupby(keys).sum()
    return {str(key): float(share) for key, share in untrue.items()}


def reviews(view: View) -> pd.DataFrame:
    """One row for each kind of change that asks for a review of the policy.

    Returns:
        ``change``, ``role`` (who reviews), ``announced``, ``asked`` (a machine missed automation, so the role was
        asked), ``reviewed``, ``median_hours`` from the announcement until automation was back, ``held`` (steps that
        went to people until then).
    """
    events, actions = view.of_arm("governance"), view.of_arm("actions")
    asked = actions.loc[actions["kind"] == "review", "rule"].astype("str")
    held = steps(view)["rule_kind"]
    rows = []
    for change, due in events[events["event"] == "review_due"].groupby("subject"):
        hours = _hours_until_reviewed(events[events["subject"] == change])
        rows.append(
            (
                str(change), str(due["role"].iloc[0]), len(due), int(asked.str.startswith(f"review: {change} ").sum()),
                len(hours), float(np.median(hours)) if hours else np.nan, int((held == f"review {change}").sum()),
            )
        )  # fmt: skip
    return pd.DataFrame(rows, columns=["change", "role", "announced", "asked", "reviewed", "median_hours", "held"])


def _hours_until_reviewed(events: pd.DataFrame) -> list[float]:
    """Of one kind of change: each review with the first announcement of its scope that was not yet reviewed."""
    waiting: dict[tuple[str, str], list[pd.Timestamp]] = {}
    hours = []
    for row in events.to_dict("records"):
        key = (str(row["region"]), str(row["scope"]))
        if row["event"] == "review_due":
            waiting.setdefault(key, []).append(row["happened_at"])
        elif row["event"] == "reviewed" and waiting.get(key):
            hours.append((row["happened_at"] - waiting[key].pop(0)) / _HOUR)
    return hours


def versions(view: View) -> pd.DataFrame:
    """One row for each version of the model that was in charge, region by region in the order of time.

    Returns:
        ``region, version, since, until`` (NaT while in charge), ``approved_by`` (null for the first, and where nobody
        is asked), ``cases`` diagnosed by it, and its ``trials`` against a challenger, of which ``lost``.
    """
    events = view.of_arm("governance")
    answered = view.of_arm("actions").set_index(["region", "action_id"])["approved_by"]
    cases = view.operator_cases()
    rows = []
    for region, told in events.groupby("region"):
        terms = told[told["event"].isin(["model", "promoted"])].drop_duplicates("subject")
        trials = told[told["event"] == "trial"]
        ends = [*terms["happened_at"].iloc[1:], pd.NaT]
        for term, until in zip(terms.to_dict("records"), ends, strict=False):
            tried = trials[trials["against"] == term["subject"]]
            diagnosed = (cases["region"] == region) & (cases["model_version"] == term["subject"])
            rows.append(
                {
                    "region": str(region), "version": str(term["subject"]), "since": term["happened_at"],
                    "until": until, "approved_by": answered.get((region, term["action_id"])),
                    "cases": int(diagnosed.sum()), "trials": len(tried),
                    "lost": int((tried["outcome"] == "proposed").sum()),
                }
            )  # fmt: skip
    names = ["region", "version", "since", "until", "approved_by", "cases", "trials", "lost"]
    return pd.DataFrame(rows, columns=names)


def floors(view: View) -> pd.DataFrame:
    """One row each time that a type fell below its precision floor, in the order of time.

    Returns:
        ``region, type, since, until`` (NaT while people decide), ``precision`` then, and ``floor``.
    """
    events = view.of_arm("governance")
    rows: list[dict[str, object]] = []
    for event in events[events["event"].isin(["demoted", "restored"])].to_dict("records"):
        key = (str(event["region"]), str(event["subject"]))
        if event["event"] == "demoted":
            rows.append(
                {"region": key[0], "type": key[1], "since": event["happened_at"], "until": pd.NaT,
                 "precision": event["value"], "floor": event["limit"]}
            )  # fmt: skip
            continue
        for row in reversed(rows):
            if (row["region"], row["type"]) == key:
                row["until"] = event["happened_at"]
                break
    return pd.DataFrame(rows, columns=["region", "type", "since", "until", "precision", "floor"])


def forgotten(view: View) -> int:
    """Closed cases whose evidence was let go of when their time of retention was over."""
    events = view.of_arm("governance")
    return int(events.loc[events["event"] == "forgotten", "cases"].sum())


def by_day(view: View) -> pd.DataFrame:
    """Steps decided on each day of the run.

    Returns:
        Shape (days, 4): ``machine``, ``approved`` (the machine's after an approval), ``people`` (for people by the
        policy) and ``held`` (kept from the machine); the index is the day from 0.
    """
    found = steps(view)
    kind = np.select(
        [(found["who"] == MACHINE) & ~found["is_approved"], found["who"] == MACHINE, found["is_held"]],
        ["machine", "approved", "held"], "people",
    )  # fmt: skip
    is_left = found["who"] == NOBODY
    day = ((found["decided_at"] - view.start) // pd.Timedelta(days=1))[~is_left]
    table = pd.crosstab(day, pd.Series(kind, index=found.index)[~is_left])
    wanted = ["machine", "approved", "people", "held"]
    return table.reindex(index=range(view.days), columns=wanted, fill_value=0).rename_axis(index="day", columns=None)


def _rule(rule: str) -> str:
    """A rule without the names that vary in it."""
    head, _, rest = rule.partition(": ")
    if head in _HEADS:
        return f"review {rest.split()[0]}" if head == "review" else head
    return next((ending for ending in _OF_POLICY if rest.endswith(ending)), rule) if rest else "asks nobody"
