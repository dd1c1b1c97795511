"""Tables of the section "Governance" on what is allowed: how sure the operator may be, and what changed since when.

Confidence is held against outcomes by type and by kind of location; below them stand the types that drifted, the
versions of the model and the reviews of the policy, each with the keys that set its rule.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from reports import governance, words
from reports.section import Table
from reports.view import View

_PLACES: Final = {"store": "stores", "DC": "distribution centres", "no location": "no one location"}
_ROWS_MAX: Final = 15
_STILL = "at the end still"
_VERDICTS: Final = ("Cases", "Confirmed", "Refuted", "Mean confidence", "Share confirmed", "Overconfident by",
                    "False, as it learns", "False, in truth")  # fmt: skip


def tables(view: View, steps: pd.DataFrame) -> list[Table]:
    """The tables for one run.

    Args:
        view: of the run.
        steps: as :func:`reports.governance.steps` gave them.
    """
    return [_by_type(view, steps), _by_place(view), _floors(view), _versions(view), _reviews(view)]


def missing(view: View) -> list[str]:
    """What an architect would look for and the run has none of, with the reason."""
    events = set(view.of_arm("governance")["event"].astype("str"))
    if not events:
        return ["Versions, reviews, floors: not applicable, the run folder has no table of changes of what is allowed."]
    found = []
    if "demoted" not in events:
        found.append("Precision floors: no type fell below its own.")
    if "review_due" not in events:
        found.append("Policy reviews: no change was announced that asks for one.")
    return found


def _by_type(view: View, steps: pd.DataFrame) -> Table:
    usual, own = view.setting("policy.confidence"), view.setting("policy.confidence_by_type") or {}
    floor, floors = view.setting("policy.precision_floor"), view.setting("policy.precision_floor_by_type") or {}
    types = view.operator_cases().set_index(["region", "case_id"])["type"]
    held = steps[steps["rule_kind"] == "confidence"]
    held_of = types.reindex(pd.MultiIndex.from_frame(held[["region", "case_id"]])).value_counts()
    rows = [
        [
            *_verdicts(row),
            words.or_missing(own.get(row["key"], usual), "share"),
            f"{int(held_of.get(row['key'], 0)):,}",
            words.or_missing(floors.get(row["key"], floor), "share"),
        ]
        for row in governance.trust(view, "type").to_dict("records")
    ]
    return Table(
        "Confidence and outcome by type",
        ["Type", *_VERDICTS, "Machine acts from", "Steps below it", "Precision floor"],
        rows,
        caption="Cases of the operator. A case is confirmed or refuted by what its repair or count found; some close "
        "without either, and – stands where all did. Confidence is the mean over cases with a verdict: where it equals "
        "the share confirmed it is calibrated, above it overconfident, below it (a negative number) too cautious. "
        "False, as it learns: the share refuted, which is all that floors and versions can rest on. False, in truth: "
        "the share of its incidents that were no exception, which it cannot see (detection.loop.precision). A machine "
        "acts from the confidence named on (policy.confidence, policy.confidence_by_type); its steps below it went to "
        "people.",
    )


def _by_place(view: View) -> Table:
    found = governance.trust(view, "place").to_dict("records")
    return Table(
        "Confidence and outcome by kind of location",
        ["Location", *_VERDICTS],
        [_verdicts({**row, "key": _PLACES[row["key"]]}) for row in found],
        caption="The same cases by where they are; what concerns an interface or an item of the whole chain has no one "
        "location. The table calibration of the run folder has each location.",
    )


def _verdicts(row: Mapping[Any, Any]) -> list[str]:
    # Adding zero turns the -0.0 of a tiny difference into 0.0.
    gap = round((row["confidence"] - row["confirmed_share"]) * 100, 1) + 0.0
    return [
        words.plain(str(row["key"])),
        *(f"{row[name]:,}" for name in ("cases", "confirmed", "refuted")),
        *(words.or_missing(row[name], "share") for name in ("confidence", "confirmed_share")),
        words.MISSING if math.isnan(gap) else f"{gap:+.1f}{words.SPACE}points",
        *(words.or_missing(row[name], "share") for name in ("false_share", "untrue_share")),
    ]


def _floors(view: View) -> Table:
    frame = governance.floors(view)
    rows = [
        [
            *_named(view, row, words.plain(str(row["type"]))),
            _moment(row["since"]),
            words.or_missing(row["precision"], "share"),
            words.or_missing(row["floor"], "share"),
            _moment(row["until"]),
        ]
        for row in frame.head(_ROWS_MAX).to_dict("records")
    ]
    more = f" The first {_ROWS_MAX} of {len(frame)} are shown." if len(frame) > _ROWS_MAX else ""
    return Table(
        "Types that fell below their precision floor",
        [*_named_by(view, "Type"), "People decide from", "Precision then", "Floor", "Until"],
        rows,
        caption=f"Precision is the share confirmed of the last {view.setting('policy.drift_cases')} verdicts of a "
        "type; below its floor people decide until it holds again (policy.precision_floor, "
        f"policy.precision_floor_by_type, policy.drift_cases).{more}",
    )


def _versions(view: View) -> Table:
    rows = [
        [
            *_named(view, row, str(row["version"])),
            _moment(row["since"]),
            _moment(row["until"]),
            "nobody" if pd.isna(row["approved_by"]) else words.plain(str(row["approved_by"])),
            *(f"{row[name]:,}" for name in ("cases", "trials", "lost")),
        ]
        for row in governance.versions(view).to_dict("records")
    ]
    owner = words.plain(str(view.setting("policy.model_owner", "")))
    names = _named_by(view, "Version")
    return Table(
        "Versions of the model",
        [*names, "In charge from", "Until", "Approved by", "Cases diagnosed", "Trials", "Won by a challenger"],
        rows,
        frozenset({len(names) + 2}),
        "The first version is as configured, and nobody approves it. A version in charge does not learn. After every "
        f"{view.setting('policy.promotion_cases')} verdicts it is tried against a challenger that does; where the "
        f"challenger's Brier score is better beyond chance, its promotion is proposed to {owner}, and takes effect "
        "once approved (policy.promotion_cases, policy.model_owner).",
    )


def _reviews(view: View) -> Table:
    rows = [
        [
            words.plain(row["change"]),
            words.plain(row["role"]),
            *(f"{row[name]:,}" for name in ("announced", "asked", "reviewed")),
            words.or_missing(row["median_hours"], "hours"),
            f"{row['held']:,}",
        ]
        for row in governance.reviews(view).to_dict("records")
    ]
    scope = "all automation" if view.setting("policy.review_mode") == "suspend" else "automation of what it concerns"
    return Table(
        "Policy reviews",
        ["Change", "Reviewed by", "Announced", "Asked", "Reviewed", "Median until reviewed", "Steps to people"],
        rows,
        frozenset({1}),
        "Number of announced changes: peak seasons, changes of the assortment, releases of interfaces (upgrade). From "
        f"the announcement on {scope} is withdrawn until the role has reviewed the policy; the role is asked when a "
        "machine first misses it, so one that touches no case is never reviewed. Steps to people: what a machine would "
        "have taken meanwhile (policy.reviews, policy.review_mode, policy.reviewers).",
    )


def _has_regions(view: View) -> bool:
    return len(view.of_arm("governance")["region"].unique()) > 1


def _named_by(view: View, first: str) -> list[str]:
    """Columns that name a row: each region has a model and a drift watch of its own."""
    return [first, "Region"] if _has_regions(view) else [first]


def _named(view: View, row: Mapping[Any, Any], first: str) -> list[str]:
    return [first, str(row["region"])] if _has_regions(view) else [first]


def _moment(at: Any) -> str:
    return _STILL if pd.isna(at) else f"{words.short_date(at)}, {at:%H:%M}"
