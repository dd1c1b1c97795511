"""Timed faults and confounders are drawn by absolute time, and the calm has the confounders only."""

from __future__ import annotations

import pandas as pd

from sim.config import Config
from tests.sim.small_world import play, quiet_config


def _config(days: int) -> Config:
    config = quiet_config(stores=4, items=20, days=days, clock_skew=0.9, schema_drift=20.0, api_outage=40.0,
                          batch_failure=0.3)
    config.middleware.legacy_share, config.middleware.redelivery_rate = 0.5, 0.01
    config.confounders.maintenance_rate = 20.0
    return config


def test_the_first_days_of_a_longer_run_are_those_of_a_shorter_one():
    shorter, longer = play(_config(9)), play(_config(14))
    rows = [p.rows[p.rows.available_at < shorter.end].reset_index(drop=True) for p in (shorter, longer)]
    pd.testing.assert_frame_equal(*rows)
    assert {"clock_skew", "schema_drift", "api_outage", "batch_failure"} == set(shorter.faults().type)
    early = [p.faults()[p.faults().onset < shorter.end - 1].fault_id.tolist() for p in (shorter, longer)]
    assert early[0] == early[1]


def test_the_calm_has_every_confounder_and_no_fault():
    config = _config(14)
    config.faults.scale = 0.0
    config.middleware.valid_late_rate = 0.01
    played = play(config)
    assert not len(played.faults())
    assert not len(played.exceptions())
    wanted = {"redelivery", "planned_maintenance", "harmless_release", "valid_late_update"}
    assert wanted <= set(played.truth.decoys.kind)
