"""The steady state a run opens in: whom errors hit, how far books have drifted, and that nothing is set."""

from __future__ import annotations

import numpy as np
import pytest

from sim.catalogue import SIBLINGS, make_catalogue
from sim.clock import DAY
from sim.config import Config
from sim.ledger import Cause
from sim.opening import count_calendar, scan_share
from sim.region import open_region
from tests.sim.small_world import play, small_config


def _chain(**rates: float) -> Config:
    return small_config(stores=20, items=500, days=2, **rates)


def test_every_sibling_is_of_the_same_category_and_each_column_a_permutation():
    catalogue = make_catalogue(_chain(), 3)
    for step in range(SIBLINGS):
        item = np.flatnonzero(catalogue.listed)
        column = catalogue.siblings[item, step]
        assert sorted(column) == item.tolist()
        assert (catalogue.category[column] == catalogue.category[item]).all()
        assert (column != item).all()


def test_the_rates_are_shares_of_what_is_sold():
    config = _chain()
    room = open_region(config, 1, 0).room
    rate = room.economy.rate.reshape(21, 500)
    assert (rate * room.catalogue.shrink_factor).sum() / rate.sum() == pytest.approx(1.0, abs=0.05)
    # Where the share is capped at what somebody would notice, a little is missing.
    assert (rate * scan_share(room)).sum() / rate.sum() == pytest.approx(config.faults.scan_error.rate, rel=0.4)


def test_which_categories_are_prone_differs_by_seed_and_how_prone_they_are_does_not():
    spreads = [np.unique(np.round(np.log(make_catalogue(_chain(), seed).scan_factor), 6)) for seed in (1, 2)]
    assert not np.array_equal(*spreads)
    assert np.std(spreads[0]) == pytest.approx(np.std(spreads[1]), rel=0.15)


def test_drift_goes_both_ways_and_never_below_nothing():
    room = open_region(_chain(), 1, 0).room
    ledger = room.ledger
    assert (ledger.place >= 0).all()
    error = (ledger.belief[0] - ledger.fact[0])[room.items:]
    assert (error > 0).sum() > 1_000
    assert (error < 0).sum() > 1_000
    assert (ledger.ambient[Cause.SHRINK] >= 0).all()
    assert ledger.ambient[Cause.MISCOUNT].any()
    ledger.check()


def test_a_cell_that_was_counted_long_ago_has_drifted_further():
    room = open_region(_chain(), 1, 0).room
    interval, phase = count_calendar(room)
    age = np.where(phase == 0, interval, phase)[room.items:]
    size = np.abs(room.ledger.belief[0] - room.ledger.fact[0])[room.items:]
    longest = interval[room.items:] == interval.max()
    young, old = longest & (age < 60), longest & (age > 300)
    assert size[old].mean() > 2 * size[young].mean()


@pytest.mark.parametrize("key", ["scale", "opening_drift"])
def test_without_faults_or_drift_the_books_open_right(key: str):
    config = _chain()
    setattr(config.faults, key, 0.0)
    ledger = open_region(config, 1, 0).room.ledger
    assert not ledger.ambient.any()


def test_cells_are_counted_on_their_day():
    config = small_config(stores=2, items=30, days=8)
    config.counting.per_year, config.counting.dc_per_year = [73.0] * 3, 73.0
    played = play(config)
    counts = played.of("cycle_counting")
    morning = counts[counts.occurred_at % DAY < 9 * 3_600_000_000]
    cells = morning.location * 30 + morning["item"]
    interval, phase = count_calendar(played.world.room)
    assert ((phase[cells] + [played.day_of(at) for at in morning.occurred_at]) % interval[cells] == 0).all()
    assert len(morning) == sum(((phase + day) % interval == 0).sum() for day in range(8))


def test_the_surveys_are_of_every_cell():
    played = play(small_config(stores=3, items=30, days=3))
    gauges = played.world.room.gauges.columns()
    seen = dict(zip(gauges["gauge"], gauges["n"], strict=True))
    assert seen["absolute_error"] == 90
    assert seen["dc_accuracy"] == 30
    assert seen["empty_shelf"] == 90 * 4 * 3
    book = played.world.room.ledger
    error = np.abs(book.belief[0] - book.in_flight[0] - book.fact[0])[30:]
    total = dict(zip(gauges["gauge"], gauges["total"], strict=True))
    assert total["absolute_error"] == pytest.approx(error.sum(), abs=30)
