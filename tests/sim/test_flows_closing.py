"""A shop that closes: announced, emptied into the others, and no fault anywhere; and what the TMS says of trucks."""

from __future__ import annotations

import numpy as np
import pytest

from sim.clock import DAY, HOUR
from sim.config import Config
from sim.events import CODE, DOCUMENT_TYPE, INTERFACE, STATUS
from sim.flows.closing import _closing_shops
from sim.ledger import Belief, Place
from sim.systems.tms import lane_hours, service_level
from tests.sim.small_world import Played, play, quiet_config


def _chain(shops: int = 1, days: int = 14) -> Config:
    config = quiet_config(stores=4, items=40, days=days)
    config.confounders.closing_stores, config.confounders.closing_day = shops, 3
    return config


@pytest.fixture(scope="module")
def closed() -> Played:
    return play(_chain())


def _shop(played: Played) -> int:
    rows = played.of("announcing")
    return int(rows[rows.status == STATUS["closing"]].location.iloc[0])


def test_it_is_announced_and_a_decoy(closed: Played):
    rows = closed.of("announcing")
    row = rows[rows.status == STATUS["closing"]]
    assert len(row) == 1
    decoys = closed.truth.decoys
    assert decoys.kind.count("store_closing") == 1
    number = decoys.kind.index("store_closing")
    assert decoys.location[number] == row.location.iloc[0]
    assert closed.day_of(decoys.since[number]) == 3
    assert row.due_at.iloc[0] - closed.world.room.calendar.start == 10 * DAY


def test_no_fault_and_no_exception_come_of_it(closed: Played):
    assert not len(closed.faults())
    assert not len(closed.exceptions())
    ledger = closed.world.room.ledger
    assert (ledger.belief[0] - ledger.in_flight[0] == ledger.fact[0]).all()


def test_it_gets_nothing_more_and_its_stock_goes_to_the_others(closed: Played):
    shop = _shop(closed)
    announced = closed.world.room.calendar.start + 3 * DAY + 8 * HOUR
    ordering = closed.of("ordering")
    transfers = ordering[ordering.document_type == DOCUMENT_TYPE["transfer"]]
    assert (transfers[transfers.location == shop].occurred_at < announced).all()
    away = transfers[transfers.code == CODE["301"]]
    assert len(away) > 15
    assert set(away.partner) == {shop}
    shipping, receiving = closed.of("shipping"), closed.of("receiving")
    out = shipping[(shipping.location == shop) & (shipping.code == CODE["303"])].set_index(["document_id", "item"])
    back = receiving[receiving.document_id.isin(away.document_id)].set_index(["document_id", "item"])
    assert out.quantity.sort_index().equals(back.quantity.sort_index())
    assert set(back.location) <= {1, 2, 3, 4} - {shop}
    assert (back.partner == shop).all()
    items = closed.world.room.items
    left = closed.world.room.ledger.place[:, shop * items:(shop + 1) * items]
    # What customers bring back is all that is left.
    assert left[[Place.SHELF, Place.BACKROOM]].sum() < 0.1 * out.quantity.sum()


def test_trucks_between_shops_say_when_they_leave_and_come(closed: Played):
    shop = _shop(closed)
    departing, arriving = closed.of("departing"), closed.of("arriving")
    mine = departing[departing.location == shop].set_index("document_id")
    assert len(mine)
    come = arriving[arriving.document_id.isin(mine.index)].set_index("document_id")
    assert set(come.index) == set(mine.index)
    assert (come.occurred_at <= mine.due_at.loc[come.index]).all()


def test_when_the_doors_are_closed_nobody_comes(closed: Played):
    shop, start = _shop(closed), closed.world.room.calendar.start
    selling = closed.of("retail_selling")
    assert len(selling[(selling.location == shop) & (selling.occurred_at < start + 9 * DAY)])
    assert not len(selling[(selling.location == shop) & (selling.occurred_at >= start + 10 * DAY)])
    lost = closed.world.outcomes.days["lost_units"]
    assert np.mean(lost[10:]) < 1.0 + 2 * np.mean(lost[:3])


def test_so_many_shops_of_the_chain_close_whatever_the_regions():
    config = _chain(shops=5)
    config.world.stores, config.world.regions = 12, 3
    shops = [_closing_shops(config, 1, region) for region in range(3)]
    assert sum(len(part) for part in shops) == 5
    assert _closing_shops(_chain(shops=0), 1, 0) == []


def test_two_shops_that_close_together_share_no_id():
    played = play(_chain(shops=2))
    assert played.rows.event_id.is_unique
    assert not len(played.exceptions())


def test_everything_may_close():
    played = play(_chain(shops=4, days=12))
    assert not len(played.exceptions())


# -- lanes -------------------------------------------------------------------------------------------


def test_every_lane_has_a_service_level_that_a_truck_without_trouble_meets(closed: Played):
    room = closed.world.room
    hours = [lane_hours(room, 0, location) for location in range(1, 5)]
    assert len(set(hours)) == 4
    ordering = closed.of("ordering")
    mine = ordering[(ordering.partner == 0) & (ordering.document_type == DOCUMENT_TYPE["transfer"])]
    assert mine.location.nunique() > 2
    for location, rows in mine.groupby("location"):
        late = rows.due_at - rows.occurred_at
        assert late.max() <= service_level(room, 0, location) < late.max() + HOUR
    departing, arriving = closed.of("departing"), closed.of("arriving").set_index("document_id")
    come = departing[departing.document_id.isin(arriving.index)].drop_duplicates("document_id")
    assert (arriving.occurred_at.loc[come.document_id].to_numpy() <= come.due_at.to_numpy()).all()


def test_a_truck_says_twice_when_it_will_come(closed: Played):
    expecting, arriving = closed.of("expecting"), closed.of("arriving").set_index("document_id").occurred_at
    assert set(expecting.interface) == {INTERFACE["tms_erp"]}
    said = expecting[expecting.document_id.isin(arriving.index)]
    assert set(said.groupby("document_id").size()) == {2}
    miss = (said.due_at - arriving.loc[said.document_id].to_numpy()).abs()
    assert miss.median() < 20 * 60_000_000
    assert (said.status == STATUS["in_transit"]).mean() > 0.95


def test_of_trucks_gone_astray_some_carriers_know():
    config = quiet_config(stores=6, items=30, days=12, transfer_delay=0.3)
    played = play(config)
    exceptions, expecting = played.exceptions("transfer_delay"), played.of("expecting")
    assert len(exceptions) > 8
    late = expecting[expecting.status == STATUS["late"]]
    told = exceptions.document_id.isin(late.document_id)
    assert 0.2 < told.mean() < 1.0
    assert (late.due_at > late.occurred_at).all()
    fault = played.faults("transfer_delay").set_index("document_id").fault_id
    linked = played.lineage()
    known = late[late.document_id.isin(exceptions.document_id)]
    assert all((row.event_id, fault.loc[row.document_id]) in linked for row in known.itertuples())
    # It is said before the service level is missed: a breach can be predicted.
    due = played.of("departing").drop_duplicates("document_id").set_index("document_id").due_at
    assert (known.available_at.to_numpy() < due.loc[known.document_id].to_numpy()).all()


def test_planning_forgets_the_shop(closed: Played):
    room, shop = closed.world.room, _shop(closed)
    cells = slice(shop * room.items, (shop + 1) * room.items)
    assert not room.economy.rate[cells].any()
    assert not room.ledger.belief[Belief.ERP_ON_ORDER, cells].any()
