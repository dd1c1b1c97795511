"""Nobody takes what is not there: the shelf and ATP against a loop over customers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.events import STATUS
from sim.flows.fulfilment import Fulfilment
from sim.ledger import ON_HAND_PLACES, Belief, Place
from sim.systems.oms import BUFFER
from sim.systems.store import serve
from sim.world import RegionWorld
from tests.sim.small_world import Watcher, play, small_config

CELLS = 5
LINES = st.lists(st.tuples(st.integers(0, CELLS - 1), st.integers(1, 6)), min_size=1, max_size=30)
STOCK = st.lists(st.integers(0, 12), min_size=CELLS, max_size=CELLS)


@settings(max_examples=200)
@given(lines=LINES, stock=STOCK)
def test_first_come_first_served(lines: list[tuple[int, int]], stock: list[int]):
    cells = np.array([cell for cell, _ in lines])
    wanted = np.array([units for _, units in lines], np.int32)
    shelf, scratch = np.array(stock, np.int32), np.zeros(CELLS, np.int32)
    served = serve(cells, wanted, shelf, scratch)
    rest, expected = list(stock), []
    for cell, units in lines:
        taken = min(units, rest[cell])
        rest[cell] -= taken
        expected.append(taken)
    assert served.tolist() == expected
    assert shelf.tolist() == stock
    assert not scratch.any()
    assert wanted.tolist() == [units for _, units in lines]


def test_stock_is_never_negative_and_moves_only_by_whole_units():
    config = small_config(stores=3, items=15, days=5)
    config.faults.scale = 4.0
    config.world.daily_units = 3.0
    lowest: list[int] = []
    watcher = Watcher()
    world = RegionWorld(config, 3, 0)
    ledger = world.room.ledger

    def after(_: int) -> list[dict[str, object]]:
        lowest.append(int(ledger.place.min()))
        assert (ledger.place[list(ON_HAND_PLACES)].sum(axis=0) == ledger.fact[0]).all()
        assert (ledger.place[Place.CAGE] == ledger.fact[1]).all()
        assert (ledger.belief[Belief.OMS_RESERVED] >= 0).all()
        return []

    watcher.after = after
    world.run(watcher.step)
    assert min(lowest) == 0
    assert len(lowest) == 5 * 96


def test_promises_stay_within_availability(monkeypatch: pytest.MonkeyPatch):
    """Every promise of a run against a loop: first come first served, from the book less what is promised."""
    # A season that nobody ordered for empties the shops and the DC.
    config = small_config(stores=3, items=6, days=6)
    config.demand.peak_from_day, config.demand.peak_days, config.demand.peak_factor = 0, 6, 12.0
    config.demand.online_share, config.world.daily_units = 0.95, 6.0
    original, lines = Fulfilment._reserve, []

    def checked(self: Fulfilment, cell: np.ndarray, units: np.ndarray) -> np.ndarray:
        belief = self._region.room.ledger.belief
        atp = np.maximum(0, belief[Belief.OMS_ON_HAND] - belief[Belief.OMS_RESERVED] - BUFFER)
        covered = original(self, cell, units)
        asked = dict.fromkeys(cell.tolist(), 0)
        for one, wanted, got in zip(cell.tolist(), units.tolist(), covered.tolist(), strict=True):
            # A line is promised whole or not at all, those before it come first, and a refused one takes nothing.
            assert got == (asked[one] + wanted <= atp[one])
            asked[one] += wanted * got
            lines.append(got)
        return covered

    monkeypatch.setattr(Fulfilment, "_reserve", checked)
    played = play(config)
    assert 50 < sum(lines) < len(lines)
    reserving = played.of("reserving")
    assert len(reserving) <= len(lines)


def test_a_held_cell_is_not_promised():
    """Everything is held from the first tick on: nothing is promised until it is released."""
    config = small_config(stores=2, items=8, days=4)
    config.demand.online_share, config.world.daily_units = 0.6, 4.0
    cells = [(location, item) for location in range(3) for item in range(8)]
    ticks: list[int] = []

    def after(now: int) -> list[dict[str, object]]:
        ticks.append(now)
        kind = {1: "hold", 192: "release"}.get(len(ticks))
        return [{"kind": kind, "location": location, "item": item} for location, item in cells] if kind else []

    played = play(config, watcher=Watcher(after=after))
    orders = played.of("reserving")
    promised = orders[orders.status == STATUS["promised"]]
    assert set(played.outcomes().values()) == {""}
    assert len(promised) > 20
    # The first tick's orders came before the hold acted.
    assert not ((promised.occurred_at > ticks[0]) & (promised.occurred_at < ticks[191])).any()
    assert (orders.occurred_at < ticks[191]).any()
