"""What an operator recorded, as tables of a run folder: names in place of codes, null where there is nothing.

The closed loop, the shadow beside it and a replay over a recording all write through here, so that the
same operator leaves the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from detection.detectors.base import DetectorContext
from detection.detectors.files import of_region
from detection.pipeline import Operator
from sim.records import Names, ids, times


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
    strings = ("status", "type", "fault_type", "cause", "team", "origin", "severity", "verdict", "model_version")
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
