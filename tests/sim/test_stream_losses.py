"""Poor integration discipline: correlation ids that get lost, telemetry that nobody writes, and nothing else."""

from __future__ import annotations

import pandas as pd

from sim.config import Config
from sim.events import NULL
from tests.sim.small_world import Played, play, small_config


def _config(correlation: float = 0.0, telemetry: float = 0.0) -> Config:
    config = small_config(stores=3, items=30, days=5)
    config.middleware.correlation_loss, config.middleware.telemetry_loss = correlation, telemetry
    return config


def _without(played: Played) -> pd.DataFrame:
    rows = played.rows
    return rows[rows.event_type != "telemetry"].drop(columns="correlation_id").reset_index(drop=True)


def test_correlation_ids_are_lost_by_share_and_nothing_else():
    whole, lossy = play(_config()), play(_config(correlation=0.4))
    assert _without(whole).equals(_without(lossy))
    before, after = whole.rows.correlation_id, lossy.rows.correlation_id
    had = before != NULL
    assert (after[~had] == NULL).all()
    assert (after[had & (after != NULL)] == before[had & (after != NULL)]).all()
    assert abs((after[had] == NULL).mean() - 0.4) < 0.03


def test_telemetry_is_lost_by_share_and_nothing_else():
    whole, lossy = play(_config()), play(_config(telemetry=0.5))
    assert _without(whole).equals(_without(lossy))
    rows, kept = whole.of("telemetry"), lossy.of("telemetry")
    assert set(kept.event_id) < set(rows.event_id)
    assert abs(len(kept) / len(rows) - 0.5) < 0.08


def test_all_of_it_can_be_lost():
    dark = play(_config(1.0, 1.0))
    assert not len(dark.of("telemetry"))
    assert (dark.rows.correlation_id == NULL).all()


def test_what_is_lost_grows_with_the_share():
    """A row that is lost at a fifth is lost at a half too, so that a sweep compares like with like."""
    lost = []
    for share in (0.2, 0.5):
        rows = play(_config(correlation=share)).rows
        lost.append(set(rows.event_id[rows.correlation_id == NULL]))
    assert lost[0] < lost[1]
