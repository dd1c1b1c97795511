"""The books hold in any world, and under any operator."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.config import Config
from sim.ledger import Belief, LedgerError
from sim.world import RegionWorld
from tests.sim.any_world import configs, run_and_check
from tests.sim.small_world import Watcher, play, small_config


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(config=configs(), seed=st.integers(0, 10_000), meddle=st.booleans())
def test_identity_and_conservation(config: Config, seed: int, meddle: bool):
    run_and_check(config, seed, meddle=meddle)


def test_a_broken_book_is_caught_within_the_day():
    """The world's own checks are on in every run: one unit that nobody accounts for stops it."""
    config = small_config(stores=2, items=10, days=3)
    world = RegionWorld(config, 1, 0)

    def after(now: int) -> list[dict[str, object]]:
        if now == world.room.calendar.start + 10 * 900_000_000:
            world.room.ledger.belief[Belief.ERP_ON_HAND, 5] += 1
        return []

    with pytest.raises(LedgerError):
        world.run(Watcher(after=after).step)
    assert world.room.day_of(world.room.now) <= 1


def test_a_unit_out_of_nowhere_is_caught():
    config = small_config(stores=2, items=10, days=3)
    world = RegionWorld(config, 1, 0)

    def after(now: int) -> list[dict[str, object]]:
        if now == world.room.calendar.start + 10 * 900_000_000:
            # Fact, place and books agree: only the count of all units shows it.
            ledger = world.room.ledger
            ledger.place[1, 15] += 1
            ledger.fact[0, 15] += 1
            ledger.belief[:3, 15] += 1
        return []

    with pytest.raises(LedgerError, match="at the start"):
        world.run(Watcher(after=after).step)


def test_a_healthy_world_has_books_that_are_right():
    config = small_config(stores=3, items=30, days=6)
    config.faults.scale = config.faults.opening_drift = 0.0
    config.faults.count_variance.rate = config.counting.missed_cutoff_rate = 0.0
    played = play(config)
    ledger = played.world.room.ledger
    assert not ledger.ambient.any()
    assert not len(played.entries())
    assert (ledger.belief[0] - ledger.in_flight[0] == ledger.fact[0]).all()
    assert played.world.outcomes.days["accurate_cells"][0] <= ledger.cells
