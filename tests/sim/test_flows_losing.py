"""Goods that nobody sees leave: unit by unit and in sweeps, by whom, and what they were worth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.clock import DAY, HOUR
from sim.config import Config
from sim.flows.losing import CAUSE_SHARES, SWEEP_LEAST
from sim.ledger import ON_HAND_BELIEFS, Belief
from tests.sim.small_world import Played, Watcher, play, quiet_config


def _shops(rate: float = 0.3, swept: float = 1.0, days: int = 12) -> Config:
    config = quiet_config(stores=4, items=30, days=days, shrink=rate)
    config.world.daily_units = 2.0
    config.faults.shrink.magnitude = swept
    # One category: no shelf is stolen bare while another is never touched.
    config.world.categories = 1
    return config


@pytest.fixture(scope="module")
def swept() -> Played:
    return play(_shops())


def test_a_sweep_takes_several_units_at_once_and_every_book_is_that_much_too_high(swept: Played):
    faults, entries, ledger = swept.faults("shrink"), swept.entries(), swept.world.room.ledger
    assert len(faults) > 20
    assert not faults.ambient.any()
    assert (faults.units >= SWEEP_LEAST).all()
    assert faults.units.max() > 10
    assert not ledger.ambient.any()
    items = swept.world.room.items
    for fault in faults.itertuples():
        mine = entries[entries.fault == fault.number]
        assert sorted(mine.belief) == sorted(ON_HAND_BELIEFS)
        assert set(mine.cell) == {fault.location * items + fault.item}
        assert set(mine.units) == {fault.units}
        assert set(mine.opened_at) == {fault.onset}
    hours = (faults.onset % DAY) // HOUR
    calendar = swept.world.room.calendar
    assert hours.between(calendar.opens, calendar.closes - 1).all()
    assert sum(swept.world.outcomes.days["shrink_units"]) == faults.units.sum()


def test_no_row_tells_of_a_sweep(swept: Played):
    assert not {fault for _, fault in swept.lineage()} & set(swept.faults("shrink").fault_id)
    assert set(swept.exceptions().type) <= {"phantom_stock", "negative_inventory", "short_pick"}
    assert set(swept.exceptions().fault_type) == {"shrink"}


@pytest.mark.parametrize("share", [pytest.param(0.0, marks=pytest.mark.campaign), 0.15, 1.0])
def test_the_share_that_goes_in_sweeps_is_the_magnitude(share: float):
    config = _shops(rate=0.1, swept=share, days=20)
    config.world.daily_units = 8.0
    played = play(config)
    named = played.faults("shrink")
    in_sweeps = named.units[~named.ambient].sum()
    total = sum(played.world.outcomes.days["shrink_units"])
    assert total > 500
    assert in_sweeps / total == pytest.approx(share, abs=0.1)
    assert total / sum(played.world.outcomes.days["sold_units"]) == pytest.approx(0.1, abs=0.03)


def test_a_count_mends_a_sweep_and_a_replenishment_does_not(swept: Played):
    first = swept.faults("shrink").iloc[0]

    def run(kind: str) -> Any:
        def after(now: int) -> list[dict[str, Any]]:
            asked = first.onset < now <= first.onset + 15 * 60_000_000
            return [{"kind": kind, "location": int(first.location), "item": int(first["item"])}] if asked else []

        return play(_shops(), watcher=Watcher(after=after))

    for kind, mended in (("count", True), ("reprioritise", False)):
        played = run(kind)
        fault = played.faults("shrink").set_index("fault_id").loc[first.fault_id]
        assert (fault.restored_at != -1) == mended
        assert not len(played.wrong_repairs())


def test_a_sweep_left_out_moves_no_other(swept: Played):
    faults = swept.faults("shrink")
    chosen = faults.iloc[len(faults) // 2]
    config = _shops()
    config.faults.exclude = [int(chosen.fault_id)]
    twin = play(config)
    early, others = (p.rows[p.rows.available_at < chosen.onset].reset_index(drop=True) for p in (swept, twin))
    assert early.equals(others)
    assert not swept.rows.equals(twin.rows)
    ids, other_ids = set(faults.fault_id), set(twin.faults("shrink").fault_id)
    assert chosen.fault_id not in other_ids
    assert len(ids & other_ids) >= 0.8 * len(ids)


def test_sweeps_are_confined_to_where_the_configuration_says():
    config = _shops(swept=0.5)
    config.faults.shrink.only = ["S0002"]
    config.faults.shrink.from_day, config.faults.shrink.until_day = 3, 8
    played = play(config)
    faults, ledger = played.faults("shrink"), played.world.room.ledger
    assert set(faults.location) == {2}
    assert {played.day_of(onset) for onset in faults.onset[~faults.ambient]} <= set(range(3, 8))
    lost = (ledger.belief[Belief.SITE_ON_HAND] - ledger.in_flight[0] - ledger.fact[0]).reshape(5, 30)
    assert lost[2].sum() > 0
    assert not lost[[0, 1, 3, 4]].any()
    assert np.flatnonzero(played.world.outcomes.days["shrink_units"]).tolist() == [3, 4, 5, 6, 7]


def test_whose_doing_it_was_and_what_it_was_worth():
    config = _shops(rate=0.1, swept=0.15, days=20)
    config.world.daily_units = 8.0
    played = play(config)
    gauges = played.world.room.gauges.columns()
    rows = list(zip(*(gauges[name] for name in ("gauge", "key", "n", "total")), strict=True))
    by_cause = {key: total for gauge, key, _, total in rows if gauge == "shrink_by_cause"}
    lost = sum(by_cause.values())
    assert [by_cause[key] / lost for key in range(4)] == pytest.approx(CAUSE_SHARES, abs=0.05)
    assert [(total, n) for gauge, _, n, total in rows if gauge == "shrink"] == [
        (pytest.approx(lost), pytest.approx(sum(played.world.outcomes.days["sold_value"])))]
    # Dear goods go more often: a unit lost is worth more than a unit sold.
    days = played.world.outcomes.days
    assert lost / sum(days["shrink_units"]) > sum(days["sold_value"]) / sum(days["sold_units"])
