"""Gross miscounts: right books made wrong, cancelled or mended by a blind recount, worsened by an adjustment."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.clock import DAY, HOUR
from sim.config import Config
from sim.events import DOCUMENT_TYPE, STATUS
from sim.flows.miscounting import GROSS_LEAST
from sim.ledger import ON_HAND_BELIEFS
from tests.sim.small_world import Played, Watcher, acting_alone, play, quiet_config


def _shops(rate: float = 0.3, gross: float = 1.0, days: int = 10) -> Config:
    config = quiet_config(stores=4, items=30, days=days, count_variance=rate)
    config.world.daily_units = 2.0
    config.faults.count_variance.magnitude = gross
    config.counting.per_year = [36.0, 36.0, 36.0]
    return config


@pytest.fixture(scope="module")
def miscounted() -> Played:
    return play(_shops())


def test_a_gross_miscount_makes_a_right_book_wrong(miscounted: Played):
    faults, entries = miscounted.faults("count_variance"), miscounted.entries()
    assert len(faults) > 10
    assert not faults.ambient.any()
    assert (faults.units.abs() >= GROSS_LEAST).mean() > 0.8
    assert (faults.units > 0).any()
    assert (faults.units < 0).any()
    assert not miscounted.world.room.ledger.ambient.any()
    items = miscounted.world.room.items
    booked = [fault for fault in faults.itertuples() if fault.onset < miscounted.end - 2 * DAY]
    assert booked
    for fault in booked:
        mine = entries[entries.fault == fault.number]
        assert sorted(mine.belief) == sorted(ON_HAND_BELIEFS)
        assert set(mine.units) == {fault.units}
        assert set(mine.cell) == {fault.location * items + fault.item}
        assert (mine.opened_at > fault.onset).all()


def test_its_count_is_the_variance_and_its_rows_are_its_lineage(miscounted: Played):
    faults = miscounted.faults("count_variance").set_index("number")
    exceptions, counts = miscounted.exceptions("count_variance"), miscounted.of("cycle_counting")
    assert len(exceptions) > 10
    lineage = miscounted.lineage()
    for exception in exceptions.itertuples():
        fault = faults.loc[exception.faults[0]]
        assert (exception.fault_type, exception.document_id) == ("count_variance", fault.document_id)
        row = counts[counts.document_id == exception.document_id].iloc[0]
        assert row.status == STATUS["variance"]
        assert row.quantity - row["count"] == fault.units
        assert (row.event_id, fault.fault_id) in lineage
        assert exception.restored_at == -1
    adjusting = miscounted.of("adjusting")
    owned = {event for event, _ in lineage}
    assert set(adjusting.event_id) <= owned


def _answer(kind: str, after: int) -> Played:
    def answer(row: dict[str, Any], now: int) -> dict[str, Any] | None:
        if row["status"] == STATUS["variance"] and row["document_type"] == DOCUMENT_TYPE["count"] and row["location"]:
            due.append((now + after, row["location"], row["item"]))
        return None

    def act(now: int) -> list[dict[str, Any]]:
        ready = [place for place in due if place[0] <= now]
        for place in ready:
            due.remove(place)
        return [{"kind": kind, "location": location, "item": item} for _, location, item in ready
                if (location, item) not in done and not done.add((location, item))]  # type: ignore[func-returns-value]

    due: list[tuple[int, int, int]] = []
    done: set[tuple[int, int]] = set()
    return play(_shops(rate=0.2), watcher=Watcher(answer, ("cycle_counting",), act))


def test_a_recount_in_time_cancels_the_adjustment():
    played = _answer("recount", 0)
    exceptions = played.exceptions("count_variance")
    first = exceptions[exceptions.restored_by != -1]
    assert len(first) > 10
    # The wrong adjustment never came.
    restored = first[first.restored_at - first.opened_at < 2 * HOUR]
    assert len(restored) > 8
    adjusted = set(played.of("adjusting").parent_document_id)
    assert not adjusted & set(restored.document_id)


def test_a_recount_too_late_mends_what_was_booked():
    played = _answer("recount", 20 * HOUR)
    exceptions = played.exceptions("count_variance")
    # The recount is out of tolerance too: it meets the book that the first one spoilt.
    morning = exceptions[exceptions.opened_at % DAY == 7 * HOUR]
    first = morning[morning.restored_by != -1]
    assert len(first) > 5
    assert (first.restored_at - first.opened_at >= 20 * HOUR).all()
    assert set(first.document_id) <= set(played.of("adjusting").parent_document_id)


def test_adjusting_once_more_mends_nothing():
    def answer(row: dict[str, Any], _: int) -> dict[str, Any] | None:
        units = row["quantity"] - row["count"]
        if row["status"] != STATUS["variance"] or not row["location"]:
            return None
        return {"kind": "adjust", "location": row["location"], "item": row["item"], "units": units, "system": 0}

    played = play(acting_alone(_shops()), watcher=Watcher(answer, ("cycle_counting",)))
    assert (played.exceptions("count_variance").restored_by == -1).all()
    assert len(played.wrong_repairs())


def test_a_recount_of_what_was_not_counted_is_refused():
    def after(now: int) -> list[dict[str, Any]]:
        return [{"kind": "recount", "location": 1, "item": 3}] if now % DAY == HOUR else []

    config = _shops(days=2)
    config.counting.per_year = [0.001] * 3
    played = play(config, watcher=Watcher(after=after))
    assert set(played.outcomes().values()) == {"it was not counted of late"}


def test_slips_are_everyday_errors_and_gross_ones_a_share():
    played = play(_shops(gross=0.3, days=20))
    counts = played.of("cycle_counting")
    off = (counts["count"] - counts.quantity).abs()
    faults = played.faults("count_variance")
    named = faults[~faults.ambient]
    wrong = np.count_nonzero(off)
    assert 0.15 < len(named) / wrong < 0.5
    assert played.world.room.ledger.ambient[2].any() or faults.ambient.any()


def test_one_miscount_left_out_moves_no_other(miscounted: Played):
    faults = miscounted.faults("count_variance")
    chosen = faults.iloc[len(faults) // 2]
    config = _shops()
    config.faults.exclude = [int(chosen.fault_id)]
    twin = play(config)
    early, others = (p.rows[p.rows.available_at < chosen.onset].reset_index(drop=True) for p in (miscounted, twin))
    assert early.equals(others)
    assert not miscounted.rows.equals(twin.rows)
    ids, other_ids = set(faults.fault_id), set(twin.faults("count_variance").fault_id)
    assert chosen.fault_id not in other_ids
    assert len(ids & other_ids) >= 0.8 * len(ids)
