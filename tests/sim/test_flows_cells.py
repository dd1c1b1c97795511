"""Everyday errors of a cell: theft, mis-scans and miscounts, what they make of its book, and the counts that mend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.clock import DAY, HOUR, SECOND
from sim.config import Config
from sim.events import CODE, STATUS
from sim.ledger import ON_HAND_BELIEFS, Belief, Place
from sim.rules import PHANTOM_FLOOR
from tests.sim.small_world import Played, Watcher, acting_alone, play, quiet_config


def _shops(days: int = 12, **rates: float) -> Config:
    config = quiet_config(stores=4, items=30, days=days, **rates)
    config.world.daily_units = 2.0
    return config


def _counting(config: Config) -> Config:
    """The same with a count of every cell about every ten days."""
    config.counting.per_year = [36.0, 36.0, 36.0]
    return config


def _drifted() -> Config:
    """Theft has gone on uncounted for weeks before the first day."""
    config = _shops(shrink=0.3)
    config.faults.opening_drift = 0.0004
    return config


# -- shrink and phantoms ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stolen() -> Played:
    return play(_shops(shrink=0.3))


def test_theft_has_no_row_and_lifts_every_book(stolen: Played):
    # The same world without theft has the same rows until an empty shelf makes the first difference.
    ledger, days = stolen.world.room.ledger, stolen.world.outcomes.days
    assert sum(days["shrink_units"]) > 50
    assert (ledger.ambient >= 0).all()
    assert sum(days["shrink_units"]) == ledger.ambient.sum() + stolen.faults("shrink").units.sum()
    for belief in ON_HAND_BELIEFS:
        assert (ledger.belief[belief] - ledger.in_flight[belief] >= ledger.fact[0]).all()
    assert set(stolen.faults().type) <= {"shrink", "repair"}


@pytest.fixture(scope="module")
def frozen() -> Played:
    return play(_drifted())


def test_a_phantom_is_frozen(frozen: Played):
    exceptions, faults = frozen.exceptions("phantom_stock"), frozen.faults("shrink").set_index("number")
    assert len(exceptions) > 5
    assert not len(frozen.exceptions("negative_inventory"))
    room, selling = frozen.world.room, frozen.of("retail_selling")
    items = room.items
    for exception in exceptions.itertuples():
        cell = exception.location * items + exception.item
        worth = room.economy.rate[cell] * room.economy.margin[cell] * 7
        assert worth >= PHANTOM_FLOOR
        assert exception.loss_at_stake == pytest.approx(worth, rel=1e-5)
        assert exception.fault_type == "shrink"
        assert not exception.announced
        for number in exception.faults:
            assert (faults.loc[number].location, faults.loc[number]["item"]) == (exception.location, exception.item)
        until = exception.closed_at if exception.closed_at != -1 else frozen.end
        sold = selling[(selling.location == exception.location) & (selling["item"] == exception.item)]
        assert not ((sold.occurred_at >= exception.opened_at) & (sold.occurred_at < until - HOUR)).any()


def test_evidence_of_a_phantom_is_a_long_silence_or_a_nil_pick(frozen: Played):
    exceptions, room = frozen.exceptions("phantom_stock"), frozen.world.room
    picks = frozen.of("picking")
    nil = picks[picks.status != STATUS["complete"]]
    for exception in exceptions[exceptions.first_evidence_at != -1].itertuples():
        silence = exception.opened_at + int(9.21 / room.economy.rate[exception.location * room.items + exception.item]
                                            * DAY)
        mine = nil[(nil.location == exception.location) & (nil["item"] == exception.item)]
        shown = mine[(mine.occurred_at >= exception.opened_at - HOUR)].occurred_at
        assert exception.first_evidence_at <= silence + SECOND
        if exception.first_evidence_at < silence - HOUR:
            assert (np.abs(shown - exception.first_evidence_at) < HOUR).any()


def test_a_count_mends_a_phantom():
    """Counting every cell each morning finds and clears what was stolen."""
    days: list[int] = []

    def after(now: int) -> list[dict[str, Any]]:
        if now % DAY == 7 * HOUR and now > 0:
            days.append(now)
            return [{"kind": "count", "location": location, "item": item} for location in range(1, 5)
                    for item in range(30)] if len(days) == 9 else []
        return []

    played = play(_drifted(), watcher=Watcher(after=after))
    counted_at = days[8]
    exceptions = played.exceptions("phantom_stock")
    before = exceptions[(exceptions.opened_at < counted_at) & (exceptions.closed_at.isin([-1])
                                                              | (exceptions.closed_at > counted_at))]
    assert len(before) > 2
    asked = {a.action_id: (a.location, a.item) for a in played.watcher.asked}
    assert [asked[by] for by in before.restored_by] == list(zip(before.location, before["item"], strict=True))
    assert (before.restored_at < counted_at + 12 * HOUR).all()
    # The count contradicts the book: from then on the stream shows it.
    assert (before.first_evidence_at <= counted_at).all()
    assert (before.first_evidence_at == counted_at).any()
    adjusting = played.of("adjusting")
    assert set(adjusting.code) == {CODE["702"]}
    assert (adjusting.quantity < 0).all()
    # ERP books the same movement as the shop: a loss is none of its gains.
    booked = played.of("posting").merge(adjusting[["sequence", "location", "quantity"]], on=["sequence", "location"])
    assert len(booked)
    assert set(booked.code) == {CODE["702"]}
    counts = played.of("cycle_counting")
    assert len(counts) == len(asked)
    assert (counts["count"] >= counts.quantity).all()
    assert not len(played.wrong_repairs())


@pytest.mark.parametrize("kind", ["reprioritise", "hold", "escalate", "wait"])
def test_what_does_not_mend_a_phantom(kind: str):
    def after(now: int) -> list[dict[str, Any]]:
        return [{"kind": kind, "location": 1, "item": item} for item in range(30)] if now % DAY == 12 * HOUR else []

    played = play(_drifted(), watcher=Watcher(after=after))
    assert (played.exceptions("phantom_stock").restored_by == -1).all()
    assert not len(played.wrong_repairs())


def test_replenishing_a_phantom_unfreezes_it_without_mending(frozen: Played):
    def after(now: int) -> list[dict[str, Any]]:
        if now % DAY != 12 * HOUR:
            return []
        cells = [(location, item) for location in range(1, 5) for item in range(30)]
        return [{"kind": "reprioritise", "location": location, "item": item} for location, item in cells]

    fed = play(_drifted(), watcher=Watcher(after=after))
    exceptions = fed.exceptions("phantom_stock")
    closed = exceptions[exceptions.closed_at != -1]
    assert len(closed)
    assert (closed.restored_at == -1).any()
    lengths = [(e.closed_at.where(e.closed_at != -1, p.end) - e.opened_at).mean()
               for p, e in ((frozen, frozen.exceptions("phantom_stock")), (fed, exceptions))]
    assert lengths[1] < lengths[0]


# -- mis-scans and negative books ------------------------------------------------------------------


@pytest.fixture(scope="module")
def scanned() -> Played:
    return play(_shops(scan_error=0.4))


def test_a_mis_scan_errs_both_ways(scanned: Played):
    ledger, catalogue = scanned.world.room.ledger, scanned.world.room.catalogue
    error = ledger.belief[Belief.SITE_ON_HAND] - ledger.fact[0]
    assert (error > 0).sum() > 10
    assert (error < 0).sum() > 10
    by_category = error.reshape(-1, scanned.world.room.items)[:, :]
    # Every unit that one item's book has too many, a sibling's has too few.
    for category in np.unique(catalogue.category):
        assert (by_category[1:, catalogue.category == category].sum(axis=1) == 0).all()


def test_a_negative_book_is_named_after_its_scans(scanned: Played):
    exceptions, faults = scanned.exceptions("negative_inventory"), scanned.faults().set_index("number")
    assert len(exceptions) > 3
    assert set(exceptions.fault_type) == {"scan_error"}
    for exception in exceptions.itertuples():
        fault = faults.loc[exception.faults[0]]
        assert (fault.location, fault["item"]) == (exception.location, exception.item)
        assert fault.units < 0
        assert exception.first_evidence_at == exception.opened_at


def test_a_count_mends_a_negative_book_and_setting_it_to_zero_does_not():
    """A blind zero pays what it can of the error: the book is no longer negative, and still wrong."""
    def run(kind: str, **more: Any) -> Played:
        stock = np.zeros((5, 30), np.int64)
        acted: set[tuple[int, int]] = set()

        def answer(row: dict[str, Any], _: int) -> dict[str, Any] | None:
            place = (row["location"], row["item"])
            if row["status"] == STATUS["opening"]:
                stock[place] = row["quantity"]
            elif row["code"] == CODE["305"] or row["code"] == CODE["653"]:
                stock[place] += row["quantity"]
            elif row["sequence"] >= 0 and row["location"] > 0:
                stock[place] -= row["quantity"]
            if stock[place] < 0 and place not in acted and row["location"] > 0:
                acted.add(place)
                units = {"units": -int(stock[place])} if kind == "adjust" else {}
                return {"kind": kind, "location": place[0], "item": place[1]} | units | more
            return None

        heeds = ("stock_extract", "retail_selling", "receiving", "inspecting", "shipping")
        return play(acting_alone(_shops(scan_error=0.4)), watcher=Watcher(answer, heeds))

    counted, zeroed = run("count"), run("adjust", system=0)
    for played, mended in ((counted, True), (zeroed, False)):
        exceptions = played.exceptions("negative_inventory")
        first = exceptions[~exceptions.duplicated(["location", "item"]) & (exceptions.opened_at < played.end - DAY)]
        asked = {(a.location, a.item) for a in played.watcher.asked}
        mine = first[[place in asked for place in zip(first.location, first["item"], strict=True)]]
        assert len(mine) > 2
        if mended:
            asker = {(a.location, a.item): a.action_id for a in played.watcher.asked}
            places = zip(mine.location, mine["item"], strict=True)
            assert mine.restored_by.tolist() == [asker[place] for place in places]
            assert (mine.restored_at - mine.opened_at < DAY).all()
        else:
            assert set(mine.restored_by) == set(mine.restored_at) == {-1}
            room = played.world.room
            error = room.ledger.belief[Belief.SITE_ON_HAND] - room.ledger.fact[0]
            assert (error[mine.location * room.items + mine["item"]] < 0).all()


# -- counts ----------------------------------------------------------------------------------------


def test_a_count_out_of_tolerance_is_an_exception_and_is_mended_by_itself():
    played = play(_counting(_shops(shrink=0.3)))
    exceptions, counts = played.exceptions("count_variance"), played.of("cycle_counting")
    assert len(exceptions) > 10
    assert exceptions.announced.all()
    varied = counts[counts.status == STATUS["variance"]].set_index("document_id")
    assert set(exceptions.document_id) == set(varied.index)
    for exception in exceptions.itertuples():
        row = varied.loc[exception.document_id]
        assert (row.location, row["item"]) == (exception.location, exception.item)
        assert row.available_at == exception.first_evidence_at
    within = counts[counts.status == STATUS["within"]]
    assert (np.abs(within["count"] - within.quantity) <= np.maximum(2, 0.05 * within["count"])).all()
    # The ladder approves within a day and a half; then the site's book is right.
    adjusting = played.of("adjusting").set_index("parent_document_id")
    old = exceptions[exceptions.opened_at < played.end - 2 * DAY]
    assert set(old.document_id) <= set(adjusting.index)
    for exception in old.itertuples():
        row = varied.loc[exception.document_id]
        assert adjusting.loc[exception.document_id].quantity == row.quantity - row["count"]


def test_a_miscount_is_a_fault_of_its_own():
    config = _counting(_shops())
    config.faults.count_variance.rate = 0.3
    config.counting.floor_units = 1
    played = play(config)
    exceptions = played.exceptions("count_variance")
    assert len(exceptions) > 5
    faults = played.faults().set_index("number")
    assert set(faults.type) == {"count_variance", "repair"}
    assert set(exceptions.fault_type) == {"count_variance"}
    for exception in exceptions.itertuples():
        fault = faults.loc[exception.faults[0]]
        assert (fault.type, fault.location, fault["item"]) == ("count_variance", exception.location, exception.item)
    # The book was right: whatever is wrong now, the counts made so, unit by unit, by what they had adjusted.
    room = played.world.room
    error = room.ledger.belief[Belief.SITE_ON_HAND] - room.ledger.fact[0]
    adjusting, made = played.of("adjusting"), np.zeros_like(error)
    np.add.at(made, (adjusting.location * room.items + adjusting["item"]).to_numpy(), adjusting.quantity.to_numpy())
    assert (error != 0).sum() > 20
    assert (error == made).all()
    counts = played.of("cycle_counting")
    assert (counts["count"] != counts.quantity).mean() == pytest.approx(0.3, abs=0.1)


def test_counting_right_stock_changes_nothing():
    one, other = play(_shops(days=6)), play(_counting(_shops(days=6)))
    assert len(other.of("cycle_counting")) > 20
    assert not len(other.of("adjusting"))
    assert not len(other.faults())
    rows = [p.rows[p.rows.event_type != "cycle_counting"].reset_index(drop=True) for p in (one, other)]
    assert rows[0].equals(rows[1])


def test_what_is_left_of_a_count_is_at_the_shelf(stolen: Played):
    ledger = stolen.world.room.ledger
    places = ledger.place[[Place.SHELF, Place.BACKROOM, Place.DOCK]].sum(axis=0)
    assert (places == ledger.fact[0]).all()
