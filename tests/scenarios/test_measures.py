"""The scorecard of small runs whose every number can be worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from scenarios import tables
from scenarios.match import HOUR
from scenarios.measure_names import ARMS, MEASURES, pair_of
from scenarios.measures import combine, score
from scenarios.measures.business import LOSSES
from scenarios.measures.card import Measure, Scorecard
from scenarios.measures.run import rules_of
from scenarios.record import RunReader, RunWriter

DAYS = 28
BEGIN = 20_000 * 24 * HOUR
TYPES = [
    {"name": "posting_lag", "window_hours": 48.0, "scope": "document line", "team": "integration"},
    {"name": "phantom_stock", "window_hours": 100.0, "scope": "location and item", "team": "store"},
    {"name": "dropped_message", "window_hours": 72.0, "scope": "interface, location and sequence number"},
]
CONFIG = {"world": {"stores": 2, "regions": 1, "days": DAYS}, "types": TYPES}
LOSS = {"clean": 10.0, "unmanaged": 50.0, "managed": 30.0, "oracle": 20.0}


def rows(name: str, *records: dict[str, Any], arm: str = "unmanaged") -> pa.Table:
    """Records as a table of the run folder; times are hours since the begin of the run."""
    schema = tables.schema_of(name)
    full = []
    for record in records:
        row: dict[str, Any] = {"arm": arm, "region": "R1", **record}
        for field in schema:
            if pa.types.is_timestamp(field.type) and row.get(field.name) is not None:
                row[field.name] = BEGIN + round(row[field.name] * HOUR)
        full.append(row)
    plain = [
        field.with_type(pa.string()) if pa.types.is_dictionary(field.type) else field
        for field in schema
        if any(field.name in row for row in full)
    ]
    return tables.conform(pa.Table.from_pylist(full, schema=pa.schema(plain)), schema, name)


def outcomes(arm: str) -> pa.Table:
    days = [
        {
            "day": 24 * day,
            "lost_margin": LOSS[arm] - 2,
            "penalties": 2.0,
            "lost_units": 3.0,
            "sold_units": 10,
            "sold_value": 100.0,
            "shrink_value": 1.5,
            "online_lines": 4 if arm != "clean" else 0,
            "failed_lines": 1 if arm != "clean" else 0,
            "cells": 50,
            "accurate_cells": 40,
            "labour_minutes": 6.0,
        }
        for day in range(DAYS)
    ]
    return rows(f"arms/{arm}", *days, arm=arm)


def write(folder: Path, arms: tuple[str, ...], content: dict[str, list[pa.Table]], **config: Any) -> Scorecard:
    with RunWriter(folder) as writer:
        writer.write_config({**CONFIG, **config})
        for arm in arms:
            writer.write(f"arms/{arm}", outcomes(arm))
        for name, pieces in content.items():
            writer.write(name, pieces)
        writer.write_missing()
        card = score(writer.reader())
        writer.write_scorecard(card.to_json())
        for name, table in card.breakdowns().items():
            writer.write(f"breakdown/{name}", table)
        writer.identify(version="0", seed=1, config_hash="c", arms=dict.fromkeys(arms, "0"))
    return card


def exception(number: int, kind: str, opened: float, evidence: float | None, **more: Any) -> dict[str, Any]:
    base = {"exception_id": number, "type": kind, "fault_type": kind, "cause": "timing_delay", "announced": False}
    return {**base, "opened_at": opened, "first_evidence_at": evidence, "faults": [number], **more}


def unmanaged() -> dict[str, list[pa.Table]]:
    """One exception found, one missed, one explained by the case on its family, three that are listed apart."""
    cell = {"location": "S0001", "item": "I00001"}
    broken = rows(
        "truth/exceptions",
        exception(0, "posting_lag", 30, 32, document_id=100, loss_at_stake=10.0),
        exception(1, "posting_lag", 40, 41, document_id=101, loss_at_stake=30.0),
        exception(
            2, "phantom_stock", 50, 60, **cell, loss_at_stake=60.0, announced=True, faults=[0], fault_type="posting_lag"
        ),
        exception(3, "posting_lag", 60, None, document_id=103),
        exception(4, "posting_lag", 0, 1, document_id=104),
        exception(5, "posting_lag", DAYS * 24 - 10, DAYS * 24 - 9, document_id=105),
    )
    faults = [{"fault_id": number, "type": "posting_lag"} for number in (0, 1, 3, 4, 5)]
    alerts = rows(
        "alerts",
        {"alert_id": 0, "raised_at": 33, "detector": "rules", "type": "posting_lag", "document_id": 100},
        {"alert_id": 1, "raised_at": 70, "detector": "hbos", "type": "posting_lag", "document_id": 999},
        {
            "alert_id": 2,
            "raised_at": 80,
            "detector": "hbos",
            "type": "phantom_stock",
            "location": "S0002",
            "item": "I00002",
        },
        {"alert_id": 3, "raised_at": 60, "detector": "manual", "type": "posting_lag", "document_id": 101},
    )
    case = {"case_id": 0, "opened_at": 72, "type": "posting_lag", "fault_type": "posting_lag", "alerts": [0]}
    stated = {"cause": "timing_delay", "confidence": 0.9, "team": "integration", "origin": "operator"}
    decoy = {"decoy_id": 1, "kind": "slow_mover", "location": "S0002", "item": "I00002", "from": 0, "until": 600}
    return {
        "truth/exceptions": [broken],
        "truth/faults": [rows("truth/faults", *faults)],
        "truth/decoys": [rows("truth/decoys", decoy)],
        "alerts": [alerts],
        "cases": [rows("cases", {**case, **stated})],
    }


def values(card: Scorecard, prefix: str) -> dict[str, float | None]:
    found = {name: measure.value for name, measure in card.measures.items() if name.startswith(prefix)}
    return {name.removeprefix(prefix): value for name, value in found.items()}


def test_detection_by_hand(tmp_path: Path) -> None:
    card = write(tmp_path / "run", ("clean", "unmanaged"), unmanaged())
    # One incident in its scope: turned by chance it falls into the window and its grace, of 48 hours and one.
    chance = (48 + 1) / (DAYS * 24)
    expected = {
        "recall": 0.75,
        "recall_found": 0.25,
        "recall_inferred": 0.5,
        "recall_value": 0.7,
        "precision": 1 / 3,
        "precision_one_to_one": 1 / 3,
        "false_alarms_per_location_day": 2 / (3 * DAYS),
        "mttd_hours": (3 + 48 + 22) / 3,
        "mttd_median_hours": 22.0,
        "mttd_regret_hours": (73 - 13) / 3,
        # the second opened at 02:00 and was explained an hour after the reconciliation of that day
        "before_reconciliation": 1 / 3,
        # of the three only the first has an incident in its scope: half of its type, none of the other
        "chance_recall": chance / 4,
        "skill": (0.75 - chance / 4) / (1 - chance / 4),
    }
    found = values(card, "detection.")
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert values(card, "manual.")["mttd_hours"] == pytest.approx((48 + 20 + 100) / 3)


def test_diagnosis_by_hand(tmp_path: Path) -> None:
    card = write(tmp_path / "run", ("clean", "unmanaged"), unmanaged())
    found = values(card, "classification.")
    assert found["fault_macro_f1"] == found["cause_macro_f1"] == found["type_macro_f1"] == 1.0
    assert found["ece"] == pytest.approx(0.1)
    assert found["brier"] == pytest.approx(0.01)
    assert found["cost"] == 0.0
    # the frozen cell was not claimed as such, and the slow mover was: wrong on both sides
    assert found["pair.phantom_stock.slow_mover"] == 0.0
    assert found["pair.posting_lag.dropped_message"] is None
    assert values(card, "case.")["routing_accuracy"] == 1.0
    assert values(card, "case.")["compression"] == 1.0


def test_breakdowns_by_hand(tmp_path: Path) -> None:
    write(tmp_path / "run", ("clean", "unmanaged"), unmanaged())
    reader = RunReader(tmp_path / "run")
    parts = {
        (row["measure"], row["by"], row["key"]): row["value"]
        for name in reader.breakdowns()
        for row in reader.table(f"breakdown/{name}").to_pylist()
    }
    assert parts["detection.recall", "type", "posting_lag"] == 0.5
    assert parts["detection.mttd_hours", "type", "phantom_stock"] == 22.0
    assert [parts["detection.apart", "reason", key] for key in ("latent", "open_at_start", "near_horizon")] == [1] * 3
    assert parts["detection.false_alarms_per_location_day", "decoy", "slow_mover"] == pytest.approx(1 / (3 * DAYS))
    assert parts["detection.false_alarms_per_location_day", "location", "S0002"] == pytest.approx(1 / DAYS)
    assert parts["detection.precision", "detector", "rules"] == 1.0
    assert parts["detection.precision", "detector", "hbos"] == 0.0


def managed() -> dict[str, list[pa.Table]]:
    """Two dropped messages: one is replayed at once, the other is adjusted away, which helps nobody."""
    broken = rows(
        "truth/exceptions",
        exception(0, "dropped_message", 30, 31, document_id=100, restored_at=40, restored_by=500),
        exception(1, "dropped_message", 50, 51, document_id=101),
        arm="managed",
    )
    faults = rows(
        "truth/faults",
        {"fault_id": 0, "type": "dropped_message"},
        {"fault_id": 1, "type": "dropped_message"},
        {"fault_id": 9, "type": "repair"},
        arm="managed",
    )
    belief = {"system": "ERP", "kind": "on_hand"}
    errors = rows("truth/errors", {"error_id": 1, "fault_id": 9, "units": -7, "value": -70.0, **belief}, arm="managed")
    common = {"detector": "rules", "type": "dropped_message"}
    alerts = rows(
        "alerts",
        {"alert_id": 0, "raised_at": 31, "document_id": 100, **common},
        {"alert_id": 1, "raised_at": 51, "document_id": 101, **common},
        arm="managed",
    )
    said = {"type": "dropped_message", "fault_type": "dropped_message", "origin": "operator", "team": "integration"}
    cases = rows(
        "cases",
        {"case_id": 0, "opened_at": 31, "closed_at": 41, "alerts": [0], "document_id": 100, **said},
        {"case_id": 1, "opened_at": 51, "closed_at": 60, "alerts": [1], "document_id": 101, **said},
        {"case_id": 2, "opened_at": 90, "alerts": [], "document_id": 101, **said},
        arm="managed",
    )
    done = {"outcome": "done", "decided_by": "policy"}
    actions = rows(
        "actions",
        {"action_id": 500, "case_id": 0, "kind": "replay", "delta_units": 5, "minutes": 0.0, **done},
        {"action_id": 501, "case_id": 1, "kind": "adjust", "delta_units": 7, "minutes": 9.0, **done},
        {"action_id": 502, "case_id": 1, "kind": "count", "delta_units": 0, "minutes": 9.0, **done},
        {"action_id": 503, "case_id": 1, "kind": "replay", "delta_units": None, "outcome": "refused"},
        arm="managed",
    )
    lineage = rows("truth/lineage", {"event_id": 500, "fault_id": 0}, {"event_id": 501, "fault_id": 9}, arm="managed")
    earlier = rows(
        "truth/exceptions",
        exception(0, "dropped_message", 30, 31, document_id=100),
        exception(1, "dropped_message", 50, 51, document_id=101),
        exception(2, "dropped_message", 55, 56, document_id=102),
    )
    return {
        "truth/exceptions": [earlier, broken],
        "truth/faults": [faults],
        "truth/errors": [errors],
        "truth/lineage": [lineage],
        "alerts": [alerts],
        "cases": [cases],
        "actions": [actions],
    }


def test_repair_by_hand(tmp_path: Path) -> None:
    card = write(tmp_path / "run", ARMS, managed(), capacity_minutes_per_day={"store": 20, "integration": 4})
    expected = {
        # never restored counts as the week that times are restricted to
        "mttr_hours": (10 + 168) / 2,
        "mttr_median_hours": 10.0,
        "time_to_close_hours": (11 + 10 + 168) / 3,
        "auto_resolution": 0.5,
        "wrongful": 0.5,
        "wrongful_value": 70.0,
        "wrongful_cvar": None,
        "false_closures": 1.0,
        "reopened": 1.0,
        "prevented": 1.0,
        "manual_minutes_per_exception": DAYS * 6 / 2,
    }
    found = values(card, "repair.")
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert found["queue_age_p95_hours"] == pytest.approx(np.quantile([10, 9, DAYS * 24 - 90], 0.95))
    assert values(card, "queue.")["utilisation"] == pytest.approx(6 / 24)
    assert values(card, "detection.loop.")["recall"] == 1.0


def test_business_by_hand(tmp_path: Path) -> None:
    card = write(tmp_path / "run", ARMS, {})
    found = values(card, "business.")
    assert found["recovery"] == pytest.approx(0.5)
    assert found["recovery_oracle"] == pytest.approx(0.75)
    assert found["recovery_of_reachable"] == pytest.approx(2 / 3)
    assert found["managed.loss_value"] == pytest.approx(30 * DAYS)
    assert found["managed.lost_sales_value"] == pytest.approx(28 * DAYS)
    assert found["managed.fulfilment_failure_rate"] == 0.25
    assert found["managed.stock_accuracy"] == 0.8
    assert found["managed.shrink_rate"] == pytest.approx(0.015)
    assert card.measures["business.recovery"].low is None
    assert card.measures["business.clean.fulfilment_failure_rate"].reason == "no line was promised"
    assert card.measures["business.clean.negative_inventory_rate"].reason == "the run did not record it"
    assert set(LOSSES) <= set(tables.OUTCOMES.names)


def test_every_name_is_there_and_what_has_no_value_has_a_reason(tmp_path: Path) -> None:
    declared = {entry.name for entry in MEASURES if pair_of(entry.name) is None}
    for number, arms in enumerate([(), ("clean",), ("clean", "unmanaged"), ARMS]):
        card = write(tmp_path / str(number), arms, {})
        assert declared <= set(card.measures)
        for name, measure in card.measures.items():
            assert (measure.value is None) == bool(measure.reason), name
        for prefix in ("detection.", "classification.", "case.", "manual."):
            silent = {name for name, value in values(card, prefix).items() if value is not None}
            assert silent <= {"false_alarms_per_location_day", "loop.false_alarms_per_location_day"}


def test_no_false_alarm_has_an_upper_bound(tmp_path: Path) -> None:
    card = write(tmp_path / "run", ("clean", "unmanaged"), {})
    found = card.measures["detection.false_alarms_per_location_day"]
    assert found.value == 0.0
    assert found.high == pytest.approx(3 / (3 * DAYS), rel=0.01)


def test_a_run_is_scored_alike_before_and_after_it_is_closed(tmp_path: Path) -> None:
    before = write(tmp_path / "run", ARMS, managed())
    after = RunReader(tmp_path / "run")
    assert score(after).to_json() == before.to_json() == after.scorecard
    assert Scorecard.from_json(json.loads(json.dumps(before.to_json()))).measures == before.measures


def test_a_citation_outside_the_scope_is_coincident(tmp_path: Path) -> None:
    stream = [
        {"event_id": 1, "available_at": 1, "event_type": "posting", "document_id": 100},
        {"event_id": 2, "available_at": 2, "event_type": "posting", "document_id": 7},
    ]
    broken = [exception(number, "posting_lag", 30, 31, document_id=100 + number) for number in range(2)]
    alerts = [
        {"alert_id": number, "raised_at": 33, "detector": "rules", "document_id": 100 + number, "evidence": cited}
        for number, cited in enumerate(([1, 2], [2]))
    ]
    with RunWriter(tmp_path / "run") as writer:
        part = writer.events_folder("unmanaged", "R1") / "part-0000.parquet"
        events = [{**row, "available_at": row["available_at"]} for row in stream]
        table = pa.table({name: [row[name] for row in events] for name in events[0]})
        times = table["available_at"].cast(pa.timestamp("us"))
        table = tables.conform(table.set_column(1, "available_at", times), tables.EVENTS)
        tables.write_table(part, table, tables.EVENTS)
        writer.write_config(CONFIG)
        writer.write("arms/unmanaged", outcomes("unmanaged"))
        writer.write("truth/exceptions", rows("truth/exceptions", *broken))
        writer.write("alerts", rows("alerts", *alerts))
        card = score(writer.reader())
    assert card.measures["detection.coincident"].value == 0.5


def test_scores_on_the_grid_are_ranked(tmp_path: Path) -> None:
    cell = {"location": "S0001", "item": "I00001"}
    broken = exception(0, "phantom_stock", 30, 31, closed_at=50, **cell)
    grid = [
        {"detector": "d", "day": 24 * day, "score": score_, **cell} for day, score_ in enumerate([0.1, 0.9, 0.4, 0.5])
    ]
    content = {
        "truth/exceptions": [rows("truth/exceptions", broken)],
        "scores": [rows("scores", *grid)],
    }
    card = write(tmp_path / "run", ("clean", "unmanaged"), content)
    # days 1 and 2 are positive and come first and third
    assert card.measures["detection.auc_pr"].value == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def card_of(recall: float | None, unmanaged_loss: float, managed_loss: float, wrong: float = 0.0) -> Scorecard:
    card = Scorecard()
    card.measures["detection.recall"] = Measure(recall, "share", reason=None if recall is not None else "none came")
    for arm, loss in {"clean": 10.0, "unmanaged": unmanaged_loss, "managed": managed_loss}.items():
        card.measures[f"business.{arm}.loss_value"] = Measure(loss, "value")
    card.measures["business.oracle.loss_value"] = Measure(None, "value", reason="not run")
    for name in ("recovery", "recovery_oracle", "recovery_of_reachable"):
        card.measures[f"business.{name}"] = Measure(0.0, "ratio")
    card.measures["repair.wrongful_value"] = Measure(wrong, "value")
    card.measures["repair.wrongful_cvar"] = Measure(None, "value", reason="one seed")
    return card


def test_recovery_over_seeds_is_a_ratio_of_sums() -> None:
    card = combine([card_of(0.5, 50, 30, 1.0), card_of(0.7, 60, 20, 5.0), card_of(None, 55, 30, 3.0)])
    recovery = card.measures["business.recovery"]
    assert recovery.value == pytest.approx((20 + 40 + 25) / (40 + 50 + 45))
    assert recovery.low is not None
    assert recovery.low < (recovery.value or 0) < (recovery.high or 0)
    assert card.measures["detection.recall"].value == pytest.approx(0.6)
    assert card.measures["detection.recall"].n == 2
    assert card.measures["business.recovery_oracle"].value is None
    assert card.measures["repair.wrongful_cvar"].value == 5.0


def test_recovery_needs_a_loss_that_is_clearly_there() -> None:
    card = combine([card_of(0.5, 11, 10), card_of(0.5, 4, 10), card_of(0.5, 16, 12)])
    assert card.measures["business.recovery"].value is None
    assert "not clearly above zero" in (card.measures["business.recovery"].reason or "")


def test_no_seed_has_a_value_and_says_why() -> None:
    card = combine([card_of(None, 50, 30), card_of(None, 60, 30)])
    assert card.measures["detection.recall"].reason == "on every seed: none came"
    with pytest.raises(ValueError, match="no scorecards"):
        combine([])


def test_rules_come_by_name_or_as_a_list() -> None:
    by_name = rules_of({"types": {record["name"]: record for record in TYPES}})
    assert by_name == rules_of({"types": TYPES})
    assert by_name["phantom_stock"].window_hours == 100.0
    assert by_name["dropped_message"].team == "integration"
    assert by_name["posting_lag"].self_closing
    assert rules_of({}) == {}
