"""Putaway in the DC: it takes its time, and some cartons end up where the WMS does not know of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sim.clock import DAY, HOUR, MINUTE, TICK
from sim.config import Config
from sim.events import CODE, SOURCE, STATUS
from sim.flows.misplacing import _WRONG_PUTAWAYS
from sim.flows.receiving import _PUTAWAY, _PUTAWAY_SIGMA
from sim.ledger import ON_HAND_BELIEFS, Place
from tests.sim.small_world import Played, Watcher, play, quiet_config

RATE = 1.6


def _centre(days: int = 12, rate: float = RATE, hours: float = 1e5) -> Config:
    """Only the DC mislays, and what it mislays stays there unless ``hours`` are few."""
    config = quiet_config(stores=4, items=40, days=days, misplacement=rate)
    fault = config.faults.misplacement
    fault.only, fault.hours, fault.sigma = ["DC1"], hours, 0.0 if hours > 1e4 else 0.8
    config.world.daily_units, config.replenishment.dc_review_days = 2.0, 1
    # A DC that keeps little, so that what is astray is missed.
    config.replenishment.dc_cover_days, config.replenishment.dc_safety_factor = 3.0, 0.0
    # The web shop is served from the DC alone.
    config.demand.online_share, config.online.store_share = 0.4, 0.0
    return config


@pytest.fixture(scope="module")
def astray() -> Played:
    return play(_centre())


@pytest.fixture(scope="module")
def healthy() -> Played:
    return play(_centre(rate=0.0))


def _waits(played: Played) -> pd.Series:
    """Minutes from the count to the putaway, of order lines with a single carton."""
    def alone(rows: pd.DataFrame) -> pd.Series:
        rows = rows[rows.quantity > 0]
        return rows.groupby(["document_id", "item"]).occurred_at.agg(["size", "max"]).query("size == 1")["max"]

    receiving = played.of("receiving")
    counted = alone(receiving[(receiving.location == 0) & (receiving.code == CODE["101"])])
    return ((alone(played.of("storing")) - counted) / MINUTE).dropna()


def test_a_carton_waits_for_its_place_as_long_as_a_lognormal_says(astray: Played):
    waits = _waits(astray)
    assert len(waits) > 40
    # Goods are moved at the ends of quarters of an hour, and rows of a batch are a second apart.
    slack = TICK / MINUTE
    expected = stats.lognorm(s=_PUTAWAY_SIGMA, scale=_PUTAWAY / MINUTE)
    for share in (0.1, 0.5, 0.9):
        # A quantile's own error, by the density there.
        point = expected.ppf(share)
        error = math.sqrt(share * (1 - share) / len(waits)) / expected.pdf(point)
        assert abs(waits.quantile(share) - point) < slack + 4.0 * error
    assert waits.max() > 180.0


def test_a_share_of_cartons_is_put_away_at_a_wrong_location(astray: Played, healthy: Played):
    faults, cartons = astray.faults("misplacement"), int((astray.of("storing").quantity > 0).sum())
    assert set(faults.location) == {0}
    assert stats.binomtest(len(faults), cartons, RATE * _WRONG_PUTAWAYS).pvalue > 1e-3
    assert not len(healthy.faults("misplacement"))


def test_what_is_astray_is_in_every_book_and_out_of_a_pickers_reach(astray: Played, healthy: Played):
    faults, ledger = astray.faults("misplacement"), astray.world.room.ledger
    assert ledger.place[Place.MISPLACED].sum() == faults.units.sum() > 0
    for belief in ON_HAND_BELIEFS:
        assert (ledger.belief[belief] - ledger.in_flight[belief] == ledger.fact[0]).all()
    assert (faults.restored_at == -1).all()
    assert astray.of("moving").empty
    short = astray.exceptions("short_pick")
    assert len(short)
    assert set(short.location) == {0}
    assert set(short.fault_type) == {"misplacement"}
    shipped = [int(p.of("shipping").query("location == 0").quantity.sum()) for p in (astray, healthy)]
    assert shipped[0] < shipped[1]


def test_what_was_put_away_wrongly_is_come_upon_and_moved_by_the_wms():
    played = play(_centre(hours=20.0))
    faults, moving = played.faults("misplacement").set_index("fault_id"), played.of("moving")
    assert len(moving) > 20
    assert not played.rows.event_id.duplicated().any()
    assert set(moving.code) == {CODE["311"]}
    assert set(moving.status) == {STATUS["found"]}
    assert set(moving.source) == {SOURCE["WMS"]}
    of_row = dict(played.lineage())
    mine = faults.loc[[of_row[event] for event in moving.event_id]]
    assert (mine.units.to_numpy() == moving.quantity.to_numpy()).all()
    assert (mine["item"].to_numpy() == moving["item"].to_numpy()).all()
    assert (mine.restored_at >= mine.onset + HOUR).all()
    assert (played.world.room.ledger.place[Place.SHELF, : played.world.room.items] == 0).all()


def _answered(before: Played, *kinds: str) -> Played:
    """Whoever reads the truth asks, a day after a carton went astray, for each of ``kinds`` in turn."""
    faults = before.faults("misplacement")

    def after(now: int) -> list[dict[str, Any]]:
        return [
            {"kind": kind, "location": 0, "item": int(fault.item)}
            for fault in faults.itertuples() for turn, kind in enumerate(kinds)
            if fault.onset + DAY + turn * HOUR <= now < fault.onset + DAY + turn * HOUR + TICK
        ]

    return play(_centre(), watcher=Watcher(after=after))


def test_a_search_and_a_move_in_the_dc_mend_it(astray: Played):
    played = _answered(astray, "search", "move")
    moving, faults = played.of("moving"), played.faults("misplacement")
    assert len(moving) > 10
    assert set(moving.location) == {0}
    mended = faults[faults.restored_at != -1]
    assert len(mended) == len(moving)
    assert not len(played.wrong_repairs())
    assert not len(played.entries())


def test_a_count_that_looks_elsewhere_finds_them():
    config = _centre()
    config.counting.dc_per_year, config.counting.dc_search_rate = 120.0, 1.0
    searched = play(config)
    assert len(searched.of("moving")) > 10
    assert searched.of("adjusting").empty


def test_one_carton_left_out_moves_nothing_before_it(astray: Played):
    faults = astray.faults("misplacement")
    chosen = faults.iloc[len(faults) // 2]
    config = _centre()
    config.faults.exclude = [int(chosen.fault_id)]
    twin = play(config)
    early, others = (p.rows[p.rows.available_at < chosen.onset].reset_index(drop=True) for p in (astray, twin))
    assert len(early) > 100
    assert early.equals(others)
    ids = set(twin.faults("misplacement").fault_id)
    assert int(chosen.fault_id) not in ids
    assert set(faults.fault_id[faults.onset < chosen.onset]) <= ids
    assert not np.array_equal(*(p.world.room.ledger.place[Place.MISPLACED] for p in (astray, twin)))
