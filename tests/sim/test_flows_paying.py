"""Invoices against orders and receipts: what is blocked, who frees it, and what a wrong release costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.clock import DAY
from sim.config import Config, Finance
from sim.events import CODE, DOCUMENT_TYPE, NULL, STATUS
from sim.systems.accounts import Account
from sim.systems.finance import Tolerance, accepted_units, bill, blocked_lines, payment_term
from sim.world import RegionWorld
from tests.sim.small_world import Played, Watcher, play, quiet_config

LIMITS = ("quantity_up", "quantity_down", "value_up", "value_down")


def broken(tolerance: Tolerance, expected: int, found: int, cents: int) -> set[str]:
    flags = tolerance.breaks(*(np.array([x], np.int64) for x in (expected, found, cents)))
    return {name for name, flag in zip(LIMITS, flags[:, 0], strict=True) if flag}


@pytest.mark.parametrize(("counted", "limits"), [
    (100, set()), (105, set()), (90, set()),
    (106, {"quantity_up"}),
    (88, {"quantity_down"}),
    (122, {"quantity_up", "value_up"}),
    (73, {"quantity_down", "value_down"}),
])
def test_the_worked_example_of_a_tolerance(counted: int, limits: set[str]):
    """Cost 10, +5 % and -10 %, +200 and -250 in value, counts against a book of 100."""
    assert broken(Tolerance.of(Finance()), 100, counted, 1000) == limits


@given(expected=st.integers(0, 5000), found=st.integers(0, 5000), cents=st.integers(1, 50_000))
def test_who_is_further_off_breaks_no_fewer_limits(expected: int, found: int, cents: int):
    tolerance = Tolerance.of(Finance())
    further = found + (found > expected) - (found < expected)
    assert broken(tolerance, expected, found, cents) <= broken(tolerance, expected, further, cents)
    assert not broken(tolerance, expected, expected, cents)


def test_an_over_delivery_past_tolerance_is_refused_and_an_under_delivery_is_not():
    tolerance = Tolerance.of(Finance())
    ordered, delivered = np.full(4, 100), np.array([80, 100, 105, 130])
    assert accepted_units(tolerance, ordered, delivered).tolist() == [80, 100, 105, 105]


def test_a_line_is_blocked_by_its_price_its_quantity_or_their_worth():
    agreed = np.full(5, 1000)
    charged = np.array([1000, 1060, 1000, 1030, 1030])
    received = np.array([100, 100, 100, 100, 1000])
    billed = np.array([100, 100, 120, 100, 1000])
    blocked = blocked_lines(Tolerance.of(Finance()), received, billed, agreed, charged)
    # 3 % of 1,000 units at 10.00 is 300: inside the share, past the value.
    assert blocked.tolist() == [False, True, True, False, True]


def paying_config(days: int = 20, error_rate: float = 0.0, **rates: float) -> Config:
    config = quiet_config(stores=3, items=25, days=days, **rates)
    config.finance.invoice_error_rate = error_rate
    config.finance.payment_days = 16
    return config


def with_people(config: Config) -> Config:
    config.people.service_minutes_median, config.people.service_sigma = 15.0, 0.6
    return config


@pytest.fixture(scope="module")
def right() -> Played:
    return play(paying_config())


def paid_orders(played: Played) -> list[Any]:
    return played.world.paying._paid


def test_right_invoices_are_matched_and_paid_in_full(right: Played):
    matching, paying = right.of("matching"), right.of("paying")
    assert len(matching)
    assert set(matching.status) == {STATUS["matched"]}
    assert len(paying)
    assert (paying.code == CODE["820"]).all()
    assert right.of("releasing").empty
    due = right.of("invoicing").set_index(["document_id", "item"]).due_at
    paid = paying.set_index(["document_id", "item"])
    assert (paid.due_at == due.loc[paid.index]).all()
    assert (paid.occurred_at // DAY >= paid.due_at // DAY).all()
    general = right.world.accounts.general
    assert general.balance(Account.PRICE_DIFFERENCES) == general.balance(Account.SUPPLIER_CLAIMS) == 0
    assert general.credit[Account.BANK] == int(np.rint(paying.quantity * paying.unit_price * 100).sum())


def test_a_line_received_and_billed_leaves_nothing_on_its_account(right: Played):
    orders = paid_orders(right)
    assert orders
    for order in orders:
        assert (order.received == order.billed).all()
        assert order.received.sum() > 0


def test_an_invoice_comes_after_the_goods_and_names_its_order(right: Played):
    invoicing, ordering = right.of("invoicing"), right.of("ordering")
    arriving = right.of("arriving").query("source == 4 and parent_document_id > 0")
    came = arriving.set_index("parent_document_id").occurred_at
    assert (invoicing.occurred_at.to_numpy() > came.loc[invoicing.parent_document_id].to_numpy()).all()
    assert set(invoicing.parent_document_id) <= set(ordering.document_id)
    assert (invoicing.code == CODE["810"]).all()


def test_wrong_invoices_are_blocked_corrected_and_paid_as_agreed():
    played = play(with_people(paying_config(error_rate=1.0)))
    matching, releasing, paying = played.of("matching"), played.of("releasing"), played.of("paying")
    blocked = matching[matching.status == STATUS["blocked"]]
    assert set(matching.document_id) == set(blocked.document_id), "every invoice was wrong somewhere"
    assert len(releasing)
    assert set(releasing.document_id) <= set(blocked.document_id)
    cost = played.world.room.catalogue.cost
    wrong = played.of("invoicing")
    assert (np.abs(wrong.unit_price / cost[wrong.item] - 1.0) > 0.1).mean() > 0.5
    assert np.allclose(paying.unit_price, cost[paying.item])
    counted = played.of("receiving").query("code == 0").groupby(["correlation_id", "item"]).quantity.sum()
    assert (paying.quantity.to_numpy() == counted.loc[list(zip(paying.correlation_id, paying.item,
                                                                strict=True))].to_numpy()).all()
    gauges = played.world.room.gauges._ratios
    assert gauges["invoice_exceptions"][0] == gauges["invoice_exceptions"][1]
    assert 5.0 < gauges["finance_minutes"][1] / gauges["finance_minutes"][0] < 60.0
    assert sum(played.world.outcomes.days["price_leakage"]) == 0.0


def releasing_operator() -> Watcher:
    def answer(row: dict[str, Any], _: int) -> dict[str, Any] | None:
        if row["status"] != STATUS["blocked"]:
            return None
        return {"kind": "release_block", "document_id": row["document_id"]}

    return Watcher(answer, ("matching",))


def test_releasing_a_block_that_is_justified_pays_too_much():
    kept, freed = play(paying_config(error_rate=1.0)), play(paying_config(error_rate=1.0), watcher=releasing_operator())
    assert kept.of("paying").empty, "nobody in finance has time"
    paying, cost = freed.of("paying"), freed.world.room.catalogue.cost
    assert len(paying)
    leaked = sum(freed.world.outcomes.days["price_leakage"])
    assert leaked > 0.0
    released = freed.of("invoicing").merge(freed.of("matching").query("status == @STATUS['blocked']")[["document_id"]]
                                           .drop_duplicates(), on="document_id")
    over = released.quantity * (released.unit_price - cost[released.item])
    assert leaked >= over[over > 0].sum() - 1e-6
    assert "it is not blocked" in freed.outcomes().values(), "one release frees all lines of an invoice"
    assert freed.world.accounts.general.balance(Account.PRICE_DIFFERENCES) > 0


def test_a_block_for_want_of_a_posting_goes_with_the_posting():
    config = paying_config(posting_lag=1.0)
    config.faults.posting_lag.hours, config.faults.posting_lag.sigma = 130.0, 0.1
    played = play(config)
    matching, releasing = played.of("matching"), played.of("releasing")
    blocked = matching[matching.status == STATUS["blocked"]]
    assert len(blocked)
    assert set(releasing.document_id) & set(blocked.document_id), "no person was needed"
    assert sum(played.world.outcomes.days["price_leakage"]) == 0.0
    assert played.world.accounts.general.balance(Account.PRICE_DIFFERENCES) == 0


def test_releasing_a_block_for_want_of_a_posting_costs_nothing():
    config = paying_config(posting_lag=1.0)
    config.faults.posting_lag.hours, config.faults.posting_lag.sigma = 130.0, 0.1
    played = play(config, watcher=releasing_operator())
    assert any(not reason for reason in played.outcomes().values())
    assert sum(played.world.outcomes.days["price_leakage"]) == 0.0


def test_a_claim_for_what_never_came_is_deducted_from_the_payment(monkeypatch: pytest.MonkeyPatch):
    # All suppliers bill what they meant to send, as one invoice in a hundred does.
    monkeypatch.setattr("sim.flows.paying.bill", lambda *a: (a[2].copy(), a[4].copy()))

    def answer(row: dict[str, Any], now: int) -> dict[str, Any] | None:
        if row["status"] != STATUS["variance"]:
            return None
        late.append((now + 8 * DAY, {"kind": "claim", "document_id": row["document_id"], "item": row["item"],
                                     "location": 0}))
        return None

    late: list[tuple[int, dict[str, Any]]] = []

    def after(now: int) -> list[dict[str, Any]]:
        due = [fields for at, fields in late if at <= now]
        late[:] = [entry for entry in late if entry[0] > now]
        return due

    played = play(paying_config(days=26, receiving_variance=0.3), watcher=Watcher(answer, ("receiving",), after))
    general = played.world.accounts.general
    assert general.debit[Account.SUPPLIER_CLAIMS] > 0
    assert general.credit[Account.SUPPLIER_CLAIMS] > 0, "a paid invoice has its claims deducted"
    paying = played.of("paying")
    # Besides, what was scrapped for damage is owed.
    deducted = int(np.rint(paying.quantity * paying.unit_price * 100).sum()) - general.credit[Account.BANK]
    assert 0 < deducted <= general.credit[Account.SCRAP] <= general.debit[Account.SCRAP]
    for order in paid_orders(played):
        assert (order.received == order.billed).all()


def _receiving_blind(after_days: int) -> Watcher:
    """Has each truck without its ASN received so many days after it came, and its invoice paid all the same."""
    came: dict[int, int] = {}

    def answer(row: dict[str, Any], now: int) -> dict[str, Any] | None:
        if row["status"] == STATUS["blocked"]:
            return {"kind": "release_block", "document_id": row["document_id"]}
        if row["document_type"] == DOCUMENT_TYPE["asn"] and row["carton"] == NULL:
            came[row["document_id"]] = now
        return None

    def after(now: int) -> list[dict[str, Any]]:
        due = [truck for truck, at in came.items() if at + after_days * DAY <= now]
        for truck in due:
            del came[truck]
        return [{"kind": "post_receipt", "document_id": truck, "location": 0} for truck in due]

    return Watcher(answer, ("arriving", "matching"), after)


@pytest.mark.parametrize(("days", "fee"), [(0, 75.0), (10, 75.0), (0, 0.0)])
def test_a_truck_received_without_its_asn_costs_its_supplier_a_fee(days: int, fee: float):
    config = paying_config(days=24, late_asn=0.5)
    config.finance.asn_fee, config.finance.payment_days = fee, 4
    # No other credit of a vendor.
    config.returns.vendor_share = 0.0
    # Who waits for ten days must not be saved by an ASN that comes after all.
    config.faults.late_asn.hours, config.faults.late_asn.sigma = 1e4, 0.0
    played = play(config, watcher=_receiving_blind(days))
    receiving, charged, general = played.of("receiving"), played.of("crediting"), played.world.accounts.general
    blind = set(receiving.parent_document_id[receiving.status == STATUS["blind"]])
    assert len(blind) > 5
    assert int(general.debit.sum()) == int(general.credit.sum())
    if not fee:
        assert charged.empty
        return
    # A truck that was let in this evening is still being unloaded.
    decided = blind | set(charged.parent_document_id[charged.occurred_at > played.end - DAY])
    assert sorted(charged.parent_document_id) == sorted(decided)
    assert (charged.unit_price == fee).all()
    faults = played.faults("late_asn").set_index("fault_id")
    of_row = dict(played.lineage())
    assert (faults.loc[[of_row[e] for e in charged.event_id]].document_id.tolist() == charged.parent_document_id).all()
    assert general.credit[Account.CHARGEBACKS] == 7500 * len(charged)
    paying = played.of("paying")
    paid = int(np.rint(paying.quantity * paying.unit_price * 100).sum())
    settled = charged.correlation_id.isin(set(paying.correlation_id))
    assert settled.any()
    # Off the invoice, or in money where that was paid before the truck was let in.
    assert paid - int(settled.sum()) * 7500 == general.credit[Account.BANK] - general.debit[Account.BANK]
    assert general.balance(Account.SUPPLIER_CLAIMS) == 7500 * int((~settled).sum())
    assert (general.debit[Account.BANK] >= 7500) == (days > 0)


def test_so_many_invoices_are_wrong_as_configured_whatever_else_happens():
    room = RegionWorld(paying_config(error_rate=0.22), 1, 0).room
    counted, agreed = np.full(10, 50), np.full(10, 1234)
    wrong = whole = 0
    for purchase in range(20_000):
        units, cents = bill(room, purchase, counted, counted, agreed, np.full(10, 4))
        differs = (units != counted) | (cents != agreed)
        blocked = blocked_lines(Tolerance.of(room.config.finance), counted, units, agreed, cents)
        assert (blocked == differs).all(), "what a supplier gets wrong is out of tolerance"
        wrong += bool(differs.any())
        whole += bool(differs.all())
    assert abs(wrong / 20_000 - 0.22) < 0.01
    assert 0.85 < whole / wrong < 0.91


def test_terms_of_payment_belong_to_the_supplier():
    room = RegionWorld(paying_config(), 1, 0).room
    terms = [payment_term(room, supplier) for supplier in range(60)]
    assert set(terms) == {4 * DAY, 8 * DAY, 16 * DAY}


def test_an_over_delivery_past_tolerance_is_refused_at_the_dock():
    played = play(paying_config(receiving_variance=0.4))
    rows, advised = played.of("receiving"), played.of("advising").set_index("carton").quantity
    refused = rows[rows.status == STATUS["refused"]].set_index("carton")
    assert len(refused) > 3
    assert (refused.quantity > 0).all()
    taken = rows[(rows.status != STATUS["refused"]) & (rows.code == CODE["101"])].set_index("carton").quantity
    asked = advised.loc[taken.index]
    assert (taken <= np.floor(asked * 1.05 + 1e-9)).all()
    whole = refused[(taken.loc[refused.index] == advised.loc[refused.index]).to_numpy()]
    assert len(whole)
    faults = played.faults("receiving_variance")
    linked = {fault for event, fault in played.lineage() if event in set(refused.event_id)}
    right = faults[faults.fault_id.isin(linked) & (faults.units == 0)]
    assert len(right) == len(whole)
    assert (right.restored_at >= right.onset).all(), "a refusal in full leaves nothing to mend"
    open_ones = {fault for faults in played.exceptions("receiving_variance").faults for fault in faults}
    assert not open_ones & set(right.number)
