"""What is unusual and harmless leaves the default operator quiet: promotions, a peak season, a shop that closes."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.determinism.experiments import rows, run, truth

pytestmark = pytest.mark.campaign

SMALL = ("scenario=calm", "world.regions=1", "world.stores=5", "world.items=60", "world.days=12", "oracle=false",
         "demand.peak_from_day=6", "demand.peak_days=3", "confounders.closing_day=2")  # fmt: skip
CONFOUNDERS = ("promotion_spike", "seasonal_peak", "store_closing")
#: False alarms per location and day that a control room can live with.
CEILING = 0.05


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calm") / "run"
    run(folder, *SMALL)
    return folder


def decoys(folder: Path, kind: str) -> pd.DataFrame:
    """Decoys of a kind, of the arm that nobody manages."""
    found = truth(folder, "decoys").to_pandas()
    return found[(found["arm"] == "unmanaged") & (found["kind"] == kind)]


def test_false_alarms_stay_below_the_ceiling(calm: Path) -> None:
    measures = json.loads((calm / "scorecard.json").read_text(encoding="utf-8"))["measures"]
    for prefix in ("detection", "detection.loop"):
        assert measures[f"{prefix}.false_alarms_per_location_day"]["value"] <= CEILING
    alerts = pq.read_table(calm / "alerts.parquet").to_pandas()
    location_days = 6 * 12
    assert all(alerts["arm"].eq(arm).sum() <= CEILING * location_days for arm in ("unmanaged", "managed"))


@pytest.mark.parametrize("kind", CONFOUNDERS)
def test_no_alert_is_about_a_confounder_s_subject_in_its_days(calm: Path, kind: str) -> None:
    alerts = pq.read_table(calm / "alerts.parquet").to_pandas()
    harmless = decoys(calm, kind)
    assert len(harmless)
    for _, decoy in harmless.iterrows():
        about = alerts[alerts["raised_at"].between(decoy["from"], decoy["until"])]
        for scope in ("location", "item"):
            if pd.notna(decoy[scope]):
                about = about[about[scope] == decoy[scope]]
        assert about.empty, decoy.to_dict()


def test_the_confounders_are_there_to_be_fallen_for(calm: Path) -> None:
    sold = rows(calm, "unmanaged").to_pandas()
    sold = sold[(sold["event_type"] == "retail_selling") & (sold["quantity"] > 0)]
    day = sold["occurred_at"].dt.floor("D")
    (peak,) = decoys(calm, "seasonal_peak").to_dict("records")
    lines, is_peak = day.value_counts(), day.between(peak["from"], peak["until"], inclusive="left")
    usual = lines[~lines.index.isin(day[is_peak])]
    assert lines[lines.index.isin(day[is_peak])].mean() > 1.2 * usual.mean()
    (closing,) = decoys(calm, "store_closing").to_dict("records")
    here = sold[sold["location"] == closing["location"]]
    assert len(here)
    assert here["occurred_at"].max() < sold["occurred_at"].max() - pd.Timedelta(days=2)
    # most of what is promoted sells at all: the rest are slow movers
    assert decoys(calm, "promotion_spike")["item"].isin(sold["item"]).mean() > 0.5
