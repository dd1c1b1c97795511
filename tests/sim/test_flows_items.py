"""Item records: their updates, the article with two numbers, and a change of the assortment."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from sim.clock import DAY, HOUR
from sim.config import Config
from sim.draws import Alias
from sim.events import INTERFACE, NULL, STATUS
from sim.flows import cataloguing
from sim.ledger import Belief
from sim.world import RegionWorld
from tests.sim.small_world import Played, Watcher, acting_alone, play, quiet_config


def _config(days: int = 10, **rates: float) -> Config:
    config = quiet_config(stores=3, items=300, days=days, **rates)
    config.world.daily_units = 2.0
    config.pricing.change_rate = config.pricing.promotion_share = 0.0
    return config


def _seconds(played: Played) -> pd.DataFrame:
    """The records that gave an article a second number, told from the rows alone."""
    rows = played.of("master_data")
    first = rows.drop_duplicates("item")
    return first[first.duplicated("document_id")]


def _on_second(kind: str, **more: Any) -> Watcher:
    """Answers the second number of an article by one action on it."""
    known: dict[int, int] = {}

    def answer(row: dict[str, Any], _: int) -> dict[str, Any] | None:
        if known.setdefault(row["document_id"], row["item"]) == row["item"] or row["status"] != -1:
            return None
        return {"kind": kind, "item": row["item"]} | more

    return Watcher(answer, ("master_data",))


# -- numbers that are not in use -----------------------------------------------------------------------


def test_an_alias_table_never_picks_what_has_no_weight():
    weights = np.exp(np.random.default_rng(1).standard_normal(5000) * 1.3)
    weights[::7] = 0.0
    weights[-50:] = 0.0
    picked = Alias(weights).pick(np.random.default_rng(2).integers(0, 2**64, 400_000, dtype=np.uint64))
    assert (weights[picked] > 0.0).all()
    counts = np.bincount(picked, minlength=5000)
    expected = weights / weights.sum() * 400_000
    assert np.abs((counts - expected)[expected > 50] / np.sqrt(expected[expected > 50])).max() < 5.0


def test_an_unused_number_is_never_sold_ordered_counted_or_shown():
    config = _config(days=12)
    config.counting.per_year = [50.0, 50.0, 50.0]
    played = play(config)
    assert played.world.room.catalogue.listed.sum() == 297
    rows = played.rows
    assert rows["item"].max() == 296
    assert {"cycle_counting", "ordering", "retail_selling", "stock_extract"} <= set(rows.event_type)
    decoys = pd.DataFrame(vars(played.truth.decoys))
    assert decoys["item"].max() <= 296
    ledger = played.world.room.ledger
    assert not ledger.belief.reshape(len(Belief), -1, 300)[:, :, 297:].any()


def test_a_small_catalogue_uses_all_its_numbers():
    assert RegionWorld(quiet_config(items=99), 1, 0).room.catalogue.listed.all()


# -- records -----------------------------------------------------------------------------------------------


@pytest.mark.campaign
def test_records_are_updated_and_now_and_then_sent_again():
    played = play(_config(days=20))
    rows = played.of("master_data")
    assert set(rows.interface) == {INTERFACE["mdm_erp"]}
    assert (rows.document_id != NULL).all()
    assert len(rows.drop_duplicates(["item", "document_id"])) == 297
    assert rows.document_id.nunique() == rows["item"].nunique() == 297
    updates = rows[rows.version > 1]
    again = updates.duplicated(["item", "version"])
    assert 80 < len(updates) < 160
    assert 0 < again.sum() < 20
    versions = updates[~again].sort_values("available_at").groupby("item").version
    assert (versions.diff().dropna() == 1).all()
    assert not len(played.faults())


# -- duplicate_item ------------------------------------------------------------------------------------------


def test_erp_books_an_article_with_two_numbers_on_the_second():
    played = play(_config(days=8, duplicate_item=0.3))
    seconds, exceptions = _seconds(played), played.exceptions("duplicate_item")
    assert 1 < len(seconds) <= 3
    assert list(exceptions["item"]) == list(seconds["item"])
    assert list(exceptions.first_evidence_at) == list(seconds.available_at)
    assert (exceptions.location == -1).all()
    assert (exceptions.restored_at == -1).all()
    assert set(played.faults("duplicate_item").cause) == {"data_synchronization"}
    assert {event for event, _ in played.lineage()} == set(seconds.event_id)
    master, sales = played.of("master_data"), played.of("retail_selling")
    room = played.world.room
    settled = (room.ledger.belief - room.ledger.in_flight).reshape(len(Belief), -1, 300)
    for second in seconds.itertuples():
        article = master["item"][(master.document_id == second.document_id)].iloc[0]
        assert article != second.item
        mine = sales[(sales["item"] == article) & (sales.occurred_at >= second.available_at)]
        sold = mine.groupby("location").quantity.sum().reindex(range(4), fill_value=0).to_numpy()
        assert sold.sum() > 3
        assert (settled[Belief.ERP_ON_HAND, :, second.item] == -sold).all()
        gap = settled[Belief.ERP_ON_HAND, :, article] - settled[Belief.SITE_ON_HAND, :, article]
        assert (gap == sold).all()
        assert (settled[Belief.OMS_ON_HAND, :, article] == settled[Belief.SITE_ON_HAND, :, article]).all()
        assert not (sales["item"] == second.item).any()


def test_merging_stops_it_and_books_over_what_went_astray():
    config = _config(days=12, duplicate_item=0.3)
    # Someone merges a day after the record, so that there is something to book over.
    found: list[tuple[int, int]] = []
    watcher = Watcher(lambda row, _: found.append((row["available_at"], row["item"])) if row["item"] >= 297
                      and row["status"] == -1 else None, ("master_data",))
    asked: set[int] = set()

    def after(now: int) -> list[dict[str, Any]]:
        due = [item for at, item in found if now - at > DAY and item not in asked]
        asked.update(due)
        return [{"kind": "merge_item", "item": item} for item in due]

    watcher.after = after
    played = play(config, watcher=watcher)
    exceptions = played.exceptions("duplicate_item")
    assert len(asked) > 1
    mended = exceptions[exceptions["item"].isin(asked)]
    assert (mended.restored_by != -1).all()
    assert set(played.outcomes().values()) == {""}
    entries, faults = played.entries(), played.faults("duplicate_item")
    mine = entries[entries.fault.isin(faults.number)]
    assert len(mine) > 10
    assert (mine.rest == 0).all()
    assert not len(played.wrong_repairs())
    ids = faults.set_index("number").fault_id
    assert {(a.action_id, ids[e.faults[0]]) for a, e in zip(watcher.asked, mended.itertuples(), strict=True)
            } <= played.lineage()
    rows = played.of("master_data")
    retired = rows[rows.status == STATUS["retired"]]
    assert set(retired["item"]) == asked
    ledger = played.world.room.ledger
    settled = (ledger.belief - ledger.in_flight).reshape(len(Belief), -1, 300)
    assert (settled[Belief.ERP_ON_HAND] == settled[Belief.SITE_ON_HAND])[1:].all()


def test_either_number_names_the_article():
    config = _config(days=5, duplicate_item=0.3)
    whole = play(config)
    master, second = whole.of("master_data"), _seconds(whole).iloc[0]
    article = int(master["item"][master.document_id == second.document_id].iloc[0])
    asked: list[int] = []

    def after(now: int) -> list[dict[str, Any]]:
        if now < second.available_at or len(asked) > 2:
            return []
        asked.append(now)
        return [{"kind": "merge_item", "item": article if len(asked) == 1 else 5}]

    played = play(config, watcher=Watcher(after=after))
    assert list(played.outcomes().values())[:2] == ["", "the article has one number"]
    exceptions = played.exceptions("duplicate_item")
    assert exceptions.restored_by[exceptions["item"] == second["item"]].iloc[0] != -1


@pytest.mark.parametrize(("kind", "more"), [
    ("count", {"location": 1}), ("adjust", {"location": 1, "units": 2, "system": 1}),
    ("resync", {"location": 1, "system": 1}), ("fix_conversion", {}), ("push_price", {"location": 1}),
])
def test_no_other_remedy_mends_an_item_record(kind: str, more: dict[str, Any]):
    played = play(acting_alone(_config(days=8, duplicate_item=0.3)), watcher=_on_second(kind, **more))
    assert played.watcher.asked
    assert (played.exceptions("duplicate_item").restored_at == -1).all()


def test_master_data_notices_after_a_week_or_two(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cataloguing, "_NOTICED_DAYS", 2)
    monkeypatch.setattr(cataloguing, "_NOTICED_MORE_DAYS", 1)
    config = _config(days=14, duplicate_item=0.3)
    config.people.service_minutes_median = 15.0
    played = play(config)
    cases = pd.DataFrame(vars(played.world.manual.cases))
    mine = cases[cases.type == "duplicate_item"]
    exceptions = played.exceptions("duplicate_item")
    assert len(mine) > 0
    assert set(mine["item"]) <= set(exceptions["item"])
    restored = exceptions[exceptions.restored_at != -1]
    assert len(restored) > 0
    assert (restored.restored_by == -1).all()
    assert (restored.restored_at - restored.opened_at >= 2 * DAY).all()


@pytest.mark.campaign
def test_the_twin_without_a_second_number_is_equal_before_and_has_none_after():
    config = _config(days=8, duplicate_item=0.3)
    whole = play(config)
    one = whole.faults("duplicate_item").iloc[0]
    config.faults.exclude = [int(one.fault_id)]
    twin = play(config)
    assert one.fault_id not in set(twin.faults().fault_id)
    rows, others = (p.rows[p.rows.available_at < one.onset].reset_index(drop=True) for p in (whole, twin))
    assert rows.equals(others)
    assert not whole.rows.equals(twin.rows)
    assert set(whole.faults("duplicate_item").fault_id) - set(twin.faults("duplicate_item").fault_id) == {one.fault_id}
    assert one["item"] not in set(_seconds(twin)["item"])


def test_lines_of_legacy_shops_are_read_alike():
    config = _config(days=8, duplicate_item=0.3)
    config.middleware.legacy_share = 1.0
    played = play(config)
    entries = played.entries()
    assert len(entries[entries.fault.isin(played.faults("duplicate_item").number)]) > 10


# -- assortment ------------------------------------------------------------------------------------------------


def _changing(days: int = 24) -> Config:
    config = _config(days=days)
    config.assortment.launched_share, config.assortment.retired_share, config.assortment.day = 0.1, 0.1, 12
    config.demand.peak_days = 0
    return config


def test_launched_items_are_ordered_before_and_wanted_from_the_day_on():
    played = play(_changing())
    world = played.world
    launched, day = world.assorting.launched, played.world.room.calendar.start + 12 * DAY + 5 * HOUR
    assert len(launched) == 30
    rows, sales, orders = played.of("master_data"), played.of("retail_selling"), played.of("ordering")
    first = rows[rows.status == STATUS["launched"]]
    assert set(first["item"]) == set(launched)
    assert set(first.due_at) == {day}
    assert first.available_at.max() < day - 7 * DAY
    mine = sales[sales["item"].isin(launched)]
    assert len(mine) > 200
    assert mine.occurred_at.min() > day
    bought = orders[orders["item"].isin(launched) & (orders.location == 0)]
    assert set(bought["item"]) == set(launched)
    assert bought.occurred_at.min() < day
    # They come as ERP wants them: most of the demand of the first days is served.
    rate = world.room.economy.rate.reshape(-1, 300)[1:, launched].sum() * 0.92 * 12
    assert mine.quantity.sum() > 0.75 * rate


def test_retired_items_are_no_longer_wanted_nor_ordered():
    played = play(_changing())
    world = played.world
    retired, day = world.assorting.retired, played.world.room.calendar.start + 12 * DAY + 5 * HOUR
    assert len(retired) == 30
    rows, sales, orders = played.of("master_data"), played.of("retail_selling"), played.of("ordering")
    assert set(rows["item"][rows.status == STATUS["retired"]]) == set(retired)
    for table in (sales, orders):
        mine = table[table["item"].isin(retired)]
        assert (mine.occurred_at < day).sum() > 30
        assert not (mine.occurred_at > day).any()
    assert not len(played.exceptions())
    silent = pd.DataFrame(vars(played.truth.decoys))
    assert set(silent["item"][(silent.kind == "slow_mover") & (silent.since == day)]) == set(retired)


def test_an_assortment_that_stays_is_the_default():
    world = RegionWorld(_config(days=2), 1, 0)
    assert not len(world.assorting.launched)
    assert not len(world.assorting.retired)


def test_what_comes_and_goes_does_not_change_the_days_before():
    config = _changing(days=4)
    config.assortment.launched_share = 0.0
    usual = _config(days=4)
    usual.demand.peak_days = 0
    assert play(config).rows.equals(play(usual).rows)
