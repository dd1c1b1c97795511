"""Prices: the list and its promotions, customers who follow the till, and tills that ask something else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from sim.clock import DAY, HOUR, TICK, TICKS_PER_DAY
from sim.config import Config
from sim.demand import SyntheticDemand
from sim.events import DOCUMENT_TYPE, INTERFACE, STATUS
from sim.flows.bargains import Bargains
from sim.systems.master_data import PriceList
from sim.systems.pos import Tills
from sim.world import RegionWorld
from tests.sim.small_world import Played, Watcher, acting_alone, play, quiet_config


def _config(days: int = 8, **rates: float) -> Config:
    config = quiet_config(stores=4, items=90, days=days, **rates)
    config.world.daily_units = 3.0
    config.pricing.change_rate = 0.04
    return config


def _list_price(played: Played, lines: pd.DataFrame) -> np.ndarray:
    """The list price at each till line, from master data and the changes that were due by then."""
    room = played.world.room
    out = np.zeros(len(lines))
    first = played.of("master_data").drop_duplicates("item").set_index("item").unit_price
    changes = played.of("pricing").sort_values("occurred_at")
    for item, rows in lines.reset_index(drop=True).groupby("item"):
        mine = changes[changes["item"] == item]
        prices = np.concatenate([[first[item]], mine.unit_price])
        out[rows.index] = prices[np.searchsorted(mine.occurred_at.to_numpy(), rows.occurred_at, side="right")]
    assert room.calendar.opens * HOUR > 6 * HOUR
    return out


def _on_wrong_lines(played_config: Config, kind: str, seed: int = 1,
                    **more: Any) -> tuple[Played, list[tuple[int, int]]]:
    """Asks for one action on each cell that a first run saw sell at a wrong price; returns the second run."""
    whole = play(played_config, seed)
    lines = whole.of("retail_selling")
    wrong = lines[lines.unit_price != _list_price(whole, lines)]
    when = wrong.groupby(["location", "item"]).available_at.min()

    def after(now: int) -> list[dict[str, Any]]:
        due = when[(when < now) & (when >= now - HOUR // 4)]
        return [{"kind": kind, "location": location, "item": item} | more for location, item in due.index]

    return play(played_config, seed, watcher=Watcher(after=after)), list(when.index)


# -- the list ----------------------------------------------------------------------------------------


def test_what_an_item_costs_on_a_day_does_not_depend_on_when_the_run_began():
    config = _config()
    config.world.items, config.pricing.change_rate, config.pricing.promotion_share = 400, 0.2, 0.1
    room = RegionWorld(config, 1, 0).room
    one, other = PriceList(room), PriceList(room)
    start = room.calendar.start
    one.open_at(start)
    other.open_at(start + 20 * DAY)
    for day in range(start // DAY, start // DAY + 20):
        one.move_to(day)
    assert (one.price == other.price).all()
    assert (one.promoted == other.promoted).all()


def test_so_many_items_are_on_promotion_at_a_time_each_for_its_days():
    config = _config()
    config.world.items, config.pricing.promotion_share, config.pricing.promotion_days = 2000, 0.1, 5
    room = RegionWorld(config, 1, 0).room
    prices = PriceList(room)
    days = np.array([prices.promoted_on(day) for day in range(20_500, 20_560)])
    assert days.mean() == pytest.approx(0.1, abs=0.006)
    for item in np.flatnonzero(days.any(axis=0))[:200]:
        run = np.diff(np.flatnonzero(np.diff(np.concatenate([[0], days[:, item], [0]]))))[::2]
        inside = run[1:-1] if days[0, item] or days[-1, item] else run
        assert (inside % 5 == 0).all()


def test_promotions_are_announced_labelled_and_asked_at_the_till():
    config = _config(days=12)
    config.pricing.promotion_share, config.pricing.change_rate = 0.2, 0.0
    played = play(config)
    announced = played.of("announcing")
    announced = announced[announced.status == STATUS["promotion"]]
    decoys = pd.DataFrame(vars(played.truth.decoys))
    decoys = decoys[decoys.kind == "promotion_spike"]
    assert len(announced) == len(decoys) > 8
    assert sorted(announced.due_at) == sorted(decoys.until)
    rows = played.of("pricing")
    assert set(rows.interface) == {INTERFACE["mdm_pos"]}
    assert set(rows.document_type) == {DOCUMENT_TYPE["price"], DOCUMENT_TYPE["promotion"]}
    assert not rows.duplicated(["item", "occurred_at"]).any()
    assert (rows.sort_values("occurred_at").groupby("item").version.diff().dropna() == 1).all()
    usual = pd.concat([played.of("master_data"), rows]).groupby("item").unit_price.max()
    sales, start = played.of("retail_selling"), played.world.room.calendar.start
    cheap = sales.unit_price.to_numpy() < 0.8 * usual[sales["item"]].to_numpy()
    running = announced["item"][announced.occurred_at < start]
    fresh = announced[(announced.occurred_at >= start) & ~announced["item"].isin(running)]
    assert len(fresh) > 8
    for row in fresh.itertuples():
        inside = ((sales["item"] == row.item) & (sales.occurred_at >= row.occurred_at)
                  & (sales.occurred_at < row.due_at)).to_numpy()
        assert cheap[inside].all()


def test_a_calm_world_has_promotions_and_right_tills_and_no_fault():
    config = _config(days=10)
    config.faults.scale = 0.0
    played = play(config)
    lines = played.of("retail_selling")
    assert (lines.unit_price == _list_price(played, lines)).all()
    assert not len(played.faults())
    assert not len(played.exceptions())
    assert sum(played.world.outcomes.days["price_leakage"]) == 0.0


# -- demand -------------------------------------------------------------------------------------------


def _stocked(elasticity: float) -> Config:
    """A chain that never runs out, whose prices move a lot."""
    config = quiet_config(stores=8, items=60, days=56)
    config.world.daily_units = 2.0
    config.demand.popularity_sigma, config.demand.peak_days, config.demand.online_share = 0.4, 0, 0.0
    config.demand.weekday = [1.0] * 7
    config.demand.return_rate = 0.0
    config.replenishment.safety_factor = config.replenishment.dc_safety_factor = 14.0
    config.pricing.elasticity, config.pricing.change_rate = elasticity, 0.05
    config.pricing.promotion_share, config.pricing.promotion_discount = 0.2, 0.3
    return config


@pytest.mark.parametrize("elasticity", [pytest.param(1.0, marks=pytest.mark.campaign), 2.0])
def test_demand_follows_the_till_price_with_the_elasticity(elasticity: float):
    """A Poisson regression of a cell's daily units on the logarithm of its price finds the exponent."""
    played = play(_stocked(elasticity))
    assert sum(played.world.outcomes.days["lost_units"]) < 100
    sales, room = played.of("retail_selling"), played.world.room
    day = played.day_of(sales.occurred_at.to_numpy())
    units = np.zeros((56, 60))
    np.add.at(units, (day, sales["item"].to_numpy()), sales.quantity.to_numpy())
    price = np.zeros((56, 60))
    price[day, sales["item"].to_numpy()] = sales.unit_price
    first = played.of("master_data").drop_duplicates("item").set_index("item").unit_price.reindex(range(60)).to_numpy()
    changes = played.of("pricing")
    for item in range(60):
        mine = changes[changes["item"] == item]
        when = played.day_of(mine.occurred_at.to_numpy())
        steps = np.concatenate([[first[item]], mine.unit_price])
        price[:, item] = steps[np.searchsorted(when, np.arange(56), side="right")]
    # Each item is its own control: the profile likelihood of the slope has no intercepts left in it.
    x = np.log(price) - np.log(price).mean(axis=0)
    slope = 0.0
    for _ in range(20):
        weight = np.exp(slope * x)
        expected = weight / weight.sum(axis=0) * units.sum(axis=0)
        centred = x - (weight * x).sum(axis=0) / weight.sum(axis=0)
        slope += ((units - expected) * x).sum() / (expected * centred**2).sum()
    dispersion = 1.0 / (1.0 - room.config.demand.quantity_log)
    error = (dispersion / (expected * centred**2).sum()) ** 0.5
    assert error < 0.12
    assert abs(-slope - elasticity) < 4.0 * error


def test_prices_move_no_draw_of_the_usual_demand():
    """With and without price changes, whatever both worlds sell at the usual price is the same customer's line."""
    off, on = _stocked(1.5), _stocked(1.5)
    off.pricing.change_rate = off.pricing.promotion_share = 0.0
    for config in (off, on):
        config.world.days = 10
    without, with_prices = (play(config).of("retail_selling") for config in (off, on))
    kept = set(without.event_id) & set(with_prices.event_id)
    columns = ["location", "item", "quantity", "occurred_at", "document_id"]
    mine = [rows[rows.event_id.isin(kept)].sort_values("event_id")[columns].reset_index(drop=True)
            for rows in (without, with_prices)]
    assert mine[0].equals(mine[1])
    assert len(kept) > 0.9 * len(without)
    gone = without[~without.event_id.isin(kept)]
    usual = with_prices[with_prices.event_id.isin(kept)]
    assert len(gone) > 50
    assert len(with_prices) > len(usual) + 50


def test_customers_follow_the_till_and_not_the_list():
    """Everything is listed at half its price; only one shop's tills know, and half way."""
    config = _stocked(2.0)
    room = RegionWorld(config, 1, 0).room
    tills = Tills(room)
    tills.list.price[:] = tills.list.usual // 2
    shop = np.arange(3 * room.items, 4 * room.items)
    bargains = Bargains(room, tills)
    demand = SyntheticDemand(config, room.catalogue, 1, 0, 8)
    tills.ask(shop, np.rint(tills.list.usual / 2**0.5).astype(np.int32))
    usual = extra = 0
    for tick in range(room.calendar.start // TICK, room.calendar.start // TICK + 40 * TICKS_PER_DAY):
        wanted = demand.tick(tick)
        lines, ordinal = bargains.join(tick, wanted, np.arange(len(wanted)))
        key = (lines.store.astype(np.int64) << 16) | lines.basket
        assert (np.diff(key) >= 0).all()
        fresh = ordinal >= 7168
        assert set(lines.store[fresh]) <= {3}
        extra += int(lines.quantity[fresh].sum())
        usual += int(wanted.quantity[wanted.store == 3].sum())
    # At a price lower by the root of two and an elasticity of two, as much again.
    assert extra == pytest.approx(usual, rel=0.08)
    assert usual > 2000


@pytest.mark.campaign
def test_extra_lines_have_ids_and_tickets_of_their_own():
    config = _stocked(3.0)
    config.world.days, config.pricing.promotion_share, config.pricing.promotion_discount = 6, 0.6, 0.6
    played = play(config)
    rows = played.of("retail_selling")
    assert not rows.event_id.duplicated().any()
    assert (rows.groupby("document_id").location.agg(np.ptp) == 0).all()
    assert (rows.groupby("document_id").occurred_at.agg(np.ptp) < HOUR // 4).all()
    base = SyntheticDemand(config, played.world.room.catalogue, 1, 0, 8)
    assert len(rows) > 1.5 * base.line_rate().sum() * 6 / 1.3


# -- price_mismatch -------------------------------------------------------------------------------------


def test_a_failed_push_shows_in_the_lines_and_nowhere_else():
    played = play(_config(price_mismatch=0.2))
    lines = played.of("retail_selling")
    wrong = lines[lines.unit_price != _list_price(played, lines)]
    faults, exceptions = played.faults("price_mismatch"), played.exceptions("price_mismatch")
    assert len(wrong) > 50
    assert len(exceptions) > 20
    assert {event for event, _ in played.lineage()} == set(wrong.event_id)
    assert set(faults.cause) == {"timing_delay", "business_rule"}
    assert (faults.cause == "business_rule").mean() < 0.5
    # The first wrong line of the cell while the exception was open is its evidence.
    seen = exceptions[exceptions.first_evidence_at != -1]
    assert 0 < len(seen) < len(exceptions)
    for row in seen.itertuples():
        mine = wrong[(wrong.location == row.location) & (wrong["item"] == row.item)
                     & (wrong.occurred_at >= row.opened_at)]
        assert row.first_evidence_at == mine.available_at.min()
    assert not set(exceptions[exceptions.first_evidence_at == -1].number) & set(seen.number)
    assert (exceptions.opened_at >= [faults.set_index("number").onset[f[0]] for f in exceptions.faults]).all()


def test_a_run_opens_with_the_mismatches_that_earlier_pushes_left():
    config = quiet_config(stores=10, items=300, days=2, price_mismatch=0.12)
    played = play(config)
    at_start = played.exceptions("price_mismatch")
    at_start = at_start[at_start.opened_at == played.world.room.calendar.start]
    assert 0.01 < len(at_start) / 3000 < 0.05
    onset = played.faults("price_mismatch").set_index("number").onset
    assert {onset[f[0]] for f in at_start.faults} == {played.world.room.calendar.start}


def test_a_late_push_arrives_by_itself_and_a_wrong_rule_stays():
    config = _config(days=20, price_mismatch=0.2)
    config.faults.price_mismatch.hours = 20.0
    config.pricing.promotion_share = 0.0
    played = play(config)
    faults = played.faults("price_mismatch")
    early = faults[faults.onset < played.end - 12 * DAY]
    late = early[early.cause == "timing_delay"]
    wrong = early[early.cause == "business_rule"]
    assert len(late) > 10
    assert (late.restored_at != -1).mean() > 0.9
    assert (wrong.restored_at == -1).mean() > 0.3


def test_pushing_the_price_again_restores_a_till():
    played, cells = _on_wrong_lines(_config(price_mismatch=0.2), "push_price")
    assert len(cells) > 20
    exceptions = played.exceptions("price_mismatch")
    restored = exceptions[exceptions.restored_by != -1]
    assert {(a.location, a.item) for a in played.watcher.asked} >= set(zip(restored.location, restored["item"],
                                                                           strict=True))
    assert len(restored) > 20
    assert (restored.closed_at == restored.restored_at).all()
    links = played.lineage()
    ids = played.faults().set_index("number").fault_id
    assert all((row.restored_by, ids[row.faults[0]]) in links for row in restored.itertuples())
    assert set(played.outcomes().values()) <= {"", "the till has the list price"}


_ADJUST = {"units": -1, "system": 1}


@pytest.mark.parametrize(("kind", "more"), [("count", {}), ("adjust", _ADJUST), ("refund", {}), ("fix_conversion", {})])
def test_no_other_remedy_mends_a_till(kind: str, more: dict[str, Any]):
    played, _ = _on_wrong_lines(acting_alone(_config(price_mismatch=0.2)), kind, **more)
    assert len(played.watcher.asked) > 20
    assert (played.exceptions("price_mismatch").restored_by == -1).all()


def test_what_was_given_away_and_what_is_given_back_is_leakage():
    config = _config(price_mismatch=0.2)
    played = play(config)
    lines = played.of("retail_selling")
    off = (_list_price(played, lines) - lines.unit_price.to_numpy()) * lines.quantity.to_numpy()
    # Rows of the last minutes are booked and not yet visible.
    assert sum(played.world.outcomes.days["price_leakage"]) == pytest.approx(off[off > 0].sum(), rel=0.01)
    refunded, _ = _on_wrong_lines(config, "refund")
    paid = sum(refunded.world.outcomes.days["price_leakage"]) - sum(played.world.outcomes.days["price_leakage"])
    assert 0.0 < paid <= -off[off < 0].sum()
    assert "nobody paid too much" in set(refunded.outcomes().values())


def test_a_push_to_no_till_is_refused():
    def after(_: int) -> list[dict[str, Any]]:
        return [{"kind": kind, "location": 0, "item": 1} for kind in ("push_price", "refund")]

    played = play(_config(days=2), watcher=Watcher(after=after))
    assert set(played.outcomes().values()) == {"it names no till"}


def test_customers_and_audits_find_wrong_prices():
    config = _config(days=20, price_mismatch=0.2)
    config.people.service_minutes_median, config.people.service_sigma = 15.0, 0.6
    config.world.daily_units = 6.0
    played = play(config)
    cases = pd.DataFrame(vars(played.world.manual.cases))
    mine = cases[cases.type == "price_mismatch"]
    assert len(mine) > 3
    assert (mine.closed_at != -1).any()
    places = {(row.location, row.item) for row in played.exceptions("price_mismatch").itertuples()}
    assert set(zip(mine.location, mine["item"], strict=True)) <= places


@pytest.mark.campaign
@pytest.mark.parametrize("cause", ["timing_delay", "business_rule"])
def test_the_twin_without_a_mismatch_is_equal_before_and_has_the_list_price_after(cause: str):
    config = _config(days=8, price_mismatch=0.1)
    whole = play(config, 3)
    faults, exceptions = whole.faults("price_mismatch"), whole.exceptions("price_mismatch")
    shown = {f[0] for f in exceptions[exceptions.first_evidence_at != -1].faults}
    chosen = faults[faults.number.isin(shown) & (faults.cause == cause)]
    one = chosen[chosen.onset > whole.world.room.calendar.start].iloc[0]
    config.faults.exclude = [int(one.fault_id)]
    twin = play(config, 3)
    assert one.fault_id not in set(twin.faults().fault_id)
    assert twin.world.room.plan.left_out == {one.fault_id}
    rows, others = (p.rows[p.rows.available_at < one.onset].reset_index(drop=True) for p in (whole, twin))
    assert rows.equals(others)
    assert not whole.rows.equals(twin.rows)
    lines = twin.of("retail_selling")
    here = lines[(lines.location == one.location) & (lines["item"] == one["item"])]
    wrong = here[here.unit_price != _list_price(twin, here)]
    assert not ((wrong.occurred_at >= one.onset) & (wrong.occurred_at < one.onset + DAY)).any()
    kept = set(faults.fault_id) - {one.fault_id}
    assert len(kept & set(twin.faults("price_mismatch").fault_id)) > 0.95 * len(kept)


def test_a_log_of_real_baskets_keeps_its_own_discounts():
    config = _config(days=2)
    config.world.stores, config.demand.source = 2, "complete_journey"
    config.pricing.promotion_share = 0.5
    played = play(config)
    assert not (played.of("announcing").status == STATUS["promotion"]).any()
    assert set(played.of("pricing").document_type) <= {DOCUMENT_TYPE["price"]}
    lines = played.of("retail_selling")
    assert (lines.unit_price <= _list_price(played, lines) + 1e-9).all()
    assert (lines.unit_price < _list_price(played, lines)).mean() > 0.2
    assert played.world.room.gauges._ratios["wrong_price"][1] == 0
