"""Raw alerts, what a family's case explains, and what a repair within it is held to, worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.test_measures import exception, rows, unmanaged, values, write

MESSAGE = {"interface": "pos_erp", "location": "S0001"}


def test_raw_alerts_are_signals_whoever_took_them_and_the_alerts_of_cases(tmp_path: Path) -> None:
    signals = rows(
        "signals",
        {"hour": 30, "interface": "pos_erp", "kind": "missing", "count": 40, "case_id": 0},
        {"hour": 31, "interface": "pos_erp", "kind": "twice", "count": 7},
    )
    told = rows("signals", {"hour": 30, "interface": "pos_erp", "kind": "missing", "count": 9}, arm="managed")
    card = write(tmp_path / "run", ("clean", "unmanaged"), {**unmanaged(), "signals": [signals, told]})
    found = values(card, "case.")
    # There is one case, and it holds one alert.
    assert (found["alerts_raw"], found["compression_raw"], found["compression"]) == (48.0, 48.0, 1.0)


def test_a_repair_within_a_family_is_for_nothing_where_its_own_message_is(tmp_path: Path) -> None:
    lost: dict[str, Any] = {**MESSAGE, "document_id": 100, "sequence": 1}
    alerts = [
        {"alert_id": number, "raised_at": 31, "detector": "rules", "type": "dropped_message", **MESSAGE,
         "sequence": number}
        for number in (1, 2)
    ]  # fmt: skip
    storm = {"case_id": 7, "opened_at": 31, "type": "dropped_message", "fault_type": "dropped_message",
             "alerts": [1, 2], "origin": "operator", "interface": "pos_erp"}  # fmt: skip
    actions = [
        {"action_id": 70 + number, "kind": "replay", "case_id": 7, "requested_at": 31, "executed_at": 32,
         "outcome": "done", "delta_units": 0, **MESSAGE, "sequence": number}
        for number in (1, 2)
    ]  # fmt: skip
    content = {
        "truth/exceptions": [rows("truth/exceptions", exception(0, "dropped_message", 30, 30, **lost), arm="managed")],
        "truth/faults": [rows("truth/faults", {"fault_id": 0, "type": "dropped_message"}, arm="managed")],
        "alerts": [rows("alerts", *alerts, arm="managed")],
        "cases": [rows("cases", storm, arm="managed")],
        "actions": [rows("actions", *actions, arm="managed")],
    }
    card = write(tmp_path / "run", ("clean", "unmanaged", "managed"), content)
    assert values(card, "repair.")["wrongful"] == pytest.approx(1 / 2)


@pytest.mark.parametrize(("said", "recall"), [("duplicate_message", 1.0), ("dropped_message", 0.5)])
def test_a_family_explains_what_its_member_was_rightly_taken_for(tmp_path: Path, said: str, recall: float) -> None:
    cell = {"location": "S0001", "item": "I00001"}
    twice = exception(0, "duplicate_message", 30, 30, **MESSAGE, sequence=1)
    below = exception(1, "negative_inventory", 31, 31, **cell, fault_type="duplicate_message", faults=[0])
    alert = {"alert_id": 1, "raised_at": 32, "detector": "rules", "type": "duplicate_message", **MESSAGE, "sequence": 1}
    storm = {"case_id": 7, "opened_at": 32, "type": "api_outage", "fault_type": "api_outage", "alerts": [1],
             "origin": "operator", "interface": "pos_erp"}  # fmt: skip
    told = [{"case_id": 7, "diagnosed_at": 32, "type": "api_outage", "fault_type": "api_outage"},
            {"case_id": 7, "diagnosed_at": 32, "type": said, "fault_type": said, "alert_id": 1}]  # fmt: skip
    content = {
        "truth/exceptions": [rows("truth/exceptions", twice, below)],
        "truth/faults": [rows("truth/faults", {"fault_id": 0, "type": "duplicate_message"})],
        "alerts": [rows("alerts", alert)],
        "cases": [rows("cases", storm)],
        "diagnoses": [rows("diagnoses", *told)],
    }
    card = write(tmp_path / "run", ("clean", "unmanaged"), content)
    found = values(card, "detection.")
    assert (found["recall"], found["recall_found"]) == (recall, 0.5)
    # What the family itself was taken for is what is scored as its diagnosis.
    assert values(card, "classification.")["fault_macro_f1"] == 0.0
