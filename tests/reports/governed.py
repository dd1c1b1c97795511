"""A run folder made by hand, of three days: few enough cases and decisions to be counted on one's fingers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from scenarios.record import RunWriter

START = pd.Timestamp("2026-03-02")
CONFIG = {
    "scenario": "by hand",
    "seed": 1,
    "policy": {
        "name": "deterministic", "confidence": 0.8, "confidence_by_type": {"phantom_stock": 0.4},
        "precision_floor": 0.5, "precision_floor_by_type": {"posting_lag": 0.9},
        "severity": {"critical": 5000.0, "high": 500.0, "medium": 50.0},
        "escalate_hours": 72.0, "escalate_hours_by_severity": {"critical": 24.0}, "person_from": "critical",
        "store_manager_limit": 500.0, "inventory_control_limit": 5000.0, "retention_days": 14, "promotion_cases": 20,
        "drift_cases": 10, "model_owner": "inventory_control", "review_mode": "narrow",
    },
    "pilot": {"types": ["phantom_stock"], "locations": [], "start": None, "end": "2026-03-03"},
    "people": {"approval_minutes": 3.0},
    "world": {"regions": 1, "stores": 2, "items": 5, "days": 3, "start": "2026-03-02"},
    "capacity_minutes_per_day": {"store": 100.0},
}  # fmt: skip
#: (case, team, type, location, severity, opened, closed, verdict, confidence, version, priority); times in hours.
CASES: list[tuple[Any, ...]] = [
    (1, "store", "phantom_stock", "S0001", "high", 0, 24, "confirmed", 0.9, "m", 50),
    (2, "store", "phantom_stock", "S0002", "low", 12, None, None, 0.5, "m", 20),
    (3, "store", "phantom_stock", "S0001", "low", 24, 36, "refuted", 0.7, "m.1", 50),
    (4, "integration", "posting_lag", None, "critical", 48, None, None, 0.8, "m.1", 1),
    (5, "store", "phantom_stock", "S0002", "low", 30, None, None, 0.4, "m.1", 5),
]
_UPGRADE = "review: upgrade not yet reviewed by change_board"
#: (case, hour, kind, outcome, team, approver, decided by, rule, severity)
DECISIONS: list[tuple[Any, ...]] = [
    (1, 0, "hold", "automatic", "", "", "policy", "deterministic: hold is safe", "high"),
    (1, 0, "count", "route", "store", "", "policy", "deterministic: count is for people", "high"),
    (2, 12, "hold", "route", "store", "", "person", "confidence: below the threshold of its type", "low"),
    (3, 24, "push_price", "automatic", "", "pricing", "policy", "deterministic: push_price is safe", "low"),
    (3, 24, "claim", "route", "inventory_control", "finance", "policy", "deterministic: claim is for people", "low"),
    (4, 48, "replay", "route", "integration", "", "person", "severity: critical is for people", "critical"),
    (4, 49, "escalate", "route", "finance", "", "policy", "deterministic: escalate is for people", "critical"),
    (4, 50, "redrive", "route", "integration", "", "person", _UPGRADE, "critical"),
    (4, 50, "review", "route", "change_board", "", "person", "review: upgrade asks for change_board", "critical"),
    (3, 36, "promote", "automatic", "", "inventory_control", "policy", "promotion: m.1 better than m", "low"),
]
#: (action, case, kind, team, approver, approved by, requested, executed, outcome, minutes); times in hours.
ACTIONS: list[tuple[Any, ...]] = [
    (11, 1, "hold", None, None, None, 0, 0.25, "done", 0),
    (12, 1, "count", "store", None, None, 0, 10, "done", 4),
    (13, 2, "hold", "store", None, None, 12, None, "pending", 0),
    (14, 3, "push_price", None, "pricing", "pricing", 24, 30, "done", 3),
    (15, 4, "claim", "inventory_control", "finance", None, 48, None, "pending", 0),
    (16, 3, "claim", "inventory_control", "finance", "finance", 24, 48, "done", 13),
    (17, 4, "escalate", "inventory_control", None, None, 49, 50, "done", 10),
    (18, 4, "review", "change_board", None, None, 50, 56, "done", 5),
    (19, 3, "promote", None, "inventory_control", "inventory_control", 36, 40, "done", 3),
    (20, 2, "fix_conversion", "inventory_control", "master_data", None, 13, 14, "refused", 0),
]
#: (hour, event, subject, scope, role, against, outcome, case, action, cases, value, limit)
GOVERNANCE: list[tuple[Any, ...]] = [
    (0, "model", "m", "standard", None, None, None, None, None, None, None, None),
    (6, "trial", "m.1", None, None, "m", "kept", None, None, 20, 0.2, 0.2),
    (12, "trial", "m.1", None, None, "m", "proposed", None, None, 20, 0.1, 0.2),
    (20, "review_due", "upgrade", "interface a", "change_board", None, None, None, None, None, None, None),
    (26, "review_due", "upgrade", "interface b", "change_board", None, None, None, None, None, None, None),
    (36, "demoted", "phantom_stock", None, None, None, None, 3, None, None, 0.4, 0.5),
    (40, "promoted", "m.1", None, None, "m", None, None, 19, None, None, None),
    (48, "restored", "phantom_stock", None, None, None, None, 4, None, None, 0.6, 0.5),
    (56, "reviewed", "upgrade", "interface b", "change_board", None, None, None, 18, None, None, None),
    (60, "forgotten", None, None, None, None, None, None, None, 3, None, 14),
    (66, "demoted", "posting_lag", None, None, None, None, 4, None, None, 0.8, 0.9),
]


def write_governed(folder: Path, without: tuple[str, ...] = ()) -> Path:
    """Write the folder, but for the tables ``without``."""
    tables = {"cases": _cases(), "decisions": _decisions(), "actions": _actions(), "governance": _governance()}
    tables["truth/gauges"] = pd.DataFrame(
        [("R1", "worked_minutes.store", 0, 1.0, 40.0, 0.0), ("R1", "worked_minutes.finance", 0, 1.0, 0.0, 0.0)],
        columns=["region", "gauge", "key", "n", "total", "squares"],
    )
    tables["alerts"] = pd.DataFrame(
        {"region": "R1", "alert_id": [number * 100 for number, *_ in CASES], "raised_at": START, "detector": "standard",
         "evidence": [[7] * number for number, *_ in CASES]}
    )  # fmt: skip
    breakdowns = [
        ("detection.loop.precision", "type", "phantom_stock", 0.75, 4),
        ("detection.precision", "type", "phantom_stock", 0.1, 10),
        ("detection.loop.precision", "location", "S0001", 0.5, 2),
        ("detection.loop.precision", "location", "S0002", 1.0, 6),
    ]
    with RunWriter(folder) as writer:
        for by in ("type", "location"):
            rows = [row for row in breakdowns if row[1] == by]
            writer.write(f"breakdown/{by}", pd.DataFrame(rows, columns=["measure", "by", "key", "value", "n"]))
        writer.write_config(CONFIG)
        writer.identify(version="0.1.0", seed=1, config_hash="c" * 64, arms={"managed": "a", "oracle": "b"}, rows=1)
        for name, frame in tables.items():
            if name not in without:
                # The other arm holds the same, and none of it may be counted.
                writer.write(name, pd.concat([frame.assign(arm="managed"), frame.assign(arm="oracle")]))
    return folder


def _at(hours: pd.Series[float]) -> pd.Series[pd.Timestamp]:
    return START + pd.to_timedelta(hours.astype(float), unit="h").dt.round("us")


def _cases() -> pd.DataFrame:
    names = ["case_id", "team", "type", "location", "severity", "opened_at", "closed_at", "verdict", "confidence",
             "model_version", "priority"]  # fmt: skip
    frame = pd.DataFrame(CASES, columns=names)
    frame = frame.assign(
        region="R1", origin="operator", item="I00001", alerts=[[case * 100] for case in frame["case_id"]],
        status=frame["closed_at"].isna().map({True: "acting", False: "closed"}),
        opened_at=_at(frame["opened_at"]), closed_at=_at(frame["closed_at"]),
    )  # fmt: skip
    # What the manual process opened by itself is not the operator's; it may write one thing down twice, under one id.
    return pd.concat([frame, frame.iloc[:3].assign(case_id=[91, 92, 92], origin="manual")], ignore_index=True)


def _decisions() -> pd.DataFrame:
    names = ["case_id", "decided_at", "kind", "outcome", "team", "approver", "decided_by", "rule", "severity"]
    frame = pd.DataFrame(DECISIONS, columns=names)
    return frame.assign(region="R1", decided_at=_at(frame["decided_at"]))


def _actions() -> pd.DataFrame:
    names = ["action_id", "case_id", "kind", "team", "approver", "approved_by", "requested_at", "executed_at",
             "outcome", "minutes"]  # fmt: skip
    frame = pd.DataFrame(ACTIONS, columns=names)
    rules = {18: "review: upgrade asks for change_board"}
    return frame.assign(
        region="R1", requested_at=_at(frame["requested_at"]), executed_at=_at(frame["executed_at"]),
        rule=frame["action_id"].map(rules),
    )  # fmt: skip


def _governance() -> pd.DataFrame:
    names = ["happened_at", "event", "subject", "scope", "role", "against", "outcome", "case_id", "action_id", "cases",
             "value", "limit"]  # fmt: skip
    frame = pd.DataFrame(GOVERNANCE, columns=names)
    whole = {name: frame[name].astype("Int64") for name in ("case_id", "action_id", "cases")}
    return frame.assign(region="R1", happened_at=_at(frame["happened_at"]), **whole)
