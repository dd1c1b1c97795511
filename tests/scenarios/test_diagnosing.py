"""A case is scored by the diagnosis that was in force at its first repair, or when its window ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from scenarios.measures.card import Scorecard
from tests.scenarios.test_measures import exception, rows, values, write

ARMS = ("clean", "unmanaged", "managed")
LAG, DROP = "posting_lag", "dropped_message"


def story(folder: Path, told: list[tuple[float, str]], *actions: dict[str, Any], arm: str = "managed",
          closed: float | None = None) -> Scorecard:
    """One message dropped at hour 30 (its window ends at 102), with one case on it, opened at hour 31."""
    return write(folder, ARMS, told_in(arm, told, *actions, closed=closed))


def told_in(arm: str, told: list[tuple[float, str]], *actions: dict[str, Any],
            closed: float | None = None) -> dict[str, list[pa.Table]]:
    """The tables of that story in one arm."""
    broken = rows("truth/exceptions", exception(0, DROP, 30, 31, document_id=100, closed_at=closed), arm=arm)
    alert = {"alert_id": 0, "raised_at": 31, "detector": "rules", "type": DROP, "document_id": 100}
    last = {"type": DROP, "fault_type": told[-1][1], "confidence": 0.5, "origin": "operator"}
    case = {"case_id": 7, "opened_at": 31, "alerts": [0], "document_id": 100, **last}
    diagnoses = [{"case_id": 7, "diagnosed_at": at, "type": DROP, "fault_type": name, "confidence": 0.9}
                 for at, name in told]  # fmt: skip
    content = {
        "truth/exceptions": [broken],
        "truth/faults": [rows("truth/faults", {"fault_id": 0, "type": DROP}, arm=arm)],
        "alerts": [rows("alerts", alert, arm=arm)],
        "cases": [rows("cases", case, arm=arm)],
        "diagnoses": [rows("diagnoses", *diagnoses, arm=arm)],
    }
    if actions:
        content["actions"] = [rows("actions", *actions, arm=arm)]
    return content


def repair(at: float, kind: str = "replay", **more: Any) -> dict[str, Any]:
    done = {"action_id": 500 + round(at), "case_id": 7, "outcome": "done", "decided_by": "policy"}
    return {**done, "kind": kind, "requested_at": at, **more}


@pytest.mark.parametrize(("told", "actions", "f1"), [
    # it was taken for a lag, and for what it was an hour before, or an hour after, the repair
    ([(31, LAG), (49, DROP)], [repair(50)], 1.0),
    ([(31, LAG), (51, DROP)], [repair(50)], 0.0),
    ([(31, DROP), (51, LAG)], [repair(50), repair(60)], 1.0),
    # what was refused, what looked and moved nothing, and a question are no repairs: the window's end decides
    ([(31, LAG), (51, DROP)], [repair(50, outcome="refused"), repair(40, "count", delta_units=0)], 1.0),
    ([(31, LAG), (51, DROP)], [], 1.0),
    # 72 hours, and the hour of grace
    ([(31, LAG), (103, DROP)], [], 1.0),
    ([(31, LAG), (104, DROP)], [], 0.0),
    # one that came too late altogether is no answer
    ([(104, DROP)], [], 0.0),
])  # fmt: skip
def test_the_diagnosis_in_force_is_scored(
    tmp_path: Path, told: list[tuple[float, str]], actions: list[dict[str, Any]], f1: float
) -> None:
    card = story(tmp_path / "run", told, *actions)
    assert values(card, "classification.")["fault_macro_f1"] == f1
    if len(told) > 1:
        assert values(card, "classification.")["brier"] == pytest.approx((0.9 - f1) ** 2)
    else:
        assert card.measures["classification.brier"].reason == "no case states a confidence"


def test_what_people_found_counts_in_the_loop_and_not_in_shadow(tmp_path: Path) -> None:
    shadow = told_in("unmanaged", [(31, LAG)])
    managed = told_in("managed", [(31, LAG), (49, DROP)], repair(50))
    content = {name: [*shadow.get(name, ()), *managed[name]] for name in managed}
    card = write(tmp_path / "run", ARMS, content)
    assert values(card, "classification.")["fault_macro_f1"] == 0.0
    assert values(card, "classification.loop.")["fault_macro_f1"] == 1.0
    assert values(card, "classification.loop.")["brier"] == pytest.approx(0.01)
    pair = "pair.posting_lag.dropped_message"
    assert card.measures[f"classification.loop.{pair}"].reason == "no case is about posting_lag"
    assert card.measures["oracle.mttr_hours"].reason == "the arm oracle was not run"


def test_the_oracle_s_time_to_restore_is_that_of_its_own_arm(tmp_path: Path) -> None:
    arms = {"unmanaged": 90.0, "managed": 50.0, "oracle": 40.0}
    broken = [
        rows("truth/exceptions", exception(0, DROP, 30, 31, document_id=100, closed_at=at, restored_at=at), arm=arm)
        for arm, at in arms.items()
    ]
    faults = [rows("truth/faults", {"fault_id": 0, "type": DROP}, arm=arm) for arm in arms]
    card = write(tmp_path / "run", (*ARMS, "oracle"), {"truth/exceptions": broken, "truth/faults": faults})
    found = {name: card.measures[f"{name}.mttr_hours"].value for name in ("manual", "repair", "oracle")}
    assert found == {"manual": 60.0, "repair": 20.0, "oracle": 10.0}


def test_knowing_better_when_it_is_over_does_not_count(tmp_path: Path) -> None:
    for closed, f1 in ((60.0, 1.0), (40.0, 0.0)):
        card = story(tmp_path / str(closed), [(31, LAG), (50, DROP)], arm="unmanaged", closed=closed)
        assert values(card, "classification.")["fault_macro_f1"] == f1


def test_a_family_is_explained_from_when_its_fault_was_named(tmp_path: Path) -> None:
    """The case on one exception names the fault behind both at hour 50; it was opened at 31 with another word."""
    broken = rows(
        "truth/exceptions",
        exception(0, DROP, 30, 31, document_id=100),
        exception(1, "phantom_stock", 30, 31, faults=[0], location="S0001", item="I00001"),
    )
    told = [{"case_id": 7, "diagnosed_at": at, "fault_type": name} for at, name in ((31, LAG), (50, DROP))]
    content = {
        "truth/exceptions": [broken],
        "truth/faults": [rows("truth/faults", {"fault_id": 0, "type": DROP})],
        "alerts": [rows("alerts", {"alert_id": 0, "raised_at": 31, "detector": "rules", "type": DROP,
                                   "document_id": 100})],
        "cases": [rows("cases", {"case_id": 7, "opened_at": 31, "alerts": [0], "fault_type": DROP, "type": DROP,
                                 "document_id": 100, "origin": "operator"})],
        "diagnoses": [rows("diagnoses", *told)],
    }  # fmt: skip
    found = values(write(tmp_path / "run", ("clean", "unmanaged"), content), "detection.")
    assert (found["recall"], found["recall_found"]) == (1.0, 0.5)
    assert found["mttd_hours"] == pytest.approx((1 + 20) / 2)
