"""Faults come as often as their rates say, and a scale multiplies every rate."""

from __future__ import annotations

import pytest
from scipy import stats

from sim.config import Config
from sim.events import DOCUMENT_TYPE, NULL
from tests.sim.small_world import Played, play, quiet_config


def _messages(played: Played) -> int:
    """Every numbered line goes to ERP and to OMS."""
    rows = played.rows
    return 2 * int(((rows.sequence != NULL) & rows.event_type.isin(
        ["retail_selling", "receiving", "shipping", "returning", "inspecting", "adjusting"])).sum())


def _cartons(played: Played) -> int:
    rows = played.of("receiving")
    return int(rows.carton[rows.location == 0].nunique())


def _trucks(played: Played, kind: str) -> int:
    return int((played.of("arriving" if kind == "asn" else "departing").document_type == DOCUMENT_TYPE[kind]).sum())


OPPORTUNITIES = {
    "dropped_message": (0.05, _messages),
    "duplicate_message": (0.05, _messages),
    "carton_mismatch": (0.2, _cartons),
    "receiving_variance": (0.2, _cartons),
    "late_asn": (0.3, lambda played: _trucks(played, "asn")),
    "transfer_delay": (0.3, lambda played: _trucks(played, "transfer")),
}


def _config(name: str, rate: float, scale: float = 1.0) -> Config:
    config = quiet_config(stores=4, items=40, days=10, **{name: rate})
    config.world.daily_units, config.replenishment.dc_review_days = 2.0, 1
    config.faults.scale = scale
    return config


#: Every other type in minutes, the rest in the campaign.
NAMES = [pytest.param(name, marks=[pytest.mark.campaign] if number % 2 else [])
         for number, name in enumerate(sorted(OPPORTUNITIES))]


@pytest.mark.parametrize("name", NAMES)
def test_as_often_as_its_rate(name: str):
    rate, opportunities = OPPORTUNITIES[name]
    acted = chances = 0
    for seed in range(3):
        played = play(_config(name, rate, scale=0.5), seed)
        of_type = played.exceptions(name) if name.endswith(("mismatch", "variance", "asn")) else played.faults(name)
        acted += len(of_type)
        chances += opportunities(played)
    assert chances > 40
    # A few at the horizon had the fault and not yet the row, or the other way about.
    expected = rate * 0.5
    assert stats.binomtest(acted, chances, expected).pvalue > 1e-4 or abs(acted / chances - expected) < 0.1 * expected


@pytest.mark.parametrize("name", NAMES)
def test_no_rate_no_fault(name: str):
    assert not len(play(_config(name, 0.0)).faults(name))
    assert not len(play(_config(name, 0.9, scale=0.0)).faults())
