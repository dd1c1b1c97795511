"""Arms that must be one and the same: nobody acts, or nothing is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scenarios.measures.business import priority_gain
from scenarios.statistics import Estimate
from sim.faults.types import FAULTS
from tests.determinism.experiments import TWO_REGIONS, run, truth

CALM = ("scenario=calm", *(word for word in TWO_REGIONS if not word.startswith("faults")))


@pytest.mark.parametrize("nobody", ["detector=never", pytest.param("policy=manual", marks=pytest.mark.campaign)])
def test_managed_by_nobody_is_unmanaged(nobody: str, tmp_path: Path):
    made = run(tmp_path / "run", *TWO_REGIONS, nobody)
    assert made["arms"]["managed"] == made["arms"]["unmanaged"] == made["event_hash"]
    assert made["arms"]["clean"] != made["event_hash"]


def test_the_default_operator_makes_a_difference(tmp_path: Path):
    made = run(tmp_path / "run", *TWO_REGIONS, "oracle=false")
    assert made["arms"]["managed"] != made["arms"]["unmanaged"]


@pytest.mark.campaign
def test_what_the_order_of_work_is_worth(tmp_path: Path):
    made = run(tmp_path / "run", *TWO_REGIONS, "oracle=false", "fcfs=true")
    plain = run(tmp_path / "plain", *TWO_REGIONS, "oracle=false", "priority=fcfs")
    assert made["arms"]["fcfs"] == plain["arms"]["managed"] != made["arms"]["managed"]
    cards = [json.loads((tmp_path / name / "scorecard.json").read_text(encoding="utf-8"))["measures"]
             for name in ("run", "plain")]
    mine, other = (card["repair.avoided_per_hour"]["value"] for card in cards)
    unmanaged, managed = (cards[0][f"business.{arm}.loss_value"]["value"] for arm in ("unmanaged", "managed"))
    assert mine == pytest.approx((unmanaged - managed) / (cards[0]["business.managed.labour_minutes"]["value"] / 60))
    assert cards[0]["repair.avoided_per_hour_fcfs"]["value"] == other
    gain = cards[0]["case.priority_gain"]
    assert gain["value"] == pytest.approx(mine / other) if other > 0 else gain["value"] is None
    assert cards[1]["case.priority_gain"]["reason"] == "the arm fcfs was not run: fcfs=true runs it"


def test_over_seeds_the_gain_is_a_ratio_of_sums():
    pairs = [(Estimate(a, None, None, 1), Estimate(b, None, None, 1)) for a, b in ((6.0, 4.0), (9.0, 5.0), (3.0, 3.5))]
    found = priority_gain([*pairs, ("the arm fcfs was not run", "the arm fcfs was not run")])
    assert isinstance(found, Estimate)
    assert (found.value, found.n) == (pytest.approx(18.0 / 12.5), 3)
    assert found.low is not None
    assert found.low < found.value
    assert isinstance(priority_gain([(Estimate(1.0, None, None, 1), Estimate(-1.0, None, None, 1))]), str)


@pytest.mark.campaign
def test_calm_without_a_detector_is_one_world(tmp_path: Path):
    made = run(tmp_path / "run", *CALM, "detector=never")
    assert set(made["arms"]) == {"clean", "unmanaged", "managed", "oracle"}
    assert len(set(made["arms"].values())) == 1
    for name in ("faults", "exceptions", "errors", "lineage"):
        assert truth(tmp_path / "run", name).num_rows == 0, name
    assert truth(tmp_path / "run", "decoys").num_rows > 0


def test_in_calm_only_false_alarms_make_a_difference(tmp_path: Path):
    # An eager detector: whatever it finds is false, and every difference from the clean arm comes from it.
    made = run(tmp_path / "run", *CALM, "detector=random", "policy=unrestricted", "oracle=false")
    assert made["arms"]["unmanaged"] == made["arms"]["clean"]
    measures = json.loads((tmp_path / "run" / "scorecard.json").read_text(encoding="utf-8"))["measures"]
    alarms = measures["detection.loop.false_alarms_per_location_day"]["value"]
    differs = made["arms"]["managed"] != made["arms"]["unmanaged"]
    assert alarms > 0 or not differs
    faults = truth(tmp_path / "run", "faults").to_pandas()
    assert set(faults.type) <= {"repair"}
    assert set(faults.arm) <= {"managed"}
    assert measures["detection.recall"]["value"] is None
    assert measures["detection.recall"]["reason"]


def test_in_calm_the_default_operator_counts_its_false_alarms(tmp_path: Path):
    made = run(tmp_path / "run", *CALM)
    assert made["arms"]["unmanaged"] == made["arms"]["clean"] == made["arms"]["oracle"]
    measures = json.loads((tmp_path / "run" / "scorecard.json").read_text(encoding="utf-8"))["measures"]
    alarms = measures["detection.loop.false_alarms_per_location_day"]["value"]
    assert alarms is not None
    assert alarms > 0 or made["arms"]["managed"] == made["arms"]["unmanaged"]


@pytest.mark.campaign
def test_scale_zero_is_calm_whatever_the_rates_are(tmp_path: Path):
    rates = [f"faults.{name}.rate=0.2" for name in FAULTS if name != "api_outage"]
    words = (*(w for w in TWO_REGIONS if not w.startswith("faults")), *rates, "faults.scale=0", "detector=never",
             "faults.count_variance.rate=0", "counting.missed_cutoff_rate=0", "oracle=false")
    made = run(tmp_path / "run", *words)
    assert len(set(made["arms"].values())) == 1
    assert truth(tmp_path / "run", "faults").num_rows == 0
