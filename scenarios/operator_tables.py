"""What an operator recorded, as tables of a run folder: names in place of codes, null where there is nothing.

The closed loop, the shadow beside it and a replay over a recording all write through here, so that the
same operator leaves the same rows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import pyarrow as pa

from detection.detectors.base import DetectorContext
from detection.detectors.files import of_region
from detection.pipeline import Operator
from sim.records import Names, ids, times

#: Records of the audit trail that change what is allowed -> what each column of ``governance`` takes from them.
GOVERNANCE: Final[Mapping[str, Mapping[str, str]]] = {
    "model": {"subject": "version", "scope": "detector"},
    "trial": {
        "subject": "challenger", "against": "champion", "outcome": "outcome", "cases": "cases",
        "value": "challenger_brier", "limit": "champion_brier",
    },
    "promoted": {"subject": "version", "against": "before", "action_id": "action"},
    "demoted": {"subject": "type", "case_id": "case", "value": "precision", "limit": "floor"},
    "restored": {"subject": "type", "case_id": "case", "value": "precision", "limit": "floor"},
    "review_due": {"subject": "change", "scope": "scope", "role": "role"},
    "reviewed": {"subject": "change", "scope": "scope", "role": "role", "action_id": "action"},
    "forgotten": {"cases": "cases", "limit": "days"},
}  # fmt: skip
#: Whether a line of the trail is one of those records; most lines are not, and are not parsed.
_IS_GOVERNANCE: Final = re.compile(rf'"event":"(?:{"|".join(GOVERNANCE)})"').search


def scope(table: Mapping[str, list[Any]], names: Names) -> dict[str, pa.Array]:
    """The columns that name a subject."""
    return {
        "location": names.location(table["location"]), "item": names.item(table["item"]),
        "document_id": ids(table["document_id"]), "interface": names.interface(table["interface"]),
        "sequence": ids(table["sequence"]),
    }


def alerts_table(table: Mapping[str, list[Any]], names: Names, arm: str) -> pa.Table:
    """The alerts of one region, in the order in which they were raised."""
    detector = ["oracle" if arm == "oracle" else name for name in table["detector"]]
    return pa.table({
        "alert_id": ids(table["alert_id"]), "raised_at": times(table["raised_at"]),
        "detector": pa.array(detector, pa.string()), "type": pa.array(table["type"], pa.string()),
        **scope(table, names), "score": pa.array(table["score"], pa.float64()), "deadline": times(table["deadline"]),
        "evidence": pa.array(table["evidence"], pa.list_(pa.int64())),
    })


def cases_table(table: Mapping[str, list[Any]], names: Names) -> pa.Table:
    """The cases of one region, in the order in which they were opened."""
    strings = ("status", "type", "fault_type", "cause", "team", "origin", "severity", "verdict", "model_version",
               "next_step")  # fmt: skip
    return pa.table({
        "case_id": ids(table["case_id"]), "opened_at": times(table["opened_at"]),
        "closed_at": times(table["closed_at"]), **{name: pa.array(table[name], pa.string()) for name in strings},
        "confidence": pa.array(table["confidence"], pa.float64()),
        "priority": pa.array(table["priority"], pa.float64()),
        "alerts": pa.array(table["alerts"], pa.list_(pa.int64())), **scope(table, names),
    })


def diagnoses_table(table: Mapping[str, list[Any]]) -> pa.Table:
    """What one region's cases were taken for, and from when on."""
    strings = ("type", "fault_type", "cause", "model_version")
    return pa.table({
        "case_id": ids(table["case_id"]), "diagnosed_at": times(table["diagnosed_at"]),
        "alert_id": ids(table["alert_id"]), **{name: pa.array(table[name], pa.string()) for name in strings},
        "confidence": pa.array(table["confidence"], pa.float64()),
    })


def decisions_table(table: Mapping[str, list[Any]]) -> pa.Table:
    """What the policy decided of one region's cases, step by step."""
    strings = ("kind", "outcome", "team", "approver", "decided_by", "rule", "severity", "model_version")
    return pa.table({
        "case_id": ids(table["case_id"]), "decided_at": times(table["decided_at"]),
        **{name: pa.array(table[name], pa.string()) for name in strings},
        "confidence": pa.array(table["confidence"], pa.float64()),
    })


def governance_table(lines: Iterable[str]) -> pa.Table:
    """Every change of what is allowed in one region, as its audit trail tells it.

    Args:
        lines: of the trail, oldest first.

    Returns:
        ``event`` is a key of :data:`GOVERNANCE`. ``subject`` is the version, type or change that it is about;
        ``value`` and ``limit`` are a precision and its floor, the Brier scores of a challenger and of the version
        in charge, or (``limit``) the days that closed cases are kept.
    """
    records = [json.loads(line)["record"] for line in lines if _IS_GOVERNANCE(line)]

    def column(name: str, kind: pa.DataType) -> pa.Array:
        return pa.array([record.get(GOVERNANCE[record["event"]].get(name, "")) for record in records], kind)

    return pa.table({
        "happened_at": times([record["at"] for record in records]),
        "event": pa.array([record["event"] for record in records], pa.string()),
        **{name: column(name, pa.string()) for name in ("subject", "scope", "role", "against", "outcome")},
        **{name: column(name, pa.int64()) for name in ("case_id", "action_id", "cases")},
        **{name: column(name, pa.float64()) for name in ("value", "limit")},
    })


def signals_table(table: Mapping[str, list[Any]], names: Names) -> pa.Table:
    """What the systems of one region complained of, by hour, interface and kind, and the case that took it."""
    return pa.table({
        "hour": times(table["hour"]), "interface": names.interface(table["interface"]),
        "kind": pa.array(table["kind"], pa.string()), "count": pa.array(table["count"], pa.int64()),
        "case_id": ids(table["case_id"]),
    })


def calibration_table(table: Mapping[str, list[Any]], names: Names) -> pa.Table:
    """Confidence against verdicts of one region, by type and location."""
    return pa.table({
        "type": pa.array(table["type"], pa.string()), "location": names.location(table["location"]),
        **{name: pa.array(table[name], pa.int64()) for name in ("cases", "confirmed", "refuted")},
        **{name: pa.array(table[name], pa.float64()) for name in ("confidence", "false_rate")},
    })


def scores_table(operator: Operator) -> pa.Table | None:
    """The file of scores that an operator was given, for the measures on its grid; None without one."""
    spec = operator.views.spec
    if spec.detector != "scores":
        return None
    rows = of_region(DetectorContext(operator.views.layout, spec, seed=0), "scores")
    return pa.table({
        "detector": pa.array(["scores"] * len(rows), pa.string()), "day": times([row["day"] for row in rows]),
        "score": pa.array([row["score"] for row in rows], pa.float64()),
        **{name: pa.array([row[name] for row in rows], pa.string()) for name in ("location", "item")},
    })
