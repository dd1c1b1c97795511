"""Clocks that are off: only the till's own stamps show it, and only setting the clock mends it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from sim.clock import DAY, HOUR, MINUTE, SECOND, TICK
from sim.config import Config
from tests.sim.small_world import Played, Watcher, play, quiet_config


def _config(rate: float = 0.5, days: int = 20) -> Config:
    config = quiet_config(stores=6, items=20, days=days, clock_skew=rate)
    config.world.daily_units, config.demand.return_rate = 2.0, 0.2
    return config


@pytest.fixture(scope="module")
def skewed() -> Played:
    return play(_config())


def _tills(played: Played) -> pd.DataFrame:
    rows = played.rows[played.rows.event_type.isin(["retail_selling", "returning"])]
    return rows.assign(off=rows.occurred_at - (rows.recorded_at - SECOND))


def test_a_skewed_clock_shifts_the_tills_stamps_by_a_constant(skewed: Played):
    faults, rows = skewed.faults("clock_skew"), _tills(skewed)
    assert len(faults) >= 2
    for fault in faults.itertuples():
        mine = rows[rows.location == fault.location]
        before, after = mine[mine.recorded_at < fault.onset], mine[mine.recorded_at > fault.onset + SECOND]
        assert set(before.off) == {0}
        assert set(after.off) == {round(fault.magnitude * MINUTE)}
        assert 3 * MINUTE <= abs(after.off.iloc[0]) <= 12 * HOUR
    others = rows[~rows.location.isin(faults.location)]
    assert set(others.off) == {0}
    assert np.sign(faults.magnitude).nunique() == 2 or len(faults) < 4


def test_the_exception_is_of_the_shop_and_its_evidence_the_first_row(skewed: Played):
    exceptions, faults = skewed.exceptions("clock_skew"), skewed.faults("clock_skew").set_index("number")
    assert len(exceptions) == len(faults)
    assert not exceptions.announced.any()
    rows, links = _tills(skewed), skewed.lineage()
    for exception in exceptions.itertuples():
        fault = faults.loc[exception.faults[0]]
        mine = rows[(rows.location == exception.location) & (rows.off != 0)]
        assert mine.available_at.min() == exception.first_evidence_at
        assert {event for event, fault_id in links if fault_id == fault.fault_id} >= set(mine.event_id)
        assert exception.item == -1
        assert exception.loss_at_stake > 0
    assert (exceptions.restored_at == -1).all()


def test_nothing_but_the_stamps_differs(skewed: Played):
    healthy = play(_config(rate=0.0))
    tables = [p.rows.drop(columns=["occurred_at"]).reset_index(drop=True) for p in (skewed, healthy)]
    assert tables[0].equals(tables[1])


def _correcting(kind: str = "correct_clock") -> Watcher:
    def answer(row: dict[str, Any], _: int) -> dict[str, Any] | None:
        if abs(row["occurred_at"] - row["recorded_at"]) <= SECOND:
            return None
        return {"kind": kind, "location": row["location"], "item": row["item"]}

    return Watcher(answer, ("retail_selling",))


def test_setting_the_clock_restores():
    played = play(_config(), watcher=_correcting())
    exceptions = played.exceptions("clock_skew")
    asked = {a.action_id: a.location for a in played.watcher.asked}
    assert len(exceptions) >= 2
    assert [asked[by] for by in exceptions.restored_by] == exceptions.location.tolist()
    # The tick's rows come together, so the clock is right from the next tick on.
    rows = _tills(played)
    for exception in exceptions.itertuples():
        assert exception.restored_at - exception.first_evidence_at <= 2 * TICK
        later = rows[(rows.location == exception.location) & (rows.recorded_at > exception.restored_at)]
        assert set(later.off) == {0}
    assert set(played.outcomes().values()) == {"", "the clock is right"}
    assert not played.world.room.clock_offset.any()


def test_another_remedy_mends_no_clock():
    played = play(_config(), watcher=_correcting("resync"))
    assert (played.exceptions("clock_skew").restored_at == -1).all()


def test_people_wonder_after_some_days():
    config = _config(days=28)
    config.people.service_minutes_median = 15.0
    played = play(config)
    exceptions = played.exceptions("clock_skew")
    mine = exceptions[exceptions.opened_at < played.end - 8 * DAY]
    assert len(mine)
    taken = (mine.restored_at - mine.opened_at) / DAY
    assert taken.min() > 1.5
    assert taken.max() < 8


@pytest.mark.campaign
def test_leaving_one_out_changes_nothing_before_it(skewed: Played):
    chosen = skewed.faults("clock_skew").sort_values("onset").iloc[0]
    config = _config()
    config.faults.exclude = [int(chosen.fault_id)]
    twin = play(config)
    assert chosen.fault_id not in set(twin.faults("clock_skew").fault_id)
    before = [p.rows[p.rows.available_at <= chosen.onset].reset_index(drop=True) for p in (skewed, twin)]
    assert before[0].equals(before[1])
    linked = {event for event, fault in skewed.lineage() if fault == chosen.fault_id}
    rest = [p.rows[~p.rows.event_id.isin(linked)].reset_index(drop=True) for p in (skewed, twin)]
    assert rest[0].equals(rest[1])
