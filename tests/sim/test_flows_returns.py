"""Goods that come back: what becomes of them, who forgets them, and what their vendors owe."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from sim.clock import DAY, HOUR
from sim.config import Config
from sim.events import CODE, DOCUMENT_TYPE, STATUS
from sim.flows.returning import Disposition
from sim.ledger import Belief, Place
from sim.world import RegionWorld
from tests.sim.small_world import Played, Watcher, acting_alone, play, quiet_config


def _shops(days: int = 10, **rates: float) -> Config:
    """Shops to which a third of all goods come back."""
    config = quiet_config(stores=4, items=30, days=days, **rates)
    config.world.daily_units, config.demand.online_share = 3.0, 0.3
    config.demand.return_rate = config.demand.online_return_rate = 0.3
    return config


def _gauge(played: Played, name: str) -> float:
    gauges = pd.DataFrame(played.world.room.gauges.columns()).set_index("gauge")
    return float(gauges.loc[name].total / gauges.loc[name].n)


# -- what becomes of them --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def healthy() -> Played:
    config = _shops(days=27)
    config.returns.scrap_share, config.returns.vendor_share = 0.1, 0.2
    return play(config)


def test_shares_of_what_is_sold_come_back(healthy: Played):
    assert _gauge(healthy, "returned_value_store") == pytest.approx(0.3, abs=0.02)
    assert _gauge(healthy, "returned_value_online") == pytest.approx(0.3, abs=0.02)
    returning = healthy.of("returning")
    # What was bought online is brought to a shop or sent to the DC.
    assert (returning.location == 0).sum() > 50
    orders = set(healthy.of("shipping").document_id)
    online = returning[returning.parent_document_id.isin(orders)]
    assert len(online) > 200
    assert (online.location > 0).mean() == pytest.approx(0.6, abs=0.1)


def test_every_return_is_inspected_by_noon_of_the_next_day(healthy: Played):
    returning = healthy.of("returning").set_index("document_id")
    inspecting = healthy.of("inspecting").set_index("document_id")
    old = returning[returning.due_at < healthy.end]
    assert set(old.index) <= set(inspecting.index)
    assert not inspecting.index.duplicated().any()
    assert (inspecting.occurred_at <= returning.due_at.reindex(inspecting.index)).all()
    assert (returning.due_at % DAY == 12 * HOUR).all()


def test_goods_are_sold_again_scrapped_or_sent_back(healthy: Played):
    inspecting, destroying = healthy.of("inspecting"), healthy.of("destroying")
    shares = inspecting.code.value_counts(normalize=True)
    assert shares[CODE["653"]] == pytest.approx(0.7, abs=0.04)
    assert shares[CODE["657"]] == pytest.approx(0.2, abs=0.04)
    assert shares[CODE["551"]] == pytest.approx(0.1, abs=0.04)
    scrapped = inspecting[inspecting.code == CODE["551"]]
    assert set(destroying.document_id) <= set(scrapped.document_id)
    assert healthy.world.outcomes.days["scrapped_units"][-1] == scrapped.quantity.sum()
    sent = healthy.of("shipping")
    sent = sent[sent.document_type == DOCUMENT_TYPE["vendor_return"]]
    assert set(sent.code) == {CODE["122"]}
    assert healthy.world.outcomes.days["sent_back_units"][-1] == sent.quantity.sum() > 50
    posted = healthy.of("posting")
    posted = posted[posted.correlation_id.isin(sent.document_id)]
    assert posted.quantity.sum() == sent.quantity.sum()
    # The cage holds what is not inspected yet and what waits for its vendor, and every book of it is right.
    ledger = healthy.world.room.ledger
    assert (ledger.place[Place.CAGE] == ledger.belief[Belief.SITE_BLOCKED]).all()
    assert (ledger.belief[Belief.ERP_BLOCKED] - ledger.in_flight[Belief.ERP_BLOCKED] == ledger.fact[1]).all()


def test_vendors_collect_on_fridays_and_pay_before_it_is_due(healthy: Played):
    sent = healthy.of("shipping")
    sent = sent[sent.document_type == DOCUMENT_TYPE["vendor_return"]]
    assert {int(day) for day in (sent.occurred_at // DAY + 3) % 7} == {4}
    vendors = sent[["document_id", "partner"]].drop_duplicates()
    assert not vendors.document_id.duplicated().any()
    crediting = healthy.of("crediting")
    asked = crediting[crediting.status == STATUS["pending"]].set_index("parent_document_id")
    paid = crediting[crediting.status == STATUS["credited"]].set_index("parent_document_id")
    assert set(asked.index) == set(sent.document_id)
    assert set(asked.index[asked.due_at < healthy.end]) <= set(paid.index)
    assert (paid.occurred_at <= paid.due_at).all()
    assert not len(healthy.exceptions())
    assert sum(healthy.world.outcomes.days["lapsed_credits"]) == 0.0


def test_a_closed_shop_takes_nothing_back():
    world = RegionWorld(_shops(days=6), 1, 0)
    watcher, closed_at = Watcher(), world.room.calendar.start + 4 * DAY

    def after(now: int) -> list[dict[str, Any]]:
        if now == closed_at:
            world.shopping.returns.close(2)
        return []

    watcher.after = after
    world.run(watcher.step)
    returning = Played(world, watcher).of("returning")
    late = returning.occurred_at >= closed_at
    assert (returning[~late].location == 2).any()
    assert not (returning[late].location == 2).any()
    tickets = Played(world, watcher).of("retail_selling").set_index("document_id").location
    sent = returning[late & (returning.location == 0) & returning.parent_document_id.isin(tickets.index)]
    assert set(tickets[~tickets.index.duplicated()].loc[sent.parent_document_id]) == {2}


# -- nobody says what becomes of it ------------------------------------------------------------------


def _forgetful(days: int = 7) -> Config:
    return _shops(days, missing_disposition=0.5)


@pytest.fixture(scope="module")
def forgotten() -> Played:
    return play(_forgetful())


def test_a_forgotten_return_is_on_sale_online_and_in_the_cage(forgotten: Played):
    exceptions, returning = forgotten.exceptions("missing_disposition"), forgotten.of("returning")
    assert len(exceptions) > 20
    assert not exceptions.announced.any()
    returned = returning.set_index("document_id")
    assert (exceptions.set_index("document_id").first_evidence_at.drop_duplicates() % DAY == 12 * HOUR).all()
    inspected = set(forgotten.of("inspecting").document_id)
    ids = dict(zip(forgotten.faults().number, forgotten.faults().fault_id, strict=True))
    lineage = forgotten.lineage()
    for exception in exceptions.itertuples():
        row = returned.loc[exception.document_id]
        assert (row.location, row["item"]) == (exception.location, exception.item)
        assert exception.document_id not in inspected
        assert exception.first_evidence_at == row.due_at
        assert (int(row.event_id), ids[exception.faults[0]]) in lineage
    ledger = forgotten.world.room.ledger
    extra = ledger.named[Belief.OMS_ON_HAND]
    assert extra.sum() == forgotten.faults("missing_disposition").units.sum()
    assert (ledger.place[Place.CAGE] >= extra).all()
    assert (exceptions.restored_at == -1).all()


def _when_overdue(*steps: dict[str, Any]) -> Watcher:
    """Acts on each return that is not inspected when it is due, a step an hour."""
    waiting: dict[int, dict[str, Any]] = {}

    def answer(row: dict[str, Any], _: int) -> None:
        if row["due_at"] > 0 and row["code"] == CODE["651"]:
            waiting[row["document_id"]] = row | {"done": 0}
        else:
            waiting.pop(row["document_id"], None)

    def after(now: int) -> list[dict[str, Any]]:
        actions = []
        for row in waiting.values():
            if row["due_at"] + HOUR * row["done"] < now and row["done"] < len(steps):
                actions.append({name: row[name] for name in ("document_id", "location", "item")} | steps[row["done"]])
                row["done"] += 1
        return actions

    return Watcher(answer, ("returning", "inspecting") if len(steps) == 1 else ("returning",), after)


@pytest.mark.parametrize("disposition", list(Disposition))
def test_a_disposition_restores_a_forgotten_return(disposition: Disposition):
    approved = {"approver": "store_manager"} if disposition is Disposition.SCRAP else {}
    config = _forgetful()
    config.people.approval_minutes = 1.0
    watcher = _when_overdue({"kind": "set_disposition", "units": int(disposition)} | approved)
    played = play(config, watcher=watcher)
    exceptions = played.exceptions("missing_disposition")
    old = exceptions[exceptions.first_evidence_at < played.end - DAY]
    asked = {a.action_id: a.document_id for a in watcher.asked}
    assert len(old) > 10
    assert [asked[by] for by in old.restored_by] == old.document_id.tolist()
    lineage = played.lineage()
    ids = dict(zip(played.faults().number, played.faults().fault_id, strict=True))
    assert all((by, ids[faults[0]]) in lineage for by, faults in zip(old.restored_by, old.faults, strict=True))
    code = {Disposition.SELL: "653", Disposition.SCRAP: "551"}.get(disposition, "657")
    rows = played.of("inspecting")
    assert set(rows[rows.document_id.isin(old.document_id)].code) == {CODE[code]}
    assert not len(played.wrong_repairs())


def test_selling_what_is_unfit_costs_its_value():
    config = _forgetful()
    config.returns.scrap_share = config.returns.vendor_share = 0.3
    blind = play(config, watcher=_when_overdue({"kind": "set_disposition", "units": 0}))
    assert sum(blind.world.outcomes.days["unfit_resold"]) > 100.0
    looked = play(config, watcher=_when_overdue({"kind": "inspect"}, {"kind": "set_disposition", "units": 0}))
    assert sum(looked.world.outcomes.days["unfit_resold"]) == 0.0
    assert "it was found unfit for sale" in set(looked.outcomes().values())
    seen = looked.of("inspecting")
    assert {STATUS["sellable_accessible"], STATUS["non_sellable_other"]} <= set(seen[seen.code == -1].status)


def test_scrapping_needs_a_persons_approval():
    played = play(_forgetful(days=5), watcher=_when_overdue({"kind": "scrap"}))
    assert set(played.outcomes().values()) == {"scrapping needs a person's approval"}
    config = _forgetful(days=5)
    config.people.approval_minutes = 1.0
    approved = play(config, watcher=_when_overdue({"kind": "scrap", "approver": "store_manager"}))
    assert "" in set(approved.outcomes().values())
    assert (approved.exceptions("missing_disposition").restored_by != -1).any()


@pytest.mark.parametrize("step", [{"kind": "hold"}, {"kind": "count"}, {"kind": "inspect"},
                                  {"kind": "resync", "system": 2},
                                  {"kind": "adjust", "units": -1, "system": 2}])
def test_what_does_not_restore_a_forgotten_return(step: dict[str, Any]):
    played = play(acting_alone(_forgetful(days=6)), watcher=_when_overdue(step))
    exceptions = played.exceptions("missing_disposition")
    assert len(played.watcher.asked) > 5
    assert (exceptions.restored_at == -1).all()


def test_a_held_cell_is_not_offered_though_the_till_says_so():
    """Hold takes the units out of ATP at once: nothing of the cell is promised any more."""
    played = play(_forgetful(), watcher=_when_overdue({"kind": "hold"}))
    done = {a.action_id for a in played.watcher.asked if not played.outcomes()[a.action_id]}
    first = {(a.location, a.item): a.requested_at for a in played.watcher.asked if a.action_id in done}
    assert len(first) > 5
    promised = played.of("reserving")
    promised = promised[promised.status == STATUS["promised"]]
    for row in promised.itertuples():
        assert row.occurred_at < first.get((row.location, row.item), played.end) + HOUR


def test_store_managers_empty_the_cage_on_mondays():
    config = _forgetful(days=9)
    config.people.service_minutes_median = 2.0
    played = play(config)
    exceptions = played.exceptions("missing_disposition")
    mended = exceptions[exceptions.restored_at != -1]
    assert len(mended) > 10
    assert {played.day_of(at) for at in mended.restored_at} <= {7, 8}
    assert (mended.restored_by == -1).all()
    assert sum(played.world.outcomes.days["unfit_resold"]) == 0.0


def test_a_return_that_waits_for_its_manager_gets_no_second_case_the_next_monday():
    """Nobody gets round to it in these two weeks, and the queue still names each return once."""
    played = play(_forgetful(days=16))
    cases = played.world.manual.cases
    waiting = [document for name, document in zip(cases.type, cases.document_id, strict=True)
               if name == "missing_disposition"]
    assert len({played.day_of(at) for name, at in zip(cases.type, cases.opened_at, strict=True)
                if name == "missing_disposition"}) == 2
    assert len(waiting) == len(set(waiting)) > 10


# -- what vendors owe --------------------------------------------------------------------------------


def _gappy(days: int = 27) -> Config:
    config = _shops(days, rtv_gap=0.9)
    config.returns.vendor_share = 0.3
    config.returns.credit_days = 4
    return config


@pytest.fixture(scope="module")
def gaps() -> Played:
    return play(_gappy())


def _parts(played: Played) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Exceptions whose posting is missing, and those whose credit is."""
    exceptions = played.exceptions("rtv_gap")
    onset = played.faults().set_index("number").onset
    waited = exceptions.opened_at - onset.loc[[f[0] for f in exceptions.faults]].to_numpy()
    return exceptions[waited < DAY], exceptions[waited >= DAY]


def test_a_gap_is_a_posting_or_a_credit_that_is_missing(gaps: Played):
    posting, credit = _parts(gaps)
    assert len(posting) > 3
    assert len(credit) > 3
    rows = gaps.rows
    for exception in posting.itertuples():
        sent = rows[(rows.event_type == "shipping") & (rows.document_id == exception.document_id)]
        posted = rows[(rows.event_type == "posting") & (rows.correlation_id == exception.document_id)]
        assert exception.opened_at == exception.first_evidence_at == sent.due_at.min()
        assert (posted.occurred_at > exception.opened_at).all()
        if exception.restored_at != -1:
            assert posted.quantity.sum() == sent.quantity.sum()
    crediting = gaps.of("crediting")
    for exception in credit.itertuples():
        mine = crediting[crediting.parent_document_id == exception.document_id]
        assert exception.opened_at == exception.first_evidence_at == mine.due_at.iloc[0]
        paid = mine[mine.status == STATUS["credited"]]
        assert (paid.occurred_at > exception.opened_at).all()
        assert (exception.restored_at != -1) == bool(len(paid))
    parked = posting[posting.restored_at == -1]
    ledger = gaps.world.room.ledger
    assert (ledger.named[Belief.ERP_BLOCKED].sum() > 0) == bool(len(parked))


def test_a_credit_that_nobody_asks_for_can_lapse():
    config = _gappy(days=41)
    config.faults.rtv_gap.hours = 5000.0
    played = play(config)
    _, credit = _parts(played)
    lapsed = credit[(credit.closed_at != -1) & (credit.restored_at == -1)]
    assert len(lapsed) > 2
    assert sum(played.world.outcomes.days["lapsed_credits"]) == pytest.approx(lapsed.loss_at_stake.sum())


def _after_gap(kind: str, **more: Any) -> Watcher:
    """Asks for every vendor return: once its posting, or its credit, is a day late."""
    due: dict[int, int] = {}

    def answer(row: dict[str, Any], _: int) -> None:
        if row["document_type"] == DOCUMENT_TYPE["credit"] and row["status"] == STATUS["pending"]:
            due[row["parent_document_id"]] = row["occurred_at"] + DAY if kind == "post_return" else row["due_at"]

    def after(now: int) -> list[dict[str, Any]]:
        late = [document for document, at in due.items() if at < now]
        return [{"kind": kind, "document_id": document} | more for document in late if due.pop(document)]

    return Watcher(answer, ("crediting",), after)


@pytest.mark.parametrize(("kind", "part"), [("post_return", 0), ("chase_credit", 1)])
def test_each_gap_has_its_own_remedy(kind: str, part: int):
    config = _gappy()
    config.faults.rtv_gap.hours = 5000.0
    watcher = _after_gap(kind)
    played = play(config, watcher=watcher)
    asked = {a.action_id: a.document_id for a in watcher.asked}
    mended, other = _parts(played)[part], _parts(played)[1 - part]
    mended = mended[mended.opened_at < played.end - 2 * DAY]
    assert len(mended) > 3
    assert [asked[by] for by in mended.restored_by] == mended.document_id.tolist()
    assert (other.restored_by == -1).all()
    assert len({reason for reason in played.outcomes().values() if reason}) == 1
    assert not len(played.wrong_repairs())
    lineage = played.lineage()
    ids = dict(zip(played.faults().number, played.faults().fault_id, strict=True))
    assert all((by, ids[faults[0]]) in lineage for by, faults in zip(mended.restored_by, mended.faults, strict=True))


@pytest.mark.parametrize("kind", ["claim", "replay", "expedite", "set_disposition"])
def test_what_does_not_close_a_gap(kind: str):
    config = _gappy(days=20)
    config.faults.rtv_gap.hours = 5000.0
    played = play(config, watcher=_after_gap(kind))
    assert len(played.watcher.asked) > 5
    assert (played.exceptions("rtv_gap").restored_at == -1).all()


def test_payables_look_two_weeks_after_the_credit_was_due():
    config = _gappy(days=34)
    config.faults.rtv_gap.hours = 5000.0
    config.people.service_minutes_median = 5.0
    played = play(config)
    assert "rtv_gap" in played.world.manual.cases.type
    exceptions = played.exceptions("rtv_gap")
    mended = exceptions[exceptions.restored_at != -1]
    assert len(mended) > 1
    assert (mended.restored_at - mended.opened_at > 13 * DAY).all()


@pytest.mark.campaign
@pytest.mark.parametrize("type_name", ["missing_disposition", "rtv_gap"])
def test_without_one_fault_the_world_is_the_same_before_it(type_name: str):
    config = _gappy(days=16)
    config.faults.missing_disposition.rate = 0.05
    played = play(config)
    fault = played.faults(type_name).iloc[1]
    config.faults.exclude = [int(fault.fault_id)]
    twin = play(config)
    assert fault.fault_id not in set(twin.faults().fault_id)
    early = [p.rows[p.rows.available_at < fault.onset].reset_index(drop=True) for p in (played, twin)]
    assert early[0].equals(early[1])
    assert not played.rows.equals(twin.rows)
    others = [set(p.faults(type_name).fault_id) - {fault.fault_id} for p in (played, twin)]
    assert len(others[0] & others[1]) >= 0.9 * len(others[0])
    assert np.isin(list(others[1]), list(others[0])).mean() > 0.9
