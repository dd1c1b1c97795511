"""Purchase orders: their status, their versions, and what buyer and supplier write to each other."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from typing import Any

import numpy as np
import pytest

from sim.clock import DAY, HOUR
from sim.config import Config
from sim.events import CODE, DOCUMENT_TYPE, INTERFACE, SOURCE, STATUS
from sim.ledger import Belief
from sim.systems.purchasing import TRANSITIONS, OrderStatus, TransitionError
from tests.sim.small_world import Played, Watcher, acting_alone, play, quiet_config

#: Rows that say what an order line asks for, from now on.
_VERSIONS = ("ordering", "confirming", "changing")


def _config(days: int = 10, **rates: float) -> Config:
    config = quiet_config(stores=4, items=30, days=days, **rates)
    config.world.daily_units = 3.0
    config.replenishment.dc_review_days, config.replenishment.lead_days_median = 1, 2.0
    return config


def _changing(days: int = 10, **rates: float) -> Config:
    """A world in which suppliers change their minds all the time."""
    config = _config(days, **rates)
    suppliers = config.suppliers
    suppliers.quantity_change_rate, suppliers.price_change_rate, suppliers.shortage_rate = 0.5, 0.4, 0.3
    return config


def _orders_of(played: Played) -> Any:
    return played.world.receiving.orders


def _book_from_rows(played: Played, *, latest: bool = False) -> dict[tuple[int, int], int]:
    """The order book as the rows have it: (order, item) -> units still open.

    ERP shows every version with what it made of it, and posts each receipt line. With ``latest`` the highest
    version of each line counts, whatever ERP made of it.
    """
    rows, receipts = played.rows, {}
    held: dict[tuple[int, int], tuple[int, int]] = {}
    is_order = rows.document_type == DOCUMENT_TYPE["purchase_order"]
    for row in rows[is_order & rows.event_type.isin(_VERSIONS)].itertuples():
        line = (row.document_id, row.item)
        if (row.version >= held.get(line, (0, 0))[0]) if latest else row.status != STATUS["late"]:
            held[line] = (row.version, row.quantity)
    for row in rows[(rows.event_type == "receiving") & (rows.location == 0)].itertuples():
        receipts[row.document_id] = row.correlation_id
    received: Counter[tuple[int, int]] = Counter()
    for row in rows[(rows.event_type == "posting") & rows.code.isin([CODE["101"], CODE["103"]])].itertuples():
        received[receipts[row.correlation_id], row.item] += row.quantity
    return {line: units - received[line] for line, (_, units) in held.items()}


def _by_item(played: Played, lines: dict[tuple[int, int], int]) -> list[int]:
    total = np.zeros(played.world.room.items, int)
    for (_, item), units in lines.items():
        total[item] += units
    return total.tolist()


def _erp(played: Played) -> list[int]:
    return played.world.room.ledger.belief[Belief.ERP_ON_ORDER, : played.world.room.items].tolist()


# -- the conversation --------------------------------------------------------------------------------


def test_every_order_is_acknowledged_confirmed_shipped_received_and_reported():
    played = play(_config(days=12))
    rows = played.rows
    orders = rows[(rows.event_type == "ordering") & (rows.code == CODE["850"])]
    assert (orders.status == STATUS["created"]).all()
    assert (orders.interface == INTERFACE["edi_out"]).all()
    old = orders[orders.available_at < played.end - 7 * DAY]
    assert len(old) > 20
    acknowledged = rows[rows.event_type == "acknowledging"].set_index("document_id")
    assert not acknowledged.index.duplicated().any()
    assert (acknowledged.code == CODE["997"]).all()
    confirmed = rows[rows.event_type == "confirming"].set_index(["document_id", "item"])
    assert not confirmed.index.duplicated().any()
    advised = rows[rows.event_type == "advising"].groupby(["parent_document_id", "item"]).quantity.sum()
    reported = rows[rows.event_type == "reporting"].set_index(["parent_document_id", "item"])
    assert (reported.code == CODE["861"]).all()
    for order in old.itertuples():
        line = (order.document_id, order.item)
        word = confirmed.loc[line]
        assert acknowledged.loc[order.document_id].available_at < word.available_at
        assert (word.version, word.quantity, word.unit_price) == (1, order.quantity, order.unit_price)
        assert word.status == STATUS["confirmed"]
        assert advised.loc[line] == order.quantity == reported.loc[line].quantity
        assert reported.loc[line].status == STATUS["received"]


def test_a_line_goes_only_where_its_status_allows():
    played = play(_changing(receiving_variance=0.3, carton_mismatch=0.1))
    orders = _orders_of(played)
    met = set(orders.status[: len(orders)].tolist())
    assert met >= {OrderStatus.CONFIRMED, OrderStatus.CHANGED, OrderStatus.PARTIAL, OrderStatus.CLOSED,
                   OrderStatus.CANCELLED}
    # A line is created and received between two midnights: the rows show it.
    assert {STATUS["partial"], STATUS["received"]} <= set(played.of("reporting").status)
    assert {STATUS["changed"], STATUS["cancelled"]} <= set(played.of("changing").status)
    assert set(TRANSITIONS) == set(OrderStatus)
    closed = np.flatnonzero(orders.status[: len(orders)] == OrderStatus.CLOSED)[:1]
    with pytest.raises(TransitionError, match="CLOSED to CHANGED"):
        orders.move(closed, OrderStatus.CHANGED)


def test_changes_are_as_frequent_as_configured():
    config = _config(days=14)
    config.suppliers.quantity_change_rate, config.suppliers.price_change_rate = 0.3, 0.2
    changes, lines = Counter(), 0
    for seed in range(3):
        gauges = dict(play(config, seed).world.room.gauges._ratios)
        lines += gauges["po_quantity_changes"][0]
        for name in ("po_quantity_changes", "po_price_changes"):
            changes[name] += gauges[name][1]
    assert lines > 200
    assert changes["po_quantity_changes"] / lines == pytest.approx(0.3, rel=0.3)
    assert changes["po_price_changes"] / lines == pytest.approx(0.2, rel=0.3)


@pytest.mark.parametrize("seed", range(3))
def test_the_versions_in_the_stream_add_up_to_the_order_book_of_erp(seed: int):
    """With short and damaged cartons, claims, and old versions that overwrite new ones."""

    def answer(row: dict[str, Any], _: int) -> dict[str, Any] | None:
        if row["status"] != STATUS["variance"] or row["location"] != 0 or row["event_id"] % 2:
            return None
        return {"kind": "claim", "document_id": row["document_id"], "item": row["item"], "location": 0}

    config = _changing(out_of_order=0.4, receiving_variance=0.2)
    played = play(config, seed, watcher=Watcher(answer, ("receiving",)))
    assert len(played.of("changing")) > 40
    assert len(played.exceptions("out_of_order")) > 5
    assert _by_item(played, _book_from_rows(played)) == _erp(played)


def test_a_healthy_erp_holds_the_latest_versions():
    config = _changing()
    config.suppliers.overtaken_rate = 0.3
    played = play(config)
    versions = played.rows[played.rows.event_type.isin(["confirming", "changing"])]
    late = versions[versions.status == STATUS["late"]]
    assert len(late) > 5
    # The late ones came after a newer version of the same line; ERP holds the newest, and nothing is wrong.
    for row in late.itertuples():
        newer = versions[(versions.document_id == row.document_id) & (versions["item"] == row.item)
                         & (versions.version > row.version)]
        assert (newer.available_at < row.available_at).any()
    assert _by_item(played, _book_from_rows(played, latest=True)) == _erp(played)
    assert not len(played.exceptions())
    assert not len(played.entries())
    decoys = played.truth.decoys
    documents = [d for d, kind in zip(decoys.document_id, decoys.kind, strict=True) if kind == "valid_late_update"]
    assert sorted(documents) == sorted(late.document_id)
    assert not {fault for _, fault in played.lineage()}


# -- out_of_order --------------------------------------------------------------------------------------


def _stale(kind: str, **more: Any) -> Watcher:
    """Answers each version that ERP took although it had a newer one."""
    highest: dict[tuple[int, int], int] = {}

    def answer(row: dict[str, Any], _: int) -> dict[str, Any] | None:
        line = (row["document_id"], row["item"])
        stale = row["status"] != STATUS["late"] and row["version"] < highest.get(line, 0)
        highest[line] = max(highest.get(line, 0), row["version"])
        if not stale:
            return None
        return {"kind": kind, "document_id": row["document_id"], "item": row["item"], "location": 0} | more

    return Watcher(answer, ("confirming", "changing"))


def test_an_old_version_overwrites_a_new_one():
    played = play(_changing(out_of_order=0.5))
    exceptions, faults, rows = played.exceptions("out_of_order"), played.faults().set_index("number"), played.rows
    assert len(exceptions) > 10
    assert not exceptions.announced.any()
    entries, links, wrong = played.entries(), played.lineage(), 0
    assert set(entries.belief) == {Belief.ERP_ON_ORDER}
    for exception in exceptions.itertuples():
        fault = faults.loc[exception.faults[0]]
        versions = rows[rows.event_type.isin(["confirming", "changing"]) & (rows.document_id == exception.document_id)
                        & (rows["item"] == exception.item)]
        old = versions[versions.available_at == exception.first_evidence_at].iloc[0]
        newer = versions[(versions.version > old.version) & (versions.available_at < old.available_at)]
        assert len(newer)
        newest = newer.sort_values("version").quantity.iloc[-1]
        assert old.status != STATUS["late"]
        assert (old.event_id, fault.fault_id) in links
        assert fault.onset <= exception.opened_at == old.recorded_at
        mine = entries[entries.fault == exception.faults[0]]
        wrong += len(mine) > 0
        # ERP is wrong by what the two versions differ by, and by nothing where they differ in price alone.
        assert mine.units.sum() == fault.units
        assert fault.units == old.quantity - newest
    assert wrong > 5
    # What was never put in order is wrong until a later version or the goods themselves make it right.
    assert 0 < (exceptions.restored_at == -1).sum() < len(exceptions)
    assert (exceptions.restored_by == -1).all()


def test_a_line_taken_back_before_it_was_confirmed_comes_alive_again():
    """Cancel before create: the version that says nothing comes is overwritten by the one that created the line."""
    played = play(_changing(days=14, out_of_order=1.0))
    rows = played.of("changing")
    taken_back = rows[(rows.quantity == 0) & (rows.version == 2)].set_index(["document_id", "item"])
    confirmed = played.of("confirming").set_index(["document_id", "item"])
    revived = [line for line in taken_back.index
               if line in confirmed.index and confirmed.loc[line].available_at > taken_back.loc[line].available_at]
    assert revived
    exceptions = played.exceptions("out_of_order")
    assert set(revived) <= set(zip(exceptions.document_id, exceptions["item"], strict=True))


def test_putting_the_versions_in_order_restores():
    played = play(_changing(out_of_order=0.5), watcher=_stale("resequence"))
    exceptions = played.exceptions("out_of_order")
    asked = {a.action_id: (a.document_id, a.item) for a in played.watcher.asked}
    exceptions = exceptions[exceptions.opened_at < played.end - HOUR]
    assert len(exceptions) > 10
    assert [asked[by] for by in exceptions.restored_by] == list(
        zip(exceptions.document_id, exceptions["item"], strict=True))
    assert not len(played.wrong_repairs())
    links = played.lineage()
    faults = played.faults().set_index("number")
    assert {(e.restored_by, faults.fault_id[e.faults[0]]) for e in exceptions.itertuples()} <= links
    # ERP says so, and its book is that of the latest versions.
    again = played.of("changing")
    assert (again.source == 0).sum() >= len(exceptions)
    assert _by_item(played, _book_from_rows(played, latest=True)) == _erp(played)


@pytest.mark.parametrize(("kind", "more"), [
    ("adjust", {"units": 3, "system": 1}), ("replay", {"interface": INTERFACE["wms_erp"], "sequence": 0}),
    ("claim", {}), ("post_receipt", {}), ("relink", {})])
def test_another_remedy_leaves_the_old_version_in_force(kind: str, more: dict[str, Any]):
    played = play(acting_alone(_changing(days=7, out_of_order=0.5)), watcher=_stale(kind, **more))
    assert len(played.watcher.asked) > 5
    exceptions = played.exceptions("out_of_order")
    assert (exceptions.restored_by == -1).all()
    assert (exceptions.restored_at == -1).any()


def test_versions_that_are_in_order_are_left_alone():
    config = _changing()
    config.suppliers.overtaken_rate = 0.3

    def answer(row: dict[str, Any], _: int) -> dict[str, Any]:
        return {"kind": "resequence", "document_id": row["document_id"], "item": row["item"], "location": 0}

    played = play(config, watcher=Watcher(answer, ("changing",)))
    assert set(played.outcomes().values()) == {"its versions are in order"}


@pytest.mark.campaign
def test_leaving_one_out_changes_nothing_before_its_onset():
    config = _changing(days=8, out_of_order=0.3)
    played = play(config)
    faults = played.faults("out_of_order")
    assert len(faults) > 5
    for fault in faults.itertuples():
        twin = deepcopy(config)
        twin.faults.exclude = [fault.fault_id]
        other = play(twin)
        before = [table[table.available_at < fault.onset].reset_index(drop=True) for table in (played.rows, other.rows)]
        assert before[0].equals(before[1])
        assert not played.rows.equals(other.rows)
        assert fault.fault_id not in set(other.faults().fault_id)


def test_buyers_find_it_in_days():
    config = _changing(days=14, out_of_order=0.5)
    config.people.service_minutes_median = 15.0
    played = play(config)
    cases = played.world.manual.cases
    found = [opened for opened, kind in zip(cases.opened_at, cases.type, strict=True) if kind == "out_of_order"]
    assert len(found) > 3
    exceptions = played.exceptions("out_of_order")
    # Whatever is linked to one of them is a row, the one in which ERP says what holds again among them.
    faults, ids = set(played.faults("out_of_order").fault_id), set(played.rows.event_id)
    linked = [event for event, fault in played.lineage() if fault in faults]
    assert set(linked) <= ids
    assert (played.rows[played.rows.event_id.isin(linked)].source == SOURCE["ERP"]).any()
    assert min(exceptions.opened_at) + 2 * DAY <= min(found)
    assert (exceptions.restored_at != -1).sum() > len(found) // 2


# -- cancel --------------------------------------------------------------------------------------------


def _cancelling(after_hours: int) -> Watcher:
    """Cancels every third order line so many hours after it was ordered."""
    lines: list[tuple[int, int, int]] = []

    def answer(row: dict[str, Any], now: int) -> None:
        if row["code"] == CODE["850"] and row["event_id"] % 3 == 0:
            lines.append((now + after_hours * HOUR, row["document_id"], row["item"]))

    def after(now: int) -> list[dict[str, Any]]:
        due = [line for line in lines if line[0] <= now]
        for line in due:
            lines.remove(line)
        return [{"kind": "cancel", "document_id": d, "item": i, "location": 0} for _, d, i in due]

    return Watcher(answer, ("ordering",), after)


def test_a_line_is_cancelled_before_it_is_packed():
    played = play(_config(), watcher=_cancelling(2))
    outcomes = played.outcomes()
    asked = [a for a in played.watcher.asked if not outcomes[a.action_id]]
    assert len(asked) > 10
    advised = played.of("advising")
    shipped = set(zip(advised.parent_document_id, advised["item"], strict=True))
    assert not shipped & {(a.document_id, a.item) for a in asked}
    rows = played.of("changing")
    assert set(zip(rows.document_id, rows["item"], strict=True)) == {(a.document_id, a.item) for a in asked}
    assert (rows.status == STATUS["cancelled"]).all()
    assert not len(played.wrong_repairs())
    assert _by_item(played, _book_from_rows(played)) == _erp(played)


def test_what_is_on_the_road_cannot_be_cancelled():
    played = play(_config(), watcher=_cancelling(36))
    assert "it is on its way" in set(played.outcomes().values())


def test_cancelling_the_rest_of_a_short_line_closes_it():
    lines: list[tuple[int, int, int]] = []

    def answer(row: dict[str, Any], now: int) -> None:
        if row["location"] == 0 and row["status"] == STATUS["variance"]:
            lines.append((now + 6 * HOUR, row["correlation_id"], row["item"]))

    def after(now: int) -> list[dict[str, Any]]:
        due = [line for line in lines if line[0] == now]
        return [{"kind": "cancel", "document_id": d, "item": i, "location": 0} for _, d, i in due]

    played = play(_config(receiving_variance=0.3), watcher=Watcher(answer, ("receiving",), after))
    outcomes, orders = played.outcomes(), _orders_of(played)
    done = {(int(orders.receipt[orders.line_of(a.document_id, a.item)]), a.item): a.action_id
            for a in played.watcher.asked if not outcomes[a.action_id]}
    assert len(done) > 5
    exceptions = played.exceptions("receiving_variance")
    for exception in exceptions.itertuples():
        # What came over leaves nothing to cancel, and damaged goods leave nothing open.
        assert exception.restored_by == done.get((exception.document_id, exception.item), -1)
    assert set(outcomes.values()) == {"", "nothing of it is open"}
    assert not len(played.wrong_repairs())
    assert _by_item(played, _book_from_rows(played)) == _erp(played)


# -- overdue orders ------------------------------------------------------------------------------------


def test_an_overdue_order_counts_as_inbound_only_once_it_is_advised():
    """Two chains that differ in their ASNs alone: without them the buyer orders what is already on its way."""
    config = _config(days=16)
    # Promises that no one keeps, so that every order is overdue before it comes.
    config.suppliers.promise_factor = 0.4
    ordered = {}
    for rate in (0.0, 1.0):
        config.faults.late_asn.rate = rate
        played = play(config, 3)
        orders = _orders_of(played)
        lines = slice(0, len(orders))
        missed = np.bincount(orders.item[lines], orders.missed[lines], len(orders.unconfirmed)).astype(int)
        assert orders.unconfirmed.tolist() == missed.tolist()
        rows = played.of("ordering")
        ordered[rate] = rows[rows.code == CODE["850"]].quantity.sum()
    assert ordered[1.0] > 1.2 * ordered[0.0]
