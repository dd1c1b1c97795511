"""Messages that come late, and those sent again too late: a repair on top of a repair."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.clock import DAY, HOUR
from sim.events import DOCUMENT_TYPE, INTERFACES, STATUS
from sim.ledger import Belief
from tests.sim.message_words import DOCUMENT_FEEDS, busy_config, gaps, run, settled
from tests.sim.small_world import Played, Watcher, acting_alone, play, quiet_config

# -- late ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lagging() -> Played:
    return run(posting_lag=0.3)


def test_a_lagging_posting_is_missing_and_then_comes(lagging: Played):
    exceptions = lagging.exceptions("posting_lag")
    assert len(exceptions) > 8
    rows = lagging.rows
    for exception in exceptions.itertuples():
        mine = rows[rows.interface == exception.interface]
        source = mine[(mine.event_type != "posting") & (mine.document_id == exception.document_id)]
        posted = mine[(mine.event_type == "posting") & (mine.correlation_id == exception.document_id)]
        assert len(source)
        assert exception.opened_at == source.occurred_at.min() + 4 * HOUR == source.due_at.min()
        assert (posted.available_at > exception.opened_at).all()
        if exception.restored_at != -1:
            assert len(posted) == len(source)
            assert posted.quantity.sum() == source.quantity.sum()
    done = exceptions[exceptions.restored_at != -1]
    assert len(done) > 3
    assert (done.restored_by == -1).all()


def test_lag_without_a_breach_is_no_exception(lagging: Played):
    faults, exceptions = lagging.faults("posting_lag"), lagging.exceptions("posting_lag")
    behind = {number for numbers in exceptions.faults for number in numbers}
    missing = faults[~faults.number.isin(behind)]
    assert (missing.onset > lagging.end - 5 * HOUR).all()


def _when_due(kind: str, **more: Any) -> Watcher:
    """Acts on the first line of each document whose posting is overdue."""
    waiting: dict[tuple[int, int], dict[str, Any]] = {}

    def note(row: dict[str, Any], _: int) -> None:
        if row["interface"] in DOCUMENT_FEEDS and row["due_at"] > 0:
            waiting.setdefault((row["interface"], row["document_id"]), row)

    def seen(row: dict[str, Any], _: int) -> None:
        waiting.pop((row["interface"], row["correlation_id"]), None)

    def both(row: dict[str, Any], now: int) -> None:
        (seen if row["code"] >= 0 and row["latency_ms"] >= 0 else note)(row, now)

    def after(now: int) -> list[dict[str, Any]]:
        due = [key for key, row in waiting.items() if row["due_at"] + HOUR < now]
        rows = [waiting.pop(key) for key in due]
        return [{"kind": kind, "interface": r["interface"], "location": r["location"], "sequence": r["sequence"],
                 "item": r["item"], "document_id": r["document_id"]} | more for r in rows]

    return Watcher(both, ("receiving", "shipping", "posting"), after)


def test_expediting_brings_a_lagging_posting():
    played = play(busy_config(posting_lag=0.3), watcher=_when_due("expedite"))
    exceptions = settled(played, played.exceptions("posting_lag"))
    asked = {a.action_id: a.document_id for a in played.watcher.asked}
    mine = exceptions[exceptions.restored_by != -1]
    assert len(mine) > 5
    assert [asked[by] for by in mine.restored_by] == mine.document_id.tolist()
    assert (mine.restored_at - mine.opened_at <= 3 * HOUR).all()
    assert not len(played.wrong_repairs())


def test_a_replay_of_what_is_only_late_hastens_it():
    played = play(busy_config(posting_lag=0.3), watcher=_when_due("replay"))
    assert (played.exceptions("posting_lag").restored_by != -1).sum() > 5
    assert not len(played.wrong_repairs())


def test_adjusting_what_is_only_late_is_a_wrong_repair():
    """The posting comes by itself, and the adjustment is then one too many."""
    watcher = _when_due("adjust", units=5, system=int(Belief.ERP_ON_HAND))
    played = play(acting_alone(busy_config(posting_lag=0.3)), watcher=watcher)
    wrong, faults = played.wrong_repairs(), played.faults("repair").set_index("number")
    asked = {a.action_id: a for a in watcher.asked}
    assert len(wrong) == len(asked) > 5
    assert set(wrong.units) == {5}
    assert set(faults.loc[wrong.fault].document_id) == set(asked)
    assert not (played.exceptions("posting_lag").restored_by != -1).any()


def test_late_inside_the_service_level_is_a_decoy():
    config = busy_config()
    config.middleware.valid_late_rate = 0.05
    played = play(config)
    decoys = played.truth.decoys
    late = [n for n, kind in enumerate(decoys.kind) if kind == "valid_late_update"]
    assert len(late) > 20
    assert all(decoys.until[n] - decoys.since[n] < config.middleware.service_hours * HOUR for n in late)
    assert not len(played.faults())
    assert not len(played.exceptions())
    # They show as gaps that close by themselves.
    assert len(gaps(played)) > 10
    old = played.of("sequence_gap")
    old = old[(old.status == STATUS["open"]) & (old.available_at < played.end - 5 * HOUR)]
    assert {tuple(r) for r in old[["interface", "location", "sequence"]].to_numpy().tolist()} <= gaps(played, "closed")


# -- after the idempotency window, and after an alignment -------------------------------------------


def test_a_replay_after_the_window_applies_again():
    config = quiet_config(stores=2, items=20, days=5)
    config.middleware.idempotency_days = 1
    old: dict[str, Any] = {}
    ticks: list[int] = []

    def answer(row: dict[str, Any], _: int) -> None:
        if not old and row["document_type"] == DOCUMENT_TYPE["transfer"] and row["quantity"] > 0:
            old.update(row)

    def after(now: int) -> list[dict[str, Any]]:
        ticks.append(now)
        if len(ticks) not in {3 * 96, 4 * 96}:
            return []
        return [{"kind": "replay", "interface": old["interface"], "location": old["location"],
                 "sequence": old["sequence"]}]

    played = play(config, watcher=Watcher(answer, ("shipping",), after))
    wrong = played.wrong_repairs()
    assert len(wrong) == 2
    assert wrong.units.tolist() == [-old["quantity"]] * 2
    assert wrong.belief.tolist() == [Belief.ERP_ON_HAND] * 2
    assert wrong.cell.tolist() == [old["item"]] * 2
    assert wrong.fault.nunique() == 2
    again = played.of("posting")
    again = again[(again.interface == old["interface"]) & (again.location == old["location"])
                  & (again.sequence == old["sequence"])]
    assert len(again) == 3
    assert again.event_id.nunique() == 3
    assert np.ptp(again.available_at) > 2 * DAY


def test_a_replay_after_the_books_were_aligned_is_booked_to_the_repair():
    """The book is set right by hand first: the original then comes on top and names itself as wrong."""
    day: list[int] = []
    gaps: list[dict[str, Any]] = []
    sources: dict[tuple[int, int], dict[str, Any]] = {}

    def answer(row: dict[str, Any], _: int) -> None:
        if row["status"] == STATUS["open"] and row["count"] == 1:
            if INTERFACES[row["interface"]] == "pos_erp" and len(day) < 96:
                gaps.append(row)
        elif row["unit_price"] == row["unit_price"] and row["sequence"] >= 0:
            sources[row["location"], row["sequence"]] = row

    def after(now: int) -> list[dict[str, Any]]:
        day.append(now)
        if len(day) == 2 * 96:
            gaps[:] = [g for g in gaps if (g["location"], g["sequence"]) in sources][:5]
            found = [sources[g["location"], g["sequence"]] for g in gaps]
            return [{"kind": "resync", "system": 1, "location": s["location"], "item": s["item"],
                     "approver": "inventory_control"} for s in found]
        if len(day) == 3 * 96:
            return [{"kind": "replay", "interface": g["interface"], "location": g["location"],
                     "sequence": g["sequence"]} for g in gaps]
        return []

    config = busy_config(dropped_message=0.05)
    played = play(config, watcher=Watcher(answer, ("sequence_gap", "retail_selling"), after))
    wrong, faults = played.wrong_repairs(), played.faults("repair").set_index("number")
    replays = [a for a in played.watcher.asked if a.kind == "replay"]
    blamed = set(faults.loc[wrong.fault].document_id)
    assert len(replays) == 5
    assert {a.action_id for a in replays} <= blamed
    units = wrong.groupby(faults.loc[wrong.fault].document_id.to_numpy()).units.sum()
    for action in replays:
        assert units[action.action_id] == -sources[action.location, action.sequence]["quantity"]
