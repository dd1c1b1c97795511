"""Goods in the wrong place: all there, not for sale, found in the end; and what a count makes of them."""

from __future__ import annotations

from typing import Any

import pytest

from sim.clock import DAY, HOUR
from sim.config import Config
from sim.events import CODE, STATUS
from sim.ledger import ON_HAND_BELIEFS, Place
from sim.records import faults_table
from tests.sim.small_world import Played, Watcher, play, quiet_config


def _shops(days: int = 14, rate: float = 0.05, **rates: float) -> Config:
    config = quiet_config(stores=4, items=30, days=days, misplacement=rate, **rates)
    config.world.daily_units = 1.0
    config.replenishment.pack_days = 20.0
    return config


@pytest.fixture(scope="module")
def mislaid() -> Played:
    return play(_shops())


def _forever() -> Config:
    """Nobody comes upon anything by chance."""
    config = _shops()
    config.faults.misplacement.hours, config.faults.misplacement.sigma = 1e5, 0.0
    return config


def test_misplaced_goods_are_in_every_book_and_off_the_shelf():
    played = play(_forever())
    faults, ledger = played.faults("misplacement"), played.world.room.ledger
    assert len(faults) > 20
    astray = ledger.place[Place.MISPLACED]
    assert astray.sum() == faults.units.sum()
    for belief in ON_HAND_BELIEFS:
        assert (ledger.belief[belief] - ledger.in_flight[belief] == ledger.fact[0]).all()
    assert not len(played.entries())
    assert (faults.restored_at == -1).all()
    assert not len(played.of("moving"))


def test_what_the_stream_never_shows_is_latent_and_what_it_shows_is_not():
    # Nobody comes upon them and no silence is long enough to tell: the faults leave no trace.
    hidden = faults_table(play(_forever()).world).to_pandas()
    assert hidden.latent.sum() > 10
    config = _shops()
    config.faults.misplacement.hours = 30.0
    found = play(config)
    table, named = faults_table(found.world).to_pandas(), {fault for _, fault in found.lineage()}
    assert len(named) > 20
    assert not table.latent[table.fault_id.isin(named)].any()


def test_a_shelf_emptied_so_is_a_phantom_by_misplacement():
    exceptions = play(_forever()).exceptions("phantom_stock")
    assert len(exceptions) > 2
    assert set(exceptions.fault_type) == {"misplacement"}
    assert (exceptions.restored_at == -1).all()


def test_what_was_mislaid_is_found_and_put_back():
    config = _shops()
    config.faults.misplacement.hours = 30.0
    played = play(config)
    faults, moving = played.faults("misplacement").set_index("fault_id"), played.of("moving").set_index("event_id")
    assert len(moving) > 20
    assert set(moving.code) == {CODE["311"]}
    assert set(moving.status) == {STATUS["found"]}
    lineage = played.lineage()
    for event, row in moving.iterrows():
        mine = [fault for e, fault in lineage if e == event]
        assert len(mine) == 1
        fault = faults.loc[mine[0]]
        assert (row.location, row["item"], row.quantity) == (fault.location, fault["item"], fault.units)
        assert 0 <= fault.restored_at - row.occurred_at <= 15 * 60_000_000
    calendar = played.world.room.calendar
    assert (moving.occurred_at % DAY // HOUR).between(calendar.opens, calendar.closes - 1).all()
    closed = played.exceptions("phantom_stock")
    assert (closed.restored_at != -1).any()


def _answer(played: Played, *kinds: str) -> Played:
    """Whoever reads the truth asks, a day after a phantom by misplacement opened, for each of ``kinds`` in turn."""
    exceptions = played.exceptions("phantom_stock")

    def after(now: int) -> list[dict[str, Any]]:
        asked = []
        for exception in exceptions.itertuples():
            for turn, kind in enumerate(kinds):
                due = exception.opened_at + DAY + turn * HOUR
                if due <= now < due + 15 * 60_000_000:
                    asked.append({"kind": kind, "location": int(exception.location), "item": int(exception.item)})
        return asked

    return play(_forever(), watcher=Watcher(after=after))


def test_a_search_and_a_move_mend_it():
    before = play(_forever())
    played = _answer(before, "search", "move")
    log = played.world.desk.log
    found = [units for action, units in zip(log.action, log.delta_units, strict=True) if action.kind == "search"]
    assert sum(found) > 0
    assert len(played.of("moving")) > 2
    exceptions = played.exceptions("phantom_stock")
    assert (exceptions.restored_by != -1).sum() > 2
    assert not len(played.wrong_repairs())
    assert not len(played.entries())


def test_moving_what_nobody_searched_for_is_refused():
    played = _answer(play(_forever()), "move")
    assert set(played.outcomes().values()) == {"nobody knows of goods in the wrong place"}


def test_a_count_writes_off_what_stands_elsewhere_and_that_is_a_wrong_repair():
    config = _forever()
    assert config.counting.search_rate < 1.0
    played = _answer(play(_forever()), "count")
    wrong = played.wrong_repairs()
    assert len(wrong)
    assert (wrong.units < 0).all()
    # Most write off; a later count that searches finds the goods again.
    assert (played.of("adjusting").quantity < 0).mean() > 0.7
    assert (played.exceptions("phantom_stock").restored_by == -1).sum() > 2
    assert "misplacement" in set(played.exceptions("count_variance").fault_type)


def test_a_scheduled_count_that_searches_finds_them():
    config = _forever()
    config.counting.per_year, config.counting.search_rate = [60.0] * 3, 1.0
    played = play(config)
    assert len(played.of("moving")) > 10
    assert not len(played.of("adjusting"))


@pytest.mark.campaign
def test_one_lot_left_out_moves_no_other(mislaid: Played):
    faults = mislaid.faults("misplacement")
    chosen = faults.iloc[len(faults) // 2]
    config = _shops()
    config.faults.exclude = [int(chosen.fault_id)]
    twin = play(config)
    early, others = (p.rows[p.rows.available_at < chosen.onset].reset_index(drop=True) for p in (mislaid, twin))
    assert early.equals(others)
    assert not mislaid.rows.equals(twin.rows)
    ids, other_ids = set(faults.fault_id), set(twin.faults("misplacement").fault_id)
    assert chosen.fault_id not in other_ids
    assert len(ids & other_ids) >= 0.8 * len(ids)
