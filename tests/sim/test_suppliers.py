"""Suppliers: how well they deliver, what they damage, and those that key their papers by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from sim.clock import DAY, HOUR
from sim.config import Config
from sim.events import CODE, DOCUMENT_TYPE, INTERFACE, STATUS
from sim.ledger import Belief, Place
from sim.ledger import Kind as StockKind
from sim.systems.suppliers import by_portal
from tests.sim.small_world import Played, Watcher, play, quiet_config


def _config(days: int = 12, **rates: float) -> Config:
    config = quiet_config(stores=4, items=30, days=days, **rates)
    config.world.daily_units, config.world.suppliers = 3.0, 10
    config.replenishment.dc_review_days, config.replenishment.lead_days_median = 1, 2.0
    # Nothing but what suppliers damage is to stand in the cage of the DC.
    config.demand.return_rate = config.demand.online_return_rate = 0.0
    return config


def _lines(played: Played) -> pd.DataFrame:
    """Cartons: what the ASN says, what was counted as good, and what went to the cage."""
    received = played.of("receiving")
    received = received[received.location == 0]
    table = played.of("advising").set_index("carton")[["quantity", "interface", "partner", "due_at", "available_at"]]
    good = received[received.code == CODE["101"]].groupby("carton").quantity.sum()
    caged = received[received.code == CODE["103"]].groupby("carton").quantity.sum()
    table = table.assign(good=good, caged=caged)
    return table[table.good.notna()].fillna({"caged": 0})


def _claiming(after_hours: int = 0) -> Watcher:
    open_lines: list[tuple[int, int, int]] = []

    def answer(row: dict[str, Any], now: int) -> None:
        if row["location"] == 0 and row["status"] == STATUS["variance"]:
            open_lines.append((now + after_hours * HOUR, row["document_id"], row["item"]))

    def after(now: int) -> list[dict[str, Any]]:
        return [{"kind": "claim", "document_id": d, "item": i, "location": 0} for at, d, i in open_lines if at == now]

    return Watcher(answer, ("receiving",), after)


# -- deliveries ------------------------------------------------------------------------------------


def test_deliveries_come_early_and_late_short_over_and_damaged():
    config = _config(days=20, receiving_variance=0.3)
    config.replenishment.lead_sigma = 0.5
    played = play(config)
    rows = played.rows
    due = rows[(rows.event_type == "ordering") & (rows.code == CODE["850"])].groupby("document_id").due_at.first()
    arrived = rows[(rows.event_type == "arriving") & (rows.document_type == DOCUMENT_TYPE["asn"])]
    delay = arrived.occurred_at - due.reindex(arrived.parent_document_id).to_numpy()
    assert (delay > 0).any()
    assert (delay < -DAY).any()
    cartons = _lines(played)
    assert (cartons.good + cartons.caged < cartons.quantity).any()
    assert (cartons.good > cartons.quantity).any()
    assert (cartons.caged > 0).any()


@pytest.mark.campaign
def test_troubled_orders_keep_the_others_clean():
    config = _config(days=20, receiving_variance=0.2)
    config.suppliers.troubled_share = 0.3
    wrong = total = troubled = orders = 0
    for seed in range(4):
        rows = play(config, seed).of("receiving")
        rows = rows[(rows.location == 0) & (rows.code == CODE["101"])]
        differs = rows.status == STATUS["variance"]
        wrong, total = wrong + differs.sum(), total + len(rows)
        by_order = differs.groupby(rows.document_id).any()
        troubled, orders = troubled + by_order.sum(), orders + len(by_order)
    assert wrong / total == pytest.approx(0.2, abs=0.06)
    assert troubled / orders < 0.36


# -- damaged goods -----------------------------------------------------------------------------------


def test_damaged_goods_stand_in_the_cage_until_the_claim_is_settled():
    played = play(_config(days=16, receiving_variance=0.4))
    ledger, items = played.world.room.ledger, played.world.room.items
    rows = played.of("receiving")
    blocked = rows[rows.code == CODE["103"]]
    assert len(blocked) > 3
    assert (blocked.status == STATUS["blocked"]).all()
    caged = np.bincount(blocked["item"], blocked.quantity, items).astype(int)
    assert caged.tolist() == ledger.place[Place.CAGE, :items].tolist()
    assert caged.tolist() == ledger.fact[StockKind.BLOCKED, :items].tolist()
    assert ledger.belief[Belief.SITE_BLOCKED, :items].tolist() == caged.tolist()
    posted = played.of("posting")
    posted = posted[posted.code == CODE["103"]]
    assert np.bincount(posted["item"], posted.quantity, items).astype(int).tolist() == ledger.belief[
        Belief.ERP_BLOCKED, :items].tolist()
    # The exception is that of the receipt line; nothing is wrong in the books, and it is not restored.
    exceptions = played.exceptions("receiving_variance")
    mine = exceptions[[(d, i) in set(zip(blocked.document_id, blocked["item"], strict=True))
                       for d, i in zip(exceptions.document_id, exceptions["item"], strict=True)]]
    assert len(mine) >= len(blocked.groupby(["document_id", "item"]))
    assert (mine.restored_at == -1).all()


def test_a_settled_claim_releases_or_scraps_what_was_damaged():
    played = play(_config(days=16, receiving_variance=0.4), watcher=_claiming())
    rows = played.rows
    released = rows[rows.code == CODE["105"]]
    released, posted = released[released.event_type == "inspecting"], released[released.event_type == "posting"]
    scrapped = rows[(rows.event_type == "destroying") & (rows.code == CODE["551"]) & (rows.location == 0)]
    assert len(released)
    assert len(scrapped)
    assert (released.location == 0).all()
    assert set(posted.sequence) <= set(released.sequence)
    received = rows[(rows.event_type == "receiving") & (rows.code == CODE["103"])
                    & (rows.available_at < played.end - HOUR)]
    assert received.quantity.sum() == released.quantity.sum() + scrapped.quantity.sum()
    exceptions = played.exceptions("receiving_variance")
    assert (exceptions[exceptions.opened_at < played.end - HOUR].restored_by != -1).all()
    assert not len(played.wrong_repairs())


# -- the portal --------------------------------------------------------------------------------------


def test_portal_suppliers_key_their_advice_later():
    config = _config(days=16)
    config.suppliers.portal_share = 0.5
    played = play(config)
    room = played.world.room
    portal = {room.locations + v for v in range(config.world.suppliers) if by_portal(room, v)}
    cartons = played.of("advising")
    by_hand = cartons.interface == INTERFACE["portal_wms"]
    assert set(cartons.partner[by_hand]) <= portal
    assert not set(cartons.partner[~by_hand]) & portal
    ahead = (cartons.due_at - cartons.occurred_at) / HOUR
    assert ahead[by_hand].median() < 13 < ahead[~by_hand].median()
    assert (ahead > 0).all()


@pytest.mark.campaign
def test_who_keys_by_hand_mistypes_more():
    config = _config(days=24, receiving_variance=0.1, carton_mismatch=0.1)
    config.suppliers.portal_share, config.suppliers.portal_factor = 0.5, 4.0
    wrong = {"receiving_variance": np.zeros(2), "carton_mismatch": np.zeros(2)}
    total, typed, right = np.zeros(2), 0, 0
    for seed in range(4):
        played = play(config, seed)
        room, rows = played.world.room, played.of("receiving")
        rows = rows[(rows.location == 0) & (rows.code == CODE["101"])].drop_duplicates("carton")
        by_hand = np.array([by_portal(room, v - room.locations) for v in rows.partner], bool)
        total += [(~by_hand).sum(), by_hand.sum()]
        for name, status in (("receiving_variance", "variance"), ("carton_mismatch", "unknown_carton")):
            hit = (rows.status == STATUS[status]).to_numpy()
            wrong[name] += [(hit & ~by_hand).sum(), (hit & by_hand).sum()]
        # A slip of the keyboard leaves the order line right: what came is what was ordered.
        ordered = played.of("ordering").set_index(["document_id", "item"]).quantity
        lines = rows.groupby(["correlation_id", "item"]).agg(
            quantity=("quantity", "sum"), differs=("status", lambda s: (s == STATUS["variance"]).any()),
            known=("status", lambda s: (s != STATUS["unknown_carton"]).all()), partner=("partner", "first"))
        lines = lines[lines.known & lines.differs]
        hand = np.array([by_portal(room, v - room.locations) for v in lines.partner], bool)
        same = (lines.quantity == ordered.loc[lines.index]).to_numpy()
        typed, right = typed + (same & hand).sum(), right + (same & ~hand).sum()
    for counts in wrong.values():
        edi, portal = counts / total
        assert portal > 2.0 * edi
        assert counts.sum() / total.sum() == pytest.approx(0.1, abs=0.05)
    assert typed > 5
    assert right == 0


def test_a_mistyped_advice_is_settled_without_touching_a_book():
    config = _config(days=16, receiving_variance=0.3)
    config.suppliers.portal_share, config.suppliers.portal_factor = 1.0, 4.0
    played = play(config, watcher=_claiming())
    faults = played.faults("receiving_variance").set_index("number")
    touched = set(played.entries().fault)
    exceptions = played.exceptions("receiving_variance")
    exceptions = exceptions[exceptions.opened_at < played.end - HOUR]
    typed = [e for e in exceptions.itertuples() if e.faults[0] not in touched]
    assert len(typed) > 5
    assert all(e.restored_by != -1 for e in typed)
    assert all(faults.units[e.faults[0]] for e in typed)
    assert not len(played.wrong_repairs())
